"""Measures a report of 2,000 drawn photos: size, memory of the writer, first paint, scrolling, next photo.

python bench/report.py [--photos 2000] [--folder DIR] [--browser /usr/bin/chromium]
"""

from __future__ import annotations

import argparse
import io
import json
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SERIES_OF = 8
SHARE_OF_SINGLES = 0.2


def main() -> int:
    options = _parse()
    folder = options.folder or tempfile.mkdtemp(prefix="finepick-report-")
    try:
        figures = {"writing": _write_in_own_process(folder, options.photos)}
        figures["reading"] = _look_at(folder, options.browser)
        print(json.dumps(figures, indent=1))
    finally:
        if not options.folder:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--folder", help="keep the report here")
    parser.add_argument("--browser", default=shutil.which("chromium") or "chromium")
    parser.add_argument("--write-only", metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write_only:
        print(json.dumps(_write(options.write_only, options.photos)))
        sys.exit(0)
    return options


# --- writing ------------------------------------------------------------------------------------


class DrawnPictures:
    """A few drawn pictures about as heavy as real ones, each made different by a comment of its own."""

    def __init__(self, kinds: int = 12) -> None:
        self._thumbnails = [_drawn(320, 240, seed, 12_000) for seed in range(kinds)]
        self._previews = [_drawn(1600, 1200, seed, 200_000) for seed in range(kinds)]

    def thumbnail(self, path: str) -> bytes:
        return _with_comment(self._thumbnails[hash(path) % len(self._thumbnails)], path)

    def previews(self, paths: Sequence[str]) -> Iterator[bytes | None]:
        return (self.preview(path) for path in paths)

    def preview(self, path: str) -> bytes:
        return _with_comment(self._previews[hash(path) % len(self._previews)], path)

    def difference(self, path: str) -> NDArray[np.float64]:
        return np.random.default_rng(len(path)).random((48, 64))


def _drawn(width: int, height: int, seed: int, size: int) -> bytes:
    """A JPEG of a hilly gradient with as much noise as makes it *size* bytes long."""
    chance = np.random.default_rng(seed)
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    hills = 0.6 + 0.06 * np.sin(across * 9 + seed) + 0.03 * np.sin(across * 31)
    plain = np.stack([0.9 - 0.4 * down, 0.7 - 0.3 * down, 0.5 + 0.3 * down], axis=-1) * 255
    plain[down > hills] *= 0.4
    noise = chance.normal(0, 1, plain.shape)
    low, high, data = 0.0, 40.0, b""
    for _ in range(7):
        amount = (low + high) / 2
        buffer = io.BytesIO()
        Image.fromarray(np.clip(plain + amount * noise, 0, 255).astype(np.uint8)).save(
            buffer, "JPEG", quality=80
        )
        data = buffer.getvalue()
        low, high = (amount, high) if len(data) < size else (low, amount)
    return data


def _with_comment(jpeg: bytes, text: str) -> bytes:
    comment = text.encode("utf-8", "replace")
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


def _document(photos: int) -> dict[str, Any]:
    alone = int(photos * SHARE_OF_SINGLES)
    sizes = [SERIES_OF] * ((photos - alone) // SERIES_OF)
    sizes += [1] * (photos - sum(sizes))
    series, number = [], 0
    for size in sizes:
        paths = [f"shoot/card/DSC_{number + place:05d}.JPG" for place in range(size)]
        number += size
        series.append(_series(len(series), paths))
    counts = {"photos": photos, "series": len(series), "skipped": 0, "ignored": 0}
    model = {"name": "measured", "version": "1", "fingerprint": "0" * 64}
    return {"finepick": "0", "model": model, "series": series, "skipped": [], "counts": counts}


def _series(number: int, paths: list[str]) -> dict[str, Any]:
    weights = [math.exp(-place) for place in range(len(paths))]
    photos = [
        {
            "path": path,
            "companions": [],
            "rank": place + 1,
            "score": 0.9 - place / 20,
            "coarse": 6.0,
            "p_best": weights[place] / sum(weights),
            "keep": place == 0,
            "reasons": [
                {
                    "attribute": "sharpness",
                    "direction": "worse" if place else "better",
                    "strength": 0.4,
                    "versus": paths[0 if place else -1],
                    "text": "Fine detail is crisper where the photos differ most.",
                }
            ]
            * (3 if len(paths) > 1 else 0),
            "taken_at": f"2026-06-12T10:{number // 60 % 60:02d}:{number % 60:02d}",
            "width": 4000,
            "height": 3000,
            "camera": "Drawn",
        }
        for place, path in enumerate(paths)
    ]
    kind = "burst" if len(paths) > 1 else "single"
    return {
        "id": f"s{number:04d}",
        "kind": kind,
        "too_close": number % 7 == 0,
        "best": paths[0],
        "photos": photos,
    }


def _write(folder: str, photos: int) -> dict[str, float]:
    from finepick.exports.report import write_report

    document, pictures = _document(photos), DrawnPictures()
    before = _memory(forget_peak=True)["VmRSS"]
    started = time.perf_counter()
    files = write_report(document, pictures, folder, title="Two thousand")
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "page_megabytes": round(Path(files.page).stat().st_size / 1e6, 1),
        "embedded_previews": files.embedded_previews,
        "outside_previews": files.outside_previews,
        "memory_above_start_megabytes": round((_memory()["VmHWM"] - before) / 1e6, 1),
    }


def _memory(*, forget_peak: bool = False) -> dict[str, int]:
    """Bytes in use (VmRSS) and at the most (VmHWM), as Linux counts them."""
    if forget_peak:
        Path("/proc/self/clear_refs").write_text("5")
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if words[0] in ("VmRSS:", "VmHWM:")}


def _write_in_own_process(folder: str, photos: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--photos", str(photos), "--write-only", folder]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


# --- reading ------------------------------------------------------------------------------------

VISIBLE_GAPS = """() => [...document.querySelectorAll('.tile .mat > img:first-child')].filter((image) => {
  const box = image.getBoundingClientRect();
  return box.height && box.bottom > 0 && box.top < innerHeight && !(image.complete && image.naturalWidth > 0);
}).length"""


@contextmanager
def _browser(path: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def _look_at(folder: str, path: str) -> dict[str, Any]:
    with _browser(path) as browser:
        paints = [_first_paint(browser, folder) for _ in range(3)]
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        address = Path(folder, "report.html").absolute().as_uri()
        page.goto(address, wait_until="commit")
        early = _scroll(page, seconds=2)
        page.wait_for_selector("html[data-built]")
        page.wait_for_load_state("load")
        return {
            "first_paint_milliseconds": min(paint["first"] for paint in paints),
            "first_thumbnail_milliseconds": min(paint["thumbnail"] for paint in paints),
            "loaded_milliseconds": min(paint["loaded"] for paint in paints),
            "gaps_while_loading": early,
            "gaps_after_loading": _scroll(page),
            "gaps_after_jumps": _jump(page),
            "next_photo_milliseconds": _next_photo(page),
        }


def _first_paint(browser: Any, folder: str) -> dict[str, float]:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.add_init_script(
        """const seen = setInterval(() => {
          const image = document.querySelector('.tile .mat > img:first-child');
          if (image?.naturalWidth) { window.firstThumbnail = performance.now(); clearInterval(seen); }
        }, 5);"""
    )
    page.goto(Path(folder, "report.html").absolute().as_uri(), wait_until="load")
    found = page.evaluate(
        """() => ({
          first: performance.getEntriesByName('first-contentful-paint')[0].startTime,
          thumbnail: window.firstThumbnail, loaded: performance.now() })"""
    )
    page.close()
    return {name: round(value) for name, value in found.items()}


def _scroll(page: Any, *, seconds: float | None = None) -> dict[str, int]:
    """Scrolls half a screen a frame, to the end or for some *seconds* of a page that still grows.

    Counts looks and looks that showed a thumbnail without a picture.
    """
    looks = gaps = 0
    started = time.perf_counter()
    while seconds is None or time.perf_counter() - started < seconds:
        at_end = page.evaluate(
            """() => new Promise((resolve) => { scrollBy(0, innerHeight / 2);
              requestAnimationFrame(() => resolve(
                scrollY + innerHeight >= document.documentElement.scrollHeight - 1)); })"""
        )
        looks += 1
        gaps += page.evaluate(VISIBLE_GAPS) > 0
        if at_end and seconds is None:
            break
    return {"looks": looks, "with_gaps": gaps}


def _jump(page: Any) -> dict[str, int]:
    gaps = 0
    places = np.random.default_rng(1).random(40)
    for place in places:
        page.evaluate(
            """(place) => new Promise((resolve) => {
              scrollTo(0, place * document.documentElement.scrollHeight);
              requestAnimationFrame(() => requestAnimationFrame(resolve)); })""",
            float(place),
        )
        gaps += page.evaluate(VISIBLE_GAPS) > 0
    return {"looks": len(places), "with_gaps": gaps}


def _next_photo(page: Any) -> dict[str, float]:
    """From the key to the frame that shows the next photo of a series, in the viewer."""
    page.evaluate("scrollTo(0, 0)")
    page.locator(".tile").nth(1).click()
    page.wait_for_timeout(500)
    times = []
    for _ in range(SERIES_OF - 2):
        times.append(
            page.evaluate(
                """() => new Promise((resolve) => { const from = performance.now();
                  document.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }));
                  const look = () => { const image = document.querySelector('.pane.selected img');
                    if (image?.naturalWidth) requestAnimationFrame(() => resolve(performance.now() - from));
                    else requestAnimationFrame(look); };
                  requestAnimationFrame(look); })"""
            )
        )
        page.wait_for_timeout(250)
    return {"median": round(float(np.median(times)), 1), "worst": round(max(times), 1)}


if __name__ == "__main__":
    sys.exit(main())
