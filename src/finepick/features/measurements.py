"""What can be measured in a frame, as a whole and place by place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

VALUES: tuple[str, ...] = ()
"""Names of the entries of `Measurements.values`, each with its meaning and unit in a comment."""

CHANNELS: tuple[str, ...] = ()
"""Names of the channels of `Measurements.grid`."""


@dataclass(frozen=True, slots=True)
class Measurements:
    """values: (len(VALUES),) float32. grid: (rows, columns, len(CHANNELS)) float32, about 32 cells on the long side."""

    values: NDArray[np.float32]
    grid: NDArray[np.float32]


def measure(luma: NDArray[np.uint8], half: NDArray[np.uint8]) -> Measurements:
    """Measurements of a frame, from its *luma* (H × W, full working size) and its half-size RGB (h × w × 3)."""
    raise NotImplementedError
