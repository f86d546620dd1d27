"""How far the frames of a series lean."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from finepick.differences.leaning import lean_of_series
from finepick.differences.registration import Alignment
from finepick.features.extraction import PhotoFeatures, extract_features


def horizon(degrees: float, seed: int) -> PhotoFeatures:
    y, x = np.mgrid[:320, :480]
    above = y < 160 + (x - 240) * math.tan(math.radians(degrees))
    pixels = np.where(above[..., None], [170, 190, 220], [50, 80, 60])
    noisy = pixels + np.random.default_rng(seed).normal(0, 2, pixels.shape)
    return extract_features(np.clip(noisy, 0, 255).astype(np.uint8))


def texture(seed: int) -> PhotoFeatures:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8))
    return extract_features(np.asarray(coarse.resize((480, 320), Image.Resampling.BICUBIC)))


def turned(*degrees: float, confidence: float = 1.0) -> Alignment:
    angles = np.radians(degrees)
    matrices = np.zeros((len(angles), 2, 3))
    matrices[:, 0, 0] = matrices[:, 1, 1] = np.cos(angles)
    matrices[:, 1, 0], matrices[:, 0, 1] = np.sin(angles), -np.sin(angles)
    return Alignment(0, matrices, np.full(len(angles), confidence))


def test_a_horizon_says_what_is_level() -> None:
    found = lean_of_series([horizon(1.0, 0), horizon(3.0, 1), horizon(4.0, 2)], turned(0.0, 2.0, 3.0))
    assert found.degrees == pytest.approx([1.0, 3.0, 4.0], abs=0.2)
    assert found.sureness > 0.8


def test_without_a_line_most_frames_are_taken_to_be_level() -> None:
    found = lean_of_series([texture(0)] * 4, turned(0.0, 0.1, -2.5, 0.0))
    assert found.degrees == pytest.approx([0.0, 0.1, -2.5, 0.0], abs=0.1)
    assert found.sureness > 0.4


def test_of_two_frames_without_a_line_nobody_knows_which_is_level() -> None:
    assert lean_of_series([texture(0)] * 2, turned(0.0, 2.0)).sureness < 0.1


def test_frames_that_were_not_registered_go_by_their_own_horizon() -> None:
    found = lean_of_series([horizon(0.0, 0), horizon(-3.0, 1)], turned(0.0, 0.0, confidence=0.0))
    assert found.degrees == pytest.approx([0.0, -3.0], abs=0.2)


def test_strangers_do_not_lean_against_each_other() -> None:
    found = lean_of_series([texture(seed) for seed in range(3)], turned(0.0, 5.0, -5.0, confidence=0.3))
    assert found.sureness == 0 or np.ptp(found.degrees) == 0
