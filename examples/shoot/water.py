"""Water in perspective: wind ripples that bend the mirror image and break the sun into glitter."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from shoot.light import Light
from shoot.noise import fractal_tile, generator, look_up
from shoot.view import View

FloatArray = NDArray[np.floating]

LEVELS = 9
SHORTEST = 0.014
TILE_SPAN = 2.6


@lru_cache(maxsize=2)
def _slopes(seed: int, side: int) -> NDArray[np.float16]:
    """Slopes of one repeating piece of water, (2, LEVELS, side × side): along and across the line of sight.

    Each level holds only waves twice as long as the level before, so that distant water does not flicker.
    """
    rng = generator(seed, "ripples", side)
    fy = fft.fftfreq(side, 1 / side)[:, None]
    fx = fft.rfftfreq(side, 1 / side)[None, :]
    frequency = np.hypot(fy, fx)
    frequency[0, 0] = 1
    # Wind comes towards the viewer: crests lie mostly across.
    toward_viewer = 0.35 + 0.65 * (np.abs(fy) / frequency) ** 2
    height = (
        frequency**-2.15
        * toward_viewer
        * np.exp(2j * np.pi * rng.random(frequency.shape))
        * (frequency > 2.5)
    )
    levels = []
    finest = 0.0
    for level in range(LEVELS):
        kept = height * np.exp(-((frequency * SHORTEST * 2**level / TILE_SPAN) ** 2))
        pair = [fft.irfft2(1j * f * kept, s=(side, side)) for f in (fy, fx)]
        finest = finest or float(pair[0].std())
        # Distant water keeps most of its slope, so that the path of light does not narrow too fast.
        levels.append([part / (pair[0].std() ** 0.8 * finest**0.2) for part in pair])
    return np.array(levels, dtype=np.float16).reshape(LEVELS, 2, side * side).transpose(1, 0, 2).copy()


class Water:
    """The part of *view* below *horizon* as a surface that mirrors what is above.

    *roughness* is the slope of the ripples; *wind_cells* how the calm and ruffled patches lie.
    """

    def __init__(
        self, view: View, horizon: float, seed: int, *, roughness: float = 0.03, scale: float = 1.0
    ) -> None:
        self.view = view
        self.horizon = horizon
        self.first_row = view.row(horizon)
        self._side = 512 if view.scale < 600 else 1024 if view.scale < 1500 else 2048
        self._tiles = _slopes(seed, self._side)
        below = view.rows(self.first_row, view.height)
        self.depth = np.maximum(below.y - horizon, 0.5 / view.scale)
        distance = scale / (self.depth + 0.016)
        texel = TILE_SPAN / self._side
        self._u = (below.x * distance / texel).astype(np.int32)
        self._v = (distance * 1.0 / texel).astype(np.int32)
        # One pixel covers this much water; ripples shorter than that are left out.
        footprint = np.sqrt(distance * distance**2 / scale) / view.scale
        level = np.clip(np.log2(np.maximum(footprint * 1.6 / SHORTEST, 1)), 0, LEVELS - 1)
        self._level = np.minimum(level.astype(np.int32), LEVELS - 2)
        self._toward_next = (level - self._level).astype(np.float32)
        self._calm = self._wind(generator(seed, "water", "wind"), below) * roughness

    def _wind(self, rng: np.random.Generator, below: View) -> FloatArray:
        tile = fractal_tile(rng, 256, slope=1.2, longest=0.5, shortest=0.01, stretch=4)
        far = -np.log(self.depth + 0.02)
        return np.clip(1.0 + 0.42 * look_up(tile, below.x * 0.22, far * 0.28), 0.25, 2.2)

    def slopes(self, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Ripples of one moment: slope along and across the line of sight for every water pixel."""
        side = self._side
        du, dv = (int(n) for n in rng.integers(0, side, 2))
        index = (
            ((self._v + dv) & (side - 1)) * side + ((self._u + du) & (side - 1)) + self._level * side * side
        )
        along, across = (self._blend_levels(tile.reshape(-1), index) for tile in self._tiles)
        return along * self._calm, across * self._calm

    def _blend_levels(self, tiles: NDArray[np.float16], index: NDArray[np.int32]) -> FloatArray:
        fine = np.take(tiles, index).astype(np.float32)
        coarse = np.take(tiles, index + self._side**2).astype(np.float32)
        return fine + (coarse - fine) * self._toward_next

    def mirror(
        self,
        above: Light,
        above_view: View,
        slopes: tuple[FloatArray, FloatArray],
        *,
        deep: FloatArray,
        clarity: float = 3.0,
    ) -> Light:
        """Light that comes from the water: *above* (seen by *above_view*) mirrored, over a *deep* colour."""
        along, across = slopes
        elevation = np.abs(self.depth + 2.0 * along)
        x = self.view.x + 2.2 * across * (self.depth + 0.05)
        rows = ((self.horizon - elevation - above_view.top) * above_view.scale).astype(np.int32)
        columns = ((x - above_view.left) * above_view.scale).astype(np.int32)
        np.clip(rows, 0, above_view.height - 1, out=rows)
        np.clip(columns, 0, above_view.width - 1, out=columns)
        index = rows * above_view.width + columns
        mirrored = np.stack([np.take(plane.reshape(-1), index) for plane in above])
        facing = np.clip(self.depth - 1.2 * along, 0, None)
        share = 0.10 + 0.86 * np.exp(-clarity * facing)
        return mirrored * share + deep * (1 - share)

    def glitter(
        self, sun: tuple[float, float], slopes: tuple[FloatArray, FloatArray], *, spread: float = 3.0
    ) -> FloatArray:
        """Where ripples flash with a low *sun* at scene point (x, y): 0…1, down to the viewer's feet.

        The finest ripples are *spread* times as steep as those that carry the mirror image.
        """
        along, across = slopes
        height = self.horizon - sun[1]
        up = (self.depth + 2.0 * spread * along - height) / (0.012 + 0.10 * self.depth)
        aside = (self.view.x - sun[0] + 2.2 * spread * across * (self.depth + 0.03)) / (
            0.016 + 0.09 * self.depth
        )
        return np.exp(-np.minimum(up * up + aside * aside, 30))

    def bend(
        self, coverage: FloatArray, slopes: tuple[FloatArray, FloatArray], *, reach: float = 1.0
    ) -> FloatArray:
        """A mirror image drawn straight (height × width of the whole view), as the ripples bend it."""
        along, across = slopes
        near = reach * (self.depth + 0.05)
        rows = (
            np.arange(self.first_row, self.view.height)[:, None] + 1.6 * along * near * self.view.scale
        ).astype(np.int32)
        columns = (np.arange(self.view.width)[None, :] + 1.4 * across * near * self.view.scale).astype(
            np.int32
        )
        np.clip(rows, 0, self.view.height - 1, out=rows)
        np.clip(columns, 0, self.view.width - 1, out=columns)
        return np.take(coverage.reshape(-1), rows * self.view.width + columns)
