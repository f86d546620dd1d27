"""Light and colour against formulas and curves of others."""

from __future__ import annotations

import math

import numpy as np
import pytest

from finepick.domain import FloatArray
from finepick.edits import chain
from finepick.edits.light import frame_of, light_of
from tests.edits.drawn import grey, landscape, light

ALL_LEVELS = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)


def test_light_is_that_of_the_standard_and_comes_back_the_same() -> None:
    assert np.allclose(light_of(ALL_LEVELS), light(ALL_LEVELS), atol=1e-6)
    assert np.array_equal(frame_of(light_of(ALL_LEVELS)), ALL_LEVELS)


@pytest.mark.parametrize("stops", [0.5, 1.0, 2.0, 3.5])
def test_a_stop_of_underexposure_halves_the_light(stops: float) -> None:
    [darker] = chain(ALL_LEVELS, "underexposure", [stops / 3.5])

    expected = light(ALL_LEVELS) / 2**stops
    nearest = np.abs(light(np.arange(256))[None] - expected[0, :, :1]).argmin(axis=1)
    assert np.abs(darker[0, :, 0].astype(int) - nearest).max() <= 1  # rounding is of levels, not of light


def test_overexposure_doubles_the_light_and_clips() -> None:
    [brighter] = chain(grey(100), "overexposure", [1 / 2.5])
    assert light(brighter[0, 0, 0]) == pytest.approx(2 * light(100), rel=0.01)
    assert (chain(grey(230), "overexposure", [1.0])[0] == 255).all()


@pytest.mark.parametrize(("edit", "change"), [("low_contrast", 0.25), ("high_contrast", 3.0)])
def test_contrast_is_that_around_the_mean(edit: str, change: float) -> None:
    frame = np.concatenate([grey(110), grey(130)], axis=1)
    [made] = chain(frame, edit, [1.0])

    assert set(np.unique(made)) == {round(120 - 10 * change), round(120 + 10 * change)}


@pytest.mark.parametrize(("edit", "gamma"), [("dark_midtones", 2.5), ("bright_midtones", 0.3)])
def test_gamma_is_an_exponent_that_leaves_black_and_white(edit: str, gamma: float) -> None:
    [made] = chain(ALL_LEVELS, edit, [1.0])

    assert np.array_equal(made[0, :, 1], np.rint(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8))


@pytest.mark.parametrize("edit", ["crushed_shadows", "dull_highlights", "clipping"])
def test_curves_never_fall_and_keep_to_their_end_of_the_scale(edit: str) -> None:
    for made in chain(ALL_LEVELS, edit, [0.2, 0.6, 1.0]):
        curve = made[0, :, 0].astype(int)
        assert (np.diff(curve) >= 0).all()
        if edit == "crushed_shadows":
            assert (curve[170:] == np.arange(170, 256)).all() and (curve <= np.arange(256)).all()
        else:
            assert (curve[:76] == np.arange(76)).all()


def test_haze_draws_black_and_white_towards_the_air_and_most_at_the_top() -> None:
    black, white = (chain(grey(level), "haze", [0.7])[0] for level in (0, 255))

    assert (np.diff(black[:, 0, 1].astype(int)) <= 0).all() and black[0, 0, 1] > black[-1, 0, 1] + 30
    # Koschmieder: what is left of the difference between the two is the transmission exp(−β · depth).
    left = light(white[0, 0]) - light(black[0, 0])
    assert left == pytest.approx(np.full(3, math.exp(-2.2 * 0.7)), abs=0.01)


def planck_xy(kelvin: float) -> FloatArray:
    """Chromaticity of a black body: Planck's law under the CIE 1931 observer, by the lobes of Wyman et al. 2013."""
    nm = np.arange(380, 781, 1.0)
    radiance = nm**-5 / np.expm1(1.4387769e7 / (nm * kelvin))

    def lobe(middle: float, below: float, above: float) -> FloatArray:
        return np.asarray(np.exp(-0.5 * ((nm - middle) * np.where(nm < middle, below, above)) ** 2))

    x = (
        0.362 * lobe(442, 0.0624, 0.0374)
        + 1.056 * lobe(599.8, 0.0264, 0.0323)
        - 0.065 * lobe(501.1, 0.049, 0.0382)
    )
    y = 0.821 * lobe(568.8, 0.0213, 0.0247) + 0.286 * lobe(530.9, 0.0613, 0.0322)
    z = 1.217 * lobe(437, 0.0845, 0.0278) + 0.681 * lobe(459, 0.0385, 0.0725)
    xyz = np.array([radiance @ x, radiance @ y, radiance @ z])
    return np.asarray(xyz[:2] / xyz.sum())


@pytest.mark.parametrize(("edit", "mired"), [("too_warm", 190.0), ("too_cool", -105.0)])
@pytest.mark.parametrize("strength", [0.3, 0.6, 0.9])
def test_white_balance_is_that_of_a_black_body(edit: str, mired: float, strength: float) -> None:
    kelvin = 1e6 / (1e6 / 6504 + mired * strength)
    [made] = chain(grey(120), edit, [strength])

    rgb = light(made[0, 0])
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    cast = to_xyz @ rgb
    # Relative to how a black body of 6504 K itself looks against D65, which is white here.
    expected = planck_xy(kelvin) - planck_xy(6504) + np.array([0.3127, 0.3290])
    assert cast[:2] / cast.sum() == pytest.approx(expected, abs=0.012)
    assert np.array([0.2126, 0.7152, 0.0722]) @ rgb == pytest.approx(float(light(120)), rel=0.01)


@pytest.mark.parametrize("seed", range(6))
def test_a_cast_has_the_hue_it_names_and_leaves_the_luminance_of_grey(seed: int) -> None:
    from finepick.edits import find_edit

    prepared = find_edit("colour_cast").prepare(grey(120), seed=seed)
    pixel = prepared.frame_at(0.8)[0, 0].astype(int)
    name = next(
        w
        for w in prepared.words_at(0.8).split()
        if w in ("red", "yellow", "green", "cyan", "blue", "magenta")
    )

    up = {"red": "r", "yellow": "rg", "green": "g", "cyan": "gb", "blue": "b", "magenta": "rb"}[name]
    inside = [pixel["rgb".index(letter)] for letter in up]
    outside = [pixel["rgb".index(letter)] for letter in "rgb" if letter not in up]
    assert min(inside) > max(outside)
    assert np.array([0.2126, 0.7152, 0.0722]) @ light(pixel) == pytest.approx(float(light(120)), rel=0.02)


def test_desaturation_keeps_luminance_and_nine_tenths_less_colour() -> None:
    frame = landscape()
    [made] = chain(frame, "desaturation", [1.0])
    weights = np.array([0.2126, 0.7152, 0.0722])

    before, after = light(frame), light(made)
    assert np.abs(after @ weights - before @ weights).max() < 0.006  # half a grey level
    colour = np.ptp(after, axis=2).mean() / np.ptp(before, axis=2).mean()
    assert colour == pytest.approx(0.1, abs=0.01)


def test_saturation_does_not_touch_grey() -> None:
    assert (chain(grey(90), "oversaturation", [1.0])[0] == 90).all()


def test_colour_noise_is_without_luminance_and_of_the_size_it_names() -> None:
    [made] = chain(grey(128, (400, 600)), "channel_noise", [0.5])
    levels = made.astype(float)
    weights = np.array([0.2126, 0.7152, 0.0722])

    assert (levels @ weights).std() < 1
    assert levels[..., 2].std() > 8
    dark = chain(grey(60, (400, 600)), "channel_noise", [0.5])[0].astype(float)
    assert dark[..., 2].std() > levels[..., 2].std()


@pytest.mark.parametrize("strength", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("level", [60, 128, 190])
def test_the_variance_of_shot_noise_grows_with_the_light(strength: float, level: int) -> None:
    [made] = chain(grey(level, (300, 400)), "shot_noise", [strength])

    expected = strength**2 * (0.22**2 * float(light(level)) + 0.015**2)
    spread = light(made)
    if spread.max() >= 1 or spread.min() <= 0:  # clipped: only the middle half tells
        low, high = np.percentile(spread, [25, 50])
        assert (high - low) / 0.6745 == pytest.approx(math.sqrt(expected), rel=0.05)
    else:
        assert spread.var() == pytest.approx(expected, rel=0.05)
