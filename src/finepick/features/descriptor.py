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
_WINDOW_SOURCE = 48
_WINDOW_SIDE = 20
_WAVES = 7
_EDGE_WEIGHT, _COLOUR_WEIGHT = (
    0.5,
    0.2,
)  # of 1 for grey; any from half to twice these finds about the same pairs


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


def outline(descriptors: Floats) -> Floats:
    """The coarse layout of light and dark in descriptors (n, 360): (n, 49), unit rows."""
    grey = descriptors[:, : _PLACES**2].reshape(-1, _PLACES, _PLACES)
    waves = _waves()
    layout = np.asarray(waves.T @ grey @ waves, dtype=np.float32)
    return _unit_rows(layout.reshape(len(descriptors), -1))


def outline_windows(grey: NDArray[np.uint8]) -> Floats:
    """What `outline` would say of 50 windows of a frame, .55 to .82 of its sides: (50, 49), unit rows.

    With it a photo finds crops of itself: one of the windows looks about like the whole of the crop.
    """
    picture = Image.fromarray(grey).resize((_WINDOW_SOURCE, _WINDOW_SOURCE), Image.Resampling.BOX)
    down, across = _window_samplers()
    windows = down @ np.asarray(picture, dtype=np.float32) @ across
    up, reduce = _window_smoother()
    windows -= up @ (reduce @ windows @ reduce.T) @ up.T
    spread = up @ (reduce @ (windows * windows) @ reduce.T) @ up.T
    windows /= np.sqrt(np.maximum(spread, 0) + 2.0)
    waves = _pool_matrix(_WINDOW_SIDE, _PLACES) @ _waves()
    return _unit_rows((waves.T @ windows @ waves).reshape(len(windows), -1))


@lru_cache(maxsize=1)
def _waves() -> Floats:
    """(14, 7): the seven lowest cosines (DCT-II, orthonormal); finer ones do not survive a crop a bit off."""
    place = (np.arange(_PLACES) + 0.5)[:, None] * np.arange(_WAVES)
    waves = np.cos(np.pi / _PLACES * place) * np.sqrt(2 / _PLACES)
    waves[:, 0] /= np.sqrt(2)
    return np.asarray(waves, dtype=np.float32)


def _unit_rows(values: Floats) -> Floats:
    return np.asarray(
        values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-6), dtype=np.float32
    )


@lru_cache(maxsize=1)
def _window_samplers() -> tuple[Floats, Floats]:
    """(50, side, source) and (50, source, side): average the source down to each window, rows and columns."""
    down, across = [], []
    for share, offsets in ((0.82, 3), (0.67, 4), (0.55, 5)):
        lines = [_window_line(start, share) for start in np.linspace(0, 1 - share, offsets)]
        for vertical in lines:
            for horizontal in lines:
                down.append(vertical)
                across.append(horizontal.T)
    return np.stack(down), np.stack(across)


def _window_line(start: float, share: float) -> Floats:
    """(side, source): how much of each source pixel falls into each sample of a window along one axis."""
    edges = (start + share * np.arange(_WINDOW_SIDE + 1) / _WINDOW_SIDE) * _WINDOW_SOURCE
    pixel = np.arange(_WINDOW_SOURCE)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    overlap = np.maximum(overlap, 0)
    return np.asarray(overlap / overlap.sum(axis=1, keepdims=True), dtype=np.float32)


@lru_cache(maxsize=1)
def _window_smoother() -> tuple[Floats, Floats]:
    """As `normalise_contrast` smooths the whole: four knots along a side."""
    place = (np.arange(_WINDOW_SIDE) + 0.5) / _WINDOW_SIDE * 3
    tents = np.maximum(1 - np.abs(place[:, None] - np.arange(4)), 0)
    return tents.astype(np.float32), (tents / tents.sum(axis=0)).T.astype(np.float32)


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
    tents = _pool_matrix(SIDE, count)
    return np.asarray(tents.T @ planes @ tents)


@lru_cache(maxsize=8)
def _pool_matrix(length: int, count: int) -> Floats:
    """(length, count): overlapping tents along one side, each summing to one."""
    place = (np.arange(length) + 0.5) / length * count - 0.5
    tents = np.maximum(1 - np.abs(place[:, None] - np.arange(count)), 0)
    return np.asarray(tents / tents.sum(axis=0), dtype=np.float32)


def _unit(values: Floats) -> Floats:
    length = float(np.sqrt(values @ values))
    return values / length if length > 1e-6 else values
