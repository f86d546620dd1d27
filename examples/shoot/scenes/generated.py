"""Generated pictures: one prompt, five seeds; hills cut from paper, as a machine would dream them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shoot.light import Light, colour, develop, lay_over, mix
from shoot.noise import fractal_tile, generator, look_up, outline, smoothstep
from shoot.optics import soften, vignette
from shoot.shot import Brief, Pixels, Shot
from shoot.view import View

FloatArray = NDArray[np.floating]

KIND = "prompt"
SHARE = 0.64
PROMPT = "layered paper cut landscape, large red sun, rolling hills, soft studio light, muted gouache palette"
NEGATIVE = "text, watermark, frame, low quality"
SEEDS = (2718281828, 1414213562, 3141592653, 1618033988, 1732050807)

# Paper of the sky, sun, sheets from far to near.
Palette = tuple[str, str, tuple[str, ...]]
PALETTES: tuple[Palette, ...] = (
    ("#f3dfc1", "#d9482b", ("#e9b872", "#d98e4f", "#a85a3c", "#6d3b34", "#33222b")),
    ("#dfe6df", "#e2583e", ("#a9c5bd", "#6fa3a0", "#3f7c82", "#255663", "#15323f")),
    ("#f5d8d0", "#c2263d", ("#e8aaa0", "#c97a80", "#8f5470", "#573a5c", "#2b2140")),
    ("#e8ddc8", "#d8572a", ("#cfc08f", "#9fa66b", "#6c8455", "#3f6148", "#213a34")),
    ("#20304f", "#f0785a", ("#37507a", "#4f6f93", "#3a5a7c", "#24405f", "#121f38")),
)


def plan(brief: Brief) -> Sequence[Shot]:
    width, height = _size(brief)
    return [
        Shot(f"generated/{index:05d}-{seed}.png", prompt=_parameters(seed, width, height))
        for index, seed in enumerate(SEEDS)
    ]


def _size(brief: Brief) -> tuple[int, int]:
    """Multiples of eight, as generators have it, and about two thirds of what the camera has."""
    width, height = (max(32, round(length * SHARE / 8) * 8) for length in brief.size)
    return width, height


def _parameters(seed: int, width: int, height: int) -> str:
    return (
        f"{PROMPT}\nNegative prompt: {NEGATIVE}\n"
        f"Steps: 28, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: {seed}, "
        f"Size: {width}x{height}, Model: example-v1"
    )


def render(brief: Brief, index: int) -> Pixels:
    rng = generator(brief.seed, "generated", SEEDS[index])
    view = View.of(_size(brief))
    return develop(paint(view, rng, PALETTES[index]), rng, iso=50, scale=view.scale, contrast=0.3)


def paint(view: View, rng: np.random.Generator, palette: Palette) -> Light:
    """A landscape cut from sheets of the *palette*'s papers."""
    paper, sun, sheets = palette
    light = np.broadcast_to(colour(paper), (3, *view.shape)).astype(np.float32).copy()
    light *= 1.05 - 0.25 * np.clip(view.y - 0.2, 0, 1)
    fibre = fractal_tile(rng, 512, slope=0.7)
    _sun(light, view, rng, sun)
    _clouds(light, view, rng, paper)
    for number, shade in enumerate(sheets):
        _sheet(light, view, rng, shade, number / (len(sheets) - 1))
    light *= 1 + 0.035 * look_up(fibre, view.x * 1.9, view.y * 1.9)
    return vignette(light, 0.2)


def _cast(light: Light, view: View, coverage: FloatArray, depth: float) -> None:
    """The shadow that a sheet throws on those behind it."""
    offset = max(1, round(depth * view.scale))
    moved = np.roll(coverage, (-offset, offset // 2), axis=(0, 1))
    moved[-offset:] = 1
    shadow = soften(moved, depth * 0.9 * view.scale)
    light *= 1 - 0.50 * shadow * (1 - coverage)


def _sun(light: Light, view: View, rng: np.random.Generator, shade: str) -> None:
    x, y, radius = (
        float(rng.uniform(-0.3, 0.3)),
        float(rng.uniform(0.22, 0.40)),
        float(rng.uniform(0.10, 0.17)),
    )
    for ring, strength in ((1.55, 0.14), (1.28, 0.25)):
        halo = np.clip((radius * ring - np.hypot(view.x - x, view.y - y)) * view.scale + 0.5, 0, 1)
        lay_over(light, mix(colour("#fff4e0"), colour(shade), 0.35), halo * strength)
    disc = np.clip((radius - np.hypot(view.x - x, view.y - y)) * view.scale + 0.5, 0, 1)
    _cast(light, view, disc, 0.006)
    lay_over(light, colour(shade) * (1.08 - 0.35 * np.clip((view.y - y) / radius * 0.5 + 0.5, 0, 1)), disc)


def _clouds(light: Light, view: View, rng: np.random.Generator, paper: str) -> None:
    """Two or three long clouds with round ends."""
    for _ in range(int(rng.integers(2, 4))):
        x, y, width = (
            float(rng.uniform(-0.5, 0.5)),
            float(rng.uniform(0.08, 0.42)),
            float(rng.uniform(0.16, 0.32)),
        )
        coverage = np.zeros(view.shape, dtype=np.float32)
        for bar in range(3):
            half, middle = (
                width * (1 - 0.25 * abs(bar - 1)) * float(rng.uniform(0.7, 1.0)),
                x + float(rng.uniform(-0.06, 0.06)),
            )
            reach = np.hypot(
                np.maximum(np.abs(view.x - middle) - half / 2, 0), view.y - y - (bar - 1) * 0.026
            )
            coverage = np.maximum(coverage, np.clip((0.0165 - reach) * view.scale + 0.5, 0, 1))
        _cast(light, view, coverage, 0.005)
        lay_over(light, mix(colour(paper), colour("#ffffff"), 0.45), coverage)


def _sheet(light: Light, view: View, rng: np.random.Generator, shade: str, nearness: float) -> None:
    base = 0.50 + 0.40 * nearness
    swing = 0.075 * (1.2 - 0.5 * nearness)
    edge = base - swing * outline(rng, view.x, wave=float(rng.uniform(0.4, 0.8)), roughness=0.36, octaves=4)
    coverage = np.clip((view.y - edge) * view.scale + 0.5, 0, 1)
    _cast(light, view, coverage, 0.008 + 0.010 * nearness)
    bands = int(rng.integers(2, 5))
    inner = (view.y - edge) / 0.045
    ribbon = np.clip(inner, 0, bands)
    tone = 1 + 0.10 * (np.floor(ribbon) % 2) - 0.20 * smoothstep(0.0, 0.35, view.y - edge)
    lip = 1 + 0.35 * np.exp(-np.maximum(view.y - edge, 0) * view.scale / max(1.0, 0.0022 * view.scale))
    lay_over(light, colour(shade) * (tone * lip), coverage)
