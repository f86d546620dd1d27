"""A frame in, its features out: everything that grouping, ranking and explaining want to know of one photo.

Features are a pure function of the frame, small enough to keep for every photo, and travel as plain arrays.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finepick import kernels
from finepick.domain import Frame
from finepick.features.descriptor import describe
from finepick.features.keypoints import Keypoints, detect_keypoints
from finepick.features.measurements import Measurements, lines_looked_at, measure

FEATURES_VERSION = 2
"""Raised whenever a change here or below alters a number; cached features of other versions are not used."""

GREY_SIDE = 128
THUMBNAIL_SIDE = 320
SMALL_SIDE = 500
_TINY_SIDE = 250


@dataclass(frozen=True, slots=True)
class PhotoFeatures:
    """What one photo says by itself.

    Coordinates are in *frame units* wherever they occur: pixels divided by the frame's long side, origin at
    the upper left corner, so that a 3:2 landscape frame spans [0, 1] × [0, .667].

    size: (width, height) of the working frame in pixels.
    grey: (h, w) uint8 luma, long side 128 (a smaller frame keeps its size).
    descriptor: (d,) float32, unit length: likeness of two photos at a glance is the dot product.
    """

    size: tuple[int, int]
    grey: NDArray[np.uint8]
    descriptor: NDArray[np.float32]
    keypoints: Keypoints
    measurements: Measurements


def extract_features(frame: Frame) -> PhotoFeatures:
    """Features of *frame* (H × W × 3, uint8, sRGB)."""
    return _features(_Sizes.of(Image.fromarray(frame)))


def extract_with_thumbnail(picture: Image.Image) -> tuple[PhotoFeatures, bytes]:
    """Features of *picture* (RGB), and a JPEG of it with a long side of at most `THUMBNAIL_SIDE` pixels."""
    sizes = _Sizes.of(picture)
    thumbnail = sizes.tiny if max(sizes.tiny.size) <= THUMBNAIL_SIDE else _fit(sizes.small, THUMBNAIL_SIDE)
    buffer = io.BytesIO()
    thumbnail.save(buffer, "JPEG", quality=82)
    return _features(sizes), buffer.getvalue()


@dataclass(frozen=True, slots=True)
class _Sizes:
    """A picture and itself averaged down by whole numbers, five times as fast as to an exact size.

    small: long side about `SMALL_SIDE`. tiny: from `_TINY_SIDE` to less than twice as much. luma_of_lines: of the
    whole, what `measure` wants, where one pass gave both.
    """

    whole: Image.Image
    small: Image.Image
    tiny: Image.Image
    luma_of_lines: NDArray[np.uint8] | None = None

    @classmethod
    def of(cls, picture: Image.Image) -> _Sizes:
        factor = round(max(picture.size) / SMALL_SIDE)
        small, luma = _small_and_luma(picture) if factor == 4 else (_reduced(picture, factor), None)
        return cls(picture, small, _reduced(small, max(small.size) // _TINY_SIDE), luma)


def _reduced(picture: Image.Image, factor: int) -> Image.Image:
    return picture.reduce(factor) if factor > 1 else picture


def _small_and_luma(picture: Image.Image) -> tuple[Image.Image, NDArray[np.uint8] | None]:
    """*picture* averaged down by four, and luma of the lines that are looked at, if that came along."""
    pixels = kernels.pixels_in_place(picture)
    if kernels.compiled is None or pixels is None:
        return _reduced(picture, 4), None
    size = -(-picture.width // 4), -(-picture.height // 4)
    small = np.empty((size[1], size[0], 4), np.uint8)
    lines = lines_looked_at(*picture.size)
    luma = np.empty((*lines.shape, picture.width), np.uint8)
    kernels.compiled.shrink_by_four(pixels, *pixels.shape[:2], small, lines, luma)
    return Image.frombytes("RGB", size, small.data, "raw", "RGBX"), luma if lines.size else None


def _features(sizes: _Sizes) -> PhotoFeatures:
    grey = sizes.tiny.convert("L")
    return PhotoFeatures(
        size=sizes.whole.size,
        grey=np.asarray(_fit(grey, GREY_SIDE)),
        descriptor=describe(sizes.tiny),
        keypoints=detect_keypoints(grey),
        measurements=measure(sizes.whole, sizes.small, sizes.tiny, luma_of_lines=sizes.luma_of_lines),
    )


def _fit(picture: Image.Image, side: int) -> Image.Image:
    """*picture* with its long side at most *side*, averaged down."""
    scale = side / max(picture.size)
    if scale >= 1:
        return picture
    width, height = (max(1, round(length * scale)) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.BOX, reducing_gap=2.0)
