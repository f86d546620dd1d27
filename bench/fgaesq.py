"""FGAesQ from files to ranking: against the published recipe, what preparation costs, and how much memory it takes.

    python bench/fgaesq.py                    # all of it; some minutes, nearly all of them the published recipe
    python bench/fgaesq.py --only preparation

Weights are made by a rule in the released layout (times do not depend on what they say), photos are drawn.
The published recipe is `fgaesq_literal.py`: every unordered pair, SSIM block by block, both photos each time.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from finepick.scorers.fgaesq.runner import Outputs
from finepick.scorers.fgaesq.scorer import FgaesqScorer
from finepick.scorers.fgaesq.tokens import Tokens
from finepick.settings import load_settings
from finepick.workflows.library import Library
from finepick.workflows.pick import PickOptions, pick_photos
from resident import MemoryWatch

ROOT = Path(__file__).resolve().parents[1]
SIZE = (1600, 1200)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=("preparation", "ratio", "memory"))
    parser.add_argument(
        "--photos", type=int, default=10, help="photos of the series that is ranked both ways"
    )
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "bench" / "fgaesq")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))  # for the weights by rule, which the tests use, too
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.only in (None, "preparation"):
        print_preparation(burst(options.folder, 40))
    if options.only in (None, "ratio"):
        print_ratio(burst(options.folder, options.photos), checkpoint(options.folder))
    if options.only in (None, "memory"):
        for count in (20, 200):
            print_memory(burst(options.folder, count), checkpoint(options.folder))


def checkpoint(folder: Path) -> Path:
    from tests.released_weights import write_released_checkpoint

    path = folder / "released.pt"
    return path if path.exists() else write_released_checkpoint(path)


def burst(folder: Path, count: int) -> list[str]:
    """*count* frames of one textured scene, each moved a little and with noise of its own, JPEG quality 92."""
    target = folder / f"burst-{count}"
    target.mkdir(exist_ok=True)
    paths = [target / f"{number:03d}.jpg" for number in range(count)]
    if not all(path.exists() for path in paths):
        scene = textured_scene(SIZE[0] + 64, SIZE[1] + 64)
        rng = np.random.default_rng(1)
        for path in paths:
            left, top = (int(v) for v in rng.integers(0, 64, 2))
            view = np.asarray(scene.crop((left, top, left + SIZE[0], top + SIZE[1])), np.float32)
            noisy = view + rng.normal(0, 4, view.shape)
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(path, quality=92)
    return [str(path) for path in paths]


def textured_scene(width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(0)
    scene = np.zeros((height, width, 3), np.float32)
    for step in (4, 16, 64, 256):
        coarse = rng.integers(0, 256, (height // step + 2, width // step + 2, 3), dtype=np.uint8)
        scene += np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    return Image.fromarray((scene / 4).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.7))


class NoNetwork:
    """Takes tokens and answers at once, so that what is left is preparation."""

    batch_size = 8
    fingerprint = "no network"

    def run(self, tokens: Sequence[Tokens]) -> Outputs:
        n = len(tokens)
        return Outputs(np.zeros((n, 512), np.float32), np.zeros((n, 10), np.float32), np.zeros(n))


def print_preparation(paths: list[str]) -> None:
    """Processor time of everything but the network: own and the readers', start-up of readers left out."""
    few, many = (processor_seconds(paths[:count]) for count in (2, len(paths)))
    print(f"preparation            {1000 * (many - few) / (len(paths) - 2):6.1f} ms of a core a photo")


def processor_seconds(paths: list[str]) -> float:
    before = used_seconds()
    rank_all(paths, FgaesqScorer(NoNetwork()))
    return used_seconds() - before


def used_seconds() -> float:
    """Of this process and of children that have ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(use.ru_utime + use.ru_stime for use in map(resource.getrusage, kinds))


def rank_all(paths: list[str], scorer: object) -> list[str]:
    """Paths best first, ranked from the files with an empty cache."""
    with tempfile.TemporaryDirectory() as home:
        settings = load_settings({**os.environ, "FINEPICK_HOME": home})
        with Library(settings) as library:
            result = pick_photos(library, paths, scorer=scorer, options=PickOptions(group="one"))  # type: ignore[arg-type]
    [ranking] = result.series
    return [ranking.photos[i].path for i in ranking.order]


def print_ratio(paths: list[str], weights: Path) -> None:
    """Both load their weights beforehand; both begin with files and end with scores."""
    from fgaesq_literal import rank_series_literally
    from finepick.scorers.catalog import load_scorer
    from tests.released_weights import released_state

    scorer = load_scorer(str(weights), device="cpu")
    state = released_state()
    rank_all(paths[:2], scorer)
    before = timed(lambda: rank_all(paths, scorer))
    literal = timed(lambda: rank_series_literally(paths, state))
    after = timed(lambda: rank_all(paths, scorer))
    ours = (before + after) / 2
    print(f"a series of {len(paths)}, {SIZE[0]} × {SIZE[1]}, JPEG")
    print(f"the published recipe   {literal:6.1f} s")
    print(
        f"ours                   {before:6.2f} s before, {after:.2f} s after: {literal / ours:.0f} times as fast"
    )


def timed(work: object) -> float:
    begun = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - begun


def print_memory(paths: list[str], weights: Path) -> None:
    words = [sys.executable, "-m", "finepick", "rank", *paths, "--model", str(weights), "--json"]
    with tempfile.TemporaryDirectory() as home:
        process = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, env={**os.environ, "FINEPICK_HOME": home}
        )
        watch = MemoryWatch(process.pid)
        code = process.wait()
        peak = watch.stop()
    if code:
        sys.exit(f"finepick rank ended with {code}")
    print(f"resident, {len(paths):3d} photos   {peak:6.0f} MB, all processes")


if __name__ == "__main__":
    main()
