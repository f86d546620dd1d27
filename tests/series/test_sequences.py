"""Brackets, panoramas, focus stacks: the real ones are found, what merely resembles one stays a burst."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from finepick.domain import Series, SeriesKind


def kinds(series: tuple[Series, ...]) -> list[tuple[str, int]]:
    return sorted((each.kind.value, len(each.photos)) for each in series)


def settings(stops: float) -> dict[str, float]:
    """Exposure settings that let in 2^stops times the light of 1/100 s at f/8."""
    return {"exposure_seconds": 0.01 * 2.0**stops, "f_number": 8.0, "iso": 100.0}


@pytest.mark.parametrize("stops", [(0, -2, 2), (0, -1, 1, -2, 2), (-3, 0, 3)])
@pytest.mark.parametrize("flagged", [True, False])
def test_a_bracket_is_kept_whole(shoot, scene, exposed, stops: tuple[int, ...], flagged: bool) -> None:
    for k, value in enumerate(stops):
        shoot.add(exposed(scene(1), value), seconds=0.5 * k, auto_bracket=flagged, **settings(value))
    assert kinds(shoot.group()) == [("bracket", len(stops))]


def test_a_bracket_is_known_by_its_correction_alone(shoot, scene, exposed) -> None:
    for k, value in enumerate((0, -1.5, 1.5)):
        shoot.add(exposed(scene(2), value), seconds=k, exposure_bias=float(value))
    assert kinds(shoot.group()) == [("bracket", 3)]


def test_three_brackets_in_a_row_are_three(shoot, scene, exposed) -> None:
    for k in range(9):
        value = (0, -2, 2)[k % 3]
        shoot.add(exposed(scene(3), value), seconds=0.4 * k, auto_bracket=True, **settings(value))
    assert kinds(shoot.group()) == [("bracket", 3)] * 3


def test_a_bracket_amid_a_burst_is_told_from_it(shoot, scene, exposed, shaken) -> None:
    for k in range(4):
        shoot.add(shaken(scene(4), k), seconds=0.5 * k, **settings(0))
    for k, value in enumerate((0, -2, 2)):
        shoot.add(exposed(scene(4), value), seconds=4 + 0.5 * k, auto_bracket=True, **settings(value))
    assert kinds(shoot.group()) == [("bracket", 3), ("burst", 4)]


def test_a_burst_in_which_the_light_flickers_is_no_bracket(shoot, scene, exposed) -> None:
    for k, value in enumerate((0, 0.3, -0.3, 0.3, 0, 0.6)):
        shoot.add(exposed(scene(5), value), seconds=0.3 * k, **settings(value))
    assert kinds(shoot.group()) == [("burst", 6)]


def test_exposures_that_change_with_the_view_are_no_bracket(shoot, scene, exposed) -> None:
    wide = scene(6, (1000, 360))
    for k, value in enumerate((0, 1, 2)):
        part = wide.crop((230 * k, 0, 230 * k + 540, 360))
        shoot.add(exposed(part, value), seconds=0.2 * k, **settings(value))
    assert ("bracket", 3) not in kinds(shoot.group())


def test_exposures_without_times_are_similar_not_a_bracket(shoot, scene, exposed) -> None:
    for value in (-2, 0, 2):
        shoot.add(exposed(scene(7), value), **settings(value))
    assert kinds(shoot.group()) == [("similar", 3)]


def sweep(shoot, scene, *, step: float, count: int, seconds: float, bob: float = 4) -> None:
    """A camera that turns over one wide scene; *step* in widths of the frame."""
    wide = scene(8, (round(540 * (1 + step * (count - 1))) + 40, 400))
    rng = np.random.default_rng(4)
    for k in range(count):
        x, y = round(540 * step * k), 20 + round(rng.uniform(-bob, bob))
        shoot.add(wide.crop((x, y, x + 540, y + 360)), seconds=seconds * k, focal_length_mm=35.0)


@pytest.mark.parametrize(("step", "count"), [(0.6, 3), (0.5, 5), (0.3, 6)])
def test_a_panorama_is_kept_whole(shoot, scene, step: float, count: int) -> None:
    sweep(shoot, scene, step=step, count=count, seconds=1.5)
    assert kinds(shoot.group()) == [("panorama", count)]


def test_a_camera_that_follows_its_subject_takes_no_panorama(shoot, scene) -> None:
    sweep(shoot, scene, step=0.3, count=8, seconds=0.1)
    assert kinds(shoot.group()) == [("burst", 8)]


def test_small_steps_and_two_frames_are_no_panorama(shoot, scene) -> None:
    sweep(shoot, scene, step=0.08, count=6, seconds=1.0)
    assert kinds(shoot.group()) == [("burst", 6)]


def test_two_overlapping_frames_are_no_panorama(shoot, scene) -> None:
    sweep(shoot, scene, step=0.5, count=2, seconds=1.0)
    assert all(kind != "panorama" for kind, _ in kinds(shoot.group()))


def test_going_back_and_forth_is_no_panorama(shoot, scene) -> None:
    wide = scene(9, (900, 360))
    for k, x in enumerate((0, 200, 0, 200, 0)):
        shoot.add(wide.crop((x, 0, x + 540, 360)), seconds=1.5 * k)
    assert all(kind != "panorama" for kind, _ in kinds(shoot.group()))


def focused(picture: Image.Image, depth: float) -> Image.Image:
    """*picture* of a plane that recedes from left to right, sharp where its depth, 0…1, is *depth*."""
    blurs = [picture, *(picture.filter(ImageFilter.GaussianBlur(radius)) for radius in (1.5, 3, 6))]
    stack = np.stack([np.asarray(each, dtype=np.float32) for each in blurs])
    place = np.linspace(0, 1, picture.width)
    level = np.clip(np.abs(place - depth) * 8, 0, 3)
    below = np.minimum(level.astype(int), 2)
    share = (level - below)[None, :, None]
    columns = np.arange(picture.width)
    near, far = stack[below, :, columns].swapaxes(0, 1), stack[below + 1, :, columns].swapaxes(0, 1)
    return Image.fromarray((near * (1 - share) + far * share).astype(np.uint8))


def fine(scene, seed: int) -> Image.Image:
    """A scene with enough grain everywhere that blur shows."""
    pixels = np.asarray(scene(seed), dtype=np.int16)
    grain = np.random.default_rng(seed).integers(-25, 26, (*pixels.shape[:2], 1))
    return Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("distances", [True, False])
def test_a_focus_stack_is_kept_whole(shoot, scene, distances: bool) -> None:
    picture = fine(scene, 10)
    for k in range(6):
        facts = {"focus_distance_m": 0.3 + 0.05 * k} if distances else {}
        shoot.add(focused(picture, 0.1 + 0.16 * k), seconds=0.5 * k, **settings(0), **facts)
    assert kinds(shoot.group()) == [("focus_stack", 6)]


def test_a_burst_with_a_missed_focus_is_no_stack(shoot, scene) -> None:
    picture = fine(scene, 11)
    for k, radius in enumerate((0, 0, 2, 4, 0, 1)):
        shoot.add(picture.filter(ImageFilter.GaussianBlur(radius)), seconds=0.3 * k, **settings(0))
    assert kinds(shoot.group()) == [("burst", 6)]


def test_autofocus_that_follows_a_subject_is_no_stack(shoot, scene, shaken) -> None:
    for k in range(6):
        picture = shaken(scene(12), k)
        subject = scene(13).resize((120 + 15 * k, 80 + 10 * k))
        picture.paste(subject, (60 + 40 * k, 140))
        shoot.add(picture, seconds=0.2 * k, focus_distance_m=8.0 - k, **settings(0))
    assert kinds(shoot.group()) == [("burst", 6)]


def test_a_plain_burst_stays_a_burst(shoot, scene, shaken) -> None:
    for k in range(8):
        shoot.add(shaken(scene(14), k), seconds=0.2 * k, **settings(0))
    assert [each.kind for each in shoot.group()] == [SeriesKind.BURST]
