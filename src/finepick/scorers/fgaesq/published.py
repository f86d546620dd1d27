"""DiffToken as the release computes it, pair by pair; every random choice is an argument.

The released weights were trained with this, its faults included: tokens that do not fit are drawn among all
but a few arbitrary ones, fine tokens take their positions in raster order while they themselves run block by
block, and blocks are paired by their number even where the two widths differ.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
from numpy.random import Generator
from PIL import Image

from finepick.domain import FloatArray, Frame
from finepick.scorers.fgaesq.similarity import block_differences
from finepick.scorers.fgaesq.tokens import (
    BLOCK,
    PATCH,
    TOKENS,
    Ints,
    Tokens,
    assemble,
    assemble_plain,
    fine_cells,
    normalise,
    pad_to,
    token_count,
)

Side = Literal["width", "height"]

FINE_BLOCKS = 14
MOST_PIXELS = 60_000_000
"""What a photo may be enlarged to: beside one that lies the other way, a strip would grow to billions."""

_PATCHES = TOKENS + 1  # the release counts the class token's place as one that a patch could have
_ROOM = 1.2
_SHORT_SIDE = 384
_SAME_FACTOR = 0.01
_NOBODY = np.empty(0, np.intp)


@dataclass(frozen=True, slots=True)
class PhotoChoices:
    """What is drawn for one photo.

    fine_blocks: raster numbers of the blocks in full detail, in any order; none for a small photo alone.
    kept: numbers of the tokens that stay, counted from 0 = class token, before any is dropped; None: all do.
    """

    fine_blocks: tuple[int, ...]
    kept: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class PairChoices:
    """What is drawn for a pair; `equal` is the side that is made as long in one photo as in the other."""

    equal: Side
    a: PhotoChoices
    b: PhotoChoices


@dataclass(frozen=True, slots=True)
class AlignedPair:
    """Two photos brought to one width, or height, and to at least the size that is cut into blocks.

    a, b: uint8 (height, width, 3). differences: (n,) 1 − SSIM of block i of *a* with block i of *b*, both in
    raster order, for the n blocks that both have.
    """

    a: Frame
    b: Frame
    differences: FloatArray


class PairTokens(NamedTuple):
    """Two photos of a series, by their numbers in it, as the network is to see them beside each other."""

    i: int
    j: int
    tokens_i: Tokens
    tokens_j: Tokens


def tokens_of_pair(a: Frame, b: Frame, choices: PairChoices | Generator) -> tuple[Tokens, Tokens]:
    """The tokens of two photos (uint8, height × width × 3) that are compared with each other.

    *choices* are recorded ones, or a generator that they are drawn from: equal states give equal tokens.
    Raises ValueError where choices do not fit the photos, or photos would have to grow beyond MOST_PIXELS.
    """
    if isinstance(choices, Generator):
        equal = draw_equal_side(choices)
        pair = align_pair(a, b, equal)
        choices = draw_choices(pair, equal, choices)
    else:
        pair = align_pair(a, b, choices.equal)
    return tokens_of_aligned(pair.a, choices.a), tokens_of_aligned(pair.b, choices.b)


def tokens_of_single(frame: Frame, choices: PhotoChoices | Generator) -> Tokens:
    """The tokens of one photo that is compared with nothing; it is not enlarged.

    A photo of at most 512 patches goes in whole, as far as they fit beside the class token. Raises ValueError
    where recorded choices do not fit the photo.
    """
    if isinstance(choices, Generator):
        choices = draw_single(frame, choices)
    if _patch_count(frame) > _PATCHES:
        return tokens_of_aligned(frame, choices)
    if choices.fine_blocks:
        raise ValueError("a photo as small as this goes in whole: it has no fine blocks")
    return assemble_plain(pad_to(normalise(frame), PATCH), kept=_without_class(choices.kept))


def tokens_of_pairs(
    frame: Callable[[int], Frame], digests: Sequence[str], seed: int = 0
) -> Iterator[PairTokens]:
    """The tokens of every unordered pair of a series, one pair at a time.

    The photos of a pair are taken in the order of their *digests* (of their bytes), and what is drawn depends
    on these and on *seed*: the same photos give the same tokens, whatever their order.
    """
    for i, j in combinations(sorted(range(len(digests)), key=digests.__getitem__), 2):
        generator = pair_generator(digests[i], digests[j], seed)
        yield PairTokens(i, j, *tokens_of_pair(frame(i), frame(j), generator))


def pair_generator(a: str, b: str, seed: int = 0) -> Generator:
    """What the choices of the pair with the digests *a* and *b*, in this order, are drawn from."""
    key = hashlib.sha256(f"{seed} {a} {b}".encode()).digest()
    return np.random.default_rng(int.from_bytes(key[:16]))


def align_pair(a: Frame, b: Frame, equal: Side) -> AlignedPair:
    """Both photos at one width (or height), enlarged where they are small; and where they differ.

    Raises ValueError where that takes more than MOST_PIXELS.
    """
    a, b = _equalised(a, b, equal)
    a, b = _enlarged_together(a, b)
    return AlignedPair(a, b, block_differences(_whole_blocks(a), _whole_blocks(b)))


def draw_equal_side(generator: Generator) -> Side:
    return "width" if generator.random() < 0.5 else "height"


def draw_choices(pair: AlignedPair, equal: Side, generator: Generator) -> PairChoices:
    """Fine blocks among the more different half, and what is dropped, for both photos of *pair*."""
    return PairChoices(
        equal,
        _draw_photo(pair.a, pair.differences, generator),
        _draw_photo(pair.b, pair.differences, generator),
    )


def draw_single(frame: Frame, generator: Generator) -> PhotoChoices:
    """Fine blocks among all blocks, and what is dropped, for a photo that is compared with nothing."""
    patches = _patch_count(frame)
    if patches <= _PATCHES:
        return PhotoChoices((), _draw_kept(patches, _NOBODY, generator))
    blocks = math.prod(_block_grid(frame))
    fine = _draw(np.arange(blocks), FINE_BLOCKS, generator)
    return PhotoChoices(_numbers(fine), _draw_kept(token_count(blocks, len(fine)), _NOBODY, generator))


def tokens_of_aligned(frame: Frame, choices: PhotoChoices) -> Tokens:
    """The tokens of a photo that is large enough to be cut into blocks, with *choices* made for it."""
    rows, columns = _block_grid(frame)
    pixels = normalise(frame)[:, : rows * BLOCK, : columns * BLOCK]
    fine = np.sort(np.array(choices.fine_blocks, np.intp))
    return assemble(
        pad_to(pixels, BLOCK),
        fine,
        fine_positions=_positions_in_raster_order(fine, columns),
        kept=_without_class(choices.kept),
    )


def _positions_in_raster_order(fine: Ints, columns: int) -> Ints:
    """Where the release says that the fine tokens lie: right as a set, dealt out row by row of the picture."""
    cells = fine_cells(fine, columns)
    return cells[np.lexsort((cells[:, 1], cells[:, 0]))]


def _without_class(kept: tuple[int, ...] | None) -> Ints | None:
    """*kept* counted from the first token after the class token, which always stays."""
    if kept is None:
        return None
    numbers = np.sort(np.array(kept, np.intp))
    if not len(numbers) or numbers[0] != 0:
        raise ValueError("the class token (number 0) is not among the tokens that are kept")
    return numbers[1:] - 1


# What is drawn ------------------------------------------------------------------------------------------


def _draw_photo(frame: Frame, differences: FloatArray, generator: Generator) -> PhotoChoices:
    blocks = math.prod(_block_grid(frame))
    # Blocks without a counterpart get a random importance: that is the release's rule.
    importance = np.concatenate([differences, generator.random(blocks - len(differences))])
    candidates = np.argsort(-importance, kind="stable")[: max(1, blocks // 2)]
    fine = _draw(candidates, FINE_BLOCKS, generator)
    # The release protects the tokens that have the numbers of the chosen blocks, whatever they are.
    return PhotoChoices(_numbers(fine), _draw_kept(token_count(blocks, len(fine)), fine, generator))


def _draw_kept(tokens: int, spared: Ints, generator: Generator) -> tuple[int, ...] | None:
    if tokens <= TOKENS:
        return None
    droppable = np.setdiff1d(np.arange(tokens), spared)
    dropped = _draw(droppable, tokens - TOKENS, generator)
    return (0, *_numbers(np.setdiff1d(np.arange(tokens), dropped) + 1))


def _draw(numbers: Ints, count: int, generator: Generator) -> Ints:
    """*count* of *numbers*, each as likely as any other, in the order drawn; all of them where they are fewer."""
    return numbers[np.argsort(generator.random(len(numbers)), kind="stable")[:count]]


def _numbers(array: Ints) -> tuple[int, ...]:
    return tuple(int(number) for number in array)


# Sizes --------------------------------------------------------------------------------------------------


def _equalised(a: Frame, b: Frame, equal: Side) -> tuple[Frame, Frame]:
    """The smaller one enlarged to the other's width, or height."""
    axis = 1 if equal == "width" else 0
    length = max(a.shape[axis], b.shape[axis])
    return _with_side(a, axis, length), _with_side(b, axis, length)


def _with_side(frame: Frame, axis: int, length: int) -> Frame:
    other = frame.shape[1 - axis] * length // frame.shape[axis]
    return _resized(frame, (length, other) if axis == 0 else (other, length))


def _enlarged_together(a: Frame, b: Frame) -> tuple[Frame, Frame]:
    """Each at its own size, or both by one factor where theirs, after truncation, are not the same."""
    shapes = _enlarged_shape(a), _enlarged_shape(b)
    factors = [
        max(after / before for after, before in zip(shape, frame.shape, strict=False))
        for shape, frame in zip(shapes, (a, b), strict=True)
    ]
    if abs(factors[0] - factors[1]) > _SAME_FACTOR:
        shapes = _scaled_shape(a, max(factors)), _scaled_shape(b, max(factors))
    return _resized(a, shapes[0]), _resized(b, shapes[1])


def _enlarged_shape(frame: Frame) -> tuple[int, int]:
    """The height and width that a photo is enlarged to before it is cut: its own where that is enough."""
    height, width = frame.shape[:2]
    patches = _patch_count(frame)
    if patches > _PATCHES:
        return height, width
    factor = max(math.sqrt(_ROOM * _PATCHES / patches), _SHORT_SIDE / min(height, width))
    return _scaled_shape(frame, factor)


def _scaled_shape(frame: Frame, factor: float) -> tuple[int, int]:
    return int(frame.shape[0] * factor), int(frame.shape[1] * factor)


def _resized(frame: Frame, shape: tuple[int, int]) -> Frame:
    """*frame* at the height and width *shape*. Raises ValueError for sizes that nobody can hold."""
    if shape == frame.shape[:2]:
        return frame
    height, width = shape
    if height * width > MOST_PIXELS:
        raise ValueError(
            f"the photo, of {frame.shape[1]} × {frame.shape[0]} pixels, would have to be enlarged to "
            f"{width} × {height} to be compared as published; compare it with --pairing series"
        )
    return np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.LANCZOS))


def _patch_count(frame: Frame) -> int:
    height: int
    width: int
    height, width = frame.shape[:2]
    return math.ceil(height / PATCH) * math.ceil(width / PATCH)


def _block_grid(frame: Frame) -> tuple[int, int]:
    """Rows and columns of blocks: cropped where less is lost, in a way, than would be added, else padded."""
    height, width = frame.shape[:2]
    surplus = (height % BLOCK or 1) * (width % BLOCK or 1)
    missing = (-height % BLOCK or 1) * (-width % BLOCK or 1)
    if surplus < missing and min(height, width) >= BLOCK:
        return height // BLOCK, width // BLOCK
    return math.ceil(height / BLOCK), math.ceil(width / BLOCK)


def _whole_blocks(frame: Frame) -> Frame:
    """*frame* cropped or padded with black to whole blocks."""
    height, width = (cells * BLOCK for cells in _block_grid(frame))
    cut = frame[:height, :width]
    return np.pad(cut, ((0, height - cut.shape[0]), (0, width - cut.shape[1]), (0, 0)))
