"""The kernels in C give what NumPy gives, to the last bit, and refuse buffers that do not fit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from finepick import kernels
from finepick.differences import maps, registration
from finepick.explanations.study import pack_study, study_frames
from finepick.features import keypoints, measurements
from finepick.features.extraction import extract_features, extract_with_thumbnail
from finepick.features.packing import pack_features
from finepick.images import jpeg
from finepick.scorers.catalog import load_scorer
from finepick.scorers.frames import FeatureFrames
from tests.conftest import scene

Result = TypeVar("Result")

pytestmark = pytest.mark.skipif(
    kernels.compiled is None, reason="no compiled kernels: install gcc (and python3-dev), then make again"
)
EXAMPLES = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def in_numpy(work: Callable[[], Result]) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "compiled", None)
        return work()


def compiled() -> ModuleType:
    assert kernels.compiled is not None
    return kernels.compiled


def picture(kind: str, width: int, height: int, seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    ramp = np.add.outer(np.arange(height) * 3, np.arange(width) * 2)[..., None] // np.array([2, 3, 5])
    pixels: NDArray[np.int64] = {
        "noise": rng.integers(0, 256, (height, width, 3)),
        "extremes": rng.integers(0, 2, (height, width, 3)) * 255,
        "flat": np.full((height, width, 3), rng.integers(0, 256, 3)),
        "ramp": (ramp + rng.integers(0, 9, (height, width, 3))) % 256,
        "blocks": np.kron(
            rng.integers(0, 256, (height // 9 + 1, width // 9 + 1, 3)), np.ones((9, 9, 1), int)
        )[:height, :width],
    }[kind]
    return Image.fromarray(pixels.astype(np.uint8))


kinds = st.sampled_from(["noise", "extremes", "flat", "ramp", "blocks"])
seeds = st.integers(0, 2**16)


@EXAMPLES
@given(kind=kinds, width=st.integers(1, 90), height=st.integers(1, 90), seed=seeds)
def test_features_of_small_pictures_are_the_same(kind: str, width: int, height: int, seed: int) -> None:
    assert_same_features(picture(kind, width, height, seed))


@pytest.mark.parametrize("kind", ["noise", "extremes", "flat", "ramp", "blocks"])
@pytest.mark.parametrize(
    "size",
    [(2000, 1500), (2048, 1365), (1999, 1501), (1365, 2048), (2048, 2048), (1, 2000), (2000, 1), (17, 900),
     (1300, 40), (700, 521), (513, 513), (512, 512), (2048, 3), (1750, 1166), (999, 640)],
)  # fmt: skip
def test_features_of_working_frames_are_the_same(kind: str, size: tuple[int, int]) -> None:
    assert_same_features(picture(kind, *size, seed=7))


@EXAMPLES
@given(width=st.integers(1, 400), height=st.integers(1, 400), seed=seeds)
def test_shrinking_is_what_pillow_does(width: int, height: int, seed: int) -> None:
    whole = picture("noise", width, height, seed)
    pixels = kernels.pixels_in_place(whole)
    small = np.empty((-(-height // 4), -(-width // 4), 4), np.uint8)
    rows = np.random.default_rng(seed).integers(0, height, 9).astype(np.int32)
    luma = np.empty((9, width), np.uint8)

    compiled().shrink_by_four(pixels, height, width, small, rows, luma)

    np.testing.assert_array_equal(small[..., :3], np.asarray(whole.reduce(4)))
    np.testing.assert_array_equal(luma, np.asarray(whole.convert("L"))[rows])


@EXAMPLES
@given(width=st.integers(1, 300), height=st.integers(1, 40), seed=seeds)
def test_luma_is_what_pillow_does(width: int, height: int, seed: int) -> None:
    whole = picture("noise", width, height, seed)
    rows = np.random.default_rng(seed).integers(0, height, 5).astype(np.int32)
    luma = np.empty((5, width), np.uint8)

    compiled().luma_rows(kernels.pixels_in_place(whole), height, width, rows, luma)

    np.testing.assert_array_equal(luma, np.asarray(whole.convert("L"))[rows])


@EXAMPLES
@given(
    kind=kinds, width=st.integers(32, 300), height=st.integers(32, 300), seed=seeds, count=st.integers(1, 99)
)
def test_corners_are_the_same(kind: str, width: int, height: int, seed: int, count: int) -> None:
    level = np.asarray(picture(kind, width, height, seed).convert("L"))

    found = keypoints._corners(level, count)
    wanted = in_numpy(lambda: keypoints._corners(level, count))

    for name in ("y", "x", "vectors"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))


@EXAMPLES
@given(rows=st.integers(2, 60), columns=st.integers(2, 60), seed=seeds, levels=st.integers(2, 400))
def test_pairs_are_the_same_with_ties_too(rows: int, columns: int, seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    likeness = (rng.integers(0, levels, (rows, columns)) / levels).astype(np.float32)
    pairs = np.empty((rows, 2), np.int64)

    count = compiled().pair_mutual(likeness, rows, columns, 0.87**2, pairs)

    np.testing.assert_array_equal(pairs[:count], keypoints._pair_mutual(likeness, 0.87**2))


@EXAMPLES
@given(rows=st.integers(1, 30), columns=st.integers(1, 30), depth=st.integers(1, 5), seed=seeds)
def test_samples_are_the_same_inside_and_outside(rows: int, columns: int, depth: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    planes = rng.normal(0, 50, (rows, columns, depth)).astype(np.float32)
    points = rng.uniform(-0.4, 1.4, (50, 2))
    extent = np.array([1.0, rows / columns])
    level = registration._Level(planes[..., 0].copy(), (columns / 1.0, columns / 1.0))
    fit = np.array([[1.0, 0.01, 0.02], [-0.01, 1.0, 0.03]])

    for work in (
        lambda: maps.sample_planes(planes, points, extent),
        lambda: registration._sample(level, points.astype(np.float32), fit),
    ):
        for found, wanted in zip(work(), in_numpy(work), strict=True):
            np.testing.assert_array_equal(found, wanted)


@EXAMPLES
@given(
    count=st.integers(1, 7),
    rows=st.integers(1, 20),
    columns=st.integers(1, 20),
    seed=seeds,
    levels=st.integers(2, 300),
)
def test_what_maps_are_made_of_is_the_same(
    count: int, rows: int, columns: int, seed: int, levels: int
) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, levels, (2, count, rows, columns)).astype(np.float32) * np.float32(0.37)
    counted = rng.random((count, rows, columns)) < 0.7

    for work in (
        lambda: maps._median_of_others(a, counted),
        lambda: (maps._unexplained(a, b),),
        lambda: (maps._smooth(a),),
    ):
        for found, wanted in zip(work(), in_numpy(work), strict=True):
            np.testing.assert_array_equal(found, wanted)


@EXAMPLES
@given(
    kind=kinds, width=st.integers(2, 300), height=st.integers(1, 200), seed=seeds, most=st.integers(0, 900)
)
def test_slopes_colours_lines_and_contrast_are_the_same(
    kind: str, width: int, height: int, seed: int, most: int
) -> None:
    small = picture(kind, width, height, seed)
    grey = small.convert("L")
    luma = np.asarray(grey)
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, height, 9).astype(np.int32)
    x, y = rng.uniform(-width, width, 99), rng.uniform(-height, 2 * height, 99)
    weights = rng.integers(6, 60, 99).astype(np.float32) / np.float32(2)
    slopes = np.linspace(-0.3, 0.3, 25)

    for work in (
        lambda: measurements._slopes(small, rows),
        lambda: measurements._opponents(small),
        lambda: measurements._steep_points(luma, most),
        lambda: (measurements._hough_votes(x, y, weights, slopes, height),),
        lambda: (np.asarray(keypoints.normalise_contrast(grey, noise=4.0)),),
    ):
        for found, wanted in zip(work(), in_numpy(work), strict=True):
            np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("most", [0, 5, 100])
def test_no_more_steep_places_are_taken_than_asked_for(most: int) -> None:
    places, steep = measurements._steep_points(np.asarray(picture("noise", 90, 60, 1).convert("L")), most)

    assert len(places) <= most and (steep >= 6).all()


@EXAMPLES
@given(count=st.integers(1, 40), depth=st.integers(1, 3), seed=seeds)
def test_a_median_is_the_middle_of_what_it_is_of(count: int, depth: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(0, 9, (count, depth)).astype(np.float32)

    np.testing.assert_array_equal(measurements._median(values), np.median(values, axis=0))


def test_the_judgement_of_a_series_is_the_same() -> None:
    frames = [
        np.asarray(scene(3, (640, 420)).rotate(turn, Image.Resampling.BICUBIC)) for turn in (0, 1, -2, 0.4)
    ]
    features = [extract_features(frame) for frame in frames]

    def judged() -> bytes:
        digests = [f"{place:064x}" for place in range(len(frames))]
        return pack_study(study_frames(FeatureFrames(features, digests), load_scorer("measured")))

    assert judged() == in_numpy(judged)


def test_pixels_are_those_of_the_picture_and_cannot_be_written() -> None:
    whole = picture("noise", 71, 33, 1)

    pixels = kernels.pixels_in_place(whole)

    assert pixels is not None and not pixels.flags.writeable
    np.testing.assert_array_equal(pixels[..., :3], np.asarray(whole))


@EXAMPLES
@given(kind=kinds, width=st.integers(1, 60), height=st.integers(1, 9), seed=seeds, is_flat=st.booleans())
def test_a_last_row_of_one_colour_is_seen_either_way(
    kind: str, width: int, height: int, seed: int, is_flat: bool
) -> None:
    whole = picture(kind, width, height, seed)
    if is_flat:
        whole.paste((7, 200, 31), (0, height - 1, width, height))

    found = jpeg._ends_flat(whole)

    assert found == in_numpy(lambda: jpeg._ends_flat(whole))
    assert found or not is_flat


def test_pixels_outlive_their_picture() -> None:
    wanted = np.asarray(picture("noise", 300, 200, 4))
    pixels = kernels.pixels_in_place(picture("noise", 300, 200, 4))
    others = [picture("flat", 300, 200, seed) for seed in range(20)]

    assert pixels is not None and len(others) == 20
    np.testing.assert_array_equal(pixels[..., :3], wanted)


@pytest.mark.parametrize(
    "unfit", [Image.new("RGB", (4000, 3000)), Image.new("L", (9, 9)), Image.new("RGBA", (9, 9))]
)
def test_pictures_in_several_blocks_or_of_other_modes_have_no_pixels_in_place(unfit: Image.Image) -> None:
    assert kernels.pixels_in_place(unfit) is None


def test_a_picture_to_fill_is_a_picture_like_any_other() -> None:
    blank = kernels.picture_to_fill((40, 30))
    assert blank is not None

    blank.paste((1, 2, 3), (0, 0, 40, 30))

    assert blank.mode == "RGB" and blank.size == (40, 30)
    assert blank.getextrema() == ((1, 1), (2, 2), (3, 3))
    assert np.asarray(blank.reduce(2).crop((1, 1, 3, 3))).tolist() == [[[1, 2, 3]] * 2] * 2


def test_memory_of_pictures_is_given_back() -> None:
    resource = pytest.importorskip("resource")
    kernels.pixels_in_place(kernels.picture_to_fill((2000, 1500)) or Image.new("RGB", (1, 1)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    for _ in range(40):  # half a gigabyte
        blank = kernels.picture_to_fill((2000, 1500))
        assert blank is not None
        blank.paste((1, 2, 3), (0, 0, 2000, 1500))
        kernels.pixels_in_place(blank)

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def _floats(*shape: int) -> NDArray[np.float32]:
    return np.zeros(shape, np.float32)


def _bytes(*shape: int) -> NDArray[np.uint8]:
    return np.zeros(shape, np.uint8)


def _numbers(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def _rows(*rows: int) -> NDArray[np.int32]:
    return np.array(rows, np.int32)


def _for_energies(lines: int, width: int, inner: int, levels: int) -> tuple[Any, ...]:
    sums, counts = [_floats(2, inner)] * 3, [_bytes(2, 9)] * 2
    return (_bytes(lines, 2, 4, 9), (lines, 2, 4, width), 253, 2, *sums, *counts, np.zeros(levels, np.int64))


def _for_peaks(height: int, rim: int, least: float, count: int, tile: float) -> tuple[Any, ...]:
    out = (_numbers(0), _numbers(0), _floats(1), _floats(1))
    return (_floats(height, 40), height, 40, rim, least, count, tile, *out)


HOSTILE: list[tuple[str, tuple[Any, ...]]] = [
    ("shrink_by_four", (_bytes(8, 8, 4), 8, 9, _bytes(2, 2, 4), _rows(), _bytes(0))),
    ("shrink_by_four", (_bytes(8, 8, 4), 8, 8, _bytes(2, 2, 3), _rows(), _bytes(0))),
    ("shrink_by_four", (_bytes(8, 8, 4), -8, -8, _bytes(2, 2, 4), _rows(), _bytes(0))),
    ("shrink_by_four", (_bytes(8, 8, 4), 2**62, 2**62, _bytes(2, 2, 4), _rows(), _bytes(0))),
    ("shrink_by_four", (_bytes(0), 0, 0, _bytes(0), _rows(), _bytes(0))),
    ("shrink_by_four", (_bytes(8, 8, 4), 8, 8, _bytes(2, 2, 4), _rows(8), _bytes(8))),
    ("shrink_by_four", (_bytes(8, 8, 4), 8, 8, _bytes(2, 2, 4), _rows(-1), _bytes(8))),
    ("shrink_by_four", (_bytes(8, 8, 4), 8, 8, _bytes(2, 2, 4), _rows(1, 2), _bytes(8))),
    ("luma_rows", (_bytes(8, 8, 4), 8, 8, _rows(8), _bytes(1, 8))),
    ("luma_rows", (_bytes(8, 8, 4), 8, 8, _rows(-1), _bytes(1, 8))),
    ("luma_rows", (_bytes(8, 8, 4), 8, 8, _rows(1, 2), _bytes(1, 8))),
    ("luma_rows", (_bytes(8, 8, 4), 8, 8, _bytes(5), _bytes(1, 8))),
    ("strip_energies", _for_energies(4, 10, 7, 256)),
    ("strip_energies", _for_energies(4, 9, 9, 256)),
    ("strip_energies", _for_energies(4, 9, 7, 9)),
    ("strip_energies", _for_energies(2, 9, 7, 256)),
    ("strip_energies", _for_energies(40, 9, 7, 256)),
    ("cell_sums", (_bytes(4, 4, 4), _bytes(4, 4), 4, 4, 5, 4, _floats(5, 5, 4))),
    ("cell_sums", (_bytes(4, 4, 4), _bytes(4, 4), 4, 4, 2, 2, _floats(5, 2, 3))),
    ("cell_sums", (_bytes(4, 4, 4), _bytes(4, 4), 4, 4, 0, 2, _floats(0))),
    ("opponents", (_bytes(8, 4), 9, _floats(9), _floats(9))),
    ("opponents", (_bytes(8, 4), 8, _floats(8), _floats(7))),
    ("opponents", (_bytes(8, 4), -1, _floats(8), _floats(8))),
    ("slopes_at", (_bytes(8, 8, 4), 8, 8, _rows(8), _floats(1, 8), _floats(1, 8))),
    ("slopes_at", (_bytes(8, 8, 4), 8, 8, _rows(-1), _floats(1, 8), _floats(1, 8))),
    ("slopes_at", (_bytes(8, 8, 4), 8, 8, _rows(1, 2), _floats(2, 8), _floats(1, 8))),
    ("slopes_at", (_bytes(8, 8, 4), 9, 8, _rows(1), _floats(1, 8), _floats(1, 8))),
    ("steep_points", (_bytes(8, 8), 8, 9, 5, _numbers(*[0] * 72), np.zeros(72, np.int16))),
    ("steep_points", (_bytes(8, 8), 8, 8, 5, _numbers(0), np.zeros(64, np.int16))),
    ("steep_points", (_bytes(8, 1), 8, 1, 5, _numbers(*[0] * 8), np.zeros(8, np.int16))),
    ("hough_votes", (np.zeros(3), np.zeros(3), _floats(2), np.zeros(4), 5, np.zeros((4, 15)))),
    ("hough_votes", (np.zeros(3), np.zeros(3), _floats(3), np.zeros(4), 5, np.zeros((4, 14)))),
    ("hough_votes", (np.zeros(3), np.zeros(3), _floats(3), np.zeros(4), -5, np.zeros((4, 15)))),
    ("spread_evenly", (_floats(8), _floats(8), 9, 1.0, _bytes(9))),
    ("spread_evenly", (_floats(8), _floats(8), 8, 1.0, _bytes(7))),
    ("corner_response", (_bytes(4, 9), 4, 9, _floats(4, 9))),
    ("corner_response", (_bytes(9, 9), 9, 9, _floats(9, 8))),
    ("find_peaks", _for_peaks(18, 9, 30.0, 1, 4.0)),
    ("find_peaks", _for_peaks(40, 0, 30.0, 1, 4.0)),
    ("find_peaks", _for_peaks(40, 9, 30.0, 2, 4.0)),
    ("find_peaks", _for_peaks(40, 9, 30.0, 1, 0.0)),
    ("find_peaks", _for_peaks(40, 9, 30.0, 1, float("nan"))),
    ("find_peaks", _for_peaks(40, 9, -1.0, 1, 4.0)),
    ("patch_responses", (_bytes(40, 40), 40, 40, _numbers(8), _numbers(20), 1, _floats(8, 1, 256))),
    ("patch_responses", (_bytes(40, 40), 40, 40, _numbers(20), _numbers(32), 1, _floats(8, 1, 256))),
    ("patch_responses", (_bytes(40, 40), 40, 40, _numbers(-(2**60)), _numbers(20), 1, _floats(8, 1, 256))),
    ("patch_responses", (_bytes(40, 40), 40, 40, _numbers(20), _numbers(20), 2, _floats(8, 2, 256))),
    ("pair_mutual", (_floats(4, 4), 4, 5, 0.7, np.zeros((4, 2), np.int64))),
    ("pair_mutual", (_floats(4, 4), 4, 4, 0.7, np.zeros((3, 2), np.int64))),
    ("sample_planes", (_floats(4, 4, 1), 4, 4, 1, np.zeros((3, 2)), 4.0, 4.0, _floats(2, 1), _bytes(3))),
    ("sample_planes", (_floats(4, 4, 1), 4, 4, 2, np.zeros((3, 2)), 4.0, 4.0, _floats(3, 2), _bytes(3))),
    ("sample_level", (_floats(4, 4), 4, 4, _floats(3, 2), _floats(2, 2), _floats(3), _bytes(3))),
    ("sample_level", (_floats(4, 4), 5, 4, _floats(3, 2), _floats(2, 3), _floats(3), _bytes(3))),
    ("median_of_others", (_floats(2, 4), _floats(2, 4), _bytes(2, 4), 3, 4, _floats(2, 4), _bytes(2, 4))),
    ("median_of_others", (_floats(2, 4), _floats(2, 4), _bytes(2, 4), 2**61, 8, _floats(2, 4), _bytes(2, 4))),
    ("unexplained", (_floats(1, 3, 3), _floats(1, 3, 3), 1, 3, 4, _floats(1, 3, 3))),
    ("smooth", (_floats(1, 3, 3), 2, 3, 3, _floats(1, 3, 3))),
    ("new_pixels", (0,)),
    ("new_pixels", (2**60,)),
    ("address_of_pixels", (object(), object(), 3)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments"), HOSTILE)
def test_what_does_not_fit_is_refused(name: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"size|PyCapsule"):
        getattr(compiled(), name)(*arguments)


def test_pixels_of_another_count_are_refused() -> None:
    schema, array = Image.new("RGB", (4, 4)).__arrow_c_array__()

    with pytest.raises(ValueError, match="not pixels"):
        compiled().address_of_pixels(schema, array, 17)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e30, 1e30])
def test_places_that_are_none_lie_outside(value: float) -> None:
    values, inside = maps.sample_planes(_floats(4, 4, 1), np.full((3, 2), value), np.array([1.0, 1.0]))

    assert not inside.any() and np.isfinite(values).all()


def test_a_module_of_another_version_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled(), "VERSION", -1)

    assert kernels._load() is None


def test_the_environment_can_ask_for_numpy_and_doctor_says_which_is_used() -> None:
    code = (
        "from finepick.settings import load_settings; from finepick.workflows.doctor import _kernels;"
        "print(_kernels().works, _kernels().detail)"
    )

    def said(choice: str) -> str:
        environment = {**os.environ, "FINEPICK_KERNELS": choice}
        return subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
        ).stdout.strip()

    assert said("") == "True in C"
    assert said("numpy") == "False FINEPICK_KERNELS says numpy: slower"


def assert_same_features(whole: Image.Image) -> None:
    def packed() -> bytes:
        features, thumbnail = extract_with_thumbnail(whole)
        return pack_features(features) + thumbnail

    assert packed() == in_numpy(packed)
