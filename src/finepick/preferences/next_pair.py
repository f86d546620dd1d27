"""Which two photos of a series to ask about next, and what is known of the series so far.

A policy gives every pair a value; the pair of the highest value is asked. What is known is a `SeriesState`, a
value: each answer makes a new one, fitted exactly from all answers so far, from where the last fit ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from finepick.domain import FloatArray
from finepick.preferences.answers import Answers, IndexArray, joined, summed
from finepick.preferences.bradley_terry import Prior
from finepick.preferences.davidson import derivatives, order_information
from finepick.preferences.evidence import Evidence
from finepick.preferences.reliability import Model


@cache
def pairs_of(n: int) -> tuple[IndexArray, IndexArray]:
    """All pairs of *n* photos, a < b: two arrays (n(n − 1)/2,); the number of a pair is its place in them."""
    a, b = np.triu_indices(n, 1)
    return a, b


def pair_number(n: int, a: int, b: int) -> int:
    """The number of the pair of photos *a* and *b*, in either order, in `pairs_of(n)`."""
    low, high = min(a, b), max(a, b)
    return low * n - low * (low + 1) // 2 + high - low - 1


@dataclass(frozen=True, slots=True)
class SeriesState:
    """What is known of one series of n photos: belief N(`mean`, `covariance`) about its scores.

    `answers` are all so far; photos that a chain of them connects have the same number in `groups` (n).
    `pending` holds the numbers of pairs that were asked and not answered yet, once for each time. `model` holds
    the spread of the scores, ν and the ways of the people.
    """

    model: Model
    mean: FloatArray
    covariance: FloatArray
    groups: IndexArray
    answers: Answers
    pending: tuple[int, ...] = ()

    @classmethod
    def of(cls, n: int, answers: Answers | None = None, *, model: Model | None = None) -> SeriesState:
        """The state of a series of *n* photos after *answers*, whose series number is not looked at."""
        model, given = model or Model.typical(0, Prior().spread, tied=False), answers or Answers.none()
        start = cls(model, np.zeros(n), np.eye(n) * model.spread**2, np.arange(n), Answers.none())
        return start.after(given) if len(given) else start

    def __len__(self) -> int:
        return len(self.mean)

    def after(self, more: Answers) -> SeriesState:
        """The state when *more* has been answered, too; pairs that were pending no longer are, once for each."""
        answers = joined([self.answers, replace(more, series=np.zeros(len(more), np.intp))])
        model = self.model.allowing(more)
        found = Evidence(answers, [len(self)]).mode(model.spread, model.manner(answers), self.mean)
        pending, counted = list(self.pending), more.where(more.weight > 0)
        for a, b in zip(more.a.tolist(), more.b.tolist(), strict=True):
            if (number := pair_number(len(self), a, b)) in pending:
                pending.remove(number)
        [(mean, covariance)] = found.parts()
        groups = _merged(self.groups, counted.a, counted.b)
        return SeriesState(model, mean, covariance, groups, answers, tuple(pending))

    def asking(self, pair: int) -> SeriesState:
        """The same with one more pair pending."""
        return replace(self, pending=(*self.pending, pair))

    def expected(self) -> SeriesState:
        """The state as it is expected to be when what is pending is answered: less doubt, the same mean."""
        a, b = pairs_of(len(self))
        covariance = self.covariance
        for pair in self.pending:
            lever = covariance[:, a[pair]] - covariance[:, b[pair]]
            variance = lever[a[pair]] - lever[b[pair]]
            bend = derivatives(_ANY, self.mean[a[pair], None] - self.mean[b[pair]], self.model.tie).bend
            covariance = covariance - np.outer(lever, lever) * (bend / (1 + bend * variance))
        return replace(self, covariance=covariance)

    def differences(self) -> tuple[FloatArray, FloatArray]:
        """Mean and variance of the difference of scores of every pair."""
        a, b = pairs_of(len(self))
        own = np.diagonal(self.covariance)
        variance = own[a] + own[b] - 2 * self.covariance[a, b]
        return self.mean[a] - self.mean[b], np.maximum(variance, 1e-12)

    def joining(self) -> NDArray[np.bool_]:
        """Which pairs join two groups that no chain of answers, given or pending, connects."""
        a, b = pairs_of(len(self))
        groups = _merged(self.groups, a[list(self.pending)], b[list(self.pending)])
        return np.asarray(groups[a] != groups[b])


def _merged(groups: IndexArray, a: IndexArray, b: IndexArray) -> IndexArray:
    """*groups* after edges from *a* to *b* were drawn."""
    for one, other in zip(a.tolist(), b.tolist(), strict=True):
        if groups[one] != groups[other]:
            groups = np.where(groups == groups[other], groups[one], groups)
    return groups


class PairPolicy(Protocol):
    """What a pair is worth asking: `values` (one a pair, as in `pairs_of`), above 0 and at most 1.

    Where `connects_first`, pairs that connect what no answers connect yet go before all others.
    """

    @property
    def connects_first(self) -> bool: ...

    def values(self, state: SeriesState, rng: np.random.Generator) -> FloatArray: ...


@dataclass(frozen=True, slots=True)
class Informative:
    """For the whole order: how much an answer is expected to tell about which of the two is better."""

    connects_first: bool = True

    def values(self, state: SeriesState, rng: np.random.Generator) -> FloatArray:
        return order_information(*state.differences(), state.model.tie)


@dataclass(frozen=True, slots=True)
class BestFrame:
    """For the best frame only: the same, times the probability that the likelier winner of the two is the best.

    That probability is taken at its upper bound, the smallest one with which the photo beats another (Fréchet).
    """

    connects_first: bool = True

    def values(self, state: SeriesState, rng: np.random.Generator) -> FloatArray:
        a, b = pairs_of(len(state))
        mean, variance = state.differences()
        ahead = ndtr(mean / np.sqrt(variance))
        best = np.ones(len(state))
        np.minimum.at(best, a, ahead)
        np.minimum.at(best, b, 1 - ahead)
        told = order_information(mean, variance, state.model.tie)
        return np.asarray(np.maximum(best[a], best[b]) * told)


@dataclass(frozen=True, slots=True)
class Random:
    """Any pair, each as likely as the other."""

    connects_first: bool = False

    def values(self, state: SeriesState, rng: np.random.Generator) -> FloatArray:
        return 1.0 - rng.random(len(pairs_of(len(state))[0]))


@dataclass(frozen=True, slots=True)
class Swiss:
    """As in a Swiss tournament: who has played least, against somebody new with about as many points."""

    connects_first: bool = False

    def values(self, state: SeriesState, rng: np.random.Generator) -> FloatArray:
        a, b = pairs_of(len(state))
        answers, n = state.answers, len(state)
        points = summed(0.5 + 0.5 * answers.outcome, answers.a, n)
        points += summed(0.5 - 0.5 * answers.outcome, answers.b, n)
        asked = [pair_number(n, i, j) for i, j in zip(answers.a.tolist(), answers.b.tolist(), strict=True)]
        met = np.bincount([*asked, *state.pending], minlength=len(a)).astype(np.float64)
        games = summed(met, a, n) + summed(met, b, n)
        most, least = np.maximum(games[a], games[b]), np.minimum(games[a], games[b])
        worse = (most * 2 + least) * (met.max(initial=0.0) + 1) + met
        return np.asarray(1.0 / (1.0 + worse * (n + len(answers)) + np.abs(points[a] - points[b])))


POLICIES: dict[str, PairPolicy] = {
    "information": Informative(),
    "best": BestFrame(),
    "random": Random(),
    "swiss": Swiss(),
}
"""By the names that people use (`--policy`)."""


def pair_values(state: SeriesState, policy: PairPolicy, rng: np.random.Generator) -> FloatArray:
    """What every pair of a series is worth by *policy*, what is pending being counted on; above 1: connects."""
    values = policy.values(state.expected() if state.pending else state, rng)
    values = np.maximum(values, _LEAST) * (1.0 + _SHUFFLE * rng.random(len(values)))
    return values + state.joining() if policy.connects_first else values


def choose_pair(
    state: SeriesState, policy: PairPolicy, rng: np.random.Generator, *, avoid: Sequence[int] = ()
) -> tuple[int, int] | None:
    """The photos (a, b), a < b, to ask about next, never a pair whose number is in *avoid*; None: none is left."""
    values = pair_values(state, policy, rng)
    values[list(avoid)] = -np.inf
    if not len(values) or np.isneginf(values.max()):
        return None
    pair = int(np.argmax(values))
    a, b = pairs_of(len(state))
    return int(a[pair]), int(b[pair])


_ANY = np.zeros(1, np.int8)  # the bend does not depend on what was answered
_LEAST = 1e-12
_SHUFFLE = 1e-6  # equals are told apart by chance, not by their place
