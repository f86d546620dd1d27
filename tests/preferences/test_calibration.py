"""From all answers to ranks, probabilities, dropped pairs and a report."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from finepick.preferences.agreement import Share
from finepick.preferences.answers import Answers, Outcome
from finepick.preferences.bradley_terry import Prior
from finepick.preferences.calibration import Calibration, Dropped, Settings, calibrate
from finepick.preferences.next_pair import pairs_of
from finepick.preferences.reliability import Verdict
from finepick.preferences.simulated import Crowd, random_questions, scores_of

PLAIN = Settings(estimate_people=False)


def simulated(seed: int, sizes: list[int], crowd: Crowd, per_series: int) -> tuple[Answers, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth, first = scores_of(rng, sizes)
    return crowd.answer(rng, truth, first, random_questions(rng, sizes, len(crowd), per_series)), truth


def held(found: Calibration, truth: np.ndarray) -> float:
    """Share of pairs whose interval holds the true probability."""
    inside = [
        pair.low <= expit(scores[pair.a] - scores[pair.b]) <= pair.high
        for one, scores in zip(found.series, truth, strict=True)
        for pair in one.pairs
    ]
    return float(np.mean(inside))


@pytest.mark.parametrize("settings", [PLAIN, Settings()])
@pytest.mark.parametrize(("n", "per_series"), [(10, 45), (5, 60)])
def test_intervals_hold_the_truth_as_often_as_they_say(n: int, per_series: int, settings: Settings) -> None:
    answers, truth = simulated(11, [n] * 150, Crowd.of(20), per_series)

    assert 0.93 <= held(calibrate(answers, [n] * 150, settings=settings), truth.reshape(150, n)) <= 0.97


def test_equal_photos_are_indistinguishable_and_three_to_one_is_not() -> None:
    rng, step, series = np.random.default_rng(3), np.log(3.0), 60
    truth = np.tile([0.0, 0.0, step, -step, 0.4], (series, 1))
    a, b = pairs_of(5)
    asked = Answers.of(
        np.tile(np.repeat(a, 30), series),
        np.tile(np.repeat(b, 30), series),
        0,
        series=np.repeat(np.arange(series), 300),
    )
    answers = Crowd.of(1).answer(rng, truth.ravel(), np.arange(series) * 5, asked)

    found = calibrate(answers, [5] * series)

    doubtful = np.array([[p.dropped is Dropped.INDISTINGUISHABLE for p in one.pairs] for one in found.series])
    gap = np.abs(truth[0, a] - truth[0, b])
    assert doubtful[:, gap == 0].mean() >= 0.90
    assert doubtful[:, np.isclose(gap, step)].mean() <= 0.05


def test_the_report_names_people_with_their_evidence() -> None:
    sizes = [8] * 15
    answers, _ = simulated(1, sizes, Crowd.of(8, clickers=2, left=1, tie=0.3), 110)

    found = calibrate(answers, sizes)

    people = found.annotators
    assert [person.index for person in people] == list(range(11))
    assert [person.verdict for person in people[8:]] == [Verdict.CHANCE, Verdict.CHANCE, Verdict.LEFT]
    assert people[8].evidence_for_chance > np.log(20) > people[0].evidence_for_chance
    assert people[10].evidence_for_side > np.log(100)
    assert (people[10].left.value or 0) > 0.65
    assert people[10].left_bias_interval[0] < people[10].left_bias < people[10].left_bias_interval[1]
    assert sum(person.answers for person in people) == len(answers)
    assert sum(person.ties for person in people) == found.agreement.ties.hits > 0


def test_votes_are_counted_pair_by_pair_whichever_photo_was_called_first() -> None:
    answers = Answers.of([0, 1, 1, 0, 2], [1, 0, 0, 1, 1], [1, 1, 0, 1, 1], series=[1, 1, 1, 1, 1])

    found = calibrate(answers, [2, 3], settings=PLAIN)

    pair = found.series[1].pairs[0]
    assert (pair.a, pair.b, pair.for_a, pair.ties, pair.for_b, pair.answers) == (0, 1, 2, 1, 1, 4)
    assert found.series[1].pairs[1].answers == 0
    assert (found.series[1].pairs[2].for_a, found.series[1].pairs[2].for_b) == (0, 1)
    assert found.series[0].pairs[0].answers == 0


def test_pairs_that_nothing_connects_are_dropped_for_that_reason() -> None:
    found = calibrate(Answers.of([0, 2], [1, 3], 1, weight=50), [4, 1, 0])

    why = {(pair.a, pair.b): pair.dropped for pair in found.series[0].pairs}
    assert why[0, 1] is None and why[2, 3] is None
    assert {why[0, 2], why[0, 3], why[1, 2], why[1, 3]} == {Dropped.UNCONNECTED}
    assert found.unconnected == (0,)
    assert found.series[1].ranks.tolist() == [1] and found.series[1].pairs == ()


def test_labels_agree_with_the_ranks_and_intervals_hold_their_p() -> None:
    sizes = [6] * 10
    answers, _ = simulated(2, sizes, Crowd.of(6, tie=0.4), 80)

    for one in calibrate(answers, sizes).series:
        for pair in one.pairs:
            assert pair.low < pair.p < pair.high
            assert pair.p == pytest.approx(one.fit.probability(pair.a, pair.b))
            assert (pair.low, pair.high) == pytest.approx(one.fit.interval(pair.a, pair.b))
            assert (pair.dropped is None) == (pair.low > 0.5 or pair.high < 0.5)
            assert (pair.p > 0.5) == (one.ranks[pair.a] < one.ranks[pair.b])


def test_a_stricter_level_drops_more() -> None:
    sizes = [6] * 10
    answers, _ = simulated(2, sizes, Crowd.of(6), 80)
    dropped = [
        sum(
            pair.dropped is not None
            for one in calibrate(answers, sizes, settings=Settings(level=level)).series
            for pair in one.pairs
        )
        for level in (0.5, 0.95, 0.999)
    ]

    assert dropped[0] < dropped[1] < dropped[2]


def test_circles_repeats_and_gold_are_reported() -> None:
    answers = Answers.of(
        [0, 1, 2, 0, 0],
        [1, 2, 0, 1, 1],
        [Outcome.FIRST, Outcome.FIRST, Outcome.FIRST, Outcome.FIRST, Outcome.TIE],
        annotator=[0, 0, 0, 0, 1],
    )

    found = calibrate(answers, [3], gold=[(0, 1, 0)])

    assert found.circles == 1 and found.series[0].circles.photos.tolist() == [[0, 1, 2]]
    assert found.repeats == Share(1, 1) == found.annotators[0].repeats
    assert found.gold == Share(0, 3) and found.annotators[1].gold == Share(0, 1)


def test_the_result_does_not_depend_on_order_or_numbers() -> None:
    sizes = [5, 3, 6]
    answers, _ = simulated(4, sizes, Crowd.of(5, clickers=1, tie=0.3), 40)
    rng = np.random.default_rng(0)
    order, people, places = rng.permutation(len(answers)), rng.permutation(6), np.array([2, 0, 1])
    moved = replace(
        answers.swapped(), annotator=people[answers.annotator], series=places[answers.series]
    ).where(order)

    one, two = calibrate(answers, sizes), calibrate(moved, [3, 6, 5])

    for old, new in enumerate(places):
        assert [(p.a, p.b, p.for_a, p.ties) for p in two.series[new].pairs] == [
            (p.a, p.b, p.for_a, p.ties) for p in one.series[old].pairs
        ]
        assert two.series[new].fit.scores == pytest.approx(one.series[old].fit.scores, abs=1e-3)
    for old, index in enumerate(people):
        assert two.annotators[index].sensitivity == pytest.approx(one.annotators[old].sensitivity, abs=1e-3)
    assert two.agreement.alpha == pytest.approx(one.agreement.alpha)


def test_a_project_without_answers_and_one_without_series_are_calibrated_all_the_same() -> None:
    empty = calibrate(Answers.none(), [2, 1, 0], annotators=1)

    assert empty.series[0].pairs[0].dropped is Dropped.UNCONNECTED
    assert empty.series[0].ranks.tolist() == [1, 1]
    assert empty.annotators[0].verdict is Verdict.UNKNOWN
    assert empty.agreement.alpha is None and empty.agreement.pairs_of_answers.value is None
    assert calibrate(Answers.none(), []).series == ()


def test_a_level_that_is_no_probability_is_refused() -> None:
    with pytest.raises(ValueError, match="lies between 0 and 1, not at 95"):
        Settings(level=95)
    assert Settings(prior=Prior(2.0)).prior.spread == 2.0
