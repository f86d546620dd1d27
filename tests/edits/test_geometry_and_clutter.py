"""Geometry against drawn truths: horizons, discs, coordinates; clutter where it says it is."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest

from finepick.domain import Frame
from finepick.edits import Prepared, chain, find_edit
from finepick.edits.subject import find_subject
from finepick.features.extraction import extract_features
from tests.edits.drawn import coordinates, grey, horizon, landscape, light, subject_pixels, with_subject

CROPS = ("subject_cut", "off_balance", "too_tight", "thirds_recrop")


def place_in(source: Frame, part: Frame) -> tuple[int, int] | None:
    """Where *part*, a crop, lies in *source* (of coordinates as colours); None where it is none."""
    corner = part[0, 0, :2]
    for y, x in np.argwhere((source[..., :2] == corner).all(axis=2)):
        if np.array_equal(source[y : y + part.shape[0], x : x + part.shape[1]], part):
            return int(y), int(x)
    return None


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("strength", [0.3, 0.7])
def test_the_horizon_tilts_by_the_degrees_and_the_way_it_names(seed: int, strength: float) -> None:
    prepared = find_edit("tilt").prepare(horizon(0.0), seed=seed)
    degrees, way = re.search(r"([\d.]+)° (\w+)", prepared.words_at(strength)).groups()  # type: ignore[union-attr]

    measured = extract_features(prepared.frame_at(strength)).measurements["tilt"]
    assert measured == pytest.approx(float(degrees) * (1 if way == "clockwise" else -1), abs=0.3)


@pytest.mark.parametrize("shape", [(200, 300), (300, 200), (250, 250), (90, 400)])
def test_a_tilted_picture_is_full_and_keeps_its_proportions(shape: tuple[int, int]) -> None:
    for made in chain(grey(200, shape), "tilt", [0.2, 0.6, 1.0]):
        assert made.min() > 190
        assert made.shape[1] / made.shape[0] == pytest.approx(shape[1] / shape[0], rel=0.03)


@pytest.mark.parametrize("degrees", [-6.0, -2.0, 1.5, 5.0])
def test_straighten_levels_a_leaning_horizon(degrees: float) -> None:
    [made] = chain(horizon(degrees), "straighten", [1.0])

    assert abs(extract_features(made).measurements["tilt"]) < 0.4


def test_straighten_leaves_alone_what_has_no_horizon() -> None:
    prepared = find_edit("straighten").prepare(with_subject(0.5, 0.5))

    assert np.array_equal(prepared.frame_at(1.0), with_subject(0.5, 0.5))
    assert prepared.words_at(1.0) == "finds no leaning horizon; changes nothing"


@pytest.mark.parametrize("edit", CROPS)
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("shape", [(180, 240), (240, 160)])
def test_crops_keep_pixels_as_they_are_and_lie_inside_one_another(
    edit: str, seed: int, shape: tuple[int, int]
) -> None:
    frame = coordinates(shape[1], shape[0])
    outer = (0, 0, *shape)
    for made in chain(frame, edit, [0.25, 0.5, 0.75, 1.0], seed=seed):
        corner = place_in(frame, made)
        assert corner is not None
        inner = (*corner, corner[0] + made.shape[0], corner[1] + made.shape[1])
        assert inner[0] >= outer[0] and inner[1] >= outer[1]
        assert inner[2] <= outer[2] and inner[3] <= outer[3]
        outer = inner


@pytest.mark.parametrize("place", [(0.3, 0.4), (0.7, 0.3), (0.5, 0.7), (0.2, 0.8)])
def test_the_subject_is_found_where_it_is_drawn(place: tuple[float, float]) -> None:
    subject = find_subject(with_subject(*place))

    assert subject.centre == pytest.approx(place, abs=0.06)
    assert subject.right - subject.left < 0.35 and subject.bottom - subject.top < 0.5
    mask = subject.mask((320, 480))
    disc = subject_pixels(with_subject(*place))
    assert mask[disc].mean() > 0.8 and mask[~disc].mean() < 0.2
    assert mask.min() >= 0 and mask.max() <= 1


@pytest.mark.parametrize("place", [(0.3, 0.4), (0.75, 0.3), (0.6, 0.7)])
@pytest.mark.parametrize("seed", [0, 1])
def test_subject_cut_cuts_the_subject_and_first_comes_near_it(place: tuple[float, float], seed: int) -> None:
    frame = with_subject(*place)
    whole = subject_pixels(frame).sum()
    near, cut = chain(frame, "subject_cut", [0.2, 1.0], seed=seed)

    assert subject_pixels(near).sum() == whole and near.size < frame.size
    assert 0.1 * whole < subject_pixels(cut).sum() < 0.65 * whole


@pytest.mark.parametrize("place", [(0.35, 0.4), (0.6, 0.65)])
def test_off_balance_leaves_the_subject_whole_in_a_corner(place: tuple[float, float]) -> None:
    frame = with_subject(*place)
    [made] = chain(frame, "off_balance", [1.0])
    y, x = np.argwhere(subject_pixels(made)).mean(axis=0) / made.shape[:2]

    assert subject_pixels(made).sum() > 0.9 * subject_pixels(frame).sum()
    assert abs(x - 0.5) > abs(place[0] - 0.5) + 0.05 and abs(y - 0.5) > abs(place[1] - 0.5) + 0.05


def test_too_tight_leaves_no_room_around_the_subject() -> None:
    frame = with_subject(0.5, 0.5, radius=80)
    [made] = chain(frame, "too_tight", [1.0])

    assert subject_pixels(made).mean() > 0.8
    assert subject_pixels(made).sum() < 0.9 * subject_pixels(frame).sum()


@pytest.mark.parametrize("place", [(0.5, 0.5), (0.3, 0.6)])
def test_too_loose_shrinks_the_subject_and_keeps_its_proportions(place: tuple[float, float]) -> None:
    frame = with_subject(*place, radius=50)
    [made] = chain(frame, "too_loose", [1.0])
    before, after = (np.argwhere(subject_pixels(one)) for one in (frame, made))

    assert len(after) / len(before) == pytest.approx(0.65**2, rel=0.12)
    assert np.ptp(after[:, 1]) / np.ptp(after[:, 0]) == pytest.approx(1, abs=0.12)


def test_thirds_recrop_puts_the_subject_on_a_third() -> None:
    [made] = chain(with_subject(0.42, 0.45), "thirds_recrop", [1.0])
    y, x = np.argwhere(subject_pixels(made)).mean(axis=0) / made.shape[:2]

    assert (x, y) == (pytest.approx(1 / 3, abs=0.04), pytest.approx(1 / 3, abs=0.04))
    assert made.shape[1] / made.shape[0] == pytest.approx(1.5, abs=0.02)


@pytest.mark.parametrize("seed", range(8))
def test_perspective_sees_one_side_whole_and_less_of_the_other(seed: int) -> None:
    prepared = find_edit("perspective").prepare(coordinates(), seed=seed)
    made = prepared.frame_at(1.0).astype(int)
    sides = {
        "upwards": (made[0, :, 0], made[-1, :, 0]),
        "downwards": (made[-1, :, 0], made[0, :, 0]),
        "to the left": (made[:, 0, 1], made[:, -1, 1]),
        "to the right": (made[:, -1, 1], made[:, 0, 1]),
    }
    way = next(way for way in sides if way in prepared.words_at(1.0))
    whole, part = (np.ptp(side) / 255 for side in sides[way])

    assert whole == pytest.approx(1, abs=0.03)
    assert part == pytest.approx(0.56, abs=0.03)


def test_corners_darken_by_the_cosine_law() -> None:
    [made] = chain(grey(200, (201, 301)), "vignette", [0.8])

    angle = math.atan(1.25 * 0.8)
    assert light(made[0, 0, 0]) / light(200) == pytest.approx(math.cos(angle) ** 4, rel=0.04)
    assert (made[100, 150] == 200).all()


def sides_touched(prepared: Prepared, frame: Frame) -> set[str]:
    changed = (np.abs(prepared.frame_at(1.0).astype(int) - frame) > 12).any(axis=2)
    rims = {"top": changed[0], "bottom": changed[-1], "left": changed[:, 0], "right": changed[:, -1]}
    return {side for side, rim in rims.items() if rim.any()}


@pytest.mark.parametrize("seed", range(8))
def test_an_intruder_comes_from_the_side_it_names_and_grows(seed: int) -> None:
    frame = grey(150, (200, 300))
    prepared = find_edit("intruder").prepare(frame, seed=seed)
    side = prepared.words_at(1.0).split("from the ")[1].split(",")[0]
    covered = [
        (np.abs(prepared.frame_at(s).astype(int) - 150) > 12).any(axis=2) for s in (0.1, 0.4, 0.7, 1.0)
    ]

    assert side in sides_touched(prepared, frame)
    assert all((less <= more).all() and less.sum() < more.sum() for less, more in itertools.pairwise(covered))
    assert 0 < covered[0].mean() < 0.04 < covered[-1].mean() + 0.03


def test_dust_only_darkens_and_leaves_most_as_it_is() -> None:
    frame = landscape()
    [made] = chain(frame, "dust", [1.0])

    assert (made <= frame).all()
    assert 0.001 < (made != frame).any(axis=2).mean() < 0.1


def test_flare_only_brightens() -> None:
    frame = landscape()

    assert (chain(frame, "lens_flare", [1.0])[0] >= frame).all()
