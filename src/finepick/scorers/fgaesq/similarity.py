"""Structural similarity (Wang et al. 2004) of the blocks of two pictures, all at once.

Rounded where scikit-image and scipy round when they are given float32: in flat places the covariances are
differences of nearly equal numbers, and what is rounded there shows in the fifth place of the result.
"""

from __future__ import annotations

import numpy as np

from finepick.domain import ByteArray, FloatArray, Frame
from finepick.scorers.fgaesq.tokens import BLOCK, Floats, Ints

_WINDOW = 7
_INNER = BLOCK - _WINDOW + 1
_SAMPLE = np.float32(_WINDOW**2 / (_WINDOW**2 - 1))
_C1, _C2 = np.float32(0.01**2), np.float32(0.03**2)
_CHUNK = 16  # blocks at a time: what is worked on stays in the processor's cache


def block_differences(a: Frame, b: Frame) -> FloatArray:
    """1 − SSIM, in [0, 1], of block i of *a* with block i of *b*, both in raster order, (n,).

    *a* and *b* are whole blocks of 32 × 32 pixels, of any two sizes; n is the number of blocks in the rows that
    both have, in the picture where these are fewer. SSIM as scikit-image has it unless told otherwise: 7 × 7
    windows that lie wholly in the block, sample covariance, K1 = .01, K2 = .03; the mean of the windows and of
    the three channels.
    """
    first, second = _block_view(a), _block_view(b)
    count = min(len(first), len(second)) * min(first.shape[1], second.shape[1])
    similarity = np.empty(count)
    for start in range(0, count, _CHUNK):
        numbers = np.arange(start, min(start + _CHUNK, count))
        windows = _similarity(_strip(first, numbers), _strip(second, numbers))
        similarity[numbers] = _mean_in_blocks(windows)
    return np.clip(1.0 - similarity, 0.0, 1.0)


def _block_view(frame: Frame) -> ByteArray:
    """(rows, columns, 32, 32, 3), a view."""
    height, width = frame.shape[:2]
    if height % BLOCK or width % BLOCK or not (height and width):
        raise ValueError(f"{width} × {height} pixels are not whole blocks of {BLOCK} pixels")
    return frame.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK, 3).swapaxes(1, 2)


def _strip(view: ByteArray, numbers: Ints) -> Floats:
    """The k blocks *numbers*, and their channels, side by side, (32, k · 3 · 32), levels in [0, 1]."""
    blocks = view[np.divmod(numbers, view.shape[1])]
    side_by_side = np.ascontiguousarray(blocks.transpose(1, 0, 3, 2)).reshape(BLOCK, -1)
    return side_by_side.astype(np.float32) / np.float32(255)


def _similarity(x: Floats, y: Floats) -> Floats:
    """SSIM (26, w − 6) of the windows of two strips (32, w), those that straddle blocks included."""
    mean_x, mean_y = _window_means(x), _window_means(y)
    variance_x = _SAMPLE * (_window_means(x * x) - mean_x * mean_x)
    variance_y = _SAMPLE * (_window_means(y * y) - mean_y * mean_y)
    covariance = _SAMPLE * (_window_means(x * y) - mean_x * mean_y)
    above = (2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)
    below = (mean_x**2 + mean_y**2 + _C1) * (variance_x + variance_y + _C2)
    return np.asarray(above / below)


def _window_means(strip: Floats) -> Floats:
    """Means (26, w − 6) over 7 × 7 windows: down, rounded to float32, then across, rounded again."""
    down = _sevenths(strip.astype(np.float64), 0)
    return _sevenths(down.astype(np.float64), 1)


def _sevenths(values: FloatArray, axis: int) -> Floats:
    """Means of seven neighbours along *axis*, float32; from sums of two and of four."""
    moved = values.swapaxes(0, axis)
    two = moved[:-1] + moved[1:]
    seven = two[:-5] + two[2:-3]
    seven += two[4:-1]
    seven += moved[6:]
    seven *= 1 / 7
    return seven.swapaxes(0, axis).astype(np.float32)


def _mean_in_blocks(windows: Floats) -> FloatArray:
    """Mean (k,) over the windows (26, k · 3 · 32 − 6) that lie wholly in one block."""
    sums = np.append(windows.sum(axis=0, dtype=np.float64), np.zeros(_WINDOW - 1))
    inner = sums.reshape(-1, 3, BLOCK)[..., :_INNER]
    return np.asarray(inner.sum(axis=(1, 2)) / (3 * _INNER * _INNER))
