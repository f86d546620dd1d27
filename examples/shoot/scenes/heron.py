"""A burst: a heron takes off from a misty lake, and one frame of eight is sharp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from shoot.drawing import Patch, Pen, Point, curve, place
from shoot.land import below, trees_line
from shoot.light import Light, colour, develop, gradient, lay_over, mix
from shoot.noise import fractal_tile, generator, look_up, smoothstep
from shoot.optics import defocus, glow, hand_path, reframe, shake, soften, vignette
from shoot.shot import Brief, Exposure, Pixels, Shot, at, camera_file
from shoot.view import View
from shoot.water import Water

FloatArray = NDArray[np.floating]

KIND = "burst"
FIRST_NUMBER = 101
FRAMES = 8
SHARP = 4
RATE = 8.0
HORIZON = 0.60
MARGIN = 0.05
BEAT = 0.36
SUN: Point = (0.36, 0.30)
MIST = "#e9d3b8"


def plan(brief: Brief) -> Sequence[Shot]:
    exposure = Exposure(1 / 400, 5.6, 800, 400.0)
    return [
        Shot(
            camera_file(FIRST_NUMBER + index),
            at("06:52", 14.2 + index / RATE),
            exposure,
            () if index == SHARP else ("motion blur",),
            1 if index == SHARP else None,
        )
        for index in range(FRAMES)
    ]


def render(brief: Brief, index: int) -> Pixels:
    rng = generator(brief.seed, "heron", "frame", index)
    view = View.of(brief.size)
    stage = _stage(brief.seed, brief.size)
    light = stage.backdrop.copy()
    slopes = stage.water.slopes(rng)
    light[:, stage.water.first_row :] = stage.water.mirror(
        light, stage.view, slopes, deep=colour("#53605f"), clarity=1.3
    )
    lay_over(light, colour(MIST, 0.9), stage.mist)
    _rings(light, stage, index)
    pace = 0.02 if index == SHARP else 0.95
    _bird(light, stage, slopes, index / RATE, pace)
    light = reframe(light, stage.view, view, degrees=float(rng.normal(0, 0.12)), shift=_hold(rng, index))
    if index != SHARP:
        light = shake(light, hand_path(rng, float(rng.uniform(5.0, 11.0)) * view.scale / 1000))
    light = vignette(glow(light, view, strength=0.10, reach=0.03), 0.2)
    return develop(light, rng, iso=320, scale=view.scale, contrast=0.3)


def _hold(rng: np.random.Generator, index: int) -> Point:
    """The camera follows the bird, a bit behind."""
    follow = 0.010 * (index - SHARP)
    return (float(follow + rng.normal(0, 0.004)), float(-0.004 * (index - SHARP) + rng.normal(0, 0.003)))


@dataclass(frozen=True, slots=True)
class Stage:
    view: View
    backdrop: Light
    water: Water
    mist: FloatArray


@lru_cache(maxsize=1)
def _stage(seed: int, size: tuple[int, int]) -> Stage:
    view = View.of(size).with_margin(MARGIN)
    return Stage(view, _backdrop(view, seed), Water(view, HORIZON, seed, roughness=0.006), _mist(view, seed))


def _backdrop(view: View, seed: int) -> Light:
    """Far shores in the mist, a little out of focus, and the sun that has just come through."""
    rng = generator(seed, "heron", "shores")
    sky = (
        (0, colour("#f6d9ae")),
        (0.14, colour("#efdcc0")),
        (0.35, colour("#c4d0cf")),
        (0.62, colour("#9db6bf")),
    )
    light = np.repeat(gradient(sky, np.maximum(HORIZON - view.y, 0)), view.width, axis=2)
    distance = np.hypot(view.x - SUN[0], view.y - SUN[1])
    light += colour("#ffe0a8") * (0.75 * np.exp(-distance / 0.16) + 4.5 * smoothstep(0.048, 0.036, distance))
    for base, roll, tall, haze in (
        (0.47, 0.020, 0.055, 0.80),
        (0.525, 0.018, 0.085, 0.58),
        (0.575, 0.012, 0.10, 0.30),
    ):
        edge = trees_line(rng, view, base, roll=roll, width=0.022 + 0.03 * (1 - haze), height=tall)
        edge = edge + 0.10 * smoothstep(0.05, 0.42, view.x) * (1 - haze)
        toward = np.exp(-((view.x - SUN[0]) ** 2) / 0.10)
        air = mix(colour("#b9c5c4"), colour("#f3d5a8"), toward)
        shade = mix(colour("#2e3d40"), air, haze * (0.75 + 0.25 * toward))
        # Mist lies on the water and hides the feet of the trees.
        shade = mix(np.broadcast_to(shade, (3, 1, view.width)), air, smoothstep(0.47, HORIZON + 0.01, view.y))
        lay_over(light, shade, below(view, edge))
    return defocus(light, 2.2 * view.scale / 1000)


def _mist(view: View, seed: int) -> FloatArray:
    tile = fractal_tile(generator(seed, "heron", "mist"), 512, slope=1.7, longest=0.5, stretch=4)
    swirls = look_up(tile, view.x * 0.25, view.y * 0.55)
    band = np.exp(-(((view.y - HORIZON - 0.005) / 0.055) ** 2))
    return (band * np.clip(0.48 + 0.24 * swirls, 0, 0.9)).astype(np.float32)


def _position(moment: float) -> Point:
    """Where the bird's shoulder is, *moment* seconds after the first frame."""
    return (
        -0.34 + 0.62 * moment + 0.08 * moment**2,
        0.600 - 0.20 * moment - 0.13 * moment**2 + 0.012 * np.sin(2 * np.pi * moment / BEAT),
    )


def _rings(light: Light, stage: Stage, index: int) -> None:
    """Rings where the feet left the water, and those that the wing tips drew."""
    view, seconds = stage.view, index / RATE
    rows = slice(stage.water.first_row, view.height)
    for number, started in enumerate((-0.35, -0.1, 0.15, 0.4)):
        age = seconds - started
        if age <= 0:
            continue
        x, y = _position(started)[0] - 0.05, 0.815 - 0.012 * number
        distance = np.hypot(view.x - x, (view.y[rows] - y) * 3.6)
        reach = 0.02 + 0.10 * age
        wave = (
            np.sin((distance - reach) * 260)
            * np.exp(-(((distance - reach) / 0.025) ** 2))
            * np.exp(-age * 1.4)
        )
        light[:, rows] *= 1 + 0.45 * wave


# --- the bird --------------------------------------------------------------------------------------------

SIZE = 0.30


def _bird(
    light: Light, stage: Stage, slopes: tuple[FloatArray, FloatArray], moment: float, pace: float
) -> None:
    """Paint the bird and its image over the time that the shutter stood open; *pace* scales that time."""
    open_for = 0.030 * pace
    instants = moment + np.linspace(-0.5, 0.5, 9 if pace > 0.1 else 1) * open_for
    view = stage.view
    parts = [_bird_parts(view, float(instant), 3 if len(instants) == 1 else 1) for instant in instants]
    for layer in zip(*parts, strict=True):
        shade, _ = layer[0]
        coverage = np.mean([patch.coverage for _, patch in layer], axis=0)
        Patch(layer[0][1].top, layer[0][1].left, coverage).paint(light, shade)
    image = np.mean(
        [_bird_image(view, float(instant)) for instant in instants[:: max(1, len(instants) // 3)]], axis=0
    )
    bent = stage.water.bend(soften(image, 1.0), slopes, reach=0.5)
    lay_over(light[:, stage.water.first_row :], colour("#5d6866"), bent * 0.5)


def _frame_of(moment: float) -> tuple[Point, float, float]:
    """Shoulder, wing position −1…1, and body angle."""
    beat = float(np.sin(2 * np.pi * (moment / BEAT + 0.05)))
    return _position(moment), beat, -26.0 + 16.0 * moment


def _bird_parts(view: View, moment: float, fineness: int) -> list[tuple[FloatArray, Patch]]:
    """(colour, coverage) of the bird from back to front, all in one window."""
    shoulder, beat, degrees = _frame_of(moment)
    middle = _position(round(moment * RATE) / RATE)
    box = (middle[0] - 0.37, middle[1] - 0.37, middle[0] + 0.34, middle[1] + 0.34)

    def put(points: Sequence[Point]) -> list[Point]:
        return place(points, at=shoulder, size=SIZE, degrees=degrees)

    def shape(draw: Callable[[Pen], None]) -> Patch:
        pen = Pen(view, box, fineness=fineness)
        draw(pen)
        return pen.patch()

    far, near = _wing(beat * 0.92 + 0.05, 0.10), _wing(beat, 0.0)
    return [
        (colour("#8b9290"), shape(lambda pen: _draw_wing(pen, put, far))),
        (colour("#a79f8e"), shape(lambda pen: _draw_feather_lines(pen, put, far))),
        (colour("#55564f"), shape(lambda pen: _draw_legs(pen, put, moment))),
        (colour("#949892"), shape(lambda pen: _draw_neck(pen, put))),
        (colour("#aeb0a8"), shape(lambda pen: _draw_throat(pen, put))),
        (colour("#6b757a"), shape(lambda pen: pen.polygon(put(curve(BODY, closed=True))))),
        (
            colour("#b98d52"),
            shape(lambda pen: pen.polygon(put([(0.57, -0.138), (0.82, -0.105), (0.57, -0.100)]))),
        ),
        (colour("#4a5358"), shape(lambda pen: _draw_wing(pen, put, near))),
        (colour("#363d41"), shape(lambda pen: _draw_feather_lines(pen, put, near))),
        (colour("#68747a"), shape(lambda pen: pen.polygon(put(curve(_covert(near), closed=True))))),
        (colour("#566168"), shape(lambda pen: _draw_covert_lines(pen, put, near))),
        (colour("#30363a"), shape(lambda pen: _draw_crest(pen, put))),
        (colour("#ecd3a6"), shape(lambda pen: _draw_rim(pen, put, near))),
    ]


def _bird_image(view: View, moment: float) -> FloatArray:
    shoulder, beat, degrees = _frame_of(moment)
    line = 0.815
    pen = Pen(view, fineness=1)

    def put(points: Sequence[Point]) -> list[Point]:
        return [(x, 2 * line - y) for x, y in place(points, at=shoulder, size=SIZE, degrees=degrees)]

    for wing in (_wing(beat * 0.92 + 0.05, 0.10), _wing(beat, 0.0)):
        _draw_wing(pen, put, wing)
    pen.polygon(put(curve(BODY, closed=True)))
    _draw_neck(pen, put)
    _draw_legs(pen, put, moment)
    return pen.patch().whole(view)


BODY: list[Point] = [
    (0.22, -0.045),
    (0.12, -0.095),
    (-0.10, -0.085),
    (-0.34, -0.02),
    (-0.50, 0.035),
    (-0.48, 0.055),
    (-0.28, 0.06),
    (-0.05, 0.085),
    (0.14, 0.05),
]
# Shoulder, wrist, tip, and the trailing corners at hand, elbow and body; wings up, level, down.
WING_UP = np.array(
    [(0.13, -0.07), (0.30, -0.40), (0.10, -1.00), (-0.20, -0.78), (-0.27, -0.40), (-0.20, -0.03)]
)
WING_LEVEL = np.array(
    [(0.13, -0.07), (0.36, -0.17), (0.16, -0.46), (-0.16, -0.42), (-0.30, -0.22), (-0.20, -0.03)]
)
WING_DOWN = np.array([(0.13, -0.05), (0.33, 0.20), (0.16, 0.66), (-0.12, 0.52), (-0.22, 0.26), (-0.20, 0.0)])
PRIMARIES = 9
SECONDARIES = 11

Wing = NDArray[np.float64]
Put = Callable[[Sequence[Point]], list[Point]]


def _wing(beat: float, aside: float) -> Wing:
    up, down = max(beat, 0.0), max(-beat, 0.0)
    shape = WING_LEVEL * (1 - up - down) + WING_UP * up + WING_DOWN * down
    return (
        shape + np.array([(0.6, 0.1), (0.9, 0.05), (1.3, 0.0), (1.2, 0.0), (0.8, 0.05), (0.6, 0.1)]) * aside
    )


def _points(places: Wing | list[Wing]) -> list[Point]:
    return [(float(x), float(y)) for x, y in places]


def _leading_edge(wing: Wing) -> list[Wing]:
    root, wrist, tip = wing[:3]
    bow = np.array((0.025, 0.0))
    return [root, root + (wrist - root) * 0.55 + bow, wrist, wrist + (tip - wrist) * 0.5 + bow, tip]


def _feathers(wing: Wing) -> list[tuple[Wing, Wing, float]]:
    """(quill, end, width) of every flight feather, from the wing tip to the body."""
    root, wrist, tip, hand, elbow, back = wing
    feathers = []
    for share in np.linspace(0, 1, PRIMARIES):
        quill = wrist + (tip - wrist) * 0.30 * (1 - share) + (elbow - wrist) * 0.30 * share
        end = tip + (hand - tip) * share
        feathers.append((quill, end + (end - quill) * 0.06 * (1 - share), 0.088))
    for share in np.linspace(0.06, 1, SECONDARIES):
        quill = wrist + (root - wrist) * share
        # The trailing edge bulges between hand and body, by way of the elbow.
        end = (1 - share) ** 2 * hand + 2 * share * (1 - share) * (elbow * 1.06) + share**2 * back
        feathers.append((quill, end, 0.105))
    return feathers


def _draw_wing(pen: Pen, put: Put, wing: Wing) -> None:
    root, wrist, _, hand, elbow, back = wing
    trailing = [hand, (hand + elbow) / 2, elbow, (elbow + back) / 2, back]
    inner = [wrist + (corner - wrist) * 0.80 for corner in trailing[:3]] + [
        root + (corner - root) * 0.9 for corner in trailing[3:]
    ]
    pen.polygon(put(curve(_points(_leading_edge(wing)[:4])) + _points(inner)))
    for quill, end, width in _feathers(wing):
        _draw_feather(pen, put, quill, end, width)


def _draw_feather(pen: Pen, put: Put, quill: Wing, end: Wing, width: float, value: float = 1.0) -> None:
    """A feather with a round tip, bent a little backwards."""
    way = end - quill
    length = float(np.hypot(*way))
    if length < 1e-6:
        return
    across = np.array((-way[1], way[0])) / length * width / 2
    blade = [
        quill + across * 0.5,
        quill + way * 0.5 + across,
        quill + way * 0.9 + across * 0.8,
        end,
        quill + way * 0.9 - across * 0.7,
        quill + way * 0.5 - across,
        quill - across * 0.5,
    ]
    pen.polygon(put(curve(_points(blade), closed=True, steps=4)), value)


def _draw_feather_lines(pen: Pen, put: Put, wing: Wing) -> None:
    """The dark side of each flight feather, so that they lie on one another like slates."""
    for number, (quill, end, width) in enumerate(_feathers(wing)):
        way = end - quill
        across = np.array((-way[1], way[0])) / max(float(np.hypot(*way)), 1e-6) * width * 0.36
        pen.stroke(
            put(_points([quill + way * 0.35 + across, quill + way * 0.94 + across * 0.8])),
            0.013 * SIZE,
            value=0.8 if number < PRIMARIES else 0.55,
        )


def _covert(wing: Wing) -> list[Point]:
    """The lighter front part of the wing."""
    root, wrist, tip, _, elbow, back = wing
    outer = wrist + (tip - wrist) * 0.34
    return _points(
        [
            root,
            root + (wrist - root) * 0.55 + (0.02, 0),
            wrist,
            outer,
            wrist + (elbow - wrist) * 0.42,
            root + (elbow - root) * 0.55,
            root + (back - root) * 0.66,
        ]
    )


def _draw_covert_lines(pen: Pen, put: Put, wing: Wing) -> None:
    """Rows of small feathers over the roots of the large ones."""
    root, wrist, tip, _, elbow, back = wing
    for row, reach in enumerate((0.24, 0.40)):
        line = [
            wrist + (tip - wrist) * 0.25 * (1 - row * 0.3),
            wrist + (elbow - wrist) * reach,
            root + (elbow - root) * (0.2 + reach),
            root + (back - root) * reach * 1.4,
        ]
        pen.stroke(put(curve(_points(line))), 0.010 * SIZE)


def _draw_neck(pen: Pen, put: Put) -> None:
    line = curve(
        [
            (0.10, -0.02),
            (0.25, 0.035),
            (0.36, 0.045),
            (0.405, -0.01),
            (0.385, -0.075),
            (0.42, -0.122),
            (0.49, -0.128),
        ]
    )
    pen.stroke(put(line[: len(line) // 2]), 0.105 * SIZE, taper=0.62)
    pen.stroke(put(line[len(line) // 2 - 3 :]), 0.068 * SIZE, taper=0.72)
    pen.polygon(
        put(
            curve(
                [(0.45, -0.145), (0.52, -0.160), (0.59, -0.130), (0.57, -0.098), (0.47, -0.095)], closed=True
            )
        )
    )


def _draw_throat(pen: Pen, put: Put) -> None:
    """The pale front of the neck and the streaks on it."""
    pen.stroke(
        put(curve([(0.20, 0.045), (0.34, 0.068), (0.425, 0.015), (0.412, -0.06), (0.46, -0.100)])),
        0.020 * SIZE,
        taper=0.5,
    )


def _draw_crest(pen: Pen, put: Put) -> None:
    pen.stroke(put(curve([(0.555, -0.142), (0.49, -0.152), (0.34, -0.128)])), 0.022 * SIZE, taper=0.15)
    pen.disc(put([(0.535, -0.123)])[0], 0.009 * SIZE)


def _draw_legs(pen: Pen, put: Put, moment: float) -> None:
    hang = max(0.0, 0.42 - 0.42 * moment)
    for side in (0.0, 0.05):
        foot = (-0.86 + side + 0.45 * hang, 0.08 + 0.85 * hang + side * 0.4)
        pen.stroke(
            put(curve([(-0.24, 0.045), (-0.50, 0.06 + 0.35 * hang + side * 0.3), foot])),
            0.026 * SIZE,
            taper=0.7,
        )
        for spread in (-0.035, 0.0, 0.03):
            pen.stroke(put([foot, (foot[0] - 0.10, foot[1] + 0.02 + spread)]), 0.011 * SIZE, taper=0.5)


def _draw_rim(pen: Pen, put: Put, wing: Wing) -> None:
    """The low sun catches what faces it."""
    pen.stroke(put(curve(_points(_leading_edge(wing)))), 0.012 * SIZE, taper=0.2)
    pen.stroke(put(curve([(0.41, -0.10), (0.45, -0.142), (0.52, -0.158), (0.58, -0.138)])), 0.010 * SIZE)
    pen.stroke(put([(0.585, -0.133), (0.80, -0.107)]), 0.007 * SIZE)
