"""An exposure bracket: a dim room with a lamp, and a bright evening in the window; −2, 0 and +2 EV."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from shoot.bodies import Material, turn
from shoot.drawing import Pen, Point, curve
from shoot.land import below, clouds, plain_sky, trees_line
from shoot.light import Light, colour, develop, lay_over, mix
from shoot.noise import fractal_tile, generator, look_up, outline, smoothstep
from shoot.optics import glow, reframe, soften, vignette
from shoot.shot import Brief, Exposure, Pixels, Shot, at, camera_file
from shoot.view import View

FloatArray = NDArray[np.floating]

KIND = "bracket"
FIRST_NUMBER = 371
STOPS = (-2.0, 0.0, 2.0)
MARGIN = 0.02
WINDOW = (-0.12, 0.115, 0.47, 0.645)
TABLE = 0.735
LAMP: Point = (-0.40, 0.455)


def plan(brief: Brief) -> Sequence[Shot]:
    return [
        Shot(
            camera_file(FIRST_NUMBER + index),
            at("17:48", 3.0 + 0.42 * index),
            Exposure(2**stops / 60, 8.0, 200, 28.0, stops, auto_bracket=True),
        )
        for index, stops in enumerate(STOPS)
    ]


def render(brief: Brief, index: int) -> Pixels:
    rng = generator(brief.seed, "bracket", "frame", index)
    view = View.of(brief.size)
    whole = view.with_margin(MARGIN)
    held: Point = (float(rng.normal(0, 0.0006)), float(rng.normal(0, 0.0006)))
    light = reframe(_room(brief.seed, brief.size), whole, view, shift=held)
    light = vignette(glow(light, view, strength=0.055, reach=0.03), 0.25)
    return develop(light, rng, stops=STOPS[index], iso=200, scale=view.scale)


@lru_cache(maxsize=1)
def _room(seed: int, size: tuple[int, int]) -> Light:
    view = View.of(size).with_margin(MARGIN)
    rng = generator(seed, "bracket", "room")
    tile = fractal_tile(rng, 512, slope=1.5, longest=0.5)
    light = _wall(view, tile)
    _picture_on_wall(light, view, tile)
    _window(light, view, rng)
    _table(light, view, tile)
    _things(light, view)
    return light


def _lamp_light(view: View) -> FloatArray:
    """Light of the lamp on the wall: two cones, above and below the shade."""
    dx, dy = view.x - LAMP[0], view.y - LAMP[1]
    distance = np.hypot(dx, dy)
    cone = smoothstep(0.15, 0.9, np.abs(dy) / (np.abs(dx) + 0.03))
    return ((0.25 + cone) * np.exp(-distance / 0.17) + 0.22 * np.exp(-distance / 0.5)).astype(np.float32)


def _wall(view: View, tile: FloatArray) -> Light:
    plaster = (
        1 + 0.035 * look_up(tile, view.x * 1.7, view.y * 1.7) + 0.02 * look_up(tile, view.x * 9, view.y * 9)
    )
    left, _, right, _ = WINDOW
    beside = np.exp(-np.maximum(np.maximum(left - view.x, view.x - right), 0) / 0.12)
    shade = colour("#8da0b8") * (0.045 + 0.05 * beside) + colour("#ffb366") * (0.62 * _lamp_light(view))
    return shade * plaster * colour("#dccfb8")


def _picture_on_wall(light: Light, view: View, tile: FloatArray) -> None:
    """A framed print: three bands and a moon."""
    box = (-0.335, 0.10, -0.185, 0.30)
    lit = light[:, view.row(0.33), view.column(-0.26)].reshape(3, 1, 1) / colour("#dccfb8")
    for inset, shade in ((0.0, "#2a1f18"), (0.012, "#e8e2d4"), (0.03, "#c9b48f")):
        pen = Pen(view)
        pen.polygon(
            [
                (box[0] + inset, box[1] + inset),
                (box[2] - inset, box[1] + inset),
                (box[2] - inset, box[3] - inset),
                (box[0] + inset, box[3] - inset),
            ]
        )
        pen.patch().paint(light, colour(shade) * lit)
    inner = (box[0] + 0.03, box[1] + 0.03, box[2] - 0.03, box[3] - 0.03)
    for base, shade in ((0.195, "#8f9c8c"), (0.22, "#5f7a78"), (0.245, "#33525a")):
        pen = Pen(view)
        xs = np.linspace(inner[0], inner[2], 24)
        ridge = base + 0.012 * np.sin(xs * 60 + base * 200)
        pen.polygon(
            [
                *((float(x), float(y)) for x, y in zip(xs, ridge, strict=True)),
                (inner[2], inner[3]),
                (inner[0], inner[3]),
            ]
        )
        pen.patch().paint(light, colour(shade) * lit)
    pen = Pen(view)
    pen.disc((-0.245, 0.162), 0.013)
    pen.patch().paint(light, colour("#d9744a") * lit)


def _window(light: Light, view: View, rng: np.random.Generator) -> None:
    left, top, right, bottom = WINDOW
    pen = Pen(view)
    pen.polygon([(left, top), (right, top), (right, bottom), (left, bottom)])
    glass = pen.patch().whole(view)
    lay_over(light, _outside(view, rng), glass)
    frame = Pen(view)
    bars = [
        (left, top, left, bottom, 0.034),
        (right, top, right, bottom, 0.034),
        (left, top, right, top, 0.034),
        (left, bottom, right, bottom, 0.034),
    ]
    middle = (left + right) / 2
    bars += [
        (middle, top, middle, bottom, 0.030),
        (left, top + 0.17, right, top + 0.17, 0.014),
        (left, top + 0.345, right, top + 0.345, 0.014),
    ]
    for x0, y0, x1, y1, width in bars:
        across = (y0 == y1) * 0.017
        frame.stroke([(x0 - across, y0), (x1 + across, y1)], width)
    lit = colour("#e9e2d6") * 0.075 + colour("#ffb366") * (0.5 * _lamp_light(view))
    frame_cover = frame.patch().whole(view)
    lay_over(light, lit, frame_cover)
    # Edges of the bars catch the sky.
    edge = np.clip(soften(frame_cover, 0.0015 * view.scale) - 0.0, 0, 1) * (1 - frame_cover) * glass
    lay_over(light, colour("#b7c6d8") * 1.1, edge * 0.5)
    sill = Pen(view)
    sill.polygon(
        [
            (left - 0.05, bottom + 0.012),
            (right + 0.05, bottom + 0.012),
            (right + 0.065, bottom + 0.045),
            (left - 0.065, bottom + 0.045),
        ]
    )
    sill.patch().paint(light, colour("#cfd6de") * 0.30 + colour("#ffb366") * (0.4 * _lamp_light(view)))
    front = Pen(view)
    front.polygon(
        [
            (left - 0.065, bottom + 0.045),
            (right + 0.065, bottom + 0.045),
            (right + 0.065, bottom + 0.062),
            (left - 0.065, bottom + 0.062),
        ]
    )
    front.patch().paint(light, colour("#9a9690") * 0.06 + colour("#ffb366") * (0.3 * _lamp_light(view)))


def _outside(view: View, rng: np.random.Generator) -> Light:
    """A valley in the last sun, many times brighter than the room."""
    horizon = 0.50
    sky = plain_sky(
        view,
        horizon,
        (
            (0, colour("#ffd9a8")),
            (0.10, colour("#f3d9c0")),
            (0.24, colour("#a9c3dc")),
            (0.42, colour("#6d9cc8")),
        ),
    )
    tile = fractal_tile(rng, 512, slope=1.6, longest=0.3)
    cover, lit = clouds(view, horizon, tile, cover=0.45, size=1.3, sun=1)
    light = lay_over(sky, mix(colour("#a99fa8"), colour("#ffe9cf", 1.25), lit), cover)
    for base, roll, shade in ((0.475, 0.022, "#8fa3b4"), (0.51, 0.022, "#6f8a83"), (0.55, 0.016, "#6f8350")):
        edge = base - roll * outline(rng, view.x, wave=0.35)
        sunny = 0.75 + 0.35 * look_up(tile, view.x * 0.8, (view.y - edge) * 3)
        lay_over(light, colour(shade) * np.clip(sunny, 0.4, 1.6), below(view, edge))
    trees = trees_line(rng, view, 0.592, roll=0.006, width=0.022, height=0.035)
    lay_over(light, colour("#41573a"), below(view, trees))
    leaves = look_up(tile, view.x * 6, view.y * 6)
    lay_over(
        light,
        colour("#7d9450") * np.clip(0.8 + 0.3 * leaves, 0.3, 1.5),
        below(view, 0.605 + 0.004 * outline(rng, view.x, wave=0.05)),
    )
    return light * np.float32(2.6)


def _table(light: Light, view: View, tile: FloatArray) -> None:
    """A wooden table that mirrors the window a little and takes its light."""
    rows = slice(view.row(TABLE), view.height)
    y, x = view.y[rows], view.x
    near = 1 / np.maximum(y - 0.40, 0.05)
    u, v = x * near, near
    wood = 1 + 0.16 * look_up(tile, u * 0.25, v * 2.6) + 0.10 * look_up(tile, u * 0.9, v * 11)
    plank = np.abs((u * 1.15 + 40) % 1 - 0.5)
    wood = wood * (0.35 + 0.65 * smoothstep(0.0, 0.015, 0.5 - plank) * 1.0)
    slant = x + 0.35 * (y - TABLE)
    pool = smoothstep(-0.16, 0.0, slant) * smoothstep(0.55, 0.40, slant)
    bars = 1 - 0.75 * np.exp(-(((slant - 0.18) / 0.02) ** 2))
    from_window = pool * bars * (0.55 - 0.9 * (y - TABLE))
    from_lamp = np.exp(-np.hypot((x - LAMP[0]) * 0.8, (y - 0.78) * 1.6) / 0.16)
    # The far parts are seen at a flat angle and mirror what is above.
    mirrored = light[
        :, 2 * view.row(TABLE) - np.arange(rows.start, rows.stop).clip(None, 2 * view.row(TABLE) - 1)
    ]
    sheen = 0.05 + 0.14 * np.exp(-(y - TABLE) / 0.08)
    lit = colour("#cfdcec") * (0.035 + 0.42 * from_window) + colour("#ffb066") * (0.75 * from_lamp)
    light[:, rows] = colour("#8a5a36") * wood * lit + soften(mirrored, 0.006 * view.scale) * sheen
    edge = slice(rows.start, rows.start + max(1, round(0.003 * view.scale)))
    light[:, edge] *= 1.4


def _things(light: Light, view: View) -> None:
    """A lamp, a stack of books, a mug and a plant on the sill."""
    _lamp(light, view)
    _books(light, view)
    _plant(light, view)
    mug: list[Point] = [(0.34, 0.0), (0.38, 0.03), (0.40, 0.5), (0.40, 1.0), (0.37, 1.0)]
    shadow = Pen(view)
    shadow.polygon(
        curve(
            [(0.02, 0.865), (-0.06, 0.885), (-0.15, 0.94), (-0.09, 0.95), (0.03, 0.905), (0.06, 0.88)],
            closed=True,
        )
    )
    lay_over(light, light * 0.35, soften(shadow.patch().whole(view), 0.006 * view.scale))
    body = turn(
        view,
        mug,
        (0.045, 0.88),
        0.125,
        Material(colour("#5b7f8c", 0.55), gloss=0.5, rim=0.4),
        lamp=(0.6, 0.6, 0.2),
        ambient=0.14,
        smooth=False,
    )
    handle = Pen(view)
    handle.stroke(curve([(0.09, 0.785), (0.135, 0.79), (0.14, 0.835), (0.092, 0.86)]), 0.013)
    handle.patch().paint(light, colour("#5b7f8c", 0.32))
    window = (
        slice(body.top, body.top + body.coverage.shape[0]),
        slice(body.left, body.left + body.coverage.shape[1]),
    )
    light[:, *window] += (body.light - light[:, *window]) * body.coverage
    rim = Pen(view)
    rim.disc((0.045, 0.7545), 0.049, squash=0.17)
    rim.patch().paint(light, colour("#8fb0bb", 0.6))
    coffee = Pen(view)
    coffee.disc((0.045, 0.7565), 0.045, squash=0.15)
    coffee.patch().paint(light, colour("#2a1a12", 0.5))


def _lamp(light: Light, view: View) -> None:
    x, y = LAMP
    foot = turn(
        view,
        [
            (0.22, 0),
            (0.24, 0.04),
            (0.10, 0.10),
            (0.05, 0.2),
            (0.09, 0.42),
            (0.12, 0.55),
            (0.06, 0.8),
            (0.03, 1.0),
        ],
        (x, 0.80),
        0.31,
        Material(colour("#a0673a", 0.5), gloss=0.8),
        lamp=(0.5, 0.8, 0.4),
        ambient=0.3,
    )
    window = (
        slice(foot.top, foot.top + foot.coverage.shape[0]),
        slice(foot.left, foot.left + foot.coverage.shape[1]),
    )
    light[:, *window] += (foot.light - light[:, *window]) * foot.coverage
    shade = Pen(view)
    shade.polygon(
        [(x - 0.058, y - 0.075), (x + 0.058, y - 0.075), (x + 0.115, y + 0.075), (x - 0.115, y + 0.075)]
    )
    bright = np.exp(-(((view.x - x) / 0.085) ** 2) - (((view.y - y - 0.015) / 0.085) ** 2))
    weave = 1 + 0.03 * np.sin(view.x * 900)
    shade.patch().paint(
        light, (colour("#ffb45c") * (0.55 + 3.2 * bright) + colour("#fff0d0") * (2.5 * bright**3)) * weave
    )
    for at_y, half in ((y - 0.075, 0.058), (y + 0.075, 0.115)):
        band = Pen(view)
        band.stroke([(x - half, at_y), (x + half, at_y)], 0.006)
        band.patch().paint(light, colour("#8a5426", 0.9))


def _books(light: Light, view: View) -> None:
    y = 0.815
    for width, height, shift, shade in (
        (0.21, 0.036, 0.0, "#6b2f2b"),
        (0.185, 0.030, 0.008, "#2f4a52"),
        (0.195, 0.025, -0.006, "#b08a4a"),
    ):
        x = -0.205 + shift
        spine = Pen(view)
        spine.polygon(
            [(x - width / 2, y - height), (x + width / 2, y - height), (x + width / 2, y), (x - width / 2, y)]
        )
        falling = colour("#ffb877") * (0.62 * np.exp(-(view.x - LAMP[0]) / 0.16)) + colour("#cfdcec") * 0.06
        spine.patch().paint(
            light, colour(shade) * falling * (1 - 0.35 * np.clip((view.y - y + height) / height, 0, 1))
        )
        for place in (-0.36, 0.36):
            stripe = Pen(view)
            stripe.stroke([(x + place * width, y - height), (x + place * width, y)], 0.006)
            stripe.patch().paint(light, colour("#d9b36a", 0.35))
        y -= height


def _plant(light: Light, view: View) -> None:
    """A pot plant on the sill, dark against the evening."""
    rng = np.random.default_rng(4)
    root: Point = (0.345, 0.585)
    for number in range(26):
        angle = np.deg2rad(-90 + (number - 12.5) * 6.2 + rng.normal(0, 5))
        length = 0.085 + 0.06 * rng.random() + 0.03 * (1 - abs(number - 12.5) / 13)
        tip = (root[0] + length * np.cos(angle), root[1] + length * np.sin(angle) + 0.05 * abs(np.cos(angle)))
        middle = (root[0] + 0.55 * length * np.cos(angle), root[1] + 0.66 * length * np.sin(angle))
        pen = Pen(view)
        blade = np.array(curve([root, middle, tip], steps=6))
        pen.stroke([(float(a), float(b)) for a, b in blade[: len(blade) // 2 + 1]], 0.004)
        pen.stroke([(float(a), float(b)) for a, b in blade[len(blade) // 3 :]], 0.020, taper=0.06)
        pen.patch().paint(light, mix(colour("#1f3a1c", 0.22), colour("#6f9a3a", 0.75), rng.random() * 0.5))
    pot = turn(
        view,
        [(0.30, 0.0), (0.40, 0.75), (0.46, 0.76), (0.47, 1.0), (0.44, 1.0)],
        (0.345, 0.668),
        0.095,
        Material(colour("#b0603a", 0.30), gloss=0.06, rim=0.7),
        lamp=(-0.9, 0.2, 0.3),
        ambient=0.12,
        smooth=False,
    )
    window = (
        slice(pot.top, pot.top + pot.coverage.shape[0]),
        slice(pot.left, pot.left + pot.coverage.shape[1]),
    )
    light[:, *window] += (pot.light - light[:, *window]) * pot.coverage
