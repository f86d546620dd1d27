"""What an answer is worth: does its rating rank the photo and its partner as they are known to rank?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from finepick.domain import FloatArray

EPSILON = 1.0
"""ε, in squared points of the scale 0…100: where all answers agree there is no spread to divide by."""


def target_of(difference: float, tau: float | None) -> float:
    """g, how sure it is that the first of two photos is the better one: Φ(d/τ), or 1, ½, 0 where *tau* is None.

    difference: how much better it is, in [−1, 1].
    """
    if tau is None:
        return 0.5 + 0.5 * float(np.sign(difference))
    return float(ndtr(difference / tau))


def consistency(own: FloatArray, other: FloatArray, target: float, *, epsilon: float = EPSILON) -> FloatArray:
    """√(p·g) + √((1 − p)(1 − g)) for each of a photo's K ratings *own*, NaN where an answer has none: (K,) in [0, 1].

    p_k = Φ((s_k − mean of *other*) / √(var of *own* + var of *other* + ε)) is how likely the k-th rating puts
    this photo before its partner, g = *target* how likely that is right; the value is the fidelity of the two.
    A rating that is none is worth 0, as is every one where the partner has none: nothing is put in its place.
    """
    own, other = np.asarray(own, np.float64), np.asarray(other, np.float64)
    rated, there = np.isfinite(own), other[np.isfinite(other)]
    worth = np.zeros(len(own))
    if not rated.any() or not len(there):
        return worth
    spread = np.sqrt(own[rated].var() + there.var() + epsilon)
    leads = (own[rated] - there.mean()) / spread
    worth[rated] = np.sqrt(ndtr(leads) * target) + np.sqrt(ndtr(-leads) * (1 - target))
    return worth


def rewards_of_batch(
    ratings: FloatArray,
    photos: NDArray[np.int64],
    partners: NDArray[np.int64],
    differences: FloatArray,
    *,
    tau: float | None,
    epsilon: float = EPSILON,
) -> FloatArray:
    """The reward (m,) of m answers: `consistency` with the partner's, plus 1 for an answer that can be read.

    ratings: NaN where an answer cannot be read; it earns 0. photos, partners: which photo an answer is about, and
    which it is compared with. differences: how much better it is than its partner. Raises ValueError where a
    partner is not in the batch: that would silently be worth nothing.
    """
    missing = sorted(set(partners.tolist()) - set(photos.tolist()))
    if missing:
        raise ValueError(f"partner {missing[0]} is not in this batch; partners have to be rated together")
    rewards = np.isfinite(ratings).astype(np.float64)
    for photo, partner in sorted(set(zip(photos.tolist(), partners.tolist(), strict=True))):
        mine = (photos == photo) & (partners == partner)
        theirs = ratings[(photos == partner) & (partners == photo)]
        target = target_of(float(differences[mine][0]), tau)
        rewards[mine] += consistency(ratings[mine], theirs, target, epsilon=epsilon)
    return rewards
