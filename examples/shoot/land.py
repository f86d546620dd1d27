"""Land and air: ridges that fade into haze, lit rock and snow, rows of trees, everyday skies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shoot.light import Light, gradient, mix
from shoot.noise import look_up, outline, smoothstep
from shoot.view import View

FloatArray = NDArray[np.floating]
Stops = Sequence[tuple[float, FloatArray]]


def below(view: View, line: FloatArray) -> FloatArray:
    """Coverage of everything below *line* (scene y for every column)."""
    return np.clip((view.y - line) * view.scale + 0.5, 0, 1)


def plain_sky(view: View, horizon: float, stops: Stops) -> Light:
    """A clear sky; *stops* are colours by height above *horizon*."""
    return np.repeat(gradient(stops, np.maximum(horizon - view.y, 0)), view.width, axis=2)


def clouds(
    view: View,
    horizon: float,
    tile: FloatArray,
    *,
    cover: float,
    drift: float = 0.0,
    size: float = 1.0,
    sun: float = 1.0,
) -> tuple[FloatArray, FloatArray]:
    """A broken layer of clouds in perspective: coverage, and how much light each spot gets (0…1).

    *sun* is the side that the light comes from: 1 right, −1 left.
    """
    far = 1 / (np.maximum(horizon - view.y, 0) + 0.10)
    u, v = view.x * far * 0.075 / size + drift, far * 0.11 / size + 0.37
    body = look_up(tile, u, v)
    beside = look_up(tile, u + 0.008 * sun, v + 0.006)
    coverage = smoothstep(0.55 - cover, 1.5 - cover, body)
    coverage = coverage * smoothstep(0.0, 0.05, horizon - view.y)
    lit = np.clip(0.62 + 0.5 * (body - beside) - 0.16 * np.maximum(body - 1.1 + cover, 0), 0, 1)
    return coverage, lit


def conifers(rng: np.random.Generator, x: FloatArray, *, width: float, height: float) -> FloatArray:
    """The upper edge of a row of conifers over *x*: heights between 0 and about *height*."""
    total = np.zeros_like(x)
    for row in range(4):
        spacing = width * (0.8 + 0.5 * row / 3)
        place = x / spacing + rng.random() * 64
        tree = np.floor(place).astype(np.int64) % 1024
        within = np.abs(place - np.floor(place) - rng.uniform(0.35, 0.65, 1024)[tree]) / 0.5
        tall = height * rng.uniform(0.35, 1.0, 1024)[tree] * (rng.random(1024)[tree] < 0.75)
        branches = 1 + 0.16 * np.sign(np.sin(within * 42))
        total = np.maximum(total, tall * np.clip(1 - within * branches * 1.05, 0, 1) ** 0.9)
    return total.astype(np.float32)


def mountain_light(
    view: View,
    ridge: FloatArray,
    tile: FloatArray,
    *,
    rock: FloatArray,
    snow: FloatArray,
    snow_line: float,
    sun: float = 1.0,
    detail: float = 1.0,
) -> Light:
    """Lit rock with snow above scene height *snow_line*, for a mountain whose upper edge is *ridge*."""
    fall = view.y - ridge
    u = (view.x * 0.55 + 0.25 * sun * fall) * detail
    v = (fall * 0.42 + ridge * 0.30) * detail
    crag = -np.abs(look_up(tile, u, v)) + 0.35 * look_up(tile, u * 3.1, v * 3.1)
    beside = -np.abs(look_up(tile, u + 0.006 * sun, v - 0.003)) + 0.35 * look_up(
        tile, (u + 0.003 * sun) * 3.1, v * 3.1
    )
    flank = np.gradient(ridge[0]).astype(np.float32)[None, :] * np.float32(view.scale)
    lit = np.clip(0.42 + 0.75 * (crag - beside) + 0.25 * sun * np.clip(flank, -1, 1), 0.04, 1)
    white = smoothstep(-0.02, 0.025, snow_line - view.y + 0.055 * crag + 0.02 * lit)
    return mix(rock, snow, white) * (0.12 + 1.05 * lit)


def trees_line(
    rng: np.random.Generator, view: View, base: float, *, roll: float, width: float, height: float
) -> FloatArray:
    """Upper edge (scene y) of a wooded rise around scene height *base*."""
    return (
        base
        - roll * outline(rng, view.x, wave=0.9, octaves=3)
        - conifers(rng, view.x, width=width, height=height)
    )
