"""What a chain of eight strengths costs for every edit, and whether every step leads farther from the source.

    python bench/edits.py [--photos 24]

Cost: CPU seconds on one core, best of three, of a chain on a photo of 1024 × 768, and as a multiple of writing its
eight pictures as PNG. Steps: over photos of FINEPICK_DATA (left out where there are none), how many chains are strictly
monotone by the edit's own measure, or change nothing at all (the colour of a grey photo); shifts are measured on
coordinates as colours. Fails over 1 s, or where a chain of an edit that makes worse is not monotone.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from finepick.domain import Frame
from finepick.edits import EDITS, Edit, Effect, Measure, chain
from finepick.edits.pictures import encoded
from finepick.images.reading import read_frame

PHOTOS = Path(os.environ.get("FINEPICK_DATA", Path(__file__).parents[2] / "shared" / "data")) / "photos"
EIGHT = [step / 8 for step in range(1, 9)]
MOST_SECONDS = 1.0


def drawn_photo() -> Frame:
    """1024 × 768 pixels with detail at all sizes."""
    rng = np.random.default_rng(0)
    levels = np.full((768, 1024, 3), 110.0)
    for cells, depth in ((4, 50), (16, 30), (64, 20), (256, 12)):
        coarse = Image.fromarray(rng.integers(0, 256, (cells * 3 // 4, cells, 3), dtype=np.uint8))
        levels += (np.asarray(coarse.resize((1024, 768), Image.Resampling.BICUBIC)) / 127.5 - 1) * depth
    return np.clip(levels, 0, 255).astype(np.uint8)


def coordinates(frame: Frame) -> Frame:
    """Of the size of *frame*: red and green say where a pixel is."""
    made = np.zeros_like(frame)
    made[..., 0] = np.rint(np.linspace(0, 255, frame.shape[1]))[None]
    made[..., 1] = np.rint(np.linspace(0, 255, frame.shape[0]))[:, None]
    return made


def seconds(work: Callable[[], object]) -> float:
    found = []
    for _ in range(3):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)


def is_monotone(edit: Edit, frame: Frame, seed: int) -> bool:
    source = coordinates(frame) if edit.measure is Measure.SHIFT else frame
    far = [0.0, *(how_far(edit, source, made) for made in chain(source, edit.name, EIGHT, seed=seed))]
    return all(before < after for before, after in itertools.pairwise(far)) or not any(far)


def how_far(edit: Edit, source: Frame, made: Frame) -> float:
    if edit.measure is Measure.AREA:
        return 1 - made.size / source.size
    return float(np.sqrt(((made.astype(np.float64) - source) ** 2).mean()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=int, default=24, help="how many photos to walk chains on")
    arguments = parser.parse_args()
    paths = sorted(PHOTOS.glob("*.jpg"))
    paths = paths[:: max(1, len(paths) // arguments.photos)][: arguments.photos]
    frames = [read_frame(str(path), long_side=512) for path in paths]
    if not frames:
        print(f"no photos in {PHOTOS}: steps are not looked at")
    photo = drawn_photo()
    floor = seconds(lambda: [encoded(photo, None) for _ in EIGHT])
    print(f"eight PNGs: {floor:.3f} s\n{'edit':18}{'seconds':>9}{'of PNGs':>9}{'monotone':>12}")
    failed = []
    for edit in EDITS:
        cost = seconds(lambda edit=edit: chain(photo, edit.name, EIGHT, seed=1))  # type: ignore[misc]
        steps = [is_monotone(edit, frame, seed) for seed, frame in enumerate(frames)]
        print(f"{edit.name:18}{cost:9.3f}{cost / floor:9.2f}{f'{sum(steps)}/{len(steps)}':>12}", flush=True)
        if cost > MOST_SECONDS or (edit.effect is not Effect.BETTER and not all(steps)):
            failed.append(edit.name)
    if failed:
        sys.exit(f"too slow, or not monotone: {', '.join(failed)}")


if __name__ == "__main__":
    main()
