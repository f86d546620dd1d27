"""What is nothing and what is something, however little: walls, skies and grain against birds and fog."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from finepick.features.extraction import extract_features
from finepick.refinement.emptiness import structure
from finepick.refinement.thresholds import Thresholds
from tests.conftest import scene

LIMIT = Thresholds().least_structure


def wall(
    level: float = 120, grain: float = 0.0, falling: float = 0.0, size: tuple[int, int] = (900, 600)
) -> Image.Image:
    """A bare wall, brighter in the middle by *falling* of its level, with grain of so many grey levels."""
    columns, rows = size
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    light = level * (1 - falling * (0.4 * x * x + 0.3 * y * y + 0.3 * x))
    noise = np.random.default_rng(3).normal(0, grain, (rows, columns, 3)) if grain else 0
    return Image.fromarray(np.clip(light[..., None] + noise, 0, 255).astype(np.uint8) * np.ones(3, np.uint8))


def as_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def seen(picture: Image.Image) -> float:
    return structure(extract_features(np.asarray(picture)).grey)


@pytest.mark.parametrize("grain", [0, 1, 3, 8, 15, 25])
@pytest.mark.parametrize("falling", [0.0, 0.5])
def test_a_wall_is_empty_whatever_its_grain_and_its_light(grain: float, falling: float) -> None:
    assert seen(wall(150, grain, falling)) < LIMIT


def test_a_wall_is_empty_as_a_jpeg_and_upright_too() -> None:
    assert seen(as_jpeg(wall(120, 6), 40)) < LIMIT
    assert seen(wall(120, 6, 0.3, size=(500, 800))) < LIMIT


@pytest.mark.parametrize("grain", [0, 4])
def test_something_small_or_faint_is_something(grain: float) -> None:
    sky = wall(200, grain, 0.2)
    ImageDraw.Draw(sky).polygon([(450, 300), (480, 292), (510, 304), (480, 311)], fill=(40, 40, 40))
    whole = np.asarray(scene(1, (900, 600)), np.float64)
    fog = 128 + (whole - whole.mean()) * 0.07 + np.random.default_rng(1).normal(0, grain, whole.shape)
    for picture in (sky, Image.fromarray(np.clip(fog, 0, 255).astype(np.uint8))):
        assert seen(picture) > 1.5 * LIMIT


def test_it_is_the_deviation_of_what_neighbours_share() -> None:
    """Stripes sixteen cells wide: a square wave of ±20 levels, of which 15 of 16 neighbours across are alike."""
    stripes = np.where((np.arange(128) // 16) % 2, 148, 108).astype(np.uint8)
    plane = np.broadcast_to(stripes, (96, 128))
    down, across = (20 / 255) ** 2, (20 / 255) ** 2 * (127 - 2 * 7) / 127

    assert structure(plane) == pytest.approx(np.sqrt((down + across) / 2), rel=0.03)


def test_brightness_is_nothing_and_turning_changes_nothing() -> None:
    grey = extract_features(np.asarray(scene(2))).grey
    darker = (grey.astype(int) // 2 * 2 // 2).astype(np.uint8)

    assert structure(np.full((80, 128), 77, np.uint8)) == pytest.approx(0, abs=1e-9)
    assert structure(np.rot90(grey)) == pytest.approx(structure(grey), rel=1e-6)
    assert structure(255 - grey) == pytest.approx(structure(grey), rel=1e-6)
    assert structure(darker) == pytest.approx(structure(grey) / 2, rel=0.02)
