"""`finepick edit` as people run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from finepick.cli.app import app
from finepick.datasets.manifest import read_manifest
from finepick.domain import Frame
from finepick.edits import EDITS
from finepick.errors import FinepickError, RecipeError, UsageError
from tests.conftest import Finepick, save_photo, scene


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return save_photo(scene(1, (400, 260)), tmp_path / "in" / "photo one.jpg")


def test_a_picture_is_written_with_its_recipe_and_can_be_made_again(
    finepick: Finepick, photo: Path, tmp_path: Path
) -> None:
    before = photo.read_bytes()
    run = finepick(
        "edit",
        photo,
        "--edit",
        "tilt=0.4",
        "--edit",
        "dust",
        "--seed",
        "7",
        "--out",
        tmp_path / "a.png",
        "--json",
    )

    assert (run.code, run.err) == (0, "")
    [picture] = run.document["pictures"]
    assert picture["path"] == str(tmp_path / "a.png") and picture["source"] == str(photo)
    assert picture["recipe"] == [
        {"edit": "tilt", "strength": 0.4, "seed": 7, "engine": 1},
        {"edit": "dust", "strength": 1.0, "seed": 7, "engine": 1},
    ]
    assert "°" in picture["description"] and run.document["counts"] == {
        "pictures": 1,
        "skipped": 0,
        "ignored": 0,
    }
    again = finepick("edit", photo, "--recipe", tmp_path / "a.json", "--out", tmp_path / "b.png")
    assert again.code == 0 and (tmp_path / "b.png").read_bytes() == (tmp_path / "a.png").read_bytes()
    assert photo.read_bytes() == before


def test_a_chain_of_a_folder_goes_into_a_folder_with_a_sheet(
    finepick: Finepick, photo: Path, tmp_path: Path
) -> None:
    save_photo(scene(2), photo.parent / "two.png")
    (photo.parent / "bad.jpg").write_bytes(b"no picture")
    out, sheet = photo.parent / "edited", tmp_path / "sheet.png"
    words = (
        "edit",
        photo.parent,
        "--edit",
        "haze=0.8",
        "--chain",
        "4",
        "--out",
        out,
        "--sheet",
        sheet,
        "--json",
    )

    first, second = finepick(*words), finepick(*words[:-3], "--json")

    assert first.code == second.code == 0
    names = [os.path.basename(picture["path"]) for picture in first.document["pictures"]]
    assert len(set(names)) == 8 and [name.split("haze-")[1] for name in names[:4]] == [
        "0.2.png",
        "0.4.png",
        "0.6.png",
        "0.8.png",
    ]
    assert first.document["skipped"][0]["path"].endswith("bad.jpg")
    assert second.document["pictures"] == first.document["pictures"]  # its own pictures are not edited again
    assert pixels(sheet).shape[1] > 5 * 180
    contrasts = [pixels(picture["path"]).std() for picture in first.document["pictures"][:4]]
    assert contrasts == sorted(contrasts, reverse=True)


def pixels(path: str | Path) -> Frame:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_a_jpeg_is_of_the_quality_asked_for_and_can_be_made_again(
    finepick: Finepick, photo: Path, tmp_path: Path
) -> None:
    first, again, ours = tmp_path / "30.jpg", tmp_path / "again.jpg", tmp_path / "ours.jpg"
    assert finepick("edit", photo, "--edit", "haze", "--quality", "30", "--out", first).code == 0
    assert finepick("edit", photo, "--recipe", tmp_path / "30.json", "--out", again).code == 0

    assert again.read_bytes() == first.read_bytes()
    Image.new("RGB", (16, 16)).save(ours, quality=30, subsampling="4:4:4")
    with Image.open(first) as written, Image.open(ours) as expected:
        assert written.quantization == expected.quantization  # type: ignore[attr-defined]


def test_the_catalogue_is_listed(finepick: Finepick) -> None:
    table, document = finepick("edit", "--list"), finepick("edit", "--list", "--json").document

    assert all(edit.name in table.out and edit.about in table.out for edit in EDITS)
    by_name = {entry["name"]: entry for entry in document["edits"]}
    assert by_name["defocus"]["hurts_from"]["measured"] is True and by_name["denoise"]["hurts_from"] is None


def wrong(words: str, tmp_path: Path, photo: Path) -> list[str]:
    return [word.replace("PHOTO", str(photo)).replace("TMP", str(tmp_path)) for word in words.split("|")]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("edit", 2, "no photo; name one, or see the edits with --list"),
        (
            "edit|PHOTO|--out|TMP/x.png",
            2,
            "nothing to do; name an edit with --edit, or a recipe with --recipe",
        ),
        ("edit|PHOTO|--edit|haze", 2, "nowhere to go; name a picture or folder with --out"),
        ("edit|PHOTO|--edit|charm|--out|TMP/x.png", 2, "no edit is called 'charm'; there are underexposure,"),
        ("edit|PHOTO|--edit|haze=2|--out|TMP/x.png", 2, "--edit haze=2: a strength is a number from 0 to 1"),
        (
            "edit|PHOTO|--edit|haze=nan|--out|TMP/x.png",
            2,
            "--edit haze=nan: a strength is a number from 0 to 1",
        ),
        ("edit|PHOTO|--edit|haze|--out|PHOTO", 2, "is the photo itself; originals are not written"),
        ("edit|PHOTO|--edit|haze|--out|TMP/in", 2, "is the folder of the originals; choose another one"),
        ("edit|PHOTO|--edit|haze|--sheet|PHOTO", 2, "--sheet takes a file that ends in .png"),
        ("edit|PHOTO|--edit|haze|--out|TMP/x.webp", 2, "edited pictures are .png or .jpg"),
        ("edit|PHOTO|--edit|haze|--chain|3|--out|TMP/x.png", 2, "3 pictures do not go into one file"),
        (
            "edit|PHOTO|--edit|haze|--recipe|TMP/r.json|--out|TMP/x.png",
            2,
            "either --edit or --recipe, not both",
        ),
        ("edit|PHOTO|--pairs|TMP/p|--edit|haze", 2, "--edit does not go with --pairs"),
        ("edit|PHOTO|--edit|haze|--out|TMP/x.png|--count|3", 2, "--count goes with --pairs"),
        ("edit|PHOTO|--recipe|TMP/none.json|--out|TMP/x.png", 1, "none.json cannot be read, no such file"),
        ("edit|PHOTO|--recipe|PHOTO|--out|TMP/x.png", 1, "this is not JSON; name the .json beside"),
        ("edit|TMP/none.jpg|--edit|haze|--out|TMP/x.png", 1, "none.jpg' does not exist; check the spelling"),
        ("edit|PHOTO|--edit|haze|--out|TMP/taken.png", 1, "is there already and holds something else"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(
    photo: Path, tmp_path: Path, words: str, code: int, told: str
) -> None:
    (tmp_path / "taken.png").write_bytes(b"mine")
    with pytest.raises(FinepickError) as caught:
        app(wrong(words, tmp_path, photo), standalone_mode=False)

    assert isinstance(caught.value, UsageError) == (code == 2)  # what exit codes go by
    assert told in caught.value.message and "\n" not in caught.value.message
    assert not (tmp_path / "x.png").exists() and (tmp_path / "taken.png").read_bytes() == b"mine"
    assert not (tmp_path / "taken.json").exists()


def test_errors_are_documents_with_exit_codes(finepick: Finepick, photo: Path, tmp_path: Path) -> None:
    usage = finepick("edit", photo, "--edit", "charm", "--out", tmp_path / "x.png", "--json")
    failed = finepick("edit", tmp_path / "none.jpg", "--edit", "haze", "--out", tmp_path / "x.png", "--json")

    assert (usage.code, usage.document["error"]["kind"]) == (2, "unknown_edit")
    assert (failed.code, failed.document["error"]["kind"]) == (1, "path_not_found")
    assert all(len(run.err.splitlines()) == 1 and "Traceback" not in run.err for run in (usage, failed))


def test_a_recipe_of_another_photo_is_refused_unless_its_source_is_taken_out(
    photo: Path, tmp_path: Path
) -> None:
    recipe: dict[str, object] = {"source": {"sha256": "0" * 64}, "recipe": [{"edit": "haze"}]}
    (tmp_path / "r.json").write_text(json.dumps(recipe))
    words = ["edit", str(photo), "--recipe", str(tmp_path / "r.json"), "--out", str(tmp_path / "x.png")]
    with pytest.raises(RecipeError, match="take 'source' out of the recipe to follow it with any photo"):
        app(words, standalone_mode=False)

    del recipe["source"]
    (tmp_path / "r.json").write_text(json.dumps(recipe))
    app(words, standalone_mode=False)
    assert (tmp_path / "x.png").exists()


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_pairs_survive_kill_9_in_the_middle(finepick: Finepick, photo: Path, tmp_path: Path) -> None:
    for number in range(3):
        save_photo(scene(30 + number, (800, 600)), photo.parent / f"{number}.jpg")
    words = ("edit", str(photo.parent), "--count", "48", "--json", "--pairs")
    process = subprocess.Popen([sys.executable, "-m", "finepick", *words, str(tmp_path / "killed")])
    part = tmp_path / "killed" / "series.jsonl.part"
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        if part.exists() and part.read_bytes().count(b"\n") >= 2:
            break
        time.sleep(0.01)
    assert process.poll() is None, "too fast to be caught in the middle"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed" / "series.jsonl").exists()

    went_on, at_once = finepick(*words, tmp_path / "killed"), finepick(*words, tmp_path / "whole")

    assert went_on.code == at_once.code == 0
    counts = at_once.document["counts"]
    assert counts["made"] == counts["series"] and counts["pairs"] >= 48
    assert went_on.document["counts"]["made"] < counts["series"]
    killed, whole = (
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("killed", "whole")
    )
    assert killed == whole
    assert len(read_manifest(str(tmp_path / "whole")).series) == counts["series"]
