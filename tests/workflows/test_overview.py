"""The owner's account of everybody, kept answer by answer, against one written down from the definitions."""

from __future__ import annotations

import random
import statistics
import time
from collections import Counter
from pathlib import Path

import pytest

from finepick.project.records import GoldPair, Kind, NewAnswer, NewPhoto, NewSeries, Outcome, Role
from finepick.project.store import Project, in_force
from finepick.workflows.overview import Overview, Share

OUTCOMES = list(Outcome)


def a_project(folder: Path, people: int = 4) -> tuple[Project, list[int], list[int]]:
    project = Project.create(str(folder))
    photos = tuple(NewPhoto(f"{i}", f"/p/{i}", f"{i}") for i in range(5))
    project.add_series([NewSeries("five", photos)])
    members = [member.id for member in project.series()[0].members]
    return project, members, [project.person(f"p{i}", role=Role.ANNOTATOR).id for i in range(people)]


def drawn(
    chance: random.Random, members: list[int], people: list[int], number: int, earlier: list[NewAnswer]
) -> NewAnswer:
    """Any answer, now and then one that corrects an earlier one of the same person and pair."""
    if earlier and chance.random() < 0.2:
        old = chance.choice(earlier)
        who, first, second, replaces = old.annotator, old.first, old.second, old.client_id
    else:
        who, replaces = chance.choice(people), None
        first, second = sorted(chance.sample(members, 2))
    asked_before = any((one.annotator, one.first, one.second) == (who, first, second) for one in earlier)
    return NewAnswer(
        client_id=f"answer-{number:04}",
        annotator=who,
        series=1,
        first=first,
        second=second,
        outcome=chance.choice(OUTCOMES),
        kind=Kind.REPEAT if asked_before and replaces is None else Kind.NEW,
        left=chance.choice([first, second, None]),
        seconds=chance.choice([None, 1.0, 2.5, 4.0]),
        replaces=replaces,
    )


def expected(project: Project, person: int) -> dict[str, object]:
    """Said once more, plainly: over all answers in force of one person."""
    answers = in_force(project.answers())
    gold = {(pair.first, pair.second): pair.outcome for pair in project.gold()}
    own = [answer for answer in answers if answer.annotator == person]
    shares = {name: [0, 0] for name in ("with_others", "steady", "gold", "left_chosen")}

    def note(name: str, right: bool) -> None:
        shares[name][0] += right
        shares[name][1] += 1

    for place, answer in enumerate(own):
        pair = (answer.first, answer.second)
        decided = answer.outcome in (Outcome.FIRST, Outcome.SECOND)
        winner = answer.first if answer.outcome is Outcome.FIRST else answer.second
        if decided and answer.left is not None:
            note("left_chosen", answer.left == winner)
        before = [one.outcome for one in own[:place] if (one.first, one.second) == pair]
        if before:
            note("steady", answer.outcome is before[0])
            continue
        if pair in gold:
            note("gold", answer.outcome is gold[pair])
        votes = Counter(
            one.outcome
            for one in answers
            if (one.first, one.second) == pair and one.kind is not Kind.REPEAT and one.annotator != person
        )
        balance = votes[Outcome.FIRST] - votes[Outcome.SECOND]
        if decided and balance:
            note("with_others", (balance > 0) == (answer.outcome is Outcome.FIRST))
    seconds = [answer.seconds for answer in own if answer.seconds is not None]
    return {
        "answers": len(own),
        **{name: Share(*share) for name, share in shares.items()},
        "seconds": statistics.median_high(seconds) if seconds else None,
    }


@pytest.mark.parametrize("seed", range(4))
def test_an_account_kept_step_by_step_says_what_all_answers_together_say(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    project, members, people = a_project(tmp_path)
    with project:
        kept, late = Overview(project), Overview(project)
        earlier: list[NewAnswer] = []
        for step in range(12):
            new = []
            for _ in range(10):
                # only answers that nothing corrects yet are corrected, as the page does
                gone = {one.replaces for one in [*earlier, *new]}
                open_ones = [one for one in [*earlier, *new] if one.client_id not in gone]
                new.append(drawn(chance, members, people, len(earlier) + len(new), open_ones))
            project.record(new)
            earlier += new
            if step == 6:
                project.set_gold([GoldPair(1, members[0], members[1], Outcome.FIRST)])
            for said in kept.people():
                told = {name: getattr(said, name) for name in expected(project, said.person.id)}
                assert told == expected(project, said.person.id)
        assert late.people() == kept.people()


def test_what_was_counted_is_not_counted_again(tmp_path: Path) -> None:
    """Five answers more after ten thousand; figures of a hundred thousand are bench/overview.py's."""
    project, _, people = a_project(tmp_path)
    with project:
        project.add_series(
            NewSeries(f"{s}", tuple(NewPhoto(f"{s} {i}", f"/p/{s} {i}", f"{s} {i}") for i in range(5)))
            for s in range(200)
        )
        chance = random.Random(1)
        members = [[member.id for member in series.members] for series in project.series()]

        def answers(numbers: range) -> list[NewAnswer]:
            return [drawn(chance, chance.choice(members), people, number, []) for number in numbers]

        project.record(answers(range(10_000)))
        overview = Overview(project)
        begun = time.process_time()
        overview.people()
        first = time.process_time() - begun
        project.record(answers(range(10_000, 10_005)))
        begun = time.process_time()
        overview.people()
        second = time.process_time() - begun

    assert second < first / 3
