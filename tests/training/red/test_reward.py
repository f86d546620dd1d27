"""What an answer is worth, against the formula written anew, and the laws it has to keep."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from finepick.training.red.reward import EPSILON, consistency, rewards_of_batch, target_of

NONE = float("nan")
ratings = st.lists(st.one_of(st.integers(0, 100).map(float), st.just(NONE)), min_size=2, max_size=8)
differences = st.floats(-1, 1).filter(lambda d: d == 0 or abs(d) > 1e-6)


def by_the_book(own: list[float], other: list[float], difference: float, tau: float | None) -> list[float]:
    """The reward, answer by answer, straight from the formula."""
    known, there = [s for s in own if s == s], [s for s in other if s == s]
    found = []
    for s in own:
        if s != s:
            found.append(0.0)
            continue
        if not there:
            found.append(1.0)
            continue
        mean_i, mean_j = sum(known) / len(known), sum(there) / len(there)
        var_i = sum((x - mean_i) ** 2 for x in known) / len(known)
        var_j = sum((x - mean_j) ** 2 for x in there) / len(there)
        p = norm.cdf((s - mean_j) / math.sqrt(var_i + var_j + EPSILON))
        g = (
            (1.0 if difference > 0 else 0.0 if difference < 0 else 0.5)
            if tau is None
            else norm.cdf(difference / tau)
        )
        found.append(1.0 + math.sqrt(p * g) + math.sqrt((1 - p) * (1 - g)))
    return found


def of_pair(own: list[float], other: list[float], difference: float, tau: float | None = 0.5) -> np.ndarray:
    """Rewards of both photos of one pair, those of the first one first."""
    count, others = len(own), len(other)
    return rewards_of_batch(
        np.array([*own, *other]),
        np.array([7] * count + [4] * others),
        np.array([4] * count + [7] * others),
        np.array([difference] * count + [-difference] * others),
        tau=tau,
    )


@given(ratings, ratings, differences, st.sampled_from([None, 0.2, 0.5, 1.0]))
def test_it_is_the_formula(
    own: list[float], other: list[float], difference: float, tau: float | None
) -> None:
    found = of_pair(own, other, difference, tau)

    wanted = by_the_book(own, other, difference, tau) + by_the_book(other, own, -difference, tau)
    assert np.abs(found - wanted).max() < 1e-9
    assert ((found >= 0) & (found <= 2 + 1e-12)).all()


@given(ratings, ratings, differences)
def test_turning_a_pair_round_turns_the_rewards_round(
    own: list[float], other: list[float], difference: float
) -> None:
    here, there = of_pair(own, other, difference), of_pair(other, own, -difference)

    assert here[: len(own)] == pytest.approx(there[len(other) :], abs=1e-12)
    assert here[len(own) :] == pytest.approx(there[: len(other)], abs=1e-12)


@given(ratings, ratings, differences)
def test_a_scale_turned_upside_down_with_the_label_changes_nothing(
    own: list[float], other: list[float], difference: float
) -> None:
    flipped = of_pair([100 - s for s in own], [100 - s for s in other], -difference)

    assert of_pair(own, other, difference) == pytest.approx(flipped, abs=1e-7)


def test_a_perfect_order_earns_all_there_is_and_a_reversed_one_nothing() -> None:
    assert of_pair([90, 91, 92], [10, 11, 12], 1.0, None) == pytest.approx([2.0] * 6, abs=1e-6)
    assert of_pair([10, 11, 12], [90, 91, 92], 1.0, None) == pytest.approx([1.0] * 6, abs=1e-6)


def test_ties_earn_all_only_where_the_photos_are_alike() -> None:
    assert of_pair([50] * 4, [50] * 4, 0.0) == pytest.approx([2.0] * 8)
    assert (of_pair([50] * 4, [50] * 4, 1.0, None) < 1.75).all()
    assert (of_pair([90] * 4, [10] * 4, 0.0) < 1.75).all()


def test_what_cannot_be_read_earns_nothing_and_does_not_count_for_the_others() -> None:
    with_gap = of_pair([80, NONE, 82, 84], [20, 22, NONE, NONE], 0.8)

    assert with_gap[1] == with_gap[6] == with_gap[7] == 0
    without = of_pair([80, 82, 84], [20, 22], 0.8)
    assert with_gap[[0, 2, 3, 4, 5]] == pytest.approx(without)


def test_beside_a_partner_without_any_rating_only_the_form_is_worth_something() -> None:
    assert of_pair([80, 81], [NONE, NONE], 0.8).tolist() == [1, 1, 0, 0]
    assert of_pair([NONE, NONE], [NONE, NONE], 0.8).tolist() == [0, 0, 0, 0]


def test_one_outlier_is_worth_least_of_its_group() -> None:
    rewards = of_pair([70, 72, 71, 5], [40, 42, 41, 43], 0.9)

    assert rewards[3] == min(rewards[:4]) and rewards[3] < min(rewards[:3]) - 0.1


@given(st.floats(0, 100), st.floats(0, 100))
def test_the_further_on_the_right_side_the_better(one: float, other: float) -> None:
    low, high = sorted((one, other))

    worth = consistency(np.array([low, high]), np.array([50.0, 51.0]), target=1.0)

    assert worth[0] <= worth[1]


def test_the_target_grows_with_the_difference() -> None:
    assert [target_of(d, None) for d in (-1, -0.1, 0, 0.1, 1)] == [0, 0, 0.5, 1, 1]
    soft = [target_of(d, 0.5) for d in (-1, -0.1, 0, 0.1, 1)]
    assert soft == sorted(soft) and soft[2] == 0.5 and soft[4] == pytest.approx(0.97725, abs=1e-5)


def test_a_photo_with_two_partners_is_held_against_each() -> None:
    values = np.array([60.0, 62, 20, 22, 90, 92])
    photos, partners = np.array([1, 1, 2, 2, 3, 3]), np.array([2, 2, 1, 1, 1, 1])
    with pytest.raises(ValueError, match="partner 9 is not in this batch"):
        rewards_of_batch(values, photos, np.where(photos == 3, 9, partners), np.zeros(6), tau=None)

    twice = rewards_of_batch(
        np.array([60.0, 62, 20, 22, 60, 62, 90, 92]),
        np.array([1, 1, 2, 2, 1, 1, 3, 3]),
        np.array([2, 2, 1, 1, 3, 3, 1, 1]),
        np.array([1.0, 1, -1, -1, -1, -1, 1, 1]),
        tau=None,
    )
    assert twice == pytest.approx(
        [*of_pair([60, 62], [20, 22], 1, None), *of_pair([60, 62], [90, 92], -1, None)]
    )
