"""Difference maps: laws, and drawn truths."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from finepick.differences.maps import OUTSIDE, backed_maps, difference_maps, resample_map
from finepick.differences.places import lay_cells
from finepick.differences.registration import Alignment, register_series
from finepick.features.extraction import PhotoFeatures, extract_features
from finepick.features.measurements import CHANNELS


def scene(width: int = 480, height: int = 320) -> Image.Image:
    """Random shades at every scale, the coarse ones strongest, as in photos."""
    rng = np.random.default_rng(5)
    total = np.zeros((height, width, 3))
    for cell in (160, 80, 40, 20, 10, 5):
        shades = rng.integers(0, 256, (height // cell + 2, width // cell + 2, 3), dtype=np.uint8)
        grown = Image.fromarray(shades).resize(
            (shades.shape[1] * cell, shades.shape[0] * cell), Image.Resampling.BICUBIC
        )
        total += (np.asarray(grown, float)[:height, :width] - 128) * cell**0.5 * 0.07
    return Image.fromarray(np.clip(total + 128, 0, 255).astype(np.uint8))


def with_ball(x: int, y: int, size: tuple[int, int] = (480, 320)) -> Image.Image:
    picture = scene(*size)
    ImageDraw.Draw(picture).ellipse(
        [x - 25, y - 25, x + 25, y + 25], fill=(250, 30, 20), outline=(0, 0, 0), width=4
    )
    return picture


def features(*pictures: Image.Image) -> list[PhotoFeatures]:
    return [extract_features(np.asarray(picture)) for picture in pictures]


def in_place(count: int) -> Alignment:
    identity = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    return Alignment(0, np.repeat(identity[None], count, axis=0), np.ones(count))


def at(difference: np.ndarray, x: int, y: int) -> float:
    """The map at a pixel of a 480-pixel wide frame."""
    return float(difference[round(y * 64 / 480), round(x * 64 / 480)])


def test_a_single_frame_differs_from_nothing() -> None:
    frames = features(scene())
    (only,) = difference_maps(frames, register_series(frames))
    assert only.shape == (43, 64) and not only.any()


@pytest.mark.parametrize("count", [2, 3, 5])
def test_equal_frames_do_not_differ(count: int) -> None:
    frames = features(*[scene()] * count)
    for difference in difference_maps(frames, register_series(frames)):
        assert difference.max() < 1e-6


def test_a_moved_thing_lights_up_where_it_is_and_where_it_was() -> None:
    frames = features(with_ball(120, 100), with_ball(350, 220))
    for difference in difference_maps(frames, register_series(frames)):
        assert at(difference, 120, 100) > 0.6 and at(difference, 350, 220) > 0.6
        assert at(difference, 60, 280) < 0.1 and at(difference, 420, 60) < 0.1
        assert 0.005 < difference.mean() < 0.15


def test_among_many_only_the_odd_one_out_lights_up() -> None:
    frames = features(scene(), with_ball(200, 150), scene(), scene(), scene())
    maps = difference_maps(frames, in_place(5))
    assert at(maps[1], 200, 150) > 0.6
    assert all(at(maps[i], 200, 150) < 0.05 for i in (0, 2, 3, 4))


def test_maps_follow_frames_through_any_order() -> None:
    frames = features(
        with_ball(120, 100), scene(), with_ball(350, 220), scene().filter(ImageFilter.GaussianBlur(2))
    )
    first = difference_maps(frames, in_place(4))
    for order in ([3, 2, 1, 0], [2, 0, 3, 1]):
        for place, difference in zip(
            order, difference_maps([frames[i] for i in order], in_place(4)), strict=True
        ):
            assert np.abs(difference - first[place]).max() < 1e-9


def test_copies_get_the_same_map() -> None:
    frames = features(with_ball(120, 100), scene(), scene(), with_ball(120, 100))
    maps = difference_maps(frames, in_place(4))
    assert np.abs(maps[0] - maps[3]).max() < 1e-9 and np.abs(maps[1] - maps[2]).max() < 1e-9


def test_a_shift_of_the_camera_is_not_a_difference() -> None:
    large = scene(520, 360)
    frames = features(*[large.crop((x, y, x + 480, y + 320)) for x, y in ((0, 0), (17, 9), (31, 24))])
    unregistered = difference_maps(frames, in_place(3))
    for difference, unaware in zip(
        difference_maps(frames, register_series(frames)), unregistered, strict=True
    ):
        inner = (slice(6, -6), slice(6, -6))
        assert difference[inner].mean() < 0.12
        assert unaware[inner].mean() > 3 * difference[inner].mean()


def test_places_that_only_one_frame_shows_hold_a_modest_constant() -> None:
    large = scene(700, 320)
    frames = features(large.crop((0, 0, 480, 320)), large.crop((150, 0, 630, 320)))
    left = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    right = np.array([[1.0, 0, -150 / 480], [0, 1.0, 0]])
    maps = difference_maps(frames, Alignment(0, np.stack([left, right]), np.ones(2)))
    assert maps[0][:, :17] == pytest.approx(OUTSIDE, abs=1e-6)
    assert maps[1][:, -17:] == pytest.approx(OUTSIDE, abs=1e-6)
    assert maps[0][:, 24:].mean() < 0.05


def test_defocus_lights_up_where_there_was_something_to_see() -> None:
    blurred = scene()
    blurred.paste(blurred.filter(ImageFilter.GaussianBlur(6)).crop((0, 0, 240, 320)), (0, 0))
    frames = features(scene(), blurred)
    difference = difference_maps(frames, in_place(2))[0]
    assert difference[:, 4:28].mean() > 0.3 > 0.1 > difference[:, 38:].mean()


def test_a_third_of_a_stop_lights_up_less_than_a_thing_that_moved() -> None:
    brighter = Image.fromarray(np.clip(np.asarray(scene()) * 1.12, 0, 255).astype(np.uint8))
    frames = features(scene(), brighter)
    assert difference_maps(frames, in_place(2))[0].mean() < 0.2


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (300, 2), (40, 40)])
def test_frames_of_any_shape_have_maps_in_bounds(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    frames = [
        extract_features(rng.integers(0, 256, (*s, 3), dtype=np.uint8)) for s in (shape, (90, 120), shape)
    ]
    for frame, difference in zip(frames, difference_maps(frames, register_series(frames)), strict=True):
        assert np.isfinite(difference).all() and difference.min() >= 0 and difference.max() <= 1
        rows, columns = difference.shape
        assert max(rows, columns) == 64
        assert (rows > columns) == (frame.size[1] > frame.size[0])


def test_what_an_eye_does_not_see_is_fainter_and_the_strongest_place_stays() -> None:
    """Two squares moved; planes tell the frames apart where one of them is only."""
    frames = [extract_features(frame) for frame in _two_moved_squares()]
    alignment = register_series(frames)
    maps = difference_maps(frames, alignment)
    planes = [np.zeros((6, 9, 2), np.float32) for _ in frames]
    planes[1][:, :4] = 1.0
    backed = backed_maps(maps, planes, frames, alignment)
    left, right = np.s_[:, : maps[1].shape[1] // 3], np.s_[:, -maps[1].shape[1] // 3 :]
    assert maps[1][left].max() > 0.2 and maps[1][right].max() > 0.2
    assert backed[1][left].max() > 0.2 and backed[1][right].max() < 0.02
    assert max(one.max() for one in backed) == pytest.approx(max(one.max() for one in maps))
    same = backed_maps(maps, [np.ones((6, 9, 2), np.float32)] * len(frames), frames, alignment)
    assert all(not one.any() for one in same)


def _two_moved_squares() -> list[np.ndarray]:
    made = []
    for shift in (0, 14, 0):
        picture = Image.fromarray(np.random.default_rng(5).integers(90, 130, (24, 36, 3), dtype=np.uint8))
        picture = picture.resize((360, 240), Image.Resampling.BICUBIC)
        brush = ImageDraw.Draw(picture)
        for left in (40, 290):
            brush.rectangle([left, 100 + shift, left + 30, 130 + shift], fill=(250, 250, 250))
        made.append(np.asarray(picture))
    return made


def test_a_map_keeps_its_mean_when_resampled() -> None:
    rng = np.random.default_rng(0)
    difference = rng.random((48, 64))
    assert resample_map(difference, 24, 32).mean() == pytest.approx(difference.mean(), abs=1e-6)
    assert resample_map(difference, 48, 64) is difference


def test_places_count_most_where_frames_differ() -> None:
    frames = features(with_ball(120, 100), with_ball(350, 220), scene())
    alignment = in_place(3)
    places = lay_cells(frames, alignment, difference_maps(frames, alignment))
    assert places.cells.shape == (3, 21, 32, len(CHANNELS))
    assert places.weight.sum() == pytest.approx(1)
    ball, rest = places.weight[6:8, 7:9].mean(), np.median(places.weight)
    assert ball > 2 * rest
