"""From one number a frame to a judgement: logistic probabilities, and when they are too close to call."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from finepick.differences.places import Places
from finepick.differences.registration import Alignment
from finepick.domain import FloatArray, ModelInfo
from finepick.scorers.base import Judgement
from finepick.scorers.phrases import PhraseBank

T = TypeVar("T")

CALL_PROBABILITY = 0.6
"""The best frame is called when it beats the second with at least this probability.

Chosen on validation pairs (`bench/measured.py --calibrate`): of near-identical frames, pairs predicted at
.60–.65 came out at .80 or more in every set, those below .55 as seldom as .54.
"""


def judge_utilities(
    utilities: FloatArray,
    *,
    temperature: float,
    call: float = CALL_PROBABILITY,
    coarse: FloatArray | None = None,
    difference: tuple[FloatArray, ...] | None = None,
    alignment: Alignment | None = None,
    places: Places | None = None,
    embeddings: NDArray[np.float32] | None = None,
    phrases: PhraseBank | None = None,
) -> Judgement:
    """Judgement of n frames: utilities (n,) that differ by *temperature* mean odds of e to 1.

    *call*: the probability of being better than the second from which on the best is called.
    """
    utilities = np.asarray(utilities, np.float64)
    gaps = np.clip((utilities[:, None] - utilities[None, :]) / temperature, -30.0, 30.0)
    upper = np.triu(1.0 / (1.0 + np.exp(-gaps)), 1)
    # The lower half is made from the upper one, so that P + Pᵀ is 1 to the last bit.
    preference = upper + np.tril(1.0 - upper.T, -1)
    np.fill_diagonal(preference, 0.5)
    return Judgement(
        fine=utilities,
        coarse=coarse,
        preference=preference,
        too_close=is_too_close(utilities, preference, call),
        difference=difference,
        alignment=alignment,
        places=places,
        embeddings=embeddings,
        phrases=phrases,
    )


def is_too_close(fine: FloatArray, preference: FloatArray, call: float = CALL_PROBABILITY) -> bool:
    """Whether the best of several frames does not beat the second clearly enough to be called."""
    if len(fine) < 2:
        return False
    second, best = np.argsort(fine, kind="stable")[-2:]
    return bool(preference[best, second] < call)


def canonical_order(digests: Sequence[str]) -> list[int]:
    """Indices of the frames sorted by content, so that sums do not depend on the order they came in."""
    return sorted(range(len(digests)), key=lambda index: digests[index])


def tie_duplicates(values: FloatArray, digests: Sequence[str]) -> FloatArray:
    """*values* with the mean over frames of the same bytes in place of each."""
    first = {digest: position for position, digest in enumerate(dict.fromkeys(digests))}
    group = np.array([first[digest] for digest in digests], np.intp)
    sums, counts = np.bincount(group, values), np.bincount(group)
    return np.asarray((sums / counts)[group])


def share_duplicates(values: Sequence[T], digests: Sequence[str]) -> list[T]:
    """*values* with that of the first frame of the same bytes in place of each."""
    first = {digest: index for index, digest in reversed(list(enumerate(digests)))}
    return [values[first[digest]] for digest in digests]


def model_info(name: str, version: str, facts: object) -> ModelInfo:
    """Identity of a scorer; *facts* is all that, if changed, changes a number: weights, constants."""
    from finepick.features.extraction import FEATURES_VERSION

    text = json.dumps([name, version, FEATURES_VERSION, facts], sort_keys=True)
    return ModelInfo(name, version, hashlib.sha256(text.encode()).hexdigest())
