"""A panorama: five frames over a mountain lake in the morning, each a third into the next."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from shoot.drawing import Pen
from shoot.land import below, clouds, conifers, mountain_light, plain_sky
from shoot.light import Light, colour, develop, lay_over, mix
from shoot.noise import fractal_tile, generator, look_up, outline, smoothstep
from shoot.optics import glow, vignette
from shoot.shot import Brief, Exposure, Pixels, Shot, at, camera_file
from shoot.view import View
from shoot.water import Water

FloatArray = NDArray[np.floating]

KIND = "panorama"
FIRST_NUMBER = 204
FRAMES = 5
OVERLAP = 0.35
HORIZON = 0.60
SHORE = 0.60


def plan(brief: Brief) -> Sequence[Shot]:
    return [
        Shot(
            camera_file(FIRST_NUMBER + index),
            at("09:14", 8.0 + 2.3 * index),
            Exposure(1 / 320, 9.0, 100, 35.0),
        )
        for index in range(FRAMES)
    ]


def render(brief: Brief, index: int) -> Pixels:
    rng = generator(brief.seed, "panorama", "frame", index)
    wide = View.of(brief.size)
    step = (1 - OVERLAP) * wide.width / wide.scale
    held = (float(rng.normal(0, 0.004)), float(rng.normal(0, 0.004)))
    view = View.of(brief.size, centre=((index - (FRAMES - 1) / 2) * step + held[0], 0.5 + held[1]))
    light = paint(view, brief.seed, rng)
    light = vignette(glow(light, view, strength=0.06, reach=0.03), 0.08)
    return develop(light, rng, iso=100, scale=view.scale, contrast=0.35)


@lru_cache(maxsize=1)
def _tiles(seed: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    return (
        fractal_tile(generator(seed, "panorama", "clouds"), 1024, slope=1.75, longest=0.25),
        fractal_tile(generator(seed, "panorama", "rock"), 1024, slope=1.5, longest=0.2),
        fractal_tile(generator(seed, "panorama", "grass"), 1024, slope=1.2, longest=0.25),
    )


AIR = "#c3d2e4"
WARM_AIR = "#f3d9c4"
# Foot, height, width of a mountain, haze, rock, snow line; far to near.
RANGES = (
    (0.55, 0.24, 0.95, 0.62, "#77809c", 0.44),
    (0.58, 0.29, 1.15, 0.32, "#69707f", 0.46),
    (0.60, 0.10, 0.70, 0.24, "#4d6070", 0.20),
)


def paint(view: View, seed: int, rng: np.random.Generator) -> Light:
    """The wide landscape as *view* sees it; *rng* moves nothing but the ripples."""
    cloud_tile, rock_tile, grass_tile = _tiles(seed)
    land = generator(seed, "panorama", "land")
    light = np.empty((3, *view.shape), dtype=np.float32)
    shore, bank = view.row(SHORE) + 1, view.row(0.72)
    _sky(light[:, :shore], view.rows(0, shore), cloud_tile)
    top = view.row(0.08)
    _mountains(light[:, top:shore], view.rows(top, shore), land, rock_tile)
    top = view.row(0.48)
    _woods(light[:, top:shore], view.rows(top, shore), land, grass_tile)
    water = Water(view, SHORE, seed, roughness=0.0042)
    mirrored = water.mirror(light, view, water.slopes(rng), deep=colour("#1d4a52", 0.6), clarity=2.6)
    light[:, water.first_row :] = mirrored
    _meadow(light[:, bank:], view.rows(bank, view.height), land, grass_tile)
    return light


def _sky(light: Light, view: View, tile: FloatArray) -> None:
    sky = (
        (0, colour("#f6e3cf")),
        (0.12, colour("#dfe3e6")),
        (0.30, colour("#9fc0dd")),
        (0.62, colour("#5c90c6")),
    )
    light[:] = plain_sky(view, HORIZON, sky)
    cover, lit = clouds(view, HORIZON - 0.10, tile, cover=0.30, size=1.25, sun=-1)
    lay_over(light, mix(colour("#b4b9cb"), colour("#fff4e4", 1.2), lit), cover * 0.85)


def _mountains(light: Light, view: View, land: np.random.Generator, tile: FloatArray) -> None:
    x = view.x
    for number, (base, high, wave, haze, rock, line) in enumerate(RANGES):
        massif = outline(land, x, wave=wave, roughness=0.42, octaves=4)
        teeth = np.abs(outline(land, x, wave=wave * 0.36, roughness=0.55, octaves=7))
        rise = 0.92 + 0.30 * massif - 0.26 * teeth
        # Never down to the water, and without a level where the floor would cut in.
        ridge = base - high * (0.30 + 0.5 * np.logaddexp(0, (rise - 0.42) * 5) / 2.5)
        sunlit = mountain_light(
            view,
            ridge,
            tile,
            rock=colour(rock) * colour("#ffe9d2"),
            snow=colour("#ffeeda", 1.12),
            snow_line=line,
            sun=-1,
            detail=0.62,
        )
        # Shadows are filled by the blue of the sky.
        face = mix(sunlit + colour("#5f7fb4", 0.11), sunlit, 0.35)
        air = mix(colour(AIR), colour(WARM_AIR), smoothstep(0.30, SHORE, view.y))
        thick = np.clip(haze + (0.15 + 0.55 * haze) * smoothstep(0.36, SHORE, view.y), 0, 0.94)
        lay_over(light, mix(face, np.broadcast_to(air, face.shape), thick), below(view, ridge))
        del number


def _woods(light: Light, view: View, rng: np.random.Generator, tile: FloatArray) -> None:
    for base, tall, haze in ((0.566, 0.014, 0.42), (0.582, 0.020, 0.24), (0.594, 0.030, 0.08)):
        rise = 0.036 * np.maximum(outline(rng, view.x, wave=0.7, octaves=3), -0.35)
        edge = base - rise - conifers(rng, view.x, width=0.010, height=tall)
        speckle = look_up(tile, view.x * 4, view.y * 6)
        shade = np.clip(0.95 + 0.22 * speckle, 0.3, 1.6) * (1.15 - 0.5 * smoothstep(0, 0.05, view.y - edge))
        lay_over(
            light,
            mix(colour("#33482f") * shade, colour("#cfd3d2"), haze + 0.25 * smoothstep(0.575, SHORE, view.y)),
            below(view, edge),
        )


def _meadow(light: Light, view: View, rng: np.random.Generator, tile: FloatArray) -> None:
    """The near bank: grass in the morning sun, and flowers that grow smaller with distance."""
    x = view.x
    edge = (
        0.850
        - 0.030 * outline(rng, x, wave=0.9, octaves=4)
        - 0.0045 * np.abs(outline(rng, x, wave=0.012, octaves=4, roughness=0.8))
    )
    far = 1 / np.maximum(view.y - 0.62, 0.05)
    u, v = x * far, far * 1.7
    blades = look_up(tile, u * 0.55, v * 0.22) + 0.7 * look_up(tile, u * 2.2, v * 0.55)
    tint = smoothstep(-1.2, 1.6, look_up(tile, u * 0.07, v * 0.10))
    depth = view.y - edge
    sun = 0.62 + 0.55 * np.exp(-depth / 0.035) + 0.10 * tint
    grass = mix(colour("#3a4a22"), colour("#8a8a48"), tint) * (sun * np.clip(0.80 + 0.22 * blades, 0.2, 1.7))
    lay_over(light, grass, below(view, edge))
    _flowers(light, view, rng, edge)


def _flowers(light: Light, view: View, rng: np.random.Generator, edge: FloatArray) -> None:
    places = rng.uniform((-2.6, 0.845), (2.6, 1.06), (2600, 2))
    drifts = outline(rng, (places[:, :1].T + 2 * places[:, 1]).astype(np.float32), wave=0.3, octaves=2)[0]
    shades = (colour("#f6ecd0"), colour("#f0cf5a"), colour("#c79ad6"), colour("#f6ecd0"))
    pens = [Pen(view, fineness=2) for _ in shades]
    right = float(view.x[0, -1]) + 0.02
    for number, ((x, y), drift) in enumerate(zip(places, drifts, strict=True)):
        if (
            drift < 0.1
            or not float(view.x[0, 0]) - 0.02 < x < right
            or y < float(edge[0, view.column(float(x)) - 1]) + 0.006
        ):
            continue
        size = 0.0008 + 0.018 * (float(y) - 0.80) ** 1.6
        pens[number % len(pens)].disc((float(x), float(y)), size, squash=0.6)
    for pen, shade in zip(pens, shades, strict=True):
        pen.patch().paint(light, shade * 0.92)
