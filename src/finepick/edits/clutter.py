"""Clutter: what should not be in the picture. Chance draws where it is; strength, how much of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from finepick.domain import FloatArray, Frame
from finepick.edits.base import Prepared
from finepick.edits.light import Floats, frame_of, light_of

_CORNER_TANGENT = 1.25  # of half the angle of view, corner to corner, at strength 1
_FLARE = 0.9
_SPOTS, _DARKEST_SPOT = 24, 0.8
_REACH = 0.42  # of an intruder at strength 1, in long sides
_SKIN = np.array([0.30, 0.13, 0.085], np.float32)
_LEAF = np.array([0.020, 0.035, 0.012], np.float32)
_HAIR = np.array([0.014, 0.011, 0.009], np.float32)


def vignette(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Light falls off towards the corners by the cosine law: cos⁴ of the angle that a ray comes in at."""
    light = light_of(frame)
    x, y = _places(frame)
    squared = (x * x + y * y) / max(float(x.max() ** 2 + y.max() ** 2), 1e-9)

    def frame_at(strength: float) -> Frame:
        tangent = np.float32(_CORNER_TANGENT * strength)
        return frame_of(light * ((1 + tangent * tangent * squared) ** -2)[..., None])

    def words_at(strength: float) -> str:
        return f"darkens the corners by {2 * np.log2(1 + (_CORNER_TANGENT * strength) ** 2):.1f} stops"

    return Prepared(frame_at, words_at)


def lens_flare(frame: Frame, chance: np.random.Generator) -> Prepared:
    """A lamp just inside the frame: its glow, and reflections of it on a line through the middle."""
    x, y = _places(frame)
    wide, high = float(x.max()), float(y.max())
    lamp_x, lamp_y = (
        wide * chance.uniform(0.5, 1.0) * chance.choice([-1, 1]),
        -high * chance.uniform(0.6, 1.0),
    )
    distance = np.hypot(x - lamp_x, y - lamp_y)
    flare = np.exp(-distance / 0.05)[..., None] * np.array([1.6, 1.5, 1.3], np.float32)
    flare += np.exp(-distance / 0.35)[..., None] * np.array([0.45, 0.38, 0.28], np.float32)
    for _ in range(6):
        place, radius = chance.uniform(-0.2, 1.6), chance.uniform(0.015, 0.09)
        colour = (chance.dirichlet([1.5, 1.5, 1.5]) * chance.uniform(0.3, 0.9)).astype(np.float32)
        away = np.hypot(x + place * lamp_x, y + place * lamp_y) / np.float32(radius)
        disc = np.clip((1 - away) * np.float32(12), 0, 1) * (0.5 + 0.5 * np.minimum(away, 1) ** 2)
        flare += disc[..., None] * colour
    return _added(frame, flare.astype(np.float32), "puts a lens flare into the picture")


def dust(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Dust on the sensor: soft dark spots in fixed places."""
    light = light_of(frame)
    x, y = _places(frame)
    opacity = np.zeros(frame.shape[:2], np.float32)
    for _ in range(_SPOTS):
        centre_x, centre_y = chance.uniform(-1, 1) * x.max(), chance.uniform(-1, 1) * y.max()
        radius, dark = chance.uniform(0.004, 0.017), chance.uniform(0.5, 1.0)
        spot = np.clip(1.5 - 1.5 * np.hypot(x - centre_x, y - centre_y) / radius, 0, 1)
        opacity = np.maximum(opacity, np.asarray(spot * dark, np.float32))
    blocked = light * (opacity * np.float32(_DARKEST_SPOT))[..., None]
    return Prepared(
        lambda strength: frame_of(light - np.float32(strength) * blocked),
        lambda strength: f"puts {_SPOTS} specks of dust on the sensor, {_DARKEST_SPOT * strength:.0%} dark",
    )


def intruder(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Something near and out of focus reaches in from the border: a finger, a branch or a head."""
    kind = ("a finger", "a branch", "somebody's head")[int(chance.integers(3))]
    shape, colour = {
        "a finger": (_finger, _SKIN),
        "a branch": (_branch, _LEAF),
        "somebody's head": (_head, _HAIR),
    }[kind]
    x, y = _places(frame)
    # Heads come from below, branches from anywhere else, fingers from everywhere.
    side = {"a finger": int(chance.integers(4)), "a branch": int(chance.choice([3, 0, 1]))}.get(kind, 2)
    u, v = _seen_from(side, x, y)  # u: along that side, v: into the picture
    cover = shape(u, v, float(np.ptp(u)) / 2, chance)
    light = light_of(frame)
    # As bright as the scene: what is near has the same light.
    colour = colour * np.float32(np.clip(light.mean() / 0.2, 0.25, 2.0))
    grain = ndimage.gaussian_filter(
        chance.standard_normal(frame.shape[:2], dtype=np.float32), 0.02 * max(frame.shape)
    )
    surface = colour * (1 + 0.15 * grain / max(float(np.abs(grain).max()), 1e-9))[..., None]
    name = ("top", "right", "bottom", "left")[side]

    def frame_at(strength: float) -> Frame:
        opacity = cover(_REACH * strength)[..., None]
        return frame_of(light + opacity * (surface - light))

    return Prepared(
        frame_at, lambda s: f"lets {kind} reach in from the {name}, {_REACH * s:.0%} of the long side"
    )


_Cover = Callable[[float], Floats]


def _finger(u: Floats, v: Floats, half: float, chance: np.random.Generator) -> _Cover:
    place = chance.uniform(-0.8, 0.8) * half
    lean = -np.sign(place) * chance.uniform(0.0, 0.5)
    width = chance.uniform(0.06, 0.1)
    return lambda reach: _capsule(u, v, place, lean, reach, width, 0.03)


def _head(u: Floats, v: Floats, half: float, chance: np.random.Generator) -> _Cover:
    place, softness = np.float32(chance.uniform(-0.7, 0.7) * half), np.float32(0.02)
    away = np.hypot(u - place, np.float32(0.8) * v + softness)
    return lambda reach: _smooth((np.float32(0.7 * reach) - away) / softness + np.float32(1))


def _branch(u: Floats, v: Floats, half: float, chance: np.random.Generator) -> _Cover:
    place = chance.uniform(-0.8, 0.8) * half
    lean = -np.sign(place) * chance.uniform(0.0, 0.6)
    twigs = [
        (place + chance.uniform(-0.09, 0.09), lean + chance.uniform(-0.8, 0.8), chance.uniform(0.5, 1.0))
        for _ in range(6)
    ]
    widths = [chance.uniform(0.006, 0.016) for _ in twigs]

    def cover(reach: float) -> Floats:
        parts = [
            _capsule(u, v, at, slant, reach * share, width, 0.008)
            for (at, slant, share), width in zip(twigs, widths, strict=True)
        ]
        return np.asarray(np.maximum.reduce(parts), np.float32)

    return cover


def _capsule(
    u: Floats, v: Floats, place: float, lean: float, reach: float, width: float, softness: float
) -> Floats:
    """0…1, how much a rounded bar covers that enters at *place*, leaning by *lean* (radians), *reach* deep."""
    along_u, along_v = np.float32(np.sin(lean)), np.float32(np.cos(lean))
    start_u, start_v = np.float32(place), np.float32(-2 * (width + softness))
    length = np.float32(2 * (width + softness) + reach)  # its end: just outside at a reach of 0
    length -= np.float32((width + softness) * (1 - min(reach / 0.05, 1.0)))
    du, dv = u - start_u, v - start_v
    along = np.clip(du * along_u + dv * along_v, 0, length)
    away = np.hypot(du - along * along_u, dv - along * along_v)
    return _smooth((np.float32(width + softness) - away) / np.float32(2 * softness))


def _smooth(values: Floats) -> Floats:
    """*values* from 0 to 1 without corners at either end."""
    inside = np.clip(values, 0, 1)
    return inside * inside * (3 - 2 * inside)


def _added(frame: Frame, light_on_top: Floats, words: str) -> Prepared:
    light = light_of(frame)
    return Prepared(
        lambda strength: frame_of(light + np.float32(_FLARE * strength) * light_on_top),
        lambda strength: f"{words} ({strength:.0%})",
    )


def _places(frame: Frame) -> tuple[Floats, Floats]:
    """x and y of every pixel (H × W each), in long sides from the middle."""
    height, width = frame.shape[:2]
    long_side = max(height, width)
    x: FloatArray = (np.arange(width) + 0.5 - width / 2) / long_side
    y: FloatArray = (np.arange(height) + 0.5 - height / 2) / long_side
    wide, high = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    return wide, high


def _seen_from(side: int, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Places along and away from the top, right, bottom or left side."""
    if side == 0:
        return x, y - y.min()
    if side == 1:
        return y, x.max() - x
    if side == 2:
        return x, y.max() - y
    return y, x - x.min()
