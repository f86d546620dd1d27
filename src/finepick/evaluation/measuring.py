"""From labels and answers to figures with intervals, and to differences between two sets of answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finepick.domain import FloatArray
from finepick.evaluation.bootstrap import (
    Bootstrap,
    Difference,
    interval,
    paired_difference,
    weighted_plcc,
    weighted_srcc,
)
from finepick.evaluation.labels import Benchmark, LabelledPair, annotated_values
from finepick.evaluation.metrics import (
    PAIR_COUNTS,
    accuracy_of,
    f1_of,
    finds_best,
    fit_logistic,
    mean_of_known,
    pair_counts,
    plcc,
    ratio,
    series_srcc,
    srcc,
)

PAIR_METRICS = ("pair_acc", "pair_f1")
SERIES_METRICS = ("s_acc", "s_srcc", "s_srcc_3plus")
PHOTO_METRICS = ("srcc", "plcc", "plcc_fitted")
SUMMARIES = ("pair", "series")
METRICS = (*PAIR_METRICS, *SERIES_METRICS, *PHOTO_METRICS, *SUMMARIES)
"""In the order of the contract."""

# Columns of a tally: `pair_counts`, then sum and number for the best and for both correlations.
_BEST, _RHO, _RHO_3 = (slice(start, start + 2) for start in (PAIR_COUNTS, PAIR_COUNTS + 2, PAIR_COUNTS + 4))
_COLUMNS = PAIR_COUNTS + 6
_NUMBER_IN = {
    **dict.fromkeys(("pair_acc", "pair_f1", "pair"), 1),
    **dict.fromkeys(("s_acc", "series"), _BEST.start + 1),
    "s_srcc": _RHO.start + 1,
    "s_srcc_3plus": _RHO_3.start + 1,
}
"""The column that says over how many pairs or series a metric is."""

Draws = dict[str, FloatArray]
"""By metric, its value in each resample (resamples,)."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model says of a benchmark.

    verdicts: for each series, for each of its pairs, 1 (the first wins), −1, or 0 for a tie.
    fine: for each series its scores (k,), or None where a system compares pairs only.
    coarse: a score for each of the benchmark's photos (n,), or None where the model has none.
    """

    verdicts: tuple[FloatArray, ...]
    fine: tuple[FloatArray | None, ...]
    coarse: FloatArray | None


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric's value over *n* pairs, series or photos, with its 95 % interval; None where one cannot be had."""

    value: float
    low: float | None
    high: float | None
    n: int


Metrics = Mapping[str, Measured | None]


@dataclass(frozen=True, slots=True)
class Measures:
    """All metrics (None where one does not apply), the same in each category, and their resampled values."""

    metrics: Metrics
    by_category: Mapping[str, Metrics]
    draws: Draws


def verdicts_from(scores: FloatArray, pairs: Sequence[LabelledPair]) -> FloatArray:
    """For each of *pairs* the sign of the difference of its *scores* (k,)."""
    return np.array([np.sign(scores[pair.a] - scores[pair.b]) for pair in pairs], np.float64)


def measure(benchmark: Benchmark, answers: Answers, bootstrap: Bootstrap) -> Measures:
    """All metrics of *answers*, with intervals by *bootstrap* over series (over photos for srcc and plcc)."""
    categories = _categories(benchmark)
    series = _measure_series(benchmark, answers, bootstrap, categories)
    photos = _measure_photos(benchmark, answers, bootstrap, categories)
    whole = series.metrics | photos.metrics
    return Measures(
        metrics={name: whole.get(name) for name in METRICS},
        by_category={
            category: {
                name: (series.by_category[category] | photos.by_category[category]).get(name)
                for name in METRICS
            }
            for category in categories
            if categories != [""]
        },
        draws=series.draws | photos.draws,
    )


def difference(better: Measures, other: Measures) -> dict[str, Difference | None]:
    """By metric, how much *better* is than *other*; both must have been measured on one benchmark alike."""
    return {name: _difference(better, other, name) for name in METRICS}


def _difference(better: Measures, other: Measures, name: str) -> Difference | None:
    one, two = better.metrics[name], other.metrics[name]
    if one is None or two is None:
        return None
    found = paired_difference(one.value, better.draws[name], two.value, other.draws[name])
    return found if one.low is not None else Difference(found.value, None, None, None)


@dataclass(frozen=True, slots=True)
class _Part:
    metrics: dict[str, Measured | None]
    by_category: dict[str, dict[str, Measured | None]]
    draws: Draws


def _categories(benchmark: Benchmark) -> list[str]:
    return sorted({one.category for one in benchmark.series} | {one.category for one in benchmark.photos})


def _measure_series(
    benchmark: Benchmark, answers: Answers, bootstrap: Bootstrap, categories: Sequence[str]
) -> _Part:
    tallies = _tallies(benchmark, answers)
    masks = [np.array([one.category == c for one in benchmark.series], bool) for c in categories]
    count = len(benchmark.series)
    if not count:
        return _Part({}, {category: {} for category in categories}, {})
    chunks = [_totals(weights, tallies, masks) for weights in bootstrap.weights(count)]
    drawn = np.concatenate(chunks)
    [true] = _totals(np.ones((1, count)), tallies, masks)
    units = np.stack([np.count_nonzero(tallies[mask], axis=0) for mask in masks])
    draws = _with_summaries(drawn)
    by_category = {
        category: _measured(_values(drawn[:, c]), _values(true[c]), true[c], units[c])
        for c, category in enumerate(categories)
    }
    return _Part(
        _measured(draws, _with_summaries(true), true.sum(axis=0), units.sum(axis=0)), by_category, draws
    )


def _tallies(benchmark: Benchmark, answers: Answers) -> FloatArray:
    """One row a series: all that its metrics are sums of, (series, columns)."""
    rows = np.zeros((len(benchmark.series), _COLUMNS))
    values = [annotated_values(series) for series in benchmark.series]
    is_ranked = all(
        fine is not None or people is None for people, fine in zip(values, answers.fine, strict=True)
    )
    questions = zip(benchmark.pairs, answers.verdicts, values, answers.fine, strict=True)
    for row, (pairs, verdicts, people, fine) in zip(rows, questions, strict=True):
        row[:PAIR_COUNTS] = pair_counts([pair.label for pair in pairs], verdicts)
        if is_ranked and people is not None and fine is not None:
            row[PAIR_COUNTS:] = _series_tally(people, fine)
    return rows


def _series_tally(people: FloatArray, fine: FloatArray) -> FloatArray:
    rho = series_srcc(people, fine)
    correlation = (0.0, 0.0) if np.isnan(rho) else (rho, 1.0)
    return np.array(
        [finds_best(people, fine), 1, *correlation, *(correlation if len(people) > 2 else (0, 0))]
    )


def _totals(weights: FloatArray, tallies: FloatArray, masks: Sequence[NDArray[np.bool_]]) -> FloatArray:
    """Sums of *tallies* in each resample and category, (resamples, categories, columns)."""
    return np.stack([weights[:, mask] @ tallies[mask] for mask in masks], axis=1)


def _values(totals: FloatArray) -> Draws:
    """By metric, its value (…) from totals (…, columns)."""
    acc, f1 = accuracy_of(totals[..., :PAIR_COUNTS]), f1_of(totals[..., :PAIR_COUNTS])
    best, rho, rho_3 = (ratio(*np.moveaxis(totals[..., part], -1, 0)) for part in (_BEST, _RHO, _RHO_3))
    return {
        "pair_acc": acc,
        "pair_f1": f1,
        "s_acc": best,
        "s_srcc": rho,
        "s_srcc_3plus": rho_3,
        "pair": (acc + f1) / 2,
        "series": (best + rho) / 2,
    }


def _with_summaries(totals: FloatArray) -> Draws:
    """The same over all categories, from (…, categories, columns); summaries are means over categories."""
    each = _values(totals)
    summaries = {name: mean_of_known(each[name], axis=-1) for name in SUMMARIES}
    return _values(totals.sum(axis=-2)) | summaries


def _measured(
    draws: Draws, true: Draws, totals: FloatArray, units: NDArray[np.intp]
) -> dict[str, Measured | None]:
    """*units*: how many series each column has anything from; an interval needs two."""
    return {
        name: _one(float(true[name]), draws[name], int(totals[column]), int(units[column]))
        for name, column in _NUMBER_IN.items()
    }


def _one(value: float, draws: FloatArray, n: int, units: int) -> Measured | None:
    if np.isnan(value):
        return None
    low, high = (interval(draws) if units > 1 else None) or (None, None)
    return Measured(value, low, high, n)


def _measure_photos(
    benchmark: Benchmark, answers: Answers, bootstrap: Bootstrap, categories: Sequence[str]
) -> _Part:
    if answers.coarse is None or not benchmark.photos:
        return _Part({}, {category: {} for category in categories}, {})
    means = np.array([one.score for one in benchmark.photos], np.float64)
    whole = _Correlations(answers.coarse, means)
    draws = _resampled(whole, bootstrap, np.ones(len(means), bool))
    figures = whole.measured(draws)
    if len(categories) == 1:
        return _Part(figures, {categories[0]: figures}, draws)
    by_category = {}
    for category in categories:
        mask = np.array([one.category == category for one in benchmark.photos], bool)
        part = _Correlations(answers.coarse[mask], means[mask])
        by_category[category] = part.measured(_resampled(part, bootstrap, mask))
    return _Part(figures, by_category, draws)


def _resampled(part: _Correlations, bootstrap: Bootstrap, mask: NDArray[np.bool_]) -> Draws:
    """The correlations of those photos that *mask* picks, in resamples of all photos."""
    many = [part.resampled(weights[:, mask]) for weights in bootstrap.weights(len(mask), stream=1)]
    return {name: np.concatenate([draws[name] for draws in many]) for name in PHOTO_METRICS}


class _Correlations:
    """Coarse scores and means (n,) of some photos. The fitted curve stays as it is in the resamples."""

    def __init__(self, coarse: FloatArray, means: FloatArray) -> None:
        self._coarse, self._means = coarse, means
        self._linear = plcc(coarse, means)
        self._fitted = fit_logistic(coarse, means)

    def measured(self, draws: Draws) -> dict[str, Measured | None]:
        count = len(self._means)
        fitted = float("nan")
        if self._fitted is not None:
            fitted = float(np.copysign(abs(plcc(self._fitted, self._means)), self._linear))
        true = {"srcc": srcc(self._coarse, self._means), "plcc": self._linear, "plcc_fitted": fitted}
        return {name: _one(value, draws[name], count, count) for name, value in true.items()}

    def resampled(self, weights: FloatArray) -> Draws:
        if not len(self._means):
            return dict.fromkeys(PHOTO_METRICS, np.full(len(weights), np.nan))
        fitted = np.full(len(weights), np.nan)
        if self._fitted is not None:
            sign = np.copysign(1.0, self._linear)
            fitted = sign * weighted_plcc(self._fitted, self._means, weights)
        return {
            "srcc": weighted_srcc(self._coarse, self._means, weights),
            "plcc": weighted_plcc(self._coarse, self._means, weights),
            "plcc_fitted": fitted,
        }
