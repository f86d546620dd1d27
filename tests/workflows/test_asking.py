"""Who is asked what: laws that hold for every round, whoever answers and in whatever order."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from finepick.preferences.next_pair import POLICIES
from finepick.project.records import GoldPair, Kind, NewPhoto, NewSeries, Outcome, Plan, Role
from finepick.project.store import Project
from finepick.workflows.asking import HANDED_SECONDS, REPEAT_DISTANCE, Asked, Desk, Given, sheet_of


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(str(tmp_path)) as new:
        for name, count in (("two", 2), ("five", 5), ("nine", 9)):
            photos = tuple(NewPhoto(f"{name}{i}", f"/p/{name}{i}", f"{name}{i}") for i in range(count))
            new.add_series([NewSeries(name, photos)])
        yield new


def people(project: Project, count: int) -> list[int]:
    return [project.person(f"person {i}", role=Role.ANNOTATOR).id for i in range(count)]


def answered(asked: Asked, number: int, **more) -> Given:
    """The photo with the lower id wins, whichever side it is on."""
    choice = "left" if asked.left < asked.right else "right"
    return Given(f"answer-{number}", asked.series, asked.left, asked.right, **({"choice": choice} | more))


def play(
    project: Project, desk: Desk, annotators: list[int], *, most: int = 10_000
) -> list[tuple[int, Asked]]:
    """Everybody answers by turns until nobody is asked anything more."""
    shown = []
    waiting = list(annotators)
    while waiting and len(shown) < most:
        annotator = waiting.pop(0)
        pairs = desk.next_pairs(annotator, 1)
        for asked in pairs:
            kept, refused = desk.record(annotator, [answered(asked, len(shown))])
            assert kept and not refused
            shown.append((annotator, asked))
        waiting += [annotator] if pairs else []
    return shown


@pytest.mark.parametrize("policy", POLICIES)
def test_a_round_ends_with_every_series_connected_and_no_pair_twice_to_anybody(
    project: Project, policy: str
) -> None:
    project.change_plan(Plan(policy=policy, votes=2, gold_share=0, repeat_share=0))
    desk = Desk(project, chance=random.Random(1), clock=Clock())
    annotators = people(project, 3)

    shown = play(project, desk, annotators)

    given = Counter((annotator, *sorted((asked.left, asked.right))) for annotator, asked in shown)
    assert max(given.values()) == 1
    for series in project.series():
        here = [asked for _, asked in shown if asked.series == series.id]
        assert 2 * sheet_of(len(series.members)) <= len(here) <= 2 * sheet_of(len(series.members)) + 3
        reached, edges = {series.members[0].id}, [{asked.left, asked.right} for asked in here]
        while more := [edge for edge in edges if edge & reached and not edge <= reached]:
            reached.update(*more)
        assert reached == {member.id for member in series.members}
    for annotator in annotators:
        assert desk.progress(annotator).answered == desk.progress(annotator).total
        assert desk.progress(annotator).series_done == 3


@pytest.mark.parametrize("policy", POLICIES)
def test_the_first_answers_of_a_series_connect_it(project: Project, policy: str) -> None:
    project.change_plan(Plan(policy=policy, gold_share=0, repeat_share=0))
    desk = Desk(project, chance=random.Random(2), clock=Clock())
    [annotator] = people(project, 1)

    by_series: dict[int, list[Asked]] = {}
    for _, asked in play(project, desk, [annotator]):
        by_series.setdefault(asked.series, []).append(asked)

    for series in project.series():
        first = by_series[series.id][: len(series.members) - 1]
        joined: list[set[int]] = [{member.id} for member in series.members]
        for asked in first:
            parts = [part for part in joined if part & {asked.left, asked.right}]
            joined = [part for part in joined if part not in parts] + [set().union(*parts)]
        assert len(joined) == 1


def test_what_somebody_holds_is_not_given_to_them_again(project: Project) -> None:
    desk = Desk(project, chance=random.Random(3), clock=Clock())
    [annotator] = people(project, 1)
    held: list[tuple[int, int]] = []

    while more := desk.next_pairs(annotator, 2, held):
        held += [(asked.left, asked.right) for asked in more]

    assert len({tuple(sorted(pair)) for pair in held}) == len(held) == sum(map(sheet_of, (2, 5, 9)))


def test_two_people_are_rather_given_different_pairs(project: Project) -> None:
    project.change_plan(Plan(gold_share=0, repeat_share=0))
    for series in project.series()[:2]:
        for member in series.members:
            project.mark(member.id, "dissimilar", by="owner")
    desk = Desk(project, chance=random.Random(4), clock=Clock())
    first, second = people(project, 2)

    one = {tuple(sorted((a.left, a.right))) for a in desk.next_pairs(first, 8)}
    other = {tuple(sorted((a.left, a.right))) for a in desk.next_pairs(second, 8)}

    assert not one & other


def test_many_people_at_once_are_not_all_given_the_same(tmp_path: Path) -> None:
    """What is about to be answered counts as answered: ten people, nobody through, fifteen pairs."""
    with Project.create(str(tmp_path / "six")) as project:
        photos = tuple(NewPhoto(f"{i}", f"/p/{i}", f"{i}") for i in range(6))
        project.add_series([NewSeries("six", photos)])
        project.change_plan(Plan(gold_share=0, repeat_share=0))
        desk = Desk(project, chance=random.Random(4), clock=Clock())

        given = [desk.next_pairs(annotator, 1)[0] for annotator in people(project, 10)]

    assert len({frozenset((asked.left, asked.right)) for asked in given}) >= 6


def test_what_nobody_answered_is_asked_again(tmp_path: Path) -> None:
    """Of three photos two were to be joined by somebody who went away: two minutes later it is still to be done."""
    with Project.create(str(tmp_path / "three")) as project:
        photos = tuple(NewPhoto(f"{i}", f"/p/{i}", f"{i}") for i in range(3))
        project.add_series([NewSeries("three", photos)])
        project.change_plan(Plan(gold_share=0, repeat_share=0))
        clock = Clock()
        desk = Desk(project, chance=random.Random(4), clock=clock)
        gone, *others = people(project, 30)
        [left] = desk.next_pairs(gone, 1)
        clock.now += HANDED_SECONDS + 1

        again = []
        for other in others:
            again += desk.next_pairs(other, 1)
            clock.now += HANDED_SECONDS + 1

    assert {left.left, left.right} in [{asked.left, asked.right} for asked in again]


def test_asking_costs_little_in_a_large_project(tmp_path: Path) -> None:
    """About a millisecond on a quiet machine (bench/annotate.py); here only that nobody made it quadratic."""
    with Project.create(str(tmp_path / "large")) as project:
        project.add_series(
            NewSeries(f"{s}", tuple(NewPhoto(f"{s} {i}", f"/p/{s} {i}", f"{s} {i}") for i in range(4)))
            for s in range(500)
        )
        desk = Desk(project, chance=random.Random(4), clock=Clock())
        annotators = people(project, 50)
        begun = time.process_time()
        shown = play(project, desk, annotators, most=150)

    assert len(shown) == 150
    assert (time.process_time() - begun) / 150 < 0.02


def test_sides_are_drawn_evenly(project: Project) -> None:
    project.change_plan(Plan(votes=40, gold_share=0, repeat_share=0))
    shown = play(project, Desk(project, chance=random.Random(5), clock=Clock()), people(project, 20))

    on_the_left = sum(asked.left < asked.right for _, asked in shown)

    assert len(shown) >= 800
    assert abs(on_the_left / len(shown) - 0.5) < 0.05  # three deviations of 800 throws are .053


def test_repeats_come_late_with_sides_changed_and_are_marked(project: Project) -> None:
    project.change_plan(Plan(gold_share=0, repeat_share=0.3))
    [annotator] = people(project, 1)

    shown = play(project, Desk(project, chance=random.Random(6), clock=Clock()), [annotator])

    seen: dict[tuple[int, ...], tuple[int, Asked]] = {}
    repeats = 0
    for number, (_, asked) in enumerate(shown):
        pair = tuple(sorted((asked.left, asked.right)))
        if pair in seen:
            before, earlier = seen[pair]
            assert number - before > REPEAT_DISTANCE and asked.left == earlier.right
            repeats += 1
        seen[pair] = (number, asked)
    kinds = Counter(answer.kind for answer in project.answers())
    assert repeats == kinds[Kind.REPEAT] > 3


def test_gold_pairs_are_asked_of_everybody_once_and_marked(project: Project) -> None:
    series = project.series()[2]
    gold = [
        GoldPair(series.id, series.members[0].id, other.id, Outcome.FIRST) for other in series.members[1:4]
    ]
    project.set_gold(gold)
    project.change_plan(Plan(gold_share=0.4, repeat_share=0))
    annotators = people(project, 2)

    play(project, Desk(project, chance=random.Random(7), clock=Clock()), annotators)

    kinds = Counter((a.annotator, a.kind) for a in project.answers())
    assert [kinds[annotator, Kind.GOLD] for annotator in annotators] == [3, 3]


def test_a_correction_takes_the_place_of_what_it_corrects(project: Project) -> None:
    desk = Desk(project, chance=random.Random(8), clock=Clock())
    [annotator] = people(project, 1)
    [asked] = desk.next_pairs(annotator, 1)
    desk.record(annotator, [answered(asked, 1, choice="left")])
    before = desk.progress(annotator)

    desk.record(annotator, [answered(asked, 2, choice="tie", replaces="answer-1")])

    assert desk.progress(annotator) == before
    assert [answer.outcome for answer in desk.recent(annotator, 5)] == [Outcome.TIE]
    assert len(project.answers()) == 2


def test_a_correction_that_overtakes_its_answer_wins_all_the_same(project: Project) -> None:
    desk = Desk(project, chance=random.Random(8), clock=Clock())
    [annotator] = people(project, 1)
    [asked] = desk.next_pairs(annotator, 1)

    desk.record(annotator, [answered(asked, 2, choice="tie", replaces="answer-1")])
    desk.record(annotator, [answered(asked, 1, choice="left")])

    assert [answer.outcome for answer in desk.recent(annotator, 5)] == [Outcome.TIE]


def test_answers_about_other_projects_or_photos_are_refused_and_the_rest_is_kept(project: Project) -> None:
    desk = Desk(project, chance=random.Random(9), clock=Clock())
    [annotator] = people(project, 1)
    [asked] = desk.next_pairs(annotator, 1)
    other = next(s for s in project.series() if s.id != asked.series).members[0].id
    good = answered(asked, 1)

    kept, refused = desk.record(
        annotator,
        [
            Given("x1", asked.series, asked.left, 99_999, "left"),
            Given("x2", asked.series, asked.left, other, "left"),
            Given("x3", asked.series, asked.left, asked.left, "left"),
            Given("x4", asked.series, asked.left, asked.right, "whatever"),
            good,
        ],
    )

    assert kept == [good.client_id]
    assert [one.client_id for one in refused] == ["x1", "x2", "x3", "x4"]


def test_two_desks_on_one_database_see_each_others_answers(project: Project) -> None:
    clock = Clock()
    one, other = (Desk(project, chance=random.Random(i), clock=clock) for i in (1, 2))
    [annotator] = people(project, 1)
    [asked] = one.next_pairs(annotator, 1)
    one.record(annotator, [answered(asked, 1)])

    clock.now += 10

    assert other.progress(annotator).answered == 1


def test_a_photo_that_is_left_out_is_no_longer_asked(project: Project) -> None:
    clock = Clock()
    desk = Desk(project, chance=random.Random(1), clock=clock)
    out = project.series()[2].members[4]
    project.mark(out.id, "defect", by="owner")
    clock.now += 10

    shown = play(project, desk, people(project, 1))

    assert all(out.id not in (asked.left, asked.right) for _, asked in shown)


def test_a_desk_that_is_opened_again_goes_on_where_it_was(project: Project) -> None:
    [annotator] = people(project, 1)
    first = play(project, Desk(project, chance=random.Random(1), clock=Clock()), [annotator], most=7)

    desk = Desk(project, chance=random.Random(2), clock=Clock())
    rest = play(project, desk, [annotator])

    pairs = [tuple(sorted((a.left, a.right))) for _, a in first + rest]
    assert len(set(pairs)) == sum(map(sheet_of, (2, 5, 9)))
