"""The model in the wheel, taught anew from a folder of data sets: what may teach, going on, and that it judges then."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from finepick.errors import DatasetError, UsageError
from finepick.scorers.builtin.scorer import BuiltinScorer
from finepick.scorers.frames import ArrayFrames
from finepick.settings import load_settings
from finepick.workflows.leaks import shown_in_both
from finepick.workflows.library import Library
from finepick.workflows.train_builtin import BuiltinRequest, _read_corpus, train_builtin
from tests.conftest import save_photo, scene

DATA = Path(os.environ.get("FINEPICK_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    home = str(tmp_path / "home")
    with Library(load_settings({"FINEPICK_HOME": home, "FINEPICK_WORKERS": "2"})) as library:
        yield library


def write_data(folder: Path) -> Path:
    """Series that only share a subject, of which the sharper ones are liked better; edits of one scene; rated photos;
    plain ones; something that calls itself a teacher."""
    shutil.rmtree(folder, ignore_errors=True)
    series = []
    for number in range(14):
        split = "train" if number < 8 else "val" if number < 12 else "test"
        names = []
        for member in range(4):
            picture = scene(100 * number + (0 if number % 2 else member), (320, 224))
            names.append(f"s{number}_{member}.png")
            save_photo(picture.filter(ImageFilter.GaussianBlur(0.8 * member)), folder / "series" / names[-1])
        series.append(
            {"series": f"s{number}", "split": split, "photos": names, "scores": [4.0, 3.0, 2.0, 1.0]}
        )
    lines = [json.dumps({**one, "category": "drawn", "pairs": None, "ranks": [1, 2, 3, 4]}) for one in series]
    (folder / "series" / "series.jsonl").write_text("\n".join(lines) + "\n")
    with open(_made(folder / "rated") / "coarse.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "score", "std", "n", "low", "high", "category", "split"])
        for number in range(12):
            save_photo(scene(5000 + number, (320, 224)), folder / "rated" / f"r{number}.png")
            split = "train" if number < 8 else "val"
            rows.writerow([f"r{number}.png", 1 + number % 7, 1.0, 9, 1, 7, "drawn", split])
    with open(_made(folder / "plain") / "photos.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file"])
        for number in range(2):
            save_photo(scene(9000 + number, (480, 320)), folder / "plain" / f"p{number}.jpg")
            rows.writerow([f"p{number}.jpg"])
    (_made(folder / "teacher") / "teacher.tflite").write_bytes(b"nothing of the kind")
    return folder


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


# --- what may teach ---


@pytest.mark.parametrize("how", ["the same bytes", "smaller and recompressed", "a crop, brightened"])
def test_what_test_asks_about_does_not_teach(library: Library, tmp_path: Path, how: str) -> None:
    data = write_data(tmp_path / "data")
    asked, teaches = data / "series" / "s13_0.png", data / "plain" / "p0.jpg"
    if how == "the same bytes":
        shutil.copy(asked, teaches)
    else:
        picture = Image.open(asked)
        if how == "a crop, brightened":
            picture = picture.crop((20, 10, 310, 220)).point(lambda value: min(255, value * 1.2))
        picture.resize((picture.width * 4 // 5, picture.height * 4 // 5)).save(teaches, quality=80)
    with pytest.raises(DatasetError, match=r"p0\.jpg.*would teach.*s13_0\.png") as raised:
        train_builtin(library, BuiltinRequest(str(data), str(tmp_path / "run"), steps=1))
    assert raised.value.path == str(teaches)


def test_no_photo_of_the_real_sets_that_teaches_is_in_test_too(library: Library) -> None:
    if not (DATA / "teacher").is_dir():
        pytest.skip(f"the real data are not here: {DATA} (set FINEPICK_DATA)")
    corpus = _read_corpus(str(DATA))
    paths = [os.path.join(d.folder, file) for d, one in corpus.series("test") for file in one.photos]
    paths += [path for path, _ in corpus.rated("test")]
    photos = {photo.path: photo for photo in library.read([*corpus.taught(), *paths]).photos}
    taught, asked = ([photos[path] for path in some] for some in (corpus.taught(), paths))
    assert len(taught) > 1500 and len(asked) > 400
    assert shown_in_both(library, taught, asked) == []


def test_a_folder_that_cannot_teach_is_said_to(library: Library, tmp_path: Path) -> None:
    def refused(message: str) -> None:
        with pytest.raises(DatasetError, match=message):
            train_builtin(library, BuiltinRequest(str(data), str(tmp_path / "run"), steps=1))

    data = tmp_path / "nowhere"
    refused("is not a folder")
    refused_empty = _made(tmp_path / "empty")
    data = refused_empty
    refused("no data set")
    data = write_data(tmp_path / "data")
    os.remove(data / "teacher" / "teacher.tflite")
    refused("0 teachers")
    (data / "plain" / "p1.jpg").write_bytes(b"no photo")
    (data / "teacher" / "teacher.tflite").write_bytes(b"x")
    refused(r"cannot be read.*p1\.jpg")
    with pytest.raises(UsageError, match="--steps"):
        BuiltinRequest(str(data), str(tmp_path), steps=0)


# --- a whole run ---


@pytest.mark.slow
def test_a_run_teaches_a_model_that_judges_and_is_the_same_again(library: Library, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra 'train'")
    pytest.importorskip("ai_edge_litert", reason="needs the extra 'train'")
    teachers = list((DATA / "teacher").glob("*.tflite"))
    if not teachers:
        pytest.skip(f"the teacher is not here: {DATA / 'teacher'} (set FINEPICK_DATA)")
    data = write_data(tmp_path / "data")
    shutil.copyfile(teachers[0], data / "teacher" / "teacher.tflite")
    told: list[str] = []
    path = train_builtin(library, BuiltinRequest(str(data), str(tmp_path / "run"), steps=3), tell=told.append)
    assert list(dict.fromkeys(line.split(":")[0] for line in told))[-6:] == [
        "quality", "beauty", "soundness", "versions", "burst", "apart",
    ]  # fmt: skip
    scorer = BuiltinScorer(path)
    frames = [np.asarray(Image.open(data / "series" / f"s9_{member}.png")) for member in range(4)]
    judgement = scorer.judge(ArrayFrames(frames))
    assert judgement.fine.argmin() == 3 and np.isfinite(judgement.coarse).all()  # type: ignore[arg-type]
    first = Path(path).read_bytes()
    os.remove(path)
    again = train_builtin(library, BuiltinRequest(str(data), str(tmp_path / "run"), steps=3))
    assert Path(again).read_bytes() == first
