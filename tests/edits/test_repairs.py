"""Repairs bring back what was lost, where it can be known."""

from __future__ import annotations

import numpy as np

from finepick.edits import Step, chain, find_edit, follow
from tests.edits.drawn import grey, landscape, rms


def test_denoise_takes_noise_away_and_keeps_edges() -> None:
    clean = np.concatenate([grey(80, (200, 150)), grey(170, (200, 150))], axis=1)
    noisy = np.random.default_rng(3).normal(0, 10, clean.shape) + clean
    noisy = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)

    [mended] = chain(noisy, "denoise", [1.0])

    assert rms(mended, clean) < 0.5 * rms(noisy, clean)
    step = mended[:, 155:165].mean() - mended[:, 135:145].mean()
    assert step > 0.95 * 90
    assert abs(mended[:, 148].mean() - 80) < 12 and abs(mended[:, 151].mean() - 170) < 12


def test_denoise_hardly_touches_the_luma_of_what_is_clean() -> None:
    luma = [
        frame @ np.array([0.2126, 0.7152, 0.0722])
        for frame in (landscape(), chain(landscape(), "denoise", [1.0])[0])
    ]

    assert (luma[1] - luma[0]).std() < 3  # the scene is drawn with noise of 3 levels


def test_auto_tone_stretches_a_flat_picture() -> None:
    flat = follow(landscape(), [Step("low_contrast", 0.3)]).frame
    [mended] = chain(flat, "auto_tone", [1.0])

    assert np.ptp(np.percentile(mended, [1, 99])) > np.ptp(np.percentile(flat, [1, 99])) + 20
    assert mended.std() > flat.std()


def test_auto_tone_leaves_night_dark_and_snow_bright() -> None:
    night = (landscape() // 8).astype(np.uint8)
    snow = (230 + landscape() // 12).astype(np.uint8)

    assert chain(night, "auto_tone", [1.0])[0].mean() < 70
    assert chain(snow, "auto_tone", [1.0])[0].mean() > 190


def test_a_repair_in_part_lies_between() -> None:
    prepared = find_edit("auto_tone").prepare(landscape() // 2)
    half, whole = prepared.frame_at(0.5), prepared.frame_at(1.0)

    assert 0 < rms(half, landscape() // 2) < rms(whole, landscape() // 2)
