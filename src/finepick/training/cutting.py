"""Photos cut into tokens, many at once, in torch: the tokens that `assemble` makes of one photo in NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from finepick.domain import Frame
from finepick.scorers.fgaesq.tokens import (
    BLOCK,
    CLIP_DEVIATION,
    CLIP_MEAN,
    COARSE,
    FINE,
    PADDING,
    PATCH,
    halving_weights,
    position_weights,
    token_count,
)

_HALF = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])


@dataclass(frozen=True, slots=True)
class Cuts:
    """n photos of t tokens each. patches: (n, t, 3, 16, 16). marks: (n, t). rows, columns: (n, t, 14).

    As `Tokens` has them for one photo.
    """

    patches: Tensor
    marks: Tensor
    rows: Tensor
    columns: Tensor


def cut(
    pictures: Sequence[Frame],
    fine: Sequence[Sequence[int]],
    *,
    tokens: int,
    dtype: torch.dtype = torch.float32,
) -> Cuts:
    """*pictures*, uint8 (32 · rows, 32 · columns, 3) and of any sizes, with those blocks *fine* in four.

    fine: for each picture raster numbers of different blocks, ascending. What is missing to *tokens* is padding.
    dtype: of the patches. Raises ValueError where a picture makes more than *tokens*.
    """
    groups: dict[tuple[tuple[int, ...], int], list[int]] = {}
    for number, (picture, blocks) in enumerate(zip(pictures, fine, strict=True)):
        groups.setdefault((picture.shape, len(blocks)), []).append(number)
    n = len(pictures)
    patches = torch.zeros(n, tokens, 3, PATCH, PATCH, dtype=dtype)
    marks = torch.full((n, tokens), PADDING, dtype=torch.int8)
    rows, columns = torch.zeros(n, tokens, 14), torch.zeros(n, tokens, 14)
    for members in groups.values():
        alike = torch.from_numpy(np.stack([pictures[number] for number in members]))
        numbers = torch.tensor([list(fine[number]) for number in members], dtype=torch.long)
        count = token_count((alike.shape[1] // BLOCK) * (alike.shape[2] // BLOCK), numbers.shape[1])
        if count > tokens:
            raise ValueError(f"{count} tokens are more than the {tokens} that the network reads")
        part = _cut_alike(alike, numbers, dtype)
        for whole, piece in (
            (patches, part.patches),
            (marks, part.marks),
            (rows, part.rows),
            (columns, part.columns),
        ):
            whole[members, :count] = piece
    return Cuts(patches, marks, rows, columns)


def thinned(cuts: Cuts, share: float) -> Cuts:
    """*cuts* without that *share* of every photo's tokens, each photo's drawn by torch's own generator.

    PatchDropout (Liu et al., WACV 2023): what is left still shows the whole photo, at less cost. At least one stays.
    """
    n, t = cuts.marks.shape
    kept = max(1, round(t * (1 - share)))
    if kept == t:
        return cuts
    chosen = torch.rand(n, t).argsort(1)[:, :kept]
    each = torch.arange(n)[:, None]
    return Cuts(*(tensor[each, chosen] for tensor in (cuts.patches, cuts.marks, cuts.rows, cuts.columns)))


def _cut_alike(pictures: Tensor, fine: Tensor, dtype: torch.dtype) -> Cuts:
    """*pictures* (n, 32 · rows, 32 · columns, 3) of one size with *fine* (n, k) blocks each."""
    n, height, width, _ = pictures.shape
    r, c, k = height // BLOCK, width // BLOCK, fine.shape[1]
    blocks = (
        pictures.view(n, r, BLOCK, c, BLOCK, 3).permute(0, 1, 3, 5, 2, 4).reshape(n, r * c, 3, BLOCK, BLOCK)
    )
    pixels = _normalised(blocks, dtype)
    is_coarse = torch.ones(n, r * c, dtype=torch.bool).scatter_(1, fine, False)
    coarse = is_coarse.nonzero()[:, 1].view(n, r * c - k)
    each = torch.arange(n)[:, None]
    halves = torch.from_numpy(np.array(halving_weights())).to(dtype)
    small = halves @ pixels[each, coarse] @ halves.T
    quarters = pixels[each, fine].view(n, k, 3, 2, PATCH, 2, PATCH).permute(0, 1, 3, 5, 2, 4, 6)
    fine_row, fine_column = (
        (2 * place[..., None] + _HALF[:, axis]).flatten(1) for axis, place in enumerate((fine // c, fine % c))
    )
    by_row, by_column, by_fine_row, by_fine_column = (
        torch.from_numpy(position_weights(cells).copy()) for cells in (r, c, 2 * r, 2 * c)
    )
    return Cuts(
        torch.cat([small, quarters.reshape(n, 4 * k, 3, PATCH, PATCH)], 1),
        torch.tensor([COARSE] * (r * c - k) + [FINE] * (4 * k), dtype=torch.int8).expand(n, -1),
        torch.cat([by_row[coarse // c], by_fine_row[fine_row]], 1),
        torch.cat([by_column[coarse % c], by_fine_column[fine_column]], 1),
    )


def _normalised(blocks: Tensor, dtype: torch.dtype) -> Tensor:
    deviation = 255 * torch.tensor(CLIP_DEVIATION).view(3, 1, 1)
    mean = 255 * torch.tensor(CLIP_MEAN).view(3, 1, 1)
    return blocks.to(dtype).mul_((1 / deviation).to(dtype)).sub_((mean / deviation).to(dtype))
