"""Pixels as light and back: sRGB (IEC 61966-2-1) to linear and to grey levels, and curves over grey levels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finepick.domain import FloatArray, Frame

Floats = NDArray[np.float32]

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""What red, green and blue light contribute to luminance (Rec. 709)."""

LEVELS = np.arange(256) / 255.0
"""The grey levels as 0…1, on which curves are drawn."""


def decoded(codes: FloatArray) -> FloatArray:
    """Linear light, 0…1, of sRGB values 0…1."""
    return np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)


def encoded(light: FloatArray) -> FloatArray:
    """sRGB values, 0…1, of linear light; what is below 0 or above 1 is clipped."""
    clipped = np.clip(light, 0.0, 1.0)
    return np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * clipped ** (1 / 2.4) - 0.055)


LIGHT = decoded(LEVELS)
"""Linear light of the 256 grey levels."""

_LIGHT = LIGHT.astype(np.float32)
_FULL = np.float32(65535)
# In the shadows, where sRGB is steepest, a step of this table is a twentieth of a grey level.
_LEVEL_OF_LIGHT = np.rint(encoded(np.arange(65536) / 65535.0) * 255).astype(np.uint8)


def light_of(frame: Frame) -> Floats:
    """Linear light, 0…1, of *frame*; `frame_of` gives back the same frame."""
    return np.asarray(np.take(_LIGHT, frame), np.float32)


def frame_of(light: NDArray[np.floating]) -> Frame:
    """The frame, or plane of one, whose linear light is nearest to *light*, clipped to 0…1."""
    steps = np.asarray(light * _FULL)
    steps += np.float32(0.5)
    np.clip(steps, 0, _FULL, out=steps)
    return np.asarray(np.take(_LEVEL_OF_LIGHT, steps.astype(np.uint16)), np.uint8)


def rounded(levels: NDArray[np.floating]) -> Frame:
    """*levels* (0…255) to the nearest whole ones, clipped."""
    return np.asarray(np.clip(np.rint(levels), 0, 255), np.uint8)


def through(frame: Frame, curve: FloatArray) -> Frame:
    """*frame* with every level replaced by what *curve*, (256,) or (3, 256) in 0…1, has for it."""
    table = np.rint(np.clip(curve, 0.0, 1.0) * 255).astype(np.uint8)
    if table.ndim == 1:
        return np.take(table, frame)
    return np.stack([np.take(table[channel], frame[..., channel]) for channel in range(3)], axis=-1)


def luma_of(frame: Frame) -> Floats:
    """Luma (H × W) of *frame* in grey levels, of the sRGB values as they are."""
    return np.asarray(frame @ LUMA, np.float32)
