"""Frames that the tests draw: a scene with a subject, a horizon, coordinates as colours, flat greys."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from finepick.domain import FloatArray, Frame
from tests.conftest import scene


def landscape() -> Frame:
    return np.asarray(scene(5, (320, 216)))


def portrait() -> Frame:
    return np.asarray(scene(6, (180, 264)))


def with_subject(x: float, y: float, *, size: tuple[int, int] = (480, 320), radius: int = 36) -> Frame:
    """A red disc at (x, y), 0…1, before a calm blue ground."""
    picture = Image.new("RGB", size, (110, 130, 150))
    left, top = x * size[0], y * size[1]
    ImageDraw.Draw(picture).ellipse(
        [left - radius, top - radius, left + radius, top + radius], fill=(220, 40, 30)
    )
    return np.asarray(picture)


def subject_pixels(frame: Frame) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Where the red disc of `with_subject` is."""
    levels = frame.astype(int)
    return np.asarray(levels[..., 0] - levels[..., 2] > 60)


def horizon(degrees: float, width: int = 600, height: int = 400) -> Frame:
    y, x = np.mgrid[:height, :width]
    above = y < height / 2 + (x - width / 2) * math.tan(math.radians(degrees))
    pixels = np.where(above[..., None], [170, 190, 220], [50, 80, 60]).astype(np.uint8)
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(0.8)))


def coordinates(width: int = 256, height: int = 192) -> Frame:
    """Red says where a pixel is across, green where it is down, 0…255 over the frame."""
    frame = np.zeros((height, width, 3), np.uint8)
    frame[..., 0] = np.rint(np.linspace(0, 255, width))[None]
    frame[..., 1] = np.rint(np.linspace(0, 255, height))[:, None]
    return frame


def grey(level: int, size: tuple[int, int] = (64, 96)) -> Frame:
    return np.full((*size, 3), level, np.uint8)


def light(levels: FloatArray | Frame | float) -> FloatArray:
    """Linear light of sRGB levels 0…255, by the formula of IEC 61966-2-1."""
    codes = np.asarray(levels, np.float64) / 255
    return np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)


def rms(a: Frame, b: Frame) -> float:
    return float(np.sqrt(((a.astype(np.float64) - b) ** 2).mean()))
