"""The scorers of the catalogue keep the contract, and pick what anybody would pick."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from finepick.errors import UnknownScorerError, UsageError
from finepick.features.measurements import VALUES
from finepick.scorers.base import Scorer
from finepick.scorers.catalog import WEIGHTED, load_scorer, scorer_names
from finepick.scorers.frames import ArrayFrames
from finepick.scorers.measured import COARSE_READINGS, READINGS, MeasuredScorer
from finepick.scorers.single import MEASUREMENTS
from finepick.scorers.utilities import judge_utilities

_PATH = os.path.join(os.path.dirname(__file__), "..", "contracts", "scorer_contract.py")
_SPEC = importlib.util.spec_from_file_location("scorer_contract", _PATH)
assert _SPEC is not None and _SPEC.loader is not None
contract = sys.modules.setdefault("scorer_contract", importlib.util.module_from_spec(_SPEC))
_SPEC.loader.exec_module(contract)


class TestMeasured(contract.ScorerContract):
    @pytest.fixture
    def scorer(self) -> Scorer:
        return load_scorer("measured")


class TestSharpness(contract.ScorerContract):
    @pytest.fixture
    def scorer(self) -> Scorer:
        return load_scorer("sharpness")


class TestSingleMeasurement(contract.ScorerContract):
    @pytest.fixture
    def scorer(self) -> Scorer:
        return load_scorer("measurement:contrast")


def test_the_catalogue_loads_all_that_it_lists() -> None:
    names = scorer_names()
    assert (
        next(iter(names)) == "builtin"
        and "measured" in names
        and "sharpness" in names
        and "measurement:jpeg_size" in names
    )
    for description in names.values():
        assert description and "\n" not in description
    for name in names.keys() - WEIGHTED.keys():
        assert load_scorer(name).info.name == name


def test_fingerprints_differ_between_models() -> None:
    names = scorer_names().keys() - WEIGHTED.keys()
    assert len({load_scorer(name).info.fingerprint for name in names}) == len(names)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    for name in ("sharpnes", "measurement:charm", "measurement", "measurement:", "sharpness:x", ""):
        with pytest.raises(UnknownScorerError) as caught:
            load_scorer(name)
        assert str(caught.value).startswith(
            f"there is no model called '{name}'; known are builtin, measured, sharpness, "
        )
        assert isinstance(caught.value, LookupError)


def test_a_file_whose_name_says_no_weights_is_told_what_would(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"x")
    for path in (tmp_path / "weights", tmp_path / "weights.bin", tmp_path / "nowhere"):
        with pytest.raises(UnknownScorerError) as caught:
            load_scorer(str(path))
        assert str(caught.value) == (
            f"'{path}' is no file of weights; their names end in .onnx, .safetensors, .pt or .pth; "
            "a red-aes model is a folder, or a card that ends in .json"
        )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"device": "tpu"}, "unknown device 'tpu'; use one of auto, cpu, cuda, mps"),
        ({"pairing": "all"}, "unknown pairing 'all'; use one of series, published"),
        ({"pairing": "published"}, "--pairing published goes with fgaesq, not with 'measured'"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, str], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_scorer("measured", **options)
    assert str(caught.value) == told


def test_every_single_measurement_is_one_that_is_taken() -> None:
    assert {known.value for known in MEASUREMENTS.values()} <= set(VALUES)
    assert set(COARSE_READINGS) <= set(VALUES)


# --- what anybody would pick ---


def spoil(array: np.ndarray, how: str) -> np.ndarray:
    picture = Image.fromarray(array)
    if how == "blur":
        return np.asarray(picture.filter(ImageFilter.GaussianBlur(1.6)))
    if how == "noise":
        noise = np.random.default_rng(0).normal(0, 22, array.shape)
        return np.clip(array + noise, 0, 255).astype(np.uint8)
    if how == "burnt":
        return np.clip(array.astype(float) * 1.9, 0, 255).astype(np.uint8)
    if how == "dark":
        return (array * 0.25).astype(np.uint8)
    if how == "faded":
        return (array * 0.35 + 80).astype(np.uint8)
    raise AssertionError(how)


@pytest.mark.parametrize("how", ["blur", "noise", "burnt", "dark", "faded"])
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", ["measured", "builtin"])
def test_a_frame_is_preferred_to_what_was_made_of_it(how: str, seed: int, name: str) -> None:
    frames = contract.draw_burst(3, seed=seed)
    clean = [frames[0], frames[0][::-1, ::-1][::-1, ::-1].copy()]
    judged = load_scorer(name).judge(ArrayFrames([spoil(clean[0], how), clean[1]]))
    assert judged.fine[1] > judged.fine[0]
    assert judged.preference[1, 0] > 0.6 and not judged.too_close


@pytest.mark.parametrize("name", ["builtin", "measured", "sharpness"])
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_the_sharp_frame_of_a_shaken_burst_wins(name: str, seed: int) -> None:
    frames = contract.draw_burst(4, seed=seed)
    judged = load_scorer(name).judge(ArrayFrames([frames[2], frames[1], frames[0], frames[3]]))
    assert list(np.argsort(-judged.fine)) == [2, 1, 0, 3]


@pytest.mark.parametrize("degrees", [-4.0, 3.0])
def test_measured_prefers_a_level_horizon(degrees: float) -> None:
    def sea(lean: float, seed: int) -> np.ndarray:
        y, x = np.mgrid[:480, :640]
        depth = y - 240 - (x - 320) * np.tan(np.radians(lean))
        above = depth < 0
        waves = 12 * np.sin(depth / 3.0) * ~above
        pixels = np.where(above[..., None], [180, 195, 215], [40, 80, 110]) + waves[..., None]
        return np.clip(pixels + np.random.default_rng(seed).normal(0, 2, pixels.shape), 0, 255).astype(
            np.uint8
        )

    judged = MeasuredScorer().judge(ArrayFrames([sea(degrees, 1), sea(0.0, 2)]))
    assert judged.fine[1] > judged.fine[0]


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    frames = contract.draw_burst(2)
    fine = load_scorer("sharpness").judge(ArrayFrames(frames)).fine
    luma = [np.asarray(Image.fromarray(frame).convert("L")).astype(float) for frame in frames]
    for score, grey in zip(fine, luma, strict=True):
        laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
        assert score == pytest.approx(np.log2(1 + laplacian.var()), abs=0.05)


# --- laws ---


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@example(permutation=[1, 2, 3, 4, 0], twin=0, name="measured")
@given(
    permutation=st.permutations(range(5)),
    twin=st.integers(0, 3),
    name=st.sampled_from(["measured", "sharpness"]),
)
def test_order_and_copies_do_not_matter(permutation: list[int], twin: int, name: str) -> None:
    """Renaming cannot matter, as no scorer sees a name; order and copies of the same bytes do not either."""
    frames = contract.draw_burst(4, width=240, height=160)
    frames.append(frames[twin].copy())
    scorer = load_scorer(name)
    first = scorer.judge(ArrayFrames(frames))
    other = scorer.judge(ArrayFrames([frames[i] for i in permutation]))
    contract.assert_same(contract.permuted(first, permutation), other)
    assert first.preference[twin, 4] == 0.5


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=8), st.floats(0.05, 5))
def test_utilities_become_probabilities_that_keep_their_order(
    utilities: list[float], temperature: float
) -> None:
    judged = judge_utilities(np.array(utilities), temperature=temperature)
    assert np.allclose(judged.preference + judged.preference.T, 1, atol=1e-15)
    gaps = np.subtract.outer(utilities, utilities)
    assert (judged.preference[gaps > 0] >= 0.5).all()
    assert not (judged.too_close and len(utilities) == 1)


def test_odds_are_e_to_the_gap_over_the_temperature() -> None:
    judged = judge_utilities(np.array([1.0, 0.0]), temperature=0.5)
    assert judged.preference[0, 1] / judged.preference[1, 0] == pytest.approx(np.exp(2))


# --- frames in memory ---


def test_array_frames_refuse_what_is_no_frame() -> None:
    with pytest.raises(TypeError, match="frame 1 is float64; give uint8 values from 0 to 255"):
        ArrayFrames([np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 3))])
    for shape in ((4, 4), (4, 4, 4), (0, 4, 3)):
        with pytest.raises(ValueError, match="height × width × 3"):
            ArrayFrames([np.zeros(shape, np.uint8)])


def test_digests_of_arrays_tell_shape_and_content() -> None:
    flat = np.arange(36, dtype=np.uint8)
    frames = ArrayFrames([flat.reshape(3, 4, 3), flat.reshape(4, 3, 3), flat.reshape(3, 4, 3)[:, ::-1]])
    digests = [frames.digest(i) for i in range(3)]
    assert len(set(digests)) == 3 and all(len(d) == len(hashlib.sha256().hexdigest()) for d in digests)


def test_frames_are_handed_out_no_larger_than_asked() -> None:
    frames = ArrayFrames([np.zeros((300, 500, 3), np.uint8)])
    assert frames.frame(0, 100).shape == (60, 100, 3)
    assert frames.frame(0, 500).shape == (300, 500, 3)
    assert frames.frame(0, 9000).shape == (300, 500, 3)


def test_readings_are_at_most_fifteen() -> None:
    assert len(READINGS) <= 15
