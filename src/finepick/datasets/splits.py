"""Splits that never cut a series, and a hash that tells whether a split is still the one that was written down."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from finepick.datasets.files import Place, lines_of, listed, write_file
from finepick.datasets.records import SPLITS, Dataset, LabelledPhoto, LabelledSeries

SPLITS_FILE = "splits.json"
FRACTIONS: Mapping[str, float] = MappingProxyType({"train": 0.8, "val": 0.1, "test": 0.1})
FORMAT = 1

Group = Callable[[LabelledSeries | LabelledPhoto], str | None]


def split_dataset(
    dataset: Dataset,
    fractions: Mapping[str, float] = FRACTIONS,
    *,
    seed: int = 0,
    group: Group | None = None,
) -> Dataset:
    """*dataset* with new splits: *fractions* of the series (and of single photos) of every category.

    Stay together: the photos of a series, series that share a photo, and whatever *group* gives the same key
    (a theme, a prompt, a photographer; None for no group). Who goes where depends on ids, names and *seed*
    alone: not on the order of rows, other categories, or the machine.
    Raises ValueError for fractions that are not positive, or do not add up to 1.
    """
    if set(fractions) - set(SPLITS) or not all(share > 0 for share in fractions.values()):
        raise ValueError(f"fractions are positive and belong to {', '.join(SPLITS)}, not {dict(fractions)}")
    if abs(sum(fractions.values()) - 1) > 1e-9:
        raise ValueError(f"fractions add up to 1, not {sum(fractions.values()):g}")
    split_of: dict[str, str] = {}
    strata: dict[str, list[list[str]]] = {}
    categories = _categories(dataset)
    for members in _units(dataset, group):
        strata.setdefault(categories[members[0]], []).append(members)
    for units in strata.values():
        split_of |= _share_out(units, fractions, seed)
    return replace(
        dataset,
        series=tuple(replace(entry, split=split_of[_series_key(entry)]) for entry in dataset.series),
        photos=tuple(replace(entry, split=split_of[_photo_key(entry)]) for entry in dataset.photos),
    )


def split_hash(dataset: Dataset) -> str:
    """SHA-256, in hex, over ids of series, their photos and splits, and over single photos and their splits.

    The same for any order of series, rows and photos, on any system; labels do not enter.
    """
    return _hash(_rows(dataset))


def write_splits(dataset: Dataset, folder: str, *, seed: int | None = None, overwrite: bool = False) -> str:
    """Write `splits.json` to *folder* (every series and photo with its split, and the hash); return its path.

    Raises OutputError where it cannot be written, or another one is there and *overwrite* is not given.
    """
    path = os.path.join(folder, SPLITS_FILE)
    rows = _rows(dataset)
    document = {
        "splits": FORMAT,
        "sha256": _hash(rows),
        "seed": seed,
        "counts": {split or "none": sum(row[-1] == split for row in rows) for split in (*SPLITS, "")},
        "rows": rows,
    }
    write_file(
        path, [json.dumps(document, ensure_ascii=True, indent=0).encode("ascii"), b"\n"], overwrite=overwrite
    )
    return path


def check_splits(dataset: Dataset, path: str) -> None:
    """See that *dataset* is split as `splits.json` at *path* says.

    Raises DatasetError where it is not, naming what differs, or where the file is not what was written.
    """
    written, here = _read(path), _rows(dataset)
    if written == here:
        return
    before, now = Counter(map(_text, written)), Counter(map(_text, here))
    gone, new = ({_key_of(json.loads(text)) for text in rows} for rows in (before - now, now - before))
    differences = {"new": new - gone, "gone": gone - new, "changed": new & gone}
    told = "; ".join(
        f"{word}: {listed(sorted(name for _, name in keys))}" for word, keys in differences.items() if keys
    )
    raise Place(path).error(
        f"the data set is not split as it was when this was written ({told})",
        "restore it, or write the splits anew if the change is meant",
    )


def apply_splits(dataset: Dataset, path: str) -> Dataset:
    """*dataset* with the splits of `splits.json` at *path*.

    Raises DatasetError where a series or photo is not listed there, or has other photos.
    """
    splits = {tuple(map(_frozen, row[:-1])): row[-1] for row in _read(path)}

    def split_of(row: list[Any]) -> str:
        key = tuple(map(_frozen, row[:-1]))
        if key not in splits:
            raise Place(path).error(f"{row[0]} '{row[1]}' is not listed here", "write the splits anew")
        return str(splits[key])

    return replace(
        dataset,
        series=tuple(replace(entry, split=split_of(_series_row(entry))) for entry in dataset.series),
        photos=tuple(replace(entry, split=split_of(_photo_row(entry))) for entry in dataset.photos),
    )


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _series_row(entry: LabelledSeries) -> list[Any]:
    return ["series", entry.series, sorted(entry.photos), entry.split]


def _photo_row(entry: LabelledPhoto) -> list[Any]:
    return ["photo", entry.file, entry.split]


def _key_of(row: list[Any]) -> tuple[str, str]:
    return row[0], row[1]


def _rows(dataset: Dataset) -> list[list[Any]]:
    rows = [_series_row(entry) for entry in dataset.series]
    rows.extend(_photo_row(entry) for entry in dataset.photos)
    return sorted(rows, key=lambda row: (row[0], row[1], row[-1], row[2]))


def _text(row: list[Any]) -> str:
    return json.dumps(row, ensure_ascii=True, separators=(",", ":"))


def _hash(rows: list[list[Any]]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(_text(row).encode("ascii") + b"\n")
    return digest.hexdigest()


def _read(path: str) -> list[list[Any]]:
    """The rows of `splits.json`, whose hash is right."""
    text = "\n".join(line for _, line in lines_of(path))
    try:
        document = json.loads(text)
        rows, digest = document["rows"], document["sha256"]
        is_ours = document["splits"] == FORMAT and all(isinstance(row, list) and len(row) > 2 for row in rows)
    except (ValueError, TypeError, KeyError, RecursionError):
        is_ours = False
    if not is_ours:
        raise Place(path).error("this is not a list of splits of ours", "write the splits anew")
    if _hash(rows) != digest:
        raise Place(path).error(
            "its hash does not fit its rows: it was edited", "restore it, or write it anew"
        )
    return list(rows)


def _series_key(entry: LabelledSeries) -> str:
    return "series\0" + entry.series


def _photo_key(entry: LabelledPhoto) -> str:
    return "photo\0" + entry.file


def _categories(dataset: Dataset) -> dict[str, str]:
    categories = {_photo_key(entry): "photo\0" + entry.category for entry in dataset.photos}
    return categories | {_series_key(entry): "series\0" + entry.category for entry in dataset.series}


def _units(dataset: Dataset, group: Group | None) -> Iterable[list[str]]:
    """What has to stay together: lists of keys, the smallest first; by joining what is connected."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        parent.setdefault(key, key)
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for series in dataset.series:
        for name in series.photos:
            parent[root("photo\0" + name)] = root(_series_key(series))
    for photo in dataset.photos:
        root(_photo_key(photo))
    entries: list[LabelledSeries | LabelledPhoto] = [*dataset.series, *dataset.photos]
    for entry in entries:
        key = group(entry) if group else None
        if key is not None:
            own = _series_key(entry) if isinstance(entry, LabelledSeries) else _photo_key(entry)
            parent[root("group\0" + key)] = root(own)
    units: dict[str, list[str]] = {}
    for own in sorted(_categories(dataset), reverse=True):  # series before photos
        units.setdefault(root(own), []).append(own)
    return units.values()


def _share_out(units: list[list[str]], fractions: Mapping[str, float], seed: int) -> dict[str, str]:
    """The split of every key in *units*: in the order of hashes, each where its middle falls."""
    order = sorted(units, key=lambda unit: (_shuffle(min(unit), seed), min(unit)))
    total = sum(len(unit) for unit in units)
    names = [name for name in SPLITS if name in fractions]
    splits: dict[str, str] = {}
    before = 0
    for unit in order:
        middle = (before + len(unit) / 2) / total
        before += len(unit)
        end, chosen = 0.0, names[-1]
        for name in names:
            end += fractions[name]
            if middle <= end:
                chosen = name
                break
        splits |= dict.fromkeys(unit, chosen)
    return splits


def _shuffle(key: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\0{key}".encode("utf-8", "surrogatepass")).digest()
