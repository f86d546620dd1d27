"""What a photo's surface is like, counted by hand: patterns around every pixel, gradients, and colours.

No network has to learn this, and it says as much about generated pictures as a network's general eye
(docs/experiments.md). Local binary patterns: Ojala, Pietikäinen & Mäenpää, PAMI 2002, section 2.1, with a threshold
of two grey levels against noise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDES = (512, 256, 128, 64)
"""Sides of the squares that a photo is looked at as, in pixels."""

_PATTERNS, _GRADIENTS, _QUANTILES = 256, 24, 9
_COLOUR_SIDE, _COLOURS = 128, 6
COUNT = len(SIDES) * (_PATTERNS + _GRADIENTS + _QUANTILES) + _COLOURS**3
"""How many numbers there are."""

Floats = NDArray[np.float32]

_ALL = np.ones(3, np.float32)


def texture(picture: Image.Image) -> Floats:
    """(COUNT,) of *picture* (RGB): for each of SIDES the roots of the shares of patterns and of gradients, and
    quantiles of gradients; then the roots of the shares of colours."""
    square = picture.resize((SIDES[0], SIDES[0]), Image.Resampling.BILINEAR)
    made: list[Floats] = []
    for side in SIDES:
        pixels = np.asarray(square.reduce(SIDES[0] // side))
        total = (pixels.reshape(-1, 3).astype(np.float32) @ _ALL).reshape(side, side)
        made += [np.sqrt(_patterns(total)), *_gradients(total / np.float32(3))]
    made.append(np.sqrt(_colours(square)))
    return np.concatenate(made)


def _patterns(total: Floats) -> Floats:
    """Shares of the 256 ways in which the eight neighbours of a pixel are brighter than it, or not.

    *total*: sums of the three colours, whole numbers, so that nothing hangs on rounding.
    """
    rows, columns = total.shape
    threshold = total[1:-1, 1:-1] + 6.0
    codes = np.zeros(threshold.shape, np.uint8)
    places = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
    for bit, (down, across) in enumerate(places):
        brighter = total[down : rows - 2 + down, across : columns - 2 + across] > threshold
        codes |= brighter.view(np.uint8) << np.uint8(bit)
    return _shares(codes, _PATTERNS)


def _gradients(grey: Floats) -> tuple[Floats, Floats]:
    """Roots of the shares of gradients by size, from a half to 128 grey levels in octave thirds, and quantiles."""
    across, down = np.diff(grey, axis=1)[:-1], np.diff(grey, axis=0)[:, :-1]
    sizes = np.sort(np.hypot(across, down).ravel())
    edges = np.exp2(np.linspace(-1, 7, _GRADIENTS + 1)).astype(np.float32) - np.float32(0.5)
    shares = np.diff(np.searchsorted(sizes, edges)) / sizes.size
    quantiles = sizes[np.linspace(0, sizes.size - 1, _QUANTILES).astype(np.intp)]
    return np.sqrt(shares).astype(np.float32), (np.log2(quantiles + 1) / 4).astype(np.float32)


def _colours(square: Image.Image) -> Floats:
    small = np.asarray(square.reduce(SIDES[0] // _COLOUR_SIDE)) // (256 // _COLOURS + 1)
    codes = (small[..., 0].astype(np.intp) * _COLOURS + small[..., 1]) * _COLOURS + small[..., 2]
    return _shares(codes, _COLOURS**3)


def _shares(codes: NDArray[np.integer[Any]], count: int) -> Floats:
    return np.asarray(np.bincount(codes.ravel(), minlength=count) / codes.size, np.float32)
