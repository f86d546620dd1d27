"""1 − SSIM of blocks: two oracles, and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import uniform_filter

from finepick.domain import Frame
from finepick.scorers.fgaesq.similarity import block_differences
from tests.scorers.fgaesq.drawn import drawn


def by_definition(x: Frame, y: Frame) -> float:
    """1 − SSIM of two blocks, window by window, in float64."""
    total = []
    for channel in range(3):
        for top in range(26):
            for left in range(26):
                window = np.s_[top : top + 7, left : left + 7, channel]
                a, b = x[window].ravel() / 255, y[window].ravel() / 255
                (vx, vxy), (_, vy) = np.cov(a, b)
                above = (2 * a.mean() * b.mean() + 1e-4) * (2 * vxy + 9e-4)
                total.append(above / ((a.mean() ** 2 + b.mean() ** 2 + 1e-4) * (vx + vy + 9e-4)))
    return float(np.clip(1 - np.mean(total), 0, 1))


def rounded_like_scipy(x: Frame, y: Frame) -> float:
    """The same with scipy's filter and everything in float32, as scikit-image does it."""
    means = []
    for channel in range(3):
        a, b = (block[..., channel].astype(np.float32) / np.float32(255) for block in (x, y))
        ma, mb, maa, mbb, mab = (uniform_filter(plane, size=7) for plane in (a, b, a * a, b * b, a * b))
        sample = 49 / 48
        va, vb, vab = sample * (maa - ma * ma), sample * (mbb - mb * mb), sample * (mab - ma * mb)
        above = (2 * ma * mb + 0.01**2) * (2 * vab + 0.03**2)
        below = (ma**2 + mb**2 + 0.01**2) * (va + vb + 0.03**2)
        means.append((above / below)[3:-3, 3:-3].mean(dtype=np.float64))
    return float(np.clip(1 - np.mean(means), 0, 1))


def blocks_of(frame: Frame) -> list[Frame]:
    height, width = frame.shape[:2]
    return [frame[y : y + 32, x : x + 32] for y in range(0, height, 32) for x in range(0, width, 32)]


def test_differences_are_one_minus_ssim_by_definition() -> None:
    x, y = drawn(1, 64, 32), drawn(2, 64, 32)
    expected = [by_definition(*pair) for pair in zip(blocks_of(x), blocks_of(y), strict=True)]
    np.testing.assert_allclose(block_differences(x, y), expected, rtol=0, atol=1e-5)


def test_differences_are_rounded_as_scipy_rounds() -> None:
    rng = np.random.default_rng(0)
    x = drawn(1, 32 * 25, 32 * 3)
    y = np.clip(x + rng.normal(0, 6, x.shape), 0, 255).astype(np.uint8)
    for left, level in zip(range(0, 320, 32), (1, 30, 77, 128, 200, 201, 222, 240, 254, 255), strict=True):
        x[:32, left : left + 32], y[:32, left : left + 32] = level, max(0, level - 3)
    expected = [rounded_like_scipy(*pair) for pair in zip(blocks_of(x), blocks_of(y), strict=True)]
    np.testing.assert_allclose(block_differences(x, y), expected, rtol=0, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_equal_pictures_do_not_differ_and_the_order_does_not_matter(
    rows: int, columns: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x, y = (rng.integers(0, 256, (rows * 32, columns * 32, 3), dtype=np.uint8) for _ in range(2))
    assert block_differences(x, x) == pytest.approx(np.zeros(rows * columns), abs=1e-6)
    forth, back = block_differences(x, y), block_differences(y, x)
    np.testing.assert_allclose(forth, back, rtol=0, atol=1e-7)
    assert forth.min() > 0.5 and forth.max() <= 1


def test_blocks_are_compared_by_their_number_even_where_widths_differ() -> None:
    x, y = drawn(1, 32 * 5, 32 * 4), drawn(2, 32 * 3, 32 * 6)
    found = block_differences(x, y)
    assert len(found) == 4 * 3  # the rows that both have; three blocks in each row of the narrower one
    expected = [rounded_like_scipy(*pair) for pair in zip(blocks_of(x), blocks_of(y), strict=False)]
    np.testing.assert_allclose(found, expected[:12], rtol=0, atol=1e-6)


def test_a_block_knows_nothing_of_its_neighbours() -> None:
    x, y = drawn(1, 32 * 40, 32), drawn(2, 32 * 40, 32)
    alone = [block_differences(*pair)[0] for pair in zip(blocks_of(x), blocks_of(y), strict=True)]
    np.testing.assert_array_equal(block_differences(x, y), alone)


def test_more_noise_differs_more() -> None:
    x = drawn(1, 320, 32)
    noise = np.random.default_rng(0).normal(0, 1, x.shape)
    means = [
        block_differences(x, np.clip(x + strength * noise, 0, 255).astype(np.uint8)).mean()
        for strength in (0, 2, 8, 32)
    ]
    assert np.diff(means).min() > 0.001


def test_what_is_not_whole_blocks_is_refused() -> None:
    with pytest.raises(ValueError, match="33 × 32 pixels are not whole blocks"):
        block_differences(drawn(1, 33, 32), drawn(1, 32, 32))
