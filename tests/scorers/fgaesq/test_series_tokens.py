"""The series tokenizer: every photo whole, fine where it differs, everything in its place."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from finepick.features.extraction import extract_features
from finepick.scorers.fgaesq.series import (
    FINE_BLOCKS,
    plan_grid,
    plan_photo,
    series_tokens,
    view_tokens,
    viewed_tokens,
)
from finepick.scorers.fgaesq.tokens import BLOCK, CLIP_DEVIATION, CLIP_MEAN, COARSE, FINE, PADDING, TOKENS
from tests.contracts.scorer_contract import draw_scene

SIDES = st.integers(1, 12_000)
BUDGET = 469  # 511 tokens less three more for each of 14 fine blocks


@given(SIDES, SIDES)
def test_every_grid_fits_the_budget(width: int, height: int) -> None:
    rows, columns = plan_grid(width, height)
    assert rows >= 1 and columns >= 1 and rows * columns <= BUDGET


@given(SIDES, SIDES)
def test_a_photo_on_its_side_gets_its_grid_on_its_side(width: int, height: int) -> None:
    assert plan_grid(width, height) == plan_grid(height, width)[::-1]


@given(st.integers(2000, 12_000), st.floats(0.4, 2.5))
def test_large_photos_use_the_budget_and_are_hardly_stretched(width: int, shape: float) -> None:
    height = round(width * shape)
    rows, columns = plan_grid(width, height)
    assert rows * columns > 0.9 * BUDGET
    assert abs(math.log(rows * width / (columns * height))) < 0.065


@pytest.mark.parametrize(
    ("size", "grid"),
    [
        ((4000, 3000), (18, 25)),
        ((6000, 4000), (18, 26)),
        ((4000, 6000), (26, 18)),
        ((1920, 1080), (16, 29)),
        ((20_000, 50), (1, 433)),
        ((640, 480), (15, 20)),  # more than 512 patches, within the budget: as it is
        ((320, 240), (12, 16)),  # enlarged to a short side of 384
        ((1, 1), (12, 12)),
    ],
)
def test_grids_of_familiar_sizes(size: tuple[int, int], grid: tuple[int, int]) -> None:
    assert plan_grid(*size) == grid


def test_more_fine_blocks_leave_less_room_for_the_others() -> None:
    for fine in (0, 14, 40, 120):
        rows, columns = plan_grid(3000, 2000, fine_blocks=fine)
        assert rows * columns + 3 * fine <= TOKENS


def test_fine_tokens_go_where_the_photo_differs() -> None:
    features = extract_features(np.asarray(draw_scene(800, 576)))
    rows, columns = plan_grid(800, 576)
    difference = np.zeros((rows, columns))
    different = [(2, 3), (2, 4), (9, 20), (17, 0)]
    for place in different:
        difference[place] = 0.7
    fine = plan_photo(features, difference).fine
    assert len(fine) == FINE_BLOCKS and len(set(fine)) == FINE_BLOCKS
    assert {row * columns + column for row, column in different} <= set(fine)


def test_where_nothing_differs_fine_tokens_go_where_detail_is() -> None:
    frame = np.full((576, 768, 3), 120, np.uint8)
    rng = np.random.default_rng(5)
    frame[192:288, 384:512] = rng.integers(0, 256, (96, 128, 3))
    plan = plan_photo(extract_features(frame), np.zeros((1, 1)))
    places = [divmod(number, plan.columns) for number in plan.fine]
    inside = [5 <= row <= 9 and 11 <= column <= 16 for row, column in places]
    assert sum(inside) >= 12


def test_of_equal_blocks_the_first_are_fine() -> None:
    plan = plan_photo(extract_features(np.full((576, 768, 3), 120, np.uint8)), np.zeros((1, 1)))
    assert plan.fine == tuple(range(FINE_BLOCKS))


@pytest.mark.parametrize("size", [(768, 576), (1000, 700), (300, 900), (1, 1), (2048, 5), (33, 33)])
def test_every_pixel_is_in_exactly_one_token(size: tuple[int, int]) -> None:
    frame = np.asarray(draw_scene(*size))
    plan = plan_photo(extract_features(frame), np.zeros((1, 1)))
    tokens = series_tokens(frame, rows=plan.rows, columns=plan.columns, fine=plan.fine)
    blocks = plan.rows * plan.columns
    assert (tokens.marks == COARSE).sum() == blocks - len(plan.fine)
    assert (tokens.marks == FINE).sum() == 4 * len(plan.fine)
    assert (tokens.marks == PADDING).sum() == TOKENS - blocks - 3 * len(plan.fine)
    resized = Image.fromarray(frame).resize(
        (plan.columns * BLOCK, plan.rows * BLOCK), Image.Resampling.LANCZOS
    )
    pixels = (np.asarray(resized) / 255 - CLIP_MEAN) / CLIP_DEVIATION
    # A coarse token stands for four times as many pixels as a fine one.
    weight = np.where(tokens.marks == COARSE, 4, np.where(tokens.marks == FINE, 1, 0))
    means = tokens.patches.mean(axis=(2, 3))
    whole = (means * weight[:, None]).sum(axis=0) / weight.sum()
    assert np.abs(whole - pixels.mean(axis=(0, 1))).max() < 0.02


def test_each_token_shows_the_place_that_its_position_names() -> None:
    """A picture that is a ramp in both directions tells where each of its parts was cut."""
    rows, columns = 18, 24
    height, width = rows * BLOCK, columns * BLOCK
    frame = np.zeros((height, width, 3), np.uint8)
    frame[..., 0] = np.linspace(0, 255, width)[None, :]
    frame[..., 1] = np.linspace(0, 255, height)[:, None]
    fine = (5, 100, 101, 231, 431)
    tokens = series_tokens(frame, rows=rows, columns=columns, fine=fine)
    shown = tokens.marks != PADDING
    means = tokens.patches.mean(axis=(2, 3))[shown] * CLIP_DEVIATION + CLIP_MEAN
    grid = np.arange(14) + 0.5
    across, down = (weights[shown] @ grid / 14 for weights in (tokens.columns, tokens.rows))
    inner = (across > 0.1) & (across < 0.9) & (down > 0.1) & (down < 0.9)
    assert inner.sum() > 200
    assert np.abs(means[inner, 0] - across[inner]).max() < 0.02
    assert np.abs(means[inner, 1] - down[inner]).max() < 0.02


def test_tokens_survive_the_way_from_the_reader() -> None:
    frame = np.asarray(draw_scene(700, 500))
    arguments = {"rows": 15, "columns": 20, "fine": [3, 77, 201]}
    there = viewed_tokens(view_tokens(frame, **arguments))
    here = series_tokens(frame, **arguments)
    for name in ("patches", "marks", "rows", "columns"):
        assert (getattr(there, name) == getattr(here, name)).all()
        assert getattr(there, name).dtype == getattr(here, name).dtype
