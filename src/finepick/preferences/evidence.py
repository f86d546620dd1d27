"""What answers say of the scores of many series at once: the posterior as a normal, by mode or by average."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from finepick.domain import FloatArray
from finepick.preferences.answers import Answers, IndexArray, summed
from finepick.preferences.davidson import NORMAL_NODES, NORMAL_WEIGHTS, derivatives, log_likelihood

_STEPS = 100
_HALVINGS = 30
_PRECISE = 1e-18  # twice what a step still gains, in nats: the mode is off by about 1e-9 deviations
_ROUNDS = 200
_STILL = 1e-7  # the largest change of a mean, in standard deviations, or of a variance, relatively


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

    def mode(self, spread: float, manner: Manner, start: FloatArray | None = None) -> Posterior:
        """The likeliest scores under N(0, *spread*²), and the inverse curvature there (Laplace's approximation).

        By Newton's method from *start*; the objective is strictly concave; a step that does not gain is halved.
        """
        mean = np.zeros(self.photos) if start is None else start.copy()
        value = self._value(mean, spread, manner)
        done = np.zeros(len(self.sizes), bool)
        for _ in range(_STEPS):
            pulls, bends = self._told(self.difference(mean), manner)
            gradient, precision = self._assembled(mean, pulls, bends, spread)
            step, gain = self._solve(precision, gradient)
            done = gain <= _PRECISE * np.maximum(1.0, np.abs(value))
            if done.all():
                break
            mean, value = self._climb(mean, value, step, gain, spread, manner)
        return Posterior(self.sizes, mean, self._inverse(precision), done)

    def average(
        self, spread: float, manner: Manner, start: Posterior | None = None, *, rounds: int = _ROUNDS
    ) -> Posterior:
        """Mean and covariance of the scores under N(0, *spread*²): the normal closest to the posterior.

        Closest by Kullback and Leibler's divergence from the normal to the posterior (M. Opper and C. Archambeau,
        "The variational Gaussian approximation revisited", Neural Computation 21, 2009): where slopes vanish and
        curvatures match *on average over the normal*, not at its middle as with Laplace, whose mode lies too near
        to 0. At most *rounds* steps from *start*, by default from the mode.
        """
        found = self.mode(spread, manner) if start is None else start
        mean, covariance = found.mean, found.covariance
        bends, done = None, np.zeros(len(self.sizes), bool)
        for _ in range(rounds):
            pulls, fresh = self._expected(mean, covariance, manner)
            bends = (
                fresh if bends is None else (bends + fresh) / 2
            )  # by halves: it may swing where little is known
            gradient, precision = self._assembled(mean, pulls, bends, spread)
            step, _ = self._solve(precision, gradient)
            before, mean, covariance = covariance[self._cells[1]], mean + step, self._inverse(precision)
            now = covariance[self._cells[1]]
            change = np.zeros(len(self.sizes))
            np.maximum.at(
                change, self._rows, np.maximum(np.abs(step) / np.sqrt(now), np.abs(before / now - 1))
            )
            done = change <= _STILL
            if done.all():
                break
        return Posterior(self.sizes, mean, covariance, done)

    def _expected(
        self, mean: FloatArray, covariance: FloatArray, manner: Manner
    ) -> tuple[FloatArray, FloatArray]:
        """Slope and bend of every answer (m,) in its difference of scores, on average over the normal."""
        middle, spread = self.difference(mean), np.sqrt(np.maximum(self.variances(covariance), 0.0))
        pulls, bends = np.zeros(len(middle)), np.zeros(len(middle))
        for node, share in zip(NORMAL_NODES, NORMAL_WEIGHTS, strict=True):
            pull, bend = self._told(middle + node * spread, manner)
            pulls += share * pull
            bends += share * bend
        return pulls, bends

    def _told(self, difference: FloatArray, manner: Manner) -> tuple[FloatArray, FloatArray]:
        """Slope and bend of every answer (m,) in its *difference* of scores, weighted."""
        told = derivatives(self.answers.outcome, manner.log_odds(difference), manner.tie)
        weight = self.answers.weight
        return weight * manner.slope * told.slope, weight * manner.slope**2 * told.bend

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
        return summed(self.answers.weight * told, self.answers.series, len(self.sizes)) - held

    def _assembled(
        self, mean: FloatArray, pulls: FloatArray, bends: FloatArray, spread: float
    ) -> tuple[FloatArray, FloatArray]:
        """Gradient (photos,) and minus the second derivatives (cells,) of the log-posterior, from each answer's."""
        gradient = summed(pulls, self.i, self.photos) - summed(pulls, self.j, self.photos)
        own = summed(bends, self.i, self.photos) + summed(bends, self.j, self.photos)
        off, diagonal = self._cells
        precision = -summed(np.concatenate([bends, bends]), off, self.cells)
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


def _starts(lengths: IndexArray) -> IndexArray:
    return np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.intp) if len(lengths) else lengths
