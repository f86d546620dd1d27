"""Photos that belong to nothing: a summit, a city by night, dunes, fruit, a forest, northern lights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from shoot.bodies import Material, turn
from shoot.drawing import Pen, Point, curve
from shoot.land import below, mountain_light, plain_sky, trees_line
from shoot.light import Light, colour, develop, lay_over, mix
from shoot.noise import fractal_tile, generator, look_up, outline, smoothstep
from shoot.optics import glow, soften, vignette
from shoot.shot import Brief, Exposure, Pixels, Shot, at, camera_file
from shoot.view import View
from shoot.water import Water

FloatArray = NDArray[np.floating]
Painter = Callable[[View, np.random.Generator, int], Light]

KIND = "single"


def plan(brief: Brief) -> Sequence[Shot]:
    return [shot for shot, _ in _SHOTS]


def render(brief: Brief, index: int) -> Pixels:
    shot, paint = _SHOTS[index]
    rng = generator(brief.seed, "singles", shot.file)
    upright = shot.orientation == 6
    view = View.of(brief.size[::-1] if upright else brief.size)
    assert shot.exposure is not None
    pixels = develop(paint(view, rng, brief.seed), rng, iso=shot.exposure.iso, scale=view.scale, contrast=0.4)
    # Orientation 6: what is up in the scene lies on the left in the file... the viewer turns it clockwise.
    return np.ascontiguousarray(np.rot90(pixels)) if upright else pixels


def paint_summit(view: View, rng: np.random.Generator, seed: int) -> Light:
    """First light on a summit above a sea of mist."""
    horizon = 0.72
    sky = (
        (0, colour("#f7cdb0")),
        (0.14, colour("#eab9b4")),
        (0.32, colour("#a9a6c9")),
        (0.55, colour("#6b82b8")),
        (0.75, colour("#46639f")),
    )
    light = plain_sky(view, horizon, sky)
    tile = fractal_tile(rng, 1024, slope=1.3, longest=0.22)
    x = view.x
    peak = (
        0.20 + 0.62 * np.abs(x - 0.10) ** 1.15 + 0.018 * outline(rng, x, wave=0.14, octaves=7, roughness=0.55)
    )
    shoulder = 0.40 + 0.35 * np.abs(x + 0.42) ** 1.1 + 0.016 * outline(rng, x, wave=0.15, octaves=7)
    for ridge, haze, line in (
        (0.52 - 0.05 * outline(rng, x, wave=0.3, octaves=7), 0.62, 0.50),
        (shoulder, 0.30, 0.60),
        (peak, 0.10, 0.66),
    ):
        lit = smoothstep(0.56, 0.44, view.y + 0.03 * outline(rng, x, wave=0.2))
        rock = mix(colour("#3f4560"), colour("#7a5148"), lit)
        snow = mix(colour("#a9b6da", 0.9), colour("#ffc9a0", 1.3), lit)
        face = mountain_light(view, ridge, tile, rock=rock, snow=snow, snow_line=line, sun=1, detail=0.8)
        lay_over(
            light,
            mix(face, colour("#cfb6c0"), np.clip(haze + smoothstep(0.45, 0.74, view.y) * 0.75, 0, 1)),
            below(view, ridge),
        )
    drift = fractal_tile(rng, 512, slope=1.7, longest=0.4, stretch=3)
    for base, height, shade in ((0.66, 0.04, "#d9c3cc"), (0.72, 0.05, "#e6d3d4"), (0.80, 0.06, "#d3c8d8")):
        edge = base - 0.35 * height * look_up(drift, x * 0.3 + base * 3, np.zeros_like(x))
        veil = smoothstep(0, height, view.y - edge)
        texture = 1 + 0.05 * look_up(drift, x * 0.5 + base, view.y * 1.4)
        lay_over(light, colour(shade) * texture, veil * 0.92)
    for base, tall in ((0.90, 0.075), (0.965, 0.13)):
        edge = trees_line(rng, view, base, roll=0.03, width=0.045 * tall / 0.1, height=tall)
        lay_over(
            light, mix(colour("#262c42"), colour("#9a93ad"), 0.55 if base < 0.95 else 0.08), below(view, edge)
        )
    return vignette(glow(light, view, strength=0.06), 0.2)


def paint_city(view: View, rng: np.random.Generator, seed: int) -> Light:
    """Towers with lit windows at the end of the blue hour, and their lights in the river."""
    horizon = 0.66
    sky = (
        (0, colour("#c2745a", 0.55)),
        (0.10, colour("#7d5a7a", 0.42)),
        (0.28, colour("#34477f", 0.34)),
        (0.7, colour("#0f1c42", 0.30)),
    )
    light = plain_sky(view, horizon, sky)
    tile = fractal_tile(rng, 512, slope=1.7, longest=0.4, stretch=3)
    lay_over(
        light,
        colour("#8a5a6a", 0.40),
        smoothstep(0.2, 2.4, look_up(tile, view.x * 0.25, view.y * 0.8)) * 0.6 * smoothstep(0.1, 0.5, view.y),
    )
    for haze, count, tall, wide in ((0.65, 34, 0.20, 0.05), (0.32, 26, 0.32, 0.062), (0.0, 17, 0.36, 0.085)):
        _towers(light, view, rng, horizon, haze=haze, count=count, tall=tall, wide=wide)
    lamps = np.arange(-0.72, 0.73, 0.048)
    for x in lamps:
        pen = Pen(view)
        pen.disc((float(x), horizon - 0.006), 0.0022)
        pen.patch().paint(light, colour("#ffcf8a", 14.0))
    water = Water(view, horizon, seed, roughness=0.022)
    slopes = water.slopes(rng)
    light[:, water.first_row :] = water.mirror(
        soften(light, 0.0016 * view.scale), view, slopes, deep=colour("#060a16"), clarity=1.7
    )
    quay = slice(water.first_row, water.first_row + max(1, round(0.004 * view.scale)))
    light[:, quay] = colour("#0a0a10")
    return vignette(glow(light, view, strength=0.13, reach=0.018), 0.3) * np.float32(1.25)


def _towers(
    light: Light,
    view: View,
    rng: np.random.Generator,
    ground: float,
    *,
    haze: float,
    count: int,
    tall: float,
    wide: float,
) -> None:
    middle = rng.uniform(-0.15, 0.15)
    for x in np.sort(rng.uniform(-0.74, 0.74, count)):
        width = wide * rng.uniform(0.6, 1.3)
        height = tall * rng.uniform(0.25, 0.8) * (0.55 + 0.75 * np.exp(-(((x - middle) / 0.32) ** 2)))
        left, right, top = float(x - width / 2), float(x + width / 2), float(ground - height)
        pen = Pen(view, fineness=2)
        pen.polygon([(left, top), (right, top), (right, ground), (left, ground)])
        if rng.random() < 0.4:
            pen.polygon(
                [
                    (left + width * 0.2, top - 0.018),
                    (right - width * 0.2, top - 0.018),
                    (right - width * 0.2, top),
                    (left + width * 0.2, top),
                ]
            )
        if rng.random() < 0.25:
            pen.stroke([(float(x), top), (float(x), top - 0.07)], 0.0022)
        patch = pen.patch()
        wall = mix(colour("#0d1122", 0.8), colour("#4b4a72", 0.36), haze)
        side = 1 + 0.5 * (view.x[:, patch.window[1]] > x)
        patch.paint(
            light, wall * side + colour("#c2745a", 0.05) * smoothstep(top, ground, view.y[patch.window[0]])
        )
        _windows(light, view, rng, (left, top, right, ground), patch.coverage, patch.window, 1 - 0.65 * haze)


def _windows(
    light: Light,
    view: View,
    rng: np.random.Generator,
    box: tuple[float, ...],
    coverage: FloatArray,
    window: tuple[slice, slice],
    strength: float,
) -> None:
    left, top, right, ground = box
    cell_x, cell_y = rng.uniform(0.0065, 0.0095), rng.uniform(0.010, 0.014)
    rows, columns = window
    u, v = (view.x[:, columns] - left) / cell_x, (view.y[rows] - top) / cell_y
    number = (
        np.floor(v).astype(np.int64) * 61 + np.floor(u).astype(np.int64) * 7 + int(rng.integers(997))
    ) % 1021
    is_lit = rng.random(1021) < rng.uniform(0.18, 0.5)
    brightness = (rng.lognormal(-0.7, 0.7, 1021) * is_lit).astype(np.float32)
    warm = rng.random(1021).astype(np.float32)
    soft = 0.55 * np.array([1 / cell_x, 1 / cell_y]) / view.scale
    pane = smoothstep(0.5 - soft[0], 0.5 + soft[0] * 0.2, 0.85 - np.abs((u % 1) - 0.5)) * 0 + (
        np.clip((0.32 - np.abs((u % 1) - 0.5)) / soft[0] * 0.5 + 0.5, 0, 1)
        * np.clip((0.33 - np.abs((v % 1) - 0.5)) / soft[1] * 0.5 + 0.5, 0, 1)
    )
    inside = (
        coverage
        * (view.y[rows] > top + 0.006)
        * (view.y[rows] < ground - 0.012)
        * (view.x[:, columns] > left + 0.003)
        * (view.x[:, columns] < right - 0.003)
    )
    shade = mix(colour("#ffb357", 1.5), colour("#dfe8ff", 1.1), warm[number] ** 3)
    light[:, rows, columns] += shade * (brightness[number] * pane * inside * np.float32(strength))


def paint_dunes(view: View, rng: np.random.Generator, seed: int) -> Light:
    """Dunes in low light: from every summit a winding crest parts the warm side from the cool one."""
    horizon = 0.36
    sky = (
        (0, colour("#f8d9ae")),
        (0.10, colour("#ead2bf")),
        (0.25, colour("#a5c0d3")),
        (0.45, colour("#6394c4")),
    )
    light = plain_sky(view, horizon, sky)
    ripples = fractal_tile(rng, 512, slope=0.9, longest=0.06, shortest=0.008, stretch=0.22)
    # Summit (x, y), half width of the dune, nearness.
    dunes = (
        (-0.42, 0.335, 0.30, 0.0),
        (0.30, 0.325, 0.34, 0.08),
        (-0.08, 0.365, 0.42, 0.20),
        (0.52, 0.385, 0.42, 0.32),
        (-0.50, 0.43, 0.50, 0.45),
        (0.20, 0.475, 0.62, 0.62),
        (-0.30, 0.66, 0.85, 0.82),
        (0.62, 0.80, 0.80, 1.0),
    )
    for number, (x, y, half, near) in enumerate(dunes):
        top = view.row(y - 0.10)
        _dune(light[:, top:], view.rows(top, view.height), rng, ripples, (x, y), half, near, number)
    return vignette(glow(light, view, strength=0.05), 0.22)


def _dune(
    light: Light,
    view: View,
    rng: np.random.Generator,
    ripples: FloatArray,
    summit: Point,
    half: float,
    near: float,
    number: int,
) -> None:
    x, y = summit
    dx = (view.x - x) / half
    rise = 0.055 + 0.115 * near
    bend = 0.022 * near * outline(rng, view.x, wave=0.8, octaves=2)
    # A little pointed at the summit, then falling away in a long curve.
    crest = (
        y
        + rise * (1 - np.exp(-np.sqrt(dx * dx + 0.010) * 1.35)) / (1 - np.exp(-1.35)) * (1 + 0.25 * dx * dx)
        + bend
    )
    fall = np.maximum(view.y - crest, 0)
    turns = np.sin(fall / (0.055 + 0.10 * near) + number * 1.7) - np.sin(number * 1.7)
    parting = x + 0.32 * half * turns * np.sqrt(fall / (fall + 0.06)) + 0.9 * fall
    across = view.x - parting
    shadow = smoothstep(-0.003 - 0.012 * fall, 0.004 + 0.05 * fall, across) * (
        1 - smoothstep(0.35 * half, 1.0 * half, across)
    )
    zoom = 1.5 / (0.30 + near)
    texture = look_up(
        ripples, (view.x * 0.55 + 0.8 * fall + 0.05 * turns) * zoom, (fall * 1.6 + view.x * 0.25) * zoom
    )
    sunny = (
        colour("#eba85e", 1.0)
        * (1 + (0.02 + 0.07 * near) * texture)
        * (0.80 + 0.30 * np.exp(-np.abs(across) / (0.25 * half)))
    )
    shady = mix(colour("#84503f"), colour("#6d5570"), 0.30) * (
        0.66 + 0.34 * smoothstep(0, 0.9 * half, across) + 0.02 * texture
    )
    face = mix(sunny, shady, shadow)
    lay_over(light, mix(face, colour("#f0d0b0"), 0.60 * (1 - near) ** 1.5), below(view, crest))


def paint_still_life(view: View, rng: np.random.Generator, seed: int) -> Light:
    """A jug, a bottle and pears on a table, in the light of one window."""
    edge = 0.70
    wall = fractal_tile(rng, 512, slope=1.6, longest=0.6)
    falling = np.exp(-np.hypot(view.x + 0.55, (view.y - 0.25) * 0.8) / 0.55)
    light = colour("#8a8878") * (
        (0.05 + 0.62 * falling)
        * (
            1
            + 0.07 * look_up(wall, view.x * 0.8, view.y * 0.8)
            + 0.03 * look_up(wall, view.x * 5, view.y * 5)
        )
    )
    rows = slice(view.row(edge), view.height)
    depth = view.y[rows] - edge
    grain = fractal_tile(rng, 512, slope=1.3, longest=0.4)
    far = 1 / (depth + 0.32)
    u, v = view.x * far, far
    wood = 1 + 0.13 * look_up(grain, u * 0.10, v * 1.3) + 0.07 * look_up(grain, u * 0.5, v * 6)
    joint = smoothstep(0.0, 0.012, np.abs((v * 1.6) % 1 - 0.5))
    fall_off = 0.07 + 0.80 * np.exp(-np.hypot(view.x + 0.38, depth * 0.8) / 0.48)
    table = colour("#8f6a48") * (fall_off * wood * (0.45 + 0.55 * joint)) + colour("#c8c4b4") * (
        0.05 * fall_off * np.exp(-depth / 0.05)
    )
    light[:, rows] = table
    objects = (
        (
            (
                (0.30, 0),
                (0.33, 0.1),
                (0.34, 0.42),
                (0.29, 0.55),
                (0.11, 0.68),
                (0.095, 0.92),
                (0.12, 0.95),
                (0.12, 1.0),
                (0.08, 1.0),
            ),
            (-0.10, 0.755),
            0.42,
            Material(colour("#24483a", 0.55), gloss=1.6, tightness=160, rim=0.9),
        ),
        (
            (
                (0.26, 0),
                (0.30, 0.03),
                (0.40, 0.22),
                (0.44, 0.42),
                (0.38, 0.64),
                (0.24, 0.80),
                (0.215, 0.90),
                (0.25, 0.985),
                (0.25, 1.0),
            ),
            (0.17, 0.775),
            0.345,
            Material(colour("#e2d3b4", 1.0), gloss=0.28, tightness=30, rim=0.25),
        ),
        (PEAR, (-0.335, 0.83), 0.185, Material(colour("#b9a23a"), gloss=0.28, tightness=26, rim=0.2)),
        (PEAR, (0.415, 0.835), 0.175, Material(colour("#a3783a"), gloss=0.25, tightness=24, rim=0.2)),
        (PLUM, (0.035, 0.88), 0.095, Material(colour("#5b2440", 0.9), gloss=0.35, tightness=30, rim=0.5)),
        (PLUM, (-0.095, 0.905), 0.092, Material(colour("#6b2a3a", 0.9), gloss=0.35, tightness=30, rim=0.5)),
    )
    for profile, foot, height, material in objects:
        _stand(light, view, list(profile), foot, height, material, wall)
    for stalk in (((-0.333, 0.648), (-0.325, 0.615)), ((0.417, 0.663), (0.432, 0.632))):
        pen = Pen(view)
        pen.stroke(
            curve(
                [
                    stalk[0],
                    ((stalk[0][0] + stalk[1][0]) / 2 - 0.004, (stalk[0][1] + stalk[1][1]) / 2),
                    stalk[1],
                ]
            ),
            0.007,
            taper=1.3,
        )
        pen.patch().paint(light, colour("#3a2616"))
    return vignette(glow(light, view, strength=0.05), 0.4) * np.float32(1.15)


PEAR: tuple[Point, ...] = (
    (0.10, 0),
    (0.30, 0.03),
    (0.385, 0.18),
    (0.39, 0.32),
    (0.32, 0.52),
    (0.21, 0.70),
    (0.17, 0.84),
    (0.12, 0.95),
    (0.0, 1.0),
)
PLUM: tuple[Point, ...] = (
    (0.12, 0),
    (0.36, 0.08),
    (0.50, 0.32),
    (0.52, 0.52),
    (0.45, 0.78),
    (0.25, 0.95),
    (0.0, 0.98),
)


def _stand(
    light: Light,
    view: View,
    profile: list[Point],
    foot: Point,
    height: float,
    material: Material,
    tile: FloatArray,
) -> None:
    """Put a turned body on the table, with its shadow falling away from the window."""
    widest = max(radius for radius, _ in profile) * height
    dx, dy = view.x - foot[0], (view.y - foot[1] + 0.012) * 2.6
    along = dx * 0.95 + dy * 0.25
    shadow = (
        smoothstep(-0.6 * widest, 0.6 * widest, along)
        * np.exp(-np.maximum(along, 0) / (height * 0.6))
        * np.exp(-(((dy - 0.22 * dx) / (widest * 1.0 + 0.12 * np.maximum(along, 0))) ** 2))
    )
    contact = np.exp(-((dx / (widest * 1.05)) ** 2) - ((dy / (widest * 0.75)) ** 2))
    light *= 1 - np.clip(0.72 * shadow + 0.6 * contact, 0, 0.9) * (view.y > 0.695)
    body = turn(view, profile, foot, height, material, lamp=(-0.85, 0.42, 0.35), ambient=0.13)
    rows, columns = body.coverage.shape
    window = (slice(body.top, body.top + rows), slice(body.left, body.left + columns))
    mottled = 1 + 0.10 * look_up(tile, view.x[:, window[1]] * 5, view.y[window[0]] * 5)
    part = light[:, *window]
    part += (body.light * mottled - part) * body.coverage


def paint_forest(view: View, rng: np.random.Generator, seed: int) -> Light:
    """Upright: tall trunks in the morning mist, and shafts of light between them."""
    sun: Point = (0.10, 0.20)
    distance = np.hypot(view.x - sun[0], (view.y - sun[1]) * 0.7)
    air = mix(colour("#6f8f78"), colour("#fff3cc", 1.15), np.exp(-distance / 0.30))
    light = np.broadcast_to(air, (3, *view.shape)).astype(np.float32).copy()
    bark = fractal_tile(rng, 512, slope=1.1, longest=0.25, stretch=0.2)
    leaves = fractal_tile(rng, 512, slope=1.3, longest=0.25)
    for layer, (count, wide, haze) in enumerate(
        ((22, 0.010, 0.84), (15, 0.016, 0.66), (9, 0.027, 0.42), (4, 0.052, 0.10))
    ):
        floor = 0.745 + 0.055 * layer
        _trunks(light, view, rng, bark, air, sun, (count, wide, haze, floor))
        _foliage(light, view, leaves, air, distance, layer, haze)
        top = view.row(floor - 0.08)
        _forest_floor(light[:, top:], view.rows(top, view.height), rng, leaves, floor, haze, air[:, top:])
        if layer == 2:
            light = _light_shafts(light, view, rng, sun, distance)
    return vignette(glow(light, view, strength=0.12, reach=0.04), 0.35)


def _trunks(
    light: Light,
    view: View,
    rng: np.random.Generator,
    bark: FloatArray,
    air: Light,
    sun: Point,
    layer: tuple[int, float, float, float],
) -> None:
    count, wide, haze, floor = layer
    left, right = float(view.x[0, 0]), float(view.x[0, -1])
    for x in np.linspace(left, right, count) + rng.normal(0, (right - left) / count * 0.30, count):
        width, lean = wide * float(rng.uniform(0.65, 1.25)), float(rng.normal(0, 0.012))
        foot = float(floor + rng.uniform(-0.015, 0.02))
        pen = Pen(view, fineness=2)
        right_side = curve(
            [
                (x + lean + width * 0.30, -0.05),
                (x + lean * 0.5 + width * 0.40, 0.4),
                (x + width * 0.50, foot - 0.06),
                (x + width * 0.9, foot),
            ]
        )
        left_side = curve(
            [
                (x - width * 0.9, foot),
                (x - width * 0.50, foot - 0.06),
                (x + lean * 0.5 - width * 0.40, 0.4),
                (x + lean - width * 0.30, -0.05),
            ]
        )
        pen.polygon(right_side + left_side)
        patch = pen.patch()
        rows, columns = patch.window
        across = (view.x[:, columns] - x) / width
        texture = 1 + 0.30 * (1 - haze) * look_up(bark, across * 0.09 + x, view.y[rows] * 0.6)
        lit = 0.50 + 0.85 * np.clip(np.sign(sun[0] - x) * across * 1.7, 0, 1) * (1 - haze)
        trunk = mix(colour("#2c251c"), colour("#6b5c40"), 0.3) * (texture * lit)
        patch.paint(light, mix(trunk, air[:, rows, columns], haze))


def _foliage(
    light: Light, view: View, tile: FloatArray, air: Light, distance: FloatArray, layer: int, haze: float
) -> None:
    """Leaves hang in at the top; further layers hang lower and are paler."""
    reach = view.row(0.62)
    part = view.rows(0, reach)
    zoom = 1.3 - 0.2 * layer
    masses = look_up(tile, part.x * 0.5 * zoom + 0.31 * layer, part.y * 0.5 * zoom + 0.17)
    fine = look_up(tile, part.x * 3.2 * zoom + 0.7, part.y * 3.2 * zoom)
    hang = 0.9 - (4.2 + 0.6 * layer) * part.y
    crowns = smoothstep(-0.15, 0.35, 0.55 * masses + 0.42 * fine + hang)
    sunny = np.exp(-distance[:reach] / 0.35)
    green = mix(colour("#16230f"), colour("#86a838"), np.clip(0.25 + 0.9 * sunny + 0.16 * fine, 0, 1))
    lay_over(light[:, :reach], mix(green, air[:, :reach], haze * 0.92), crowns * (0.94 - 0.25 * sunny))


def _forest_floor(
    light: Light,
    view: View,
    rng: np.random.Generator,
    tile: FloatArray,
    floor: float,
    haze: float,
    air: FloatArray,
) -> None:
    edge = (
        floor
        - 0.018 * outline(rng, view.x, wave=0.4)
        - 0.007 * np.abs(outline(rng, view.x, wave=0.03, roughness=0.7))
    )
    far = 1 / np.maximum(view.y - 0.62, 0.08)
    fern = look_up(tile, view.x * far * 0.8, far * 0.7) + 0.6 * look_up(tile, view.x * far * 3.1, far * 2.4)
    ground = mix(colour("#2f3a17"), colour("#7c8a34"), smoothstep(-0.8, 1.8, fern)) * np.clip(
        0.75 + 0.32 * fern, 0.1, 2.0
    )
    lay_over(light, mix(ground, air, haze * 0.9), below(view, edge))


def _light_shafts(
    light: Light, view: View, rng: np.random.Generator, sun: Point, distance: FloatArray
) -> Light:
    angle = np.arctan2(view.y - sun[1], view.x - sun[0])
    streaks = outline(rng, angle.reshape(1, -1), wave=0.22, octaves=3, roughness=0.5).reshape(angle.shape)
    shafts = (
        smoothstep(-0.2, 1.6, streaks)
        * np.exp(-distance / 0.36)
        * smoothstep(0.02, 0.22, distance)
        * smoothstep(-0.05, 0.12, view.y - sun[1])
    )
    return light + colour("#fff0c0") * (0.34 * shafts)


def paint_northern_lights(view: View, rng: np.random.Generator, seed: int) -> Light:
    """Green curtains over a snowy bay."""
    horizon = 0.70
    sky = ((0, colour("#1f4a5c", 0.42)), (0.25, colour("#12294a", 0.36)), (0.75, colour("#070d22", 0.4)))
    light = plain_sky(view, horizon, sky)
    light += _stars(view, rng)
    for base, tall, strength in ((0.56, 0.22, 0.40), (0.47, 0.30, 0.75), (0.36, 0.34, 0.38)):
        light += _curtain(view, rng, base, tall) * np.float32(strength)
    tile = fractal_tile(rng, 512, slope=1.6, longest=0.25)
    for base, high, haze in ((0.675, 0.10, 0.45), (0.70, 0.13, 0.10)):
        ridge = base - high * (0.35 + 0.55 * np.abs(outline(rng, view.x, wave=0.5, octaves=8))) * (
            0.35 + 0.65 * smoothstep(-0.1, 0.6, np.abs(view.x + 0.05))
        )
        face = mountain_light(
            view,
            ridge,
            tile,
            rock=colour("#141c28", 0.5),
            snow=colour("#7fb3ad", 0.22),
            snow_line=0.63,
            sun=-1,
            detail=0.45,
        )
        lay_over(light, mix(face, colour("#123a44", 0.4), haze), below(view, ridge))
    water = Water(view, horizon, seed, roughness=0.008)
    light[:, water.first_row :] = water.mirror(
        light, view, water.slopes(rng), deep=colour("#03070c"), clarity=1.5
    )
    bank = 0.905 - 0.030 * outline(rng, view.x, wave=0.8, octaves=4)
    drift = look_up(tile, view.x * 0.5, view.y * 1.6) - look_up(
        tile, view.x * 0.5 + 0.01, view.y * 1.6 - 0.01
    )
    lay_over(light, colour("#79b0a4", 0.20) * np.clip(0.85 + 0.5 * drift, 0.4, 1.4), below(view, bank))
    _cabin(light, view)
    return vignette(glow(light, view, strength=0.12, reach=0.04), 0.3) * np.float32(1.5)


def _stars(view: View, rng: np.random.Generator) -> Light:
    light = np.zeros((3, *view.shape), dtype=np.float32)
    size = max(1, round(view.scale / 900))
    for x, y, strength in zip(
        rng.uniform(-0.75, 0.75, 900), rng.uniform(0, 0.68, 900), rng.pareto(1.6, 900), strict=True
    ):
        row, column = view.row(float(y)), view.column(float(x))
        tint = mix(colour("#ffe6d0"), colour("#cfdcff"), float(rng.random()))
        light[:, row : row + size, column : column + size] += tint * np.float32(
            min(0.10 + 0.14 * strength, 2.2)
        )
    return soften(light, 0.00045 * view.scale)


def _curtain(view: View, rng: np.random.Generator, base: float, tall: float) -> Light:
    foot = base + 0.085 * outline(rng, view.x, wave=0.55, roughness=0.30, octaves=3) + 0.10 * view.x
    rays = 0.62 + 0.26 * outline(rng, view.x, wave=0.11, roughness=0.62, octaves=5)
    folds = np.clip(0.55 + 0.45 * outline(rng, view.x, wave=0.5, octaves=2), 0.03, 1.5)
    up = foot - view.y
    height = tall * (0.55 + 0.6 * rays)
    body = (
        smoothstep(-0.05, 0.035, up)
        * np.exp(-np.maximum(up, 0) / (0.50 * height))
        * np.clip(rays, 0.2, 1.5)
        * folds
    )
    green, violet = colour("#3df08a", 0.75), colour("#8a4ad0", 0.45)
    return mix(green, violet, smoothstep(0.25, 1.1, up / tall)) * body


def _cabin(light: Light, view: View) -> None:
    """A hut with a light in the window, for scale."""
    x, y = 0.335, 0.868
    dark = Pen(view)
    dark.polygon([(x - 0.045, y), (x - 0.045, y - 0.038), (x + 0.045, y - 0.038), (x + 0.045, y)])
    dark.patch().paint(light, colour("#1a0f0c", 0.5))
    roof = Pen(view)
    roof.polygon([(x - 0.058, y - 0.034), (x, y - 0.078), (x + 0.058, y - 0.034)])
    roof.patch().paint(light, colour("#7fb8a8", 0.25))
    for pane in (-0.018, 0.018):
        pen = Pen(view)
        pen.polygon(
            [
                (x + pane - 0.008, y - 0.012),
                (x + pane - 0.008, y - 0.030),
                (x + pane + 0.008, y - 0.030),
                (x + pane + 0.008, y - 0.012),
            ]
        )
        pen.patch().paint(light, colour("#ffb85a", 2.2))
    warm = np.exp(-np.hypot(view.x - x, (view.y - y - 0.01) * 2.2) / 0.035) * (view.y > y - 0.004)
    light += colour("#ff9a3a", 0.12) * warm


_SHOTS: tuple[tuple[Shot, Painter], ...] = (
    (Shot(camera_file(148), at("07:21", 40.0), Exposure(1 / 160, 8.0, 100, 85.0)), paint_summit),
    (
        Shot(camera_file(251), at("10:36", 12.0), Exposure(1 / 60, 5.6, 400, 35.0), orientation=6),
        paint_forest,
    ),
    (Shot(camera_file(289), at("13:05", 27.0), Exposure(1 / 500, 11.0, 100, 50.0)), paint_dunes),
    (Shot(camera_file(345), at("16:12", 51.0), Exposure(1 / 15, 4.0, 200, 60.0)), paint_still_life),
    (Shot(camera_file(507), at("20:47", 9.0), Exposure(1 / 4, 4.0, 400, 35.0)), paint_city),
    (Shot("phone/IMG_0031.HEIC", at("23:18", 33.0), Exposure(3.0, 1.8, 800, 24.0)), paint_northern_lights),
)
