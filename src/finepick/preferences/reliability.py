"""How each person answers: how much a better photo moves them, and how much the left side does.

Annotator k who sees photo a on the left and b on the right answers with the log-odds

    d = sensitivity_k · (score_a − score_b) + left_bias_k,

with Davidson's ties on top (`davidson`). Somebody who clicks at random has sensitivity 0, somebody who always
takes the left photo a large bias, somebody who mixes up the keys a negative sensitivity; a typical person has
sensitivity 1 and bias 0. A sensitivity is drawn from one of two normals: most people's, about 1, or that of people
who cannot be relied on, wide about 0. A bias is drawn from Student's t about 0. So a few answers condemn nobody,
many do, and whoever is far off does not drag the others along. The unit of the scores is fixed by the mean
sensitivity of those who can be relied on: it is 1.

Scores are averaged over, not maximised over: an EM algorithm whose E-step is the normal closest to the posterior of
every series and whose M-step climbs the expected log-likelihood for all annotators at once, for what is typical of
ties, and for the spread of the scores (A. P. Dempster, N. M. Laird and D. B. Rubin, J. R. Stat. Soc. B 39, 1977;
t as a scale mixture: K. L. Lange, R. J. A. Little and J. M. G. Taylor, JASA 84, 1989; reliability in paired
comparisons: X. Chen et al., "Pairwise ranking aggregation in a crowdsourced setting", WSDM 2013).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from scipy.special import ndtri
from scipy.stats import norm

from finepick.domain import FloatArray
from finepick.preferences.answers import Answers, IndexArray, summed
from finepick.preferences.bradley_terry import LEVEL, WIDEST, Prior
from finepick.preferences.davidson import (
    NORMAL_NODES,
    NORMAL_WEIGHTS,
    derivatives,
    log_likelihood,
)
from finepick.preferences.evidence import Evidence, Manner, Posterior

_ROUNDS = 200
_CLOSE = 1e-3  # largest change of a sensitivity, a bias, log ν or log spread in the last round
_NEWTON = 50
_INNER = 4  # steps towards the average a round: it need not be there while the model still moves
_SOMEBODY = 0.5  # fewer reliable people than this in all fix no unit


@dataclass(frozen=True, slots=True)
class PeoplePrior:
    """What is believed of people before their first answer.

    A share of `unreliable` have a sensitivity from a normal about 0 with deviation `unreliable_spread`, the
    others from one about 1 with deviation `sensitivity_spread`. Biases are Student's t about 0 with `bias_scale`
    and `bias_freedom`. A person's log ν is normal about the typical one with deviation `tie_spread`.
    `spread_weight` is how many photos' worth of belief stand behind the prior's spread of scores where that is
    estimated.
    """

    unreliable: float = 0.1
    unreliable_spread: float = 1.0
    sensitivity_spread: float = 0.25
    bias_scale: float = 0.25
    bias_freedom: float = 4.0
    tie_spread: float = 1.0
    spread_weight: float = 4.0

    def reliable(self, sensitivity: FloatArray) -> FloatArray:
        """Probability that people of such *sensitivity* (k,) are of the reliable kind, (k,)."""
        one = (1 - self.unreliable) * norm.pdf(sensitivity, 1.0, self.sensitivity_spread)
        other = self.unreliable * norm.pdf(sensitivity, 0.0, self.unreliable_spread)
        return np.asarray(one / (one + other))


class Verdict(StrEnum):
    """What the answers of a person look like."""

    LIKE_OTHERS = "answers like the others"
    CHANCE = "close to chance"
    LEFT = "prefers the left side"
    RIGHT = "prefers the right side"
    REVERSED = "answers the other way round"
    UNKNOWN = "too few answers to tell"


@dataclass(frozen=True, slots=True)
class Rules:
    """When a verdict is given; all of it can be set.

    A side is preferred where the bias makes the answers at least `side_evidence` times as likely as none does,
    and is at least `least_bias` in log-odds (.5: of two equal photos the left one wins 62 %). Chance, the others'
    way and the reverse are told apart where one explains the answers `evidence` times as well as the other.
    """

    evidence: float = 20.0
    side_evidence: float = 100.0
    least_bias: float = 0.5


@dataclass(frozen=True, slots=True)
class People:
    """All annotators, one row each (k,), and what the evidence for the verdict is.

    `sensitivity` and `left_bias` come with the bounds of their intervals; `tie` is a person's ν. `for_chance`
    says how many times better the answers are explained by sensitivity 0 than by 1, `for_reverse` by −1 than by
    0, `for_side` by the bias than by none: natural logarithms of the ratio. An answer is explained by what all
    other answers say of its photos, never by itself.
    """

    answers: FloatArray
    sensitivity: FloatArray
    sensitivity_low: FloatArray
    sensitivity_high: FloatArray
    left_bias: FloatArray
    bias_low: FloatArray
    bias_high: FloatArray
    tie: FloatArray
    for_chance: FloatArray
    for_reverse: FloatArray
    for_side: FloatArray

    def __len__(self) -> int:
        return len(self.sensitivity)

    def verdict(self, annotator: int, rules: Rules | None = None) -> Verdict:
        """What the answers of one person look like by *rules*; a side goes before anything else."""
        rules = rules or Rules()
        bias, strong = self.left_bias[annotator], np.log(rules.evidence)
        if self.for_side[annotator] >= np.log(rules.side_evidence) and abs(bias) >= rules.least_bias:
            return Verdict.LEFT if bias > 0 else Verdict.RIGHT
        if self.for_reverse[annotator] >= strong:
            return Verdict.REVERSED
        if self.for_chance[annotator] >= strong:
            return Verdict.CHANCE
        return Verdict.LIKE_OTHERS if self.for_chance[annotator] <= -strong else Verdict.UNKNOWN


@dataclass(frozen=True, slots=True)
class Model:
    """What is estimated beside the scores.

    `ways` (k, 3): of every person the sensitivity, the bias to the left, and log ν. `log_tie` is the typical
    log ν; where nobody ever said "cannot tell", `tied` is False and the logarithms mean nothing. `spread` is the
    standard deviation of the scores.
    """

    ways: FloatArray
    log_tie: float
    spread: float
    tied: bool

    @classmethod
    def typical(cls, people: int, spread: float, tied: bool) -> Model:
        return cls(np.tile([1.0, 0.0, 0.0], (people, 1)), 0.0, spread, tied)

    @property
    def tie(self) -> float:
        """Davidson's ν of a typical person."""
        return float(np.exp(self.log_tie)) if self.tied else 0.0

    def allowing(self, answers: Answers) -> Model:
        """This, with ties (ν = 1 until it is found) where *answers* hold the first ones."""
        tied = self.tied or bool(np.any(answers.weight[answers.outcome == 0] > 0))
        return self if tied == self.tied else replace(self, tied=tied)

    def manner(self, answers: Answers) -> Manner:
        """How each of *answers* was given, by who gave it and what stood on the left."""
        slope, bias, log_tie = self.ways_of(answers.annotator).T
        return Manner(np.exp(log_tie) if self.tied else 0.0, slope, bias * answers.side)

    def ways_of(self, annotators: IndexArray) -> FloatArray:
        """Of each of *annotators* (m,) the ways, (m, 3); people the model has not met yet are typical."""
        known = annotators < len(self.ways)
        ways = np.tile([1.0, 0.0, self.log_tie], (len(annotators), 1))
        ways[known] = self.ways[annotators[known]]
        return ways

    def in_units(self, belief: PeoplePrior) -> Model:
        """The same, with scores in units in which reliable people have a mean sensitivity of 1."""
        weight = belief.reliable(self.ways[:, 0])
        if weight.sum() < _SOMEBODY:
            return self
        unit = float(np.average(self.ways[:, 0], weights=weight))
        return replace(self, ways=self.ways / [unit, 1.0, 1.0], spread=self.spread * unit)

    def change(self, other: Model) -> float:
        """The largest difference of two numbers of the same kind, the spread by its logarithm."""
        ways = float(np.abs(self.ways - other.ways).max(initial=0.0))
        return max(ways, abs(self.log_tie - other.log_tie), abs(float(np.log(self.spread / other.spread))))


@dataclass(frozen=True, slots=True)
class JointFit:
    """Scores of all series and the ways of all annotators, from all answers of a project together."""

    posterior: Posterior
    model: Model
    people: People
    rounds: int
    converged: bool


def fit_together(
    answers: Answers,
    sizes: Sequence[int] | IndexArray,
    *,
    annotators: int | None = None,
    prior: Prior | None = None,
    people: PeoplePrior | None = None,
    estimate_people: bool = True,
) -> JointFit:
    """Scores of series of *sizes* photos and the reliability of *annotators* people, by EM.

    *prior* is the belief about scores and ties; its spread is where the estimate starts and is pulled to.
    Without *estimate_people* everybody counts as typical. Raises ValueError for answers about what is not there.
    """
    prior, belief = prior or Prior(), people or PeoplePrior()
    count = int(answers.annotator.max(initial=-1)) + 1 if annotators is None else annotators
    if len(answers) and int(answers.annotator.max()) >= count:
        raise ValueError(
            f"there are answers of annotator {int(answers.annotator.max())}, but {count} annotators"
        )
    data = Evidence(answers, sizes)
    model = Model.typical(count, prior.spread, bool(np.any(answers.weight[answers.outcome == 0] > 0)))
    posterior, change, rounds = data.mode(model.spread, model.manner(answers)), np.inf, 0
    while change > _CLOSE and rounds < _ROUNDS:
        crowd = _Crowd(data, posterior, belief, model)
        better = _next_model(crowd, prior, estimate_people)
        change, model, rounds = better.change(model), better, rounds + 1
        posterior = data.average(model.spread, model.manner(answers), posterior, rounds=_INNER)
    posterior = data.average(model.spread, model.manner(answers), posterior)
    found = _Crowd(data, posterior, belief, model).report()
    return JointFit(posterior, model, found, rounds, change <= _CLOSE and bool(posterior.converged.all()))


def _next_model(crowd: _Crowd, prior: Prior, estimate_people: bool) -> Model:
    """One M-step: first the people, then what is typical of ties, then the spread of the scores."""
    model = crowd.model
    free = (estimate_people, estimate_people, model.tied)
    ways = crowd.climb(model.ways, free, steps=2)
    if model.tied:
        held = crowd.belief.tie_spread**-2
        model = replace(
            model, log_tie=float(ways[:, 2].sum() * held / (len(ways) * held + prior.tie_spread**-2))
        )
    model = replace(model, ways=ways)
    spread = _better_spread(crowd.data, crowd.posterior, prior, crowd.belief)
    return replace(model, spread=spread).in_units(crowd.belief)


def _better_spread(data: Evidence, posterior: Posterior, prior: Prior, belief: PeoplePrior) -> float:
    """Root of the expected mean square of scores about their series' mean, where there are answers."""
    answered = summed(data.answers.weight, data.answers.series, len(data.sizes)) > 0
    squares, freedom = belief.spread_weight * prior.spread**2, belief.spread_weight
    for photos, cells in data.stacks:
        keep = answered[data.series_of(photos)]
        mean, covariance = posterior.mean[photos[keep]], posterior.covariance[cells[keep]]
        n = photos.shape[1]
        centred = mean - mean.mean(axis=1, keepdims=True)
        traces = np.trace(covariance, axis1=1, axis2=2) - covariance.sum(axis=(1, 2)) / n
        squares += float(np.sum(centred**2) + np.sum(traces))
        freedom += float(keep.sum() * (n - 1))
    return min(float(np.sqrt(squares / freedom)), WIDEST)


@dataclass(frozen=True, slots=True)
class _Expected:
    """Of the expected log-likelihood of each annotator: the gradient (k, 3), minus the second derivatives (k, 3, 3)."""

    gradient: FloatArray
    bend: FloatArray


class _Crowd:
    """The expected log-likelihood of every annotator's ways, given the posterior of the scores."""

    def __init__(self, data: Evidence, posterior: Posterior, belief: PeoplePrior, model: Model) -> None:
        self.data, self.posterior, self.belief, self.model = data, posterior, belief, model
        self.answers, self.count = data.answers, len(model.ways)
        self.middle = data.difference(posterior.mean)
        self.variance = np.maximum(data.variances(posterior.covariance), 0.0)

    def without_own(self) -> _Crowd:
        """The same where every answer is seen by a posterior that has not seen it (the cavity)."""
        manner, crowd = self.model.manner(self.answers), copy(self)
        told = derivatives(self.answers.outcome, manner.log_odds(self.middle), manner.tie)
        weight = self.answers.weight * manner.slope
        crowd.variance = self.variance / (1 - self.variance * weight * manner.slope * told.bend)
        crowd.middle = self.middle - crowd.variance * weight * told.slope
        return crowd

    def expected(self, ways: FloatArray) -> _Expected:
        """Means over the posterior of the difference of the two scores, by Gauss and Hermite."""
        answers, side = self.answers, self.answers.side
        manner = replace(self.model, ways=ways).manner(answers)
        sums, spread = np.zeros((9, len(answers))), np.sqrt(self.variance)
        for node, share in zip(NORMAL_NODES, NORMAL_WEIGHTS, strict=True):
            apart = self.middle + node * spread
            told = derivatives(answers.outcome, manner.log_odds(apart), manner.tie)
            sums[:3] += share * np.stack([told.slope * apart, told.slope * side, told.tie_slope])
            sums[3:6] += share * told.bend * np.stack([apart * apart, apart * side, side * side])
            sums[6:8] += share * told.mixed * np.stack([apart, side])
            sums[8] += share * told.tie_bend
        each = np.stack([summed(row * answers.weight, answers.annotator, self.count) for row in sums])
        return _Expected(each[:3].T, each[_SYMMETRIC].transpose(2, 0, 1))

    def climb(self, ways: FloatArray, free: tuple[bool, bool, bool], *, steps: int = _NEWTON) -> FloatArray:
        """*steps* of Newton's method towards the mode of likelihood and belief, moving only what is *free*."""
        for _ in range(steps if any(free) else 0):
            expected = self.expected(ways)
            centre, held = self.hold(ways)
            gradient = np.where(free, expected.gradient - held * (ways - centre), 0.0)
            bend = np.where(np.outer(free, free), expected.bend, 0.0) + held[:, :, None] * np.eye(3)
            step = np.clip(np.linalg.solve(bend, gradient[..., None])[..., 0], -1.0, 1.0)
            ways = ways + step
            if np.abs(step).max(initial=0.0) < _CLOSE / 10:
                break
        return ways

    def hold(self, ways: FloatArray) -> tuple[FloatArray, FloatArray]:
        """To what each value (k, 3) is pulled, and with what precision: the beliefs as normals, given *ways*."""
        belief, reliable = self.belief, self.belief.reliable(ways[:, 0])
        typical, other = reliable / belief.sensitivity_spread**2, (1 - reliable) / belief.unreliable_spread**2
        freedom = belief.bias_freedom
        bias = (freedom + 1) / (freedom * belief.bias_scale**2 + ways[:, 1] ** 2)
        tie = np.full(self.count, belief.tie_spread**-2)
        centre = [typical / (typical + other), np.zeros(self.count), np.full(self.count, self.model.log_tie)]
        return np.stack(centre, 1), np.stack([typical + other, bias, tie], 1)

    def report(self) -> People:
        """The people as they are found in the end, with intervals and evidence."""
        ways, tied = self.model.ways, self.model.tied
        curve = self.expected(ways).bend + self.hold(ways)[1][:, :, None] * np.eye(3)
        half = ndtri(0.5 + LEVEL / 2) * np.sqrt(np.diagonal(np.linalg.inv(curve), axis1=1, axis2=2))
        others, free = self.without_own(), (False, True, tied)
        chance, typical, reverse = (
            others.predicted(self.climb(self._with(0, value), free)) for value in (0.0, 1.0, -1.0)
        )
        fair = others.predicted(self.climb(self._with(1, 0.0), (True, False, tied)))
        sensitivity, bias = ways[:, 0], ways[:, 1]
        return People(
            answers=summed(self.answers.weight > 0, self.answers.annotator, self.count),
            sensitivity=sensitivity,
            sensitivity_low=sensitivity - half[:, 0],
            sensitivity_high=sensitivity + half[:, 0],
            left_bias=bias,
            bias_low=bias - half[:, 1],
            bias_high=bias + half[:, 1],
            tie=np.exp(ways[:, 2]) if tied else np.zeros(self.count),
            for_chance=chance - typical,
            for_reverse=reverse - chance,
            for_side=others.predicted(ways) - fair,
        )

    def predicted(self, ways: FloatArray) -> FloatArray:
        """Log-probability (k,) of every person's answers, each with the difference of its scores integrated out."""
        manner, spread = replace(self.model, ways=ways).manner(self.answers), np.sqrt(self.variance)
        nodes = self.middle[:, None] + spread[:, None] * NORMAL_NODES
        per_answer = Manner(
            *(np.reshape(value, (-1, 1)) for value in (manner.tie, manner.slope, manner.shift))
        )
        told = log_likelihood(self.answers.outcome[:, None], per_answer.log_odds(nodes), per_answer.tie)
        weight = self.answers.weight * np.log(np.exp(told) @ NORMAL_WEIGHTS)
        return summed(weight, self.answers.annotator, self.count)

    def _with(self, column: int, value: float) -> FloatArray:
        """The ways with one column set to *value*."""
        ways = self.model.ways.copy()
        ways[:, column] = value
        return ways


_SYMMETRIC = np.array([[3, 4, 6], [4, 5, 7], [6, 7, 8]])
