"""What the owner of a project wants to see at a glance: how far every series is, how steady everybody is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from finepick.project.records import Annotator, Answer, Kind, Outcome
from finepick.project.store import Project, in_force


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


def people_so_far(project: Project) -> list[PersonSoFar]:
    """Everybody who takes part, in the order in which they came."""
    answers = in_force(project.answers())
    gold = {(pair.first, pair.second): pair.outcome for pair in project.gold()}
    by_person: dict[int, list[Answer]] = defaultdict(list)
    votes: dict[tuple[int, int], Counter[Outcome]] = defaultdict(Counter)
    for answer in answers:
        by_person[answer.annotator].append(answer)
        if answer.kind is not Kind.REPEAT:
            votes[answer.first, answer.second][answer.outcome] += 1
    return [_so_far(person, by_person[person.id], votes, gold) for person in project.annotators()]


def _so_far(
    person: Annotator,
    own: Sequence[Answer],
    votes: dict[tuple[int, int], Counter[Outcome]],
    gold: dict[tuple[int, int], Outcome],
) -> PersonSoFar:
    with_others, steady, known = [], [], []
    before: dict[tuple[int, int], Outcome] = {}
    for answer in own:
        pair = (answer.first, answer.second)
        if pair in before:
            steady.append(answer.outcome is before[pair])
            continue
        before[pair] = answer.outcome
        if pair in gold:
            known.append(answer.outcome is gold[pair])
        others = votes[pair].copy()
        others[answer.outcome] -= 1
        first, second = others[Outcome.FIRST], others[Outcome.SECOND]
        if answer.outcome in (Outcome.FIRST, Outcome.SECOND) and first != second:
            with_others.append((answer.outcome is Outcome.FIRST) == (first > second))
    sided = [
        (answer.left == answer.first) == (answer.outcome is Outcome.FIRST)
        for answer in own
        if answer.left is not None and answer.outcome in (Outcome.FIRST, Outcome.SECOND)
    ]
    seconds = sorted(answer.seconds for answer in own if answer.seconds is not None)
    return PersonSoFar(
        person,
        len(own),
        _share(with_others),
        _share(steady),
        _share(known),
        _share(sided),
        seconds[len(seconds) // 2] if seconds else None,
        max((answer.received_at for answer in own), default=None),
    )


def _share(values: Sequence[bool]) -> Share:
    return Share(sum(values), len(values))
