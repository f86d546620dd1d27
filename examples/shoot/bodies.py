"""Turned bodies (chess pieces, bottles, fruit): a profile spun round an upright axis, lit by a lamp."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoot.drawing import Point, curve
from shoot.light import Light
from shoot.view import View

FloatArray = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Material:
    """Surface of a body: *colour* (3, 1, 1), strength and tightness of highlights, how much rim it shows."""

    colour: FloatArray
    gloss: float = 0.6
    tightness: float = 60.0
    rim: float = 0.25
    through: float = 0.0


@dataclass(frozen=True, slots=True)
class Painted:
    """Light and coverage of a window of the picture, ready to be blurred and laid over."""

    top: int
    left: int
    light: Light
    coverage: FloatArray


def turn(
    view: View,
    profile: list[Point],
    foot: Point,
    height: float,
    material: Material,
    *,
    lamp: tuple[float, float, float] = (-0.55, 0.65, 0.52),
    ambient: float = 0.20,
    margin: float = 0.0,
    smooth: bool = True,
) -> Painted:
    """The body whose *profile* is a list of (radius, height) from foot to top, both as shares of *height*.

    Seen level from the front, standing on *foot*; *margin* (scene units) is left empty around it for blur.
    """
    outline = np.array(curve(profile, steps=6) if smooth else profile)
    radii, heights = (
        np.maximum(outline[:, 0], 0),
        np.maximum.accumulate(outline[:, 1] + np.arange(len(outline)) * 1e-6),
    )
    widest = float(radii.max()) * height
    tilt = 0.16
    left, right = view.column(foot[0] - widest - margin), view.column(foot[0] + widest + margin)
    top, bottom = view.row(foot[1] - height * 1.03 - margin), view.row(foot[1] + widest * tilt * 1.2 + margin)
    if right - left < 1 or bottom - top < 1:
        return Painted(0, 0, np.zeros((3, 1, 1), np.float32), np.zeros((1, 1), np.float32))
    x = (view.x[:, left:right] - foot[0]) / height
    upward = (foot[1] - view.y[top:bottom]) / height
    # Seen slightly from above: the middle of each ring lies lower than its edge.
    sagged = upward
    for _ in range(2):
        radius = np.interp(np.clip(sagged, 0, heights[-1]), heights, radii).astype(np.float32)
        across = np.clip(x / np.maximum(radius, 1e-4), -1, 1)
        sagged = upward + tilt * radius * np.sqrt(np.maximum(1 - across**2, 0))
    edge = (radius - np.abs(x)) * height * view.scale + 0.5
    inside = (
        np.clip(edge, 0, 1)
        * np.clip(sagged * height * view.scale + 0.5, 0, 1)
        * np.clip((heights[-1] - sagged) * height * view.scale + 0.5, 0, 1)
    )
    slope = np.interp(
        np.clip(sagged, 0, heights[-1]),
        (heights[1:] + heights[:-1]) / 2,
        np.diff(radii) / np.maximum(np.diff(heights), 2e-3),
    )
    slope = np.clip(slope, -3, 3).astype(np.float32)
    light = _shade(across, slope, sagged, material, lamp, ambient)
    return Painted(top, left, light, inside.astype(np.float32))


def _shade(
    across: FloatArray,
    slope: FloatArray,
    up: FloatArray,
    material: Material,
    lamp: tuple[float, float, float],
    ambient: float,
) -> Light:
    facing = np.sqrt(np.maximum(1 - across**2, 0.0))
    length = np.sqrt(1 + slope**2)
    nx, ny, nz = across / length, -slope / length, facing / length
    to_lamp = np.array(lamp) / np.linalg.norm(lamp)
    direct = np.clip(nx * to_lamp[0] + ny * to_lamp[1] + nz * to_lamp[2] + material.through, 0, None) / (
        1 + material.through
    )
    halfway = to_lamp + np.array([0.0, 0.1, 1.0])
    halfway /= np.linalg.norm(halfway)
    shine = np.clip(nx * halfway[0] + ny * halfway[1] + nz * halfway[2], 0, 1) ** material.tightness
    sky = ambient * (0.65 + 0.35 * ny)
    near_ground = 0.55 + 0.45 * np.clip(up * 6, 0, 1)
    rim = material.rim * (1 - nz) ** 3 * np.clip(0.4 - nx * np.sign(to_lamp[0]) * 0.6, 0, 1)
    return material.colour * ((direct + sky) * near_ground) + (material.gloss * shine + rim * 0.5) * np.ones(
        (3, 1, 1), np.float32
    )
