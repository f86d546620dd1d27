"""How sure a figure is: bootstrap resamples as weights, so that one matrix product draws thousands of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from finepick.domain import FloatArray
from finepick.evaluation.metrics import ratio

LEVEL = 0.95
_NUMBERS_AT_A_TIME = 1_000_000
_ROUNDING = 1e-14  # what is left of a variance of about 1 where there is none


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
    """Pearson's r (b,) of each resample of values (n,); weights are (b, n). NaN where one is constant."""
    x, y = _standardised(one), _standardised(other)
    sums = weights @ np.stack([x, y, x * y, x * x, y * y], axis=1)
    mean_x, mean_y, xy, xx, yy = (sums / np.maximum(weights.sum(axis=1), 1.0)[:, None]).T
    return _correlation(xy - mean_x * mean_y, xx - mean_x**2, yy - mean_y**2)


def weighted_srcc(one: FloatArray, other: FloatArray, weights: FloatArray) -> FloatArray:
    """Spearman's ρ (b,) of each resample of values (n,); weights are (b, n). NaN where one is constant."""
    total = np.maximum(weights.sum(axis=1), 1.0)[:, None]
    x, y = (weighted_ranks(values, weights) / total - (total + 1) / (2 * total) for values in (one, other))
    drawn_x, drawn_y = weights * x, weights * y
    products = ((drawn_x, y), (drawn_x, x), (drawn_y, y))
    return _correlation(*(np.einsum("bn,bn->b", *both) / total[:, 0] for both in products))


def weighted_ranks(values: FloatArray, weights: FloatArray) -> FloatArray:
    """The rank (b, n) of each value in each resample, in which it occurs *weights* times; ties share their mean."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.take(weights, order, axis=1)
    if len(starts) < len(values):
        sizes = np.add.reduceat(sizes, starts, axis=1)
    middle = np.cumsum(sizes, axis=1)
    middle -= (sizes - 1) / 2
    group = np.empty(len(values), np.intp)
    group[order] = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(values)]))
    return np.take(middle, group, axis=1)


def _standardised(values: FloatArray) -> FloatArray:
    """*values* with mean 0 and deviation 1; zeros where they are constant."""
    deviations = values - values.mean()
    spread = np.abs(deviations).max()
    scaled = deviations / spread if spread > 0 else deviations
    return np.asarray(scaled / (np.std(scaled) or 1.0))


def _correlation(xy: FloatArray, xx: FloatArray, yy: FloatArray) -> FloatArray:
    varies = (xx > _ROUNDING) & (yy > _ROUNDING)
    spread = np.where(varies, np.sqrt(np.where(varies, xx * yy, 0.0)), 0.0)
    return np.clip(ratio(xy, spread), -1.0, 1.0)
