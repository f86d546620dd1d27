"""`finepick refine` as people run it: marks, reasons, a page, undone, run again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import Finepick, save_photo, scene


@pytest.fixture
def takes(tmp_path: Path) -> Path:
    """Three takes of a scene, one of them twice, a stranger, a black frame, a file that is cut off."""
    folder = tmp_path / "takes"
    picture = scene(1, size=(960, 640))
    for name, factor in (("a", 1.0), ("b", 0.8), ("c", 0.65)):
        save_photo(picture.point(lambda value, factor=factor: round(value * factor)), folder / f"{name}.jpg")
    save_photo(picture, folder / "d again.jpg", quality=93)
    save_photo(scene(9, size=(960, 640)), folder / "e <other>.jpg")
    save_photo(Image.new("RGB", (960, 640)), folder / "f.jpg")
    return folder


STATES = {"d again.jpg": "indiscernible", "e <other>.jpg": "dissimilar", "f.jpg": "defect"}


def states(document: dict) -> dict[str, str]:
    return {one["photo"]: one["state"] for one in document["left_out"]}


def test_a_folder_becomes_a_refined_project(finepick: Finepick, takes: Path, tmp_path: Path) -> None:
    page = tmp_path / "what.html"
    run = finepick("refine", tmp_path / "p", "--from", takes, "--group", "one", "--page", page, "--json")
    assert run.code == 0, run.err
    document = run.document
    assert states(document) == STATES and document["counts"]["in"] == 3
    double = document["left_out"][0]["found"]
    assert {one["partner"] for one in double} == {"a.jpg"} and all(
        one["threshold"] is not None for one in double
    )
    text = page.read_text()
    assert (
        "e &lt;other&gt;.jpg" in text
        and "<other>" not in text
        and "http" not in re.sub(r"http-equiv", "", text)
    )
    assert sorted(path.name for path in takes.iterdir()) == sorted([*STATES, "a.jpg", "b.jpg", "c.jpg"])


def test_it_is_undone_and_run_again_with_other_thresholds(
    finepick: Finepick, takes: Path, tmp_path: Path
) -> None:
    project = tmp_path / "p"
    finepick("refine", project, "--from", takes, "--group", "one")
    undone = finepick("refine", project, "--undo", "1", "--json")
    assert undone.document["taken_back"] == 3

    again = finepick(
        "refine",
        project,
        "--set",
        "darkest=-1",
        "--set",
        "most_clipped=2",
        "--set",
        "same-ssim=1.1",
        "--json",
    )

    assert states(again.document) == {"e <other>.jpg": "dissimilar", "f.jpg": "empty_shot"}
    runs = finepick("refine", project, "--runs", "--json").document["runs"]
    assert [(one["run"], one["undone_at"] is None) for one in runs] == [(1, False), (2, True)]
    assert runs[1]["settings"]["same_ssim"] == 1.1


def test_a_photo_that_is_gone_or_changed_is_said_and_left_out(
    finepick: Finepick, takes: Path, tmp_path: Path
) -> None:
    project = tmp_path / "p"
    finepick("annotate", project, "--from", takes, "--group", "one", "--no-serve", "--quiet")
    (takes / "b.jpg").unlink()
    save_photo(scene(4, size=(960, 640)), takes / "c.jpg")

    run = finepick("refine", project, "--json")

    assert run.code == 0, run.err
    assert states(run.document) == {**STATES, "b.jpg": "defect", "c.jpg": "defect"}
    assert any("changed since" in one["reason"] for one in run.document["skipped"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "sharp=1"), "there is no threshold 'sharp'"),
        (("--set", "same_ssim"), "--set takes NAME=VALUE"),
        (("--set", "same_ssim=much"), "--set takes NAME=VALUE"),
        (("--undo", "7"), "there is no project"),
        (("--runs",), "there is no project"),
        ((), "knows no photo's file"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_way_out(
    finepick: Finepick, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    run = finepick("refine", tmp_path / "p", *words)
    assert run.code in (1, 2) and said in run.err and "Traceback" not in run.err


def test_the_thresholds_are_listed(finepick: Finepick) -> None:
    run = finepick("refine", "anywhere", "--limits", "--set", "darkest=0.1", "--json")
    assert run.document["thresholds"]["darkest"] == 0.1
