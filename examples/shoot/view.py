"""Where a picture looks: the map between scene units and pixels.

A scene is composed for 4:3 in *scene units*: y runs from 0 (top) to 1 (bottom), x from −⅔ to ⅔. Other shapes
show the middle of that field, filled to the edges, so that every size gives the same picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]
COMPOSED_FOR = 4 / 3


@dataclass(frozen=True, slots=True)
class View:
    """A window onto the scene: *scale* pixels a unit, with (*left*, *top*) at its upper left corner."""

    width: int
    height: int
    scale: float
    left: float
    top: float

    @classmethod
    def of(
        cls, size: tuple[int, int], *, centre: tuple[float, float] = (0.0, 0.5), zoom: float = 1.0
    ) -> View:
        width, height = size
        scale = zoom * max(width / COMPOSED_FOR, height)
        return cls(width, height, scale, centre[0] - width / scale / 2, centre[1] - height / scale / 2)

    def with_margin(self, share: float) -> View:
        """The same view with *share* of its long side more on every edge."""
        extra = round(share * max(self.width, self.height))
        return View(
            self.width + 2 * extra,
            self.height + 2 * extra,
            self.scale,
            self.left - extra / self.scale,
            self.top - extra / self.scale,
        )

    def reduced(self, factor: int) -> View:
        """The same window with *factor* times fewer pixels along each side (rounded up)."""
        width, height = -(-self.width // factor), -(-self.height // factor)
        return View(width, height, self.scale / factor, self.left, self.top)

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def x(self) -> FloatArray:
        """Scene x of every column, shape (1, width)."""
        return (self.left + (np.arange(self.width, dtype=np.float32) + 0.5) / self.scale)[None, :]

    @property
    def y(self) -> FloatArray:
        """Scene y of every row, shape (height, 1)."""
        return (self.top + (np.arange(self.height, dtype=np.float32) + 0.5) / self.scale)[:, None]

    def row(self, y: float) -> int:
        """Pixel row of scene height *y*, held inside the picture."""
        return int(np.clip(round((y - self.top) * self.scale), 0, self.height))

    def column(self, x: float) -> int:
        return int(np.clip(round((x - self.left) * self.scale), 0, self.width))

    def rows(self, start: int, stop: int) -> View:
        """The band of this view between two pixel rows."""
        return View(self.width, stop - start, self.scale, self.left, self.top + start / self.scale)
