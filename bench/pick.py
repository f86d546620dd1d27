"""How much `finepick pick` costs beyond decoding, how much a second run costs, and how much memory it takes.

    python bench/pick.py --count 1000 --size 4000x3000        # the ratios
    python bench/pick.py --memory                             # resident memory at 500 and 5,000 photos of 2 MP

Everything is measured in one run on the same files, which lie in the page cache: the floor is what two processes
need merely to decode the photos at the working size with Pillow's scaled decode. Where others use the machine,
compare the milliseconds of CPU a photo: they are disturbed less.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

from resident import MemoryWatch

ROOT = Path(__file__).resolve().parents[1]
WORKING_SIDE = 2000

Result = TypeVar("Result")


def main() -> None:
    arguments = _arguments()
    if arguments.memory:
        for count in (500, 5000):
            _memory(arguments.folder, count)
        return
    folder = _rendered(arguments.folder, arguments.count, arguments.size)
    paths = sorted(map(str, folder.rglob("*.JPG")))
    for path in paths:
        Path(path).read_bytes()
    # As installing does, where the environment forbids it later.
    compileall.compile_dir(ROOT / "src", quiet=1)
    with tempfile.TemporaryDirectory() as home:
        before, decoding = _timed(lambda: _floor(paths), len(paths))
        (first, peak, document), picking = _timed(lambda: _pick(folder, home), len(paths))
        second = min(_pick(folder, home)[0] for _ in range(3))
        (report, report_peak, _), reporting = _timed(
            lambda: _pick(folder, home, "--fresh", "--out", str(Path(home) / "report")), len(paths)
        )
        after, decoding_again = _timed(lambda: _floor(paths), len(paths))
    floor, decoding = (before + after) / 2, (decoding + decoding_again) / 2
    series = [one for one in document["series"] if len(one["photos"]) > 1]
    print(f"{len(paths)} photos of {arguments.size}, {len(series)} series of several")
    print(f"merely decoding, two processes   {before:8.1f} s before, {after:.1f} s after")
    print(
        f"first pick                       {first:8.1f} s   everything but decoding: {first / floor - 1:6.1%} of it"
    )
    print(
        f"first pick with the report       {report:8.1f} s   everything but decoding: {report / floor - 1:6.1%}"
    )
    print(
        f"CPU a photo, milliseconds        decoding {decoding:.1f}, first pick {picking:.1f} "
        f"(+{picking / decoding - 1:.1%}), with the report {reporting:.1f} (+{reporting / decoding - 1:.1%})"
    )
    print(f"second pick                      {second:8.2f} s   {first / second:.1f} times faster")
    print(f"resident memory, all processes   {peak:8.0f} MB   with the report {report_peak:.0f} MB")


def _memory(folder: Path, count: int) -> None:
    photos = _rendered(folder, count, "1632x1224")
    with tempfile.TemporaryDirectory() as home:
        seconds, peak, _ = _pick(photos, home)
        report_seconds, report_peak, _ = _pick(photos, home, "--out", str(Path(home) / "report"))
    print(f"{count} photos of 2 MP: {peak:.0f} MB at most in {seconds:.0f} s", end="; ")
    print(f"with the report {report_peak:.0f} MB in {report_seconds:.0f} s")


def _rendered(folder: Path, count: int, size: str) -> Path:
    target = folder / f"bulk-{count}-{size}"
    if not target.is_dir() or len(list(target.rglob("*.JPG"))) < count:
        shutil.rmtree(target, ignore_errors=True)
        command = [
            sys.executable,
            ROOT / "examples/render_shoot.py",
            target,
            "--bulk",
            str(count),
            "--size",
            size,
        ]
        subprocess.run(list(map(str, command)), check=True)
    return target


def _timed(work: Callable[[], Result], photos: int) -> tuple[Result, float]:
    """What *work* returns, and the milliseconds of CPU that its processes took for each of *photos*."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return result, 1000 * seconds / photos


def _floor(paths: list[str]) -> float:
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(_decode, paths[:2]))
        begun = time.perf_counter()
        for _ in pool.map(_decode, paths, chunksize=8):
            pass
        return time.perf_counter() - begun


def _decode(path: str) -> tuple[int, int]:
    from PIL import Image

    with Image.open(path) as picture:
        picture.draft("RGB", (WORKING_SIDE, WORKING_SIDE * picture.height // picture.width))
        picture.load()
        return picture.size


def _pick(
    folder: Path, home: str, *more: str
) -> tuple[float, float, dict[str, list[dict[str, list[object]]]]]:
    """Seconds, peak resident memory of all its processes in MB, and the document."""
    words = [sys.executable, "-m", "finepick", "pick", str(folder), "--json", "--workers", "2", *more]
    with tempfile.TemporaryFile() as out:
        begun = time.perf_counter()
        process = subprocess.Popen(words, stdout=out, env={**os.environ, "FINEPICK_HOME": home})
        watch = MemoryWatch(process.pid)
        code = process.wait()
        seconds = time.perf_counter() - begun
        peak = watch.stop()
        if code:
            sys.exit(f"finepick pick ended with {code}")
        out.seek(0)
        return seconds, peak, json.load(out)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--size", default="4000x3000")
    parser.add_argument(
        "--memory", action="store_true", help="measure memory at 500 and 5,000 photos instead"
    )
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "bench", help="where to render")
    return parser.parse_args()


if __name__ == "__main__":
    main()
