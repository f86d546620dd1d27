"""Shapes with soft edges: polygons, strokes and smooth curves in scene units, as coverage between 0 and 1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from shoot.light import Light
from shoot.view import View

FloatArray = NDArray[np.floating]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Patch:
    """Coverage of a rectangle of the picture whose upper left pixel is (*top*, *left*)."""

    top: int
    left: int
    coverage: FloatArray

    @property
    def window(self) -> tuple[slice, slice]:
        height, width = self.coverage.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    def paint(self, light: Light, shade: FloatArray, opacity: float = 1.0) -> None:
        """Lay *shade* (a colour, or light of the patch's or the picture's size) over *light*, in place."""
        part = light[:, *self.window]
        part += (self._cut(shade, light) - part) * (self.coverage * np.float32(opacity))

    def _cut(self, shade: FloatArray, light: Light) -> FloatArray:
        """*shade* where this patch lies, if it is as large as the picture."""
        rows, columns = self.window
        if shade.shape[1] == light.shape[1]:
            shade = shade[:, rows]
        if shade.shape[2] == light.shape[2]:
            shade = shade[:, :, columns]
        return shade

    def whole(self, view: View) -> FloatArray:
        plane = np.zeros(view.shape, dtype=np.float32)
        plane[self.window] = self.coverage
        return plane


class Pen:
    """Collects shapes in scene units; `patch` draws them *fineness* times as fine and averages.

    The patch is as large as the shapes, or as *box* (left, top, right, bottom in scene units) says.
    """

    def __init__(
        self, view: View, box: tuple[float, float, float, float] | None = None, *, fineness: int = 3
    ) -> None:
        self._view = view
        self._box = box
        self._fineness = fineness
        self._polygons: list[tuple[NDArray[np.float64], int]] = []

    def polygon(self, points: Iterable[Point], value: float = 1.0) -> None:
        self._polygons.append((np.array(list(points), dtype=np.float64), round(255 * value)))

    def disc(self, centre: Point, radius: float, value: float = 1.0, *, squash: float = 1.0) -> None:
        """A disc; *squash* is its height as a share of its width."""
        corners = int(np.clip(radius * self._view.scale * 2, 12, 180))
        angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
        ring = np.stack(
            [centre[0] + radius * np.cos(angle), centre[1] + radius * squash * np.sin(angle)], axis=1
        )
        self._polygons.append((ring, round(255 * value)))

    def stroke(
        self, points: Sequence[Point], width: float, *, taper: float = 1.0, value: float = 1.0
    ) -> None:
        """A line of *width*, narrowing to *width* × *taper* at its end."""
        places = np.array(points, dtype=np.float64)
        if len(places) < 2:
            return
        steps = np.gradient(places, axis=0)
        normal = np.stack([-steps[:, 1], steps[:, 0]], axis=1)
        normal /= np.maximum(np.hypot(normal[:, :1], normal[:, 1:]), 1e-9)
        half = np.linspace(1, taper, len(places))[:, None] * width / 2
        # Thinner than a sample would break into dots.
        half = np.maximum(half, 0.5 / (self._view.scale * self._fineness))
        self._polygons.append(
            (np.concatenate([places + normal * half, (places - normal * half)[::-1]]), round(255 * value))
        )

    def patch(self) -> Patch:
        """Coverage of all shapes so far; later shapes replace what lies below them."""
        view, fineness = self._view, self._fineness
        left, top, right, bottom = self._bounds()
        if right <= left or bottom <= top:
            return Patch(0, 0, np.zeros((1, 1), dtype=np.float32))
        size = (right - left, bottom - top)
        picture = Image.new("L", (size[0] * fineness, size[1] * fineness))
        draw = ImageDraw.Draw(picture)
        origin = np.array((view.left + left / view.scale, view.top + top / view.scale))
        for shape, value in self._polygons:
            draw.polygon(((shape - origin) * (view.scale * fineness)).ravel().tolist(), fill=value)
        small = picture.resize(size, Image.Resampling.BOX) if fineness > 1 else picture
        return Patch(top, left, np.asarray(small, dtype=np.float32) / 255)

    def _bounds(self) -> tuple[int, int, int, int]:
        view = self._view
        if self._box is not None:
            left, top, right, bottom = self._box
            return view.column(left), view.row(top), view.column(right), view.row(bottom)
        if not self._polygons:
            return 0, 0, 0, 0
        points = np.concatenate([shape for shape, _ in self._polygons])
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        spare = 1.5 / view.scale
        return (
            view.column(left - spare),
            view.row(top - spare),
            view.column(right + spare),
            view.row(bottom + spare),
        )


def curve(points: Sequence[Point], *, closed: bool = False, steps: int = 8) -> list[Point]:
    """A smooth line through *points* (Catmull-Rom), *steps* points for each given one."""
    given = np.array(points, dtype=float)
    if closed:
        ring = np.concatenate([given[-1:], given, given[:2]])
    else:
        ring = np.concatenate([2 * given[:1] - given[1:2], given, 2 * given[-1:] - given[-2:-1]])
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    p0, p1, p2, p3 = ring[:-3, None], ring[1:-2, None], ring[2:-1, None], ring[3:, None]
    line = 0.5 * (
        2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )
    smooth = line.reshape(-1, 2)
    if not closed:
        smooth = np.concatenate([smooth, given[-1:]])
    return [(float(x), float(y)) for x, y in smooth]


def place(
    points: Iterable[Point], *, at: Point, size: float = 1.0, degrees: float = 0.0, flip: bool = False
) -> list[Point]:
    """*points* turned, scaled and moved to *at*; *flip* mirrors them left to right first."""
    angle = np.deg2rad(degrees)
    cos, sin = float(np.cos(angle)) * size, float(np.sin(angle)) * size
    turned = ((-x if flip else x, y) for x, y in points)
    return [(at[0] + cos * x - sin * y, at[1] + sin * x + cos * y) for x, y in turned]
