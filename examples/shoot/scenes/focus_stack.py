"""A focus stack: chess pieces, and the plane of focus moving from the front row to the back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from shoot.bodies import Material, Painted, turn
from shoot.drawing import Point
from shoot.light import Light, colour, develop, mix
from shoot.noise import fractal_tile, generator, look_up, smoothstep
from shoot.optics import defocus, glow, vignette
from shoot.shot import Brief, Exposure, Pixels, Shot, at, camera_file
from shoot.view import View

FloatArray = NDArray[np.floating]

KIND = "focus_stack"
FIRST_NUMBER = 318
FRAMES = 6
EYE = 0.30
"""Scene height of the board's horizon."""
LENS = 0.020
"""Radius of the blur, in scene units, of something twice as far away as the plane of focus."""

PAWN: list[Point] = [
    (0.30, 0),
    (0.31, 0.05),
    (0.27, 0.10),
    (0.24, 0.13),
    (0.17, 0.20),
    (0.11, 0.38),
    (0.09, 0.55),
    (0.17, 0.58),
    (0.17, 0.62),
    (0.09, 0.65),
    (0.15, 0.72),
    (0.175, 0.82),
    (0.14, 0.93),
    (0.06, 0.99),
    (0.0, 1.0),
]
BISHOP: list[Point] = [
    (0.24, 0),
    (0.25, 0.04),
    (0.21, 0.09),
    (0.13, 0.16),
    (0.085, 0.34),
    (0.07, 0.52),
    (0.13, 0.55),
    (0.13, 0.58),
    (0.075, 0.61),
    (0.12, 0.69),
    (0.125, 0.76),
    (0.08, 0.87),
    (0.03, 0.93),
    (0.035, 0.96),
    (0.02, 0.99),
    (0.0, 1.0),
]
QUEEN: list[Point] = [
    (0.22, 0),
    (0.23, 0.04),
    (0.19, 0.08),
    (0.12, 0.15),
    (0.075, 0.35),
    (0.065, 0.58),
    (0.12, 0.61),
    (0.12, 0.64),
    (0.07, 0.66),
    (0.085, 0.74),
    (0.125, 0.87),
    (0.13, 0.89),
    (0.08, 0.91),
    (0.05, 0.94),
    (0.045, 0.98),
    (0.0, 1.0),
]
ROOK: list[Point] = [
    (0.29, 0),
    (0.30, 0.06),
    (0.25, 0.12),
    (0.18, 0.2),
    (0.145, 0.4),
    (0.14, 0.62),
    (0.20, 0.68),
    (0.21, 0.74),
    (0.21, 0.98),
    (0.17, 1.0),
    (0.0, 1.0),
]

LIGHT_WOOD = Material(colour("#d9a866"), gloss=0.55, tightness=48, rim=0.5)
DARK_WOOD = Material(colour("#4a2415", 0.85), gloss=0.65, tightness=60, rim=0.6)


@dataclass(frozen=True, slots=True)
class Piece:
    """*across* and *depth* on the board: depth 1 is the front, 3 three times as far from the lens."""

    profile: list[Point]
    across: float
    depth: float
    height: float
    material: Material


PIECES = (
    Piece(QUEEN, -0.55, 3.1, 0.80, DARK_WOOD),
    Piece(BISHOP, 0.55, 2.9, 0.66, DARK_WOOD),
    Piece(ROOK, 1.35, 3.0, 0.50, DARK_WOOD),
    Piece(PAWN, -1.25, 2.45, 0.44, DARK_WOOD),
    Piece(PAWN, 0.25, 2.15, 0.44, DARK_WOOD),
    Piece(BISHOP, -0.43, 1.72, 0.66, LIGHT_WOOD),
    Piece(PAWN, 0.62, 1.55, 0.44, LIGHT_WOOD),
    Piece(QUEEN, 0.17, 1.28, 0.80, LIGHT_WOOD),
    Piece(PAWN, -0.36, 1.04, 0.44, LIGHT_WOOD),
)


def plan(brief: Brief) -> Sequence[Shot]:
    return [
        Shot(
            camera_file(FIRST_NUMBER + index),
            at("15:22", 5.0 + 1.1 * index),
            Exposure(1 / 50, 2.8, 200, 100.0),
        )
        for index in range(FRAMES)
    ]


def render(brief: Brief, index: int) -> Pixels:
    rng = generator(brief.seed, "focus stack", "frame", index)
    view = View.of(brief.size)
    focus = float(np.geomspace(1.02, 3.1, FRAMES)[index])
    board = _board(brief.seed, brief.size)
    light = _blur_by_row(board, view, focus)
    for piece, painted in _pieces(brief.seed, brief.size):
        _lay_blurred(light, painted, _blur(piece.depth, focus) * view.scale)
    light = vignette(glow(light, view, strength=0.07, reach=0.03), 0.35)
    return develop(light, rng, iso=200, scale=view.scale)


def _blur(depth: float, focus: float) -> float:
    """Radius of the circle of confusion, in scene units."""
    return LENS * 2 * abs(1 / focus - 1 / depth) * focus**0.5


def _row_of(depth: float) -> float:
    return EYE + 0.66 / depth


def _foot(piece: Piece) -> Point:
    return (piece.across / piece.depth * 0.75, _row_of(piece.depth))


@lru_cache(maxsize=1)
def _pieces(seed: int, size: tuple[int, int]) -> tuple[tuple[Piece, Painted], ...]:
    view = View.of(size)
    grain = fractal_tile(generator(seed, "focus stack", "grain"), 512, slope=1.3, longest=0.3, stretch=0.15)
    made = []
    for piece in PIECES:
        height = piece.height * 0.92 / piece.depth
        painted = turn(view, piece.profile, _foot(piece), height, piece.material, margin=0.035)
        rows, columns = painted.coverage.shape
        y = np.arange(rows, dtype=np.float32)[:, None] / view.scale * piece.depth
        x = np.arange(columns, dtype=np.float32)[None, :] / view.scale * piece.depth
        wood = 1 + 0.12 * look_up(grain, x * 2.5 + piece.across, y * 0.9 + piece.depth)
        made.append((piece, Painted(painted.top, painted.left, painted.light * wood, painted.coverage)))
    return tuple(made)


@lru_cache(maxsize=1)
def _board(seed: int, size: tuple[int, int]) -> Light:
    """A dark room with points of light behind, and the board with shadows and mirror images of the pieces."""
    view = View.of(size)
    rng = generator(seed, "focus stack", "board")
    light = _background(view, rng)
    edge = view.row(_row_of(4.4))
    y, x = view.y[edge:], view.x
    depth = 0.66 / np.maximum(y - EYE, 1e-3)
    across = x * depth / 0.75
    tile = fractal_tile(rng, 512, slope=1.3, longest=0.4)
    column, row = across / 0.62 + 0.5, (depth - 0.1) / 0.62
    odd = (np.floor(column) + np.floor(row)) % 2
    near_edge = np.minimum(np.abs(column - np.round(column)), np.abs(row - np.round(row)))
    grain = (
        1
        + 0.13 * look_up(tile, across * 0.2 + odd * 0.4, depth * 1.6)
        + 0.06 * look_up(tile, across * 0.9, depth * 8)
    )
    square = (
        mix(colour("#c99a5e"), colour("#3a1d12"), odd)
        * grain
        * (0.55 + 0.45 * smoothstep(0.0, 0.012, near_edge))
    )
    lamp = np.exp(-np.hypot((across + 0.7) * 0.6, (depth - 1.6) * 0.55) / 1.2)
    board = square * (0.06 + 0.78 * lamp)
    for piece in PIECES:
        board = board * (1 - _shadow(across, depth, piece))
    light[:, edge:] = board
    for piece, painted in _pieces(seed, size):
        _mirror_on_board(light, view, piece, painted)
    return light


def _background(view: View, rng: np.random.Generator) -> Light:
    base = mix(colour("#1a1210"), colour("#4a2c1a"), np.exp(-np.hypot(view.x + 0.35, view.y - 0.15) / 0.35))
    light = np.broadcast_to(base, (3, *view.shape)).astype(np.float32).copy() * 0.7
    for _ in range(26):
        x, y = float(rng.uniform(-0.68, 0.68)), float(rng.uniform(0.0, 0.36))
        radius = float(rng.uniform(0.020, 0.036))
        distance = np.hypot(view.x - x, view.y - y)
        disc = smoothstep(radius, radius * 0.9, distance) * (
            0.75 + 0.35 * smoothstep(radius * 0.6, radius, distance)
        )
        shade = mix(
            colour("#ffb45a"), colour("#ff7040") if rng.random() < 0.5 else colour("#ffe0b0"), rng.random()
        )
        light += shade * (disc * float(rng.uniform(0.10, 0.42)))
    return light


def _shadow(across: FloatArray, depth: FloatArray, piece: Piece) -> FloatArray:
    """The long soft shadow that a piece throws away from the lamp, and the dark ring around its foot."""
    dx, dz = across - piece.across, depth - piece.depth
    along = dx * 0.86 + dz * 0.50
    aside = -dx * 0.50 + dz * 0.86
    width = 0.13 + 0.10 * np.clip(along, 0, 1)
    long = (
        smoothstep(-0.05, 0.10, along)
        * np.exp(-along.clip(0) / (0.75 * piece.height))
        * np.exp(-((aside / width) ** 2))
    )
    contact = np.exp(-((np.hypot(dx, dz * 1.0) / 0.24) ** 2))
    return np.clip(0.72 * long + 0.55 * contact, 0, 0.88)


def _mirror_on_board(light: Light, view: View, piece: Piece, painted: Painted) -> None:
    foot = view.row(_foot(piece)[1] + 0.012 / piece.depth)
    rows = min(foot - painted.top, view.height - foot)
    if rows < 2 or painted.coverage.shape[0] < foot - painted.top:
        return
    flipped = slice(foot - painted.top - rows, foot - painted.top)
    part = light[:, foot : foot + rows, painted.left : painted.left + painted.coverage.shape[1]]
    fade = np.linspace(0.30, 0.0, rows, dtype=np.float32)[:, None]
    part += (painted.light[:, flipped][:, ::-1] - part) * painted.coverage[flipped][::-1] * fade


def _blur_by_row(board: Light, view: View, focus: float) -> Light:
    """The board, each row as sharp as its distance from the plane of focus allows."""
    depth = np.where(view.y > _row_of(4.4), 0.66 / np.maximum(view.y - EYE, 0.05), 4.4)
    radius = LENS * 2 * np.abs(1 / focus - 1 / depth) * focus**0.5 * view.scale
    steps = np.array([0, 0.0012, 0.003, 0.006, 0.010, 0.016, 0.024]) * view.scale
    blurred = [defocus(board, float(step)) for step in steps]
    place = np.interp(radius, steps, np.arange(len(steps)))
    result = np.zeros_like(board)
    for number, version in enumerate(blurred):
        result += version * np.clip(1 - np.abs(place - number), 0, 1).astype(np.float32)
    return result


def _lay_blurred(light: Light, painted: Painted, radius: float) -> None:
    coverage = defocus(painted.coverage[None], radius)[0]
    shade = defocus(painted.light * painted.coverage, radius)
    rows, columns = coverage.shape
    part = light[:, painted.top : painted.top + rows, painted.left : painted.left + columns]
    part *= 1 - coverage
    part += shade
