"""A shoot drawn in code: scenes, what happens to them, photos with the metadata a test wants."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from finepick.domain import Metadata, Photo, Series
from finepick.features.extraction import PhotoFeatures, extract_features
from finepick.series.evidence import CachedFeatures
from finepick.series.grouping import group_photos

NOON = datetime(2024, 5, 17, 12, 0, 0)


@dataclass
class Shoot:
    """Photos and their features, added one by one."""

    photos: list[Photo]
    features: list[PhotoFeatures]

    def add(
        self, picture: Image.Image, path: str | None = None, *, seconds: float | None = None, **facts: Any
    ) -> Photo:
        """Adds *picture*, taken *seconds* after noon; *facts* are further fields of its metadata."""
        if seconds is not None:
            facts.setdefault("camera", "Camera 1")
            facts["taken_at"] = NOON + timedelta(seconds=seconds)
        digest = hashlib.sha256(picture.tobytes() + repr(sorted(facts.items())).encode()).hexdigest()
        photo = Photo(
            path or f"p{len(self.photos):03d}.jpg",
            digest,
            Metadata("JPEG", picture.width, picture.height, **facts),
        )
        self.photos.append(photo)
        self.features.append(extract_features(np.asarray(picture.convert("RGB"))))
        return photo

    def group(self, order: Sequence[int] | None = None, rule: str = "auto") -> tuple[Series, ...]:
        places = list(range(len(self.photos))) if order is None else list(order)
        lookup = CachedFeatures(lambda i: self.features[places[i]], capacity=4)
        return group_photos([self.photos[i] for i in places], lookup, rule=rule)


def draw_scene(seed: int, size: tuple[int, int] = (540, 360)) -> Image.Image:
    rng = np.random.default_rng(seed)
    picture = Image.fromarray(rng.integers(70, 190, (size[1] // 30, size[0] // 30, 3), dtype=np.uint8))
    picture = picture.resize(size, Image.Resampling.BICUBIC)
    brush = ImageDraw.Draw(picture)
    for _ in range(round(size[0] * size[1] / 1500)):
        x, y = rng.uniform(-0.05, 1, 2) * size
        w, h = rng.uniform(6, 60, 2)
        colour = tuple(rng.integers(30, 226, 3).tolist())
        brush.polygon([(x, y), (x + w, y + h / 3), (x + w / 2, y + h)], fill=colour)
    return picture.filter(ImageFilter.GaussianBlur(0.6))


def expose(picture: Image.Image, stops: float) -> Image.Image:
    return picture.point(lambda v: min(255, round(v * 2 ** (stops / 2.2))))


def shake(picture: Image.Image, seed: int) -> Image.Image:
    """*picture* a little turned and shifted, as a hand does it."""
    rng = np.random.default_rng(seed)
    turned = picture.rotate(rng.uniform(-1.5, 1.5), Image.Resampling.BICUBIC)
    x, y = rng.integers(0, 20, 2)
    width, height = picture.size
    return turned.crop((20 + x, 20 + y, width - 40 + x, height - 40 + y)).resize(picture.size)


def smear(picture: Image.Image, length: int) -> Image.Image:
    """*picture* as if the camera had turned by *length* pixels while the shutter was open."""
    pixels = np.asarray(picture, dtype=np.float64)
    turned = [np.pad(pixels, ((0, 0), (k, 0), (0, 0)), "edge")[:, : picture.width] for k in range(length)]
    return Image.fromarray(np.mean(turned, axis=0).astype(np.uint8))


@pytest.fixture
def shoot() -> Shoot:
    return Shoot([], [])


@pytest.fixture
def scene():
    return draw_scene


@pytest.fixture
def exposed():
    return expose


@pytest.fixture
def shaken():
    return shake


@pytest.fixture
def smeared():
    return smear
