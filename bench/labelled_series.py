"""Series with human judgements, and series made by spoiling photos, as features. Read from FINEPICK_DATA."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from finepick.domain import FloatArray
from finepick.features.extraction import FEATURES_VERSION, PhotoFeatures, extract_features
from finepick.features.measurements import CHANNELS, VALUES
from finepick.scorers.frames import FeatureFrames
from finepick.settings import WORKING_SIDE

DATA = os.environ.get("FINEPICK_DATA", os.path.join(os.path.dirname(__file__), "..", "..", "shared", "data"))
T = TypeVar("T")

CACHE = os.path.join(os.path.dirname(__file__), "..", "build", "bench")


@dataclass(frozen=True, slots=True)
class LabelledSeries:
    """Features of the frames of a series, and scores (n), higher is better, where people gave them.

    pairs: (winner, loser) indices known without asking anybody, for spoilt photos.
    """

    name: str
    features: list[PhotoFeatures]
    scores: FloatArray | None = None
    pairs: tuple[tuple[int, int], ...] = ()


def frames_of(features: list[PhotoFeatures]) -> FeatureFrames:
    """A series of which only the features are left, as scorers take it."""
    told = [frame.grey.tobytes() + frame.measurements.grid.tobytes() for frame in features]
    return FeatureFrames(features, [hashlib.sha256(one).hexdigest() for one in told])


def rated(dataset: str, *splits: str) -> list[LabelledSeries]:
    """Series of *dataset* whose frames people rated."""

    def build() -> list[LabelledSeries]:
        folder = os.path.join(DATA, dataset)
        found = []
        with open(os.path.join(folder, "series.jsonl"), encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                if row["split"] in splits:
                    features = [features_of(open_photo(os.path.join(folder, name))) for name in row["photos"]]
                    found.append(LabelledSeries(row["series"], features, np.array(row["scores"], float)))
        return found

    return cached(f"rated-{dataset}-{'-'.join(splits)}", build)


def beauty(*splits: str) -> tuple[list[PhotoFeatures], FloatArray]:
    """OASIS photos and their mean beauty mapped linearly from 1…7 to 1…10."""

    def build() -> tuple[list[PhotoFeatures], FloatArray]:
        rows = [row for row in _csv("oasis", "coarse.csv") if row["split"] in splits]
        features = [features_of(open_photo(os.path.join(DATA, "oasis", row["file"]))) for row in rows]
        return features, np.array([1 + (float(row["score"]) - 1) * 9 / 6 for row in rows])

    return cached(f"beauty-{'-'.join(splits)}", build)


def spoilt(part: str) -> list[LabelledSeries]:
    """One series per photo: the photo and its spoilt variants, each a little shifted and saved again.

    *part* is "train" or "val"; OASIS keeps its own splits, the other photos are dealt out by name, three of
    them to train for each one to val. Nothing of OASIS "test" is used.
    """

    def build() -> list[LabelledSeries]:
        return [spoilt_series(path) for path in _photos_of(part)[: 180 if part == "train" else 60]]

    return cached(f"spoilt-{part}", build)


def _photos_of(part: str) -> list[str]:
    paths = [
        os.path.join(DATA, "oasis", row["file"])
        for row in _csv("oasis", "coarse.csv")
        if row["split"] == part
    ]
    for row in _csv("photos", "photos.csv"):
        dealt = "val" if int(_digest(row["file"]), 16) % 4 == 0 else "train"
        if dealt == part:
            paths.append(os.path.join(DATA, "photos", row["file"]))
    return sorted(paths, key=lambda path: _digest(os.path.basename(path)))


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


Spoil = Callable[[Image.Image, np.random.Generator], Image.Image]


def spoilt_series(path: str) -> LabelledSeries:
    rng = np.random.default_rng(int(_digest(os.path.basename(path))[:8], 16))
    photo = open_photo(path)
    pictures, pairs = [_settled(photo, rng), _settled(photo, rng)], []
    for strengths in SPOILS.values():
        weaker: int | None = None
        for number, spoil in enumerate(strengths):
            pictures.append(_settled(spoil(photo, rng), rng))
            here = len(pictures) - 1
            pairs.append((int(rng.integers(2)), here))
            if weaker is not None and number:
                pairs.append((weaker, here))
            weaker = here
    features = [features_of(picture) for picture in pictures]
    return LabelledSeries(os.path.basename(path), features, None, tuple(pairs))


def leaning(part: str) -> list[LabelledSeries]:
    """Photos with one clear near-horizontal line, turned until it is level, and turned away from level."""

    def build() -> list[LabelledSeries]:
        found = []
        for path in _photos_of(part):
            measured = features_of(open_photo(path)).measurements
            if measured["tilt_confidence"] >= 0.35:
                found.append(_leaning_series(path, measured["tilt"]))
        return found

    return cached(f"leaning-{part}", build)


def slipped(part: str) -> list[LabelledSeries]:
    """Photos with focus slipped off the middle, where the subject mostly is, while the rest stays sharp."""

    def build() -> list[LabelledSeries]:
        found = []
        for path in _photos_of(part)[: 90 if part == "train" else 40]:
            rng = np.random.default_rng(int(_digest(os.path.basename(path))[:8], 16))
            photo = open_photo(path)
            pictures = [_settled(_without_focus(photo, radius), rng) for radius in (0.0, 0.0, 1.0, 2.0, 4.0)]
            pairs = ((0, 2), (1, 3), (0, 4), (1, 2), (0, 3), (1, 4), (2, 3), (3, 4))
            found.append(
                LabelledSeries(os.path.basename(path), [features_of(p) for p in pictures], None, pairs)
            )
        return found

    return cached(f"slipped-{part}", build)


def _without_focus(photo: Image.Image, radius: float) -> Image.Image:
    mask = Image.new("L", photo.size, 0)
    width, height = photo.size
    ImageDraw.Draw(mask).ellipse([width * 0.25, height * 0.2, width * 0.75, height * 0.85], fill=255)
    mask = mask.filter(ImageFilter.GaussianBlur(min(photo.size) / 25))
    return Image.composite(photo.filter(ImageFilter.GaussianBlur(radius)), photo, mask)


def _leaning_series(path: str, tilt: float) -> LabelledSeries:
    rng = np.random.default_rng(0)
    photo = open_photo(path)
    leans = (0.0, 1.5, -1.5, 3.0, -3.0, 5.0, -5.0)
    pictures = [_settled(_turned(photo, tilt + lean, kept=0.8), rng) for lean in leans]
    pairs = [(i, j) for i, a in enumerate(leans) for j, b in enumerate(leans) if abs(a) < abs(b)]
    return LabelledSeries(os.path.basename(path), [features_of(p) for p in pictures], None, tuple(pairs))


def _turned(photo: Image.Image, degrees: float, kept: float) -> Image.Image:
    """*photo* turned counter-clockwise, of which the middle is *kept*."""
    width, height = photo.size
    turned = photo.rotate(degrees, Image.Resampling.BICUBIC)
    dx, dy = width * (1 - kept) / 2, height * (1 - kept) / 2
    return turned.resize(photo.size, Image.Resampling.BICUBIC, box=(dx, dy, width - dx, height - dy))


def _settled(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """*photo* as the next frame of a hand-held burst: shifted by a per cent or so, saved as a good JPEG."""
    width, height = photo.size
    margin = 0.02
    left, top = (int(rng.integers(0, max(1, round(margin * side)))) for side in photo.size)
    # By whole pixels: interpolation would soften the good frame and hide the blocks of the bad one.
    moved = photo.crop((left, top, left + round(width * (1 - margin)), top + round(height * (1 - margin))))
    return _jpeg(moved, int(rng.integers(88, 96)))


def _jpeg(photo: Image.Image, quality: int) -> Image.Image:
    target = io.BytesIO()
    photo.save(target, "JPEG", quality=quality)
    return Image.open(io.BytesIO(target.getvalue())).convert("RGB")


def _blur(radius: float) -> Spoil:
    return lambda photo, rng: photo.filter(ImageFilter.GaussianBlur(radius))


def _shake(length: float) -> Spoil:
    def spoil(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
        angle = rng.uniform(0, np.pi)
        steps = np.linspace(-length / 2, length / 2, max(3, round(2 * length)))
        total = np.zeros((photo.height, photo.width, 3))
        for step in steps:
            shift = (1, 0, step * np.cos(angle), 0, 1, step * np.sin(angle))
            moved = photo.transform(photo.size, Image.Transform.AFFINE, shift, Image.Resampling.BILINEAR)
            total += np.asarray(moved)
        return Image.fromarray((total / len(steps)).round().astype(np.uint8))

    return spoil


def _noise(sigma: float) -> Spoil:
    def spoil(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
        noisy = np.asarray(photo) + rng.normal(0, sigma, (photo.height, photo.width, 3))
        return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))

    return spoil


def _expose(stops: float) -> Spoil:
    def spoil(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
        linear = (np.asarray(photo) / 255.0) ** 2.2 * 2.0**stops
        return Image.fromarray((np.clip(linear, 0, 1) ** (1 / 2.2) * 255).round().astype(np.uint8))

    return spoil


def _recompress(quality: int) -> Spoil:
    return lambda photo, rng: _jpeg(photo, quality)


def _recompress_resized(quality: int) -> Spoil:
    """As pictures go round: compressed at one size, shown at another, so that no grid of blocks is left."""

    def spoil(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
        factor = rng.uniform(1.1, 1.6)
        larger = photo.resize(
            (round(photo.width * factor), round(photo.height * factor)), Image.Resampling.BICUBIC
        )
        return _jpeg(larger, quality).resize(photo.size, Image.Resampling.BICUBIC)

    return spoil


def _lean(degrees: float) -> Spoil:
    def spoil(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
        angle = degrees * (1 if rng.random() < 0.5 else -1)
        width, height = photo.size
        kept = 1 - abs(np.sin(np.radians(angle))) * max(width / height, height / width)
        return _turned(photo, angle, kept)

    return spoil


def _cast(strength: float) -> Spoil:
    def spoil(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
        gains = 1 + strength * rng.choice([[1, 0, -1], [-1, 0, 1], [-0.7, 0.7, -0.7], [0.7, -0.7, 0.7]])
        return Image.fromarray(np.clip(np.asarray(photo) * gains, 0, 255).astype(np.uint8))

    return spoil


def _crop(share: float) -> Spoil:
    def spoil(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
        width, height = photo.size
        left, top = rng.integers(0, 2, 2) * (1 - share)
        box = (left * width, top * height, (left + share) * width, (top + share) * height)
        return photo.resize(photo.size, Image.Resampling.BICUBIC, box=box)

    return spoil


def _fade(factor: float) -> Spoil:
    return lambda photo, rng: ImageEnhance.Contrast(photo).enhance(factor)


SPOILS: dict[str, tuple[Spoil, ...]] = {
    "blur": (_blur(1.0), _blur(2.5)),
    "shake": (_shake(4), _shake(10)),
    "noise": (_noise(10), _noise(25)),
    "over": (_expose(0.9), _expose(1.8)),
    "under": (_expose(-1.4), _expose(-2.8)),
    "jpeg": (_recompress(18), _recompress(7)),
    "jpeg, resized": (_recompress_resized(10), _recompress_resized(4)),
    "lean": (_lean(4),),
    "cast": (_cast(0.25), _cast(0.5)),
    "crop": (_crop(0.6),),
    "fade": (_fade(0.6), _fade(0.35)),
}
"""Each from weak to strong; strong enough that nobody would take them for an improvement."""


def open_photo(path: str) -> Image.Image:
    with Image.open(path) as picture:
        picture.draft("RGB", (WORKING_SIDE, WORKING_SIDE))
        photo = picture.convert("RGB")
    photo.thumbnail((WORKING_SIDE, WORKING_SIDE))
    return photo


def features_of(photo: Image.Image) -> PhotoFeatures:
    return extract_features(np.asarray(photo))


def _csv(dataset: str, name: str) -> Iterator[dict[str, str]]:
    with open(os.path.join(DATA, dataset, name), encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def cached(name: str, build: Callable[[], T]) -> T:
    """What *build* returns, kept in `build/bench` as long as features mean the same."""
    meaning = hashlib.sha256(repr((FEATURES_VERSION, VALUES, CHANNELS)).encode()).hexdigest()[:12]
    path = os.path.join(CACHE, f"{name}-{meaning}.pickle")
    if os.path.exists(path):
        with open(path, "rb") as source:
            kept: T = pickle.load(source)
            return kept
    made = build()
    os.makedirs(CACHE, exist_ok=True)
    with open(path, "wb") as target:
        pickle.dump(made, target)
    return made
