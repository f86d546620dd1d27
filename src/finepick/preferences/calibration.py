"""From all answers of a project to ranks, probabilities, and a report on people and pairs: one pure function."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from scipy.special import expit, ndtri

from finepick.domain import FloatArray
from finepick.preferences.agreement import (
    Agreement,
    Share,
    agreement_of,
    consistency_of,
    gold_accuracy_of,
    together,
)
from finepick.preferences.answers import Answers, IndexArray
from finepick.preferences.bradley_terry import LEVEL, Fit, Prior, fit_of
from finepick.preferences.connections import Circles, circles_in
from finepick.preferences.next_pair import pairs_of
from finepick.preferences.reliability import JointFit, PeoplePrior, Rules, Verdict, fit_together


class Dropped(StrEnum):
    """Why a pair has no label."""

    INDISTINGUISHABLE = "indistinguishable"
    UNCONNECTED = "unconnected"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be chosen.

    `level` is that of all intervals of P, and so of the rule by which pairs are dropped. The spread of the scores
    is always found from the answers: intervals by a spread that was only believed are far too narrow where it is
    twice as wide. With `estimate_people` the ways of people are found, too, else everybody counts as typical.
    """

    level: float = LEVEL
    prior: Prior = field(default_factory=Prior)
    people: PeoplePrior = field(default_factory=PeoplePrior)
    rules: Rules = field(default_factory=Rules)
    estimate_people: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise ValueError(f"the level of an interval lies between 0 and 1, not at {self.level}")


@dataclass(frozen=True, slots=True)
class CalibratedPair:
    """Two photos of a series: `p` that `a` is preferred by whoever has a preference, between `low` and `high`.

    `answers` counts what was asked about these two; `for_a`, `ties` and `for_b` what was answered, unweighted.
    `dropped` says why the pair has no label, None where it has one: P is on one side of ½ for sure.
    """

    a: int
    b: int
    p: float
    low: float
    high: float
    for_a: int
    ties: int
    for_b: int
    dropped: Dropped | None

    @property
    def answers(self) -> int:
        return self.for_a + self.ties + self.for_b


@dataclass(frozen=True, slots=True)
class CalibratedSeries:
    """The scale of one series, all pairs of it (a < b), and where majorities go round in a circle."""

    fit: Fit
    pairs: tuple[CalibratedPair, ...]
    circles: Circles

    @property
    def ranks(self) -> IndexArray:
        """(n,) 1 = best; the rank of photos in different components compares by the prior alone."""
        return self.fit.ranks


@dataclass(frozen=True, slots=True)
class Annotator:
    """What one person's answers show, in numbers and in a word.

    `answers` counts all, `ties` those that could not tell, `left` those that took the left photo of those that
    took one and whose side is known. `sensitivity` and `left_bias` as in `reliability`, each with its interval.
    `evidence_for_chance` and `evidence_for_side` are natural logarithms of likelihood ratios: the higher, the
    more; 3 is twentyfold. `repeats`: how often they repeated themselves; `gold`: how often they were right.
    """

    index: int
    verdict: Verdict
    answers: int
    ties: int
    left: Share
    sensitivity: float
    sensitivity_interval: tuple[float, float]
    left_bias: float
    left_bias_interval: tuple[float, float]
    evidence_for_chance: float
    evidence_for_side: float
    repeats: Share
    gold: Share


@dataclass(frozen=True, slots=True)
class Calibration:
    """All that the answers of a project say. `spread` and `tie` are those that were found; `converged` whether
    the fit had come to rest.
    """

    series: tuple[CalibratedSeries, ...]
    annotators: tuple[Annotator, ...]
    agreement: Agreement
    repeats: Share
    gold: Share
    joint: JointFit
    settings: Settings

    @property
    def unconnected(self) -> tuple[int, ...]:
        """Series with two photos that no chain of answers connects."""
        return tuple(s for s, found in enumerate(self.series) if not found.fit.is_connected)

    @property
    def circles(self) -> int:
        """How many triads of photos contradict, in all series."""
        return sum(len(found.circles) for found in self.series)


def calibrate(
    answers: Answers,
    sizes: Sequence[int] | IndexArray,
    *,
    annotators: int | None = None,
    gold: Iterable[tuple[int, int, int]] = (),
    settings: Settings | None = None,
) -> Calibration:
    """What *answers* say about series of *sizes* photos, and what they show of the people who gave them.

    *annotators* is how many people there are, by default one more than the highest number. *gold* lists pairs
    whose answer is known: (series, better, worse); they are used to report on people, never to fit. The result
    does not depend on the order of answers, nor on how photos, series and people are numbered.

    A pair is dropped as indistinguishable where the interval of P holds ½, as unconnected where no chain of
    answers links the two. Raises ValueError for answers about what is not there and for gold that contradicts.
    """
    settings = settings or Settings()
    joint = fit_together(
        answers,
        sizes,
        annotators=annotators,
        prior=settings.prior,
        people=settings.people,
        estimate_people=settings.estimate_people,
    )
    people = len(joint.people)
    repeats = consistency_of(answers, people)
    right = gold_accuracy_of(answers, gold, people)
    return Calibration(
        tuple(_series(answers, joint, settings)),
        tuple(_annotators(answers, joint, settings.rules, repeats, right)),
        agreement_of(answers),
        together(repeats),
        together(right),
        joint,
        settings,
    )


def _series(answers: Answers, joint: JointFit, settings: Settings) -> Iterable[CalibratedSeries]:
    in_order = answers.where(np.argsort(answers.series, kind="stable")).canonical()
    counted = in_order.where(in_order.weight > 0)
    ends = np.searchsorted(counted.series, np.arange(len(joint.posterior.sizes) + 1))
    for s, (scores, covariance) in enumerate(joint.posterior.parts()):
        own, n = counted.where(slice(ends[s], ends[s + 1])), len(scores)
        fit = fit_of(scores, covariance, joint.model.tie, own, bool(joint.posterior.converged[s]))
        yield CalibratedSeries(fit, tuple(_pairs(own, fit, settings.level)), circles_in(own, n))


def _pairs(answers: Answers, fit: Fit, level: float) -> Iterable[CalibratedPair]:
    """Every pair of a series, from *answers* with a < b."""
    a, b = pairs_of(len(fit))
    middle = fit.scores[a] - fit.scores[b]
    own = np.diagonal(fit.covariance)
    variance = np.maximum(own[a] + own[b] - 2 * fit.covariance[a, b], 0.0)
    half = ndtri(0.5 + level / 2) * np.sqrt(variance)
    bounds: list[FloatArray] = [expit(middle), expit(middle - half), expit(middle + half)]
    votes = np.zeros((len(fit), len(fit), 3), np.intp)
    np.add.at(votes, (answers.a, answers.b, 1 - answers.outcome), 1)
    apart = fit.components[a] != fit.components[b]
    unclear = np.abs(middle) <= half
    for row in zip(a, b, *bounds, votes[a, b], apart, unclear, strict=True):
        i, j, p, low, high, (for_a, ties, for_b), lone, doubtful = row
        why = Dropped.UNCONNECTED if lone else Dropped.INDISTINGUISHABLE if doubtful else None
        yield CalibratedPair(
            int(i), int(j), float(p), float(low), float(high), int(for_a), int(ties), int(for_b), why
        )


def _annotators(
    answers: Answers, joint: JointFit, rules: Rules, repeats: list[Share], gold: list[Share]
) -> Iterable[Annotator]:
    people, count = joint.people, len(joint.people)
    counted = answers.where(answers.weight > 0)
    took = counted.where((counted.outcome != 0) & (counted.side != 0))
    given, sided = (np.bincount(group.annotator, minlength=count) for group in (counted, took))
    ties = np.bincount(counted.annotator[counted.outcome == 0], minlength=count)
    left = np.bincount(took.annotator[took.outcome == took.side], minlength=count)
    for k in range(count):
        yield Annotator(
            index=k,
            verdict=people.verdict(k, rules),
            answers=int(given[k]),
            ties=int(ties[k]),
            left=Share(int(left[k]), int(sided[k])),
            sensitivity=float(people.sensitivity[k]),
            sensitivity_interval=(float(people.sensitivity_low[k]), float(people.sensitivity_high[k])),
            left_bias=float(people.left_bias[k]),
            left_bias_interval=(float(people.bias_low[k]), float(people.bias_high[k])),
            evidence_for_chance=float(people.for_chance[k]),
            evidence_for_side=float(people.for_side[k]),
            repeats=repeats[k],
            gold=gold[k],
        )
