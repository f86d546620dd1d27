"""What the owner of a project wants to see at a glance: how steady everybody is, and how far they agree."""

from __future__ import annotations

import threading
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from finepick.project.records import Annotator, Answer, Kind, Outcome
from finepick.project.store import LATE_IDS, Project

_Pair = tuple[int, int]
_Key = tuple[int, str]
"""Who gave an answer, and the name the page made for it."""


@dataclass(frozen=True, slots=True)
class Share:
    """*right* of *count*."""

    right: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class PersonSoFar:
    """One person: `answers` in force, `with_others` decided as most others did on the same pairs, `steady` on
    pairs that came back, `gold` on pairs whose answer is known; seconds a pair (median), last answer (ms)."""

    person: Annotator
    answers: int
    with_others: Share
    steady: Share
    gold: Share
    left_chosen: Share
    seconds: float | None
    last_at: int | None


@dataclass(slots=True)
class _Account:
    """Of one person: how often what was right, of how many; seconds in order; when they answered last."""

    right: Counter[str] = field(default_factory=Counter)
    count: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    last_at: int = 0

    def note(self, answer: Answer) -> None:
        """When and how fast *answer* came."""
        self.last_at = max(self.last_at, answer.received_at)
        if answer.seconds is not None:
            insort(self.seconds, answer.seconds)

    def share(self, what: str) -> Share:
        return Share(self.right[what], self.count[what])


class Overview:
    """Everybody who takes part in *project*, so far: each answer is read once, whenever it is asked.

    What somebody says of a pair changes what is counted of everybody on it, so pairs with new answers are counted
    anew, and no others. Safe to share between threads.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._lock = threading.Lock()
        self._shape: object = None
        self._forget()

    def people(self) -> list[PersonSoFar]:
        """Everybody, in the order in which they came."""
        with self._lock:
            self._catch_up()
            return [self._so_far(person) for person in self._project.annotators()]

    def _forget(self) -> None:
        self._last = 0
        self._known: set[int] = set()
        self._replaced: set[_Key] = set()
        self._pair_of: dict[_Key, _Pair] = {}
        self._pairs: defaultdict[_Pair, dict[_Key, Answer]] = defaultdict(dict)
        self._accounts: defaultdict[int, _Account] = defaultdict(_Account)
        self._gold = {(pair.first, pair.second): pair.outcome for pair in self._project.gold()}

    def _catch_up(self) -> None:
        state = self._project.state()
        if state.shape != self._shape:  # gold pairs may be others
            self._forget()
            self._shape = state.shape
        if state.last_answer <= self._last:
            return
        late = self._project.answers(after=max(0, self._last - LATE_IDS))
        new = [answer for answer in late if answer.id not in self._known]
        self._known.update(answer.id for answer in new)
        self._last = max([self._last, *(answer.id for answer in new)])
        for answer in new:
            self._pair_of[answer.annotator, answer.client_id] = (answer.first, answer.second)
        replaced = {(answer.annotator, answer.replaces) for answer in new if answer.replaces is not None}
        self._replaced |= replaced
        self._change(new, [key for key in replaced if key in self._pair_of])

    def _change(self, new: Sequence[Answer], replaced: Sequence[_Key]) -> None:
        """Take in *new* answers, let those that they have *replaced* go, and count their pairs anew."""
        touched = {(answer.first, answer.second) for answer in new} | {self._pair_of[key] for key in replaced}
        for pair in touched:
            self._count(pair, -1)
        for answer in new:
            key = (answer.annotator, answer.client_id)
            if key not in self._replaced:
                self._pairs[answer.first, answer.second][key] = answer
                self._accounts[answer.annotator].note(answer)
        for key in replaced:
            gone = self._pairs[self._pair_of[key]].pop(key, None)
            if gone is not None and gone.seconds is not None:
                self._accounts[gone.annotator].seconds.remove(gone.seconds)
        for pair in touched:
            self._count(pair, 1)

    def _count(self, pair: _Pair, times: int) -> None:
        """Add what the answers about *pair* show of the people, *times* (1 or −1)."""
        answers = self._pairs[pair].values()
        everybody, own = Counter[Outcome](), defaultdict[int, Counter[Outcome]](Counter)
        for answer in answers:
            if answer.kind is not Kind.REPEAT:
                everybody[answer.outcome] += 1
                own[answer.annotator][answer.outcome] += 1
        before: dict[int, Outcome] = {}
        for answer in answers:
            who = answer.annotator
            balance = sum(
                sign * (everybody[outcome] - own[who][outcome])
                for outcome, sign in ((Outcome.FIRST, 1), (Outcome.SECOND, -1))
            )
            account = self._accounts[who]
            for what, is_right in _told(answer, balance, before.get(who), self._gold.get(pair)):
                account.count[what] += times
                account.right[what] += times * is_right
            before.setdefault(who, answer.outcome)

    def _so_far(self, person: Annotator) -> PersonSoFar:
        account = self._accounts[person.id]
        seconds = account.seconds
        return PersonSoFar(
            person,
            account.count["answers"],
            account.share("others"),
            account.share("steady"),
            account.share("gold"),
            account.share("left"),
            seconds[len(seconds) // 2] if seconds else None,
            account.last_at or None,
        )


def _told(
    answer: Answer, balance: int, before: Outcome | None, gold: Outcome | None
) -> Iterator[tuple[str, bool]]:
    """What one answer shows: in which respect, and whether it was right.

    balance: by how many more others prefer the first photo. before: what the person said of the pair before.
    """
    is_decided = answer.outcome in (Outcome.FIRST, Outcome.SECOND)
    yield "answers", True
    if answer.left is not None and is_decided:
        yield "left", (answer.left == answer.first) == (answer.outcome is Outcome.FIRST)
    if before is not None:
        yield "steady", answer.outcome is before
        return
    if gold is not None:
        yield "gold", answer.outcome is gold
    if is_decided and balance:
        yield "others", (answer.outcome is Outcome.FIRST) == (balance > 0)
