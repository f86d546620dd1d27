"""A burst: a heron takes off from a misty lake, and one frame of eight is sharp."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from shoot.drawing import Patch, Pen, Point, curve, place
from shoot.land import below, trees_line
from shoot.light import Light, colour, develop, gradient, lay_over, mix
from shoot.noise import fractal_tile, generator, look_up, outline, smoothstep
from shoot.optics import defocus, glow, hand_path, reframe, shake, soften, vignette
from shoot.shot import Brief, Exposure, Pixels, Shot, at, camera_file
from shoot.view import View
from shoot.water import Water

FloatArray = NDArray[np.float32]

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
    light[:, stage.water.first_row :] = stage.water.mirror(light, stage.view, slopes, deep=colour("#53605f"), clarity=1.3)
    lay_over(light, colour(MIST, 0.9), stage.mist)
    _rings(light, stage, index)
    pace = 0.02 if index == SHARP else 0.95
    _bird(light, stage, slopes, index / RATE, pace)
    light = reframe(light, stage.view, view, degrees=float(rng.normal(0, 0.12)), shift=_hold(rng, index))
    if index != SHARP:
        light = shake(light, hand_path(rng, float(rng.uniform(5.0, 11.0)) * view.scale / 1000))
    light = vignette(glow(light, view, strength=0.10, reach=0.03), 0.2)
    return develop(light, rng, iso=640, scale=view.scale, contrast=0.3)


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
    sky = ((0, colour("#f6d9ae")), (0.14, colour("#efdcc0")), (0.35, colour("#c4d0cf")), (0.62, colour("#9db6bf")))
    light = np.repeat(gradient(sky, np.maximum(HORIZON - view.y, 0)), view.width, axis=2)
    distance = np.hypot(view.x - SUN[0], view.y - SUN[1])
    light += colour("#ffe0a8") * (0.75 * np.exp(-distance / 0.16) + 4.5 * smoothstep(0.048, 0.036, distance))
    for base, roll, tall, haze in ((0.47, 0.020, 0.055, 0.80), (0.525, 0.018, 0.085, 0.58), (0.575, 0.012, 0.10, 0.30)):
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
    return (-0.34 + 0.62 * moment + 0.08 * moment**2, 0.600 - 0.20 * moment - 0.13 * moment**2 + 0.012 * np.sin(2 * np.pi * moment / BEAT))


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
        wave = np.sin((distance - reach) * 260) * np.exp(-(((distance - reach) / 0.025) ** 2)) * np.exp(-age * 1.4)
        light[:, rows] *= 1 + 0.45 * wave


# --- the bird --------------------------------------------------------------------------------------------

SIZE = 0.30


def _bird(light: Light, stage: Stage, slopes: tuple[FloatArray, FloatArray], moment: float, pace: float) -> None:
    """Paint the bird and its image over the time that the shutter stood open; *pace* scales that time."""
    open_for = 0.030 * pace
    instants = moment + np.linspace(-0.5, 0.5, 9 if pace > 0.1 else 1) * open_for
    view = stage.view
    parts = [_bird_parts(view, float(instant), 3 if len(instants) == 1 else 1) for instant in instants]
    for layer in zip(*parts, strict=True):
        shade, _ = layer[0]
        coverage = np.mean([patch.coverage for _, patch in layer], axis=0)
        Patch(layer[0][1].top, layer[0][1].left, coverage).paint(light, shade)
    image = np.mean([_bird_image(view, float(instant)) for instant in instants[:: max(1, len(instants) // 3)]], axis=0)
    bent = stage.water.bend(soften(image, 1.0), slopes, reach=0.5)
    lay_over(light[:, stage.water.first_row :], colour("#5d6866"), bent * 0.72)


def _frame_of(moment: float) -> tuple[Point, float, float]:
    """Shoulder, wing position −1…1, and body angle."""
    beat = float(np.sin(2 * np.pi * (moment / BEAT + 0.05)))
    return _position(moment), beat, -26.0 + 16.0 * moment


def _bird_parts(view: View, moment: float, fineness: int) -> list[tuple[FloatArray, Patch]]:
    """(colour, coverage) of the bird from back to front, all in one window."""
    shoulder, beat, degrees = _frame_of(moment)
    middle = _position(round(moment * RATE) / RATE)
    box = (middle[0] - 0.36, middle[1] - 0.36, middle[0] + 0.34, middle[1] + 0.34)

    def put(points: Sequence[Point]) -> list[Point]:
        return place(points, at=shoulder, size=SIZE, degrees=degrees)

    def shape(draw: object) -> Patch:
        pen = Pen(view, box, fineness=fineness)
        draw(pen)  # type: ignore[operator]
        return pen.patch()

    far, near = _wing(beat * 0.92 + 0.05, 0.10), _wing(beat, 0.0)
    return [
        (colour("#7b8587"), shape(lambda pen: _draw_wing(pen, put, far))),
        (colour("#4b4f50"), shape(lambda pen: _draw_legs(pen, put, moment))),
        (colour("#66727a"), shape(lambda pen: pen.polygon(put(curve(BODY, closed=True))))),
        (colour("#a9aba3"), shape(lambda pen: _draw_neck(pen, put))),
        (colour("#b8894f"), shape(lambda pen: pen.polygon(put([(0.56, -0.135), (0.80, -0.10), (0.56, -0.098)])))),
        (colour("#424c52"), shape(lambda pen: _draw_wing(pen, put, near))),
        (colour("#333b40"), shape(lambda pen: _draw_feather_lines(pen, put, near))),
        (colour("#5f6c73"), shape(lambda pen: pen.polygon(put(curve(_covert(near), closed=True))))),
        (colour("#2c3135"), shape(lambda pen: _draw_crest(pen, put))),
        (colour("#e9cfa4"), shape(lambda pen: _draw_rim(pen, put, near))),
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
    return pen.patch().coverage


BODY: list[Point] = [(0.20, -0.055), (0.10, -0.10), (-0.12, -0.085), (-0.34, -0.015), (-0.44, 0.03), (-0.30, 0.055), (-0.05, 0.09), (0.14, 0.06)]
# Root front, wrist, tip, hand, elbow behind, root behind; wings up, level, down.
WING_UP = np.array([(0.14, -0.06), (0.27, -0.42), (0.02, -1.02), (-0.22, -0.86), (-0.24, -0.44), (-0.18, -0.03)])
WING_LEVEL = np.array([(0.14, -0.06), (0.34, -0.15), (0.20, -0.40), (-0.10, -0.42), (-0.26, -0.22), (-0.18, -0.03)])
WING_DOWN = np.array([(0.14, -0.05), (0.33, 0.20), (0.20, 0.66), (-0.08, 0.56), (-0.18, 0.26), (-0.18, 0.0)])

Wing = NDArray[np.float64]


def _wing(beat: float, aside: float) -> Wing:
    up, down = max(beat, 0.0), max(-beat, 0.0)
    shape = WING_LEVEL * (1 - up - down) + WING_UP * up + WING_DOWN * down
    return shape + np.array([(0.6, 0.1), (0.9, 0.05), (1.3, 0.0), (1.2, 0.0), (0.8, 0.05), (0.6, 0.1)]) * aside


def _draw_wing(pen: Pen, put: object, wing: Wing) -> None:
    root, wrist, tip, hand, elbow, back = wing
    upper = [tuple(p) for p in (root, root + (wrist - root) * 0.6 + (0.02, 0), wrist, (wrist + tip) / 2 + (0.02, 0.0))]
    pen.polygon(put(curve(upper) + [tuple((tip + hand) / 2)] + curve([tuple(hand), tuple(elbow), tuple(back)])))  # type: ignore[operator]
    for share in np.linspace(0, 1, 7):
        end = tip + (hand - tip) * share * 1.0
        start = wrist + (elbow - wrist) * share * 0.75
        reach = end + (end - start) * (0.10 * (1 - share) + 0.03)
        middle = (start + reach) / 2 + (0.012, 0.0)
        pen.stroke(put(curve([tuple(start), tuple(middle), tuple(reach)])), 0.072 * SIZE, taper=0.12)  # type: ignore[operator]
    for share in np.linspace(0.05, 0.98, 11):
        end = hand + (back - hand) * share
        start = wrist + (root - wrist) * share
        reach = end + (end - start) * 0.07
        pen.stroke(put([tuple(start + (end - start) * 0.55), tuple(reach)]), 0.085 * SIZE, taper=0.2)  # type: ignore[operator]


def _draw_feather_lines(pen: Pen, put: object, wing: Wing) -> None:
    """Thin dark lines between the flight feathers."""
    root, wrist, tip, hand, elbow, back = wing
    for share in np.linspace(0.08, 0.92, 6):
        start, end = wrist + (elbow - wrist) * share * 0.75, tip + (hand - tip) * share
        pen.stroke(put([tuple(start + (end - start) * 0.12), tuple(end)]), 0.008 * SIZE)  # type: ignore[operator]
    for share in np.linspace(0.1, 0.9, 8):
        start, end = wrist + (root - wrist) * share, hand + (back - hand) * share
        pen.stroke(put([tuple(start + (end - start) * 0.35), tuple(end)]), 0.007 * SIZE)  # type: ignore[operator]


def _covert(wing: Wing) -> list[Point]:
    """The lighter front part of the wing."""
    root, wrist, tip, _, elbow, back = wing
    middle = wrist + (tip - wrist) * 0.25
    return [tuple(p) for p in (root, root + (wrist - root) * 0.55, wrist, middle, wrist + (elbow - wrist) * 0.45, root + (back - root) * 0.62)]


def _draw_neck(pen: Pen, put: object) -> None:
    pen.stroke(put(curve([(0.13, -0.03), (0.28, 0.035), (0.385, 0.03), (0.395, -0.05), (0.42, -0.115), (0.49, -0.125)])), 0.075 * SIZE, taper=0.62)  # type: ignore[operator]
    pen.polygon(put(curve([(0.45, -0.14), (0.52, -0.158), (0.585, -0.13), (0.57, -0.095), (0.47, -0.092)], closed=True)))  # type: ignore[operator]


def _draw_crest(pen: Pen, put: object) -> None:
    pen.stroke(put(curve([(0.545, -0.142), (0.48, -0.150), (0.36, -0.135)])), 0.020 * SIZE, taper=0.15)  # type: ignore[operator]
    pen.disc(put([(0.535, -0.123)])[0], 0.0085 * SIZE)  # type: ignore[operator]


def _draw_legs(pen: Pen, put: object, moment: float) -> None:
    hang = max(0.0, 0.42 - 0.42 * moment)
    for side in (0.0, 0.05):
        foot = (-0.72 + side + 0.35 * hang, 0.06 + 0.85 * hang + side * 0.4)
        pen.stroke(put(curve([(-0.16, 0.05), (-0.40, 0.06 + 0.35 * hang + side * 0.3), foot])), 0.030 * SIZE, taper=0.6)  # type: ignore[operator]
        for spread in (-0.05, 0.0, 0.05):
            pen.stroke(put([foot, (foot[0] - 0.09, foot[1] + 0.03 + spread)]), 0.012 * SIZE)  # type: ignore[operator]


def _draw_rim(pen: Pen, put: object, wing: Wing) -> None:
    """The low sun catches what faces it."""
    root, wrist, tip = wing[:3]
    pen.stroke(put(curve([tuple(root), tuple(root + (wrist - root) * 0.6 + (0.02, 0)), tuple(wrist), tuple((wrist + tip) / 2 + (0.02, 0.0))])), 0.014 * SIZE * 0.6, taper=0.4)  # type: ignore[operator]
    pen.stroke(put(curve([(0.17, -0.075), (0.10, -0.10), (-0.02, -0.10)])), 0.007 * SIZE)  # type: ignore[operator]
    pen.stroke(put(curve([(0.40, -0.075), (0.44, -0.135), (0.52, -0.158), (0.58, -0.135)])), 0.007 * SIZE)  # type: ignore[operator]
