"""Colour: light of the wrong temperature, casts, too little or too much of it, coloured noise."""

from __future__ import annotations

import numpy as np
from PIL import Image

from finepick.domain import FloatArray, Frame
from finepick.edits.base import Prepared
from finepick.edits.light import LIGHT, LUMA, encoded, frame_of, light_of, luma_of, rounded, through

_DAYLIGHT_MIRED = 1e6 / 6504
_WARMER_MIRED, _COOLER_MIRED = 190.0, -105.0
_CAST = 0.6
_PALER, _GAUDIER = 0.9, 2.0
_NOISE_LEVELS = 60.0
_HUES = ("red", "yellow", "green", "cyan", "blue", "magenta")
# CIE 1931 XYZ to linear sRGB, IEC 61966-2-1.
_RGB_OF_XYZ = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])


def too_warm(frame: Frame, chance: np.random.Generator) -> Prepared:
    """White balance set for bluer light than there was: white looks like the light of a lamp."""
    return _temperature(frame, _WARMER_MIRED)


def too_cool(frame: Frame, chance: np.random.Generator) -> Prepared:
    """White balance set for yellower light than there was: white looks like the light of deep shade."""
    return _temperature(frame, _COOLER_MIRED)


def colour_cast(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Light of one hue, which chance draws, over everything."""
    hue = chance.random()
    channels = np.cos(2 * np.pi * (hue - np.arange(3) / 3))
    name = _HUES[round(hue * 6) % 6]
    return Prepared(
        lambda strength: _lit(frame, 1 + _CAST * strength * channels),
        lambda strength: f"casts {name} light over everything ({_CAST * strength:.0%})",
    )


def desaturation(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Colours pale to the grey of the same luminance."""
    light = light_of(frame)
    grey_less_light = (light @ LUMA)[..., None] - light
    return Prepared(
        lambda strength: frame_of(light + np.float32(_PALER * strength) * grey_less_light),
        lambda strength: f"takes away {_PALER * strength:.0%} of the colour",
    )


def oversaturation(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Colours drawn away from the grey of the same luma, in sRGB as editors do it."""
    levels = frame.astype(np.float32)
    colour = levels - luma_of(frame)[..., None]
    return Prepared(
        lambda strength: rounded(levels + np.float32(_GAUDIER * strength) * colour),
        lambda strength: f"raises the saturation to {1 + _GAUDIER * strength:.0%}",
    )


def channel_noise(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Blotches of red, green and blue, without luminance, mostly in the shadows: a small sensor at high ISO."""
    height, width = frame.shape[:2]
    grain = max(1.5, max(height, width) / 400)
    coarse = chance.standard_normal(
        (3, max(1, round(height / grain)), max(1, round(width / grain))), dtype=np.float32
    )
    planes = [
        np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BICUBIC))
        for plane in coarse
    ]
    noise = np.stack(planes, axis=-1)
    noise -= (noise @ LUMA)[..., None]
    noise *= np.float32(_NOISE_LEVELS) * (np.float32(1) - luma_of(frame) / np.float32(320))[..., None]
    levels = frame.astype(np.float32)
    return Prepared(
        lambda strength: rounded(levels + np.float32(strength) * noise),
        lambda strength: f"adds colour noise of {_NOISE_LEVELS * strength:.0f} grey levels in the shadows",
    )


def _temperature(frame: Frame, mired: float) -> Prepared:
    def kelvin(strength: float) -> float:
        return 1e6 / (_DAYLIGHT_MIRED + mired * strength)

    neutral = _light_of_temperature(1e6 / _DAYLIGHT_MIRED)
    return Prepared(
        lambda strength: _lit(frame, _light_of_temperature(kelvin(strength)) / neutral),
        lambda strength: f"makes white look like light of {kelvin(strength):,.0f} K",
    )


def _lit(frame: Frame, gains: FloatArray) -> Frame:
    """*frame* with red, green and blue light multiplied by *gains*, grey keeping its luminance."""
    gains = np.maximum(gains, 0.0) / float(gains @ LUMA)
    return through(frame, encoded(LIGHT * gains[:, None]))


def _light_of_temperature(kelvin: float) -> FloatArray:
    """Linear red, green and blue of a black body: Kim et al. 2002 (US 7,024,034), for 1,667 to 25,000 K."""
    t = 1e3 / kelvin
    if kelvin <= 4000:
        x = ((-0.2661239 * t - 0.2343589) * t + 0.8776956) * t + 0.179910
    else:
        x = ((-3.0258469 * t + 2.1070379) * t + 0.2226347) * t + 0.240390
    if kelvin <= 2222:
        y = ((-1.1063814 * x - 1.34811020) * x + 2.18555832) * x - 0.20219683
    elif kelvin <= 4000:
        y = ((-0.9549476 * x - 1.37418593) * x + 2.09137015) * x - 0.16748867
    else:
        y = ((3.0817580 * x - 5.87338670) * x + 3.75112997) * x - 0.37001483
    return np.asarray(_RGB_OF_XYZ @ np.array([x / y, 1.0, (1 - x - y) / y]))
