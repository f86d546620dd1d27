"""Exposure and tone: too dark, too bright, too flat, too hard, burnt, crushed, hazy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from finepick.domain import FloatArray, Frame
from finepick.edits.base import Prepared
from finepick.edits.light import LEVELS, LIGHT, encoded, frame_of, light_of, luma_of, through

_DARKER_STOPS, _BRIGHTER_STOPS = 3.5, 2.5
_FLATTER, _HARDER = 0.75, 2.0
_DARKER_GAMMA, _BRIGHTER_GAMMA = 2.5, 0.3
_HAZE_DEPTH = 2.2
_AIR = np.array([0.66, 0.70, 0.75], np.float32)  # linear light of a bright, slightly blue sky


def underexposure(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Less light, by stops: every halving is one."""
    return _exposed(frame, -_DARKER_STOPS, "darkens")


def overexposure(frame: Frame, chance: np.random.Generator) -> Prepared:
    """More light, by stops; what becomes brighter than white is lost."""
    return _exposed(frame, _BRIGHTER_STOPS, "brightens")


def low_contrast(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Levels drawn together around the mean luma of the photo."""
    return _contrast(frame, -_FLATTER, "lowers")


def high_contrast(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Levels drawn apart around the mean luma of the photo."""
    return _contrast(frame, _HARDER, "raises")


def dark_midtones(frame: Frame, chance: np.random.Generator) -> Prepared:
    """A gamma curve downwards: black and white stay, everything between becomes darker."""
    return _gamma(frame, _DARKER_GAMMA, "darkens")


def bright_midtones(frame: Frame, chance: np.random.Generator) -> Prepared:
    """A gamma curve upwards: black and white stay, everything between becomes brighter."""
    return _gamma(frame, _BRIGHTER_GAMMA, "brightens")


def crushed_shadows(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Shadows run into black."""

    def curve(strength: float) -> FloatArray:
        end = 0.65 * strength
        return np.asarray(LEVELS * np.minimum(LEVELS / end, 1.0) ** 2)

    return _curve(
        frame, curve, lambda s: f"crushes the shadows: what is below {0.65 * s:.0%} runs into black"
    )


def dull_highlights(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Highlights become grey."""

    def curve(strength: float) -> FloatArray:
        return LEVELS - np.maximum(LEVELS - 0.3, 0.0) * 0.6 * strength

    return _curve(frame, curve, lambda s: f"dulls the highlights: white becomes grey of {1 - 0.42 * s:.0%}")


def clipping(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Highlights burn out: what is brighter than a bound, which falls with strength, becomes white."""
    knee = 0.35

    def curve(strength: float) -> FloatArray:
        slope = (1 - knee) / (1 - 0.55 * strength - knee)
        return LEVELS + np.maximum(LEVELS - knee, 0.0) * (slope - 1)

    return _curve(
        frame, curve, lambda s: f"burns out the highlights: what is above {1 - 0.55 * s:.0%} is white"
    )


def haze(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Light scattered by air between camera and scene (Koschmieder's law), as if distance grew towards the top."""
    light = light_of(frame)
    depth = np.linspace(1.0, 0.35, len(frame), dtype=np.float32)[:, None, None]

    def frame_at(strength: float) -> Frame:
        passes = np.exp(np.float32(-_HAZE_DEPTH * strength) * depth)
        return frame_of(light * passes + _AIR * (1 - passes))

    def words_at(strength: float) -> str:
        return f"puts haze before the scene: {1 - np.exp(-_HAZE_DEPTH * strength):.0%} of the farthest is air"

    return Prepared(frame_at, words_at)


def _curve(frame: Frame, curve: Callable[[float], FloatArray], words: Callable[[float], str]) -> Prepared:
    return Prepared(lambda strength: through(frame, curve(strength)), words)


def _exposed(frame: Frame, stops: float, verb: str) -> Prepared:
    return _curve(
        frame,
        lambda strength: encoded(LIGHT * 2.0 ** (stops * strength)),
        lambda strength: f"{verb} by {abs(stops) * strength:.1f} stops",
    )


def _contrast(frame: Frame, change: float, verb: str) -> Prepared:
    mean = float(luma_of(frame).mean()) / 255
    return _curve(
        frame,
        lambda strength: mean + (LEVELS - mean) * (1 + change * strength),
        lambda strength: f"{verb} the contrast to {1 + change * strength:.0%}",
    )


def _gamma(frame: Frame, gamma: float, verb: str) -> Prepared:
    return _curve(
        frame,
        lambda strength: LEVELS**gamma**strength,
        lambda strength: f"{verb} the middle tones (gamma {gamma**strength:.2f})",
    )
