"""What the network reads of one photo, and the arithmetic both tokenizers share; numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from finepick.domain import FloatArray, Frame

Floats = NDArray[np.float32]
Ints = NDArray[np.intp]

COARSE, FINE, PADDING = 0, 1, 9
TOKENS = 511
"""Beside the class token, which is the network's own."""

PATCH = 16
BLOCK = 32
POSITION_GRID = 14

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_DEVIATION = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, slots=True)
class Tokens:
    """One photo as the network reads it (t = 511 tokens; the class token is not among them).

    patches: (t, 3, 16, 16) float32, normalised pixels; padding is zeros.
    marks: (t,) int8, COARSE, FINE or PADDING.
    rows, columns: (t, 14) float32, how the network's 14 × 14 grid of positions is to be interpolated at the
        token's place: position = Σ rows[t, r] · columns[t, c] · grid[r, c]. Zeros for padding.
    """

    patches: Floats
    marks: NDArray[np.int8]
    rows: Floats
    columns: Floats


_CUBIC = -0.75
"""The a of torch's bicubic kernel (Keys 1981 has −.5)."""


def normalise(frame: Frame) -> Floats:
    """*frame* (height, width, 3) as (3, height, width) float32, normalised with CLIP's mean and deviation."""
    table = _normalised_levels()
    planes = np.empty((3, *frame.shape[:2]), np.float32)
    for channel, levels in enumerate(table):
        levels.take(frame[..., channel], out=planes[channel])
    return planes


def pad_to(pixels: Floats, side: int) -> Floats:
    """*pixels* (3, height, width) with zeros at the right and at the bottom, to a multiple of *side*."""
    height, width = pixels.shape[1:]
    if height % side == 0 and width % side == 0:
        return pixels
    return np.pad(pixels, ((0, 0), (0, -height % side), (0, -width % side)))


def cut_blocks(pixels: Floats, side: int) -> Floats:
    """Squares of *side* pixels in raster order, (rows · columns, 3, side, side), cut from (3, height, width).

    Height and width have to be multiples of *side*.
    """
    return block_view(pixels, side).reshape(-1, 3, side, side)


def block_view(pixels: Floats, side: int) -> Floats:
    """The same squares as (rows, columns, 3, side, side), a view: nothing is copied until some are taken."""
    height, width = pixels.shape[1:]
    if height % side or width % side or not (height and width):
        raise ValueError(f"{width} × {height} pixels are not whole blocks of {side} pixels")
    squares = pixels.reshape(3, height // side, side, width // side, side)
    return squares.transpose(1, 3, 0, 2, 4)


def shrink_blocks(blocks: Floats) -> Floats:
    """Blocks (n, 3, 32, 32) at half their size, (n, 3, 16, 16), each by itself.

    As torch's `interpolate(mode="bicubic", scale_factor=.5)`: edges repeated, no antialiasing.
    """
    weights = halving_weights()
    narrow = np.matmul(blocks.reshape(-1, BLOCK), weights.T).reshape(*blocks.shape[:-1], PATCH)
    return np.asarray(np.matmul(weights, narrow))


@lru_cache(maxsize=256)
def position_weights(cells: int) -> Floats:
    """How a line of *cells* takes its positions from the line of 14 that was learned, (cells, 14).

    Rows sum to 1. As torch's `interpolate(mode="bicubic", align_corners=False,
    scale_factor=(cells + .1) / 14)`, which steps by the factor given, so that the last cells lie a
    little further left than the cells' number alone would put them. The array is shared and read-only.
    """
    places = (np.arange(cells, dtype=np.float64) + 0.5) * (POSITION_GRID / (cells + 0.1)) - 0.5
    weights = _cubic_weights(places, POSITION_GRID)
    weights.setflags(write=False)
    return weights


@lru_cache(maxsize=1)
def halving_weights() -> Floats:
    """How 16 pixels are made of a line of 32, (16, 32). The array is shared and read-only."""
    weights = _cubic_weights(np.arange(PATCH, dtype=np.float64) * 2 + 0.5, BLOCK)
    weights.setflags(write=False)
    return weights


def fine_cells(blocks: Ints, columns: int) -> Ints:
    """Rows and columns (4k, 2) in the grid of patches of the four patches of each of k *blocks*.

    *blocks* are raster numbers in a picture of *columns* blocks a row; the four go in raster order.
    """
    corners = np.stack(np.divmod(np.asarray(blocks, np.intp), columns), axis=-1) * 2
    return np.asarray((corners[:, None] + np.array([[0, 0], [0, 1], [1, 0], [1, 1]])).reshape(-1, 2))


def token_count(blocks: int, fine: int) -> int:
    """How many tokens *blocks* blocks make, *fine* of them cut in four."""
    return blocks + 3 * fine


def assemble(
    pixels: Floats,
    fine_blocks: Ints,
    *,
    fine_positions: Ints | None = None,
    kept: Ints | None = None,
    tokens: int = TOKENS,
) -> Tokens:
    """A photo with *fine_blocks* in full detail and all other blocks at half size.

    Coarse tokens come first, in raster order, then four fine ones for each fine block, by block.

    Args:
        pixels: (3, 32 · rows, 32 · columns), normalised.
        fine_blocks: (k,) raster numbers of different blocks, in any order; they are used sorted.
        fine_positions: (4k, 2) rows and columns in the grid of patches that say where the fine tokens lie;
            unless given, where they do lie.
        kept: numbers of the tokens that stay, counted from 0, ascending; all of them unless given.
        tokens: how many the network reads; what is missing is padding.

    Raises ValueError where a block or token does not exist or comes twice, or more than *tokens* would stay.
    """
    view = block_view(pixels, BLOCK)
    rows, columns = view.shape[:2]
    fine = _checked_numbers(fine_blocks, rows * columns, "block")
    coarse = np.delete(np.arange(rows * columns), fine)
    places = fine_cells(fine, columns) if fine_positions is None else fine_positions
    total = len(coarse) + len(places)
    kept = np.arange(total) if kept is None else _checked_numbers(kept, total, "token")
    coarse = coarse[kept[kept < len(coarse)]]
    fine_kept = kept[kept >= total - len(places)] - (total - len(places))
    block_row, block_column = np.divmod(coarse, columns)
    patch_row, patch_column = fine_cells(fine, columns)[fine_kept].T
    patches = np.concatenate(
        [
            shrink_blocks(view[block_row, block_column]),
            block_view(pixels, PATCH)[patch_row, patch_column],
        ]
    )
    fine_row, fine_column = places[fine_kept].T
    return pad_tokens(
        patches,
        np.repeat(np.array([COARSE, FINE], np.int8), [len(coarse), len(fine_kept)]),
        np.concatenate([position_weights(rows)[block_row], position_weights(2 * rows)[fine_row]]),
        np.concatenate([position_weights(columns)[block_column], position_weights(2 * columns)[fine_column]]),
        tokens=tokens,
    )


def assemble_plain(pixels: Floats, *, kept: Ints | None = None) -> Tokens:
    """A small photo whole: its patches at full size, all marked coarse, with the positions of their own grid.

    *pixels* (3, 16 · rows, 16 · columns), normalised; *kept* as in `assemble`. Raises ValueError where a patch
    does not exist or comes twice, or more than TOKENS would stay.
    """
    view = block_view(pixels, PATCH)
    rows, columns = view.shape[:2]
    total = rows * columns
    numbers = np.arange(total) if kept is None else _checked_numbers(kept, total, "token")
    row, column = np.divmod(numbers, columns)
    marks = np.full(len(numbers), COARSE, np.int8)
    return pad_tokens(
        view[row, column], marks, position_weights(rows)[row], position_weights(columns)[column]
    )


def pad_tokens(
    patches: Floats, marks: NDArray[np.int8], rows: Floats, columns: Floats, *, tokens: int = TOKENS
) -> Tokens:
    """Tokens (n, …) as `Tokens` of exactly *tokens*, the rest padding. Raises ValueError for more than those."""
    missing = tokens - len(patches)
    if missing < 0:
        raise ValueError(f"{len(patches)} tokens are more than the {tokens} that the network reads")
    return Tokens(
        _extended(patches, missing),
        np.concatenate([marks, np.full(missing, PADDING, np.int8)]),
        _extended(rows, missing),
        _extended(columns, missing),
    )


@lru_cache(maxsize=1)
def _normalised_levels() -> Floats:
    """(3, 256) what each of the 256 levels becomes, in the order of operations of torchvision."""
    levels = np.arange(256, dtype=np.float32) / np.float32(255)
    mean, deviation = np.array(CLIP_MEAN, np.float32), np.array(CLIP_DEVIATION, np.float32)
    return np.asarray((levels[None] - mean[:, None]) / deviation[:, None])


def _cubic_weights(places: FloatArray, length: int) -> Floats:
    """(k, length) weights of bicubic interpolation at k *places* of a line of *length*, its ends repeated."""
    left = np.floor(places).astype(np.intp)
    weights = np.zeros((len(places), length))
    for offset in (-1, 0, 1, 2):
        source = np.clip(left + offset, 0, length - 1)
        np.add.at(weights, (np.arange(len(places)), source), _cubic(np.abs(places - left - offset)))
    return weights.astype(np.float32)


def _cubic(distance: FloatArray) -> FloatArray:
    near = ((_CUBIC + 2) * distance - (_CUBIC + 3)) * distance**2 + 1
    far = _CUBIC * (((distance - 5) * distance + 8) * distance - 4)
    return np.where(distance <= 1, near, far)


def _checked_numbers(numbers: Ints, count: int, what: str) -> Ints:
    """*numbers* sorted. Raises ValueError."""
    ordered = np.sort(np.asarray(numbers, np.intp))
    if len(ordered) and (ordered[0] < 0 or ordered[-1] >= count):
        raise ValueError(f"there are {what}s 0 to {count - 1}, not {ordered[0]} to {ordered[-1]}")
    if len(ordered) > 1 and not np.diff(ordered).all():
        raise ValueError(f"a {what} is named twice")
    return ordered


def _extended(values: Floats, missing: int) -> Floats:
    return np.concatenate([values, np.zeros((missing, *values.shape[1:]), np.float32)])
