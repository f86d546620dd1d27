"""Scenes without end: landscapes, cities, forests and paper cuts, each number another one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shoot.land import below, clouds, conifers, plain_sky
from shoot.light import Light, Pixels, colour, develop, lay_over, mix
from shoot.noise import fractal_tile, generator, look_up, outline, smoothstep
from shoot.optics import glow, vignette
from shoot.scenes import generated, singles
from shoot.view import View
from shoot.water import Water

FloatArray = NDArray[np.floating]

# Sky at the horizon, sky above, far land, near land.
PALETTES = (
    ("#f6d9ae", "#5b8fc4", "#8fa0b4", "#3f5230"),
    ("#ff9550", "#43538a", "#6d4a5e", "#1a1418"),
    ("#dfe8ee", "#3f78b8", "#9fb4c8", "#5a7a34"),
    ("#f0c8c8", "#6a6fae", "#8a7fa6", "#3a3048"),
    ("#e8e4d8", "#a9b6bd", "#98a3a3", "#4d5a4a"),
    ("#ffd27a", "#c8693f", "#8a4a32", "#3a1f18"),
    ("#bfe0d8", "#2f6f86", "#5f8f92", "#24463a"),
    ("#cfd8f0", "#1f3568", "#4a5f90", "#141c30"),
    ("#fff0d0", "#7fb4d8", "#d0b080", "#b07a3a"),
    ("#e0d0e8", "#4a3f86", "#7a5f9a", "#5a2f5a"),
)


def paint_any(seed: int, number: int, view: View) -> Pixels:
    """Scene *number*, height × width × 3: no two alike in kind, layout, colours and side."""
    rng = generator(seed, "vista", number)
    zoom = float(rng.uniform(1.0, 1.5))
    centre = (float(rng.uniform(-0.12, 0.12)) * zoom, 0.5 + float(rng.uniform(-0.05, 0.05)))
    window = View.of((view.width, view.height), centre=centre, zoom=zoom)
    kind = number % 8
    if kind == 3:
        light = singles.paint_city(window, rng, seed + number)
    elif kind == 5:
        light = singles.paint_forest(window, rng, seed + number)
    elif kind in (1, 6):
        light = generated.paint(window, rng, generated.PALETTES[int(rng.integers(len(generated.PALETTES)))])
    else:
        light = _landscape(window, rng, PALETTES[int(rng.integers(len(PALETTES)))])
    tint = rng.uniform(0.86, 1.16, 3).astype(np.float32)[:, None, None]
    pixels = develop(light * tint, rng, iso=50, scale=view.scale)
    return np.ascontiguousarray(pixels[:, ::-1]) if rng.random() < 0.5 else pixels


def _landscape(view: View, rng: np.random.Generator, palette: tuple[str, str, str, str]) -> Light:
    low, high, far, near = (colour(code) for code in palette)
    horizon = float(rng.uniform(0.42, 0.72))
    light = plain_sky(view, horizon, ((0, low), (0.15, mix(low, high, 0.35)), (0.55, high)))
    sun = (float(rng.uniform(-0.5, 0.5)), horizon - float(rng.uniform(0.03, 0.4)))
    distance = np.hypot(view.x - sun[0], view.y - sun[1])
    light += low * (float(rng.uniform(0.1, 0.9)) * np.exp(-distance / 0.16)) + 6 * smoothstep(
        0.026, 0.022, distance
    )
    tile = fractal_tile(rng, 512, slope=float(rng.uniform(1.4, 1.8)), longest=0.3)
    cover, lit = clouds(
        view,
        horizon,
        tile,
        cover=float(rng.uniform(-0.2, 0.8)),
        size=float(rng.uniform(0.6, 2.2)),
        drift=float(rng.random()),
    )
    lay_over(light, mix(mix(high, far, 0.6), low * 1.3, lit), cover * 0.9)
    _ranges(light, view, rng, horizon, (low, far, near))
    if rng.random() < 0.5:
        water = Water(view, horizon, 1, roughness=float(rng.uniform(0.004, 0.03)))
        light[:, water.first_row :] = water.mirror(light, view, water.slopes(rng), deep=near * 0.4)
    else:
        _field(light, view, rng, tile, horizon, near)
    _foreground(light, view, rng, near)
    return vignette(glow(light, view), 0.2)


def _ranges(
    light: Light,
    view: View,
    rng: np.random.Generator,
    horizon: float,
    shades: tuple[FloatArray, FloatArray, FloatArray],
) -> None:
    low, far, near = shades
    count = int(rng.integers(2, 6))
    for index in range(count):
        nearness = (index + 1) / count
        wave, rough = float(rng.uniform(0.25, 1.0)), float(rng.uniform(0.35, 0.55))
        high = float(rng.uniform(0.04, 0.22)) * (1.2 - nearness)
        slope = float(rng.uniform(-0.12, 0.12))
        ridge = (
            horizon
            + 0.004
            - high * (0.5 + np.abs(outline(rng, view.x, wave=wave, roughness=rough)))
            - slope * view.x * (1 - nearness)
        )
        if rng.random() < 0.4:
            ridge = ridge - conifers(rng, view.x, width=0.02, height=0.03 * nearness + 0.01)
        shade = mix(mix(far, near, nearness), low, 0.45 * (1 - nearness))
        lay_over(
            light,
            shade * (1 - 0.25 * smoothstep(0, 0.15, view.y - ridge)),
            below(view, np.minimum(ridge, horizon)),
        )


def _field(
    light: Light, view: View, rng: np.random.Generator, tile: FloatArray, horizon: float, near: FloatArray
) -> None:
    depth = 1 / np.maximum(view.y - horizon + 0.04, 0.02)
    rough = look_up(tile, view.x * depth * float(rng.uniform(0.1, 0.5)), depth * float(rng.uniform(0.1, 0.6)))
    rows = np.sin(view.x * depth * float(rng.uniform(4, 16)) + float(rng.uniform(0, 6)) * depth) * float(
        rng.choice([0.0, 0.0, 0.25])
    )
    lay_over(
        light,
        near * np.clip(1.3 + 0.35 * rough + rows, 0.1, 3),
        below(view, np.full((1, view.width), horizon, dtype=np.float32)),
    )


def _foreground(light: Light, view: View, rng: np.random.Generator, near: FloatArray) -> None:
    """Sometimes a bank, and a tree or two that reach into the sky."""
    if rng.random() < 0.6:
        bank = float(rng.uniform(0.80, 0.98)) - float(rng.uniform(0.02, 0.09)) * outline(
            rng, view.x, wave=float(rng.uniform(0.3, 1.0))
        )
        lay_over(light, near * 0.45, below(view, bank))
    if rng.random() < 0.5:
        crowns = fractal_tile(rng, 256, slope=1.3, longest=0.4)
        for _ in range(int(rng.integers(1, 4))):
            x, foot, size = (
                float(rng.uniform(-0.6, 0.6)),
                float(rng.uniform(0.75, 1.05)),
                float(rng.uniform(0.2, 0.5)),
            )
            ball = 1 - np.hypot((view.x - x) / (0.34 * size), (view.y - foot + 0.68 * size) / (0.42 * size))
            leaves = smoothstep(
                -0.04, 0.06, ball * 0.6 + 0.16 * look_up(crowns, view.x / size * 0.8, view.y / size * 0.8)
            )
            trunk = (
                np.clip((0.028 * size - np.abs(view.x - x)) * view.scale + 0.5, 0, 1)
                * (view.y < foot)
                * (view.y > foot - 0.6 * size)
            )
            lay_over(light, near * 0.3, np.maximum(leaves, trunk))
