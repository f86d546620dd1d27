"""The page to check a data set by: everything of a pair is there, and nothing that runs."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.conftest import Finepick
from tests.red.made import photos_in


class Shape(HTMLParser):
    """Which elements a page has, and what is said in them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.images: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "img":
            self.images.append(str(dict(attributes)["src"]))


@pytest.fixture
def built(finepick: Finepick, tmp_path: Path) -> Path:
    photos = photos_in(tmp_path / "photos", 2, (480, 320))
    (photos / "photo 001.png").rename(photos / "<b>bold & brave.png")
    done = finepick(
        "red", "build", tmp_path / "set", "--from", photos, "--judge", "measured", "--judge", "measurement:entropy",
        "--least-agreement", "0.51", "--long-side", "480", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert done.document["counts"]["kept"] == done.document["pairs"]["train"] > 3
    return tmp_path / "set"


def test_the_command_line_from_photos_to_the_page(built: Path, finepick: Finepick) -> None:
    done = finepick("red", "report", built, "--count", "3", "--json")

    assert done.code == 0 and done.document["kept"] == 3 and done.document["rejected"] == 1
    page = (built / "report.html").read_text("utf-8")
    shape = Shape(page)
    assert shape.tags.count("article") == 4 and shape.tags.count("table") == 4
    assert len(shape.images) == 3 * 4 + 2 and all(image.startswith("data:image/") for image in shape.images)
    assert "script" not in shape.tags and "<b>bold" not in page and "default-src &#x27;none&#x27;" in page
    for line in (built / "dataset/rejects.jsonl").read_text().splitlines():
        json.loads(line)
    assert len(re.findall(r"<b>[+−]\d\.\d\d</b>the edit is (?:better|worse); 1?\d\d% agree", page)) == 3
    assert page.count("<b>rejected</b>") == 1
    assert page.count(">measured</th>") == 4 and page.count("<b>edited</b>") == 3


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["red", "build", "{0}/new"], 2, "there is no photo to edit"),
        (["red", "build", "{0}/new", "--from", "{0}/nothing"], 1, "nothing"),
        (
            ["red", "build", "{0}/new", "--from", "{0}", "--judge", "nobody"],
            1,
            "there is no model called 'nobody'",
        ),
        (["red", "build", "{0}/new", "--from", "{0}", "--judge", "local:{0}"], 1, "there is no model in"),
        (
            ["red", "build", "{0}/new", "--from", "{0}", "--editor", "instruct-pix2pix={0}"],
            1,
            "no pipeline of diffusers",
        ),
        (
            ["red", "build", "{0}/new", "--from", "{0}", "--dead-zone", "2"],
            2,
            "the dead zone is a difference",
        ),
        (["red", "report", "{0}/new"], 1, "no data set is being built"),
        (["red", "report", "{0}/new", "--out", "x.pdf"], 2, "ends in .html"),
    ],
)
def test_bad_words_get_one_line_and_no_folder(
    finepick: Finepick, tmp_path: Path, words: list[str], code: int, message: str
) -> None:
    photos_in(tmp_path, 1)
    done = finepick(*(word.format(tmp_path) for word in words))

    assert done.code == code and message in done.err and "Traceback" not in done.err
    assert len(done.err.strip().splitlines()) <= 2 or code == 2
