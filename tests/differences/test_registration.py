"""Registration against known warps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from finepick.differences.registration import likeness_in_place, register_series, view
from finepick.features.extraction import PhotoFeatures, extract_features

IDENTITY = np.eye(3)[:2]


def scene(seed: int, size: tuple[int, int] = (900, 600)) -> Image.Image:
    """Larger than any frame cut from it: 900 × 600, frames show the middle 720 × 480."""
    rng = np.random.default_rng(seed)
    picture = Image.fromarray(rng.integers(90, 170, (size[1] // 30, size[0] // 30, 3), dtype=np.uint8))
    picture = picture.resize(size, Image.Resampling.BICUBIC)
    brush = ImageDraw.Draw(picture)
    for _ in range(220):
        x, y = rng.uniform(-0.05, 1, 2) * size
        w, h = rng.uniform(0.01, 0.09, 2) * size[0]
        brush.polygon(
            [(x, y), (x + w, y + h / 3), (x + w / 2, y + h)], fill=tuple(rng.integers(30, 226, 3).tolist())
        )
    return picture.filter(ImageFilter.GaussianBlur(0.7))


def frame(
    picture: Image.Image,
    degrees: float = 0,
    size: float = 1,
    shift: tuple[float, float] = (0, 0),
    stops: float = 0,
) -> tuple[Image.Image, np.ndarray]:
    """The middle of *picture*, turned, scaled and shifted, and how the plain middle lies in it."""
    width, height, unit = 720, 480, 720
    c, s = size * math.cos(math.radians(degrees)), size * math.sin(math.radians(degrees))
    turn = np.array([[c, -s], [s, c]])
    centre = np.array([width, height]) / 2
    offset = centre + np.array(shift) * unit - turn @ centre
    back = np.linalg.inv(turn)
    border = (np.array(picture.size) - [width, height]) / 2
    wanted = np.column_stack([back, -back @ offset + border]).ravel().tolist()
    cut = picture.transform((width, height), Image.Transform.AFFINE, wanted, Image.Resampling.BICUBIC)
    return cut.point(lambda v: min(255, round(v * 2 ** (stops / 2.2)))), np.column_stack(
        [turn, offset / unit]
    )


def with_visitor(picture: Image.Image, x: float, y: float) -> Image.Image:
    """*picture* with a striped figure a quarter as wide as the frame."""
    visited = picture.copy()
    brush = ImageDraw.Draw(visited)
    width, height = picture.size
    for k in range(9):
        left = x * width + k * width / 36
        brush.rectangle(
            [left, y * height, left + width / 36, (y + 0.4) * height], fill=(250 * (k % 2), 40, 90)
        )
    return visited


def features(picture: Image.Image) -> PhotoFeatures:
    return extract_features(np.asarray(picture.convert("RGB")))


def worst_miss(found: np.ndarray, true: np.ndarray) -> float:
    places = np.stack(np.meshgrid([0.15, 0.5, 0.85], [0.1, 0.33, 0.57]), -1).reshape(-1, 2)
    difference = places @ (found - true)[:, :2].T + (found - true)[:, 2]
    return float(np.hypot(*difference.T).max())


def between(transforms: np.ndarray, a: int, b: int) -> np.ndarray:
    """The transform from frame *a* to frame *b* of an alignment."""
    full = [np.vstack([transform, [0, 0, 1]]) for transform in transforms]
    return (full[b] @ np.linalg.inv(full[a]))[:2]


@pytest.mark.parametrize(
    ("degrees", "size", "shift", "stops"),
    [
        (0, 1, (0.05, -0.03), 0),
        (5, 1, (0, 0), 0),
        (-3, 0.8, (0.02, 0.01), -2),
        (2, 1.25, (-0.03, 0.02), 1),
        (1, 1.1, (0.1, 0), 2),
        (-5, 0.9, (0, 0.06), -1),
    ],
)
def test_a_known_warp_is_recovered_within_a_third_of_a_percent(
    degrees: float, size: float, shift: tuple[float, float], stops: float
) -> None:
    picture = scene(1)
    still, _ = frame(picture)
    other, true = frame(picture, degrees, size, shift, stops)
    pair = [features(with_visitor(still, 0.1, 0.2)), features(with_visitor(other, 0.6, 0.4))]
    alignment = register_series(pair)
    assert worst_miss(between(alignment.transforms, 0, 1), true) < 0.003
    assert alignment.confidence.min() > 0.3


def test_a_blurred_frame_is_registered() -> None:
    picture = scene(2)
    other, true = frame(picture, 1, 1, (0.02, 0.01))
    pair = [features(frame(picture)[0]), features(other.filter(ImageFilter.GaussianBlur(6)))]
    alignment = register_series(pair)
    assert alignment.confidence.min() > 0
    assert worst_miss(between(alignment.transforms, 0, 1), true) < 0.01


def test_the_reference_lies_on_itself() -> None:
    alignment = register_series([features(frame(scene(3), degrees)[0]) for degrees in (-2, 0, 2)])
    assert np.allclose(alignment.transforms[alignment.reference], IDENTITY)
    assert alignment.confidence[alignment.reference] == 1


def test_the_order_of_the_frames_does_not_matter() -> None:
    picture = scene(4)
    frames = [features(frame(picture, d, 1, (d / 100, 0))[0]) for d in (-3, -1, 0, 2, 4)]
    straight, turned = register_series(frames), register_series(frames[::-1])
    assert straight.reference == len(frames) - 1 - turned.reference
    assert np.allclose(straight.transforms, turned.transforms[::-1], atol=1e-6)
    assert np.allclose(straight.confidence, turned.confidence[::-1], atol=1e-6)


def test_a_frame_of_something_else_is_not_registered_but_centred() -> None:
    picture = scene(5)
    stranger = scene(99, (600, 900))
    alignment = register_series([features(frame(picture, d)[0]) for d in (0, 1, 2)] + [features(stranger)])
    assert alignment.confidence[3] == 0 and alignment.confidence[:3].min() > 0.3
    middle = alignment.transforms[3] @ [0.5, 1 / 3, 1]
    assert middle == pytest.approx([1 / 3, 0.5])
    corners = np.array([[0, 0, 1], [1, 2 / 3, 1]]) @ alignment.transforms[3].T
    assert (corners >= -1e-9).all() and (corners <= [2 / 3 + 1e-9, 1 + 1e-9]).all()


def test_frames_of_other_sizes_are_registered_in_frame_units() -> None:
    picture, true = frame(scene(6), 1, 1.05, (0.01, 0.02))
    small = picture.resize((450, 300), Image.Resampling.BOX)
    alignment = register_series([features(frame(scene(6))[0]), features(small)])
    assert worst_miss(between(alignment.transforms, 0, 1), true) < 0.004


def test_frames_that_do_not_meet_the_reference_are_laid_on_their_neighbours() -> None:
    wide = scene(7, (2200, 480))
    frames = [features(wide.crop((x, 0, x + 720, 480))) for x in range(0, 1441, 240)]
    alignment = register_series(frames)
    assert (alignment.confidence > 0).all()
    true = np.array([[1, 0, -6 * 240 / 720], [0, 1, 0]])
    assert worst_miss(between(alignment.transforms, 0, 6), true) < 0.03


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (40, 30)])
def test_tiny_frames_do_not_crash(size: tuple[int, int]) -> None:
    frames = [features(Image.new("RGB", size, (level, 10, 10))) for level in (0, 90, 255)]
    alignment = register_series(frames)
    assert np.isfinite(alignment.transforms).all()
    assert sorted(alignment.confidence.tolist()) == [0, 0, 1]


def test_one_frame_and_none() -> None:
    alone = register_series([features(frame(scene(8))[0])])
    assert alone.reference == 0 and np.allclose(alone.transforms[0], IDENTITY)
    assert register_series([]).transforms.shape == (0, 2, 3)


def test_likeness_in_place_sees_through_exposure_but_not_through_a_shared_horizon() -> None:
    picture, _ = frame(scene(9))
    dark, bright = (view(features(frame(scene(9), stops=stops)[0])) for stops in (-3, 2))
    assert likeness_in_place(dark, bright) > 0.45
    assert likeness_in_place(dark, bright) == likeness_in_place(bright, dark)

    def shore(seed: int) -> Image.Image:
        sea, _ = frame(scene(seed))
        sea.paste((200, 220, 240), (0, 0, 720, 240))
        return sea

    assert likeness_in_place(view(features(shore(10))), view(features(shore(11)))) < 0.3
    assert likeness_in_place(view(features(picture)), view(features(scene(12)))) < 0.3
