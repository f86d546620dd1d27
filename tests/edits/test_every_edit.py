"""What holds for every edit of the catalogue."""

from __future__ import annotations

import random
import string

import numpy as np
import pytest

from finepick.domain import Frame
from finepick.edits import EDITS, Edit, Effect, Family, Measure, chain, find_edit
from finepick.errors import UnknownEditError, UsageError
from tests.edits.drawn import coordinates, grey, horizon, landscape, portrait, rms, with_subject

every_edit = pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
EIGHT = [step / 8 for step in range(1, 9)]


def scenes(edit: Edit) -> list[Frame]:
    """Frames in which *edit* has something to do."""
    if edit.name == "straighten":
        return [horizon(5.0)]
    subjects = [with_subject(0.4, 0.6), with_subject(0.1, 0.5)] if edit.measure is Measure.AREA else []
    return [landscape(), portrait(), *subjects]


def how_far(edit: Edit, source: Frame, edited: Frame) -> float:
    """How far *edited* is from *source*, by the measure that the edit names."""
    if edit.measure is Measure.PIXELS:
        assert edited.shape == source.shape
        return rms(edited, source)
    assert edit.measure is Measure.AREA
    return 1 - edited.size / source.size


@every_edit
def test_at_strength_0_nothing_changes(edit: Edit) -> None:
    frame = landscape()
    same = edit.prepare(frame, seed=3).frame_at(0)

    assert np.array_equal(same, frame)
    assert same is not frame and not np.shares_memory(same, frame)


@pytest.mark.parametrize("edit", [e for e in EDITS if e.measure is not Measure.SHIFT], ids=lambda e: e.name)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_stronger_the_farther_from_the_source(edit: Edit, seed: int) -> None:
    for frame in scenes(edit):
        far = [0.0, *(how_far(edit, frame, made) for made in chain(frame, edit.name, EIGHT, seed=seed))]

        assert far == sorted(far), far
        # A repair has an end that it comes to by less than a pixel a step where little is to be done.
        assert len(set(far)) == len(far) or edit.effect is Effect.BETTER


@pytest.mark.parametrize("name", ["perspective", "too_loose"])
@pytest.mark.parametrize("seed", range(5))
def test_the_stronger_the_farther_everything_has_moved(name: str, seed: int) -> None:
    assert find_edit(name).measure is Measure.SHIFT
    frame = coordinates()
    moved = []
    for made in chain(frame, name, EIGHT, seed=seed):
        assert made.shape == frame.shape
        moved.append(
            float(np.hypot(*np.moveaxis(made[..., :2].astype(float) - frame[..., :2], -1, 0)).mean())
        )

    assert moved == sorted(moved) and len(set(moved)) == len(moved)
    assert moved[-1] > 255 * 0.03


@every_edit
def test_the_same_frame_strength_and_seed_give_the_same_pixels_and_words(edit: Edit) -> None:
    frame = landscape()
    before, known = frame.copy(), (str(np.random.get_state()), random.getstate())  # noqa: NPY002
    one, other = (edit.prepare(frame, seed=11) for _ in range(2))

    assert np.array_equal(one.frame_at(0.6), other.frame_at(0.6))
    assert one.words_at(0.6) == other.words_at(0.6)
    assert np.array_equal(one.frame_at(0.6), one.frame_at(0.6))
    assert np.array_equal(frame, before)
    assert (str(np.random.get_state()), random.getstate()) == known  # noqa: NPY002


@every_edit
def test_words_are_short_plain_and_can_be_drawn(edit: Edit) -> None:
    for strength in (0.0, 5e-324, 1e-6, 0.07, 0.5, 1.0):
        words = edit.prepare(landscape(), seed=2).words_at(strength)

        assert 5 < len(words) < 120 and not words.endswith(".")
        assert words[0].islower()
        assert set(words) <= set(string.printable) - set("\n\r\t\x0b\x0c") | {"°"}


@every_edit
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 3), (17, 33), (9, 200)])
def test_frames_of_any_size_can_be_edited(edit: Edit, shape: tuple[int, int]) -> None:
    frame = np.random.default_rng(4).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for strength in (5e-324, 1e-6, 0.3, 1.0):
        made = edit.prepare(frame, seed=1).frame_at(strength)

        assert made.dtype == np.uint8 and made.ndim == 3 and made.shape[2] == 3 and made.size
        assert made.flags.c_contiguous
        assert edit.measure is Measure.AREA or made.shape == frame.shape


@every_edit
@pytest.mark.parametrize("level", [0, 128, 255])
def test_flat_frames_can_be_edited(edit: Edit, level: int) -> None:
    for strength in (0.5, 1.0):
        assert edit.prepare(grey(level), seed=1).frame_at(strength).size


@every_edit
def test_frames_that_are_views_of_others_can_be_edited(edit: Edit) -> None:
    whole = landscape()
    view = whole[::2, 10:-10]
    view.flags.writeable = False

    made = edit.prepare(view, seed=5).frame_at(0.5)

    assert np.array_equal(made, edit.prepare(np.ascontiguousarray(view), seed=5).frame_at(0.5))


@pytest.mark.parametrize(
    "name", ["dust", "lens_flare", "intruder", "vignette", "shot_noise", "channel_noise"]
)
def test_in_a_chain_the_same_places_change_only_more(name: str) -> None:
    frame = landscape()
    weak, strong = (made.astype(int) - frame for made in chain(frame, name, [0.3, 0.9], seed=8))

    assert (np.abs(weak) > 0).any()
    # A grey level of rounding is no change of place.
    assert (np.abs(strong) >= np.abs(weak) - 1).mean() > 0.999
    assert (weak * strong >= 0).mean() > 0.999


@pytest.mark.parametrize(
    "name", ["dust", "lens_flare", "intruder", "shot_noise", "channel_noise", "colour_cast"]
)
def test_another_seed_is_another_draw(name: str) -> None:
    made = [chain(landscape(), name, [0.8], seed=seed)[0] for seed in (0, 1)]

    assert not np.array_equal(*made)


@pytest.mark.parametrize("strength", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_strength_outside_0_to_1_is_refused(strength: float) -> None:
    prepared = find_edit("haze").prepare(landscape())

    with pytest.raises(ValueError, match="a strength lies from 0 to 1, not"):
        prepared.frame_at(strength)
    with pytest.raises(ValueError, match="a strength lies from 0 to 1, not"):
        prepared.words_at(strength)


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_what_is_no_frame_is_refused(frame: Frame) -> None:
    with pytest.raises(ValueError, match="a frame is height × width × 3 of uint8, not"):
        find_edit("haze").prepare(frame)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="a seed is a whole number from 0 on, not -1"):
        find_edit("dust").prepare(landscape(), seed=-1)


def test_the_catalogue_has_the_families_of_the_plan_and_at_least_24_edits() -> None:
    assert len(EDITS) >= 24
    assert {edit.family for edit in EDITS} == set(Family)
    assert len({edit.name for edit in EDITS}) == len(EDITS)
    assert {edit.name for edit in EDITS if edit.family is Family.REPAIR} == {
        "auto_tone",
        "straighten",
        "denoise",
        "thirds_recrop",
    }


def test_only_what_makes_worse_has_a_threshold_and_what_makes_worse_has_one() -> None:
    for edit in EDITS:
        assert (edit.hurts_from is not None) == (edit.effect is Effect.WORSE)
        if edit.hurts_from is not None:
            assert 0 < edit.hurts_from.strength <= 0.8
            assert edit.hurts_from.why
    measured = {edit.name for edit in EDITS if edit.hurts_from is not None and edit.hurts_from.measured}
    assert measured == {"low_contrast", "dark_midtones", "defocus", "jpeg"}


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(
        UnknownEditError, match="no edit is called 'charm'; there are underexposure, "
    ) as caught:
        find_edit("charm")
    assert isinstance(caught.value, UsageError) and isinstance(caught.value, LookupError)
