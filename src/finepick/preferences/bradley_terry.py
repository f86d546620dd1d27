"""The scale behind the answers: scores of every photo with their covariance, fitted under a stated prior."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, ndtr, ndtri
from scipy.stats import rankdata

from finepick.domain import FloatArray
from finepick.preferences.answers import Answers, IndexArray, summed
from finepick.preferences.connections import components_of
from finepick.preferences.davidson import derivatives, log_likelihood

LEVEL = 0.95
_STEPS = 100
_HALVINGS = 30
_PRECISE = (
    1e-18  # twice what a step still gains, in nats: the mode is known to about 1e-9 standard deviations
)
_SAME = 9  # decimals to which scores must agree to share a rank
_TIE_SEARCH = 30.0


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed before the first answer. It keeps every score finite, whatever people answer.

    A photo's score is normal with mean 0 and standard deviation `spread`, in log-odds (1.5: of two photos drawn
    at random, the better one wins 80 % of the time on average). log ν is normal with mean 0 and standard
    deviation `tie_spread`.
    """

    spread: float = 1.5
    tie_spread: float = 2.0

    def __post_init__(self) -> None:
        if not (0 < self.spread < np.inf and 0 < self.tie_spread < np.inf):
            raise ValueError(
                f"a prior needs positive, finite spreads, not {self.spread} and {self.tie_spread}"
            )


@dataclass(frozen=True, slots=True)
class Fit:
    """The scale of one series of n photos.

    `scores` (n) are log-odds with mean 0; `covariance` (n × n) is theirs (Laplace's approximation); `tie` is
    Davidson's ν, 0 where nobody ever said "cannot tell"; `components` (n) numbers the groups of photos that a
    chain of answers connects. Scores of photos in different groups compare by the prior alone.
    """

    scores: FloatArray
    covariance: FloatArray
    tie: float
    components: IndexArray
    converged: bool

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def is_connected(self) -> bool:
        return len(self) == 0 or bool(self.components.max() == 0)

    @property
    def ranks(self) -> IndexArray:
        """(n,) 1 = best; equal scores share the better rank."""
        return rankdata(-np.round(self.scores, _SAME), method="min").astype(np.intp)

    def probability(self, i: int, j: int) -> float:
        """P that a person who does prefer one of the two prefers *i*: 1 / (1 + e^−(score i − score j))."""
        return float(expit(self.scores[i] - self.scores[j]))

    def interval(self, i: int, j: int, level: float = LEVEL) -> tuple[float, float]:
        """Between which probabilities `probability(i, j)` lies, with probability *level*."""
        half = float(ndtri(0.5 + level / 2) * np.sqrt(max(self.variance(i, j), 0.0)))
        middle = self.scores[i] - self.scores[j]
        return float(expit(middle - half)), float(expit(middle + half))

    def variance(self, i: int, j: int) -> float:
        """Variance of the difference of two scores."""
        c = self.covariance
        return float(c[i, i] + c[j, j] - 2 * c[i, j])

    def order_probability(self, i: int, j: int) -> float:
        """How sure it is that *i* is the better one: P(score i > score j), ½ where i is j."""
        spread = np.sqrt(max(self.variance(i, j), 0.0))
        return float(ndtr((self.scores[i] - self.scores[j]) / spread)) if spread > 0 else 0.5


def fit_bradley_terry(
    answers: Answers, n: int, *, prior: Prior | None = None, tie: float | None = None
) -> Fit:
    """The scores of the *n* photos of one series that *answers* make likeliest under *prior*.

    *tie* fixes Davidson's ν; None finds it with the scores where anybody said "cannot tell", and is 0 where
    nobody did. Who answered and what stood on the left is not looked at: see `reliability` for that. Raises
    ValueError for answers of several series, about photos that are not there, and for ties where *tie* is 0.
    """
    prior = prior or Prior()
    if len(answers) and np.any(answers.series != answers.series[0]):
        raise ValueError("these answers are of several series: fit them one by one, or together by calibrate")
    answers = replace(answers, series=np.zeros(len(answers), np.intp))
    data = Evidence(answers, np.array([n]))
    tied = bool(np.any(answers.weight[answers.outcome == 0] > 0))
    if tie is not None and not (0 <= tie < np.inf and (tie > 0 or not tied)):
        raise ValueError(
            f"a tie parameter of {tie} does not go with these answers: leave it out to have it found"
        )
    estimated = tie is None and tied
    nu = _find_tie(data, prior) if estimated else tie or 0.0
    scale = data.posterior(prior.spread, Manner(nu))
    [(scores, covariance)] = scale.parts()
    if estimated:
        covariance = covariance + _doubt_of_tie(data, scale, nu, prior)
    return Fit(
        scores - scores.mean() if n else scores,
        centred(covariance),
        nu,
        components_of(answers, n),
        bool(scale.converged.all()),
    )


@dataclass(frozen=True, slots=True)
class Manner:
    """In what manner answers were given; each one number for all or one for each answer, (m,).

    Their log-odds are `slope` · (score of a − score of b) + `shift`; `tie` is ν.
    """

    tie: FloatArray | float = 0.0
    slope: FloatArray | float = 1.0
    shift: FloatArray | float = 0.0

    def log_odds(self, difference: FloatArray) -> FloatArray:
        return np.asarray(self.slope * difference + self.shift)


@dataclass(frozen=True, slots=True)
class Posterior:
    """Scores of many series, laid end to end, and the covariance inside each; `converged` is one a series."""

    sizes: IndexArray
    mean: FloatArray
    covariance: FloatArray
    converged: NDArray[np.bool_]

    def parts(self) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Mean (n,) and covariance (n × n) of every series."""
        sizes = self.sizes.tolist()
        for n, first, corner in zip(
            sizes, _starts(self.sizes).tolist(), _starts(self.sizes**2).tolist(), strict=True
        ):
            yield self.mean[first : first + n], self.covariance[corner : corner + n * n].reshape(n, n)


class Evidence:
    """Answers about series of *sizes* photos, laid out so that all series are fitted at once.

    Photos are numbered through all series. Series of equal size are solved together as one stack of matrices.
    Raises ValueError where an answer is about what is not there.
    """

    def __init__(self, answers: Answers, sizes: Sequence[int] | IndexArray) -> None:
        self.answers = answers
        self.sizes = np.asarray(sizes, np.intp)
        answers.check(self.sizes)
        self.first = _starts(self.sizes)
        self.corner = _starts(self.sizes**2)
        self.photos, self.cells = int(self.sizes.sum()), int((self.sizes**2).sum())
        self.i = self.first[answers.series] + answers.a
        self.j = self.first[answers.series] + answers.b

    @cached_property
    def _rows(self) -> IndexArray:
        """For every photo its series."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @cached_property
    def stacks(self) -> list[tuple[IndexArray, IndexArray]]:
        """For every size: where the photos (k, n) and the cells (k, n, n) of its series lie."""
        stacks = []
        for n in np.unique(self.sizes[self.sizes > 0]):
            which = np.flatnonzero(self.sizes == n)
            photos = self.first[which, None] + np.arange(n)
            cells = self.corner[which, None, None] + np.arange(n * n).reshape(n, n)
            stacks.append((photos, cells))
        return stacks

    def series_of(self, photos: IndexArray) -> IndexArray:
        """For every row of a stack (k, n) its series, (k,)."""
        return self._rows[photos[:, 0]]

    @cached_property
    def _cells(self) -> tuple[IndexArray, IndexArray]:
        """For every answer where its cells a, b and b, a lie; for every photo the cell on its diagonal."""
        answers, n = self.answers, self.sizes[self.answers.series]
        corner = self.corner[answers.series]
        off = np.concatenate([corner + answers.a * n + answers.b, corner + answers.b * n + answers.a])
        inside = np.arange(self.photos) - self.first[self._rows]
        return off, self.corner[self._rows] + inside * (self.sizes[self._rows] + 1)

    def difference(self, values: FloatArray) -> FloatArray:
        """*values* of a less *values* of b, for every answer."""
        return np.asarray(values[self.i] - values[self.j])

    def variances(self, covariance: FloatArray) -> FloatArray:
        """Variance of the difference of a and b, for every answer."""
        off, diagonal = self._cells
        own = covariance[diagonal]
        return np.asarray(own[self.i] + own[self.j] - 2 * covariance[off[: len(self.answers)]])

    def posterior(
        self,
        spread: float,
        manner: Manner,
        start: FloatArray | None = None,
    ) -> Posterior:
        """Mode and inverse curvature (Laplace) of all scores ~ N(0, *spread*²), by Newton's method from *start*.

        The objective is strictly concave; a step that does not gain is halved.
        """
        mean = np.zeros(self.photos) if start is None else start.copy()
        value = self._value(mean, spread, manner)
        done = np.zeros(len(self.sizes), bool)
        for _ in range(_STEPS):
            gradient, precision = self._derivatives(mean, spread, manner)
            step, gain = self._solve(precision, gradient)
            done = gain <= _PRECISE * np.maximum(1.0, np.abs(value))
            if done.all():
                break
            mean, value = self._climb(mean, value, step, gain, spread, manner)
        return Posterior(self.sizes, mean, self._inverse(precision), done)

    def _climb(
        self,
        mean: FloatArray,
        value: FloatArray,
        step: FloatArray,
        gain: FloatArray,
        spread: float,
        manner: Manner,
    ) -> tuple[FloatArray, FloatArray]:
        """As far along *step* as gains, series by series."""
        length = np.ones(len(self.sizes))
        for _ in range(_HALVINGS):
            moved = mean + length[self._rows] * step
            reached = self._value(moved, spread, manner)
            worse = reached < value + 1e-4 * length * gain - 1e-12 * (1.0 + np.abs(value))
            if not worse.any():
                return moved, reached
            length[worse] *= 0.5
        length[worse] = 0.0
        moved = mean + length[self._rows] * step
        return moved, self._value(moved, spread, manner)

    def _value(self, mean: FloatArray, spread: float, manner: Manner) -> FloatArray:
        """Log-posterior of every series, but for a constant."""
        told = log_likelihood(self.answers.outcome, manner.log_odds(self.difference(mean)), manner.tie)
        held = summed(mean * mean, self._rows, len(self.sizes)) / (2 * spread**2)
        return self._per_series(self.answers.weight * told) - held

    def _per_series(self, values: FloatArray) -> FloatArray:
        return summed(values, self.answers.series, len(self.sizes))

    def _derivatives(self, mean: FloatArray, spread: float, manner: Manner) -> tuple[FloatArray, FloatArray]:
        """Gradient (photos,) and minus the second derivatives (cells,) of the log-posterior."""
        weight = self.answers.weight
        told = derivatives(self.answers.outcome, manner.log_odds(self.difference(mean)), manner.tie)
        pull, bend = weight * manner.slope * told.slope, weight * manner.slope**2 * told.bend
        gradient = summed(pull, self.i, self.photos) - summed(pull, self.j, self.photos)
        own = summed(bend, self.i, self.photos) + summed(bend, self.j, self.photos)
        off, diagonal = self._cells
        precision = -summed(np.concatenate([bend, bend]), off, self.cells)
        precision[diagonal] += own + spread**-2
        return gradient - mean / spread**2, precision

    def _solve(self, precision: FloatArray, gradient: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Newton's step for every photo, and for every series twice what it gains to second order."""
        step = np.zeros(self.photos)
        for photos, cells in self.stacks:
            step[photos] = np.linalg.solve(precision[cells], gradient[photos][..., None])[..., 0]
        return step, summed(step * gradient, self._rows, len(self.sizes))

    def _inverse(self, precision: FloatArray) -> FloatArray:
        covariance = np.zeros(self.cells)
        for _, cells in self.stacks:
            covariance[cells] = np.linalg.inv(precision[cells])
        return covariance


def _find_tie(data: Evidence, prior: Prior) -> float:
    """ν at the mode of scores and log ν together: where the profile, which is concave, is flat."""

    def slope_at(log_tie: float) -> float:
        tie = float(np.exp(log_tie))
        d = data.difference(data.posterior(prior.spread, Manner(tie)).mean)
        told = derivatives(data.answers.outcome, d, tie)
        return float(data.answers.weight @ told.tie_slope) - log_tie / prior.tie_spread**2

    return float(np.exp(brentq(slope_at, -_TIE_SEARCH, _TIE_SEARCH, xtol=1e-12)))


def _doubt_of_tie(data: Evidence, scale: Posterior, tie: float, prior: Prior) -> FloatArray:
    """What not knowing ν adds to the covariance of the scores (Schur's complement)."""
    weight, n = data.answers.weight, data.photos
    told = derivatives(data.answers.outcome, data.difference(scale.mean), tie)
    cross = summed(weight * told.mixed, data.i, n) - summed(weight * told.mixed, data.j, n)
    lever = scale.covariance.reshape(n, n) @ cross
    own = float(weight @ told.tie_bend) + prior.tie_spread**-2 - float(cross @ lever)
    return np.outer(lever, lever) / own


def centred(covariance: FloatArray) -> FloatArray:
    """Covariance of the scores less their mean."""
    if not len(covariance):
        return covariance
    rows = covariance - covariance.mean(axis=0)
    return np.asarray(rows - rows.mean(axis=1, keepdims=True))


def _starts(lengths: IndexArray) -> IndexArray:
    return np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.intp) if len(lengths) else lengths
