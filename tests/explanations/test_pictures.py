"""The difference map as a picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from finepick.explanations.pictures import draw_difference, heat, overlay


def frame(width: int = 400, height: int = 300) -> np.ndarray:
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 220, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def test_heat_grows_lighter_step_by_step_in_any_colour_vision() -> None:
    ramp = heat(np.linspace(0, 1, 64))
    luma = np.asarray(Image.fromarray(ramp[None]).convert("L"))[0].astype(int)
    assert (np.diff(luma) >= 0).all() and luma[-1] - luma[0] > 180


def test_where_nothing_differs_the_overlay_is_grey_and_dim() -> None:
    calm = np.asarray(overlay(frame(), np.zeros((48, 64)))).astype(int)
    assert np.ptp(calm, axis=-1).max() == 0
    assert calm.mean() < frame().mean()


def test_colour_shows_only_where_frames_differ() -> None:
    difference = np.zeros((48, 64))
    difference[10:20, 40:50] = 1
    colour = np.ptp(np.asarray(overlay(frame(), difference)).astype(int), axis=-1)
    assert colour[200:, :200].max() == 0
    assert colour[75:110, 265:300].mean() > 15


@pytest.mark.parametrize("sizes", [((400, 300), (400, 300)), ((1600, 1200), (900, 1600)), ((1, 1), (3, 500))])
def test_frames_of_any_size_fit_side_by_side(sizes: tuple[tuple[int, int], tuple[int, int]]) -> None:
    a, b = (frame(*size) for size in sizes)
    drawn = draw_difference(a, b, np.zeros((4, 4)), np.ones((4, 4)), long_side=500)
    assert drawn.mode == "RGB" and drawn.width < 1150 and drawn.height < 700


@pytest.mark.parametrize("name", ["", "a\nb.jpg", "\udcff.jpg", "日本.jpg", "long/" * 60 + "IMG.jpg"])
def test_odd_names_can_be_drawn(name: str) -> None:
    flat = np.zeros((48, 64))
    assert draw_difference(frame(), frame(), flat, flat, names=(name, name)).width > 0


def test_frames_are_left_as_they_were() -> None:
    shot = frame().copy()
    before = shot.copy()
    draw_difference(shot, shot, np.zeros((3, 4)), np.ones((3, 4)))
    assert (shot == before).all()
