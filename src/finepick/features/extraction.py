"""A frame in, its features out: everything that grouping, ranking and explaining want to know of one photo.

Features are a pure function of the frame, small enough to keep for every photo, and travel as plain arrays.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finepick.domain import Frame
from finepick.features.descriptor import describe
from finepick.features.keypoints import Keypoints, detect_keypoints
from finepick.features.measurements import Measurements, measure

FEATURES_VERSION = 1
"""Raised whenever a change here or below alters a number; cached features of other versions are not used."""

GREY_SIDE = 256
THUMBNAIL_SIDE = 320
_LEAST_THUMBNAIL_SIDE = 250
SMALL_SIDE = 500


@dataclass(frozen=True, slots=True)
class PhotoFeatures:
    """What one photo says by itself.

    Coordinates are in *frame units* wherever they occur: pixels divided by the frame's long side, origin at
    the upper left corner, so that a 3:2 landscape frame spans [0, 1] × [0, .667].

    size: (width, height) of the working frame in pixels.
    grey: (h, w) uint8 luma, long side 256 (a smaller frame keeps its size).
    descriptor: (d,) float32, unit length: likeness of two photos at a glance is the dot product.
    """

    size: tuple[int, int]
    grey: NDArray[np.uint8]
    descriptor: NDArray[np.float32]
    keypoints: Keypoints
    measurements: Measurements


def extract_features(frame: Frame) -> PhotoFeatures:
    """Features of *frame* (H × W × 3, uint8, sRGB)."""
    picture = Image.fromarray(frame)
    return _features(picture, _small(picture))


def extract_with_thumbnail(picture: Image.Image) -> tuple[PhotoFeatures, bytes]:
    """Features of *picture* (RGB), and a JPEG of it with a long side of at most `THUMBNAIL_SIDE` pixels."""
    small = _small(picture)
    buffer = io.BytesIO()
    _thumbnail(small).save(buffer, "JPEG", quality=82)
    return _features(picture, small), buffer.getvalue()


def _thumbnail(small: Image.Image) -> Image.Image:
    """Averaged down by a whole number where that leaves enough: five times as fast as to an exact size."""
    factor = -(-max(small.size) // THUMBNAIL_SIDE)
    if factor > 1 and max(small.size) >= factor * _LEAST_THUMBNAIL_SIDE:
        return small.reduce(factor)
    return _fit(small, THUMBNAIL_SIDE)


def _small(picture: Image.Image) -> Image.Image:
    """*picture* averaged down by a whole number to about `SMALL_SIDE`, enough for most features."""
    factor = max(1, round(max(picture.size) / SMALL_SIDE))
    return picture.reduce(factor) if factor > 1 else picture


def _features(picture: Image.Image, small: Image.Image) -> PhotoFeatures:
    return PhotoFeatures(
        size=picture.size,
        grey=np.asarray(_fit(small.convert("L"), GREY_SIDE)),
        descriptor=describe(small),
        keypoints=detect_keypoints(small),
        measurements=measure(np.asarray(picture.convert("L")), np.asarray(small)),
    )


def _fit(picture: Image.Image, side: int) -> Image.Image:
    """*picture* with its long side at most *side*, averaged down."""
    scale = side / max(picture.size)
    if scale >= 1:
        return picture
    width, height = (max(1, round(length * scale)) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.BOX, reducing_gap=2.0)
