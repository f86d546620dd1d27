"""How two pictures differ, in words: written by template from what is known and measured, checked whoever wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from finepick.explanations.reasons import Finding
from finepick.red.records import Dimension, Thought, Why
from finepick.red.words import DIMENSION_OF, topics_of, words_of_edit
from finepick.training.captions import leak_in
from finepick.training.texts import clause_of
from finepick.training.wording import clauses_of, goodness_of

TEMPLATE = "template"
MOST_WORDS = 140

_MOST_SUPPORTING = 3
_RED_LEAKS = (
    (
        "it speaks of the edit",
        re.compile(
            r"\b(?:edit(?:ed|s|ing)?|retouch\w*|original|unedited|manipulat\w+|source|filters?)\b", re.I
        ),
    ),
    (
        "it speaks of the label",
        re.compile(
            r"\b(?:labels?|labelled|ground truth|judges?|told|instructed|verdicts?|scores?|as (?:stated|given))\b"
            r"|\d\s*/\s*\d|[+−-]\d*\.\d+",
            re.I,
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Faulty:
    """A thought that cannot be learned from, why, and what was found in it."""

    why: Why
    detail: str


def thought_by_template(
    name: str,
    strength: float,
    of_edit: Sequence[Finding],
    of_source: Sequence[Finding],
    *,
    edit_is_better: bool,
) -> Thought | Faulty:
    """What edit *name* is known to do, and what was measured: findings of each against the other, strongest first.

    What speaks for the label comes first, strongest first; of what speaks against it, only less is said.
    """
    known = words_of_edit(name, strength)
    new = [one for one in of_edit if known is None or not _is_said(one, known.of_edit)]
    supporting = [one for one in new if one.is_better == edit_is_better][:_MOST_SUPPORTING]
    if known is None and not supporting:
        return Faulty(Why.NO_WORDS, "nothing that was measured speaks for the label")
    opposing = [one for one in new if one.is_better != edit_is_better][: max(0, len(supporting) - 1)]
    said = {one.attribute for one in (*supporting, *opposing)}
    turned = [one for one in of_source if one.attribute in said]
    first = [] if known is None else [(known.dimension, known.of_edit)]
    first_turned = [] if known is None else [(known.dimension, known.of_source)]
    sentence = [words for _, words in first]
    sentence += [
        clause_of(one)
        for one in supporting
        if known is None or DIMENSION_OF[one.attribute] is not known.dimension
    ]
    return Thought(
        of_edit=_paragraph([*first, *_parts((*supporting, *opposing))]),
        of_source=_paragraph([*first_turned, *_parts(_in_order(turned, (*supporting, *opposing)))]),
        text=_capital(", ".join(sentence[:2])) + ".",
        kind=TEMPLATE,
        dimensions=tuple(dict.fromkeys(dimension for dimension, _ in [*first, *_parts(supporting)])),
    )


def fault_of_thought(thought: Thought, family: str, name: str, *, edit_is_better: bool) -> Faulty | None:
    """Why *thought* cannot be learned from, or None where it can. Simple checks, no understanding."""
    for text, is_better in (
        (thought.of_edit, edit_is_better),
        (thought.of_source, not edit_is_better),
        (thought.text, edit_is_better),
    ):
        if not text.strip():
            return Faulty(Why.NO_WORDS, "it is empty")
        if len(text.split()) > MOST_WORDS:
            return Faulty(Why.NO_WORDS, f"it has {len(text.split())} words, more than {MOST_WORDS}")
        leak = leak_in(text) or _red_leak(text)
        if leak is not None:
            return Faulty(Why.LEAK, leak)
        if _contradicts(text, is_better=is_better):
            return Faulty(Why.CONTRADICTION, f"it speaks {'against' if is_better else 'for'} it: {text}")
    if not topics_of(family, name) & set(thought.dimensions):
        topics = ", ".join(sorted(topics_of(family, name)))
        return Faulty(Why.OFF_TOPIC, f"of {', '.join(thought.dimensions) or 'nothing'}, not of {topics}")
    return None


def _contradicts(text: str, *, is_better: bool) -> bool:
    """Whether the first thing that *text* says of good and bad, or all of it together, says the opposite."""
    sides = [side if is_better else -side for side in map(goodness_of, clauses_of(text)) if side]
    return bool(sides) and (sides[0] < 0 or sum(sides) < 0)


def _red_leak(text: str) -> str | None:
    for what, pattern in _RED_LEAKS:
        if found := pattern.search(text):
            return f"{what}: '{found[0]}'"
    return None


def _is_said(finding: Finding, words: str) -> bool:
    """Whether *words* say already what *finding* says in short, but for the degree."""
    clause = clause_of(finding).removeprefix("slightly ").removeprefix("far ")
    return " " in clause and clause in words


def _parts(findings: Iterable[Finding]) -> list[tuple[Dimension, str]]:
    return [(DIMENSION_OF[one.attribute], one.text) for one in findings]


def _in_order(findings: Sequence[Finding], like: Sequence[Finding]) -> list[Finding]:
    place = {one.attribute: number for number, one in enumerate(like)}
    return sorted(findings, key=lambda one: place[one.attribute])


def _paragraph(parts: Sequence[tuple[Dimension, str]]) -> str:
    """A sentence a dimension: "Light: far darker; half a stop darker. Focus: …"."""
    by_dimension: dict[Dimension, list[str]] = {}
    for dimension, words in parts:
        by_dimension.setdefault(dimension, []).append(words)
    return " ".join(f"{_capital(name)}: {'; '.join(words)}." for name, words in by_dimension.items())


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
