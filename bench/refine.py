"""How well Series Refinement tells what to leave out: python bench/refine.py

On pictures of FINEPICK_DATA, parts *train* and *val* only. Same: a photo and itself, saved again or a little smaller
or darker. Told apart: pairs of the rated edits (*val*) whose means differ by more than the set's gap. Strangers: each
of the real series with one photo of another among its own.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance

from finepick.features.extraction import PhotoFeatures
from finepick.refinement.emptiness import structure
from finepick.refinement.examination import examine_series, is_indiscernible
from finepick.refinement.pairs import PairMeasures, measure_pair
from finepick.refinement.thresholds import Reason, Thresholds
from labelled_series import DATA, features_of, open_photo, rated

GAPS = {"contrast_gamma": 0.5, "blur_jpeg": 0.3}
LIMITS = Thresholds()
PHOTOS = 60


def main() -> None:
    report_same()
    report_told_apart()
    report_strangers()
    report_empty()
    report_spoilt()


def report_same() -> None:
    folder = os.path.join(DATA, "photos")
    names = sorted(name for name in os.listdir(folder) if name.endswith(".jpg"))
    pictures = [open_photo(os.path.join(folder, name)) for name in names[:: len(names) // PHOTOS]]
    print(
        f"\nsame picture twice, {len(pictures)} photos: called indiscernible; ssim, apart, detail (worst twentieth)"
    )
    for name, change in CHANGES.items():
        pairs = [measure_pair(features_of(one), features_of(change(one))) for one in pictures]
        print(f"  {name:24} {is_same(pairs):6.1%}  {worst(pairs)}")


def report_told_apart() -> None:
    for dataset, gap in GAPS.items():
        apart, close = [], []
        for series in rated(dataset, "val"):
            assert series.scores is not None
            for i, j in combinations(range(len(series.features)), 2):
                measures = measure_pair(series.features[i], series.features[j])
                (apart if abs(series.scores[i] - series.scores[j]) > gap else close).append(measures)
        print(
            f"\n{dataset} val: {len(apart)} pairs that people tell apart (gap > {gap}): "
            f"{is_same(apart):.1%} called indiscernible; {len(close)} others: {is_same(close):.1%}"
        )


def report_strangers() -> None:
    series = list(groups())
    singles = [name for name in sorted(os.listdir(FOLDER)) if name.endswith(".jpg")]
    own = {photo for photos in series for photo in photos}
    singles = [name for name in singles if name not in own]
    rng = np.random.default_rng(0)
    caught = lost = doubles = photos = 0
    for number, names in enumerate(series):
        pool = singles if number % 2 else [name for other in series if other is not names for name in other]
        frames = [load(name) for name in [*names, pool[int(rng.integers(len(pool)))]]]
        found = examine_series(frames, LIMITS)
        reasons = {one.photo: one.reason for one in found if one.reason}
        caught += reasons.get(len(names)) is Reason.DISSIMILAR
        lost += sum(reasons.get(photo) is Reason.DISSIMILAR for photo in range(len(names)))
        doubles += sum(reasons.get(photo) is Reason.INDISCERNIBLE for photo in range(len(names)))
        photos += len(names)
    print(
        f"\n{len(series)} real series, each with a stranger: {caught} strangers found; of {photos} own photos "
        f"{lost} called dissimilar ({lost / photos:.1%}), {doubles} indiscernible ({doubles / photos:.1%})"
    )
    wrong = [
        reasons
        for name in singles
        if (reasons := [one.reason for one in examine_series([load(name)], LIMITS) if one.reason])
    ]
    print(f"{len(singles)} single photos: {len(wrong)} called a defect or empty {wrong}")


def report_empty() -> None:
    """Photos that show something, dark exposures of brackets among them: the least structure, and false alarms."""
    with open(os.path.join(DATA, "oasis", "coarse.csv"), encoding="utf-8", newline="") as file:
        rated_ones = [row["file"] for row in csv.DictReader(file) if row["split"] in ("train", "val")]
    paths = [os.path.join(DATA, "oasis", name) for name in rated_ones]
    for folder in (os.path.join(DATA, "photos"), FOLDER):
        paths += [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".jpg")]
    found = sorted((structure(features_of(open_photo(path)).grey), os.path.basename(path)) for path in paths)
    empty = [name for value, name in found if value < LIMITS.least_structure]
    least = ", ".join(f"{name} {value:.4f}" for value, name in found[:4])
    print(
        f"\n{len(found)} photos that show something: {len(empty)} called empty {empty}; least structure: {least}"
    )


def report_spoilt() -> None:
    print("\nspoilt frames: what they are called")
    for name, picture in SPOILT.items():
        features = features_of(picture())
        reasons = {one.reason for one in examine_series([features], LIMITS) if one.reason}
        said = ", ".join(sorted(reasons)) or "nothing"
        print(f"  {name:24} {said:12} structure {structure(features.grey):.4f}")


def is_same(pairs: list[PairMeasures]) -> float:
    return float(np.mean([is_indiscernible(one, LIMITS) for one in pairs])) if pairs else float("nan")


def worst(pairs: list[PairMeasures]) -> str:
    low = np.percentile([[one.overlap, one.ssim] for one in pairs], 5, axis=0)
    high = np.percentile([[one.apart, one.detail, one.luma] for one in pairs], 95, axis=0)
    return "overlap {:.3f} ssim {:.3f} apart {:.2f} detail {:.2f} luma {:.3f}".format(*low, *high)


def saved(quality: int) -> Callable[[Image.Image], Image.Image]:
    def again(picture: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality)
        return Image.open(buffer).convert("RGB")

    return again


def smaller(share: float) -> Callable[[Image.Image], Image.Image]:
    return lambda one: one.resize(
        (round(one.width * share), round(one.height * share)), Image.Resampling.LANCZOS
    )


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "saved again, 95": saved(95),
    "saved again, 85": saved(85),
    "97 % of the size": smaller(0.97),
    "one pixel aside": lambda one: one.crop((1, 1, one.width, one.height)),
    "1 % darker": lambda one: ImageEnhance.Brightness(one).enhance(0.99),
    "saved again, 30": saved(30),
    "half the size": smaller(0.5),
    "10 % darker": lambda one: ImageEnhance.Brightness(one).enhance(0.9),
    "a crop of 90 %": lambda one: one.crop((0, 0, round(one.width * 0.9), round(one.height * 0.9))),
}


def noise(level: float, spread: float) -> Image.Image:
    grain = np.random.default_rng(0).normal(level, spread, (800, 1200, 3))
    return Image.fromarray(np.clip(grain, 0, 255).astype(np.uint8))


def sky() -> Image.Image:
    ramp = np.linspace(200, 220, 800)[:, None, None] * np.array([0.7, 0.85, 1.0])
    return Image.fromarray(np.broadcast_to(ramp, (800, 1200, 3)).astype(np.uint8))


def wall() -> Image.Image:
    y, x = np.mgrid[-1:1:800j, -1:1:1200j]
    light = (150 * (1 - 0.2 * (x * x + y * y) + 0.1 * x))[..., None]
    grain = np.random.default_rng(1).normal(0, 10, (800, 1200, 3))
    return Image.fromarray(np.clip(light + grain, 0, 255).astype(np.uint8))


def bird() -> Image.Image:
    """Not empty."""
    picture = sky()
    ImageDraw.Draw(picture).polygon([(600, 400), (640, 390), (680, 405), (640, 415)], fill=(40, 40, 40))
    return picture


def drawn() -> Image.Image:
    picture = Image.new("RGB", (100, 80), "white")
    ImageDraw.Draw(picture).ellipse((20, 20, 60, 60), fill="red")
    return picture


SPOILT: dict[str, Callable[[], Image.Image]] = {
    "cap on the lens": lambda: noise(3, 2),
    "burnt out": lambda: noise(254, 3),
    "clear sky": sky,
    "grey wall, grain": lambda: noise(120, 3),
    "grey wall, much grain": lambda: noise(120, 25),
    "the same as JPEG 40": lambda: saved(40)(noise(120, 25)),
    "wall in falling light": wall,
    "small bird in the sky": bird,
    "100 × 80 pixels": drawn,
}
FOLDER = os.path.join(DATA, "unlabelled_series")


def groups() -> Iterator[list[str]]:
    with open(os.path.join(FOLDER, "groups.jsonl"), encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if len(row["photos"]) > 1:
                yield row["photos"]


def load(name: str) -> PhotoFeatures:
    if name not in _loaded:
        _loaded[name] = features_of(open_photo(os.path.join(FOLDER, name)))
    return _loaded[name]


_loaded: dict[str, PhotoFeatures] = {}


if __name__ == "__main__":
    main()
