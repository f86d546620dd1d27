"""DiffToken for a whole series: every photo whole, fine tokens where it differs from all the others.

Ours where the paper leaves it open: frames are registered, one difference map a frame against *all* others
decides, the photo is resized so that all its blocks fit the budget, nothing is dropped or drawn at random.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finepick.differences.maps import resample_map
from finepick.domain import FloatArray, Frame
from finepick.features.extraction import PhotoFeatures
from finepick.scorers.base import View
from finepick.scorers.fgaesq.tokens import BLOCK, PATCH, TOKENS, Tokens, assemble, normalise

FINE_BLOCKS = 14
"""As published: int(112 · .5 / 4)."""

_ENLARGED_SHORT_SIDE = 384
_ENLARGED_SHARE = 1.2
_DISTORTION_WEIGHT = 2.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How one photo is cut: into rows × columns blocks of 32 px, those numbered *fine* (raster) in four.

    tokens: how many the network reads; the rest is padding.
    """

    rows: int
    columns: int
    fine: tuple[int, ...]
    tokens: int = TOKENS

    def view(self, index: int) -> View:
        """What is to be asked for photo *index*: its tokens."""
        arguments = {
            "rows": self.rows,
            "columns": self.columns,
            "fine": list(self.fine),
            "tokens": self.tokens,
        }
        return View(index, max(self.rows, self.columns) * BLOCK, f"{__name__}:view_tokens", arguments)


def plan_photo(
    photo: PhotoFeatures,
    difference: FloatArray,
    *,
    fine_blocks: int = FINE_BLOCKS,
    tokens: int = TOKENS,
) -> Plan:
    """The plan of *photo*, given where it differs from its series (a map in [0, 1], zeros for a photo alone).

    Fine are the most different blocks; where blocks differ equally, those with more detail, then the earlier.
    """
    rows, columns = plan_grid(*photo.size, fine_blocks=fine_blocks, tokens=tokens)
    importance = block_importance(photo, difference, rows, columns)
    return Plan(rows, columns, most_important(importance, fine_blocks), tokens)


def block_importance(photo: PhotoFeatures, difference: FloatArray, rows: int, columns: int) -> FloatArray:
    """How urgently each of rows × columns blocks wants to be fine: 1 … rows · columns, each once, higher first.

    The most different block has the highest number; where blocks differ equally, the one with more detail, then
    the earlier one.
    """
    different = resample_map(difference, rows, columns).ravel()
    detail = photo.measurements.channel("detail").astype(np.float64)
    detailed = resample_map(detail, rows, columns).ravel()
    # Stable and from the last key to the first: most different, most detailed, first.
    order = np.lexsort((-detailed, -different))
    importance = np.empty(rows * columns)
    importance[order] = np.arange(rows * columns, 0, -1)
    return importance.reshape(rows, columns)


def most_important(importance: FloatArray, count: int) -> tuple[int, ...]:
    """Raster numbers of the *count* most important blocks, ascending."""
    return tuple(sorted(np.argsort(-importance.ravel(), kind="stable")[:count].tolist()))


def plan_grid(
    width: int, height: int, *, fine_blocks: int = FINE_BLOCKS, tokens: int = TOKENS
) -> tuple[int, int]:
    """(rows, columns) of 32-px blocks for a photo of *width* × *height* pixels.

    At most tokens − 3 · fine_blocks blocks, so that every block has its token; small photos are enlarged as the
    published recipe does (to 1.2 · 512 patches of 16 px, or a short side of 384), none beyond the budget. Of
    the grids next to the exact one the one is taken that keeps most blocks and stretches the photo least.
    """
    budget = tokens - 3 * fine_blocks
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


def series_tokens(
    frame: Frame, *, rows: int, columns: int, fine: Sequence[int], tokens: int = TOKENS
) -> Tokens:
    """Tokens of *frame* (H × W × 3, sRGB) resized to rows × columns blocks, those numbered *fine* in four."""
    picture = whole_blocks(frame, rows, columns)
    return assemble(normalise(picture), np.asarray(fine, np.intp), tokens=tokens)


def whole_blocks(frame: Frame, rows: int, columns: int) -> Frame:
    """*frame* resized to rows × columns blocks, (32 · rows, 32 · columns, 3)."""
    size = (columns * BLOCK, rows * BLOCK)
    if frame.shape[1::-1] == size:
        return frame
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))


def view_tokens(
    frame: Frame, *, rows: int, columns: int, fine: Sequence[int], tokens: int = TOKENS
) -> dict[str, NDArray[Any]]:
    """`series_tokens` as arrays, to be asked for as a `View`."""
    made = series_tokens(frame, rows=rows, columns=columns, fine=fine, tokens=tokens)
    return {
        "patches": made.patches,
        "marks": made.marks.view(np.uint8),
        "rows": made.rows,
        "columns": made.columns,
    }


def viewed_tokens(arrays: Mapping[str, NDArray[Any]]) -> Tokens:
    """The tokens that `view_tokens` gave."""
    return Tokens(arrays["patches"], arrays["marks"].view(np.int8), arrays["rows"], arrays["columns"])


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
