"""The arithmetic that both tokenizers share: laws, and torch as oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finepick.scorers.fgaesq.tokens import (
    CLIP_DEVIATION,
    CLIP_MEAN,
    COARSE,
    FINE,
    PADDING,
    TOKENS,
    Floats,
    Tokens,
    assemble,
    assemble_plain,
    cut_blocks,
    normalise,
    pad_to,
    position_weights,
    shrink_blocks,
)
from tests.scorers.fgaesq.drawn import drawn


def pixels(rows: int, columns: int, seed: int = 1) -> Floats:
    return normalise(drawn(seed, columns * 32, rows * 32))


def torch_positions(grid: np.ndarray[Any, Any], rows: int, columns: int) -> np.ndarray[Any, Any]:
    """(rows, columns, d) as torch resizes *grid* (14, 14, d) by factors a little larger than asked for."""
    torch = pytest.importorskip("torch", reason="the oracle is torch's own interpolation")
    planes = torch.from_numpy(grid).permute(2, 0, 1)[None]
    factors = (rows + 0.1) / 14, (columns + 0.1) / 14
    resized = torch.nn.functional.interpolate(
        planes, scale_factor=factors, mode="bicubic", align_corners=False, recompute_scale_factor=False
    )
    return np.asarray(resized[0].permute(1, 2, 0))


def test_normalising_takes_clips_mean_and_deviation() -> None:
    frame = drawn(3, 40, 20)
    expected = (frame / 255 - np.array(CLIP_MEAN)) / np.array(CLIP_DEVIATION)
    np.testing.assert_allclose(normalise(frame), expected.transpose(2, 0, 1), rtol=0, atol=1e-6)


def test_blocks_are_cut_in_raster_order() -> None:
    planes = pixels(2, 3)
    blocks = cut_blocks(planes, 32)
    for number in range(6):
        top, left = number // 3 * 32, number % 3 * 32
        np.testing.assert_array_equal(blocks[number], planes[:, top : top + 32, left : left + 32])


def test_what_is_not_whole_blocks_is_refused() -> None:
    with pytest.raises(ValueError, match="33 × 32 pixels are not whole blocks of 32 pixels"):
        cut_blocks(np.zeros((3, 32, 33), np.float32), 32)
    assert pad_to(np.ones((3, 32, 33), np.float32), 16).shape == (3, 32, 48)


def test_blocks_are_shrunk_as_torch_shrinks_them() -> None:
    torch = pytest.importorskip("torch", reason="the oracle is torch's own interpolation")
    blocks = np.random.default_rng(0).normal(size=(20, 3, 32, 32)).astype(np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(blocks), size=(16, 16), mode="bicubic", align_corners=False
    )
    np.testing.assert_allclose(shrink_blocks(blocks), expected.numpy(), rtol=0, atol=2e-6)


@pytest.mark.parametrize("shape", [(1, 1), (14, 14), (15, 20), (30, 40), (3, 200), (2, 1250)])
def test_positions_are_interpolated_as_torch_does(shape: tuple[int, int]) -> None:
    grid = np.random.default_rng(0).normal(size=(14, 14, 4)).astype(np.float32)
    found = np.einsum("ri,cj,ijd->rcd", position_weights(shape[0]), position_weights(shape[1]), grid)
    np.testing.assert_allclose(found, torch_positions(grid, *shape), rtol=0, atol=1e-5)


@given(st.integers(1, 2000))
def test_weights_of_positions_sum_to_one(cells: int) -> None:
    weights = position_weights(cells)
    assert weights.shape == (cells, 14)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)


def test_fine_tokens_of_a_block_lie_where_it_lies() -> None:
    rows, columns = 5, 7
    planes = pixels(rows, columns)
    tokens = assemble(planes, np.array([24, 22]))
    grid = np.random.default_rng(0).normal(size=(14, 14, 4)).astype(np.float32)
    coarse, fine = torch_positions(grid, rows, columns), torch_positions(grid, 2 * rows, 2 * columns)
    positions = np.einsum("tr,tc,rcd->td", tokens.rows, tokens.columns, grid)
    # Blocks 22 and 24 are the second and the fourth of the fourth row.
    expected = [fine[6 + y, left + x] for left in (2, 6) for y in (0, 1) for x in (0, 1)]
    np.testing.assert_allclose(positions[33:41], expected, rtol=0, atol=1e-5)
    left_over = [number for number in range(35) if number not in (22, 24)]
    np.testing.assert_allclose(positions[:33], coarse.reshape(35, 4)[left_over], rtol=0, atol=1e-5)
    np.testing.assert_array_equal(tokens.patches[40 - 4], planes[:, 112:128, 48:64])
    np.testing.assert_array_equal(tokens.patches[40], planes[:, 112:128, 112:128])


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_tokens_add_up_and_the_rest_is_padding(data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12))
    fine = data.draw(st.sets(st.integers(0, rows * columns - 1), max_size=14))
    tokens = assemble(pixels(rows, columns), np.array(sorted(fine), np.intp))
    assert tokens.patches.shape == (TOKENS, 3, 16, 16) and tokens.patches.dtype == np.float32
    counts = {mark: int((tokens.marks == mark).sum()) for mark in (COARSE, FINE, PADDING)}
    assert counts[COARSE] == rows * columns - len(fine) and counts[FINE] == 4 * len(fine)
    padding = tokens.marks == PADDING
    for values in (tokens.patches, tokens.rows, tokens.columns):
        assert not values[padding].any()
    np.testing.assert_allclose(tokens.rows[~padding].sum(axis=1), 1, atol=1e-6)


def test_kept_tokens_are_those_of_the_whole_list() -> None:
    planes, fine = pixels(9, 11), np.array([5, 40, 98])
    whole = assemble(planes, fine)
    kept = np.sort(np.random.default_rng(0).permutation(99 + 9)[:70])
    some = assemble(planes, fine, kept=kept)
    for name in ("patches", "marks", "rows", "columns"):
        np.testing.assert_array_equal(getattr(some, name)[:70], getattr(whole, name)[kept])
    assert (some.marks[70:] == PADDING).all()


def test_a_small_photo_goes_in_as_it_is() -> None:
    planes = normalise(drawn(1, 16 * 5, 16 * 3))
    tokens = assemble_plain(planes)
    np.testing.assert_array_equal(tokens.patches[:15], cut_blocks(planes, 16))
    assert (tokens.marks[:15] == COARSE).all() and (tokens.marks[15:] == PADDING).all()
    grid = np.random.default_rng(0).normal(size=(14, 14, 4)).astype(np.float32)
    positions = np.einsum("tr,tc,rcd->td", tokens.rows, tokens.columns, grid)[:15]
    np.testing.assert_allclose(positions, torch_positions(grid, 3, 5).reshape(15, 4), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("fine", "kept", "message"),
    [
        ([35], None, "there are blocks 0 to 34, not 35 to 35"),
        ([-1, 3], None, "there are blocks 0 to 34, not -1 to 3"),
        ([3, 3], None, "a block is named twice"),
        ([3], [0, 38], "there are tokens 0 to 37, not 0 to 38"),
        ([3], [7, 7], "a token is named twice"),
    ],
)
def test_blocks_and_tokens_that_do_not_exist_are_refused(
    fine: list[int], kept: list[int] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        assemble(pixels(5, 7), np.array(fine), kept=None if kept is None else np.array(kept))


def test_more_tokens_than_the_network_reads_are_refused() -> None:
    with pytest.raises(ValueError, match="525 tokens are more than the 511 that the network reads"):
        assemble(pixels(25, 21), np.array([], np.intp))


def test_positions_that_are_shared_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        position_weights(20)[0, 0] = 5


def test_tokens_of_equal_pixels_are_equal() -> None:
    first, second = (assemble(pixels(6, 6), np.array([1, 30])) for _ in range(2))
    assert all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in Tokens.__dataclass_fields__
    )
