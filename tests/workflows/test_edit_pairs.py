"""Manifests of pairs by construction: what is in them, going on after an end, splits, other people's folders."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from finepick.datasets.files import missing_photos
from finepick.datasets.manifest import read_manifest
from finepick.datasets.records import Dataset
from finepick.edits import follow, recipe_of
from finepick.errors import DatasetError, NothingReadableError, OutputError, UsageError
from finepick.images.reading import read_frame
from finepick.settings import load_settings
from finepick.workflows.edit_pairs import PairsReport, PairsRequest, write_pairs
from finepick.workflows.library import Library
from tests.conftest import save_photo, scene


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number in range(4):
        save_photo(scene(number, (300, 200)), folder / f"{number}.jpg")
    shutil.copy(folder / "0.jpg", folder / "0 again.jpg")
    return folder


Write = Callable[..., PairsReport]


@pytest.fixture(scope="module")
def write(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Write]:
    """`write_pairs` with readers that are started once for all tests here."""
    home = str(tmp_path_factory.mktemp("home"))
    with Library(load_settings({"FINEPICK_HOME": home, "FINEPICK_WORKERS": "2"})) as library:

        def write(folder: Path, *paths: Path, **wishes: object) -> PairsReport:
            request = PairsRequest(str(folder), **({"pairs": 60, "long_side": 160} | wishes))  # type: ignore[arg-type]
            return write_pairs(library, [str(path) for path in paths], request)

        yield write


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def edited_one(names: Sequence[str]) -> str:
    """The first that is not the source, which other series have, too."""
    return next(name for name in names if "source" not in name)


def test_the_manifest_is_one_that_the_readers_take_without_a_remark(
    write: Write, photos: Path, tmp_path: Path
) -> None:
    report = write(tmp_path / "out", photos)
    dataset = read_manifest(str(tmp_path / "out"))

    assert dataset.remarks == () and missing_photos(dataset) == ()
    assert len(dataset.series) == report.series == report.made and report.sources == 4
    assert sum(len(series.pairs) for series in dataset.series) == report.pairs >= 60
    for series in dataset.series:
        assert series.ranks is not None and sorted(series.ranks) == list(range(1, len(series.photos) + 1))
        strengths = [sum(step["strength"] for step in recipe) for recipe in series.others["recipes"]]
        assert list(np.argsort(strengths)) == list(np.argsort(series.ranks))
        assert all(pair.p == float(strengths[pair.a] < strengths[pair.b]) for pair in series.pairs)
        assert all(pair.text for pair in series.pairs)
        assert series.others["labels"] == "construction"
        assert len(series.others["recipes"]) == len(series.others["descriptions"]) == len(series.photos)


def test_the_text_of_a_pair_is_of_its_first_picture(write: Write, photos: Path, tmp_path: Path) -> None:
    write(tmp_path / "out", photos, words=("tilt",))

    texts = {
        (pair.text or "").removeprefix("far ").removeprefix("slightly "): pair.p
        for series in read_manifest(str(tmp_path / "out")).series
        for pair in series.pairs
    }
    assert texts == {"straighter horizon": 1.0, "more tilted horizon": 0.0}


def test_every_picture_can_be_made_again_from_its_source_and_recipe(
    write: Write, photos: Path, tmp_path: Path
) -> None:
    write(tmp_path / "out", photos)
    by_digest = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in photos.iterdir()}
    for series in read_manifest(str(tmp_path / "out")).series:
        told = series.others["source"]
        source = read_frame(str(by_digest[told["sha256"]]), long_side=told["long_side"])
        for name, entries in zip(series.photos, series.others["recipes"], strict=True):
            made = follow(source, recipe_of(entries) if entries else ()).frame
            with Image.open(tmp_path / "out" / name) as picture:
                assert np.array_equal(np.asarray(picture), made)


def test_a_second_run_has_nothing_to_do_and_changes_nothing(
    write: Write, photos: Path, tmp_path: Path
) -> None:
    write(tmp_path / "out", photos)
    before = contents(tmp_path / "out")

    assert write(tmp_path / "out", photos).made == 0
    assert contents(tmp_path / "out") == before


def test_photos_in_another_order_or_under_other_names_give_the_same_bytes(
    write: Write, photos: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for number, path in enumerate(sorted(photos.iterdir(), reverse=True)):
        shutil.copy(path, other / f"renamed {number}.jpg")
    write(tmp_path / "a", photos)
    write(tmp_path / "b", *sorted(other.iterdir()))

    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.parametrize("torn", ["line", "picture", "half a line", "nothing but the plan"])
def test_a_run_that_ended_early_goes_on_to_the_same_bytes(
    write: Write, photos: Path, tmp_path: Path, torn: str
) -> None:
    out = tmp_path / "out"
    write(out, photos)
    whole = contents(out)
    lines = (out / "series.jsonl").read_bytes().splitlines(keepends=True)
    (out / "series.jsonl").unlink()
    kept = {"line": lines[:3], "picture": lines[:3], "half a line": [*lines[:3], lines[3][:50]]}.get(torn, [])
    if kept:
        (out / "series.jsonl.part").write_bytes(b"".join(kept))
    if torn == "picture":
        name = out / edited_one(json.loads(lines[4])["photos"])
        name.rename(f"{name}.part")
    if torn == "nothing but the plan":
        shutil.rmtree(out / "photos")

    report = write(out, photos)

    assert report.made == report.series - min(len(kept), 3)
    assert contents(out) == whole


def test_pictures_that_were_deleted_are_made_again(write: Write, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, photos)
    whole = contents(out)
    (out / edited_one(read_manifest(str(out)).series[5].photos)).unlink()

    report = write(out, photos)

    assert report.made == report.series - 5
    assert contents(out) == whole


@pytest.mark.parametrize(
    ("wishes", "named"),
    [
        ({"seed": 1}, "seed"),
        ({"pairs": 61}, "pairs"),
        ({"quality": 90}, "quality"),
        ({"words": ("tone",)}, "edits"),
    ],
)
def test_another_request_into_the_same_folder_is_refused(
    write: Write, photos: Path, tmp_path: Path, wishes: dict[str, object], named: str
) -> None:
    write(tmp_path / "out", photos)
    before = contents(tmp_path / "out")

    with pytest.raises(OutputError, match=rf"holds pairs of another request \(other {named}\)"):
        write(tmp_path / "out", photos, **wishes)
    assert contents(tmp_path / "out") == before


def test_a_folder_with_anything_else_in_it_is_refused(write: Write, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")

    with pytest.raises(OutputError, match="holds other files; choose an empty folder, or a new one"):
        write(tmp_path, photos)
    assert contents(tmp_path) == {"note.txt": b"mine"}


def test_originals_stay_as_they_are(write: Write, photos: Path, tmp_path: Path) -> None:
    before = contents(photos)
    write(tmp_path / "out", photos, quality=80)

    assert contents(photos) == before
    assert {path.suffix for path in (tmp_path / "out" / "photos").rglob("*.*")} == {".jpg"}


def labelled(folder: Path, splits: dict[str, str]) -> Path:
    """A data set of our own layout, with photos that have a split."""
    folder.mkdir()
    for number, name in enumerate(splits):
        save_photo(scene(20 + number, (240, 160)), folder / name)
    rows = [f"{name},5,{split}" for name, split in splits.items()]
    (folder / "coarse.csv").write_text("\n".join(["file,score,split", *rows]) + "\n")
    return folder


def splits_by_source(dataset: Dataset) -> dict[str, set[str]]:
    found = defaultdict(set)
    for series in dataset.series:
        found[series.others["source"]["sha256"]].add(series.split)
    return found


def test_the_split_of_a_source_is_carried_over(write: Write, tmp_path: Path) -> None:
    source = labelled(tmp_path / "set", {"a.jpg": "train", "b.jpg": "val", "c.jpg": "test", "d.jpg": ""})
    write(tmp_path / "out", source)
    found = splits_by_source(read_manifest(str(tmp_path / "out")))
    digest = {name: hashlib.sha256((source / name).read_bytes()).hexdigest() for name in os.listdir(source)}

    assert found == {
        digest["a.jpg"]: {"train"},
        digest["b.jpg"]: {"val"},
        digest["c.jpg"]: {"test"},
        digest["d.jpg"]: {""},
    }


def test_a_split_is_given_to_photos_without_one_and_leaves_out_those_of_others(
    write: Write, tmp_path: Path
) -> None:
    source = labelled(tmp_path / "set", {"a.jpg": "train", "b.jpg": "val", "c.jpg": ""})
    report = write(tmp_path / "out", source, split="train")
    found = splits_by_source(read_manifest(str(tmp_path / "out")))

    assert report.left_out == 1 and len(found) == 2
    assert set.union(*found.values()) == {"train"}
    with pytest.raises(NothingReadableError, match="no photo is in the split 'test'"):
        write(tmp_path / "other", labelled(tmp_path / "val", {"a.jpg": "val"}), split="test")


def test_one_picture_in_two_splits_is_refused(write: Write, tmp_path: Path) -> None:
    source = labelled(tmp_path / "set", {"a.jpg": "train", "b.jpg": "val"})
    shutil.copy(source / "a.jpg", source / "b.jpg")

    with pytest.raises(DatasetError, match="a source belongs to one split"):
        write(tmp_path / "out", source)


@pytest.mark.parametrize(
    ("wishes", "reason"),
    [
        ({"split": "holdout"}, "--split is one of train, val, test, not 'holdout'"),
        ({"words": ("charm",)}, "'charm' is"),
    ],
)
def test_wishes_that_make_no_sense_are_refused_before_any_work(
    write: Write, photos: Path, tmp_path: Path, wishes: dict[str, object], reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        write(tmp_path / "out", photos, **wishes)
    assert not (tmp_path / "out").exists()
