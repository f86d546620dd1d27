"""Where each frame of a series differs from all the others."""

from __future__ import annotations

from collections.abc import Sequence

from finepick.differences.registration import Alignment
from finepick.domain import FloatArray
from finepick.features.extraction import PhotoFeatures


def difference_maps(frames: Sequence[PhotoFeatures], alignment: Alignment) -> tuple[FloatArray, ...]:
    """One map per frame, in that frame's own geometry: (rows, columns) in [0, 1], 0 = like all the others.

    Rows × columns follow the frame's shape, long side 64.
    """
    raise NotImplementedError
