"""From sampled answers to judgements, against formulas written anew."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, spearmanr

from finepick.errors import DatasetError
from finepick.scorers.red_aes.ratings import (
    LEAST_VARIANCE,
    Scale,
    fit_scale,
    judge_differences,
    judge_ratings,
)

values = st.lists(st.floats(0, 100), min_size=1, max_size=6)


@given(values, st.floats(0, 200))
def test_ratings_become_probabilities_by_thurstone(means: list[float], variance: float) -> None:
    judged = judge_ratings(np.array(means), np.full(len(means), variance), np.zeros(len(means)))

    for i, one in enumerate(means):
        for j, other in enumerate(means):
            wanted = norm.cdf((one - other) / np.sqrt(2 * variance + LEAST_VARIANCE))
            assert judged.preference[i, j] == pytest.approx(wanted, abs=1e-9)
    assert (judged.preference + judged.preference.T == 1).all()


def test_the_more_samples_scatter_the_less_is_sure() -> None:
    sure = judge_ratings(np.array([70.0, 60]), np.array([1.0, 1]), np.zeros(2))
    unsure = judge_ratings(np.array([70.0, 60]), np.array([900.0, 900]), np.zeros(2))

    assert sure.preference[0, 1] > 0.99 and 0.5 < unsure.preference[0, 1] < 0.6
    assert unsure.too_close and not sure.too_close


def test_an_unfitted_scale_is_the_straight_line() -> None:
    assert Scale().coarse(np.array([0.5, 25, 50, 75, 99.5])) == pytest.approx([1.045, 3.25, 5.5, 7.75, 9.955])


@given(st.floats(-3, 3), st.floats(0.1, 4), st.integers(0, 9))
def test_a_scale_is_found_again_from_few_labels(shift: float, slope: float, seed: int) -> None:
    ratings = np.random.default_rng(seed).uniform(15, 85, 24)
    true = Scale(shift, slope)

    found = fit_scale(ratings, true.coarse(ratings))

    assert found.coarse(ratings) == pytest.approx(true.coarse(ratings), abs=0.02)


def test_fitting_moves_the_scale_and_never_the_order() -> None:
    rng = np.random.default_rng(1)
    ratings = rng.uniform(30, 60, 40)
    labels = np.clip(4 + (ratings - 45) / 8 + rng.normal(0, 1, 40), 1, 10)

    fitted = fit_scale(ratings, labels)

    before, after = Scale().coarse(ratings), fitted.coarse(ratings)
    assert spearmanr(before, after).statistic == pytest.approx(1)
    assert np.abs(after - labels).mean() < np.abs(before - labels).mean()
    grid = fitted.coarse(np.linspace(1, 99, 99))
    assert (np.diff(grid) > 0).all() and grid.min() >= 1 and grid.max() <= 10


def test_labels_that_say_the_contrary_fit_no_scale() -> None:
    ratings = np.arange(20.0) * 4 + 10

    with pytest.raises(DatasetError, match="do not rise together"):
        fit_scale(ratings, 10 - ratings / 10)
    with pytest.raises(DatasetError, match="do not rise together"):
        fit_scale(np.full(20, 50.0), ratings / 10)
    with pytest.raises(DatasetError, match="7 rated photos are too few"):
        fit_scale(ratings[:7], ratings[:7] / 10)


def test_verdicts_of_both_orders_are_one_table() -> None:
    differences = np.array([[0, 1, 1], [-1, 0, 1 / 3], [-1, -1 / 3, 0]])

    judged = judge_differences(differences, np.full((3, 3), 4.0))

    assert judged.fine[0] > judged.fine[1] > judged.fine[2]
    # one who always says "the first" says nothing: each order takes back the other
    biased = judge_differences(np.ones((3, 3)), np.full((3, 3), 4.0))
    assert np.abs(biased.preference - 0.5).max() < 1e-12 and biased.too_close


def test_more_verdicts_are_more_proof() -> None:
    told = np.array([[0.0, 1], [-1, 0]])
    few, many = (judge_differences(told, np.full((2, 2), count)).preference[0, 1] for count in (1.0, 16.0))

    # two photos, m verdicts for the first: (m + ½) / (m + 1) each, of which log odds are averaged
    for m, found in ((2, few), (32, many)):
        share = (m + 0.5) / (m + 1)
        assert found == pytest.approx(share)
