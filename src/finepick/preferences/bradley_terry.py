"""The scale behind the answers: scores of every photo with their covariance, fitted under a stated prior."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, ndtr, ndtri
from scipy.stats import rankdata

from finepick.domain import FloatArray
from finepick.preferences.answers import Answers, IndexArray, summed
from finepick.preferences.connections import components_of
from finepick.preferences.davidson import derivatives
from finepick.preferences.evidence import Evidence, Manner, Posterior

LEVEL = 0.95
WIDEST = 5.0  # spreads in log-odds; more would say nothing, and averages would need a finer grid
_SAME = 9  # decimals to which scores must agree to share a rank
_TIE_SEARCH = 30.0


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed before the first answer. It keeps every score finite, whatever people answer.

    A photo's score is normal with mean 0 and standard deviation `spread`, in log-odds (1.5: of two photos drawn
    at random, the better one wins 79 % of the time on average). log ν is normal with mean 0 and standard
    deviation `tie_spread`.
    """

    spread: float = 1.5
    tie_spread: float = 2.0

    def __post_init__(self) -> None:
        if not (0 < self.spread <= WIDEST and 0 < self.tie_spread <= WIDEST):
            raise ValueError(
                f"a prior's spreads lie above 0 and not above {WIDEST:g}, not at {self.spread} and {self.tie_spread}"
            )


@dataclass(frozen=True, slots=True)
class Fit:
    """The scale of one series of n photos.

    `scores` (n) are log-odds with mean 0, `covariance` (n × n) is theirs: both of the normal that comes closest to
    the posterior (`Evidence.average`), or mode and curvature where that was asked for. `tie` is Davidson's ν, 0
    where nobody ever said "cannot tell"; `components` (n) numbers the groups of photos that a chain of answers
    connects. Scores of photos in different groups compare by the prior alone.
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
    answers: Answers, n: int, *, prior: Prior | None = None, tie: float | None = None, mode: bool = False
) -> Fit:
    """The scores of the *n* photos of one series after *answers*, under *prior*: means and covariance.

    With *mode* the likeliest scores instead, with Laplace's covariance: what others call penalised or maximum a
    posteriori estimates. Means lie further apart, and where the prior is right their intervals hold what they
    promise; use them. Where scores are spread twice as wide as the prior says, which one series can hardly tell,
    95 % intervals hold 68–81 %; `calibrate` finds the spread from all series.

    *tie* fixes Davidson's ν; None takes the likeliest one where anybody said "cannot tell", and 0 where nobody
    did. Who answered and what stood on the left is not looked at: see `reliability` for that. Raises ValueError
    for answers of several series, about photos that are not there, and for ties where *tie* is 0.
    """
    prior = prior or Prior()
    if len(answers) and np.any(answers.series != answers.series[0]):
        raise ValueError("these answers are of several series: fit them one by one, or together by calibrate")
    answers = replace(answers, series=np.zeros(len(answers), np.intp))
    data = Evidence(answers, [n])
    tied = bool(np.any(answers.weight[answers.outcome == 0] > 0))
    if tie is not None and not (0 <= tie < np.inf and (tie > 0 or not tied)):
        raise ValueError(
            f"a tie parameter of {tie} does not go with these answers: leave it out to have it found"
        )
    estimated = tie is None and tied
    nu = _find_tie(data, prior) if estimated else tie or 0.0
    scale = (data.mode if mode else data.average)(prior.spread, Manner(nu))
    covariance = scale.covariance.reshape(n, n)
    if estimated:
        covariance = covariance + _doubt_of_tie(data, scale, nu, prior)
    return fit_of(scale.mean, covariance, nu, answers, bool(scale.converged.all()))


def fit_of(mean: FloatArray, covariance: FloatArray, tie: float, answers: Answers, converged: bool) -> Fit:
    """The fit of one series from mean and covariance of its scores, about 0, and its own *answers*."""
    scores = mean - mean.mean() if len(mean) else mean
    return Fit(scores, _centred(covariance), tie, components_of(answers, len(mean)), converged)


def _find_tie(data: Evidence, prior: Prior) -> float:
    """ν at the mode of scores and log ν together: where the profile, which is concave, is flat."""

    def slope_at(log_tie: float) -> float:
        tie = float(np.exp(log_tie))
        d = data.difference(data.mode(prior.spread, Manner(tie)).mean)
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


def _centred(covariance: FloatArray) -> FloatArray:
    """Covariance of the scores less their mean."""
    if not len(covariance):
        return covariance
    rows = covariance - covariance.mean(axis=0)
    return np.asarray(rows - rows.mean(axis=1, keepdims=True))
