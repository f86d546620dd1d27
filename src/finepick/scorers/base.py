"""The seam that every model sits behind: a whole series in, one judgement out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from finepick.differences.places import Places
from finepick.differences.registration import Alignment
from finepick.domain import FloatArray, Frame, ModelInfo
from finepick.features.extraction import PhotoFeatures
from finepick.scorers.phrases import PhraseBank


class FrameSource(Protocol):
    """The n frames of one series, read lazily, so that a series of 200 does not lie in memory at once."""

    def __len__(self) -> int: ...

    def frame(self, index: int, long_side: int) -> Frame:
        """Pixels of photo *index*, long side at most *long_side*. Raises ImageError."""
        ...

    def features(self, index: int) -> PhotoFeatures:
        """Features of photo *index*; cheap, they are cached by content."""
        ...

    def digest(self, index: int) -> str:
        """SHA-256 of the bytes of photo *index*: what caches and tie-breaks may depend on, not its name."""
        ...


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a scorer says of the n frames of one series; all arrays have n rows, in the order given.

    fine: (n,) comparable inside this series, higher is better.
    coarse: (n,) comparable everywhere, 1…10, or None.
    preference: (n, n) calibrated P(row preferred over column); P + Pᵀ = 1, ½ on the diagonal.
    too_close: the best frame is not known well enough to be called.
    embeddings: (n, d) or None. difference: n maps (rows, columns) in [0, 1], or None.
    alignment, places: how the frames, and their cells, lie over one another, where the scorer found that out.
    phrases: what differences of the embeddings can be read with, where the model knows words.
    """

    fine: FloatArray
    coarse: FloatArray | None
    preference: FloatArray
    too_close: bool = False
    embeddings: NDArray[np.floating] | None = None
    difference: tuple[FloatArray, ...] | None = None
    alignment: Alignment | None = None
    places: Places | None = None
    phrases: PhraseBank | None = None


class Scorer(Protocol):
    """Judgements depend on the frames of the series and nothing else: no state, clock, names or order."""

    @property
    def info(self) -> ModelInfo: ...

    def judge(self, frames: FrameSource) -> Judgement: ...

    def coarse(self, features: Sequence[PhotoFeatures]) -> FloatArray | None:
        """Coarse scores (n, 1…10) of photos each judged alone, or None where the model has none."""
        ...


def best_probabilities(preference: FloatArray) -> FloatArray:
    """P(best of the series) for each frame, (n,), summing to 1, from an (n, n) preference matrix.

    The softmax of the mean log odds of a row; exact (Luce's choice axiom) where the matrix is Bradley–Terry.
    """
    clipped = np.clip(preference, 1e-9, 1 - 1e-9)
    strength = np.log(clipped / (1 - clipped)).mean(axis=1) if len(clipped) > 1 else np.zeros(1)
    weights = np.exp(strength - strength.max())
    return np.asarray(weights / weights.sum())
