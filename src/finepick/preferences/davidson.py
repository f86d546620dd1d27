"""Bradley and Terry's model with Davidson's ties: probabilities of the three answers, and their derivatives.

With d the log-odds of a over b and ν the tie parameter, the three answers have weights e^(d/2), ν and e^(−d/2):

    P(a) = e^(d/2) / (e^(d/2) + ν + e^(−d/2))        P(tie) = ν / (…)        P(b) = e^(−d/2) / (…)

So P(a) / (P(a) + P(b)) = 1 / (1 + e^(−d)) whatever ν is, and ν = 0 is the model without ties. The logarithm is
concave in d and log ν together: it is an exponential family. R. A. Bradley and M. E. Terry, Biometrika 39 (1952);
R. R. Davidson, "On extending the Bradley–Terry model to accommodate ties", JASA 65 (1970).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from finepick.domain import FloatArray

_ABSCISSAE, _WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
NORMAL_NODES: FloatArray = _ABSCISSAE
"""Where a function of a standard normal variable is looked at to take its mean (Gauss and Hermite)."""
NORMAL_WEIGHTS: FloatArray = _WEIGHTS / np.sqrt(2 * np.pi)

_QUANTILES, _SHARES = (
    values / 2 + half for values, half in zip(np.polynomial.legendre.leggauss(6), (0.5, 0.0), strict=True)
)


def answer_probabilities(d: ArrayLike, tie: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    """P(a), P(tie), P(b) at log-odds *d* (…) and tie parameter *tie* (…); they sum to 1. Does not overflow.

    >>> [float(p) for p in answer_probabilities(0.0, 2.0)]
    [0.25, 0.5, 0.25]
    """
    odds, nu = np.asarray(d, np.float64), np.asarray(tie, np.float64)
    root = np.exp(-0.5 * np.abs(odds))
    total = 1.0 + root * (nu + root)
    likelier, middle, other = 1.0 / total, nu * root / total, root * root / total
    rising = odds >= 0
    return np.where(rising, likelier, other), middle, np.where(rising, other, likelier)


def log_likelihood(outcome: NDArray[np.int8], d: FloatArray, tie: FloatArray | float) -> FloatArray:
    """log P(*outcome*) at log-odds *d*, all (…); −∞ for a tie where *tie* is 0."""
    half = 0.5 * np.abs(d)
    root = np.exp(-half)
    with np.errstate(divide="ignore"):
        odds_of_tie = np.where(outcome == 0, np.log(tie), 0.0)
    return np.asarray(0.5 * outcome * d - half - np.log1p(root * (tie + root)) + odds_of_tie)


@dataclass(frozen=True, slots=True)
class Derivatives:
    """Of `log_likelihood`, each (…): in d (`slope`) and in log ν; minus the second ones, of d twice, of d and log
    ν (`mixed`), of log ν twice.
    """

    slope: FloatArray
    tie_slope: FloatArray
    bend: FloatArray
    mixed: FloatArray
    tie_bend: FloatArray


def derivatives(outcome: NDArray[np.int8], d: FloatArray, tie: FloatArray | float) -> Derivatives:
    """Expected less seen, and the covariance of what was seen: as in every exponential family."""
    first, middle, second = answer_probabilities(d, tie)
    lead = first - second
    return Derivatives(
        0.5 * (outcome - lead),
        (outcome == 0) - middle,
        0.25 * (first + second - lead * lead),
        -0.5 * lead * middle,
        middle * (1.0 - middle),
    )


def order_information(mean: FloatArray, variance: FloatArray, tie: float) -> FloatArray:
    """How many nats one answer is expected to tell about *which of two is better*, (…): 0 to log 2.

    The log-odds are believed to be d ~ N(*mean*, *variance*), all (…). This is the mutual information of the
    answer and the sign of d (D. V. Lindley, "On a measure of the information provided by an experiment", Ann.
    Math. Stat. 27, 1956), by Gauss and Legendre over the quantiles of both halves. An answer about a pair whose
    order is known tells nothing, however uncertain the distance is.
    """
    spread = np.sqrt(variance)
    ahead = ndtr(mean / spread)[..., None]
    inside = spread[..., None]
    above = mean[..., None] - inside * ndtri(ahead * _QUANTILES)
    below = mean[..., None] + inside * ndtri((1 - ahead) * _QUANTILES)
    if_ahead, if_behind = (np.stack(answer_probabilities(d, tie)) @ _SHARES for d in (above, below))
    ahead = ahead[..., 0]
    answer = ahead * if_ahead + (1 - ahead) * if_behind
    told = _entropy(answer) - ahead * _entropy(if_ahead) - (1 - ahead) * _entropy(if_behind)
    return np.maximum(told, 0.0)


def _entropy(p: FloatArray) -> FloatArray:
    return np.asarray(-np.sum(p * np.log(np.maximum(p, 1e-300)), axis=0))
