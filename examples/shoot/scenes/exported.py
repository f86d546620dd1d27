"""One picture exported again and again, without EXIF: balloons, cropped, graded, recompressed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from shoot.drawing import Pen, Point, curve, place
from shoot.land import below, plain_sky, trees_line
from shoot.light import Light, colour, develop, lay_over, mix
from shoot.noise import fractal_tile, generator, look_up, outline, smoothstep
from shoot.optics import glow, reframe, vignette
from shoot.shot import Brief, Pixels, Shot
from shoot.view import View

FloatArray = NDArray[np.floating]

KIND = "similar"
MARGIN = 0.02
HORIZON = 0.66


@dataclass(frozen=True, slots=True)
class Version:
    """One export: how much of the picture it keeps, where from, and its grade."""

    name: str
    zoom: float = 1.0
    shift: Point = (0.0, 0.0)
    shape: float | None = None
    stops: float = 0.0
    contrast: float = 0.35
    warmth: float = 0.0
    saturation: float = 1.0
    jpeg_quality: int = 92
    shrink: float = 1.0
    flaws: tuple[str, ...] = ()


VERSIONS = (
    Version("balloons.jpg"),
    Version("balloons-final.png", contrast=0.45, warmth=0.06, shrink=0.8),
    Version("balloons-final-2.jpg", contrast=0.55, warmth=0.10, saturation=1.12),
    Version("balloons-crop.jpg", zoom=1.18, shift=(0.03, -0.03), jpeg_quality=88),
    Version("balloons square.jpg", zoom=1.06, shift=(-0.06, -0.02), shape=1.0, stops=0.08),
    Version("balloons-web.jpg", shrink=0.6, jpeg_quality=38, flaws=("compressed hard",)),
    Version(
        "balloons-faded.jpg",
        stops=0.35,
        contrast=-0.1,
        saturation=0.7,
        warmth=-0.05,
        flaws=("flat contrast",),
    ),
)


def plan(brief: Brief) -> Sequence[Shot]:
    return [
        Shot(f"exports/{version.name}", flaws=version.flaws, jpeg_quality=version.jpeg_quality)
        for version in VERSIONS
    ]


def render(brief: Brief, index: int) -> Pixels:
    version = VERSIONS[index]
    width, height = (max(32, round(length * version.shrink)) for length in brief.size)
    if version.shape:
        width = height = min(width, height)
    whole = View.of(brief.size).with_margin(MARGIN)
    view = View.of((width, height))
    # A crop keeps the scale of the whole picture's long side.
    zoom = version.zoom * View.of(brief.size).height / View.of(brief.size).scale * view.scale / view.height
    light = reframe(_scene(brief.seed, brief.size), whole, view, shift=version.shift, zoom=zoom)
    tint = np.array([1 + version.warmth, 1.0, 1 - version.warmth], dtype=np.float32)[:, None, None]
    grey = light.mean(axis=0, keepdims=True)
    graded = np.clip(mix(grey, light, version.saturation), 0, None) * tint
    # One exposure was exported many times, so the grain is the same in all of them.
    rng = generator(brief.seed, "exported", "grain")
    return develop(graded, rng, stops=version.stops, iso=160, scale=view.scale, contrast=version.contrast)


@dataclass(frozen=True, slots=True)
class Balloon:
    middle: Point
    radius: float
    shades: tuple[str, ...]
    gores: int
    haze: float


BALLOONS = (
    Balloon((0.34, 0.40), 0.026, ("#c8553d", "#e8d8b8"), 10, 0.55),
    Balloon((0.47, 0.33), 0.034, ("#3f6f8f", "#e2b04a"), 10, 0.45),
    Balloon((-0.40, 0.43), 0.030, ("#7a4f7f", "#e6c9b0"), 9, 0.50),
    Balloon((0.14, 0.235), 0.062, ("#e0a030", "#b8432f", "#e0a030", "#f0e2c4"), 12, 0.22),
    Balloon((-0.215, 0.275), 0.128, ("#c23b2e", "#f0e4cc", "#1f5f74", "#f0e4cc"), 14, 0.05),
)


@lru_cache(maxsize=1)
def _scene(seed: int, size: tuple[int, int]) -> Light:
    view = View.of(size).with_margin(MARGIN)
    rng = generator(seed, "exported", "hills")
    sky = (
        (0, colour("#fbdcb4")),
        (0.12, colour("#f6d6bd")),
        (0.32, colour("#c6cfdb")),
        (0.66, colour("#86acd0")),
    )
    light = plain_sky(view, HORIZON, sky)
    light += colour("#ffd9a0") * (0.30 * np.exp(-np.hypot(view.x + 0.75, view.y - 0.56) / 0.30))
    veil = fractal_tile(rng, 512, slope=1.7, longest=0.3, stretch=6)
    streaks = smoothstep(0.2, 2.2, look_up(veil, view.x * 0.14, view.y * 0.5 + 0.05)) * smoothstep(
        0.6, 0.2, view.y
    )
    lay_over(light, colour("#fff1e0"), streaks * 0.55)
    hills = (
        (0.600, 0.035, 0.80),
        (0.650, 0.032, 0.60),
        (0.715, 0.035, 0.38),
        (0.800, 0.040, 0.16),
        (0.915, 0.035, 0.0),
    )
    balloons = list(BALLOONS)
    tile = fractal_tile(rng, 512, slope=1.2, longest=0.3)
    for number, (base, roll, haze) in enumerate(hills):
        if number == 1:
            _paint_balloons(light, view, balloons[:3])
        top = view.row(base - 3.2 * roll - 0.03)
        _hill(light[:, top:], view.rows(top, view.height), rng, tile, base, roll, haze)
    _paint_balloons(light, view, balloons[3:])
    return vignette(glow(light, view, strength=0.06, reach=0.03), 0.16)


def _hill(
    light: Light,
    view: View,
    rng: np.random.Generator,
    tile: FloatArray,
    base: float,
    roll: float,
    haze: float,
) -> None:
    """A hill with fields, hedges and woods, and mist in the hollow behind it."""
    near = 1 - haze
    ridge = base - roll * outline(rng, view.x, wave=0.75, roughness=0.38, octaves=4)
    woods = trees_line(
        rng, view, base + 0.004, roll=roll * 0.2, width=0.012 + 0.016 * near, height=0.012 + 0.020 * near
    )
    clumps = smoothstep(0.15, 0.6, outline(rng, view.x, wave=0.22, octaves=3))
    edge = np.minimum(ridge, ridge - (base - woods).clip(0) * clumps)
    toward = np.exp(-((view.x + 0.75) ** 2) / 0.5)
    air = mix(colour("#b9c6d6"), colour("#fbd9ae"), toward)
    down = np.maximum(view.y - ridge, 0)
    fields = look_up(tile, view.x * (0.5 + haze) + base, down * 4 + base)
    stripes = np.sin((down * 900 * (0.3 + near) + view.x * 60) * 0.5) * 0.06 * near
    grass = mix(colour("#51682f"), colour("#9c9a4e"), smoothstep(-0.8, 1.2, fields)) * (
        0.80 + 0.35 * toward + stripes
    )
    speckle = 1 + 0.22 * near * look_up(tile, view.x * 7, down * 16)
    wood = colour("#2a3a22") * (0.8 + 0.3 * look_up(tile, view.x * 9, view.y * 9))
    shade = mix(grass * speckle, np.clip(wood, 0.004, None), below(view, edge) - below(view, ridge))
    shade = mix(shade, np.broadcast_to(air, shade.shape), haze)
    lay_over(light, shade, below(view, edge))
    mist = (
        np.exp(-(((view.y - base - 0.052) / 0.030) ** 2))
        * np.clip(0.5 + 0.3 * outline(rng, view.x, wave=0.5), 0, 0.85)
        * (0.25 + 0.75 * haze)
    )
    lay_over(light, mix(colour("#dfe3e6"), colour("#ffe3c0"), toward), mist)


def _paint_balloons(light: Light, view: View, balloons: Sequence[Balloon]) -> None:
    for balloon in balloons:
        _paint_balloon(light, view, balloon)


# Half the outline of an envelope, from the mouth to the crown: (radius, height below the middle).
ENVELOPE: list[Point] = [
    (0.14, 1.38),
    (0.30, 1.16),
    (0.62, 0.78),
    (0.90, 0.36),
    (1.0, -0.05),
    (0.93, -0.42),
    (0.70, -0.75),
    (0.36, -0.95),
    (0.0, -1.0),
]


def _paint_balloon(light: Light, view: View, balloon: Balloon) -> None:
    (x, y), size = balloon.middle, balloon.radius
    half = np.array(curve(ENVELOPE, steps=8))
    edge = [(float(r), float(h)) for r, h in half] + [(float(-r), float(h)) for r, h in half[::-1]]
    pen = Pen(view)
    pen.polygon(place(edge, at=balloon.middle, size=size))
    patch = pen.patch()
    rows, columns = patch.window
    down = (view.y[rows] - y) / size
    order = np.argsort(half[:, 1])
    radius = np.interp(down, half[order, 1], half[order, 0]).astype(np.float32)
    across = np.clip((view.x[:, columns] - x) / size / np.maximum(radius, 0.02), -1, 1)
    gore = (np.arcsin(across) / np.pi + 0.5) * balloon.gores + 0.25
    number = np.floor(gore).astype(np.int32)
    within = np.abs(gore - number - 0.5) * 2
    shades = np.stack([colour(code).reshape(3) for code in balloon.shades])
    cloth = shades[number % len(shades)].transpose(2, 0, 1)
    band = (np.abs(down + 0.02) < 0.16) * 1.0
    cloth = mix(cloth, colour(balloon.shades[0]) * 0.8, band * 0.85)
    facing = np.sqrt(np.maximum(1 - across**2, 0))
    lit = np.clip(0.50 - 0.46 * across - 0.10 * down + 0.22 * facing, 0.12, 1.2)
    seam = 1 - 0.30 * smoothstep(0.86, 1.0, within)
    glow_inside = 0.16 * np.exp(-((down - 1.0) ** 2) / 0.35)
    shade = cloth * (lit * seam) + colour("#ffb060") * glow_inside
    patch.paint(light, mix(shade, colour("#f3d8bd"), balloon.haze))
    _paint_basket(light, view, balloon)


def _paint_basket(light: Light, view: View, balloon: Balloon) -> None:
    pen = Pen(view)
    for side in (-1, -0.35, 0.35, 1):
        pen.stroke(
            place([(0.14 * side, 1.36), (0.105 * side, 1.70)], at=balloon.middle, size=balloon.radius),
            0.014 * balloon.radius,
        )
    pen.polygon(
        place(
            [(-0.12, 1.68), (0.12, 1.68), (0.10, 1.88), (-0.10, 1.88)], at=balloon.middle, size=balloon.radius
        )
    )
    for seat in (-0.05, 0.04):
        pen.disc(place([(seat, 1.635)], at=balloon.middle, size=balloon.radius)[0], 0.028 * balloon.radius)
    pen.patch().paint(light, mix(colour("#4a2f1c"), colour("#f3d8bd"), balloon.haze))
