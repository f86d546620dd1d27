"""Which edits a photo gets: of every family in turn, each at several strengths, with one draw of chance a chain."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np

from finepick.edits.base import Edit, Family
from finepick.edits.catalogue import EDITS
from finepick.edits.recipes import Step, entries_of
from finepick.errors import UsageError
from finepick.red.records import NewEdit

CONTROLLED = "controlled"
WEAKEST = 0.15
"""Below that hardly any edit can be seen; judges would be asked for nothing."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """What a generative editor is told, and the family of controlled edits that it is most like."""

    family: str
    text: str


@lru_cache(1)
def instructions() -> tuple[Instruction, ...]:
    """Those in `instructions.txt`: a family, then the words, a line each."""
    text = resources.files("finepick.red").joinpath("instructions.txt").read_text(encoding="utf-8")
    return tuple(Instruction(*line.split(": ", 1)) for line in text.splitlines() if line)


def chosen_edits(words: Sequence[str]) -> tuple[Edit, ...]:
    """The controlled edits that *words* (names of edits or families; none = all) mean. Raises UsageError."""
    for word in words:
        if not any(word in (edit.name, edit.family.value) for edit in EDITS):
            families = ", ".join(Family)
            raise UsageError(f"'{word}' is neither a family ({families}) nor an edit (finepick edit --list)")
    return tuple(edit for edit in EDITS if not words or edit.name in words or edit.family.value in words)


def plan_edits(
    source: int, digest: str, edits: Sequence[Edit], *, count: int, steps: int, seed: int
) -> list[NewEdit]:
    """*count* of *edits* for a source (its id, its digest), each at *steps* strengths; the same for the same photo.

    Families come in turn, so that none is rare because it has few edits. A larger *count* begins with the same.
    """
    chance = _chance(f"{seed} {digest}")
    by_family: dict[str, list[Edit]] = {}
    for place in chance.permutation(len(edits)):
        by_family.setdefault(edits[int(place)].family, []).append(edits[int(place)])
    rounds = max(map(len, by_family.values()), default=0)
    in_turn = [own[turn] for turn in range(rounds) for own in by_family.values() if turn < len(own)]
    planned = []
    for edit in in_turn[:count]:
        drawn = _seed(f"{seed} {digest} {edit.name}")
        for strength in _strengths(steps, drawn):
            recipe = entries_of([Step(edit.name, strength, drawn)])
            chain = f"{digest[:16]}-{edit.name}"
            planned.append(NewEdit(source, CONTROLLED, edit.family, edit.name, strength, chain, recipe))
    return planned


def plan_generated(
    source: int, digest: str, editor: str, *, count: int, steps: int, seed: int
) -> list[NewEdit]:
    """*count* instructions to the generative *editor* for a source, each at *steps* strengths."""
    known = instructions()
    planned = []
    for place in _chance(f"{seed} {digest} {editor}").permutation(len(known))[:count]:
        told = known[int(place)]
        drawn = _seed(f"{seed} {digest} {editor} {told.text}")
        for strength in _strengths(steps, drawn):
            recipe = [{"editor": editor, "instruction": told.text, "strength": strength, "seed": drawn}]
            chain = f"{digest[:16]}-{editor}-{place}"
            planned.append(NewEdit(source, editor, told.family, told.text, strength, chain, recipe))
    return planned


def _strengths(steps: int, drawn: int) -> list[float]:
    """Rising, one in each of *steps* equal parts of the room."""
    width = (1 - WEAKEST) / steps
    places = WEAKEST + (np.arange(steps) + np.random.default_rng([drawn, 1]).random(steps)) * width
    return [float(place) for place in np.round(places, 3)]


def _seed(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6])


def _chance(text: str) -> np.random.Generator:
    return np.random.default_rng(_seed(text))
