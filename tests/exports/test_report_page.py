"""The report in a real browser: opened as a file, offline, by keyboard."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from finepick.exports.report import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None,
        reason="the Debian package 'chromium' is missing: the report was not looked at in a browser",
    ),
]

HOSTILE = [
    '"><img src=x onerror="window.broken=1">.jpg',
    "</script><script>window.broken=1</script>.jpg",
    "bytes \udcff\udc80 and a moon \U0001f319.jpg",
    "two\nlines \u202egpj.jpg",
]


class DrawnPictures:
    """Every photo in a colour of its own with a disc; its difference map has one hill on the right."""

    def _drawn(self, path: str, width: int, height: int) -> bytes:
        shade = sum(path.encode("utf-8", "surrogateescape")) % 200
        picture = Image.new("RGB", (width, height), (shade, 90, 220 - shade))
        ImageDraw.Draw(picture).ellipse((width * 0.6, height * 0.3, width * 0.8, height * 0.6), fill="white")
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG")
        return buffer.getvalue()

    def thumbnail(self, path: str) -> bytes | None:
        return self._drawn(path, 320, 213)

    def previews(self, paths: Sequence[str]) -> Iterator[bytes | None]:
        return (self.preview(path) for path in paths)

    def preview(self, path: str) -> bytes | None:
        return self._drawn(path, 1600, 1066)

    def difference(self, path: str) -> NDArray[np.float64] | None:
        down, across = np.mgrid[0:43, 0:64]
        return np.asarray(np.exp(-((across - 44.5) ** 2 + (down - 19.5) ** 2) / 40))


def photo(path: str, place: int, best: str, **more: Any) -> dict[str, Any]:
    reason = {
        "attribute": "sharpness",
        "direction": "worse",
        "strength": 0.6,
        "versus": best,
        "text": f"Reason of {place}.",
    }
    return {
        "path": path,
        "companions": [],
        "rank": place + 1,
        "score": 1 - place / 10,
        "coarse": None,
        "p_best": 0.71 if place == 0 else 0.1,
        "keep": place == 0,
        "reasons": [reason],
        **more,
    }


def series(kind: str, *paths: str, too_close: bool = False, **more: Any) -> dict[str, Any]:
    photos = [photo(path, place, paths[0], **more) for place, path in enumerate(paths)]
    if kind == "bracket":
        for entry in photos:
            entry.update(rank=None, score=None, p_best=None, keep=True, reasons=[])
    return {"id": f"s-{paths[0]}", "kind": kind, "too_close": too_close, "best": paths[0], "photos": photos}


def document(
    *entries: dict[str, Any], skipped: list[dict[str, str]] | None = None, ignored: int = 0
) -> dict[str, Any]:
    count = sum(len(entry["photos"]) for entry in entries)
    return {
        "finepick": "0.1.0",
        "model": {"name": "measured", "version": "1", "fingerprint": "abcdef0123456789" * 4},
        "series": list(entries),
        "skipped": skipped or [],
        "counts": {
            "photos": count,
            "series": len(entries),
            "skipped": len(skipped or []),
            "ignored": ignored,
        },
    }


SHOOT = document(
    series(
        "burst",
        "card/a1.jpg",
        "card/a2.jpg",
        "card/a3.jpg",
        "card/a4.jpg",
        taken_at="2026-06-12T14:32:05.120",
        camera="Drawn One",
    ),
    series("similar", "card/b1.jpg", "card/b2.jpg", "card/b3.jpg", too_close=True),
    series("bracket", "card/c1.jpg", "card/c2.jpg", "card/c3.jpg"),
    series("single", "card/d.jpg"),
    series("single", "card/e.jpg"),
    skipped=[{"path": "card/torn.jpg", "stage": "read", "reason": "The file ends in the middle."}],
    ignored=3,
)


@dataclass
class Visit:
    """An open report and all that it said and asked for."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def focused(self) -> str:
        return str(self.page.evaluate("document.activeElement.getAttribute('aria-label') ?? ''"))

    def texts(self, selector: str) -> list[str]:
        # Not the inner text: of a part that is not painted yet, on a busy machine, that is empty.
        return [" ".join(text.split()) for text in self.page.locator(selector).all_text_contents()]

    def transforms(self) -> list[str]:
        return list(self.page.eval_on_selector_all(".picture", "all => all.map(one => one.style.transform)"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright for Python is missing")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """Writes a report and opens it from the disk; at the end there must be no complaint and no request."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    visits: list[Visit] = []

    def open_report(given: dict[str, Any] = SHOOT, **options: Any) -> Visit:
        write_report(given, DrawnPictures(), str(tmp_path), **options)
        seen = Visit(context.new_page())
        visits.append(seen)
        seen.page.on("console", lambda message: seen.complaints.append(message.text))
        seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.goto((tmp_path / "report.html").as_uri())
        seen.page.wait_for_selector("html[data-built]")
        return seen

    yield open_report
    for seen in visits:
        assert seen.complaints == []
        assert {url.partition(":")[0] for url in seen.requests} <= {"file", "data", "blob"}
    context.close()


def test_it_opens_from_the_disk_and_shows_every_photo(visit: Any) -> None:
    seen = visit(title="An evening at the lake")
    assert seen.texts("h1") == ["An evening at the lake"]
    assert seen.texts("#counts span") == [
        "12 photos",
        "3 series",
        "2 singles",
        "7 keeps",
        "1 skipped",
        "3 ignored",
    ]
    assert seen.texts(".series h2") == ["Burst of 4", "3 similar photos", "Bracket of 3"]
    widths = seen.page.eval_on_selector_all(
        ".mat > img:first-child", "all => all.map(one => one.naturalWidth)"
    )
    assert widths == [320] * 12
    assert [url for url in seen.requests if url.startswith("file:")] == [seen.page.url]


def test_a_card_says_how_sure_why_and_when(visit: Any) -> None:
    seen = visit()
    first = seen.page.locator(".series").first
    assert "71 % sure" in first.inner_text()
    assert "Reason of 0." in first.inner_text()
    assert "12 June 2026, 14:32:05 · Drawn One" in first.inner_text()
    assert seen.texts(".badge") == ["Too close to call", "kept whole"]


def test_skipped_and_ignored_files_are_listed(visit: Any) -> None:
    seen = visit()
    assert seen.texts(".skipped td") == ["card/torn.jpg", "reading", "The file ends in the middle."]
    assert seen.texts(".ignored") == ["3 other files were ignored because they are no pictures."]


def test_arrows_walk_through_photos_and_series(visit: Any) -> None:
    seen = visit()
    walk = []
    for key in [
        "ArrowRight",
        "ArrowRight",
        "ArrowRight",
        "ArrowLeft",
        "ArrowDown",
        "ArrowDown",
        "ArrowUp",
        "n",
        "ArrowUp",
    ]:
        seen.press(key)
        walk.append(seen.focused().split(",")[0])
    assert walk == [f"{name}.jpg" for name in ("a1", "a2", "a3", "a2", "b1", "c1", "b1", "b1", "a1")]


def test_the_viewer_opens_side_by_side_walks_and_gives_the_focus_back(visit: Any) -> None:
    seen = visit()
    seen.press("ArrowRight", "Enter")
    assert seen.texts(".pane .name") == ["a1.jpg", "a2.jpg"]
    seen.press("ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight")
    assert seen.texts(".pane .name") == ["a1.jpg", "a4.jpg"]
    assert "Reason of 3." in seen.page.locator("#reasons").inner_text()
    seen.press("4")
    assert seen.page.locator(".pane").count() == 4
    seen.press("1")
    assert seen.texts(".pane .name") == ["a4.jpg"]
    seen.press("ArrowDown")
    assert seen.texts(".pane .name") == ["b1.jpg"]
    seen.press("Escape")
    assert not seen.page.locator("#viewer").is_visible()
    # the dialog's close event comes a task later
    seen.page.locator(":focus[aria-label^='b1.jpg']").wait_for(state="attached", timeout=5000)


def test_panes_zoom_and_move_in_step(visit: Any) -> None:
    seen = visit()
    seen.press("ArrowRight", "Enter")
    whole = seen.transforms()
    box = seen.page.locator(".pane").first.bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    seen.page.mouse.move(middle[0] + 60, middle[1] - 30)
    seen.page.mouse.wheel(0, -600)
    seen.page.wait_for_function(
        "() => document.querySelector('.picture').style.transform.indexOf('scale(1.0000)') < 0"
    )
    closer = seen.transforms()
    seen.page.mouse.down()
    seen.page.mouse.move(middle[0] + 20, middle[1] - 10)
    seen.page.mouse.up()
    moved = seen.transforms()
    for left, right in (whole, closer, moved):
        assert left == right
    assert len({whole[0], closer[0], moved[0]}) == 3
    seen.press("z")
    assert seen.transforms() == whole


def test_what_is_under_the_pointer_stays_there_when_zooming(visit: Any) -> None:
    seen = visit()
    seen.press("ArrowRight", "Enter", "1")
    place = """([x, y]) => { const box = document.querySelector('.picture').getBoundingClientRect();
      return [(x - box.left) / box.width, (y - box.top) / box.height]; }"""
    box = seen.page.locator(".pane").bounding_box()
    point = [box["x"] + box["width"] * 0.55, box["y"] + box["height"] * 0.45]
    before = seen.page.evaluate(place, point)
    seen.page.mouse.move(*point)
    seen.page.mouse.wheel(0, -900)
    seen.page.wait_for_function("() => document.querySelector('.closer')")
    assert seen.page.evaluate(place, point) == pytest.approx(before, abs=0.002)


def test_double_click_shows_one_pixel_of_the_preview_on_one_of_the_screen(visit: Any) -> None:
    seen = visit()
    seen.press("ArrowRight", "Enter")
    seen.page.locator(".pane").last.dblclick()
    assert seen.page.evaluate(
        "document.querySelector('.picture').getBoundingClientRect().width"
    ) == pytest.approx(1600, abs=2)


def test_z_goes_to_where_the_photos_differ(visit: Any) -> None:
    seen = visit()
    seen.press("ArrowRight", "Enter", "z")
    middle = seen.page.evaluate(
        """() => { const pane = document.querySelector('.pane').getBoundingClientRect();
          const box = document.querySelector('.picture').getBoundingClientRect();
          return (pane.left + pane.width / 2 - box.left) / box.width; }"""
    )
    # the hill of the map lies in column 44.5 of 64; up and down the view is held by the picture's border
    assert middle == pytest.approx(45 / 64, abs=0.02)


def test_the_difference_map_glows_where_the_photos_differ(visit: Any) -> None:
    seen = visit()
    seen.press("ArrowRight", "Enter")
    assert seen.page.locator(".heat:visible").count() == 0
    seen.press("d")
    assert seen.page.locator(".heat:visible").count() == 2
    assert seen.page.locator("#legend").is_visible()
    opacity = seen.page.evaluate(
        """() => { const map = document.querySelector('.heat');
          const row = map.getContext('2d').getImageData(0, map.height * 20 / 43, map.width, 1).data;
          const cells = Array.from({ length: 64 }, (_, cell) => Math.floor((cell + 0.5) * map.width / 64));
          return cells.map((column) => row[column * 4 + 3]); }"""
    )
    assert max(range(64), key=opacity.__getitem__) in (44, 45)
    assert opacity[44] > 150 and max(opacity[:30]) < 10
    seen.press("d")
    assert seen.page.locator(".heat:visible").count() == 0


def test_blinking_alternates_with_the_best_while_the_key_is_held(visit: Any) -> None:
    seen = visit()
    seen.press("ArrowRight", "ArrowRight", "Enter")
    seen.page.keyboard.down("b")
    for name in ("a1", "a2", "a1"):
        seen.page.wait_for_function(
            "name => document.querySelector('.pane .name').textContent.startsWith(name)", arg=name
        )
        assert seen.page.locator(".pane").count() == 1
    seen.page.keyboard.up("b")
    assert seen.texts(".pane .name") == ["a1.jpg", "a2.jpg"]


def test_marks_change_the_choice_and_outlive_the_page(visit: Any) -> None:
    seen = visit()
    seen.press("ArrowRight", "x", "ArrowRight", "p", "ArrowRight", "p", "u")
    assert seen.texts("#kept-count") == ["7 keeps"]
    with seen.page.expect_download() as download:
        seen.page.locator("#save-json").click()
    choice = json.loads(Path(download.value.path()).read_text())["choice"]
    assert [(row["path"], row["mark"], row["kept"]) for row in choice[:3]] == [
        ("card/a1.jpg", "reject", False),
        ("card/a2.jpg", "pick", True),
        ("card/a3.jpg", None, False),
    ]
    seen.page.reload()
    seen.page.wait_for_selector("html[data-built]")
    assert seen.page.locator(".tile.kept").first.get_attribute("title") == "card/a2.jpg"


def test_filters_and_search_show_what_they_say(visit: Any) -> None:
    seen = visit()

    def shown() -> list[str]:
        return [str(tile.get_attribute("title")) for tile in seen.page.locator(".tile:visible").all()]

    seen.press("f")
    assert seen.texts(".series:visible h2") == ["3 similar photos", "Burst of 4", "Bracket of 3"]
    seen.press("f")
    assert shown() == [f"card/{name}.jpg" for name in ("a1", "b1", "c1", "c2", "c3", "d", "e")]
    seen.press("f")
    assert shown() == ["card/c1.jpg", "card/c2.jpg", "card/c3.jpg"]
    seen.press("f")
    assert shown() == ["card/d.jpg", "card/e.jpg"]
    seen.press("f")
    assert shown() == [] and seen.page.locator(".skipped").is_visible()
    seen.press("f", "/")
    seen.page.keyboard.type("B2")
    assert seen.texts(".series:visible h2") == ["3 similar photos"]
    seen.press("Escape")
    assert len(shown()) == 12


def test_hostile_names_are_shown_and_do_nothing(visit: Any) -> None:
    given = document(
        series("burst", *HOSTILE, notes=["<b>note</b>"]),
        skipped=[{"path": HOSTILE[0], "stage": "find", "reason": "<i>no</i>"}],
    )
    seen = visit(given, title="</title><script>window.broken=1</script>")
    seen.press("ArrowRight", "Enter", "6")
    assert seen.page.evaluate("window.broken") is None
    assert seen.page.locator("img[src=x], .panel b, td i").count() == 0
    shown = seen.page.eval_on_selector_all(".tile .name", "all => all.map(one => one.textContent)")
    assert shown == [
        '"><img src=x onerror="window.broken=1">.jpg',
        "script>.jpg",
        "bytes \ufffd\ufffd and a moon \U0001f319.jpg",
        "two\u240alines \ufffdgpj.jpg",
    ]
    assert "<b>note</b>" in seen.page.locator("#reasons").inner_text()


def test_previews_in_the_folder_are_used_and_mentioned(visit: Any, tmp_path: Path) -> None:
    seen = visit(embed_budget_bytes=0)
    assert seen.texts("#outside") == [
        "10 previews lie in the folder report_previews beside this file; keep them together."
    ]
    seen.press("ArrowRight", "Enter")
    seen.page.wait_for_function(
        "() => [...document.querySelectorAll('.pane img')].every(image => image.naturalWidth === 1600)"
    )
    assert any("/report_previews/preview-" in url for url in seen.requests)


def test_without_its_folder_the_report_falls_back_to_thumbnails_and_says_why(
    visit: Any, tmp_path: Path
) -> None:
    seen = visit(embed_budget_bytes=0)
    shutil.rmtree(tmp_path / "report_previews")
    seen.page.reload()
    seen.page.wait_for_selector("html[data-built]")
    seen.press("ArrowRight", "Enter")
    seen.page.wait_for_function(
        "() => [...document.querySelectorAll('.pane img')].every(image => image.naturalWidth === 320)"
    )
    seen.page.wait_for_function(
        "() => document.querySelector('#reasons').textContent.includes('preview was not found')"
    )
    seen.complaints[:] = [text for text in seen.complaints if "ERR_FILE_NOT_FOUND" not in text]


def test_an_empty_result_says_so(visit: Any) -> None:
    seen = visit(document())
    assert seen.texts(".empty:visible") == ["No photos were found."]
    seen.press("ArrowRight", "Enter", "n", "p", "f")


def test_every_thumbnail_in_sight_has_its_picture_while_scrolling(visit: Any) -> None:
    many = [series("burst", *(f"{number}-{place}.jpg" for place in range(6))) for number in range(40)]
    seen = visit(document(*many))
    looked = 0
    for _ in range(60):
        empty, full, at_end = seen.page.evaluate(
            """() => new Promise((resolve) => { scrollBy(0, innerHeight * 0.8); requestAnimationFrame(() => {
              const inSight = [...document.querySelectorAll('.mat > img:first-child')].filter((image) => {
                const box = image.getBoundingClientRect();
                return box.height && box.bottom > 0 && box.top < innerHeight; });
              const full = inSight.filter((image) => image.naturalWidth > 0).length;
              const bottom = document.documentElement.scrollHeight - 1;
              resolve([inSight.length - full, full, scrollY + innerHeight >= bottom]);
            }); })"""
        )
        assert empty == 0
        looked += full
        if at_end:
            break
    assert looked >= 240


def test_on_a_phone_nothing_sticks_out_sideways(visit: Any) -> None:
    seen = visit()
    seen.page.set_viewport_size({"width": 390, "height": 844})
    assert seen.page.evaluate("document.documentElement.scrollWidth") == 390
    seen.press("ArrowRight", "Enter")
    assert seen.page.evaluate("document.getElementById('viewer').scrollWidth") == 390
    tops = seen.page.eval_on_selector_all(".pane", "all => all.map(one => one.getBoundingClientRect().top)")
    assert tops[0] < tops[1]


def test_help_lists_the_keys_and_returns_to_where_one_was(visit: Any) -> None:
    seen = visit()
    seen.press("ArrowRight", "Enter", "?")
    assert seen.page.locator("#help").is_visible()
    seen.press("ArrowRight", "Escape")
    assert not seen.page.locator("#help").is_visible()
    assert seen.texts(".pane .name")[1] == "a2.jpg"


def test_everything_that_can_be_pressed_has_a_name(visit: Any) -> None:
    seen = visit()
    seen.press("ArrowRight", "Enter")
    nameless = seen.page.eval_on_selector_all(
        "button, input",
        """all => all.filter(one => !one.textContent.trim() && !one.ariaLabel && !one.labels?.length)
          .map(one => one.outerHTML)""",
    )
    assert nameless == []
