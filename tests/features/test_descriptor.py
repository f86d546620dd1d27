"""Descriptors: what stays near, what stays away."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from finepick.features.descriptor import DESCRIPTOR_LENGTH, describe, outline, outline_windows


def scene(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    picture = Image.new("RGB", (720, 480), tuple(rng.integers(60, 200, 3).tolist()))
    brush = ImageDraw.Draw(picture)
    for _ in range(40):
        x, y = rng.uniform(-0.1, 1, 2) * picture.size
        w, h = rng.uniform(0.05, 0.4, 2) * 720
        brush.rectangle([x, y, x + w, y + h], fill=tuple(rng.integers(20, 235, 3).tolist()))
    return picture


def likeness(a: Image.Image, b: Image.Image) -> float:
    return float(describe(a) @ describe(b))


def exposed(picture: Image.Image, stops: float) -> Image.Image:
    return picture.point(lambda v: min(255, round(v * 2 ** (stops / 2.2))))


@pytest.mark.parametrize("size", [(1, 1), (720, 480), (3, 900), (64, 64)])
def test_a_descriptor_has_unit_length_whatever_the_picture(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    vector = describe(Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)))
    assert vector.shape == (DESCRIPTOR_LENGTH,) and vector.dtype == np.float32
    assert float(vector @ vector) == pytest.approx(1, abs=1e-5)


def test_every_variant_of_a_scene_is_nearer_than_every_other_scene() -> None:
    picture = scene(1)
    variants = [
        exposed(picture, -3),
        exposed(picture, 1.5),
        picture.crop((20, 10, 700, 470)),
        picture.rotate(2, Image.Resampling.BICUBIC),
        picture.resize((180, 120)),
        picture.convert("L").convert("RGB"),
    ]
    others = [scene(seed) for seed in range(50, 70)]
    assert min(likeness(picture, each) for each in variants) > max(likeness(picture, each) for each in others)


def test_scenes_in_the_same_colours_are_not_alike() -> None:
    picture = scene(2)
    assert likeness(picture, ImageOps.mirror(picture)) < 0.5


def test_a_flat_picture_is_like_flat_pictures_only() -> None:
    flat, other = Image.new("RGB", (300, 200), (90, 90, 90)), Image.new("RGB", (200, 300), (200, 200, 200))
    assert likeness(flat, other) == pytest.approx(1, abs=1e-5)
    assert likeness(flat, scene(3)) < 0.1


@pytest.mark.parametrize("box", [(0, 0, 576, 384), (130, 60, 634, 396), (300, 200, 720, 480)])
def test_a_photo_finds_its_crop_among_its_windows(box: tuple[int, int, int, int]) -> None:
    pictures = [scene(seed) for seed in range(80, 110)]
    crop = outline(describe(pictures[0].crop(box))[None])[0]
    best = [
        float((outline_windows(np.asarray(each.convert("L").resize((256, 171)))) @ crop).max())
        for each in pictures
    ]
    assert int(np.argmax(best)) == 0


def test_windows_of_tiny_and_flat_frames_are_finite() -> None:
    for grey in (np.zeros((1, 1), np.uint8), np.full((171, 256), 7, np.uint8)):
        assert np.isfinite(outline_windows(grey)).all()
