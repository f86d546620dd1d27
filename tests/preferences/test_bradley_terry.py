"""One series: against choix, against scipy, against integration, and laws that no fit may break."""

from __future__ import annotations

from typing import Any

import choix
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit

from finepick.preferences.answers import Answers
from finepick.preferences.bradley_terry import Fit, Prior, fit_bradley_terry
from finepick.preferences.davidson import answer_probabilities
from finepick.preferences.simulated import Crowd, random_questions, scores_of

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine

PHOTOS = 6

rows = st.lists(
    st.tuples(st.integers(0, PHOTOS - 1), st.integers(1, PHOTOS - 1), st.sampled_from([1, 0, -1])),
    max_size=25,
)


def answers_of(rows: list[tuple[int, int, int]]) -> Answers:
    """Rows of photo, distance to the other photo, outcome."""
    if not rows:
        return Answers.none()
    a, step, outcome = (np.array(column) for column in zip(*rows, strict=True))
    return Answers.of(a, (a + step) % PHOTOS, outcome)


def simulated(seed: int, count: int, *, n: int = PHOTOS, tie: float = 0.0) -> Answers:
    rng = np.random.default_rng(seed)
    truth, first = scores_of(rng, [n])
    return Crowd.of(5, tie=tie).answer(rng, truth, first, random_questions(rng, [n], 5, count))


def won(answers: Answers) -> list[tuple[int, int]]:
    """Winner and loser of every answer, as choix wants them."""
    first = answers.outcome > 0
    winners, losers = np.where(first, answers.a, answers.b), np.where(first, answers.b, answers.a)
    return list(zip(winners.tolist(), losers.tolist(), strict=True))


@pytest.mark.parametrize("spread", [0.5, 1.5, 4.0])
def test_modes_are_those_of_choix(spread: float) -> None:
    answers = simulated(1, 120)
    expected = choix.opt_pairwise(PHOTOS, won(answers), alpha=1 / (2 * spread**2), tol=1e-12)

    found = fit_bradley_terry(answers, PHOTOS, prior=Prior(spread), mode=True)

    assert found.converged
    assert found.scores == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("count", [10, 60])
def test_means_and_covariance_are_close_to_those_of_choix_by_expectation_propagation(count: int) -> None:
    answers = simulated(2, count)
    mean, covariance = choix.ep_pairwise(PHOTOS, won(answers), alpha=1 / 1.5**2, model="logit")

    found = fit_bradley_terry(answers, PHOTOS)

    contrast = np.eye(PHOTOS) - 1 / PHOTOS
    assert found.scores == pytest.approx(contrast @ mean, abs=0.02)
    assert found.covariance == pytest.approx(contrast @ covariance @ contrast, abs=0.03)


@pytest.mark.parametrize(("for_a", "ties", "for_b"), [(1, 0, 0), (3, 0, 1), (5, 2, 0), (20, 5, 12)])
def test_of_two_photos_mean_and_variance_are_those_by_integration(for_a: int, ties: int, for_b: int) -> None:
    outcomes = np.repeat([1, 0, -1], [for_a, ties, for_b])
    d = np.linspace(-25, 25, 100_001)
    first, middle, second = answer_probabilities(d, 1.0)
    weight = np.exp(-(d**2) / (4 * 1.5**2)) * first**for_a * middle**ties * second**for_b
    weight /= weight.sum()
    mean = float(weight @ d)

    found = fit_bradley_terry(Answers.of(0, 1, outcomes), 2, tie=1.0)

    assert found.scores[0] - found.scores[1] == pytest.approx(mean, abs=0.03)
    assert found.variance(0, 1) == pytest.approx(float(weight @ (d - mean) ** 2), rel=0.04)


def test_mode_and_tie_are_found_together_as_by_scipy() -> None:
    answers = simulated(3, 150, tie=0.8)

    def cost(x: np.ndarray) -> float:
        scores, log_tie = x[:-1], x[-1]
        told = np.stack(answer_probabilities(scores[answers.a] - scores[answers.b], float(np.exp(log_tie))))
        picked = told[1 - answers.outcome, np.arange(len(answers))]
        return float(np.sum(scores**2) / (2 * 1.5**2) + log_tie**2 / (2 * 2.0**2) - np.sum(np.log(picked)))

    best = minimize(cost, np.zeros(PHOTOS + 1), method="BFGS", options={"gtol": 1e-9}).x
    curvature = np.array([[_second(cost, best, i, j) for j in range(PHOTOS + 1)] for i in range(PHOTOS + 1)])
    covariance = np.linalg.inv(curvature)[:PHOTOS, :PHOTOS]

    found = fit_bradley_terry(answers, PHOTOS, mode=True)

    contrast = np.eye(PHOTOS) - 1 / PHOTOS
    assert found.scores == pytest.approx(best[:-1], abs=1e-5)
    assert np.log(found.tie) == pytest.approx(best[-1], abs=1e-5)
    assert found.covariance == pytest.approx(contrast @ covariance @ contrast, abs=1e-4)


def _second(function: Any, at: np.ndarray, i: int, j: int, step: float = 1e-3) -> float:
    e = np.eye(len(at)) * step
    corners = (function(at + s * e[i] + t * e[j]) * s * t for s in (1, -1) for t in (1, -1))
    return float(sum(corners)) / (4 * step**2)


@settings(PATIENT, max_examples=40)
@given(rows, st.booleans())
def test_it_does_not_matter_which_photo_is_called_first_nor_in_what_order_answers_come(
    rows: list[tuple[int, int, int]], mode: bool
) -> None:
    answers = answers_of(rows)
    order = np.random.default_rng(0).permutation(len(answers))

    found = fit_bradley_terry(answers, PHOTOS, mode=mode)
    turned = fit_bradley_terry(answers.swapped().where(order), PHOTOS, mode=mode)

    _same(found, turned, np.arange(PHOTOS))


@settings(PATIENT, max_examples=40)
@given(rows, st.permutations(range(PHOTOS)), st.booleans())
def test_renamed_photos_keep_their_scores(
    rows: list[tuple[int, int, int]], names: list[int], mode: bool
) -> None:
    answers, new = answers_of(rows), np.array(names)
    renamed = Answers.of(new[answers.a], new[answers.b], answers.outcome)

    found = fit_bradley_terry(answers, PHOTOS, mode=mode)

    _same(found, fit_bradley_terry(renamed, PHOTOS, mode=mode), new)


def _same(one: Fit, other: Fit, names: np.ndarray) -> None:
    assert other.scores[names] == pytest.approx(one.scores, abs=1e-5)
    assert other.covariance[np.ix_(names, names)] == pytest.approx(one.covariance, abs=1e-5)
    assert other.tie == pytest.approx(one.tie, rel=1e-5)
    assert other.is_connected == one.is_connected


@settings(PATIENT, max_examples=40)
@given(rows, st.booleans())
def test_one_more_vote_for_a_photo_never_makes_it_less_likely(
    rows: list[tuple[int, int, int]], mode: bool
) -> None:
    before = [row for row in rows if row[2] != 0]
    more = [*before, (0, 1, 1)]

    less, grown = (
        fit_bradley_terry(answers_of(r), PHOTOS, mode=mode).probability(0, 1) for r in (before, more)
    )

    assert grown > less - 1e-7


def test_an_answer_of_weight_two_is_two_answers() -> None:
    once = fit_bradley_terry(Answers.of([0, 1, 2], [1, 2, 0], [1, 0, 1], weight=[2, 1, 3]), 3)
    listed = fit_bradley_terry(Answers.of([0, 0, 1, 2, 2, 2], [1, 1, 2, 0, 0, 0], [1, 1, 0, 1, 1, 1]), 3)

    assert once.scores == pytest.approx(listed.scores, abs=1e-8)


def test_the_prior_keeps_photos_finite_that_always_win() -> None:
    found = fit_bradley_terry(Answers.of([0, 0, 1], [1, 2, 2], 1, weight=1000), 3)

    assert found.converged
    assert found.ranks.tolist() == [1, 2, 3]
    assert np.all(np.abs(found.scores) < 20)
    assert 0.99 < found.probability(0, 1) < 1


def test_all_ties_mean_equal_photos_that_nobody_can_tell_apart() -> None:
    found = fit_bradley_terry(Answers.of([0, 1, 2], [1, 2, 0], 0, weight=20), 3)

    assert found.ranks.tolist() == [1, 1, 1]
    assert found.tie > 5
    assert found.probability(0, 1) == pytest.approx(0.5)
    assert found.interval(0, 1)[0] < 0.5 < found.interval(0, 1)[1]


def test_photos_that_no_answers_connect_are_told() -> None:
    found = fit_bradley_terry(Answers.of([3, 0], [1, 2], 1, weight=[1, 0]), 5)

    assert found.components.tolist() == [0, 1, 2, 1, 3]
    assert not found.is_connected


def test_an_empty_series_and_a_single_photo_have_a_scale_of_their_own() -> None:
    nothing, single = (fit_bradley_terry(Answers.none(), n) for n in (0, 1))

    assert nothing.is_connected and nothing.ranks.tolist() == [] and nothing.converged
    assert single.is_connected and single.ranks.tolist() == [1] and single.scores.tolist() == [0.0]
    assert single.covariance == pytest.approx(np.zeros((1, 1)), abs=1e-12)


def test_without_answers_the_prior_speaks() -> None:
    found = fit_bradley_terry(Answers.none(), 3, prior=Prior(2.0))

    assert found.variance(0, 2) == pytest.approx(2 * 2.0**2)
    assert found.order_probability(0, 2) == 0.5
    assert found.interval(0, 2)[1] == pytest.approx(expit(1.959964 * 2 * np.sqrt(2)), abs=1e-6)


def test_intervals_grow_with_their_level_and_mirror_each_other() -> None:
    found = fit_bradley_terry(simulated(4, 40), PHOTOS)
    (low, high), (low_wide, high_wide) = (found.interval(0, 3, level) for level in (0.5, 0.99))

    assert low_wide < low < found.probability(0, 3) < high < high_wide
    assert found.interval(3, 0, 0.5) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize("tie", [0.0, -1.0, np.inf])
def test_a_tie_parameter_that_cannot_be_is_refused(tie: float) -> None:
    with pytest.raises(ValueError, match="does not go with these answers"):
        fit_bradley_terry(Answers.of(0, 1, 0), 2, tie=tie)


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(ValueError, match="of several series"):
        fit_bradley_terry(Answers.of([0, 0], 1, 1, series=[0, 1]), 2)
    with pytest.raises(ValueError, match="a photo its series lacks"):
        fit_bradley_terry(Answers.of(0, 2, 1), 2)
    with pytest.raises(ValueError, match="spreads lie above 0"):
        Prior(0.0)
