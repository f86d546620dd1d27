"""Key points against known moves of drawn scenes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from finepick.features.keypoints import (
    VECTOR_LENGTH,
    Keypoints,
    detect_keypoints,
    fit_similarity,
    match,
    normalise_contrast,
    strongest,
)


def scene(seed: int, size: tuple[int, int] = (720, 480)) -> Image.Image:
    rng = np.random.default_rng(seed)
    width, height = size
    top, bottom = rng.integers(60, 220, (2, 3))
    sky = np.linspace(top, bottom, height)[:, None, :].repeat(width, axis=1)
    picture = Image.fromarray(sky.astype(np.uint8))
    brush = ImageDraw.Draw(picture)
    for _ in range(160):
        x, y = rng.uniform(-0.05, 1, 2) * size
        w, h = rng.uniform(0.02, 0.16, 2) * width
        colour = tuple(rng.integers(30, 226, 3).tolist())
        if rng.random() < 0.5:
            brush.ellipse([x, y, x + w, y + h], fill=colour)
        else:
            brush.polygon([(x, y), (x + w, y + h / 3), (x + w / 2, y + h)], fill=colour)
    return picture


def exposed(picture: Image.Image, stops: float) -> Image.Image:
    light = (np.asarray(picture) / 255.0) ** 2.2 * 2.0**stops
    return Image.fromarray((np.clip(light, 0, 1) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8))


def moved(
    picture: Image.Image, degrees: float, size: float, shift: tuple[float, float]
) -> tuple[Image.Image, np.ndarray]:
    """*picture* turned and scaled about its centre, then shifted (in long sides), and that in frame units."""
    width, height = picture.size
    unit = max(picture.size)
    c, s = size * math.cos(math.radians(degrees)), size * math.sin(math.radians(degrees))
    turn = np.array([[c, -s], [s, c]])
    centre = np.array([width, height]) / 2
    offset = centre + np.array(shift) * unit - turn @ centre
    back = np.linalg.inv(turn)
    wanted = np.column_stack([back, -back @ offset]).ravel().tolist()
    warped = picture.transform(picture.size, Image.Transform.AFFINE, wanted, Image.Resampling.BICUBIC)
    return warped, np.column_stack([turn, offset / unit])


def worst_miss(found: np.ndarray, true: np.ndarray) -> float:
    places = np.stack(np.meshgrid([0.2, 0.5, 0.8], [0.15, 0.33, 0.5]), -1).reshape(-1, 2)
    difference = places @ (found - true)[:, :2].T + (found - true)[:, 2]
    return float(np.hypot(*difference.T).max())


def fit(a: Image.Image, b: Image.Image):
    first, second = detect_keypoints(a), detect_keypoints(b)
    return fit_similarity(first, second, match(first, second))


def test_points_come_in_frame_units_with_descriptors_of_a_byte_each() -> None:
    points = detect_keypoints(scene(1))
    assert 100 <= len(points) <= 250
    assert points.xy.dtype == np.float32 and points.vectors.dtype == np.uint8
    assert points.vectors.shape == (len(points), VECTOR_LENGTH)
    assert points.scale.shape == points.angle.shape == (len(points),)
    assert (points.xy >= 0).all() and (points.xy[:, 0] <= 1).all() and (points.xy[:, 1] <= 2 / 3).all()


def test_points_are_spread_over_the_frame() -> None:
    points = detect_keypoints(scene(2))
    tiles = {(int(x * 4), int(y * 6)) for x, y in points.xy.tolist()}
    assert len(tiles) >= 12


@pytest.mark.parametrize(
    ("degrees", "size", "shift"),
    [(0, 1, (0.1, -0.05)), (5, 1, (0, 0)), (-4, 0.8, (0.03, 0.02)), (3, 1.25, (-0.04, 0)), (0, 0.6, (0, 0))],
)
def test_a_known_move_is_found(degrees: float, size: float, shift: tuple[float, float]) -> None:
    picture = scene(3)
    other, true = moved(picture, degrees, size, shift)
    found = fit(picture, other)
    assert found.inliers >= 20
    assert worst_miss(found.transform, true) < 0.01


@pytest.mark.parametrize("stops", [-3, -2, 2])
def test_exposure_does_not_hide_a_scene(stops: float) -> None:
    picture = scene(4)
    found = fit(picture, exposed(picture, stops))
    assert found.inliers >= 25
    assert worst_miss(found.transform, np.eye(3)[:2]) < 0.005


def test_the_way_back_is_the_inverse() -> None:
    picture = scene(5)
    other, _ = moved(picture, 3, 1.1, (0.05, 0.02))
    there, back = fit(picture, other).transform, fit(other, picture).transform
    both = np.column_stack([back[:, :2] @ there[:, :2], back[:, :2] @ there[:, 2] + back[:, 2]])
    assert worst_miss(both, np.eye(3)[:2]) < 0.01


def test_size_and_compression_do_not_hide_a_scene(tmp_path) -> None:
    picture = scene(6)
    path = tmp_path / "small.jpg"
    picture.resize((360, 240), Image.Resampling.LANCZOS).save(path, quality=40)
    with Image.open(path) as small:
        assert fit(picture, small.convert("RGB")).inliers >= 25


def test_unlike_and_mirrored_scenes_share_next_to_nothing() -> None:
    picture = scene(7)
    others = [scene(seed) for seed in range(20, 36)] + [ImageOps.mirror(picture), ImageOps.flip(picture)]
    assert max(fit(picture, other).inliers for other in others) < 8


def test_noise_has_nothing_in_common_with_other_noise() -> None:
    def noise(seed: int) -> Image.Image:
        return Image.fromarray(
            np.random.default_rng(seed).normal(20, 3, (320, 480)).clip(0, 255).astype(np.uint8)
        )

    assert fit(noise(1), noise(2)).inliers < 5


@pytest.mark.parametrize("size", [(1, 1), (7, 400), (33, 33), (2, 3000)])
def test_tiny_and_odd_shapes_work(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    points = detect_keypoints(picture)
    assert points.vectors.shape[1] == VECTOR_LENGTH
    assert fit_similarity(points, points, match(points, points)).coverage >= 0


@pytest.mark.parametrize("level", [0, 90, 255])
def test_a_flat_picture_has_no_points(level: int) -> None:
    assert len(detect_keypoints(Image.new("RGB", (600, 400), (level, level, level)))) == 0


def test_the_same_picture_gives_the_same_points() -> None:
    first, second = detect_keypoints(scene(8)), detect_keypoints(scene(8))
    assert np.array_equal(first.xy, second.xy) and np.array_equal(first.vectors, second.vectors)


def test_the_order_of_the_points_does_not_matter() -> None:
    picture = scene(9)
    other, _ = moved(picture, 2, 1.05, (0.02, 0.01))
    a, b = detect_keypoints(picture), detect_keypoints(other)
    turned = Keypoints(b.xy[::-1].copy(), b.scale[::-1].copy(), b.angle[::-1].copy(), b.vectors[::-1].copy())
    straight, reversed_ = fit_similarity(a, b, match(a, b)), fit_similarity(a, turned, match(a, turned))
    assert abs(straight.inliers - reversed_.inliers) <= 3
    assert worst_miss(straight.transform, reversed_.transform) < 0.002


def test_normalised_contrast_is_the_same_after_any_change_of_brightness_and_contrast() -> None:
    grey = scene(10).convert("L").resize((320, 213))
    dimmer = Image.fromarray((np.asarray(grey) * 0.6 + 30).astype(np.uint8))
    a, b = (np.asarray(normalise_contrast(each), dtype=float) for each in (grey, dimmer))
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.98


def test_the_strongest_points_are_some_of_each_level() -> None:
    points = detect_keypoints(scene(11))
    few = strongest(points, 10)
    assert len(few) == 10 * len(np.unique(points.scale))
    assert set(map(tuple, few.xy.tolist())) <= set(map(tuple, points.xy.tolist()))
    assert len(strongest(detect_keypoints(Image.new("RGB", (50, 50))), 10)) == 0
