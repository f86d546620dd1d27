"""A vector per photo whose dot products say how alike two photos look at a glance.

Three parts, each of unit length before it is weighted: grey after its surroundings are taken out, which way
the edges run in each tile (a coarse HOG: Dalal & Triggs, 2005), and a little colour. Brightness and contrast
are taken out locally, so that the frames of an exposure bracket stay neighbours.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finepick.features.keypoints import normalise_contrast

Floats = NDArray[np.float32]

SIDE = 64
DESCRIPTOR_LENGTH = 360

_PLACES = 14
_TILES = 4
_DIRECTIONS = 8
_COLOUR = 4
_BLANK = DESCRIPTOR_LENGTH - _PLACES**2 - _TILES**2 * _DIRECTIONS - 2 * _COLOUR**2
_EDGE_WEIGHT, _COLOUR_WEIGHT = 0.5, 0.2  # of 1 for grey; any from half to twice these finds about the same pairs


def describe(picture: Image.Image) -> NDArray[np.float32]:
    """(360,) float32 of unit length; photos of one scene score above about .4, unlike ones around 0.

    A picture without any structure points at an axis of its own, away from all others and onto its equals.
    """
    tiny = _squeeze(picture)
    luma, blue, red = tiny.convert("YCbCr").split()
    normalised = np.asarray(normalise_contrast(luma), dtype=np.float32) - 128
    parts = np.concatenate(
        [
            _unit(_pool(normalised, _PLACES).ravel()),
            _EDGE_WEIGHT * _unit(_edges(normalised)),
            _COLOUR_WEIGHT * _unit(_colour(blue, red)),
            np.zeros(_BLANK, dtype=np.float32),
        ]
    )
    if not normalised.any():
        parts[-1] = 1.0
    return np.asarray(parts / np.sqrt(parts @ parts), dtype=np.float32)


def _squeeze(picture: Image.Image) -> Image.Image:
    """The whole picture in 64 × 64 pixels: shape does not matter, so a slight crop stays close."""
    step = (max(1, picture.width // (2 * SIDE)), max(1, picture.height // (2 * SIDE)))
    reduced = picture.reduce(step) if max(step) > 1 else picture
    return reduced.resize((SIDE, SIDE), Image.Resampling.BILINEAR)


def _edges(pixels: Floats) -> Floats:
    """Energy of the gradient by direction (without sign) in overlapping tiles, each normalised; mean 0."""
    across, down = np.zeros_like(pixels), np.zeros_like(pixels)
    across[:, 1:-1] = pixels[:, 2:] - pixels[:, :-2]
    down[1:-1] = pixels[2:] - pixels[:-2]
    length = np.sqrt(across * across + down * down) + 6.0
    turns = np.arange(_DIRECTIONS, dtype=np.float32) * np.float32(np.pi / _DIRECTIONS)
    energy = np.cos(turns)[:, None, None] * across + np.sin(turns)[:, None, None] * down
    energy *= energy
    energy *= energy  # the fourth power keeps neighbouring directions apart
    energy /= length * length * length
    pooled = _pool(energy, _TILES)
    level = np.sqrt((pooled * pooled).sum(axis=0, keepdims=True))
    shares = np.sqrt(pooled / (level + 20.0)).ravel()
    return np.asarray(shares - shares.mean())


def _colour(blue: Image.Image, red: Image.Image) -> Floats:
    """Chroma in 4 × 4 places; about a grey picture it says nothing."""
    planes = np.stack([np.asarray(plane, dtype=np.float32) - 128 for plane in (blue, red)])
    places = _pool(planes, _COLOUR)
    return places.ravel() if float(np.abs(places).max()) >= 2 else np.zeros(places.size, dtype=np.float32)


def _pool(planes: Floats, count: int) -> Floats:
    """The last two axes (64 × 64) averaged to *count* × *count* overlapping places."""
    tents = _tents(count)
    return np.asarray(tents.T @ planes @ tents)


@lru_cache(maxsize=4)
def _tents(count: int) -> Floats:
    """(64, count): overlapping tents along one side, each summing to one."""
    place = (np.arange(SIDE) + 0.5) / SIDE * count - 0.5
    tents = np.maximum(1 - np.abs(place[:, None] - np.arange(count)), 0)
    return np.asarray(tents / tents.sum(axis=0), dtype=np.float32)


def _unit(values: Floats) -> Floats:
    length = float(np.sqrt(values @ values))
    return values / length if length > 1e-6 else values
