"""Shapes with soft edges: polygons, strokes and smooth curves in scene units, as coverage between 0 and 1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from shoot.light import Light
from shoot.view import View

FloatArray = NDArray[np.float32]
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
        """Lay *shade* (a colour, or light of the patch's size) over *light*, in place."""
        part = light[:, *self.window]
        part += (shade - part) * (self.coverage * np.float32(opacity))

    def whole(self, view: View) -> FloatArray:
        plane = np.zeros(view.shape, dtype=np.float32)
        plane[self.window] = self.coverage
        return plane


class Pen:
    """Collects shapes inside a *box* (left, top, right, bottom in scene units; None: the whole view)."""

    def __init__(
        self, view: View, box: tuple[float, float, float, float] | None = None, *, fineness: int = 3
    ) -> None:
        self._view = view
        self._fineness = fineness
        if box is None:
            self._left, self._top, right, bottom = 0, 0, view.width, view.height
        else:
            self._left, self._top = view.column(box[0]), view.row(box[1])
            right, bottom = view.column(box[2]), view.row(box[3])
        self._size = (max(1, right - self._left), max(1, bottom - self._top))
        self._empty = right <= self._left or bottom <= self._top
        self._picture = Image.new("L", (self._size[0] * fineness, self._size[1] * fineness))
        self._draw = ImageDraw.Draw(self._picture)

    def _place(self, points: Iterable[Point]) -> list[Point]:
        k = self._view.scale * self._fineness
        x0 = self._view.left + self._left / self._view.scale
        y0 = self._view.top + self._top / self._view.scale
        return [((x - x0) * k, (y - y0) * k) for x, y in points]

    def polygon(self, points: Iterable[Point], value: float = 1.0) -> None:
        self._draw.polygon(self._place(points), fill=round(255 * value))

    def disc(self, centre: Point, radius: float, value: float = 1.0, *, squash: float = 1.0) -> None:
        (x, y), k = self._place([centre])[0], self._view.scale * self._fineness
        self._draw.ellipse(
            (x - radius * k, y - radius * squash * k, x + radius * k, y + radius * squash * k),
            fill=round(255 * value),
        )

    def stroke(
        self, points: Sequence[Point], width: float, *, taper: float = 1.0, value: float = 1.0
    ) -> None:
        """A line of *width*, narrowing to *width* × *taper* at its end."""
        places = np.array(self._place(points))
        if len(places) < 2:
            return
        steps = np.gradient(places, axis=0)
        normal = np.stack([-steps[:, 1], steps[:, 0]], axis=1)
        normal /= np.maximum(np.hypot(normal[:, :1], normal[:, 1:]), 1e-9)
        widths = np.linspace(1, taper, len(places))[:, None] * width * self._view.scale * self._fineness / 2
        # Thinner than a sample would break into dots.
        widths = np.maximum(widths, 0.5)
        edge = np.concatenate([places + normal * widths, (places - normal * widths)[::-1]])
        self._draw.polygon([(float(x), float(y)) for x, y in edge], fill=round(255 * value))

    def patch(self) -> Patch:
        if self._empty:
            return Patch(0, 0, np.zeros((1, 1), dtype=np.float32))
        small = self._picture.resize(self._size, Image.Resampling.BOX)
        return Patch(self._top, self._left, np.asarray(small, dtype=np.float32) / 255)


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
