"""How sure a figure is: bootstrap resamples as weights, so that one matrix product draws thousands of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from finepick.domain import FloatArray
from finepick.evaluation.metrics import ratio

LEVEL = 0.95
_NUMBERS_AT_A_TIME = 1_000_000


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How many resamples to draw, and from which seed; the same for every model, so that they can be paired."""

    resamples: int = 2000
    seed: int = 0

    def weights(self, units: int, *, stream: int = 0) -> Iterator[FloatArray]:
        """How often each of *units* is drawn, (some resamples, units), until all resamples were had.

        Every row sums to *units*. *stream* keeps the draws of different kinds of units apart.
        """
        rng = np.random.default_rng([self.seed, stream])
        rows = max(1, _NUMBERS_AT_A_TIME // max(units, 1))
        for begun in range(0, self.resamples, rows):
            count = min(rows, self.resamples - begun)
            drawn = rng.integers(0, units, (count, units)) + units * np.arange(count)[:, None]
            counts = np.bincount(drawn.ravel(), minlength=count * units)
            yield counts.reshape(count, units).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much *better* one set of predictions is than another, on the same resamples.

    value: on the data as they are. low, high: 95 % interval, None where it cannot be had.
    p_better: share of resamples in which it is better, ties counting half.
    """

    value: float
    low: float | None
    high: float | None
    p_better: float | None


def interval(draws: FloatArray, *, level: float = LEVEL) -> tuple[float, float] | None:
    """The percentile interval of *draws* (resamples,), leaving out those to which the metric did not apply."""
    known = draws[~np.isnan(draws)]
    if not len(known):
        return None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_difference(
    value: float, draws: FloatArray, other_value: float, other_draws: FloatArray
) -> Difference:
    """How much better *value* is than *other_value*; draws (resamples,) must be of the same resamples."""
    apart = draws - other_draws
    known = apart[~np.isnan(apart)]
    bounds = interval(apart)
    if bounds is None:
        return Difference(value - other_value, None, None, None)
    p_better = float(np.mean(known > 0) + np.mean(known == 0) / 2)
    return Difference(value - other_value, *bounds, p_better)


def weighted_plcc(one: FloatArray, other: FloatArray, weights: FloatArray) -> FloatArray:
    """Pearson's r (b,) of each resample; values are (n,) or (b, n), weights (b, n). NaN where one is constant."""
    total = weights.sum(axis=1)
    x = one - (ratio((weights * one).sum(axis=1), total)[:, None])
    y = other - (ratio((weights * other).sum(axis=1), total)[:, None])
    covariance, x_variance, y_variance = (
        (weights * product).sum(axis=1) for product in (x * y, x * x, y * y)
    )
    varies = _varies(one, weights) & _varies(other, weights)
    spread = np.where(varies, np.sqrt(x_variance * y_variance), 0.0)
    return np.clip(ratio(covariance, spread), -1.0, 1.0)


def weighted_srcc(one: FloatArray, other: FloatArray, weights: FloatArray) -> FloatArray:
    """Spearman's ρ (b,) of each resample of values (n,); weights are (b, n)."""
    return weighted_plcc(weighted_ranks(one, weights), weighted_ranks(other, weights), weights)


def weighted_ranks(values: FloatArray, weights: FloatArray) -> FloatArray:
    """The rank (b, n) of each value in each resample, in which it occurs *weights* times; ties share their mean."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    group = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(values)]))
    sizes = np.add.reduceat(weights[:, order], starts, axis=1)
    middle = np.cumsum(sizes, axis=1) - sizes + (sizes + 1) / 2
    ranks = np.empty_like(weights)
    ranks[:, order] = middle[:, group]
    return ranks


def _varies(values: FloatArray, weights: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether each resample (b,) holds at least two different values."""
    drawn = weights > 0
    spread = np.broadcast_to(values, weights.shape)
    return np.asarray(
        np.where(drawn, spread, -np.inf).max(axis=1) > np.where(drawn, spread, np.inf).min(axis=1)
    )
