"""Noise and codec: grain of too little light, blocks, bands, too few pixels."""

from __future__ import annotations

import io
import math

import numpy as np
from PIL import Image

from finepick.domain import Frame
from finepick.edits.base import Prepared
from finepick.edits.light import frame_of, light_of, through

_SHOT, _READ = 0.22, 0.015  # σ of the noise in linear light at strength 1: of white, and of black
_BEST_QUALITY, _WORST_QUALITY = 90, 8
_MOST_LEVELS, _FEWEST_LEVELS = 65, 5
_LEVELS_BY_WEIGHT = np.array(
    [0, 255] + [round(255 * odd / 2**k) for k in range(1, 7) for odd in range(1, 2**k, 2)]
)
_SMALLER = 6.0


def shot_noise(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Light arrives in grains: noise whose variance grows with the light, and a little of the electronics' own.

    The normal approximation of Poisson noise, drawn once and scaled, so that a chain shows one pattern.
    """
    light = light_of(frame)
    noise = chance.standard_normal(frame.shape, dtype=np.float32)
    noise *= np.sqrt(np.float32(_SHOT**2) * light + np.float32(_READ**2))
    return Prepared(
        lambda strength: frame_of(light + np.float32(strength) * noise),
        lambda strength: f"adds shot noise: {1 / (_SHOT * strength) ** 2:,.0f} photons are white",
    )


def jpeg(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Compressed as a JPEG by Pillow, colours at half the resolution."""
    picture = Image.fromarray(frame)

    def quality(strength: float) -> int:
        return round(_BEST_QUALITY * math.pow(_WORST_QUALITY / _BEST_QUALITY, strength))

    def frame_at(strength: float) -> Frame:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality(strength), subsampling="4:2:0")
        return np.asarray(Image.open(file))

    return Prepared(frame_at, lambda strength: f"compresses as JPEG of quality {quality(strength)}")


def banding(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Too few levels a channel, so that skies fall into bands.

    Black, white, and what halves the widest gaps between them: fewer levels are among those of more, so that no pixel
    comes nearer to what it was.
    """

    def levels(strength: float) -> int:
        return round(_MOST_LEVELS * math.pow(_FEWEST_LEVELS / _MOST_LEVELS, strength))

    def frame_at(strength: float) -> Frame:
        kept = np.sort(_LEVELS_BY_WEIGHT[: levels(strength)])
        nearest = np.searchsorted((kept[1:] + kept[:-1]) / 2, np.arange(256))
        return through(frame, kept[nearest] / 255)

    return Prepared(frame_at, lambda strength: f"leaves {levels(strength)} levels a channel")


def upscaling(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Made small and large again: fewer pixels than it pretends to have."""
    picture = Image.fromarray(frame)

    def frame_at(strength: float) -> Frame:
        factor = _SMALLER**strength
        width, height = (max(1, round(side / factor)) for side in picture.size)
        small = picture.resize((width, height), Image.Resampling.BICUBIC)
        return np.asarray(small.resize(picture.size, Image.Resampling.BICUBIC))

    return Prepared(frame_at, lambda s: f"enlarges from a picture {_SMALLER**s:.1f} times smaller")
