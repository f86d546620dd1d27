"""What many tests need: state of their own, a small drawn shoot, the command line as people run it."""

from __future__ import annotations

import os

os.environ.setdefault(
    "OPENBLAS_NUM_THREADS", "1"
)  # before numpy: as the command line does, and why stands there

if "PYTEST_XDIST_WORKER" in os.environ:  # one process a core; torch would take them all for each
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.command_line import Run, run_command
from tests.postgres import database_url, postgres_server  # noqa: F401 - fixtures

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has a cache of its own and leaves the user's alone."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("FINEPICK_HOME", str(home))
    monkeypatch.setenv("FINEPICK_WORKERS", "2")
    return home


def scene(seed: int, size: tuple[int, int] = (480, 320)) -> Image.Image:
    """A drawn scene with edges and texture: sky, ground, and boxes where *seed* puts them."""
    width, height = size
    rng = np.random.default_rng(seed)
    pixels = np.zeros((height, width, 3))
    rows = np.linspace(0, 1, height)[:, None]
    pixels[:] = rng.uniform(90, 200, 3) * (1 - rows[..., None]) + rng.uniform(30, 120, 3) * rows[..., None]
    for _ in range(60):
        w, h = rng.integers(width // 40, width // 6), rng.integers(height // 40, height // 5)
        x, y = rng.integers(0, width - w), rng.integers(0, height - h)
        pixels[y : y + h, x : x + w] = rng.uniform(10, 245, 3)
    pixels += rng.normal(0, 3, (height, width, 1))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def save_photo(
    picture: Image.Image,
    path: Path,
    *,
    taken: datetime | None = None,
    camera: str = "Camera One",
    **options: Any,
) -> Path:
    """*picture* as a file with the time in its EXIF, to the millisecond."""
    exif = Image.Exif()
    if taken is not None:
        exif[0x010F], exif[0x0110] = "Example", camera
        ifd = exif.get_ifd(0x8769)
        ifd[0x9003] = taken.strftime("%Y:%m:%d %H:%M:%S")
        ifd[0x9291] = f"{taken.microsecond // 1000:03d}"
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(
        path,
        exif=exif,
        **({"quality": 92} | options if path.suffix.lower() in (".jpg", ".jpeg") else options),
    )
    return path


@pytest.fixture
def shoot(tmp_path: Path) -> Path:
    """A folder with a burst of five (the third sharp), a pair that looks alike, two singles, and bad files."""
    folder = tmp_path / "shoot"
    start = datetime(2026, 6, 1, 20, 15, 0)
    burst = scene(1, (560, 380))
    for i in range(5):
        frame = burst.crop((i * 2, i, i * 2 + 480, i + 320))
        blurred = frame if i == 2 else frame.filter(ImageFilter.GaussianBlur(1.2 + 0.3 * i))
        save_photo(blurred, folder / f"burst_{i}.jpg", taken=start + timedelta(milliseconds=125 * i))
    pair = scene(2)
    save_photo(pair, folder / "pair a.png")
    save_photo(pair.crop((20, 10, 460, 310)), folder / "pair b.png")
    save_photo(scene(3), folder / "deep" / "single.jpg", taken=start + timedelta(hours=5))
    save_photo(scene(4), folder / "deep" / "other.jpg", taken=start + timedelta(hours=9))
    (folder / "zero.jpg").write_bytes(b"")
    (folder / "words.jpg").write_text("not a picture at all")
    whole = (folder / "burst_0.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "notes.txt").write_text("a note")
    (folder / ".hidden.jpg").write_bytes(whole)
    return folder


Finepick = Callable[..., Run]


@pytest.fixture
def finepick(own_state: Path) -> Finepick:
    """`finepick WORDS…` in a process of its own, as people run it."""

    def run(
        *words: str | os.PathLike[str], cwd: Path | None = None, environment: dict[str, str] | None = None
    ) -> Run:
        return run_command(
            list(map(os.fspath, words)), cwd=cwd, environment={**os.environ, **(environment or {})}
        )

    return run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, so that no core waits for the other's last file; then from the inside out."""
    outer = ("cli", "end_to_end", "examples")
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path not in slow, any(f"/{name}/" in str(item.path) for name in outer)))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """In CI nothing may be skipped that the machine can run."""
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped and os.environ.get("FINEPICK_NOTHING_SKIPPED"):
        terminalreporter.section("skipped, and this machine was said to have everything")
        for report in skipped:
            terminalreporter.line(f"{report.nodeid}: {report.longrepr[2] if report.longrepr else ''}")
