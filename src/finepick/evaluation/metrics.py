"""How well predictions agree with people: pairs, series, and single photos. Pure functions of arrays.

Pair level: *labels* (n,) hold 1 where people prefer the first photo and −1 where the second; *verdicts* (n,) hold
1, −1, or 0 for a predicted tie. Series level: for each series two arrays (k,), people's answers and predictions,
higher is better in both. Photo level: two arrays (n,). A metric to which nothing is left is NaN.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import least_squares
from scipy.special import expit
from scipy.stats import rankdata

from finepick.domain import FloatArray

PAIR_COUNTS = 6
"""How many numbers tell all that accuracy and F1 need to know of some pairs; see `pair_counts`."""

_FITTED_PARAMETERS = 4
_LARGEST_EXPONENT = 20.0
_EVALUATIONS = 100  # enough where there is an optimum; where it lies at infinity nothing would be


def pair_acc(labels: ArrayLike, verdicts: ArrayLike) -> float:
    """Share of pairs in the right order; a predicted tie is wrong.

    >>> pair_acc([1, 1, -1, -1], [1, 0, -1, 1])
    0.5
    """
    return float(accuracy_of(pair_counts(labels, verdicts)))


def pair_f1(labels: ArrayLike, verdicts: ArrayLike) -> float:
    """F1, macro over "first photo wins" and "second photo wins"; a predicted tie is neither.

    An outcome that neither people nor the model ever named has no F1 and is left out of the mean
    (scikit-learn's `zero_division=nan`).
    """
    return float(f1_of(pair_counts(labels, verdicts)))


def s_acc(labels: Sequence[ArrayLike], predictions: Sequence[ArrayLike]) -> float:
    """Share of series whose predicted best is an annotated best; a predicted tie for best is wrong."""
    return _mean([finds_best(one, other) for one, other in zip(labels, predictions, strict=True)])


def s_srcc(labels: Sequence[ArrayLike], predictions: Sequence[ArrayLike], *, least: int = 1) -> float:
    """Mean of Spearman's ρ over the series of at least *least* photos.

    Constant predictions count 0; series with constant labels are left out.
    """
    pairs = zip(labels, predictions, strict=True)
    return _mean([series_srcc(one, other) for one, other in pairs if np.size(one) >= least])


def s_srcc_3plus(labels: Sequence[ArrayLike], predictions: Sequence[ArrayLike]) -> float:
    """`s_srcc` over the series of three and more photos: of two, ρ can only be 1 or −1."""
    return s_srcc(labels, predictions, least=3)


def srcc(predicted: ArrayLike, means: ArrayLike) -> float:
    """Spearman's ρ, ties sharing their mean rank; NaN where either is constant or there is one photo."""
    one, other = _same_length(predicted, means)
    return plcc(rankdata(one), rankdata(other)) if len(one) else float("nan")


def plcc(predicted: ArrayLike, means: ArrayLike) -> float:
    """Pearson's r; NaN where either is constant or there is one photo."""
    one, other = _same_length(predicted, means)
    if is_constant(one) or is_constant(other):
        return float("nan")
    return float(np.clip(np.dot(_standardised(one), _standardised(other)), -1.0, 1.0))


def plcc_fitted(predicted: ArrayLike, means: ArrayLike) -> float:
    """Pearson's r after the customary logistic fit, see `fit_logistic`; NaN where that does not apply.

    A model that is upside down stays negative: the fitted curve may fall, but then r gets a minus.
    """
    fitted = fit_logistic(predicted, means)
    if fitted is None:
        return float("nan")
    return float(np.copysign(abs(plcc(fitted, means)), plcc(predicted, means)))


def fit_logistic(predicted: ArrayLike, means: ArrayLike) -> FloatArray | None:
    """*predicted* (n,) after a monotone logistic of four parameters was fitted to *means* by least squares.

    f(x) = β₂ + (β₁ − β₂) / (1 + exp(−(x − β₃) / |β₄|)), the mapping of the Video Quality Experts Group (2003),
    rising where r is positive, falling where it is negative; a straight line, its limit, where nothing bent is
    better. None for fewer than five photos (four parameters explain any four) and for constant input.
    """
    one, other = _same_length(predicted, means)
    if len(one) <= _FITTED_PARAMETERS or is_constant(one) or is_constant(other):
        return None
    x, y = (_standardised(values) * np.sqrt(len(one)) for values in (one, other))
    r = float(x @ y) / len(x)
    x = x if r >= 0 else -x
    fits = [
        least_squares(_misfit, start, _slopes, method="lm", args=(x, y), max_nfev=_EVALUATIONS).x
        for start in _starts(abs(r), x, y)
    ]
    curves = [abs(r) * x, *(_logistic(fit, x) for fit in fits)]
    best = min(curves, key=lambda curve: float(np.sum((curve - y) ** 2)))
    return np.asarray(best * np.std(other) + np.mean(other))


def finds_best(labels: ArrayLike, predictions: ArrayLike) -> float:
    """1 where the predicted best of a series is one of the annotated best, else 0; a predicted tie is 0."""
    people, model = _same_length(labels, predictions)
    if not len(model):
        return float("nan")
    best = np.flatnonzero(model == model.max())
    return float(len(best) == 1 and people[best[0]] == people.max())


def series_srcc(labels: ArrayLike, predictions: ArrayLike) -> float:
    """Spearman's ρ in one series: 0 for constant predictions, NaN (left out) for constant labels."""
    people, model = _same_length(labels, predictions)
    if is_constant(people):
        return float("nan")
    return 0.0 if is_constant(model) else srcc(model, people)


def pair_counts(labels: ArrayLike, verdicts: ArrayLike) -> FloatArray:
    """All that accuracy and F1 need to know of some pairs, (6,); counts of several lots may be added.

    Right pairs, pairs; then for "first wins" and "second wins" each: how often rightly predicted, and how often
    said by people plus how often by the model.
    """
    people, model = _same_length(labels, verdicts)
    counts = [np.sum(people == model), people.size]
    for outcome in (1, -1):
        said, predicted = people == outcome, model == outcome
        counts += [np.sum(said & predicted), np.sum(said) + np.sum(predicted)]
    return np.array(counts, np.float64)


def accuracy_of(counts: FloatArray) -> FloatArray:
    """Accuracy (…) from `pair_counts` (…, 6)."""
    return ratio(counts[..., 0], counts[..., 1])


def f1_of(counts: FloatArray) -> FloatArray:
    """Macro F1 (…) from `pair_counts` (…, 6): 2·tp / (2·tp + fp + fn), mean over the outcomes that occur."""
    outcomes = [ratio(2 * counts[..., 2], counts[..., 3]), ratio(2 * counts[..., 4], counts[..., 5])]
    return mean_of_known(np.stack(outcomes), axis=0)


def ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """*part* / *whole*, NaN where there is nothing."""
    shape = np.broadcast_shapes(np.shape(part), np.shape(whole))
    return np.asarray(np.divide(part, whole, out=np.full(shape, np.nan), where=whole != 0))


def mean_of_known(values: FloatArray, *, axis: int) -> FloatArray:
    """The mean along *axis* of what is not NaN; NaN where all is."""
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0.0).sum(axis=axis), known.sum(axis=axis).astype(np.float64))


def is_constant(values: FloatArray) -> bool:
    """Whether *values* hold fewer than two different numbers."""
    return len(values) == 0 or bool((values == values[0]).all())


def _same_length(one: ArrayLike, other: ArrayLike) -> tuple[FloatArray, FloatArray]:
    first, second = np.asarray(one, np.float64), np.asarray(other, np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(f"two arrays of one length are needed, not {first.shape} and {second.shape}")
    return first, second


def _mean(values: Sequence[float]) -> float:
    return float(mean_of_known(np.array(values, np.float64), axis=0))


def _standardised(values: FloatArray) -> FloatArray:
    """*values* less their mean, with Euclidean norm 1."""
    deviations = values - values.mean()
    scaled = deviations / np.abs(deviations).max()  # so that squares of tiny or huge numbers stay finite
    return np.asarray(scaled / np.linalg.norm(scaled))


def _logistic(parameters: FloatArray, x: FloatArray) -> FloatArray:
    """A rising logistic; height and width are given by their logarithms, so that it cannot fall."""
    floor, log_height, middle, log_width = parameters
    height, width = np.exp(np.clip([log_height, log_width], -_LARGEST_EXPONENT, _LARGEST_EXPONENT))
    return np.asarray(floor + height * expit((x - middle) / width))


def _misfit(parameters: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    return _logistic(parameters, x) - y


def _slopes(parameters: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """How `_misfit` (n,) changes with each parameter, (n, 4)."""
    _, log_height, middle, log_width = parameters
    height, width = np.exp(np.clip([log_height, log_width], -_LARGEST_EXPONENT, _LARGEST_EXPONENT))
    place = (x - middle) / width
    level = expit(place)
    steepness = height * level * (1.0 - level)
    return np.stack([np.ones_like(x), height * level, -steepness / width, -steepness * place], axis=1)


def _starts(r: float, x: FloatArray, y: FloatArray) -> Iterator[FloatArray]:
    """Steep, customary, and nearly straight with slope *r*."""
    for width in (0.25, 1.0):
        yield np.array([y.min(), np.log(np.ptp(y)), np.median(x), np.log(width)])
    height = 4.0 * 4.0 * max(r, 0.01)
    yield np.array([-height / 2, np.log(height), 0.0, np.log(4.0)])
