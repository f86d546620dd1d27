"""A panorama: five frames over a mountain lake in the morning, each a third into the next."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from shoot.land import below, clouds, conifers, mountain_light, plain_sky
from shoot.light import Light, colour, develop, lay_over, mix
from shoot.noise import fractal_tile, generator, look_up, outline, smoothstep
from shoot.optics import glow, vignette
from shoot.shot import Brief, Exposure, Pixels, Shot, at, camera_file
from shoot.view import View
from shoot.water import Water

FloatArray = NDArray[np.float32]

KIND = "panorama"
FIRST_NUMBER = 204
FRAMES = 5
OVERLAP = 0.35
HORIZON = 0.60
SHORE = 0.60


def plan(brief: Brief) -> Sequence[Shot]:
    return [
        Shot(camera_file(FIRST_NUMBER + index), at("09:14", 8.0 + 2.3 * index), Exposure(1 / 320, 9.0, 100, 35.0))
        for index in range(FRAMES)
    ]


def render(brief: Brief, index: int) -> Pixels:
    rng = generator(brief.seed, "panorama", "frame", index)
    wide = View.of(brief.size)
    step = (1 - OVERLAP) * wide.width / wide.scale
    held = (float(rng.normal(0, 0.004)), float(rng.normal(0, 0.004)))
    view = View.of(brief.size, centre=((index - (FRAMES - 1) / 2) * step + held[0], 0.5 + held[1]))
    light = paint(view, brief.seed, rng)
    light = vignette(glow(light, view, strength=0.04, reach=0.03), 0.08)
    return develop(light, rng, iso=100, scale=view.scale, contrast=0.4)


@lru_cache(maxsize=1)
def _tiles(seed: int) -> tuple[FloatArray, FloatArray]:
    return (
        fractal_tile(generator(seed, "panorama", "clouds"), 1024, slope=1.6, longest=0.25),
        fractal_tile(generator(seed, "panorama", "rock"), 1024, slope=1.35, longest=0.25),
    )


def paint(view: View, seed: int, rng: np.random.Generator) -> Light:
    """The wide landscape as *view* sees it; *rng* moves nothing but the ripples."""
    cloud_tile, rock_tile = _tiles(seed)
    land = generator(seed, "panorama", "land")
    sky = ((0, colour("#e9eef0")), (0.12, colour("#c3d8e6")), (0.3, colour("#7fb0d8")), (0.62, colour("#3f78b8")))
    light = plain_sky(view, HORIZON, sky)
    cover, lit = clouds(view, HORIZON - 0.08, cloud_tile, cover=0.42, size=0.9, sun=-1)
    lay_over(light, mix(colour("#8fa4b8"), colour("#fffaf0", 1.35), lit), cover * 0.95)
    x = view.x
    air = colour("#b9d0e2")
    for number, (base, high, wave, haze, rock, line) in enumerate(RANGES):
        ridge = base - high * (0.55 + 0.45 * outline(land, x, wave=wave, roughness=0.48, octaves=9)) - high * 0.25 * np.abs(outline(land, x, wave=wave * 0.45, octaves=7))
        face = mountain_light(view, ridge, rock_tile, rock=colour(rock), snow=colour("#f4f6fa", 1.05), snow_line=line, sun=-1, detail=1 + 0.5 * number)
        depth_haze = haze + 0.25 * smoothstep(0.3, SHORE, view.y) * (haze > 0.1)
        lay_over(light, mix(face, air, np.clip(depth_haze, 0, 0.95)), below(view, ridge))
    _woods(light, view, land, rock_tile)
    water = Water(view, SHORE, seed, roughness=0.010)
    slopes = water.slopes(rng)
    light[:, water.first_row :] = water.mirror(light, view, slopes, deep=colour("#14414c", 0.7), clarity=3.2)
    _meadow(light, view, land, rock_tile)
    return light


RANGES = (
    (0.50, 0.20, 1.1, 0.52, "#66758a", 0.33),
    (0.52, 0.23, 0.8, 0.26, "#56616c", 0.40),
    (0.57, 0.13, 0.6, 0.12, "#46564a", 0.16),
)


def _woods(light: Light, view: View, rng: np.random.Generator, tile: FloatArray) -> None:
    for base, tall, haze in ((0.575, 0.018, 0.18), (0.592, 0.028, 0.06)):
        rise = 0.028 * np.maximum(outline(rng, view.x, wave=0.7, octaves=3), -0.4)
        edge = base - rise - conifers(rng, view.x, width=0.011, height=tall)
        speckle = look_up(tile, view.x * 7, view.y * 9)
        green = colour("#27401f") * np.clip(0.85 + 0.35 * speckle, 0.25, 1.8)
        lay_over(light, mix(green, colour("#a9c4d6"), haze), below(view, edge) * (view.y < SHORE + 0.002))


def _meadow(light: Light, view: View, rng: np.random.Generator, tile: FloatArray) -> None:
    """The near bank: grass, stones, and flowers that grow smaller with distance."""
    edge = 0.845 - 0.035 * outline(rng, view.x, wave=0.9, octaves=5) - 0.004 * outline(rng, view.x, wave=0.02, octaves=5)
    far = 1 / np.maximum(view.y - 0.60, 0.05)
    u, v = view.x * far, far * 1.7
    blades = look_up(tile, u * 1.1, v * 0.5) + 0.6 * look_up(tile, u * 4.0, v * 1.1)
    tint = smoothstep(-1.0, 1.5, look_up(tile, u * 0.12, v * 0.12))
    grass = mix(colour("#3d5a22"), colour("#86903c"), tint) * np.clip(0.72 + 0.26 * blades, 0.12, 1.9)
    coverage = below(view, edge)
    lay_over(light, grass, coverage)
    petals = look_up(tile, u * 2.1 + 0.37, v * 2.1)
    patches = smoothstep(0.2, 1.2, look_up(tile, u * 0.2 + 0.5, v * 0.2))
    lay_over(light, colour("#f2e6a0", 0.95), smoothstep(2.0, 2.25, petals + 0.5 * patches) * coverage)
    lay_over(light, colour("#d8b6e0", 0.85), smoothstep(2.1, 2.35, 0.6 * patches - petals) * coverage)
