"""A series is examined: doubles, strangers, empty shots, defects, and what must not happen."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from finepick.errors import UsageError
from finepick.features.extraction import PhotoFeatures, extract_features
from finepick.refinement.examination import COMPARED_CLOSELY, Finding, examine_series
from finepick.refinement.thresholds import Reason, Thresholds
from tests.conftest import scene

LIMITS = Thresholds()


def features(picture: Image.Image) -> PhotoFeatures:
    return extract_features(np.asarray(picture.convert("RGB")))


def again(picture: Image.Image, quality: int = 97) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def flat(level: int) -> PhotoFeatures:
    return features(Image.new("RGB", (480, 320), (level, level, level)))


def lighter(picture: Image.Image, factor: float) -> Image.Image:
    return picture.point(lambda value: min(255, round(value * factor)))


def reasons(found: tuple[Finding, ...]) -> dict[int, Reason]:
    return {one.photo: one.reason for one in found if one.reason is not None}


@pytest.fixture(scope="module")
def series() -> list[PhotoFeatures]:
    """Three takes of one scene that anybody can tell apart."""
    picture = scene(1, size=(960, 640))
    return [features(lighter(picture, factor)) for factor in (1.0, 0.8, 0.65)]


def test_takes_that_differ_all_stay_and_every_measure_is_told(series: list[PhotoFeatures]) -> None:
    found = examine_series(series, LIMITS)
    assert reasons(found) == {}
    assert {one.measure for one in found if one.photo == 1} >= {
        "ssim",
        "likeness",
        "matches",
        "darkness",
        "clipped",
    }
    assert all(np.isfinite(one.value) for one in found)


def test_of_two_that_cannot_be_told_apart_the_earlier_stays(series: list[PhotoFeatures]) -> None:
    double = features(again(scene(1, size=(960, 640))))
    assert reasons(examine_series([*series, double], LIMITS)) == {3: Reason.INDISCERNIBLE}
    assert reasons(examine_series([double, *series], LIMITS)) == {1: Reason.INDISCERNIBLE}
    mark = next(one for one in examine_series([*series, double], LIMITS) if one.reason)
    assert mark.partner == 0


def test_a_person_who_keeps_a_double_has_their_way(series: list[PhotoFeatures]) -> None:
    double = features(again(scene(1, size=(960, 640))))
    assert reasons(examine_series([*series, double], LIMITS, kept=[0, 3])) == {}
    assert reasons(examine_series([*series, double], LIMITS, kept=[3])) == {0: Reason.INDISCERNIBLE}


def test_a_stranger_is_found_wherever_it_stands(series: list[PhotoFeatures]) -> None:
    stranger = features(scene(9, size=(960, 640)))
    for place in range(4):
        frames = [*series[:place], stranger, *series[place:]]
        assert reasons(examine_series(frames, LIMITS)) == {place: Reason.DISSIMILAR}


def test_where_no_scene_has_more_than_half_nobody_is_a_stranger(series: list[PhotoFeatures]) -> None:
    others = [features(scene(seed, size=(960, 640))) for seed in (9, 10, 11)]
    assert reasons(examine_series([series[0], others[0]], LIMITS)) == {}
    assert reasons(examine_series([*series, *others], LIMITS)) == {}
    assert reasons(examine_series([*series, *others[:2]], LIMITS)) == {
        3: Reason.DISSIMILAR,
        4: Reason.DISSIMILAR,
    }


def test_pictures_of_one_prompt_need_not_look_alike(series: list[PhotoFeatures]) -> None:
    frames = [series[0], features(scene(9)), features(scene(10))]
    assert reasons(examine_series(frames, LIMITS, is_prompt=True)) == {}
    likeness = np.array([0.3, 0.05, 0.2])
    found = examine_series(frames, LIMITS, is_prompt=True, prompt_likeness=likeness)
    assert reasons(found) == {1: Reason.DISSIMILAR}


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (flat(1), Reason.DEFECT),
        (flat(254), Reason.DEFECT),
        (flat(128), Reason.EMPTY_SHOT),
        (None, Reason.DEFECT),
        (features(scene(1, size=(150, 100))), Reason.DEFECT),
    ],
)
def test_defects_and_empty_shots(
    series: list[PhotoFeatures], frame: PhotoFeatures | None, reason: Reason
) -> None:
    found = examine_series([*series, frame], LIMITS)
    assert reasons(found) == {3: reason}


def test_nothing_but_defects_leaves_nothing_and_does_not_fail() -> None:
    assert reasons(examine_series([None, None], LIMITS)) == {0: Reason.DEFECT, 1: Reason.DEFECT}
    assert examine_series([], LIMITS) == ()


def test_thresholds_that_allow_everything_leave_nothing_out(series: list[PhotoFeatures]) -> None:
    loose = LIMITS.changed(
        {
            "same_ssim": 1.1,
            "scene_likeness": -1.0,
            "least_structure": 0,
            "darkest": -1,
            "brightest": 2,
            "most_clipped": 3,
            "least_side": 0,
        }
    )
    frames = [*series, series[0], flat(0), flat(255), features(scene(9))]
    assert reasons(examine_series(frames, loose)) == {}


def test_a_stricter_limit_never_lets_a_double_back_in(series: list[PhotoFeatures]) -> None:
    double = features(again(scene(1, size=(960, 640)), 60))
    left_out = [
        len(reasons(examine_series([*series, double], LIMITS.changed({"same_ssim": limit}))))
        for limit in (0.5, 0.9, 0.99, 1.01)
    ]
    assert left_out == sorted(left_out, reverse=True) and left_out[0] == 1 and left_out[-1] == 0


def test_a_long_series_is_compared_with_its_neighbours_only(series: list[PhotoFeatures]) -> None:
    count = COMPARED_CLOSELY + 6
    picture = scene(1, size=(480, 320))
    frames = [features(lighter(picture, 1 - 0.03 * i)) for i in range(count)]
    assert reasons(examine_series([*frames, frames[-1]], LIMITS)) == {count: Reason.INDISCERNIBLE}


def test_an_unknown_threshold_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no threshold 'sharp'; there are same_overlap, same_ssim"):
        LIMITS.changed({"sharp": 1})
