"""What is kept of a set of edited photos that are judged: sources, edits, answers, thoughts; why some were dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from finepick.chat.budget import Cost

STRONGEST = 3
PERSON = "person:"
"""What the names of people begin with, among judges."""


class Dimension(StrEnum):
    """In what pictures are better or worse. `FOCUS` is all that is technical: sharpness, noise, what codecs leave."""

    LIGHT = "light"
    COLOUR = "colour"
    COMPOSITION = "composition"
    FOCUS = "focus"
    SUBJECT = "subject"
    STORY = "story"


class Order(StrEnum):
    """Which of the two a judge sees first."""

    SOURCE_FIRST = "source first"
    EDIT_FIRST = "edit first"


class Choice(StrEnum):
    """What a judge says of the two as they are shown."""

    FIRST = "first"
    SECOND = "second"
    SIMILAR = "similar"


class Why(StrEnum):
    """Why a source or an edit is not in the data set; the words are for people."""

    # sources
    UNREADABLE = "it cannot be read"
    TOO_SMALL = "it is too small"
    # edits
    FAILED = "the edit failed"
    UNCHANGED = "the edit changes next to nothing"
    OTHER_SCENE = "the editor drew another scene"
    # judges
    UNANSWERED = "a judge gave no answer that can be used"
    INCOMPARABLE = "people say that it cannot be compared"
    TURNED_ROUND = "a judge says the opposite in the other order"
    DISPUTED = "judges contradict each other"
    UNSURE = "too few answers agree"
    SIMILAR = "the two are too alike to call"
    # thoughts
    NO_WORDS = "nothing can be said of it"
    LEAK = "the words tell the label, or that there is one"
    CONTRADICTION = "the words contradict the label"
    OFF_TOPIC = "the words are not of what was edited"


STAGES: Mapping[str, Sequence[Why]] = {
    "sources": (Why.UNREADABLE, Why.TOO_SMALL),
    "edits": (Why.FAILED, Why.UNCHANGED, Why.OTHER_SCENE),
    "judges": (
        Why.UNANSWERED,
        Why.INCOMPARABLE,
        Why.TURNED_ROUND,
        Why.DISPUTED,
        Why.UNSURE,
        Why.SIMILAR,
    ),
    "thoughts": (Why.NO_WORDS, Why.LEAK, Why.CONTRADICTION, Why.OFF_TOPIC),
}
"""The stages, in order, and what each rejects for."""


@dataclass(frozen=True, slots=True)
class Source:
    """A photo that is edited. picture: its file in the project's folder, as judges see it; None = rejected."""

    id: int
    path: str
    digest: str
    split: str
    picture: str | None
    why: Why | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NewEdit:
    """An edit of a source, as planned.

    editor: "controlled", or the name of a generative one. recipe: steps as `edits.recipes` writes them, or what a
    generative editor was told. chain: the same for edits that differ in strength alone.
    """

    source: int
    editor: str
    family: str
    name: str
    strength: float
    chain: str
    recipe: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class EditedPhoto:
    """An edit that was made: in words, and where its picture lies in the project's folder; None = rejected."""

    id: int
    source: int
    editor: str
    family: str
    name: str
    strength: float
    chain: str
    recipe: Sequence[Mapping[str, Any]]
    description: str
    picture: str | None
    why: Why | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge says of two pictures as shown. strength: 0 (similar) to 3. reasons: in which dimension why."""

    choice: Choice
    strength: int
    reasons: Mapping[Dimension, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= STRONGEST:
            raise ValueError(f"a strength lies from 0 to {STRONGEST}, not {self.strength}")
        if (self.choice is Choice.SIMILAR) != (self.strength == 0):
            raise ValueError(f"'{self.choice}' with a strength of {self.strength} contradicts itself")

    def for_edit(self, order: Order) -> int:
        """−3…3: how much better the edited picture is than its source, when they were shown in *order*."""
        if self.choice is Choice.SIMILAR:
            return 0
        return (
            self.strength
            if (self.choice is Choice.SECOND) == (order is Order.SOURCE_FIRST)
            else -self.strength
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to a judge: which edit, in which order, for the how-manieth time, from 0."""

    edit: int
    order: Order
    turn: int = 0


@dataclass(frozen=True, slots=True)
class JudgeAnswer:
    """What came of a question. verdict None: no answer that can be used, *trouble* says why; it is not asked again."""

    asked: Asked
    judge: str
    verdict: Verdict | None
    trouble: str = ""
    cost: Cost = field(default_factory=Cost)

    @property
    def is_of_person(self) -> bool:
        return self.judge.startswith(PERSON)


@dataclass(frozen=True, slots=True)
class Label:
    """What the answers amount to.

    difference: in [−1, 1], the mean signed strength over 3; above 0 the edited picture is better. agreement: the
    share of answers on that side. answers: how many there were.
    """

    difference: float
    agreement: float
    answers: int

    @property
    def edit_is_better(self) -> bool:
        return self.difference > 0


@dataclass(frozen=True, slots=True)
class Thought:
    """How each of the two differs from the other, in words.

    of_edit, of_source: each said of that picture, the other one called "the other". text: the first in one
    sentence. kind: "template" (of measured differences), "model" (a judge wrote it) or "people".
    """

    of_edit: str
    of_source: str
    text: str
    kind: str
    dimensions: tuple[Dimension, ...] = ()
