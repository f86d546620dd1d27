"""Blur, sharpening and codecs: moments of kernels, conserved light, other people's encoders."""

from __future__ import annotations

import io
import itertools
import math

import numpy as np
import pytest
from PIL import Image

from finepick.domain import FloatArray, Frame
from finepick.edits import chain, find_edit
from tests.edits.drawn import grey, landscape, light, rms, subject_pixels, with_subject

SIDE = 501


def star() -> Frame:
    """A white point on black."""
    frame = grey(0, (301, SIDE))
    frame[150, 250] = 255
    return frame


def moments(frame: Frame) -> tuple[float, FloatArray]:
    """Sum of the light, and its spread (2 × 2, pixels²) around its middle."""
    mass = light(frame)[..., 1]
    y, x = np.mgrid[: mass.shape[0], : mass.shape[1]]
    total = mass.sum()
    points = np.stack([x - (mass * x).sum() / total, y - (mass * y).sum() / total])
    return float(total), np.einsum("ahw,bhw,hw->ab", points, points, mass) / total


@pytest.mark.parametrize("strength", [0.5, 0.8, 1.0])
def test_defocus_spreads_a_point_over_a_disc_and_loses_no_light(strength: float) -> None:
    total, spread = moments(chain(star(), "defocus", [strength])[0])

    radius = 0.012 * SIDE * strength
    assert total == pytest.approx(1, rel=0.05)  # of 8-bit levels
    assert np.diag(spread) == pytest.approx(np.full(2, radius**2 / 4), rel=0.12)  # of a disc: r²/4 either way
    assert abs(spread[0, 1]) < 0.02 * radius**2


@pytest.mark.parametrize("seed", range(4))
def test_shake_spreads_a_point_along_the_line_it_names(seed: int) -> None:
    prepared = find_edit("motion_blur").prepare(star(), seed=seed)
    total, spread = moments(prepared.frame_at(1.0))
    values, vectors = np.linalg.eigh(spread)

    assert total == pytest.approx(1, rel=0.05)
    assert values[1] == pytest.approx((0.04 * SIDE) ** 2 / 12, rel=0.12)  # of a line: L²/12
    assert values[0] < 0.5
    angle = math.degrees(math.atan2(vectors[1, 1], vectors[0, 1])) % 180
    named = float(prepared.words_at(1.0).split("°")[0].split()[-1])
    assert min(abs(angle - named), 180 - abs(angle - named)) < 2


def test_a_flat_frame_stays_flat_up_to_its_border() -> None:
    for edit in ("defocus", "motion_blur", "subject_blur", "background_blur", "oversharpening"):
        assert np.abs(chain(grey(77), edit, [1.0])[0].astype(int) - 77).max() <= 1, edit


def test_subject_and_background_are_blurred_where_they_are() -> None:
    frame = with_subject(0.6, 0.4).copy()
    texture = np.random.default_rng(1).integers(-25, 26, frame.shape[:2])[..., None]
    frame = np.clip(frame + texture, 0, 255).astype(np.uint8)
    there = subject_pixels(with_subject(0.6, 0.4, radius=25))
    far = ~subject_pixels(with_subject(0.6, 0.4, radius=90))

    subject, background = (chain(frame, name, [1.0])[0] for name in ("subject_blur", "background_blur"))

    assert frame[there].std(axis=0).min() > 3 * subject[there].std(axis=0).max()
    assert rms(subject[far][None], frame[far][None]) < 1
    assert frame[far].std(axis=0).min() > 3 * background[far].std(axis=0).max()
    assert rms(background[there][None], frame[there][None]) < 3


def test_oversharpening_overshoots_at_edges_and_nowhere_else() -> None:
    frame = np.concatenate([grey(90, (80, 80)), grey(160, (80, 80))], axis=1)
    [made] = chain(frame, "oversharpening", [0.5])

    assert made[40, 70:80].min() < 70 and made[40, 80:90].max() > 180
    assert (made[:, :60] == 90).all() and (made[:, 100:] == 160).all()


@pytest.mark.parametrize("strength", [0.1, 0.5, 1.0])
def test_jpeg_is_pillows_of_the_quality_it_names(strength: float) -> None:
    prepared = find_edit("jpeg").prepare(landscape())
    quality = int(prepared.words_at(strength).split()[-1])
    file = io.BytesIO()
    Image.fromarray(landscape()).save(file, "JPEG", quality=quality)

    assert np.array_equal(prepared.frame_at(strength), np.asarray(Image.open(file)))
    assert quality == round(90 * (8 / 90) ** strength)


@pytest.mark.parametrize("strength", [0.25, 0.75, 1.0])
def test_banding_leaves_as_many_levels_as_it_names(strength: float) -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    prepared = find_edit("banding").prepare(ramp)
    levels = np.unique(prepared.frame_at(strength))

    assert len(levels) == int(prepared.words_at(strength).split()[1])
    gaps = np.diff(levels.astype(int))
    assert levels[0] == 0 and levels[-1] == 255 and gaps.max() <= 2 * gaps.min() + 2


def test_no_pixel_comes_nearer_to_what_it_was_by_stronger_banding() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    far = [
        np.abs(made.astype(int) - ramp) for made in chain(ramp, "banding", np.linspace(0.01, 1, 60).tolist())
    ]

    assert all((weaker <= stronger).all() for weaker, stronger in itertools.pairwise(far))


def test_upscaling_leaves_nothing_finer_than_the_small_picture_had() -> None:
    checks = np.indices((120, 180)).sum(axis=0) % 2 * 200
    frame = np.repeat(checks[..., None], 3, axis=2).astype(np.uint8)

    assert chain(frame, "upscaling", [1.0])[0].std() < 3
