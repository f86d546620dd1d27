"""Measurements against definitions, drawn truths and other people's formulas."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage

from finepick.features.extraction import extract_features
from finepick.features.measurements import CHANNELS, VALUES, Measurements, salience


def measured(picture: Image.Image) -> Measurements:
    return extract_features(np.asarray(picture)).measurements


def texture(width: int, height: int, seed: int = 0, step: int = 4) -> Image.Image:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 216, (height // step, width // step, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def horizon(degrees: float, width: int = 600, height: int = 400) -> Image.Image:
    y, x = np.mgrid[:height, :width]
    above = y < height / 2 + (x - width / 2) * math.tan(math.radians(degrees))
    pixels = np.where(above[..., None], [170, 190, 220], [50, 80, 60]).astype(np.uint8)
    return Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(0.8))


def test_every_value_and_channel_has_its_place() -> None:
    found = measured(texture(320, 200))
    assert found.values.shape == (len(VALUES),) and found.values.dtype == np.float32
    assert found.grid.shape == (20, 32, len(CHANNELS)) and found.grid.dtype == np.float32
    assert len(set(VALUES)) == len(VALUES) and len(set(CHANNELS)) == len(CHANNELS)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="no measurement is called 'charm'"):
        measured(texture(64, 64))["charm"]


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 2), (2, 1), (3, 3), (1, 400), (400, 1), (23, 31), (33, 1201), (1500, 2000)]
)
def test_frames_of_any_size_give_finite_numbers(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    found = measured(Image.fromarray(rng.integers(0, 256, (*shape, 3), dtype=np.uint8)))
    assert np.isfinite(found.values).all() and np.isfinite(found.grid).all()


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    picture = texture(512, 512)
    luma = np.asarray(picture.convert("L")).astype(float)
    kernel = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    expected = ndimage.convolve(luma, kernel)[1:-1, 1:-1].var()
    assert measured(picture)["sharpness"] == pytest.approx(expected, rel=0.01)


def test_sampled_rows_of_a_large_frame_speak_for_all() -> None:
    picture = texture(2000, 1500, step=6)
    luma = np.asarray(picture.convert("L")).astype(float)
    expected = ndimage.laplace(luma)[1:-1, 1:-1].var()
    assert measured(picture)["sharpness"] == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("height", [385, 401, 440, 479, 480, 481, 500, 641, 777, 1333, 1500])
def test_nothing_is_seen_at_the_borders_of_a_flat_frame(height: int) -> None:
    found = measured(Image.new("RGB", (height * 4 // 3, height), (255, 255, 255)))
    assert found["sharpness"] == 0 and found["noise"] == 0
    assert found["clipped_high"] == 1 and found["entropy"] == 0


def test_blur_lowers_every_measure_of_detail_step_by_step() -> None:
    steps = [measured(texture(512, 384).filter(ImageFilter.GaussianBlur(r))) for r in (0, 0.7, 1.5, 3, 6)]
    for name in ("sharpness", "fine_detail", "sharpest_tenth", "mid_detail", "jpeg_size"):
        values = [step[name] for step in steps]
        assert values == sorted(values, reverse=True) and values[0] > values[-1], name


@pytest.mark.parametrize("sigma", [2.0, 5.0, 12.0])
def test_noise_is_estimated_to_within_a_fifth(sigma: float) -> None:
    rng = np.random.default_rng(2)
    grey = np.clip(np.round(rng.normal(128, sigma, (400, 600))), 0, 255).astype(np.uint8)
    assert measured(Image.fromarray(grey).convert("RGB"))["noise"] == pytest.approx(sigma, rel=0.2)


def test_noise_is_not_taken_for_detail() -> None:
    rng = np.random.default_rng(3)
    flat = Image.fromarray(np.clip(rng.normal(128, 8, (400, 600)), 0, 255).astype(np.uint8)).convert("RGB")
    found = measured(flat)
    assert found["sharpness"] > 1000
    assert found["fine_detail"] < math.log2(found["sharpness"]) - 2


def test_entropy_and_contrast_of_known_histograms() -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (512, 2))
    found = measured(Image.fromarray(ramp).convert("RGB"))
    assert found["entropy"] == pytest.approx(8, abs=0.01)
    assert found["contrast"] == pytest.approx(np.arange(256).std() / 255, abs=0.005)
    assert measured(Image.new("RGB", (100, 80), (90, 90, 90)))["entropy"] == 0


def test_colourfulness_is_that_of_hasler_and_suesstrunk() -> None:
    picture = texture(240, 200)
    red, green, blue = np.moveaxis(np.asarray(picture).astype(float), -1, 0)
    rg, yb = red - green, (red + green) / 2 - blue
    expected = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    assert measured(picture)["colourfulness"] == pytest.approx(expected, rel=0.01)
    assert measured(picture.convert("L").convert("RGB"))["colourfulness"] == pytest.approx(0, abs=0.01)


def test_clipping_is_the_share_of_pixels_and_lies_where_it_is_drawn() -> None:
    picture = Image.new("RGB", (640, 480), (120, 110, 100))
    ImageDraw.Draw(picture).rectangle([0, 0, 319, 239], fill=(255, 255, 255))
    ImageDraw.Draw(picture).rectangle([320, 240, 639, 479], fill=(0, 0, 0))
    found = measured(picture)
    assert found["clipped_high"] == pytest.approx(0.25, abs=0.01)
    assert found["clipped_low"] == pytest.approx(0.25, abs=0.01)
    burnt = found.channel("clipped_high")
    assert burnt[:10, :14].min() == 1 and burnt[14:, 18:].max() == 0


def test_exposure_is_best_in_the_middle() -> None:
    greys = [measured(Image.new("RGB", (60, 60), (v, v, v)))["mid_exposure"] for v in (10, 70, 128, 190, 250)]
    assert max(greys) == greys[2] and greys[0] < greys[1] and greys[4] < greys[3]


def test_coarser_jpegs_are_blockier() -> None:
    picture = texture(512, 384, step=16)
    found = []
    for quality in (95, 40, 15, 5):
        target = io.BytesIO()
        picture.save(target, "JPEG", quality=quality)
        found.append(measured(Image.open(target).convert("RGB"))["blockiness"])
    assert found == sorted(found) and found[-1] > found[0] + 0.5


def test_blocks_of_a_jpeg_decoded_at_half_size_are_seen() -> None:
    target = io.BytesIO()
    texture(1024, 768, step=32).save(target, "JPEG", quality=5)
    halved = Image.open(target)
    halved.draft("RGB", (512, 384))
    assert halved.size == (512, 384)
    assert (
        measured(halved.convert("RGB"))["blockiness"]
        > measured(texture(512, 384, step=16))["blockiness"] + 0.3
    )


@pytest.mark.parametrize("degrees", [-7.0, -2.5, 0.0, 1.0, 4.0])
def test_the_tilt_of_a_drawn_horizon_is_found(degrees: float) -> None:
    found = measured(horizon(degrees))
    assert found["tilt"] == pytest.approx(degrees, abs=0.3)
    assert found["tilt_confidence"] > 0.7


def test_without_a_horizon_nothing_is_said_about_tilt() -> None:
    assert measured(texture(512, 384))["tilt_confidence"] < 0.1
    assert measured(Image.new("RGB", (300, 200), (9, 9, 9)))["tilt_confidence"] == 0


@pytest.mark.parametrize("colour", [(150, 130, 110), (110, 130, 150), (120, 140, 120)])
def test_a_cast_over_grey_is_noticed(colour: tuple[int, int, int]) -> None:
    assert measured(Image.new("RGB", (200, 150), (130, 130, 130)))["cast"] < 0.01
    assert measured(Image.new("RGB", (200, 150), colour))["cast"] > 0.05


def test_shake_shows_as_direction() -> None:
    picture = texture(512, 384)
    shaken = Image.fromarray(
        ndimage.uniform_filter1d(np.asarray(picture).astype(float), 15, axis=1).astype(np.uint8)
    )
    assert measured(shaken)["motion"] > measured(picture)["motion"] + 0.3
    assert abs(math.sin(measured(shaken)["motion_angle"])) < 0.2  # along x


def test_what_stands_out_is_found_where_it_is_drawn() -> None:
    picture = Image.new("RGB", (600, 400), (110, 130, 150))
    ImageDraw.Draw(picture).ellipse([400, 80, 480, 160], fill=(220, 40, 30))
    found = measured(picture)
    assert found["salient_x"] == pytest.approx(440 / 600, abs=0.06)
    assert found["salient_y"] == pytest.approx(120 / 400, abs=0.06)
    assert found["salient_edge"] < 0.5
    assert salience(found.grid).sum() == pytest.approx(1, abs=1e-4)
    cut = Image.new("RGB", (600, 400), (110, 130, 150))
    ImageDraw.Draw(cut).ellipse([-40, 80, 40, 160], fill=(220, 40, 30))
    assert measured(cut)["salient_edge"] > 1.5


def test_mirroring_changes_only_what_has_a_side() -> None:
    picture = horizon(3.0)
    one, other = measured(picture), measured(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    assert other["tilt"] == pytest.approx(-one["tilt"], abs=0.1)
    for name in ("sharpness", "contrast", "entropy", "luma", "saturation", "cast"):
        assert other[name] == pytest.approx(one[name], rel=0.02, abs=1e-3), name


def test_frames_are_left_as_they_were() -> None:
    pixels = np.array(texture(300, 200))
    before = pixels.copy()
    extract_features(pixels)
    assert (pixels == before).all()


@pytest.mark.parametrize("size", [(1, 2000), (2, 700), (2000, 1)])
def test_a_single_line_of_pixels_can_be_measured(size: tuple[int, int]) -> None:
    found = measured(Image.new("RGB", size, (120, 130, 140)))

    assert np.isfinite(found.values).all() and np.isfinite(found.grid).all()
    assert found["sharpness"] == 0
