"""DiffToken for a whole series: every photo whole, fine tokens where it differs from all the others.

Ours where the paper leaves it open: frames are registered, one difference map a frame against *all* others
decides, the photo is resized so that all its blocks fit the budget, nothing is dropped or drawn at random.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finepick.differences.maps import resample_map
from finepick.domain import FloatArray, Frame
from finepick.features.extraction import PhotoFeatures
from finepick.scorers.base import View
from finepick.scorers.fgaesq.tokens import (
    BLOCK,
    COARSE,
    FINE,
    PADDING,
    PATCH,
    POSITION_GRID,
    TOKENS,
    Floats,
    Tokens,
    cut_blocks,
    normalise,
    position_weights,
    shrink_blocks,
)

FINE_BLOCKS = 14
"""As published: int(112 · .5 / 4)."""

_ENLARGED_SHORT_SIDE = 384
_ENLARGED_SHARE = 1.2
_DISTORTION_WEIGHT = 2.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How one photo is cut: into rows × columns blocks of 32 px, those numbered *fine* (raster) in four."""

    rows: int
    columns: int
    fine: tuple[int, ...]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.columns * BLOCK, self.rows * BLOCK

    def view(self, index: int) -> View:
        """What is to be asked for photo *index*: its patches."""
        return View(index, max(self.size), f"{__name__}:cut_patches", self.arguments())

    def arguments(self) -> dict[str, Any]:
        return {"rows": self.rows, "columns": self.columns, "fine": list(self.fine)}

    def tokens(self, patches: Floats) -> Tokens:
        """The tokens whose patches `cut_patches` gave."""
        marks, rows, columns = _layout(self.rows, self.columns, self.fine)
        return Tokens(patches, marks, rows, columns)


def plan_photo(photo: PhotoFeatures, difference: FloatArray, *, fine_blocks: int = FINE_BLOCKS) -> Plan:
    """The plan of *photo*, given where it differs from its series (a map in [0, 1], zeros for a photo alone).

    Fine are the most different blocks; where blocks differ equally, those with more detail, then the earlier.
    """
    rows, columns = plan_grid(*photo.size, fine_blocks=fine_blocks)
    different = resample_map(difference, rows, columns).ravel()
    detail = photo.measurements.channel("detail").astype(np.float64)
    detailed = resample_map(detail, rows, columns).ravel()
    # Stable and from the last key to the first: most different, most detailed, first.
    order = np.lexsort((-detailed, -different))
    return Plan(rows, columns, tuple(sorted(order[:fine_blocks].tolist())))


def plan_grid(width: int, height: int, *, fine_blocks: int = FINE_BLOCKS) -> tuple[int, int]:
    """(rows, columns) of 32-px blocks for a photo of *width* × *height* pixels.

    At most 511 − 3 · fine_blocks blocks, so that every block has its token; small photos are enlarged as the
    published recipe does (to 1.2 · 512 patches of 16 px, or a short side of 384), none beyond the budget. Of
    the grids next to the exact one the one is taken that keeps most blocks and stretches the photo least.
    """
    budget = TOKENS - 3 * fine_blocks
    scale = min(_enlargement(width, height), math.sqrt(budget * BLOCK * BLOCK / (width * height)))
    exact = height * scale / BLOCK, width * scale / BLOCK
    # A side of less than one block is one block; the other may then not be as long as it would be.
    rows, columns = (min(max(length, 1.0), float(budget)) for length in exact)
    grids = [
        (r, c)
        for r in {math.floor(rows), math.ceil(rows)}
        for c in {math.floor(columns), math.ceil(columns)}
        if r * c <= budget
    ]
    return max(sorted(grids), key=lambda grid: _worth(grid, columns / rows))


def cut_patches(frame: Frame, *, rows: int, columns: int, fine: Sequence[int]) -> dict[str, NDArray[Any]]:
    """The patches of *frame* resized to rows × columns blocks: {"patches": (511, 3, 16, 16) float32}.

    Coarse tokens (each block shrunk to 16 × 16 by itself) in raster order, then the four patches of every fine
    block, block by block.
    """
    picture = Image.fromarray(frame)
    size = (columns * BLOCK, rows * BLOCK)
    if picture.size != size:
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    blocks = cut_blocks(normalise(np.asarray(picture)), BLOCK)
    is_fine = np.zeros(len(blocks), bool)
    is_fine[list(fine)] = True
    coarse = shrink_blocks(blocks[~is_fine])
    quarters = blocks[is_fine].reshape(-1, 3, 2, PATCH, 2, PATCH).transpose(0, 2, 4, 1, 3, 5)
    patches = np.zeros((TOKENS, 3, PATCH, PATCH), np.float32)
    patches[: len(coarse)] = coarse
    patches[len(coarse) : len(coarse) + 4 * len(fine)] = quarters.reshape(-1, 3, PATCH, PATCH)
    return {"patches": patches}


@lru_cache(maxsize=512)
def _layout(rows: int, columns: int, fine: tuple[int, ...]) -> tuple[NDArray[np.int8], Floats, Floats]:
    """Marks and position weights of all 511 tokens: `Tokens` without its patches."""
    numbers = np.arange(rows * columns)
    coarse = np.setdiff1d(numbers, fine)
    block_row, block_column = np.divmod(np.asarray(fine, np.intp), columns)
    fine_row = (2 * block_row[:, None] + [0, 0, 1, 1]).ravel()
    fine_column = (2 * block_column[:, None] + [0, 1, 0, 1]).ravel()
    marks = np.full(TOKENS, PADDING, np.int8)
    down, across = np.zeros((2, TOKENS, POSITION_GRID), np.float32)
    last = len(coarse) + len(fine_row)
    marks[: len(coarse)], marks[len(coarse) : last] = COARSE, FINE
    down[: len(coarse)] = position_weights(rows)[coarse // columns]
    across[: len(coarse)] = position_weights(columns)[coarse % columns]
    down[len(coarse) : last] = position_weights(2 * rows)[fine_row]
    across[len(coarse) : last] = position_weights(2 * columns)[fine_column]
    for array in (marks, down, across):
        array.flags.writeable = False
    return marks, down, across


def _enlargement(width: int, height: int) -> float:
    """How much the published recipe enlarges a photo; 1 where it has more than 512 patches."""
    patches = math.ceil(width / PATCH) * math.ceil(height / PATCH)
    if patches > TOKENS + 1:
        return 1.0
    return max(math.sqrt(_ENLARGED_SHARE * (TOKENS + 1) / patches), _ENLARGED_SHORT_SIDE / min(width, height))


def _worth(grid: tuple[int, int], shape: float) -> float:
    """More blocks are better, a stretch of the photo is worse."""
    rows, columns = grid
    return math.log(rows * columns) - _DISTORTION_WEIGHT * abs(math.log(columns / rows / shape))
