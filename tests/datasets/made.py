"""Data sets made for the tests: small files with bytes of pictures, and records to write."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from finepick.datasets.records import Dataset, LabelledPhoto, LabelledSeries, Pair


def picture(seed: int = 0, kind: str = "JPEG") -> bytes:
    """The bytes of a small drawn picture."""
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def put(folder: Path, *names: str) -> None:
    """Put a picture of its own content at every one of *names*."""
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number))


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))
    return path


def lines(*entries: object) -> str:
    return "".join(json.dumps(entry) + "\n" for entry in entries)


def kinds(dataset: Dataset) -> list[str]:
    return sorted(remark.kind for remark in dataset.remarks)


NAMES = st.text(
    st.characters(exclude_characters="\0/\\:", exclude_categories=("Cs",)), min_size=1, max_size=12
).filter(lambda name: name.strip() and name != ".." and not (len(name) > 1 and name[1] == ":"))
WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12).map(str.strip)
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)
SPLITS = st.sampled_from(["", "train", "val", "test"])
SCALES = st.none() | st.tuples(st.floats(-100, 0), st.floats(1, 100))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | NUMBERS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=4,
)
KNOWN_KEYS = {"series", "category", "split", "photos", "pairs", "ranks", "scores", "scale"}


@st.composite
def some_series(draw: st.DrawFn, name: str) -> LabelledSeries:
    photos = tuple(draw(st.lists(NAMES, min_size=1, max_size=5, unique=True)))
    n = len(photos)
    pairs = []
    if n > 1:
        for _ in range(draw(st.integers(0, 4))):
            a, b = draw(st.permutations(range(n)))[:2]
            votes = draw(st.none() | st.integers(1, 500))
            pairs.append(Pair(a, b, draw(st.floats(0, 1)), votes, draw(st.none() | WORDS)))
    ranks = draw(st.none() | st.tuples(*[st.integers(1, 9)] * n))
    scores = draw(st.none() | st.tuples(*[NUMBERS] * n))
    if not pairs and ranks is None and scores is None:
        ranks = tuple(range(1, n + 1))
    others = draw(st.dictionaries(WORDS.filter(lambda key: key not in KNOWN_KEYS), PLAIN, max_size=3))
    return LabelledSeries(
        name, photos, tuple(pairs), ranks, scores, draw(SCALES), draw(WORDS), draw(SPLITS), others
    )


@st.composite
def some_photo(draw: st.DrawFn) -> LabelledPhoto:
    low, high = draw(SCALES) or (None, None)
    return LabelledPhoto(
        file=draw(NAMES),
        score=draw(NUMBERS),
        std=draw(st.none() | st.floats(0, 100)),
        n=draw(st.none() | st.integers(1, 10**6)),
        low=low,
        high=high,
        votes=draw(st.none() | st.tuples(st.just(1.0), *[st.integers(0, 99).map(float)] * 4)),
        category=draw(WORDS),
        split=draw(SPLITS),
    )


@st.composite
def some_dataset(draw: st.DrawFn) -> Dataset:
    names = draw(st.lists(NAMES, max_size=3, unique=True))
    series = tuple(draw(some_series(name)) for name in names)
    return Dataset("made", "", series, tuple(draw(st.lists(some_photo(), max_size=3))))
