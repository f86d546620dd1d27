"""Grouping: laws that hold for any shoot, and drawn shoots with one right answer."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps

from finepick.domain import Series, SeriesKind
from finepick.errors import UsageError
from finepick.series.evidence import CachedFeatures, Nearness, nearness
from finepick.series.grouping import group_photos


def paths(series: tuple[Series, ...]) -> set[frozenset[str]]:
    return {frozenset(photo.path for photo in each.photos) for each in series}


def recompressed(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


@pytest.fixture
def mixed(shoot, scene, shaken):
    """Two bursts, a series without times, loners: what belongs together shares a folder."""
    for k in range(4):
        shoot.add(shaken(scene(1), k), f"a/{k}.jpg", seconds=0.3 * k)
    for k in range(3):
        shoot.add(shaken(scene(2), k), f"b/{k}.jpg", seconds=2 + 0.4 * k)
    for k in range(3):
        shoot.add(shaken(scene(3), k), f"c/{k}.jpg")
    for k in range(5):
        shoot.add(scene(10 + k), f"d{k}/x.jpg", seconds=1000 * k if k % 2 else None)
    return shoot


def test_what_belongs_together_is_found(mixed) -> None:
    expected = paths(mixed.group(rule="folder"))
    assert paths(mixed.group()) == expected


def test_every_photo_is_in_exactly_one_series(mixed) -> None:
    found = [photo.path for series in mixed.group() for photo in series.photos]
    assert sorted(found) == sorted(photo.path for photo in mixed.photos)


def test_kinds_say_how_a_series_was_found(mixed) -> None:
    kinds = {series.photos[0].path: series.kind for series in mixed.group() if len(series.photos) > 1}
    assert kinds == {"a/0.jpg": SeriesKind.BURST, "b/0.jpg": SeriesKind.BURST, "c/0.jpg": SeriesKind.SIMILAR}
    assert all(s.kind is SeriesKind.SINGLE for s in mixed.group() if len(s.photos) == 1)


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_the_photos_does_not_matter(mixed, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(mixed.photos)).tolist()
    assert mixed.group(order) == mixed.group()


def test_names_and_folders_do_not_matter(mixed) -> None:
    before = {frozenset(photo.digest for photo in series.photos) for series in mixed.group()}
    mixed.photos = [
        replace(photo, path=f"{(i * 7) % 5}/{(i * 31) % 97:02d}.png") for i, photo in enumerate(mixed.photos)
    ]
    assert {frozenset(photo.digest for photo in series.photos) for series in mixed.group()} == before


def test_series_come_by_time_and_photos_by_time_then_path(mixed) -> None:
    series = mixed.group()
    sizes = [len(each.photos) > 1 for each in series]
    assert sizes == sorted(sizes, reverse=True)
    assert [each.photos[0].path for each in series[:3]] == ["a/0.jpg", "b/0.jpg", "c/0.jpg"]
    assert [photo.path for photo in series[2].photos] == ["c/0.jpg", "c/1.jpg", "c/2.jpg"]


def test_copies_of_a_file_belong_together_even_if_there_is_nothing_to_see(shoot) -> None:
    for k in range(3):
        shoot.add(Image.new("RGB", (300, 200), (40, 40, 40)), f"copy{k}.jpg")
    assert len(shoot.group()) == 1


def test_flat_frames_do_not_all_join(shoot) -> None:
    for level in (0, 3, 60, 128, 250, 255):
        shoot.add(Image.new("RGB", (300, 200), (level, level, level)))
    assert len(shoot.group()) == 6


def test_frames_of_noise_do_not_join(shoot) -> None:
    for seed in range(6):
        noise = np.random.default_rng(seed).normal(12, 4, (200, 300, 3)).clip(0, 255)
        shoot.add(Image.fromarray(noise.astype(np.uint8)))
    assert len(shoot.group()) == 6


def test_smooth_gradients_do_not_join(shoot) -> None:
    for level in (40, 80, 120, 160):
        sky = np.linspace(level, level + 80, 200)[:, None, None].repeat(300, axis=1).repeat(3, axis=2)
        shoot.add(Image.fromarray(sky.astype(np.uint8)))
    assert len(shoot.group()) == 4


def test_pictures_of_one_pixel_work(shoot) -> None:
    for level in (0, 90, 255):
        shoot.add(Image.new("RGB", (1, 1), (level, level, level)))
    shoot.add(Image.new("RGB", (1, 1), (7, 7, 7)), seconds=1)
    shoot.add(Image.new("RGB", (1, 1), (9, 9, 9)), seconds=1.1)
    assert sum(len(series.photos) for series in shoot.group()) == 5


def test_nothing_gives_nothing(shoot) -> None:
    assert [shoot.group(rule=rule) for rule in ("auto", "one", "single", "folder")] == [(), (), (), ()]


def test_one_photo_is_single(shoot, scene) -> None:
    shoot.add(scene(1))
    assert [series.kind for rule in ("auto", "one", "folder") for series in shoot.group(rule=rule)] == [
        "single"
    ] * 3


def test_crops_of_one_photo_belong_together(shoot, scene) -> None:
    whole = scene(4, (900, 600))
    for box in ((0, 0, 900, 600), (0, 0, 620, 413), (250, 150, 900, 600), (150, 60, 750, 460)):
        shoot.add(whole.crop(box))
    for seed in range(30, 42):
        shoot.add(scene(seed))
    assert sorted(len(series.photos) for series in shoot.group())[-1] == 4
    assert len(shoot.group()) == 13


def test_a_recompressed_and_resized_burst_without_times_belongs_together(shoot, scene, shaken) -> None:
    for k in range(5):
        picture = shaken(scene(5), k)
        shoot.add(recompressed(picture.resize((360, 240)) if k % 2 else picture, 35 + 10 * k))
    assert len(shoot.group()) == 1


@pytest.mark.parametrize("stops", [(-3, 0), (0, 2), (-3, 0, 2)])
def test_exposures_of_one_scene_belong_together(shoot, scene, exposed, stops: tuple[int, ...]) -> None:
    for value in stops:
        shoot.add(exposed(scene(6), value))
    assert len(shoot.group()) == 1


def test_mirrored_and_same_coloured_scenes_are_others(shoot, scene) -> None:
    shoot.add(scene(7))
    shoot.add(ImageOps.mirror(scene(7)))
    shuffled = np.asarray(scene(7)).reshape(6, 60, 9, 60, 3).transpose(0, 2, 1, 3, 4).reshape(54, 60, 60, 3)
    tiles = shuffled[np.random.default_rng(1).permutation(54)].reshape(6, 9, 60, 60, 3)
    shoot.add(Image.fromarray(np.ascontiguousarray(tiles.transpose(0, 2, 1, 3, 4).reshape(360, 540, 3))))
    assert len(shoot.group()) == 3


def test_a_frame_around_other_contents_does_not_join(shoot, scene) -> None:
    for seed in range(50, 54):
        window = Image.new("RGB", (540, 360), (235, 235, 235))
        brush = ImageDraw.Draw(window)
        brush.rectangle([0, 0, 540, 36], fill=(40, 44, 60))
        for k in range(14):
            brush.ellipse([12 + 37 * k, 8, 30 + 37 * k, 26], fill=(60 + 12 * k, 220 - 10 * k, 90))
        window.paste(scene(seed).resize((480, 290)), (30, 50))
        shoot.add(window)
    assert len(shoot.group()) == 4


def test_pages_of_text_are_not_one_series(shoot) -> None:
    font = ImageFont.load_default(size=15)
    rng = np.random.default_rng(3)
    for _ in range(4):
        page = Image.new("RGB", (540, 360), "white")
        brush = ImageDraw.Draw(page)
        for line in range(17):
            words = " ".join("".join(rng.choice(list("aehilnorstu"), rng.integers(2, 9))) for _ in range(9))
            brush.text((20, 12 + 20 * line), words, fill="black", font=font)
        shoot.add(page)
    assert len(shoot.group()) == 4


def test_a_burst_that_changes_its_scene_splits(shoot, scene, shaken) -> None:
    for k in range(6):
        shoot.add(shaken(scene(8 if k < 3 else 9), k), seconds=0.5 * k)
    assert paths(shoot.group()) == {
        frozenset(f"p{k:03d}.jpg" for k in range(3)),
        frozenset(f"p{k:03d}.jpg" for k in range(3, 6)),
    }


@pytest.mark.parametrize("gap", [0.1, 0.5, 1.0])
def test_unlike_scenes_within_a_moment_are_no_burst(shoot, scene, gap: float) -> None:
    sky = np.linspace((90, 120, 200), (240, 160, 90), 360)[:, None].repeat(540, axis=1)
    shoot.add(Image.fromarray(sky.astype(np.uint8)), seconds=0)
    for k in range(6):
        shoot.add(scene(80 + k), seconds=gap * (k + 1))
    assert len(shoot.group()) == 7


@pytest.mark.parametrize("gap", [0.1, 0.5, 1.0, 2.0])
def test_two_scenes_in_one_go_are_two_bursts(shoot, scene, shaken, gap: float) -> None:
    for k in range(6):
        shoot.add(shaken(scene(90 if k < 3 else 91), k), seconds=gap * k)
    series = shoot.group()
    assert [[photo.path for photo in each.photos] for each in series] == [
        [f"p{k:03d}.jpg" for k in part] for part in (range(3), range(3, 6))
    ]
    assert {each.kind for each in series} == {SeriesKind.BURST}


def test_a_frame_smeared_by_a_fast_pan_stays_amid_its_burst(shoot, scene, smeared) -> None:
    wide = scene(92, (900, 360))
    for k in range(6):
        view = wide.crop((50 * k, 0, 50 * k + 540, 360))
        shoot.add(smeared(view, 70) if k == 3 else view, seconds=0.1 * k)
    assert [len(series.photos) for series in shoot.group()] == [6]


def test_another_scene_amid_a_burst_stays_out_of_it(shoot, scene, shaken) -> None:
    for k in range(5):
        shoot.add(scene(93) if k == 2 else shaken(scene(94), k), seconds=0.1 * k)
    assert sorted(len(series.photos) for series in shoot.group()) == [1, 4]


def test_the_same_view_hours_later_is_another_series(shoot, scene, shaken) -> None:
    for hours in (0, 5):
        for k in range(3):
            shoot.add(shaken(scene(11), 10 * hours + k), seconds=3600 * hours + k)
    assert sorted(len(series.photos) for series in shoot.group()) == [3, 3]


def test_a_copy_with_another_date_still_belongs_to_its_photo(shoot, scene) -> None:
    shoot.add(scene(12), seconds=0)
    shoot.add(recompressed(scene(12), 80), seconds=86400, camera="Scanner")
    assert len(shoot.group()) == 1


def test_two_cameras_join_on_strong_content_only(shoot, scene, shaken) -> None:
    shoot.add(scene(13), seconds=0)
    shoot.add(shaken(scene(13), 1), seconds=4, camera="Camera 2")
    shoot.add(scene(14), seconds=5, camera="Camera 2")
    assert sorted(len(series.photos) for series in shoot.group()) == [1, 2]


def test_two_cameras_at_one_moment_do_not_join_other_scenes(shoot, scene) -> None:
    shoot.add(scene(15), seconds=0)
    shoot.add(scene(16), seconds=0.1, camera="Camera 2")
    assert len(shoot.group()) == 2


def test_one_prompt_is_one_series_however_different_its_pictures(shoot, scene) -> None:
    for seed in (60, 61, 62):
        shoot.add(scene(seed), prompt="a lighthouse at dusk")
    shoot.add(scene(63), prompt="a lighthouse at dawn")
    shoot.add(scene(64))
    series = shoot.group()
    assert [each.kind for each in series] == [SeriesKind.PROMPT, SeriesKind.SINGLE, SeriesKind.SINGLE]
    assert len(series[0].photos) == 3


def test_unlike_photos_do_not_chain_through_one_that_shows_both(shoot, scene) -> None:
    left, right = scene(65), scene(66)
    both = Image.new("RGB", (540, 360))
    both.paste(left.crop((0, 0, 270, 360)), (0, 0))
    both.paste(right.crop((270, 0, 540, 360)), (270, 0))
    for picture in (left, right):
        shoot.add(picture)
    assert len(shoot.group()) == 2
    shoot.add(both)
    groups = [each for each in shoot.group() if len(each.photos) == 3]
    assert len(groups) <= 1  # whether a collage is a bridge may be argued; without it there must be none


def test_rules_of_the_user(shoot, scene) -> None:
    for path in ("a/1.jpg", "a/2.jpg", "b/1.jpg"):
        shoot.add(scene(len(shoot.photos) + 70), path)
    assert [len(series.photos) for series in shoot.group(rule="one")] == [3]
    assert [series.kind for series in shoot.group(rule="single")] == [SeriesKind.SINGLE] * 3
    assert [(series.kind, len(series.photos)) for series in shoot.group(rule="folder")] == [
        (SeriesKind.FOLDER, 2),
        (SeriesKind.SINGLE, 1),
    ]


def test_a_series_the_user_named_is_never_set_aside_for_merging(shoot, scene, exposed) -> None:
    for k, stops in enumerate((-2, 0, 2)):
        shoot.add(exposed(scene(75), stops), seconds=0.3 * k, exposure_bias=float(stops), auto_bracket=True)
    assert [series.kind for series in shoot.group()] == [SeriesKind.BRACKET]
    assert [series.kind for series in shoot.group(rule="one")] == [SeriesKind.SIMILAR]


def test_an_unknown_rule_is_refused(shoot, scene) -> None:
    shoot.add(scene(1))
    with pytest.raises(UsageError) as caught:
        shoot.group(rule="colour")
    assert (
        caught.value.message
        == "there is no rule 'colour' for grouping; choose one of auto, folder, one, single"
    )


def test_nearness_is_the_same_either_way_round(mixed) -> None:
    for a in mixed.photos:
        for b in mixed.photos:
            assert nearness(a.metadata, b.metadata) is nearness(b.metadata, a.metadata)


def test_a_long_exposure_widens_the_moment(shoot, scene) -> None:
    a = shoot.add(scene(1), seconds=0, exposure_seconds=8.0)
    b = shoot.add(scene(2), seconds=9, exposure_seconds=8.0)
    c = shoot.add(scene(3), seconds=9, exposure_seconds=0.01)
    d = shoot.add(scene(4), seconds=18, exposure_seconds=0.01)
    assert nearness(a.metadata, b.metadata) is Nearness.MOMENT
    assert nearness(c.metadata, d.metadata) is Nearness.ACTION


def test_no_more_features_are_held_than_said(mixed) -> None:
    loaded = []
    lookup = CachedFeatures(lambda i: loaded.append(i) or mixed.features[i], capacity=3)
    for index in (0, 1, 2, 0, 3, 0, 1):
        assert lookup.features(index) is mixed.features[index]
    assert loaded == [0, 1, 2, 3, 1]


def test_progress_ends_at_its_total(mixed) -> None:
    seen: list[tuple[int, int]] = []
    group_photos(
        mixed.photos,
        CachedFeatures(lambda i: mixed.features[i]),
        progress=lambda done, all_: seen.append((done, all_)),
    )
    assert seen[-1][0] == seen[-1][1]
