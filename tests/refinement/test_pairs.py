"""What two frames have in common: SSIM against its formula, overlap against known crops, the same either way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image, ImageFilter

from finepick.features.extraction import PhotoFeatures, extract_features
from finepick.refinement.pairs import measure_pair, structural_similarity
from tests.conftest import scene


def features(picture: Image.Image) -> PhotoFeatures:
    return extract_features(np.asarray(picture.convert("RGB")))


def ssim_by_hand(a: np.ndarray, b: np.ndarray) -> float:
    """SSIM as Wang et al. write it, window by window, inside the picture only."""
    radius = 5
    steps = range(-radius, radius + 1)
    weights = np.array([[math.exp(-(x * x + y * y) / (2 * 1.5**2)) for x in steps] for y in steps])
    weights /= weights.sum()
    found = []
    for y in range(radius, a.shape[0] - radius):
        for x in range(radius, a.shape[1] - radius):
            p, q = (one[y - radius : y + radius + 1, x - radius : x + radius + 1] for one in (a, b))
            mp, mq = (weights * p).sum(), (weights * q).sum()
            vp, vq = (weights * (p - mp) ** 2).sum(), (weights * (q - mq) ** 2).sum()
            vpq = (weights * (p - mp) * (q - mq)).sum()
            c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
            found.append((2 * mp * mq + c1) * (2 * vpq + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2)))
    return float(np.mean(found))


def test_ssim_is_that_of_the_formula() -> None:
    rng = np.random.default_rng(0)
    a = rng.uniform(0, 255, (24, 30))
    b = np.clip(a + rng.normal(0, 40, a.shape), 0, 255)
    seen = np.zeros((34, 40), bool)
    seen[5:29, 5:35] = True  # windows that reach out of what is seen do not count
    wide_a, wide_b = (np.pad(one, 5, constant_values=99.0) for one in (a, b))
    assert structural_similarity(wide_a, wide_b, seen) == pytest.approx(ssim_by_hand(a, b), abs=2e-3)


def test_a_plane_is_like_itself_and_nothing_seen_is_like_nothing() -> None:
    plane = np.random.default_rng(1).uniform(0, 255, (30, 30))
    assert structural_similarity(plane, plane, np.ones((30, 30), bool)) == pytest.approx(1)
    assert structural_similarity(plane, plane, np.zeros((30, 30), bool)) == 0


def test_a_frame_and_itself_have_everything_in_common() -> None:
    same = measure_pair(features(scene(1)), features(scene(1)))
    assert same.likeness == pytest.approx(1, abs=1e-5) and same.overlap == pytest.approx(1)
    assert same.ssim == pytest.approx(1) and (same.apart, same.detail, same.luma) == (0, 0, 0)


def test_it_is_the_same_either_way_round() -> None:
    picture = scene(2)
    other = picture.crop((20, 10, 460, 300)).filter(ImageFilter.GaussianBlur(1))
    one, two = features(picture), features(other)
    assert measure_pair(one, two) == measure_pair(two, one)


@pytest.mark.parametrize("share", [0.9, 0.75])
def test_overlap_is_what_a_crop_has_left(share: float) -> None:
    picture = scene(3, size=(960, 640))
    crop = picture.crop((0, 0, round(960 * share), round(640 * share)))
    measures = measure_pair(features(picture), features(crop))
    assert measures.overlap == pytest.approx(share * share, abs=0.02)
    assert measures.ssim > 0.8


def test_blur_shows_in_detail_and_light_in_luma() -> None:
    picture = scene(4)
    sharp, soft = features(picture), features(picture.filter(ImageFilter.GaussianBlur(2)))
    dark = features(picture.point(lambda value: value * 0.8))
    assert measure_pair(sharp, soft).detail > 1
    assert measure_pair(sharp, dark).luma > 0.04 > measure_pair(sharp, soft).luma


def test_two_scenes_do_not_lie_over_one_another() -> None:
    measures = measure_pair(features(scene(5)), features(scene(6)))
    assert measures.matches < 6 and measures.likeness < 0.5
    assert measures.overlap == 0 and measures.apart == 1
