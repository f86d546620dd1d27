"""Resamples as weights give what resampling by hand gives, and intervals hold what they promise."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from finepick.evaluation.bootstrap import (
    Bootstrap,
    interval,
    paired_difference,
    weighted_plcc,
    weighted_ranks,
    weighted_srcc,
)

seeds = st.integers(0, 10_000)


def test_every_resample_draws_as_many_units_as_there_are() -> None:
    weights = np.concatenate(list(Bootstrap(resamples=500, seed=1).weights(37)))

    assert weights.shape == (500, 37)
    assert (weights.sum(axis=1) == 37).all()
    assert (weights >= 0).all() and (weights == np.round(weights)).all()
    assert weights.mean(axis=0) == pytest.approx(1, abs=0.25)
    assert weights.var() == pytest.approx(1 - 1 / 37, abs=0.05)  # of a multinomial


def test_a_seed_always_draws_the_same_and_streams_draw_apart() -> None:
    def draw(seed: int, stream: int = 0) -> np.ndarray:
        return np.concatenate(list(Bootstrap(50, seed).weights(20, stream=stream)))

    assert (draw(3) == draw(3)).all()
    assert (draw(3) != draw(4)).any()
    assert (draw(3) != draw(3, stream=1)).any()


def test_many_units_come_in_several_parts_that_are_all_the_resamples() -> None:
    parts = list(Bootstrap(resamples=7, seed=0).weights(400_000))

    assert len(parts) > 1
    assert sum(map(len, parts)) == 7


@settings(deadline=None)
@given(seeds, st.integers(2, 12), st.integers(1, 4))
def test_weighted_ranks_are_the_ranks_of_the_sample_written_out(seed: int, size: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, levels, size).astype(float)
    weights = rng.multinomial(size, np.full(size, 1 / size), 3).astype(float)

    ranks = weighted_ranks(values, weights)

    for row, count in zip(ranks, weights.astype(int), strict=True):
        written_out = stats.rankdata(np.repeat(values, count))
        assert np.repeat(row, count) == pytest.approx(written_out, abs=1e-12)


@settings(deadline=None)
@given(seeds, st.integers(2, 15))
def test_weighted_correlations_are_those_of_the_sample_written_out(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 5, size).astype(float), rng.normal(size=size)
    weights = rng.multinomial(size, np.full(size, 1 / size), 4).astype(float)

    linear, ranked = weighted_plcc(x, y, weights), weighted_srcc(x, y, weights)

    for i, count in enumerate(weights.astype(int)):
        one, other = np.repeat(x, count), np.repeat(y, count)
        if len(set(one)) < 2 or len(set(other)) < 2:
            assert np.isnan(linear[i]) and np.isnan(ranked[i])
            continue
        assert linear[i] == pytest.approx(stats.pearsonr(one, other).statistic, abs=1e-12)
        assert ranked[i] == pytest.approx(stats.spearmanr(one, other).statistic, abs=1e-12)


def test_the_interval_is_the_middle_95_percent_of_what_is_known() -> None:
    assert interval(np.r_[np.arange(1001.0), np.nan]) == pytest.approx((25, 975))
    assert interval(np.full(5, np.nan)) is None


def test_the_interval_of_a_mean_holds_the_truth_as_often_as_it_promises() -> None:
    rng = np.random.default_rng(5)
    held = 0
    for trial in range(300):
        right = (rng.random(150) < 0.7).astype(float)
        draws = np.concatenate([w @ right / 150 for w in Bootstrap(400, trial).weights(150)])
        bounds = interval(draws)
        assert bounds is not None
        held += bounds[0] <= 0.7 <= bounds[1]

    assert 0.90 <= held / 300 <= 0.985


def test_a_paired_difference_sees_what_two_intervals_would_hide() -> None:
    rng = np.random.default_rng(6)
    hard = rng.normal(0, 1, 200)  # how hard a series is, for both
    worse, better = hard, hard + 0.1 + rng.normal(0, 0.2, 200)
    weights = np.concatenate(list(Bootstrap(1000, 0).weights(200)))
    draws_worse, draws_better = weights @ worse / 200, weights @ better / 200

    apart = interval(draws_worse), interval(draws_better)
    found = paired_difference(better.mean(), draws_better, worse.mean(), draws_worse)

    assert apart[0] is not None and apart[1] is not None
    assert apart[0][1] > apart[1][0]  # the intervals overlap
    assert found.low is not None and found.low > 0
    assert found.p_better is not None and found.p_better > 0.999
    assert found.value == pytest.approx(better.mean() - worse.mean())


def test_against_itself_nothing_is_better() -> None:
    draws = np.random.default_rng(7).normal(size=100)

    found = paired_difference(0.4, draws, 0.4, draws)

    assert (found.value, found.low, found.high, found.p_better) == (0.0, 0.0, 0.0, 0.5)


def test_where_no_resample_is_known_there_is_no_interval() -> None:
    unknown = np.full(10, np.nan)

    found = paired_difference(0.5, unknown, 0.4, unknown)

    assert (found.low, found.high, found.p_better) == (None, None, None)


def test_2000_resamples_of_1000_series_take_well_under_a_second() -> None:
    right = np.random.default_rng(8).random((1000, 12))
    seconds = []
    for _ in range(5):
        begun = time.perf_counter()
        draws = np.concatenate([weights @ right for weights in Bootstrap(2000, 0).weights(1000)])
        seconds.append(time.perf_counter() - begun)

    assert draws.shape == (2000, 12)
    assert min(seconds) < 0.7
