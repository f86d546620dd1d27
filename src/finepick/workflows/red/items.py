"""Where every edit stands: kept, rejected with a reason, or still open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from finepick.red.records import EditedPhoto, JudgeAnswer, Label, Source, Thought, Why
from finepick.red.rules import Rules, standing
from finepick.red.store import RedProject
from finepick.red.thoughts import Faulty

COUNTS = "counts"


@dataclass(frozen=True, slots=True)
class Panel:
    """Who judges: by name how often each is asked in each order; whether people are among them."""

    turns: Mapping[str, int]
    people: bool = False

    def planned(self, answers: Sequence[JudgeAnswer]) -> int:
        """How many answers there are to be about one edit that has *answers*; of people, as many as there are."""
        of_people = sum(one.is_of_person for one in answers)
        return sum(2 * turns for turns in self.turns.values()) + max(of_people, int(self.people))

    def heard(self, answers: Sequence[JudgeAnswer]) -> list[JudgeAnswer]:
        """Those of *answers* that count: of judges who are asked no longer they are kept, and not heard."""
        return [
            one
            for one in answers
            if self.turns.get(one.judge, 0) > one.asked.turn or (self.people and one.is_of_person)
        ]


@dataclass(frozen=True, slots=True)
class Item:
    """An edit, its source, what was answered, what that amounts to (None: still open), and the words."""

    source: Source
    edit: EditedPhoto
    answers: tuple[JudgeAnswer, ...]
    label: Label | Why | None
    thought: Thought | None = None
    why: Why | None = None
    detail: str = ""

    @property
    def is_kept(self) -> bool:
        return self.thought is not None

    @property
    def is_open(self) -> bool:
        return self.why is None and self.thought is None


def items_of(project: RedProject, panel: Panel, rules: Rules, writer: str) -> Iterator[Item]:
    """All edits that were tried, in order; the thoughts are those of *writer*."""
    sources = {source.id: source for source in project.sources()}
    thoughts = project.thoughts(writer)
    answered = project.answers()
    edit_of_answers, answers = next(answered, (-1, []))
    for edit in project.edits():
        while 0 <= edit_of_answers < edit.id:
            edit_of_answers, answers = next(answered, (-1, []))
        own = panel.heard(answers) if edit_of_answers == edit.id else []
        yield _item(sources[edit.source], edit, own, panel, rules, thoughts)


def counts_of(project: RedProject, items: Sequence[Item]) -> dict[str, int]:
    """How many sources and edits there are, and how many survived which stage."""
    sources = project.sources()
    made = [item for item in items if item.edit.why is None]
    return {
        "sources": len(sources),
        "sources used": sum(source.why is None for source in sources),
        "edits": len(items) + len(project.planned()),
        "edits made": len(made),
        "labelled": sum(isinstance(item.label, Label) for item in made),
        "kept": sum(item.is_kept for item in items),
        "open": sum(item.is_open for item in items) + len(project.planned()),
    }


def rejects_of(project: RedProject, items: Sequence[Item]) -> Counter[Why]:
    """How many sources and edits were rejected for what."""
    found = Counter(source.why for source in project.sources() if source.why is not None)
    found.update(item.why for item in items if item.why is not None)
    return found


def _item(
    source: Source,
    edit: EditedPhoto,
    answers: Sequence[JudgeAnswer],
    panel: Panel,
    rules: Rules,
    thoughts: Mapping[tuple[int, bool], Thought | Faulty],
) -> Item:
    if edit.why is not None:
        return Item(source, edit, (), None, why=edit.why, detail=edit.detail)
    label = standing(answers, panel.planned(answers), rules)
    if not isinstance(label, Label):
        detail = next((one.trouble for one in answers if one.verdict is None), "")
        return Item(source, edit, tuple(answers), label, why=label, detail=detail)
    thought = thoughts.get((edit.id, label.edit_is_better))
    if isinstance(thought, Faulty):
        return Item(source, edit, tuple(answers), label, why=thought.why, detail=thought.detail)
    return Item(source, edit, tuple(answers), label, thought)
