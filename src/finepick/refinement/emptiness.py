"""Whether a frame shows anything at all: what is left of its grey once light that falls off and grain are gone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finepick.domain import FloatArray


def structure(grey: NDArray[np.uint8]) -> float:
    """The spread (0…1) of the small grey plane *grey* (h, w) that neighbours share; 0 where there is none.

    First the closest surface of the second degree is taken away: a bare wall, a clear sky and the shade towards
    the corners are such surfaces. Then grain, which no neighbour shares: the square root of the mean product of
    neighbours, across and down, instead of that of squares (the autocovariance at a lag of one cell).
    """
    left = _without_surface(grey.astype(np.float64) / 255)
    shared = [float(np.mean(left[:, 1:] * left[:, :-1])), float(np.mean(left[1:] * left[:-1]))]
    return float(np.sqrt(max(0.0, float(np.mean(shared)))))


def _without_surface(plane: FloatArray) -> FloatArray:
    rows, columns = plane.shape
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)
    found = np.linalg.lstsq(terms, plane.ravel(), rcond=None)[0]
    return np.asarray(plane - (terms @ found).reshape(rows, columns))
