"""Who is asked what next: a project's answers in memory, and the choice of the pairs of a round."""

from __future__ import annotations

import math
import random
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from finepick.errors import UsageError
from finepick.preferences.answers import Answers
from finepick.preferences.next_pair import POLICIES, SeriesState, pair_number, pair_values, pairs_of
from finepick.project.records import COUNTED, Answer, Kind, Member, NewAnswer, Outcome, Plan, ProjectSeries
from finepick.project.store import LATE_IDS, Clock, Project

Pair = tuple[int, int]
"""Two members of one series, the lower id first."""

REPEAT_DISTANCE = 10
"""So many other pairs lie at least between a pair and its repetition."""

HANDED_SECONDS = 120.0
"""For so long a pair that somebody has been given counts as about to be answered, and what it will tell is known."""

LOOK_SECONDS = 2.0
"""How often the database is asked whether another process has added something."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A pair to be shown: members of *series*, on which side each."""

    series: int
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer that cannot be kept, and why."""

    client_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as the page sends it, by side: "left", "right", "tie" or "bad"."""

    client_id: str
    series: int
    left: int
    right: int
    choice: str
    chips: tuple[str, ...] = ()
    sentence: str = ""
    seconds: float | None = None
    answered_at: int | None = None
    replaces: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a person is in the round: pairs answered and to be answered in all, series done of how many."""

    answered: int
    total: int
    series_done: int
    series: int


@dataclass(slots=True)
class _Table:
    """One series: photos that take part, answers in force, who gave them, what they tell (None: to be found anew).

    handed: until when the pair that somebody was given counts as about to be answered.
    """

    series: ProjectSeries
    places: Mapping[int, int]
    budget: float
    sheet: int
    answers: dict[tuple[int, str], Answer] = field(default_factory=dict)
    people: Counter[int] = field(default_factory=Counter)
    weight: float = 0.0
    known: SeriesState | None = None
    handed: dict[tuple[int, Pair], float] = field(default_factory=dict)

    @property
    def is_settled(self) -> bool:
        return self.weight >= self.budget


@dataclass(slots=True)
class _Person:
    """One annotator: the pairs they have answered, how often each, and in what order."""

    times: Counter[Pair] = field(default_factory=Counter)
    per_series: Counter[int] = field(default_factory=Counter)
    trail: list[tuple[int, Pair]] = field(default_factory=list)
    current: int | None = None


class Desk:
    """Chooses pairs and keeps answers; safe to share between threads. Several may work on one database.

    Args:
        chance: what draws sides, checks and ties; a seeded one makes a round repeatable.
    """

    def __init__(
        self, project: Project, *, chance: random.Random | None = None, clock: Clock = time.monotonic
    ) -> None:
        self._project = project
        self._chance = chance or random.SystemRandom()
        self._rng = np.random.default_rng(self._chance.getrandbits(64))
        self._clock = clock
        self._lock = threading.RLock()
        self._looked_at = -math.inf
        self._state: object = None
        self._last = 0
        self._load()

    @property
    def plan(self) -> Plan:
        return self._plan

    # Asking

    def next_pairs(self, annotator: int, count: int, held: Collection[Pair] = ()) -> list[Asked]:
        """Up to *count* pairs for *annotator*, who has *held* pairs before them still; none: the round is done.

        No pair comes twice to one person, except those that are meant to check how steady they are.
        """
        with self._lock:
            self._look()
            taken = {_ordered(*pair) for pair in held}
            asked: list[Asked] = []
            while len(asked) < count:
                found = self._next_pair(annotator, taken)
                if found is None:
                    break
                series, pair = found
                taken.add(pair)
                asked.append(self._with_sides(annotator, series, pair))
                self._tables[series].handed[annotator, pair] = self._clock() + HANDED_SECONDS
            return asked

    def progress(self, annotator: int) -> Progress:
        """Where *annotator* is in the round."""
        with self._lock:
            self._look()
            person = self._person(annotator)
            begun = [table for number in person.per_series if (table := self._open.get(number)) is not None]
            left = [self._left(person, table) for table in begun]
            untouched = self._open_sheets - sum(table.sheet for table in begun)
            answered = sum(person.times.values())
            done = len(self._tables) - len(self._open) + sum(not each for each in left)
            return Progress(answered, answered + untouched + sum(left), done, len(self._tables))

    def _next_pair(self, annotator: int, taken: set[Pair]) -> tuple[int, Pair] | None:
        person = self._person(annotator)
        check = self._check(person, taken)
        if check is not None:
            return check
        for table in self._tables_for(annotator, person, taken):
            pair = self._best_pair(person, table, taken)
            if pair is not None:
                person.current = table.series.id
                return table.series.id, pair
        return None

    def _check(self, person: _Person, taken: set[Pair]) -> tuple[int, Pair] | None:
        """Now and then a pair whose answer is known, or one that the person has answered before."""
        draw = self._chance.random()
        if draw < self._plan.gold_share:
            open_gold = [
                (series, pair)
                for pair, series in self._gold.items()
                if pair not in taken and not person.times[pair] and self._takes_part(series, pair)
            ]
            return self._chance.choice(open_gold) if open_gold else None
        if draw < self._plan.gold_share + self._plan.repeat_share:
            recent = {pair for _, pair in person.trail[-REPEAT_DISTANCE:]}
            old = [
                (series, pair)
                for series, pair in person.trail[:-REPEAT_DISTANCE]
                if person.times[pair] == 1
                and pair not in taken
                and pair not in recent
                and self._takes_part(series, pair)
            ]
            return self._chance.choice(old) if old else None
        return None

    def _tables_for(self, annotator: int, person: _Person, taken: set[Pair]) -> Iterator[_Table]:
        """Series with something to do for *person*: first the one they are at, then those that lack most."""
        current = self._tables.get(person.current) if person.current is not None else None
        if current is not None:
            yield current
        visitors = Counter(
            other.current for number, other in self._people.items() if number != annotator and other.current
        )
        rest = [table for table in self._open.values() if table is not current]
        weighed = [
            (
                (table.weight + visitors[table.series.id] * table.sheet) / table.budget,
                self._chance.random(),
                table,
            )
            for table in rest
        ]
        for _, _, table in sorted(weighed, key=lambda entry: entry[:2]):
            yield table

    def _best_pair(self, person: _Person, table: _Table, taken: set[Pair]) -> Pair | None:
        """The pair of *table* that is worth most among those that *person* has neither answered nor been given."""
        on_its_way = sum(pair[0] in table.places and not person.times[pair] for pair in taken)
        if self._left(person, table) <= on_its_way:
            return None
        state = self._state_of(table)
        # without a chain of answers between any two there is no scale, so that comes first, whatever the policy
        values = pair_values(state, POLICIES[self._plan.policy], self._rng) + state.joining()
        ids = list(table.places)
        best_first = np.argsort(-values, kind="stable")
        first, second = (photos[best_first] for photos in pairs_of(len(ids)))
        pairs = (_ordered(ids[a], ids[b]) for a, b in zip(first.tolist(), second.tolist(), strict=True))
        return next((pair for pair in pairs if pair not in taken and not person.times[pair]), None)

    def _state_of(self, table: _Table) -> SeriesState:
        """What the answers about *table* tell, and which of its pairs are about to be answered."""
        places, now = table.places, self._clock()
        if table.known is None:
            table.known = SeriesState.of(len(places), _told(table))
        table.handed = {key: until for key, until in table.handed.items() if until >= now}
        pending = (
            pair_number(len(places), places[pair[0]], places[pair[1]])
            for _, pair in table.handed
            if all(member in places for member in pair)
        )
        return replace(table.known, pending=tuple(pending))

    def _left(self, person: _Person, table: _Table) -> int:
        """How many more pairs of the series the person may be asked in this round."""
        if table.is_settled:
            return 0
        return max(0, table.sheet - person.per_series[table.series.id])

    def _with_sides(self, annotator: int, series: int, pair: Pair) -> Asked:
        """Sides by chance; a pair that comes back to a person comes with its sides changed."""
        before = self._sides.get((annotator, pair))
        left, right = pair if self._chance.random() < 0.5 else (pair[1], pair[0])
        if before is not None and before == left:
            left, right = right, left
        return Asked(series, left, right)

    def _takes_part(self, series: int, pair: Pair) -> bool:
        table = self._tables.get(series)
        return table is not None and all(member in table.places for member in pair)

    # Answers

    def record(self, annotator: int, given: Sequence[Given]) -> tuple[list[str], list[Refused]]:
        """Keep the answers of *annotator*: the ids of those that are on the disk now, and what was refused."""
        good, refused = self.check(annotator, given)
        receipts = self._project.record(good)
        self.note(good, [receipt.id for receipt in receipts])
        return [receipt.client_id for receipt in receipts], refused

    def check(self, annotator: int, given: Sequence[Given]) -> tuple[list[NewAnswer], list[Refused]]:
        """*given* as answers for `Project.record`, and those that are about no pair of this project."""
        good, refused = [], []
        with self._lock:
            person = self._person(annotator)
            for one in given:
                known = self._series_of(one.left) == self._series_of(one.right) == one.series
                if not known or one.left == one.right:
                    refused.append(Refused(one.client_id, "there is no such pair in this project"))
                elif one.choice not in _OUTCOMES:
                    refused.append(Refused(one.client_id, f"'{one.choice}' is no answer"))
                else:
                    good.append(self._new_answer(annotator, person, one))
        return good, refused

    def _new_answer(self, annotator: int, person: _Person, one: Given) -> NewAnswer:
        pair = _ordered(one.left, one.right)
        kind = Kind.NEW
        if pair in self._gold:
            kind = Kind.GOLD
        elif person.times[pair] and one.replaces is None:
            kind = Kind.REPEAT
        return NewAnswer(
            client_id=one.client_id,
            annotator=annotator,
            series=one.series,
            first=one.left,
            second=one.right,
            outcome=_OUTCOMES[one.choice],
            kind=kind,
            left=one.left,
            chips=one.chips,
            sentence=one.sentence,
            seconds=one.seconds,
            answered_at=one.answered_at,
            replaces=one.replaces,
        )

    def note(self, answers: Sequence[NewAnswer], ids: Sequence[int]) -> None:
        """Take *answers*, which the database has under *ids*, into account from now on."""
        with self._lock:
            for new, number in zip(answers, ids, strict=True):
                first, second = _ordered(new.first, new.second)
                outcome = new.outcome if first == new.first else new.outcome.turned
                self._take_in(
                    Answer(
                        number,
                        new.client_id,
                        new.annotator,
                        new.series,
                        first,
                        second,
                        outcome,
                        new.kind,
                        new.left,
                        new.chips,
                        new.sentence,
                        new.seconds,
                        new.answered_at,
                        0,
                        new.replaces,
                        new.weight,
                    )
                )

    def _take_in(self, answer: Answer) -> None:
        if answer.id in self._known:
            return
        self._known.add(answer.id)
        self._last = max(self._last, answer.id)
        if answer.replaces is not None:
            self._replaced.add((answer.annotator, answer.replaces))
            self._take_out(answer.series, (answer.annotator, answer.replaces))
        key = (answer.annotator, answer.client_id)
        table = self._tables.get(answer.series)
        if key in self._replaced or table is None:
            return
        table.answers[key] = answer
        table.people[answer.annotator] += 1
        self._weigh(table, answer.weight)
        person, pair = self._person(answer.annotator), (answer.first, answer.second)
        table.handed.pop((answer.annotator, pair), None)
        person.times[pair] += 1
        if person.times[pair] == 1:
            person.per_series[answer.series] += 1
        person.trail.append((answer.series, pair))
        if answer.left is not None:
            self._sides[answer.annotator, pair] = answer.left

    def _take_out(self, series: int, key: tuple[int, str]) -> None:
        table = self._tables.get(series)
        old = table.answers.pop(key, None) if table is not None else None
        if table is None or old is None:
            return
        table.people[old.annotator] -= 1
        self._weigh(table, -old.weight)
        person, pair = self._person(old.annotator), (old.first, old.second)
        person.times[pair] -= 1
        if not person.times[pair]:
            person.per_series[series] -= 1

    def _weigh(self, table: _Table, more: float) -> None:
        """Add an answer's weight to *table*, or take it away, and see whether the series is open still."""
        table.weight += more
        table.known = None
        number = table.series.id
        if table.is_settled and self._open.pop(number, None) is not None:
            self._open_sheets -= table.sheet
        elif not table.is_settled and number not in self._open:
            self._open[number] = table
            self._open_sheets += table.sheet

    def recent(self, annotator: int, count: int) -> list[Answer]:
        """The last answers in force of *annotator*, newest first."""
        with self._lock:
            own = [
                answer
                for table in self._tables.values()
                for answer in table.answers.values()
                if answer.annotator == annotator
            ]
        return sorted(own, key=lambda answer: -answer.id)[:count]

    def member(self, number: int) -> Member | None:
        """The photo *number*, whether it takes part or not; None where there is none."""
        with self._lock:
            self._look()
            return self._members.get(number)

    def _series_of(self, member: int) -> int | None:
        found = self._members.get(member)
        return None if found is None else found.series

    def standing(self) -> list[dict[str, Any]]:
        """For the owner: how far every series is."""
        with self._lock:
            self._look()
            return [
                {
                    "id": table.series.id,
                    "name": table.series.name,
                    "photos": len(table.places),
                    "answers": round(table.weight, 3),
                    "budget": table.budget,
                    "people": sum(count > 0 for count in table.people.values()),
                }
                for table in self._tables.values()
            ]

    def counts(self) -> Counter[int]:
        """How many answers in force everybody has given, by annotator."""
        with self._lock:
            return Counter({number: sum(person.times.values()) for number, person in self._people.items()})

    def _person(self, annotator: int) -> _Person:
        return self._people.setdefault(annotator, _Person())

    # The database behind it

    def _look(self) -> None:
        """Take in what other processes have added, at most every two seconds."""
        if self._clock() - self._looked_at < LOOK_SECONDS:
            return
        state = self._project.state()
        if state.shape != self._state:
            self._load()
        elif state.last_answer > self._last:
            for answer in self._project.answers(after=max(0, self._last - LATE_IDS)):
                self._take_in(answer)
        self._looked_at = self._clock()

    def _load(self) -> None:
        """Read everything; as at the beginning, and where series, plan or photos have changed."""
        with self._lock:
            self._state = self._project.state().shape
            self._plan = self._project.plan
            if self._plan.policy not in POLICIES:
                raise UsageError(f"there is no policy '{self._plan.policy}'; there are {', '.join(POLICIES)}")
            self._tables: dict[int, _Table] = {}
            self._members: dict[int, Member] = {}
            for series in self._project.series():
                self._members.update((member.id, member) for member in series.members)
                # a photo of which there is no file here cannot be shown
                taking_part = [member for member in series.taking_part if member.path is not None]
                if len(taking_part) > 1:
                    places = {member.id: place for place, member in enumerate(taking_part)}
                    sheet = sheet_of(len(places))
                    self._tables[series.id] = _Table(series, places, float(self._plan.votes * sheet), sheet)
            self._open = {number: table for number, table in self._tables.items() if not table.is_settled}
            self._open_sheets = sum(table.sheet for table in self._open.values())
            self._gold = {(pair.first, pair.second): pair.series for pair in self._project.gold()}
            currents = {number: person.current for number, person in getattr(self, "_people", {}).items()}
            self._people: dict[int, _Person] = {
                number: _Person(current=current) for number, current in currents.items()
            }
            self._known: set[int] = set()
            self._last = 0
            self._replaced: set[tuple[int, str]] = set()
            self._sides: dict[tuple[int, Pair], int] = {}
            for answer in self._project.answers():
                self._take_in(answer)
            self._looked_at = self._clock()


_OUTCOMES = {"left": Outcome.FIRST, "right": Outcome.SECOND, "tie": Outcome.TIE, "bad": Outcome.BAD}


def sheet_of(count: int) -> int:
    """How many pairs of a series of *count* photos one person answers: all, or n·log₂ n where that is less."""
    return min(count * (count - 1) // 2, math.ceil(count * math.log2(max(count, 2))))


def _told(table: _Table) -> Answers:
    """The answers in force about photos of *table* that take part, by their places."""
    places = table.places
    rows = [
        (places[answer.first], places[answer.second], COUNTED[answer.outcome], answer.weight)
        for answer in table.answers.values()
        if answer.outcome in COUNTED and answer.first in places and answer.second in places
    ]
    if not rows:
        return Answers.none()
    first, second, outcomes, weights = zip(*rows, strict=True)
    return Answers.of(first, second, outcomes, weight=weights)


def _ordered(one: int, other: int) -> Pair:
    return (one, other) if one < other else (other, one)
