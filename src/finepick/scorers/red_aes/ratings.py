"""From sampled answers to numbers: means with a spread, probabilities, and a map to the scale 1…10."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.special import expit, logit, ndtr

from finepick.domain import FloatArray
from finepick.errors import DatasetError
from finepick.scorers.base import Judgement
from finepick.scorers.red_aes.answers import HIGHEST, LOWEST
from finepick.scorers.utilities import is_too_close, judge_utilities

LEAST_VARIANCE = 4.0
"""Of a difference of two ratings: where all samples agree to the point, the model is still not certain."""

FEWEST_LABELS = 8

_INNERMOST = 0.5  # how near the ends of the scale a rating is taken to lie


@dataclass(frozen=True, slots=True)
class Scale:
    """coarse = 1 + 9 σ(shift + slope · logit(rating / 100)); strictly rising. The plain one is a straight line."""

    shift: float = 0.0
    slope: float = 1.0

    def coarse(self, ratings: FloatArray) -> FloatArray:
        """*ratings* (n,) in 0…100 on the scale 1…10."""
        return np.asarray(1 + 9 * expit(self.shift + self.slope * _log_odds(ratings)))


def fit_scale(ratings: FloatArray, labels: FloatArray) -> Scale:
    """The scale that brings *ratings* (n,) in 0…100 nearest to people's *labels* (n,) in 1…10 (least squares).

    A reward for order alone leaves the scale free; two numbers, fitted on few labels, tie it down without
    touching the order. Raises DatasetError where there are too few labels, or none of the order is in them.
    """
    if len(ratings) < FEWEST_LABELS:
        raise DatasetError(
            f"{len(ratings)} rated photos are too few for a scale; give {FEWEST_LABELS} or more"
        )
    odds, wanted = _log_odds(ratings), (np.asarray(labels, np.float64) - 1) / 9

    def misses(values: FloatArray) -> FloatArray:
        return np.asarray(expit(values[0] + np.exp(values[1]) * odds) - wanted)

    if not np.ptp(odds) > 0 or not np.ptp(wanted) > 0 or np.corrcoef(odds, wanted)[0, 1] <= 0:
        raise DatasetError(
            "the model's ratings and these labels do not rise together, so no scale can be fitted; "
            "train it longer, or give other labels"
        )
    start = [float(logit(np.clip(wanted.mean(), 0.01, 0.99))), 0.0]
    shift, log_slope = least_squares(misses, start, bounds=([-20, -5], [20, 3])).x
    return Scale(float(shift), float(np.exp(log_slope)))


def judge_ratings(means: FloatArray, variances: FloatArray, coarse: FloatArray) -> Judgement:
    """Judgement of n frames by the *means* and *variances* (n,) of their sampled ratings.

    P(i ≻ j) = Φ((m_i − m_j) / √(v_i + v_j + ε)): what the model was taught to make true (see `training.red.reward`).
    """
    spread = np.sqrt(variances[:, None] + variances[None, :] + LEAST_VARIANCE)
    upper = np.triu(ndtr((means[:, None] - means[None, :]) / spread), 1)
    preference = upper + np.tril(1.0 - upper.T, -1)
    np.fill_diagonal(preference, 0.5)
    return Judgement(means, coarse, preference, too_close=is_too_close(means, preference))


def judge_differences(differences: FloatArray, counts: FloatArray) -> Judgement:
    """Judgement of n frames by the mean *differences* (n, n) in [−1, 1] that *counts* (n, n) verdicts told.

    A verdict of strength d is d of a win; P(i ≻ j) = (Σ (1 + d)/2 + ½) / (m + 1), so that few verdicts are little
    proof. The utility of a frame is the mean of its log odds, which for a full table is their least-squares fit.
    """
    both = counts + counts.T
    won = (counts * (1 + differences) + counts.T * (1 - differences.T)) / 2
    shares = (won + 0.5) / (both + 1)
    np.fill_diagonal(shares, 0.5)
    return judge_utilities(logit(shares).mean(axis=1), temperature=1.0)


def _log_odds(ratings: FloatArray) -> FloatArray:
    inner = np.clip(np.asarray(ratings, np.float64), LOWEST + _INNERMOST, HIGHEST - _INNERMOST)
    return np.asarray(logit(inner / HIGHEST))
