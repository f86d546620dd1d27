"""Where the frames of a series overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finepick.domain import FloatArray
from finepick.features.extraction import PhotoFeatures


@dataclass(frozen=True, slots=True)
class Alignment:
    """How the n frames of a series lie over their reference frame.

    reference: index of the reference frame (its transform is the identity).
    transforms: (n, 2, 3) float64; transform i takes a point of the reference frame, in frame units of the
        reference, to frame i, in frame units of frame i (pixels / long side, origin upper left).
    confidence: (n,) in [0, 1]; 0 = not registered, the transform then only centres and scales one frame on the other.
    """

    reference: int
    transforms: FloatArray
    confidence: FloatArray


def register_series(frames: Sequence[PhotoFeatures]) -> Alignment:
    raise NotImplementedError
