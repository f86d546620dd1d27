"""Colour in linear light, and the way from light to a developed picture: exposure, tone curve, grain.

Light is a float32 array of shape 3 × height × width; 1 is white at exposure 0, and there may be more.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatArray = NDArray[np.floating]
Light = NDArray[np.floating]
Pixels = NDArray[np.uint8]

CURVE_STEPS = 1 << 14
CURVE_TOP = 64.0


def colour(code: str, strength: float = 1.0) -> FloatArray:
    """Linear light of an sRGB colour such as "#ffb060", ready to broadcast: shape (3, 1, 1)."""
    values = np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return (linear * strength).astype(np.float32)[:, None, None]


def gradient(stops: Sequence[tuple[float, FloatArray]], place: FloatArray) -> Light:
    """Colours blended along *place*; *stops* are (place, colour) in rising order."""
    at = np.array([stop for stop, _ in stops])
    table = np.stack([shade.reshape(3) for _, shade in stops], axis=1)
    return np.stack([np.interp(place, at, channel) for channel in table]).astype(np.float32)


def mix(a: FloatArray, b: FloatArray, share: FloatArray | float) -> FloatArray:
    """*a* where *share* is 0, *b* where it is 1."""
    return a + (b - a) * np.asarray(share, dtype=np.float32)


def lay_over(light: Light, shade: FloatArray, coverage: FloatArray) -> Light:
    """*light* with *shade* painted over it where *coverage* (height × width) says so; changed in place."""
    light += (shade - light) * coverage
    return light


@lru_cache(maxsize=8)
def _curve(contrast: float) -> FloatArray:
    """Display values 0…255 for light whose square root runs evenly from 0 to √CURVE_TOP."""
    light = np.linspace(0, np.sqrt(CURVE_TOP), CURVE_STEPS) ** 2
    knee = 0.45
    rolled = np.where(light < knee, light, knee + (1 - knee) * -np.expm1(-(light - knee) / (1 - knee)))
    display = np.where(rolled <= 0.0031308, rolled * 12.92, 1.055 * rolled ** (1 / 2.4) - 0.055)
    display += contrast * (display * display * (3 - 2 * display) - display)
    return (display * 255).astype(np.float32)


def develop(
    light: Light,
    rng: np.random.Generator,
    *,
    stops: float = 0.0,
    iso: float = 100,
    contrast: float = 0.35,
    scale: float = 1200,
) -> Pixels:
    """The picture a camera makes of *light*: height × width × 3.

    *stops* is exposure in EV; grain grows with *iso* and is as coarse as *scale* (pixels a scene unit) asks.
    """
    level = np.sqrt(np.clip(light * np.float32(2.0**stops), 0, CURVE_TOP))
    level *= (CURVE_STEPS - 1) / np.sqrt(CURVE_TOP)
    display = _curve(contrast)[level.astype(np.uint16)]
    display += grain(rng, light.shape[1:], iso=iso, scale=scale) * _grain_visibility(display[1])
    return np.ascontiguousarray(np.clip(display + 0.5, 0, 255).astype(np.uint8).transpose(1, 2, 0))


def grain(rng: np.random.Generator, shape: tuple[int, int], *, iso: float, scale: float) -> Light:
    """Grain in display values: mostly grey, a little coloured, and a bit softer than single pixels."""
    deviation = 1.15 * (iso / 100) ** 0.42
    size = 0.45 * max(1.0, scale / 1600) ** 0.5
    reach = 256
    sheet = _grain_sheet((shape[0] + reach, shape[1] + reach), round(size, 3))

    def piece() -> FloatArray:
        down, right = rng.integers(0, reach, 2)
        return sheet[down : down + shape[0], right : right + shape[1]]

    grey = piece() * np.float32(0.88 * deviation)
    return np.stack([grey + np.float32(0.32 * deviation) * piece() for _ in range(3)])


@lru_cache(maxsize=2)
def _grain_sheet(shape: tuple[int, int], size: float) -> FloatArray:
    """One sheet of grain of deviation 1, from which every picture takes other pieces."""
    noise = np.random.default_rng(20).standard_normal(shape, dtype=np.float32)
    sheet = ndimage.gaussian_filter(noise, size, truncate=2.5)
    return np.asarray(sheet / sheet.std())


def _grain_visibility(green: FloatArray) -> FloatArray:
    """Grain shows in the middle tones, less in deep shadow, not at all where the picture is clipped."""
    level = green / 255
    squared = level * level
    return 0.35 + 2.6 * (level - squared) - 0.35 * squared * squared
