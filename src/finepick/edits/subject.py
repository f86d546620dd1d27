"""Where the subject seems to be: the patch of cells that stand out most, by detail and by unlike colour.

A guess from `features.measurements.salience`, without knowing what anything is: good enough to cut into it, to
blur it or to leave it whole. Nearer the middle counts a little more, as photographers put it there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from finepick.domain import FloatArray, Frame
from finepick.edits.light import Floats
from finepick.features.extraction import extract_features
from finepick.features.measurements import salience

Cells = NDArray[np.bool_]

_SIDE = 256
_SHARES_OF_TOP = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
_LARGEST = 0.2
_SPREAD = 0.45  # of the preference for the middle, in halves of the frame: mild


@dataclass(frozen=True, slots=True)
class Subject:
    """left, top, right, bottom: its box, 0…1 of width and height. cells: (rows, columns) whether each belongs to it."""

    left: float
    top: float
    right: float
    bottom: float
    cells: Cells

    @property
    def centre(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def mask(self, shape: tuple[int, ...]) -> Floats:
        """(H, W) 0…1, soft at the rim: how much each pixel of a frame of *shape* belongs to the subject."""
        height, width = shape[:2]
        grown = ndimage.binary_dilation(self.cells).astype(np.float32)
        soft = Image.fromarray(ndimage.gaussian_filter(grown, 0.7, mode="nearest"))
        return np.asarray(
            np.clip(np.asarray(soft.resize((width, height), Image.Resampling.BICUBIC)), 0, 1), np.float32
        )


def find_subject(frame: Frame) -> Subject:
    """The subject of *frame*; a third around the middle where nothing stands out. A pure function of the pixels."""
    picture = Image.fromarray(frame)
    picture.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    mass = salience(extract_features(np.asarray(picture)).measurements.grid).astype(np.float64)
    mass = ndimage.gaussian_filter(mass, 0.8, mode="nearest")
    if np.ptp(mass) < 1e-6:
        return _box_of(_middle(mass.shape))
    mass = mass * _towards_middle(mass.shape)
    return _box_of(_patch(mass))


def _patch(mass: FloatArray) -> Cells:
    """The heaviest connected patch of what comes near the top; nearer to it where that would be most of the frame."""
    for share in _SHARES_OF_TOP:
        labels, count = ndimage.label(mass >= share * mass.max())
        weights = ndimage.sum_labels(mass, labels, np.arange(1, count + 1))
        patch = labels == 1 + int(np.argmax(weights))
        if patch.mean() <= _LARGEST:
            break
    return np.asarray(patch)


def _box_of(cells: Cells) -> Subject:
    rows, columns = cells.shape
    down, across = np.flatnonzero(cells.any(axis=1)), np.flatnonzero(cells.any(axis=0))
    return Subject(
        float(across[0] / columns),
        float(down[0] / rows),
        float((across[-1] + 1) / columns),
        float((down[-1] + 1) / rows),
        cells,
    )


def _towards_middle(shape: tuple[int, int]) -> FloatArray:
    y, x = (np.abs((np.arange(n) + 0.5) / n - 0.5) for n in shape)
    return np.asarray(np.exp(-(x[None] ** 2 + y[:, None] ** 2) / (2 * _SPREAD**2)))


def _middle(shape: tuple[int, int]) -> Cells:
    y, x = (np.abs((np.arange(n) + 0.5) / n - 0.5) <= max(1 / 6, 0.5 / n) for n in shape)
    return np.asarray(y[:, None] & x[None])
