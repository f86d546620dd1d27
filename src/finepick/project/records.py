"""What a project holds, as values: series, their members, people, answers, the plan of a round, the history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What a person said of two photos; "bad": the pair cannot be compared."""

    FIRST = "first"
    SECOND = "second"
    TIE = "tie"
    BAD = "bad"

    @property
    def turned(self) -> Outcome:
        """The same answer with the two photos in the other order."""
        return {Outcome.FIRST: Outcome.SECOND, Outcome.SECOND: Outcome.FIRST}.get(self, self)


COUNTED: Mapping[Outcome, int] = {Outcome.FIRST: 1, Outcome.TIE: 0, Outcome.SECOND: -1}
"""As `preferences` counts them; a pair that cannot be compared says nothing."""


class Kind(StrEnum):
    """Why a pair was asked; "import": it was answered elsewhere."""

    NEW = "new"
    REPEAT = "repeat"
    GOLD = "gold"
    IMPORT = "import"


class Role(StrEnum):
    """ "elsewhere": somebody whose answers were imported, and who has no link of their own."""

    OWNER = "owner"
    ANNOTATOR = "annotator"
    ELSEWHERE = "elsewhere"


IN = "in"
"""The state of a photo that takes part; any other state is the reason why it does not."""


@dataclass(frozen=True, slots=True)
class NewPhoto:
    """A photo to be added to a series.

    `name` is what it is called inside its series. `path` is None for a photo of which only answers are known;
    `digest` is then None, too. `size` and `mtime_ns` are those of the file whose bytes have that digest.
    """

    name: str
    path: str | None = None
    digest: str | None = None
    size: int = 0
    mtime_ns: int = 0


@dataclass(frozen=True, slots=True)
class NewSeries:
    """A series to be added; `others` is kept as it is, for the way out again."""

    name: str
    photos: tuple[NewPhoto, ...]
    category: str = ""
    split: str = ""
    prompt: str = ""
    others: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Member:
    """A photo's part in a series. `path` is where the photo lay when it was last found; None: nowhere here."""

    id: int
    series: int
    photo: int
    place: int
    name: str
    state: str
    digest: str | None
    path: str | None

    @property
    def is_in(self) -> bool:
        return self.state == IN


@dataclass(frozen=True, slots=True)
class ProjectSeries:
    """A series of the project, its members in order, those that were left out among them."""

    id: int
    name: str
    category: str
    split: str
    prompt: str
    others: Mapping[str, Any]
    members: tuple[Member, ...]

    @property
    def taking_part(self) -> tuple[Member, ...]:
        return tuple(member for member in self.members if member.is_in)


@dataclass(frozen=True, slots=True)
class Annotator:
    """Somebody who answers. `revoked_at`: seconds since 1970 from which their link is no longer taken."""

    id: int
    name: str
    role: Role
    revoked_at: int | None = None


@dataclass(frozen=True, slots=True)
class NewAnswer:
    """An answer on its way into the project.

    `client_id` is made by whoever asks, once for each answer: the same one twice is the same answer.
    `first` and `second` are members of *series*; `left` is the one that was shown on the left, None where
    nobody knows. `chips` and `sentence` say how the preferred photo differs. `replaces` is the `client_id` of
    an earlier answer of the same person that this one corrects. `seconds`: how long it took, without pauses.
    `weight`: how many answers this one counts for.
    """

    client_id: str
    annotator: int
    series: int
    first: int
    second: int
    outcome: Outcome
    kind: Kind = Kind.NEW
    left: int | None = None
    chips: tuple[str, ...] = ()
    sentence: str = ""
    seconds: float | None = None
    answered_at: int | None = None
    replaces: str | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it stands in the project: `first` < `second`, times in milliseconds since 1970."""

    id: int
    client_id: str
    annotator: int
    series: int
    first: int
    second: int
    outcome: Outcome
    kind: Kind
    left: int | None
    chips: tuple[str, ...]
    sentence: str
    seconds: float | None
    answered_at: int | None
    received_at: int
    replaces: str | None
    weight: float


@dataclass(frozen=True, slots=True)
class GoldPair:
    """A pair whose answer is known; `first` < `second`."""

    series: int
    first: int
    second: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the history: who changed what from what to what; `undoes` names the event it takes back."""

    id: int
    at: int
    by: str
    kind: str
    member: int | None
    before: str | None
    after: str | None
    undoes: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """How a round is asked.

    `policy`: what decides on the next pair. `votes`: how many people a pair of a series is meant for; a series
    of n photos asks votes · min(n(n−1)/2, ⌈n·log₂ n⌉) answers, of one person at most a `votes`-th of that.
    `gold_share`, `repeat_share`: how many of a person's pairs are checks. `chips`: ask for reasons.
    `sentence`: offer a line for words. `question`: what is asked, above the photos.
    """

    policy: str = "information"
    votes: int = 3
    gold_share: float = 0.05
    repeat_share: float = 0.05
    chips: bool = True
    sentence: bool = True
    question: str = "Which one is better?"
