"""Fifty almost equal sunsets: a lake, a jetty, and twelve minutes in which the sun goes down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from shoot.drawing import Patch, Pen, Point, curve
from shoot.figures import draw_gull, draw_person, draw_rowing_boat, flap_at
from shoot.light import Light, colour, develop, gradient, lay_over, mix
from shoot.noise import enlarge, fractal_tile, generator, look_up, outline, smoothstep
from shoot.optics import defocus, glow, hand_path, reframe, shake, vignette
from shoot.shot import Brief, Exposure, Pixels, Shot, at, camera_file
from shoot.view import View
from shoot.water import Water

FloatArray = NDArray[np.floating]

KIND = "similar"
FIRST_NUMBER = 412
HORIZON = 0.585
SUN_X = 0.175
SUN_RADIUS = 0.0185
MARGIN = 0.05
MINUTES = 12.0
SESSIONS = 8
DEEP = colour("#141a26", 0.8)
VANISHING: Point = (0.03, HORIZON)
JETTY_END = 3.3


@dataclass(frozen=True, slots=True)
class Moment:
    """How one frame differs from the others.

    sunk: 0 (twelve minutes before sunset) … 1. drift: how far the clouds went. degrees, pan, zoom: how the
    camera was held. stops: exposure error. blur: radius of the slipped focus, shake: length of the hand's
    stroke, both in thousandths of the picture's height. gulls: how many. walker: how far out a person is on
    the jetty, or None. boat: how far it has swung.
    """

    sunk: float
    drift: float
    degrees: float
    pan: tuple[float, float]
    zoom: float
    stops: float
    blur: float
    shake: float
    gulls: int
    edge_bird: bool
    walker: float | None
    boat: float


def plan(brief: Brief) -> Sequence[Shot]:
    rng = generator(brief.seed, "sunsets", "clock")
    seconds = _clock(rng, brief.count)
    shots = []
    for index, moment in enumerate(_moments(brief)):
        exposure = Exposure(1 / round(320 * 2 ** (-1.6 * moment.sunk - moment.stops)), 8.0, 100, 45.0)
        flaws = _flaws(moment)
        shots.append(
            Shot(
                camera_file(FIRST_NUMBER + index),
                at("18:41", float(seconds[index])),
                exposure,
                flaws,
                jpeg_quality=91,
            )
        )
    return shots


def _clock(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Seconds after the first frame: a handful of short bursts, spread over the twelve minutes."""
    starts = np.sort(rng.uniform(0, 1, SESSIONS))
    starts = np.linspace(0, MINUTES * 60 * 0.94, SESSIONS) + (starts - starts.mean()) * 12
    session = np.sort(np.arange(count) % SESSIONS)
    seconds = np.empty(count)
    for number in range(SESSIONS):
        own = np.flatnonzero(session == number)
        gaps = rng.choice([0.31, 0.74, 1.2, 1.9, 2.8, 4.1], size=len(own)) * rng.uniform(0.9, 1.1, len(own))
        seconds[own] = starts[number] + np.cumsum(gaps)
    return np.sort(seconds - seconds[0])


@lru_cache(maxsize=2)
def _moments(brief: Brief) -> tuple[Moment, ...]:
    rng = generator(brief.seed, "sunsets", "moments")
    seconds = _clock(generator(brief.seed, "sunsets", "clock"), brief.count)
    moments = []
    flaws = _deal_flaws(rng, brief.count)
    pan = np.zeros(2)
    last = -100.0
    for index in range(brief.count):
        if seconds[index] - last > 20:
            pan = rng.normal(0, (0.010, 0.006))
        last = seconds[index]
        flaw = flaws[index]
        step = pan + rng.normal(0, (0.0028, 0.002))
        if flaw == "framing":
            step += np.array((0.034 * rng.choice([-1, 1]), 0.016))
        sunk = float(np.clip(seconds[index] / (MINUTES * 60), 0, 1))
        side = float(rng.choice([-1, 1]))
        moments.append(
            Moment(
                sunk=sunk,
                drift=float(seconds[index]) / 720,
                degrees=float(rng.normal(0, 0.22))
                + (side * float(rng.uniform(1.5, 2.7)) if flaw == "tilt" else 0),
                pan=(float(np.clip(step[0], -0.045, 0.045)), float(np.clip(step[1], -0.03, 0.03))),
                zoom=1 + abs(float(rng.normal(0, 0.006))),
                stops=float(rng.normal(0, 0.09))
                + {"dark": -1.15, "bright": 1.0}.get(flaw, 0.0) * float(rng.uniform(0.8, 1.15)),
                blur=float(rng.uniform(1.6, 3.2)) if flaw == "focus" else 0.0,
                shake=float(rng.uniform(4, 9)) if flaw == "shake" else 0.0,
                gulls=int(rng.choice([0, 0, 0, 1, 2, 3, 5])),
                edge_bird=flaw == "edge bird",
                walker=_walker(seconds[index]),
                boat=float(rng.normal(0, 0.6)),
            )
        )
    return tuple(moments)


def _deal_flaws(rng: np.random.Generator, count: int) -> list[str]:
    """A flaw for about every second frame, each kind about equally often."""
    kinds = ["tilt", "dark", "bright", "focus", "shake", "edge bird", "framing"]
    deck = [kinds[i % len(kinds)] for i in range(round(count * 0.52))]
    deck += [""] * (count - len(deck))
    return [str(kind) for kind in rng.permutation(deck)]


def _walker(second: float) -> float | None:
    """Somebody walks out to the end of the jetty after five minutes, and stays for two."""
    walked = (second - 300) / 90
    if walked < 0 or second > 520:
        return None
    return float(1.7 + (JETTY_END - 1.9) * min(1.0, walked))


def _flaws(moment: Moment) -> tuple[str, ...]:
    named = [
        (abs(moment.degrees) > 1.2, "horizon tilted"),
        (moment.stops < -0.6, "too dark"),
        (moment.stops > 0.6, "sun clipped"),
        (moment.blur > 0, "focus slipped"),
        (moment.shake > 0, "camera shake"),
        (moment.edge_bird, "bird at the edge"),
        (abs(moment.pan[0]) > 0.028, "framing off"),
        (moment.walker is not None and moment.walker < 2.2, "person in the way"),
    ]
    return tuple(name for holds, name in named if holds)


def render(brief: Brief, index: int) -> Pixels:
    moment = _moments(brief)[index]
    rng = generator(brief.seed, "sunsets", "frame", index)
    stage = _stage(brief.seed, brief.size)
    light = _paint(stage, moment, rng)
    view = View.of(brief.size)
    light = reframe(light, stage.view, view, degrees=moment.degrees, shift=moment.pan, zoom=moment.zoom)
    if moment.blur:
        light = defocus(light, moment.blur * view.scale / 1000)
    if moment.shake:
        light = shake(light, hand_path(rng, moment.shake * view.scale / 1000))
    light = vignette(glow(light, view, strength=0.075, reach=0.022), 0.25)
    return develop(light, rng, stops=moment.stops, iso=125, scale=view.scale)


# --- what stays the same in all frames -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stage:
    """Layers that all fifty frames share; the sky is painted at half size, because clouds are soft."""

    view: View
    sky_view: View
    clouds: FloatArray
    veils: FloatArray
    hills: tuple[FloatArray, ...]
    hill_rows: slice
    water: Water
    jetty: Patch
    planks: FloatArray
    jetty_image: FloatArray
    reeds: Patch


@lru_cache(maxsize=1)
def _stage(seed: int, size: tuple[int, int]) -> Stage:
    view = View.of(size).with_margin(MARGIN)
    sky_view = view.reduced(2).rows(0, view.reduced(2).row(HORIZON) + 2)
    jetty = _draw_jetty(view)
    hills = _hills(view, seed)
    return Stage(
        view=view,
        sky_view=sky_view,
        clouds=fractal_tile(
            generator(seed, "sunsets", "clouds"), 1024, slope=1.5, longest=0.2, shortest=0.002
        ),
        veils=fractal_tile(generator(seed, "sunsets", "veils"), 1024, slope=1.8, longest=0.3, stretch=5),
        hills=hills,
        hill_rows=_rows_of(hills),
        water=Water(view, HORIZON, seed, roughness=0.019),
        jetty=jetty,
        planks=_plank_light(view, jetty, generator(seed, "sunsets", "planks")),
        jetty_image=_draw_jetty_image(view),
        reeds=_draw_reeds(view, generator(seed, "sunsets", "reeds")),
    )


def _hills(view: View, seed: int) -> tuple[FloatArray, ...]:
    """Coverage of three ranges of hills, far to near; the near one is a wooded shore."""
    x = view.x
    rng = generator(seed, "sunsets", "hills")
    far = 0.052 + 0.030 * outline(rng, x, wave=0.55) + 0.05 * smoothstep(0.1, -0.6, x)
    middle = (
        0.020
        + 0.022 * outline(rng, x, wave=0.4, roughness=0.45)
        + 0.055 * smoothstep(-0.1, -0.62, x)
        + 0.02 * smoothstep(0.3, 0.66, x)
    )
    trees = 0.006 * np.abs(outline(rng, x, wave=0.018, roughness=0.75, octaves=6))
    shore = (
        0.002
        + trees * (0.6 + 0.4 * np.abs(outline(rng, x, wave=0.2)))
        + 0.032 * smoothstep(-0.22, -0.62, x)
        + 0.016 * smoothstep(0.36, 0.6, x)
    )
    ridges = (np.maximum(far, 0.008), np.maximum(middle, 0.004), np.maximum(shore, 0.0035))
    return tuple(
        np.clip((view.y - (HORIZON - ridge)) * view.scale + 0.5, 0, 1) * (view.y < HORIZON + 1 / view.scale)
        for ridge in ridges
    )


def _rows_of(coverages: tuple[FloatArray, ...]) -> slice:
    """The rows where any of *coverages* has something."""
    filled = np.flatnonzero(np.max([coverage.max(axis=1) for coverage in coverages], axis=0))
    return slice(int(filled[0]), int(filled[-1]) + 1) if len(filled) else slice(0, 0)


def _along_jetty(x: float, k: float, *, above: float = 0.0) -> Point:
    """A point of the deck: *x* −1 (left edge) … 1 (right), *k* times as far as the near end, *above* it."""
    near_x, near_y = -0.255 + 0.185 * x, 1.075
    return (VANISHING[0] + (near_x - VANISHING[0]) / k, VANISHING[1] + (near_y - VANISHING[1] - above) / k)


POST_DEPTHS = (1.12, 1.45, 1.85, 2.3, 2.8, JETTY_END)


def _draw_jetty(view: View) -> Patch:
    pen = Pen(view)
    ends = [0.9, JETTY_END]
    deck = [
        _along_jetty(-1, ends[0]),
        _along_jetty(-1, ends[1]),
        _along_jetty(1, ends[1]),
        _along_jetty(1, ends[0]),
    ]
    pen.polygon(deck)
    fascia = [
        _along_jetty(1, ends[0]),
        _along_jetty(1, ends[1]),
        _along_jetty(1, ends[1], above=-0.035),
        _along_jetty(1, ends[0], above=-0.035),
    ]
    pen.polygon(fascia)
    front = [
        _along_jetty(-1, ends[1]),
        _along_jetty(1, ends[1]),
        _along_jetty(1, ends[1], above=-0.035),
        _along_jetty(-1, ends[1], above=-0.035),
    ]
    pen.polygon(front)
    for k in POST_DEPTHS:
        for side in (-1.03, 1.03):
            pen.stroke([_along_jetty(side, k, above=0.085), _along_jetty(side, k, above=-0.16)], 0.034 / k)
            pen.disc(_along_jetty(side, k, above=0.085), 0.017 / k, squash=0.4)
    return pen.patch()


def _draw_jetty_image(view: View) -> FloatArray:
    """The jetty upside down in the water, drawn straight; the water bends it later."""
    pen = Pen(view, fineness=2)
    drop = -0.155
    pen.polygon(
        [
            _along_jetty(x, k, above=2 * drop)
            for x, k in ((-1, 0.8), (-1, JETTY_END), (1, JETTY_END), (1, 0.8))
        ]
    )
    pen.polygon(
        [
            _along_jetty(x, k, above=drop + lift)
            for x, k, lift in ((1, 0.8, -0.12), (1, JETTY_END, -0.12), (1, JETTY_END, -0.17), (1, 0.8, -0.17))
        ]
    )
    for k in POST_DEPTHS:
        for side in (-1.03, 1.03):
            pen.stroke(
                [_along_jetty(side, k, above=drop), _along_jetty(side, k, above=2 * drop - 0.085)], 0.034 / k
            )
    return pen.patch().whole(view)


def _plank_light(view: View, jetty: Patch, rng: np.random.Generator) -> FloatArray:
    """How bright the deck is under even light: planks with gaps, no two alike."""
    rows, columns = jetty.window
    y, x = view.y[rows], view.x[:, columns]
    k = (1.075 - VANISHING[1]) / np.maximum(y - VANISHING[1], 1e-3)
    across = ((x - VANISHING[0]) * k - (-0.255 - VANISHING[0])) / 0.185
    depth = k * 9.0
    number = np.floor(depth).astype(np.int32) % 256
    within = depth - np.floor(depth)
    gap_width = np.clip(9.0 * k / (view.scale * np.maximum(y - VANISHING[1], 1e-3)) * 0.7, 0.06, 0.5)
    gap = np.clip(np.minimum(within, 1 - within) / gap_width, 0, 1)
    tone = rng.uniform(0.65, 1.25, 256).astype(np.float32)[number]
    wood = look_up(
        fractal_tile(rng, 512, slope=1.0, longest=0.4, stretch=0.1), across * 0.45 + tone * 7, depth * 0.35
    )
    on_deck = np.abs(across) < 1.0
    return (
        np.where(on_deck, (0.22 + 0.78 * gap) * tone * (1 + 0.16 * wood), 0.16)
        .astype(np.float32)
        .clip(0.02, None)
    )


def _draw_reeds(view: View, rng: np.random.Generator) -> Patch:
    pen = Pen(view)
    for number in range(74):
        depth = rng.uniform(0, 1)
        foot = 0.70 - abs(float(rng.normal(0, 0.13))) * (0.75 + 0.5 * depth)
        height = float(rng.uniform(0.14, 0.44)) * float(np.clip(1.15 - 1.25 * (0.70 - foot), 0.35, 1.1))
        lean = float(rng.normal(-0.035, 0.05)) * height / 0.3
        tip = (foot + lean * 1.9, 1.07 - height)
        stem = curve([(foot, 1.08), (foot + lean * 0.35, 1.07 - height * 0.55), tip])
        if number % 4 == 0:
            pen.stroke(stem, 0.0038, taper=0.55)
            end, before = np.array(stem[-1]), np.array(stem[-4])
            way = (end - before) / np.hypot(*(end - before))
            head = [tuple(end - way * 0.002), tuple(end + way * 0.038)]
            pen.stroke([(float(a), float(b)) for a, b in head], 0.0115)
            for a, b in head:
                pen.disc((float(a), float(b)), 0.0056)
            pen.stroke(
                [(float(a), float(b)) for a, b in (end + way * 0.036, end + way * 0.06)], 0.002, taper=0.4
            )
        else:
            droop = (
                tip[0] + lean * 0.9 + float(rng.normal(0, 0.012)),
                tip[1] + abs(float(rng.normal(0.0, 0.03))),
            )
            pen.stroke(curve([*stem[::6], droop]), float(rng.uniform(0.006, 0.0105)), taper=0.08)
    return pen.patch()


# --- what changes from frame to frame --------------------------------------------------------------------


def _paint(stage: Stage, moment: Moment, rng: np.random.Generator) -> Light:
    view = stage.view
    sun_y = _sun_height(moment.sunk)
    sky = _sky(stage, moment, sun_y)
    above = np.zeros((3, *view.shape), dtype=np.float32)
    above[:, : stage.water.first_row] = np.stack(
        [enlarge(plane, (stage.sky_view.height * 2, stage.sky_view.width * 2)) for plane in sky]
    )[:, : stage.water.first_row, : view.width].clip(0)
    _sun_disc(above, view, moment, sun_y)
    _hill_light(above, stage, moment, sun_y)
    slopes = stage.water.slopes(rng)
    mirrored = stage.water.mirror(above, view, slopes, deep=DEEP)
    glitter = stage.water.glitter((SUN_X, sun_y), slopes)
    mirrored += glitter * mix(colour("#ffd890", 3.2), colour("#ff8a3a", 2.2), moment.sunk)
    above[:, stage.water.first_row :] = mirrored
    _shore_line(above, stage)
    _foreground(above, stage, moment, slopes, rng)
    return above


def _sun_height(sunk: float) -> float:
    return HORIZON - 0.168 + 0.122 * sunk


def _sky(stage: Stage, moment: Moment, sun_y: float) -> Light:
    """The sky above the lake at half size: air, glow around the sun, high veils, a broken deck of clouds."""
    view, t = stage.sky_view, moment.sunk
    x, elevation = view.x, np.maximum(HORIZON - view.y, 0)
    aside = np.abs(x - SUN_X)
    toward = np.exp(-((aside / 0.62) ** 2))
    warm = _air(t, elevation)
    cool = _air_away(t, elevation)
    light = mix(cool[:, :, :1], warm[:, :, :1], 0.25 + 0.75 * toward)
    distance = np.hypot(x - SUN_X, (view.y - sun_y) * 1.12)
    halo = mix(colour("#ffdf9a"), colour("#ff8a3c"), t)
    light = light + halo * (1.3 * np.exp(-distance / 0.05) + 0.42 * np.exp(-distance / 0.17))
    return _clouds(light, stage, moment, distance, elevation)


def _air(t: float, elevation: FloatArray) -> Light:
    early = (
        (0, colour("#ffc06a", 1.05)),
        (0.07, colour("#ffcf8e")),
        (0.18, colour("#e6c6a0")),
        (0.36, colour("#92a9c0")),
        (0.62, colour("#4d76a6")),
    )
    late = (
        (0, colour("#ff7a2c", 1.0)),
        (0.06, colour("#ff9550")),
        (0.16, colour("#e38d72")),
        (0.34, colour("#93779a")),
        (0.62, colour("#43538a")),
    )
    return mix(gradient(early, elevation), gradient(late, elevation), t)


def _air_away(t: float, elevation: FloatArray) -> Light:
    early = (
        (0, colour("#e0bb96")),
        (0.10, colour("#c6b5a8")),
        (0.25, colour("#94a4b6")),
        (0.62, colour("#466c9a")),
    )
    late = (
        (0, colour("#c07868")),
        (0.10, colour("#ad7684")),
        (0.25, colour("#7a6d92")),
        (0.62, colour("#394a7c")),
    )
    return mix(gradient(early, elevation), gradient(late, elevation), t)


def _clouds(light: Light, stage: Stage, moment: Moment, distance: FloatArray, elevation: FloatArray) -> Light:
    view, t = stage.sky_view, moment.sunk
    x = view.x
    far = 1 / (elevation + 0.075)
    lit = mix(colour("#ffe2b4", 1.5), colour("#ff8a55", 1.3), t)
    near_sun = np.exp(-distance / 0.30)

    veil = look_up(stage.veils, (x - 0.3) * far * 0.035 + moment.drift * 0.06, far * 0.10 + 0.4)
    veil = smoothstep(-0.2, 2.0, veil) * smoothstep(0.05, 0.2, elevation) * 0.75
    light = lay_over(light, lit * (0.55 + 0.65 * near_sun), veil)

    u = (x - 0.1) * far * 0.062 - moment.drift * 0.035
    v = far * 0.105 + moment.drift * 0.012
    swirl = look_up(stage.veils, u * 0.7 + 0.2, v * 0.7) * 0.012
    depth = look_up(stage.clouds, u + swirl, v + swirl)
    # The sun stands low and far ahead: what faces it has less cloud between itself and the far end.
    ahead = look_up(
        stage.clouds,
        u + swirl + 0.006 * np.sign(SUN_X - x) * np.minimum(np.abs(SUN_X - x) * 4, 1),
        v + swirl + 0.010,
    )
    relief = np.clip(0.5 + 0.85 * (depth - ahead), 0, 1)
    cover = (
        0.34
        + 0.5 * smoothstep(0.30, 0.02, elevation)
        - 0.55 * smoothstep(0.32, 0.60, elevation) * (1 - 0.4 * x)
    )
    thickness = np.clip(depth - 0.62 + cover * 0.75, 0, None)
    body = 1 - np.exp(-2.6 * thickness)
    rim = np.exp(-2.4 * thickness)
    shade = mix(colour("#8f8796"), colour("#5b4a68"), t) * (0.55 + 0.25 * elevation)
    glowing = lit * (0.30 + 1.25 * near_sun + 0.35 * np.exp(-elevation / 0.12))
    face = mix(
        shade + glowing * 0.10,
        glowing,
        np.clip(0.75 * relief * (0.35 + near_sun) + 0.85 * rim * (0.25 + near_sun), 0, 1),
    )
    face = mix(face, light, 0.75 * np.exp(-elevation / 0.028))
    return lay_over(light, face, np.clip(body * 1.08, 0, 0.97))


def _sun_disc(above: Light, view: View, moment: Moment, sun_y: float) -> None:
    pen = Pen(view)
    pen.disc((SUN_X, sun_y), SUN_RADIUS, squash=0.96 - 0.05 * moment.sunk)
    patch = pen.patch()
    fire = mix(colour("#ffe2a0", 30.0), colour("#ffa040", 9.0), moment.sunk)
    veiled = above[:, *patch.window].mean(axis=0)
    patch.paint(above, fire * np.clip(veiled / 1.2, 0.25, 1.0), 1.0)


def _hill_light(above: Light, stage: Stage, moment: Moment, sun_y: float) -> None:
    t = moment.sunk
    toward = np.exp(-((stage.view.x - SUN_X) ** 2) / 0.06)
    haze = mix(colour("#e8ae74"), colour("#d9703f"), t) * (0.55 + 0.6 * toward)
    rock = mix(colour("#5f6878"), colour("#493f58"), t)
    rows = stage.hill_rows
    for coverage, air in zip(stage.hills, (0.62, 0.30, 0.06), strict=True):
        lay_over(above[:, rows], mix(rock * (0.35 + 0.65 * air), haze, air), coverage[rows])


def _shore_line(light: Light, stage: Stage) -> None:
    """A thin bright line where the far shore meets the water."""
    row = stage.water.first_row
    light[:, row : row + max(1, int(stage.view.scale / 900))] *= 1.25


def _foreground(
    light: Light,
    stage: Stage,
    moment: Moment,
    slopes: tuple[FloatArray, FloatArray],
    rng: np.random.Generator,
) -> None:
    view, water = stage.view, stage.water
    dark = colour("#100d12", 0.8)
    images = stage.jetty_image.copy()
    boat: Point = (0.115 + moment.boat * 0.0012, 0.742)
    images += _boat(view, boat, mirrored=True).whole(view)
    images += _walker_patch(view, moment, mirrored=True).whole(view)
    shadow = water.bend(np.minimum(images, 1), slopes)
    lay_over(light[:, water.first_row :], colour("#16141a"), shadow * 0.86)
    _boat(view, boat, mirrored=False).paint(light, dark)
    sky_on_wood = mix(colour("#c9a58c"), colour("#a9705e"), moment.sunk) * (
        0.20 + 0.05 * rng.uniform(0.98, 1.02)
    )
    stage.jetty.paint(light, sky_on_wood * stage.planks * 0.62)
    _walker_patch(view, moment, mirrored=False).paint(light, dark)
    stage.reeds.paint(light, dark, 0.985)
    _gulls(view, moment, rng).paint(light, colour("#2a2128"), 0.93)


def _boat(view: View, waterline: Point, *, mirrored: bool) -> Patch:
    pen = Pen(view)
    draw_rowing_boat(pen, waterline, 0.185, mirrored=mirrored)
    return pen.patch()


def _walker_patch(view: View, moment: Moment, *, mirrored: bool) -> Patch:
    if moment.walker is None:
        return Pen(view).patch()
    feet = _along_jetty(0.15, moment.walker, above=-0.42 if mirrored else 0.0)
    height = (_along_jetty(0, moment.walker)[1] - HORIZON) * 1.06
    pen = Pen(view)
    walking = moment.walker < JETTY_END - 0.21
    # Seen from behind, so that a stride hardly shows.
    stride = 0.42 * flap_at(moment.walker * 9.7) if walking else 0.0
    draw_person(pen, feet, -height if mirrored else height, stride=stride)
    return pen.patch()


def _gulls(view: View, moment: Moment, rng: np.random.Generator) -> Patch:
    pen = Pen(view)
    flock = rng.uniform((-0.45, 0.16), (0.45, 0.36))
    for _ in range(moment.gulls):
        place = flock + rng.normal(0, (0.07, 0.04))
        draw_gull(
            pen,
            (float(place[0]), float(place[1])),
            float(rng.uniform(0.022, 0.036)),
            flap=float(rng.uniform(-0.8, 1)),
            degrees=float(rng.normal(0, 12)),
        )
    if moment.edge_bird:
        side = float(rng.choice([-1, 1]))
        draw_gull(
            pen,
            (side * 0.645 + moment.pan[0], float(rng.uniform(0.12, 0.4))),
            0.105,
            flap=float(rng.uniform(-0.3, 1)),
            degrees=15 * side,
        )
    return pen.patch()
