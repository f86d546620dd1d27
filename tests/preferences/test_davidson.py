"""The three answers: probabilities, derivatives against differences, information against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import norm

from finepick.preferences.davidson import (
    answer_probabilities,
    derivatives,
    log_likelihood,
    order_information,
)

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine

odds = st.floats(-30, 30)
ties = st.floats(0, 50)


@PATIENT
@given(odds, ties)
def test_the_three_answers_sum_to_one_and_turn_round_with_the_photos(d: float, tie: float) -> None:
    first, middle, second = answer_probabilities(d, tie)
    turned = answer_probabilities(-d, tie)

    assert float(first + middle + second) == pytest.approx(1, abs=1e-12)
    assert np.stack(turned) == pytest.approx(np.stack([second, middle, first]), abs=1e-15)


@PATIENT
@given(odds, ties)
def test_of_those_who_prefer_one_the_share_for_a_is_that_of_bradley_and_terry(d: float, tie: float) -> None:
    first, _, second = answer_probabilities(d, tie)

    assert first / (first + second) == pytest.approx(expit(d), rel=1e-9, abs=1e-300)


@PATIENT
@given(st.floats(-8, 8), st.floats(0.05, 10), st.sampled_from([1, 0, -1]))
def test_derivatives_are_those_of_the_logarithm_by_differences(d: float, tie: float, outcome: int) -> None:
    said, step = np.array([outcome], np.int8), 1e-4

    def told(by: float, by_log_tie: float) -> float:
        return float(log_likelihood(said, np.array([d + by]), tie * np.exp(by_log_tie))[0])

    found = derivatives(said, np.array([d]), tie)
    assert found.slope[0] == pytest.approx((told(step, 0) - told(-step, 0)) / (2 * step), abs=1e-7)
    assert found.tie_slope[0] == pytest.approx((told(0, step) - told(0, -step)) / (2 * step), abs=1e-7)
    assert found.bend[0] == pytest.approx(
        -(told(step, 0) - 2 * told(0, 0) + told(-step, 0)) / step**2, abs=1e-5
    )
    assert found.tie_bend[0] == pytest.approx(
        -(told(0, step) - 2 * told(0, 0) + told(0, -step)) / step**2, abs=1e-5
    )
    corners = told(step, step) - told(step, -step) - told(-step, step) + told(-step, -step)
    assert found.mixed[0] == pytest.approx(-corners / (4 * step**2), abs=1e-5)


def test_nothing_overflows_at_absurd_odds() -> None:
    far = np.array([-1e6, 1e6])

    assert np.all(np.isfinite(log_likelihood(np.array([1, 1], np.int8), far, 1.0)))
    assert answer_probabilities(far, 1.0)[0].tolist() == [0.0, 1.0]


@pytest.mark.parametrize(("mean", "variance", "tie"), [(0, 4.5, 0), (1, 2, 0), (-2, 0.5, 0.7), (0.3, 0.1, 2)])
def test_information_about_the_order_is_the_mutual_information_on_a_fine_grid(
    mean: float, variance: float, tie: float
) -> None:
    d = mean + np.sqrt(variance) * np.linspace(-9, 9, 400_001)
    weight = norm.pdf(d, mean, np.sqrt(variance)) * (d[1] - d[0])
    answers = np.stack(answer_probabilities(d, tie)) * weight
    joint = np.stack([answers[:, d > 0].sum(axis=1), answers[:, d < 0].sum(axis=1)])
    apart = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    expected = np.sum(joint * np.log(np.where(joint > 0, joint, 1) / np.where(apart > 0, apart, 1)))

    found = order_information(np.array([mean]), np.array([variance]), tie)[0]

    assert found == pytest.approx(expected, rel=0.02)


def test_a_pair_whose_order_is_known_tells_nothing_and_an_open_one_does() -> None:
    known, open_, sure_equal = order_information(np.array([8.0, 0, 0]), np.array([1, 1, 1e-10]), 0.0)

    assert known < 1e-8
    assert open_ > 0.05
    assert sure_equal < 1e-8
