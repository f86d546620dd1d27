"""How well series are found: precision and recall of pairs on real and drawn photos, beside pHash; and time.

    python bench/grouping.py --data ../shared/data/unlabelled_series [--speed 1000 5000] [--stability]

The folder holds pictures and `groups.jsonl` (`series`, `kind`, `photos`). None of its files knows when it was
taken, so everything rests on content, but for a last table that asks what would be joined if pairs of them had
been taken within a moment. Precision and recall count pairs of photos. Without --data (or FINEPICK_DATA) only
the drawn cases run.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from itertools import pairwise

import imagehash
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from finepick.domain import Metadata, Photo
from finepick.features.extraction import PhotoFeatures, extract_features
from finepick.images.reading import read_photo
from finepick.series.evidence import (
    BARS,
    Bars,
    Bond,
    CachedFeatures,
    Examiner,
    Nearness,
    judge_bond,
    stack_descriptors,
)
from finepick.series.grouping import group_photos
from finepick.settings import WORKING_SIDE

ONE_SCENE_IN_TRUTH = (
    # Labelled apart, but one scene to anybody who looks: cuts from one clip, a pair out of a bracket.
    ("bedroom_0", "bedroom_1", "bedroom_2"),
    ("mefb_Memorial", "vfx_memorial_sourceimages"),
)


@dataclass(frozen=True)
class Case:
    """Pictures with the series each belongs to; *gap*: seconds from one to the next, None: no times known."""

    name: str
    pictures: list[Image.Image]
    labels: list[Hashable]
    gap: float | None = None


@dataclass(frozen=True)
class Agreement:
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / max(1e-9, self.precision + self.recall)

    def __str__(self) -> str:
        return f"P {self.precision:.3f}  R {self.recall:.3f}  F1 {self.f1:.3f}"


def agreement(found: Sequence[Hashable], true: Sequence[Hashable]) -> Agreement:
    """Precision and recall over pairs; 1 where there is no pair to be wrong about."""
    both, claimed, wanted = (_pairs(x) for x in (list(zip(found, true, strict=True)), found, true))
    return Agreement(both / claimed if claimed else 1.0, both / wanted if wanted else 1.0)


def _pairs(labels: Sequence[Hashable]) -> int:
    return sum(count * (count - 1) // 2 for count in Counter(labels).values())


def grouped(photos: Sequence[Photo], features: Sequence[PhotoFeatures], bars: Bars = BARS) -> list[int]:
    """Number of the series of each photo."""
    lookup = CachedFeatures(lambda i: features[i])
    number = {p.path: k for k, s in enumerate(group_photos(photos, lookup, bars=bars)) for p in s.photos}
    return [number[photo.path] for photo in photos]


def linked_by_hash(hashes: Sequence[imagehash.ImageHash], threshold: int) -> list[int]:
    """Connected components of hashes that differ in at most *threshold* of 64 bits."""
    bits = np.stack([h.hash.ravel() for h in hashes]).astype(np.int32)
    near = bits @ (1 - bits.T) + (1 - bits) @ bits.T <= threshold
    component = list(range(len(hashes)))
    for start in range(len(hashes)):
        if component[start] == start:
            waiting = [start]
            while waiting:
                for other in np.flatnonzero(near[waiting.pop()]).tolist():
                    if component[other] != start and component[other] == other and other != start:
                        component[other] = start
                        waiting.append(other)
    return component


def photo(name: str, size: tuple[int, int], digest: str, seconds: float | None = None) -> Photo:
    if seconds is None:
        return Photo(name, digest, Metadata("JPEG", *size))
    taken_at = datetime(2024, 5, 17, 12) + timedelta(seconds=seconds)
    return Photo(name, digest, Metadata("JPEG", *size, taken_at=taken_at, camera="Camera 1"))


def bench_data(folder: str, stability: bool) -> None:
    with open(os.path.join(folder, "groups.jsonl"), encoding="utf-8") as lines:
        groups = [json.loads(line) for line in lines]
    names = [(group, name) for group in groups for name in group["photos"]]
    photos, features, hashes, spent = [], [], [], 0.0
    for _, name in names:
        read = read_photo(os.path.join(folder, name), long_side=WORKING_SIDE)
        start = time.process_time()
        features.append(extract_features(read.frame))
        spent += time.process_time() - start
        photos.append(Photo(name, read.digest, read.metadata))
        hashes.append(imagehash.phash(Image.fromarray(read.frame)))
    merged = {name: scenes[0] for scenes in ONE_SCENE_IN_TRUTH for name in scenes}
    truths = {
        "as labelled": [group["series"] for group, _ in names],
        "one scene, one series": [merged.get(group["series"], group["series"]) for group, _ in names],
    }
    kinds = [group["kind"] for group, _ in names]
    start = time.process_time()
    ours = grouped(photos, features)
    took = time.process_time() - start
    print(f"{len(photos)} photos, features {spent / len(photos) * 1e3:.1f} ms each, grouping {took:.2f} s")
    by_hash = [linked_by_hash(hashes, threshold) for threshold in range(25)]
    for title, truth in truths.items():
        best = max(range(25), key=lambda t: agreement(by_hash[t], truth).f1)
        print(f"\n{title}")
        contenders = {"Finepick": ours, "pHash ≤ 10": by_hash[10], f"pHash ≤ {best} (best)": by_hash[best]}
        for name, found in contenders.items():
            print(f"  {name:<18} {agreement(found, truth)}")
            for kind in sorted(set(kinds)):
                places = [i for i, each in enumerate(kinds) if each == kind]
                if _pairs([truth[i] for i in places]):
                    part = agreement([found[i] for i in places], [truth[i] for i in places])
                    print(f"      {kind:<24} R {part.recall:.3f}")
    print_moments(features, kinds, truths["one scene, one series"])
    if stability:
        print_stability(photos, features, truths["one scene, one series"])


def print_moments(features: Sequence[PhotoFeatures], kinds: Sequence[str], truth: Sequence[str]) -> None:
    """Share of pairs that count as one scene if both photos were taken within a moment."""
    lookup = CachedFeatures(lambda i: features[i])
    examiner = Examiner(lookup, stack_descriptors(lookup, range(len(features))))
    bonds: Counter[tuple[str, Bond]] = Counter()
    for title, pairs in _pairs_of_a_moment(kinds, truth).items():
        for a, b in pairs:
            bonds[title, judge_bond(Nearness.MOMENT, examiner.examine(a, b, thorough=True))] += 1
    print("\nIf they had been taken within a moment (joined; joined if amid a burst)")
    for title in dict.fromkeys(title for title, _ in bonds):
        strong, weak, none = (bonds[title, bond] for bond in (Bond.STRONG, Bond.WEAK, Bond.NONE))
        count = strong + weak + none
        print(f"  {title:<32} {strong / count:.4f}  {(strong + weak) / count:.4f}  of {count}")


def _pairs_of_a_moment(kinds: Sequence[str], truth: Sequence[str]) -> dict[str, list[tuple[int, int]]]:
    rng = np.random.default_rng(5)
    places = np.arange(len(kinds))
    single = np.array(["single" in kind for kind in kinds])
    clip = [i for i, kind in enumerate(kinds) if "video" in kind]

    def drawn(among: np.ndarray) -> list[tuple[int, int]]:
        pairs = rng.choice(among, (6000, 2)).tolist()
        return [(a, b) for a, b in pairs if truth[a] != truth[b]]

    return {
        "unlike: single photos": drawn(places[single]),
        "unlike: of different series": drawn(places[~single]),
        "alike: next frame of a clip": [(a, b) for a, b in pairwise(clip) if truth[a] == truth[b]],
        "alike: next but one": [(a, b) for a, b in zip(clip, clip[2:], strict=False) if truth[a] == truth[b]],
    }


def print_stability(photos: Sequence[Photo], features: Sequence[PhotoFeatures], truth: Sequence[str]) -> None:
    print("\nEvery bar moved by a fifth, down and up (those that need times do not act here)")
    for bar in fields(Bars):
        if bar.name.startswith(("weak", "strong")):
            moved = [replace(BARS, **{bar.name: getattr(BARS, bar.name) * factor}) for factor in (0.8, 1.2)]
            results = "   ".join(str(agreement(grouped(photos, features, bars), truth)) for bars in moved)
            print(f"  {bar.name:<22} {results}")


def draw_scene(seed: int, size: tuple[int, int] = (600, 400)) -> Image.Image:
    """Many small shapes over soft colours; every seed another scene."""
    rng = np.random.default_rng(seed)
    picture = Image.fromarray(rng.integers(70, 190, (size[1] // 40, size[0] // 40, 3), dtype=np.uint8))
    picture = picture.resize(size, Image.Resampling.BICUBIC)
    brush = ImageDraw.Draw(picture)
    for _ in range(round(size[0] * size[1] / 1600)):
        x, y = rng.uniform(-0.05, 1, 2) * size
        w, h = rng.uniform(6, 60, 2)
        colour = tuple(rng.integers(30, 226, 3).tolist())
        shape = [(x, y), (x + w, y + h / 3), (x + w / 2, y + h)]
        brush.polygon(shape, fill=colour) if rng.random() < 0.7 else brush.ellipse(
            [x, y, x + w, y + h], fill=colour
        )
    return picture.filter(ImageFilter.GaussianBlur(0.6))


def shaken(picture: Image.Image, seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    turned = picture.rotate(rng.uniform(-2, 2), Image.Resampling.BICUBIC)
    x, y = rng.integers(0, 24, 2).tolist()
    blurred = turned.filter(ImageFilter.GaussianBlur(float(rng.choice([0, 0, 1, 2]))))
    return blurred.crop((20 + x, 20 + y, picture.width - 44 + x, picture.height - 44 + y))


def exposed(picture: Image.Image, stops: float) -> Image.Image:
    noisy = np.asarray(picture, dtype=np.float32) * 2 ** (stops / 2.2)
    noisy += np.random.default_rng(abs(int(stops * 10))).normal(0, 1, noisy.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def at_dusk(picture: Image.Image) -> Image.Image:
    """Another light: darker, warmer, brighter on one side."""
    light = np.linspace(0.25, 0.8, picture.width)[None, :, None] * np.array([1.15, 0.95, 0.75])
    return Image.fromarray((np.asarray(picture) * light).clip(0, 255).astype(np.uint8))


def page_of_text(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    page = Image.new("RGB", (600, 400), "white")
    brush, font = ImageDraw.Draw(page), ImageFont.load_default(size=15)
    for line in range(19):
        words = " ".join("".join(rng.choice(list("aehilnorstu"), rng.integers(2, 9))) for _ in range(10))
        brush.text((20, 12 + 20 * line), words, fill="black", font=font)
    return page


def in_a_window(picture: Image.Image) -> Image.Image:
    window = Image.new("RGB", (600, 400), (235, 235, 235))
    brush = ImageDraw.Draw(window)
    brush.rectangle([0, 0, 600, 36], fill=(40, 44, 60))
    for k in range(16):
        brush.ellipse([12 + 36 * k, 8, 30 + 36 * k, 26], fill=(60 + 11 * k, 220 - 10 * k, 90))
    window.paste(picture.resize((540, 330)), (30, 50))
    return window


def noise(seed: int, level: float) -> Image.Image:
    values = np.random.default_rng(seed).normal(level, 5, (400, 600, 3))
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def panned(picture: Image.Image, step: int) -> Image.Image:
    """A subject that stays in the middle while the scene passes behind it, smeared along the way.

    Every fourth frame is smeared all over.
    """
    view = smeared(picture.crop((60 * step, 0, 60 * step + 600, 400)), 24)
    brush = ImageDraw.Draw(view)
    for k in range(9):
        x, y = 230 + 45 * (k % 3) + 4 * step, 130 + 45 * (k // 3)
        brush.polygon(
            [(x, y), (x + 40, y + 6 + 3 * k), (x + 30 - 3 * k, y + 42)], fill=(250 - 25 * k, 40, 25 * k)
        )
    return smeared(view, 60) if step % 4 == 2 else view


def smeared(picture: Image.Image, length: int) -> Image.Image:
    """*picture* as if the camera had been turned by *length* pixels while the shutter was open."""
    sums = np.cumsum(
        np.pad(np.asarray(picture, dtype=np.float64), ((0, 0), (length, 0), (0, 0)), "edge"), axis=1
    )
    return Image.fromarray(((sums[:, length:] - sums[:, :-length]) / length).clip(0, 255).astype(np.uint8))


def crops_of(picture: Image.Image, seed: int, count: int) -> list[Image.Image]:
    rng = np.random.default_rng(seed)
    crops = [picture]
    for _ in range(count - 1):
        share = rng.uniform(0.5, 0.95)
        w, h = round(picture.width * share), round(picture.height * share)
        x, y = int(rng.integers(0, picture.width - w + 1)), int(rng.integers(0, picture.height - h + 1))
        crops.append(picture.crop((x, y, x + w, y + h)))
    return crops


def hard_cases() -> list[Case]:
    def series(name: str, make: Callable[[int], list[Image.Image]], count: int) -> Case:
        pictures = [(k, picture) for k in range(count) for picture in make(k)]
        return Case(name, [picture for _, picture in pictures], [k for k, _ in pictures])

    def strangers(name: str, pictures: list[Image.Image]) -> Case:
        return Case(name, pictures, list(range(len(pictures))))

    def timed(case: Case, gap: float) -> Case:
        return replace(case, name=f"{case.name}, {gap} s apart", gap=gap)

    scenes = strangers("one scene after the other", [draw_scene(800 + k) for k in range(24)])
    turns = series(
        "three frames a scene", lambda k: [shaken(draw_scene(900 + k), 10 * k + i) for i in range(3)], 8
    )
    pans = Case("a panned burst", [panned(draw_scene(950, (1100, 400)), step) for step in range(8)], [0] * 8)
    return [
        series("crops of one photo, 50–95 %", lambda k: crops_of(draw_scene(100 + k, (900, 600)), k, 5), 12),
        series(
            "bursts with shake and blur",
            lambda k: [shaken(draw_scene(200 + k), 10 * k + i) for i in range(6)],
            12,
        ),
        series(
            "exposures −3, 0, +3 EV", lambda k: [exposed(draw_scene(300 + k), ev) for ev in (-3, 0, 3)], 12
        ),
        series("the same view at dusk", lambda k: [draw_scene(400 + k), at_dusk(draw_scene(400 + k))], 12),
        strangers(
            "mirrored",
            [
                f(draw_scene(500 + k))
                for k in range(6)
                for f in (ImageOps.mirror, ImageOps.flip, Image.Image.copy)
            ],
        ),
        strangers(
            "one palette, other scenes",
            [ImageOps.colorize(draw_scene(600 + k).convert("L"), "navy", "gold") for k in range(24)],
        ),
        strangers("pages of text", [page_of_text(k) for k in range(12)]),
        strangers("one window, other contents", [in_a_window(draw_scene(700 + k)) for k in range(12)]),
        strangers("flat and dark frames", [Image.new("RGB", (600, 400), (v, v, v)) for v in range(0, 48, 4)]),
        strangers("nothing but noise", [noise(k, 12 * k) for k in range(12)]),
        *(timed(case, gap) for case in (scenes, turns) for gap in (0.1, 0.5, 1.0)),
        timed(pans, 0.1),
    ]


def bench_hard_cases() -> None:
    print("\nDrawn hard cases (pairs; strangers: pairs that were joined though they should not)")
    for case in hard_cases():
        photos = [
            photo(f"{i}.jpg", p.size, f"{i:04d}", None if case.gap is None else i * case.gap)
            for i, p in enumerate(case.pictures)
        ]
        features = [extract_features(np.asarray(p.convert("RGB"))) for p in case.pictures]
        hashes = [imagehash.phash(p) for p in case.pictures]
        for name, found in (
            ("Finepick", grouped(photos, features)),
            ("pHash ≤ 10", linked_by_hash(hashes, 10)),
        ):
            wrong = _pairs(found) - _pairs(list(zip(found, case.labels, strict=True)))
            score = agreement(found, case.labels) if _pairs(case.labels) else f"{wrong} joined wrongly"
            print(f"  {case.name:<38} {name:<12} {score}")


def bench_speed(count: int) -> None:
    """Grouping alone, of *count* photos without times, a quarter in series; features come from files."""
    with tempfile.TemporaryDirectory() as folder:
        photos = []
        for i in range(count):
            picture = draw_scene(i // 4 * 4 if i % 16 < 4 else 10_000 + i, (300, 200))
            picture = shaken(picture, i)
            with open(os.path.join(folder, f"{i}"), "wb") as file:
                pickle.dump(extract_features(np.asarray(picture)), file)
            photos.append(photo(f"{i}.jpg", picture.size, f"{i * 7919 % 1000003:07d}"))
        lookup = CachedFeatures(lambda i: _load(os.path.join(folder, f"{i}")))
        before = _peak_megabytes()
        start, cpu = time.perf_counter(), time.process_time()
        series = group_photos(photos, lookup)
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        grown = _peak_megabytes() - before
        print(
            f"\n{count} photos without times: {len(series)} series in {wall:.2f} s ({cpu:.2f} s of CPU time);"
        )
        print(f"peak memory grew by {grown:.0f} MB")


def _load(path: str) -> PhotoFeatures:
    with open(path, "rb") as file:
        loaded: PhotoFeatures = pickle.load(file)
        return loaded


def _peak_megabytes() -> float:
    try:
        import resource
    except ImportError:  # not on Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    root = os.environ.get("FINEPICK_DATA")
    default = os.path.join(root, "unlabelled_series") if root else None
    parser.add_argument("--data", default=default, help="folder with pictures and groups.jsonl")
    parser.add_argument(
        "--speed", type=int, nargs="*", default=[], help="also time grouping of so many drawn photos"
    )
    parser.add_argument("--stability", action="store_true", help="also move every bar by a fifth")
    arguments = parser.parse_args()
    if arguments.data:
        bench_data(arguments.data, arguments.stability)
    else:
        print("no --data and no FINEPICK_DATA: the real series are left out")
    bench_hard_cases()
    for count in arguments.speed:
        bench_speed(count)


if __name__ == "__main__":
    main()
