"""The report as files: what goes where, what is replaced, what is never harmed."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import tracemalloc
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from finepick.errors import OutputError
from finepick.exports.report import write_report


class Pictures:
    """Bytes that name their photo; previews are 3,000 bytes, 4,000 in the page."""

    def thumbnail(self, path: str) -> bytes | None:
        return b"thumbnail of " + os.fsencode(path)

    def previews(self, paths: Sequence[str]) -> Iterator[bytes | None]:
        return (self.preview(path) for path in paths)

    def preview(self, path: str) -> bytes | None:
        return (b"preview of " + os.fsencode(path)).ljust(3000, b".")

    def difference(self, path: str) -> NDArray[np.float64] | None:
        return np.array([[0.0, 1.0, 0.5], [np.nan, -3.0, 7.0]])


class Unplugged(Pictures):
    def __init__(self, after: int) -> None:
        self.left = after

    def preview(self, path: str) -> bytes | None:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return super().preview(path)


def document(*series: Sequence[str], kind: str = "burst") -> dict[str, Any]:
    entries = []
    for number, paths in enumerate(series):
        photos = [
            {
                "path": path,
                "companions": [],
                "rank": place + 1,
                "score": 1.0 - place,
                "coarse": None,
                "p_best": 1 / len(paths),
                "keep": place == 0,
                "reasons": [],
            }
            for place, path in enumerate(paths)
        ]
        one = "single" if len(paths) == 1 else kind
        entries.append(
            {"id": f"s{number}", "kind": one, "too_close": False, "best": paths[0], "photos": photos}
        )
    count = sum(map(len, series))
    return {
        "finepick": "0.1.0",
        "model": {"name": "measured", "version": "1", "fingerprint": "ab" * 32},
        "series": entries,
        "skipped": [],
        "counts": {"photos": count, "series": len(entries), "skipped": 0, "ignored": 0},
    }


class Elements(HTMLParser):
    """Scripts by id with text and attributes, the policy and the style, read by Python's own parser."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.scripts: dict[str, tuple[dict[str, str | None], str]] = {}
        self.policy = self.style = ""
        self._open: tuple[str, dict[str, str | None]] | None = None
        self.feed(page.read_bytes().decode("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "style"):
            self._open = (tag, given)
            if tag == "script":
                self.scripts[given.get("id") or "program"] = (given, "")
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""

    def handle_endtag(self, tag: str) -> None:
        self._open = None

    def handle_data(self, data: str) -> None:
        if self._open and self._open[0] == "style":
            self.style += data
        elif self._open:
            name = self._open[1].get("id") or "program"
            self.scripts[name] = (self._open[1], self.scripts[name][1] + data)

    def picture(self, name: str) -> bytes:
        return base64.b64decode(self.scripts[name][1])


def test_every_photo_has_a_thumbnail_and_photos_of_series_a_preview_and_a_map(tmp_path: Path) -> None:
    files = write_report(document(["a", "b"], ["alone"]), Pictures(), str(tmp_path))
    found = Elements(tmp_path / "report.html")
    assert [found.picture(f"t{n}") for n in range(3)] == [
        b"thumbnail of " + name for name in (b"a", b"b", b"alone")
    ]
    assert found.picture("p1").startswith(b"preview of b.")
    assert "p2" not in found.scripts and "d2" not in found.scripts
    assert (files.embedded_previews, files.outside_previews, files.preview_folder) == (2, 0, None)
    assert os.listdir(tmp_path) == ["report.html"]


def test_a_difference_map_keeps_its_shape_and_stays_in_bounds(tmp_path: Path) -> None:
    write_report(document(["a", "b"]), Pictures(), str(tmp_path))
    found = Elements(tmp_path / "report.html")
    assert found.scripts["d0"][0]["data-columns"] == "3"
    assert list(found.picture("d0")) == [0, 255, 128, 0, 0, 255]


def test_winner_and_runner_up_of_every_series_come_before_any_third(tmp_path: Path) -> None:
    given = document(["a1", "a2", "a3", "a4"], ["b1", "b2", "b3"])
    files = write_report(given, Pictures(), str(tmp_path), embed_budget_bytes=5 * 4000)
    found = Elements(tmp_path / "report.html")
    inside = {
        name
        for name, (given, _) in found.scripts.items()
        if re.fullmatch(r"p\d", name) and "data-file" not in given
    }
    assert inside == {"p0", "p1", "p4", "p5", "p2"}
    assert (files.embedded_previews, files.outside_previews) == (5, 2)


def test_previews_beyond_the_budget_lie_beside_the_page_and_the_page_says_so(tmp_path: Path) -> None:
    files = write_report(document(["a", "b"]), Pictures(), str(tmp_path), embed_budget_bytes=0)
    found = Elements(tmp_path / "report.html")
    for number, name in enumerate("ab"):
        beside = tmp_path / (found.scripts[f"p{number}"][0]["data-file"] or "")
        assert beside.read_bytes() == Pictures().preview(name)
    assert files.preview_folder == str(tmp_path / "report_previews")
    assert json.loads(found.scripts["ending"][1]) == {
        "embedded": 0,
        "outside": 2,
        "folder": "report_previews",
    }


def test_a_second_report_takes_away_old_previews_of_ours_and_nothing_else(tmp_path: Path) -> None:
    write_report(document(["a", "b"], ["c", "d"]), Pictures(), str(tmp_path), embed_budget_bytes=0)
    own = tmp_path / "report_previews" / "preview-of-mine.jpg"
    own.write_bytes(b"mine")
    write_report(document(["a", "b"]), Pictures(), str(tmp_path), embed_budget_bytes=0)
    assert len(os.listdir(tmp_path / "report_previews")) == 3
    write_report(document(["a", "b"]), Pictures(), str(tmp_path))
    assert os.listdir(tmp_path / "report_previews") == ["preview-of-mine.jpg"]


def test_an_emptied_folder_of_previews_goes_too(tmp_path: Path) -> None:
    write_report(document(["a", "b"]), Pictures(), str(tmp_path), embed_budget_bytes=0)
    write_report(document(["a", "b"]), Pictures(), str(tmp_path))
    assert os.listdir(tmp_path) == ["report.html"]


def test_an_interrupted_report_leaves_the_earlier_one_whole(tmp_path: Path) -> None:
    write_report(document(["a", "b"]), Pictures(), str(tmp_path), embed_budget_bytes=0)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(KeyboardInterrupt):
        write_report(document(["a", "b", "x", "y"]), Unplugged(after=3), str(tmp_path), embed_budget_bytes=0)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_hostile_names_survive_and_end_no_element(tmp_path: Path) -> None:
    names = [
        "</script><script>x()</script>",
        "<!--<script>",
        "not utf-8 \udcff.jpg",
        "line\nbreak",
        "{{script}}",
        "{#previews#}",
    ]
    given = document(names)
    write_report(given, Pictures(), str(tmp_path), title="<b>{{document}}</b> \udcff")
    found = Elements(tmp_path / "report.html")
    assert json.loads(found.scripts["document"][1])["document"] == given
    assert sum("x()" in text for _, text in found.scripts.values()) == 1
    assert "<title>&lt;b&gt;{{document}}&lt;/b&gt; \ufffd" in (tmp_path / "report.html").read_text("utf-8")


def test_the_policy_allows_exactly_the_program_and_the_style_of_the_page(tmp_path: Path) -> None:
    write_report(document(["a"]), Pictures(), str(tmp_path))
    found = Elements(tmp_path / "report.html")
    hashes = [
        "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
        for text in (found.style, found.scripts["program"][1])
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in found.policy.split(";"))
    assert [rules["style-src"], rules["script-src"], rules["default-src"]] == [*hashes, "'none'"]


def test_marks_belong_to_the_photos_not_to_the_judgement(tmp_path: Path) -> None:
    def identity(given: dict[str, Any], folder: str) -> str:
        write_report(given, Pictures(), str(tmp_path / folder))
        text = Elements(tmp_path / folder / "report.html").scripts["document"][1]
        return str(json.loads(text)["report"]["id"])

    first = identity(document(["a", "b"]), "1")
    assert identity(document(["b", "a"], kind="similar"), "2") == first
    assert identity(document(["a", "c"]), "3") != first


def test_progress_goes_to_the_end_by_ones(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    write_report(
        document(["a", "b"], ["c"]),
        Pictures(),
        str(tmp_path),
        progress=lambda done, total: steps.append((done, total)),
    )
    assert steps == [(n, 5) for n in range(1, 6)]


def test_photos_without_pictures_are_left_out_and_counted_as_done(tmp_path: Path) -> None:
    class Nothing(Pictures):
        def thumbnail(self, path: str) -> bytes | None:
            return None

        preview = thumbnail

        def difference(self, path: str) -> NDArray[np.float64] | None:
            return None

    steps: list[int] = []
    files = write_report(
        document(["a", "b"]), Nothing(), str(tmp_path), progress=lambda done, _: steps.append(done)
    )
    assert (files.embedded_previews, files.outside_previews, steps[-1]) == (0, 0, 4)


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(OutputError) as caught:
        write_report(document(["a"]), Pictures(), str(blocked))
    assert caught.value.path == str(blocked)
    assert caught.value.message == (
        f"the report could not be written: {blocked}: File exists; free some space or choose another folder"
    )


def test_pictures_pass_through_memory_one_at_a_time(tmp_path: Path) -> None:
    class Heavy(Pictures):
        def preview(self, path: str) -> bytes | None:
            return os.urandom(200_000)

    given = document(*[[f"{series}-{n}" for n in range(8)] for series in range(20)])
    tracemalloc.start()
    try:
        write_report(given, Heavy(), str(tmp_path), embed_budget_bytes=20_000_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # 160 previews are 32 MB; one, its base64 and the document are far less
    assert peak < 4_000_000


def test_the_report_can_be_read_by_others_like_any_new_file(tmp_path: Path) -> None:
    write_report(document(["a"]), Pictures(), str(tmp_path))
    (tmp_path / "ordinary").write_text("")
    assert (tmp_path / "report.html").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_real_jpegs_come_out_as_they_went_in(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3)).save(buffer, "JPEG")

    class Real(Pictures):
        def preview(self, path: str) -> bytes | None:
            return buffer.getvalue()

    write_report(document(["a", "b"]), Real(), str(tmp_path))
    with Image.open(io.BytesIO(Elements(tmp_path / "report.html").picture("p0"))) as picture:
        assert picture.size == (64, 48)
