"""Tokens of drawn pictures, to try out a network before it judges anybody's photos; numpy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finepick.scorers.fgaesq.tokens import (
    BLOCK,
    CLIP_DEVIATION,
    CLIP_MEAN,
    COARSE,
    FINE,
    PADDING,
    PATCH,
    POSITION_GRID,
    TOKENS,
    Floats,
    Tokens,
)

_FINE_BLOCKS = 14
_DISCS = 24


def drawn_tokens(count: int) -> tuple[Tokens, ...]:
    """*count* drawn frames, always the same: each third a scene, the same darker, the same blurred.

    704 × 640 pixels: 426 coarse tokens, 56 fine ones, 29 of padding.
    """
    return tuple(_tokens(_frame(number)) for number in range(count))


def _frame(number: int) -> Floats:
    """(640, 704, 3) in [0, 1]."""
    scene = _scene(number // 3)
    if number % 3 == 1:
        return np.asarray(scene * 0.6, np.float32)
    if number % 3 == 2:
        shifted = [np.roll(scene, (down, right), (0, 1)) for down in (-3, 0, 3) for right in (-3, 0, 3)]
        return np.asarray(np.mean(shifted, axis=0), np.float32)
    return scene


def _scene(seed: int) -> Floats:
    rows, columns = 20 * BLOCK, 22 * BLOCK
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    top, bottom = generator.uniform(0.2, 0.9, (2, 3)).astype(np.float32)
    picture = top + (bottom - top) * (y / rows)[..., None]
    for _ in range(_DISCS):
        centre_y, centre_x, radius = generator.uniform((0, 0, 10), (rows, columns, 90))
        picture[(y - centre_y) ** 2 + (x - centre_x) ** 2 < radius**2] = generator.uniform(0, 1, 3)
    grain = generator.normal(0, 0.02, (rows, columns, 1)).astype(np.float32)
    return np.asarray(np.clip(picture + grain, 0, 1), np.float32)


def _tokens(picture: Floats) -> Tokens:
    """*picture* in coarse blocks, the 14 with the strongest edges as four fine tokens each."""
    centred = np.subtract(picture, CLIP_MEAN)
    normalised = np.asarray(np.divide(centred, CLIP_DEVIATION), np.float32)
    halved = normalised.reshape(len(picture) // 2, 2, -1, 2, 3).mean(axis=(1, 3), dtype=np.float32)
    half = _cut(np.asarray(halved, np.float32), PATCH)
    blocks = _cut(normalised, BLOCK)
    y, x = _centres(len(picture) // BLOCK, picture.shape[1] // BLOCK)
    chosen = np.sort(np.argsort(-blocks.std(axis=(1, 2, 3)), kind="stable")[:_FINE_BLOCKS])
    left = np.setdiff1d(np.arange(len(blocks)), chosen)
    fine = np.concatenate([_cut(blocks[number].transpose(1, 2, 0), PATCH) for number in chosen])
    quarters = np.array([[-0.25, -0.25], [-0.25, 0.25], [0.25, -0.25], [0.25, 0.25]])
    fine_y = (y[chosen, None] + quarters[:, 0] * BLOCK / len(picture)).ravel()
    fine_x = (x[chosen, None] + quarters[:, 1] * BLOCK / picture.shape[1]).ravel()
    surplus = TOKENS - len(left) - len(fine)
    return Tokens(
        np.concatenate([half[left], fine, np.zeros((surplus, 3, PATCH, PATCH), np.float32)]),
        np.repeat(np.array([COARSE, FINE, PADDING], np.int8), [len(left), len(fine), surplus]),
        _weights(np.concatenate([y[left], fine_y]), surplus),
        _weights(np.concatenate([x[left], fine_x]), surplus),
    )


def _cut(picture: Floats, side: int) -> Floats:
    """(rows, columns, 3) as (number, 3, side, side), in raster order."""
    rows, columns = picture.shape[0] // side, picture.shape[1] // side
    pieces = picture.reshape(rows, side, columns, side, 3).transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(pieces).reshape(-1, 3, side, side)


def _centres(rows: int, columns: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    y, x = np.mgrid[:rows, :columns]
    return (y.ravel() + 0.5) / rows, (x.ravel() + 0.5) / columns


def _weights(places: NDArray[np.float64], surplus: int) -> Floats:
    """Linear interpolation between the grid's points at *places* in [0, 1]; zeros for padding."""
    distances = np.abs(places[:, None] * POSITION_GRID - 0.5 - np.arange(POSITION_GRID))
    weights = np.concatenate([np.clip(1 - distances, 0, 1), np.zeros((surplus, POSITION_GRID))])
    return weights.astype(np.float32)
