"""Many large photos fast, for measuring: short bursts of ever new scenes, with EXIF times.

A scene is painted small and enlarged once; its frames differ by a shifted crop, exposure and fresh grain,
which costs little more than the JPEG encoder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from shoot import files
from shoot.noise import enlarge, generator
from shoot.pool import in_processes
from shoot.shot import Brief, Exposure, Pixels, Shot, at
from shoot.view import View
from shoot.vistas import paint_any

PAINTED_SIDE = 1100
MARGIN_SHARE = 1 / 160
GRAIN_REACH = 7
FRAMES = (5, 10)


@dataclass(frozen=True, slots=True)
class Burst:
    """Frames of one scene: which files, and when each was taken, in seconds after eight in the morning."""

    number: int
    files: tuple[str, ...]
    seconds: tuple[float, ...]


def plan_bulk(seed: int, photos: int) -> tuple[Burst, ...]:
    """Bursts that hold *photos* frames together."""
    rng = generator(seed, "bulk", "plan")
    bursts: list[Burst] = []
    clock, done = 0.0, 0
    while done < photos:
        count = min(int(rng.integers(FRAMES[0], FRAMES[1] + 1)), photos - done)
        gap = float(rng.choice([0.125, 0.25, 0.5, 1.1]))
        seconds = tuple(clock + gap * index for index in range(count))
        bursts.append(Burst(len(bursts), tuple(_file(done + index) for index in range(count)), seconds))
        clock = seconds[-1] + float(rng.uniform(25, 90))
        done += count
    return tuple(bursts)


def _file(number: int) -> str:
    return f"{100 + number // 1000}BULK/DSC_{number % 1000 + 1:04d}.JPG"


def render_bulk(
    folder: Path, brief: Brief, *, photos: int, workers: int = 2, truth: Path | None = None
) -> int:
    """Write *photos* JPEGs below *folder*; returns how many. *truth*: JSON lines, one a burst."""
    folder.mkdir(parents=True, exist_ok=True)
    bursts = plan_bulk(brief.seed, photos)
    written = sum(in_processes(partial(_render_burst, folder, brief), bursts, workers))
    if truth is not None:
        records = (
            {
                "series": f"bulk-{burst.number:04d}",
                "kind": "burst" if len(burst.files) > 1 else "single",
                "files": burst.files,
            }
            for burst in bursts
        )
        truth.parent.mkdir(parents=True, exist_ok=True)
        truth.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return written


def _render_burst(folder: Path, brief: Brief, burst: Burst) -> int:
    rng = generator(brief.seed, "bulk", burst.number)
    base = _scene(brief, burst.number)
    grain = _grain(brief.seed, brief.size)
    for file, seconds, pixels in zip(
        burst.files, burst.seconds, _frames(base, grain, brief.size, len(burst.files), rng), strict=True
    ):
        exposure = Exposure(1 / 250, 5.6, 200, 50.0)
        files.write(Shot(file, at("8:00", seconds), exposure, jpeg_quality=94), pixels, folder)
    return len(burst.files)


def _scene(brief: Brief, number: int) -> Image.Image:
    """The scene of burst *number* with a margin around it, as a picture."""
    width, height = brief.size
    share = min(1.0, PAINTED_SIDE / max(width, height))
    small = paint_any(
        brief.seed, number, View.of((max(16, round(width * share)), max(16, round(height * share))))
    )
    margin = _margin(brief.size)
    padded = (width + 2 * margin, height + 2 * margin)
    picture = Image.fromarray(small).resize(padded, Image.Resampling.BICUBIC)
    return _with_texture(picture, brief.seed)


def _margin(size: tuple[int, int]) -> int:
    """Pixels around the frame, so that the hand can wander a little."""
    return max(1, round(max(size) * MARGIN_SHARE))


def _with_texture(picture: Image.Image, seed: int) -> Image.Image:
    """*picture* with the fine detail that enlarging cannot bring back."""
    detail = _detail(seed, (picture.height, picture.width))
    pixels = np.asarray(picture)
    # A part of the way to black or white, so that detail stays in range, and 31 × 8 in a byte.
    room = np.minimum(pixels, 255 - pixels) >> 2
    return Image.fromarray(pixels + (room * detail >> 3) - (room >> 1))


@lru_cache(maxsize=1)
def _detail(seed: int, shape: tuple[int, int]) -> Pixels:
    """Blobs of a few pixels, 0…8, for all scenes."""
    rng = generator(seed, "bulk", "detail")
    coarse = enlarge(rng.standard_normal((shape[0] // 2 + 2, shape[1] // 2 + 2), dtype=np.float32), shape)
    return np.clip(np.rint(4 + 1.5 * coarse), 0, 8).astype(np.uint8)[:, :, None]


@lru_cache(maxsize=1)
def _grain(seed: int, size: tuple[int, int]) -> Pixels:
    """Grain of 0…2 × GRAIN_REACH, larger than a frame so that each frame can take another part."""
    rng = generator(seed, "bulk", "grain")
    width, height = size
    grey = ndimage.gaussian_filter(rng.standard_normal((512, 512), dtype=np.float32), 0.5, mode="wrap")
    grey *= 2.2 / grey.std()
    tile = np.stack(
        [grey, np.roll(grey, 5, axis=0) * 0.4 + grey * 0.9, np.roll(grey, 9, axis=1) * 0.4 + grey * 0.9],
        axis=2,
    )
    whole = np.clip(np.rint(tile + GRAIN_REACH), 0, 2 * GRAIN_REACH).astype(np.uint8)
    repeats = (-(-(height + 512) // 512), -(-(width + 512) // 512), 1)
    return np.tile(whole, repeats)


def _frames(
    base: Image.Image, grain: Pixels, size: tuple[int, int], count: int, rng: np.random.Generator
) -> Iterator[Pixels]:
    width, height = size
    margin = _margin(size)
    for _ in range(count):
        x, y = (int(n) for n in np.clip(margin * rng.normal(1, 0.3, 2), 0, 2 * margin))
        cropped = base.crop((x, y, x + width, y + height)).point(_exposure(float(rng.normal(0, 0.10))))
        down, right = (int(n) for n in rng.integers(0, 512, 2))
        yield np.asarray(cropped) + grain[down : down + height, right : right + width]


def _exposure(stops: float) -> list[int]:
    """A table for `Image.point` that leaves room for the grain above."""
    level: NDArray[np.float64] = np.arange(256) / 255
    brighter = np.clip(level**2.2 * 2**stops, 0, 1) ** (1 / 2.2)
    return [
        round(float(value)) for value in np.clip(brighter * 255 - GRAIN_REACH, 0, 255 - 2 * GRAIN_REACH)
    ] * 3
