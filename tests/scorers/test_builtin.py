"""The model in the wheel: what it sees, what it is made of, and that one photo is seen alike on every way to it."""

from __future__ import annotations

import importlib.util
import io
import itertools
import os
import shutil
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from finepick.errors import WeightsError
from finepick.scorers.base import Glance, Scorer, glance_at, glance_of
from finepick.scorers.builtin import BuiltinScorer, eye
from finepick.scorers.builtin.scorer import READINGS, Blend, Blends, Kind, read_series
from finepick.scorers.builtin.texture import COUNT, SIDES, texture
from finepick.scorers.catalog import load_scorer
from finepick.scorers.frames import ArrayFrames
from finepick.settings import Settings, load_settings
from finepick.workflows.library import Library, SeriesFrames
from finepick.workflows.pick import pick_photos
from tests.conftest import scene

_PATH = os.path.join(os.path.dirname(__file__), "..", "contracts", "scorer_contract.py")
_SPEC = importlib.util.spec_from_file_location("scorer_contract", _PATH)
assert _SPEC is not None and _SPEC.loader is not None
contract = sys.modules.setdefault("scorer_contract", importlib.util.module_from_spec(_SPEC))
_SPEC.loader.exec_module(contract)

MOST_BYTES = 12 * 2**20


class TestBuiltin(contract.ScorerContract):
    @pytest.fixture
    def scorer(self) -> Scorer:
        return load_scorer("builtin")


@pytest.fixture
def network(tmp_path: Path) -> str:
    """The shipped network as a file of its own."""
    path = tmp_path / "mine.onnx"
    path.write_bytes(resources.files("finepick.scorers.builtin").joinpath("builtin.onnx").read_bytes())
    return str(path)


def photos_in(folder: Path, count: int = 3) -> list[str]:
    paths = []
    for number, frame in enumerate(contract.draw_burst(count, width=720, height=480)):
        paths.append(str(folder / f"{number}.png"))
        Image.fromarray(frame).save(paths[-1])
    return paths


def blotches(seed: int) -> np.ndarray:
    """A picture that no other seed's lies over."""
    small = np.random.default_rng(seed).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((480, 320), Image.Resampling.BICUBIC))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(environment={"FINEPICK_HOME": str(tmp_path / "home")}, workers=1)


# --- the network ---


def test_the_network_fits_into_the_wheel() -> None:
    size = len(resources.files("finepick.scorers.builtin").joinpath("builtin.onnx").read_bytes())
    assert size <= MOST_BYTES


@pytest.mark.parametrize("size", [(720, 480), (480, 720), (64, 64), (1, 900), (2000, 20), (333, 331)])
def test_any_shape_is_seen_and_maps_average_to_their_readings(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    seen = eye.look(Image.fromarray(pixels))
    readings = dict(zip(eye.READINGS, seen["readings"].tolist(), strict=True))
    assert np.isfinite(seen["readings"]).all()
    columns, rows = (length // 32 for length in eye.view_size(*size))
    assert seen["quality"].shape == (rows, columns) == seen["percept"].shape[:2]
    assert seen["quality"].mean() == pytest.approx(readings["quality"], rel=1e-4, abs=1e-4)


@given(width=st.integers(1, 20_000), height=st.integers(1, 20_000))
def test_views_are_whole_cells_of_about_the_same_size(width: int, height: int) -> None:
    view = eye.view_size(width, height)
    assert all(length % eye.STEP == 0 and eye.STEP <= length <= eye.LONGEST for length in view)
    assert eye.view_size(height, width) == view[::-1]


def test_the_same_photo_reads_the_same_to_the_last_bit() -> None:
    picture = Image.fromarray(contract.draw_burst(1)[0])
    first, second = eye.look(picture), eye.look(picture.copy())
    assert all(np.array_equal(first[name], second[name]) for name in first)


# --- texture ---


def test_patterns_and_colours_against_counting_by_hand() -> None:
    """The smallest of the squares is counted pixel by pixel, as Ojala and others describe it."""
    pixels = np.random.default_rng(1).integers(0, 256, (SIDES[0], SIDES[0], 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    found = texture(picture)
    side = SIDES[-1]
    total = np.asarray(picture.reduce(SIDES[0] // side)).astype(int).sum(axis=2)
    around = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
    counts = np.zeros(256)
    for row, column in itertools.product(range(1, side - 1), repeat=2):
        centre = total[row, column] + 3 * 2
        counts[sum(2**bit for bit, (y, x) in enumerate(around) if total[row + y, column + x] > centre)] += 1
    start = 3 * (256 + 24 + 9)
    assert found[start : start + 256] == pytest.approx(
        np.sqrt(counts / counts.sum()), abs=5e-3
    )  # thirds are not exact
    small = np.asarray(picture.reduce(4))
    colours = np.zeros(216)
    for red, green, blue in small.reshape(-1, 3).tolist():
        colours[(red // 43) * 36 + (green // 43) * 6 + blue // 43] += 1
    assert found[-216:] == pytest.approx(np.sqrt(colours / colours.sum()), abs=1e-6)
    assert len(found) == COUNT


def test_texture_is_the_same_mirrored_but_for_the_patterns() -> None:
    frame = contract.draw_burst(1, width=512, height=512)[0]
    one, other = texture(Image.fromarray(frame)), texture(Image.fromarray(frame[:, ::-1].copy()))
    assert one[-216:] == pytest.approx(other[-216:], abs=1e-6)


# --- the scorer ---


def test_three_kinds_of_series_are_told_apart() -> None:
    burst = contract.draw_burst(3, width=480, height=320)
    others = [blotches(seed) for seed in range(3)]
    scorer = BuiltinScorer()
    brighter = [np.clip(burst[0] * gain, 0, 255).astype(np.uint8) for gain in (0.8, 0.9, 1.0)]
    for frames, kind in ((burst, Kind.BURST), (brighter, Kind.VERSIONS), (others, Kind.APART)):
        assert read_series(ArrayFrames(frames), scorer.glance).kind is kind


@pytest.mark.parametrize("how", ["blur", "blocks", "noise", "levels"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_of_versions_hurt_ever_more_the_untouched_comes_first_and_the_least_hurt_second(
    how: str, seed: int
) -> None:
    versions = [np.asarray(hurt(scene(seed), how, amount)) for amount in range(4)]
    order = [2, 0, 3, 1]
    judged = load_scorer("builtin").judge(ArrayFrames([versions[amount] for amount in order]))
    assert [order[place] for place in np.argsort(-judged.fine)][:2] == [0, 1]


def hurt(picture: Image.Image, how: str, amount: int) -> Image.Image:
    if amount == 0:
        return picture
    if how == "blur":
        return picture.filter(ImageFilter.GaussianBlur(0.9 * amount))
    if how == "blocks":
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=(30, 12, 4)[amount - 1])
        return Image.open(file).convert("RGB")
    if how == "levels":
        return picture.point(lambda value: value // (step := 16 * 2**amount) * step)
    grain = np.random.default_rng(amount).normal(0, 15 * amount, (*picture.size[::-1], 3))
    return Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))


def test_readings_alone_decide_where_distance_costs_nothing_or_is_none() -> None:
    versions = [np.asarray(hurt(scene(0), "blur", amount)) for amount in range(3)]
    seen = read_series(ArrayFrames(versions), BuiltinScorer().glance)
    weights = np.zeros(len(READINGS))
    weights[READINGS.index("sharpest")] = 1.0
    own = seen.readings @ weights
    assert np.array_equal(Blend(weights, 1.0, 0.6).utilities(seen.readings, seen.distances), own)
    pulled = Blend(weights, 1.0, 0.6, pull=5.0, doubt=1.0).utilities(seen.readings, seen.distances)
    assert (pulled < own).all() and np.array_equal(np.argsort(pulled), np.argsort(own))
    same = read_series(ArrayFrames([versions[0]] * 3), BuiltinScorer().glance)
    assert not same.distances().any() and np.array_equal(same.distances(), same.distances().T)


def test_coarse_scores_do_not_depend_on_the_series() -> None:
    burst = contract.draw_burst(3, width=480, height=320)
    scorer = load_scorer("builtin")
    alone = [scorer.coarse(ArrayFrames([frame]))[0] for frame in burst]  # type: ignore[index]
    assert scorer.judge(ArrayFrames(burst)).coarse == pytest.approx(alone, abs=1e-6)
    assert all(1 <= one <= 10 for one in alone)


def test_blends_survive_their_document() -> None:
    weights = np.zeros(len(READINGS))
    weights[[0, 5]] = 1.5, -2.0
    of = {
        Kind.VERSIONS: Blend(weights, 0.5, 0.7, 3.0, 2.0),
        Kind.BURST: Blend(weights, 0.5, 0.7),
        Kind.APART: Blend(weights * 2, 1.5, 0.6),
    }
    blends = Blends(of, (2.0, -1.0))
    again = Blends.from_json(blends.to_json())
    assert again.coarse == (2.0, -1.0)
    for kind in Kind:
        one, other = again.of[kind], of[kind]
        assert np.array_equal(one.weights, other.weights)
        assert (one.temperature, one.call, one.pull, one.doubt) == (
            other.temperature, other.call, other.pull, other.doubt,
        )  # fmt: skip
    with pytest.raises(WeightsError, match="of another version"):
        Blends.from_json(blends.to_json().replace("quality", "charm"))


# --- a network in a file ---


def test_a_file_judges_as_the_one_in_the_wheel(network: str) -> None:
    frames = contract.draw_burst(3, width=360, height=240)
    mine, ours = load_scorer(network), load_scorer("builtin")
    assert mine.info.name == network and mine.info.fingerprint != ""
    assert np.array_equal(mine.judge(ArrayFrames(frames)).fine, ours.judge(ArrayFrames(frames)).fine)


def test_a_damaged_network_is_an_error_that_names_it(network: str) -> None:
    content = Path(network).read_bytes()
    Path(network).write_bytes(content[: len(content) // 2])
    with pytest.raises(WeightsError, match=r"mine\.onnx"):
        load_scorer(network)


# --- one glance a photo, on every way to it ---


def test_glances_are_remembered_and_the_same_on_every_way(settings: Settings, tmp_path: Path) -> None:
    paths = photos_in(tmp_path)
    scorer = BuiltinScorer()
    with Library(settings) as library:  # seen while it was read
        photos = library.read(paths, glance=scorer.glance).photos
        first = [library.glance(photo, scorer.glance) for photo in photos]
    shutil.rmtree(settings.cache_folder)
    with Library(settings) as library:  # read without, looked at later
        photos = library.read(paths).photos
        library.glance_at_all(photos, scorer.glance)
        assert [library.glance(photo, scorer.glance) for photo in photos] == first
    frames = ArrayFrames([np.asarray(Image.open(path)) for path in paths])
    with Library(settings) as library:
        series = SeriesFrames(library, library.read(paths).photos)
        for index in range(3):
            kept, made = series.glance(index, scorer.glance), frames.glance(index, scorer.glance)
            assert all(np.array_equal(kept[name], made[name]) for name in made)


def test_a_pick_after_another_models_pick_is_the_same(settings: Settings, tmp_path: Path) -> None:
    """What one model left in the cache knows nothing of what another wants to have seen."""
    paths = photos_in(tmp_path, 4)
    with Library(settings) as library:
        direct = pick_photos(library, paths, scorer=load_scorer("builtin"))
    shutil.rmtree(settings.cache_folder)
    with Library(settings) as library:
        pick_photos(library, paths, scorer=load_scorer("sharpness"))
        later = pick_photos(library, paths, scorer=load_scorer("builtin"))
    [one], [other] = direct.series, later.series
    assert np.array_equal(one.scores, other.scores) and one.order == other.order


def test_a_photo_that_changed_since_it_was_read_is_no_glance(settings: Settings, tmp_path: Path) -> None:
    [path] = photos_in(tmp_path, 1)
    scorer = BuiltinScorer()
    with Library(settings) as library:
        [photo] = library.read([path]).photos
        Image.new("RGB", (40, 40)).save(path)
        with pytest.raises(Exception, match="changed on disk"):
            library.glance(photo, scorer.glance)


def test_glances_are_made_by_functions_of_ours_only() -> None:
    with pytest.raises(LookupError, match="functions of finepick"):
        glance_at(Image.new("RGB", (4, 4)), "os:system", {})
    assert glance_of(load_scorer("measured")) is None
    assert isinstance(glance_of(load_scorer("builtin")), Glance)


@limits(max_examples=6, deadline=None)
@given(permutation=st.permutations(range(4)))
def test_order_does_not_matter(permutation: list[int]) -> None:
    frames = [*contract.draw_burst(3, width=240, height=160)]
    frames.append(frames[1].copy())
    scorer = load_scorer("builtin")
    first = scorer.judge(ArrayFrames(frames))
    other = scorer.judge(ArrayFrames([frames[i] for i in permutation]))
    contract.assert_same(contract.permuted(first, permutation), other)
