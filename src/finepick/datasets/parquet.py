"""A data set as two Parquet tables: `photos.parquet`, one row a photo, and `pairs.parquet`, one row a pair.

`photos`: series (null for a photo that is rated by itself), place (its number in the series, from 0), file, rank,
score, std, n, low, high (ends of the scale), votes, category, split, others (JSON, in a series' first row).
`pairs`: series, a, b (places), photo_a, photo_b, p, n, text, category, split.
Name and remarks stand in the metadata under `finepick`, so that a data set comes back as it was.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from finepick.datasets.files import Place, copy_photos, photo_name, shown, write_file
from finepick.datasets.manifest import series_from, split_of
from finepick.datasets.preferences import open_parquet
from finepick.datasets.records import Dataset, LabelledPhoto, LabelledSeries, Remark
from finepick.errors import DatasetError, MissingExtraError

if TYPE_CHECKING:
    import pyarrow

PHOTOS_FILE = "photos.parquet"
PAIRS_FILE = "pairs.parquet"
FORMAT = 1

_KEY = b"finepick"
_PHOTO_COLUMNS = {
    "series": "string",
    "place": "int32",
    "file": "string",
    "rank": "int64",
    "score": "float64",
    "std": "float64",
    "n": "int64",
    "low": "float64",
    "high": "float64",
    "votes": "list<float64>",
    "category": "string",
    "split": "string",
    "others": "string",
}
_PAIR_COLUMNS = {
    "series": "string",
    "a": "int32",
    "b": "int32",
    "photo_a": "string",
    "photo_b": "string",
    "p": "float64",
    "n": "int64",
    "text": "string",
    "category": "string",
    "split": "string",
}


def is_parquet_dataset(folder: str) -> bool:
    """Whether *folder* holds both tables."""
    return all(os.path.isfile(os.path.join(folder, name)) for name in (PHOTOS_FILE, PAIRS_FILE))


def write_parquet(
    dataset: Dataset, folder: str, *, with_photos: bool = True, overwrite: bool = False
) -> tuple[str, str]:
    """Write *dataset* to *folder* and return the paths of its two tables.

    Photos are copied from the data set's own folder unless that is *folder*, or *with_photos* is False.
    Raises MissingExtraError without pyarrow, DatasetError for text that UTF-8 cannot hold, OutputError.
    """
    metadata = {
        "format": FORMAT,
        "name": dataset.name,
        "remarks": [[remark.kind, remark.place, remark.text] for remark in dataset.remarks],
    }
    photos = _table(_PHOTO_COLUMNS, _photo_rows(dataset), metadata)
    pairs = _table(_PAIR_COLUMNS, _pair_rows(dataset), metadata)
    if with_photos:
        names = [photo for series in dataset.series for photo in series.photos]
        names.extend(photo.file for photo in dataset.photos)
        copy_photos(dataset.folder, ((photo, photo) for photo in dict.fromkeys(names)), folder)
    paths = os.path.join(folder, PHOTOS_FILE), os.path.join(folder, PAIRS_FILE)
    for path, content in zip(paths, (photos, pairs), strict=True):
        write_file(path, [content], overwrite=overwrite)
    return paths


def read_parquet(folder: str) -> Dataset:
    """The data set in the two tables in *folder*, as it was written.

    Raises MissingExtraError without pyarrow, DatasetError for tables that are not ours, or whose rows do not fit.
    """
    photos_path = os.path.join(folder, PHOTOS_FILE)
    photo_rows, metadata = _rows(photos_path, _PHOTO_COLUMNS)
    pair_rows, _ = _rows(os.path.join(folder, PAIRS_FILE), _PAIR_COLUMNS)
    members: dict[str, list[tuple[Place, Mapping[str, Any]]]] = {}
    photos = []
    for number, row in enumerate(photo_rows, 1):
        place = Place(photos_path, number, "row")
        if row["series"] is None:
            photos.append(_photo(row, place))
        else:
            members.setdefault(row["series"], []).append((place, row))
    pairs: dict[str, list[Mapping[str, Any]]] = {}
    for number, row in enumerate(pair_rows, 1):
        if row["series"] not in members:
            place = Place(os.path.join(folder, PAIRS_FILE), number, "row")
            raise place.error(f"there is no series {shown(row['series'])}", f"see {PHOTOS_FILE}")
        pairs.setdefault(row["series"], []).append(row)
    series = tuple(_series(name, rows, pairs.get(name, [])) for name, rows in members.items())
    remarks = tuple(Remark(*entry) for entry in metadata["remarks"])
    return Dataset(metadata["name"], folder, series, tuple(photos), remarks)


def _photo_rows(dataset: Dataset) -> list[dict[str, Any]]:
    rows = [row for series in dataset.series for row in _rows_of(series)]
    rows.extend(
        {
            "file": photo.file,
            "score": photo.score,
            "std": photo.std,
            "n": photo.n,
            "low": photo.low,
            "high": photo.high,
            "votes": None if photo.votes is None else list(photo.votes),
            "category": photo.category,
            "split": photo.split,
        }
        for photo in dataset.photos
    )
    return rows


def _rows_of(series: LabelledSeries) -> list[dict[str, Any]]:
    low, high = series.scale or (None, None)
    others = json.dumps(dict(series.others), ensure_ascii=True) if series.others else None
    return [
        {
            "series": series.series,
            "place": place,
            "file": file,
            "rank": series.ranks and series.ranks[place],
            "score": None if series.scores is None else series.scores[place],
            "low": low,
            "high": high,
            "category": series.category,
            "split": series.split,
            "others": others if place == 0 else None,
        }
        for place, file in enumerate(series.photos)
    ]


def _pair_rows(dataset: Dataset) -> list[dict[str, Any]]:
    return [
        {
            "series": series.series,
            "a": pair.a,
            "b": pair.b,
            "photo_a": series.photos[pair.a],
            "photo_b": series.photos[pair.b],
            "p": pair.p,
            "n": pair.n,
            "text": pair.text,
            "category": series.category,
            "split": series.split,
        }
        for series in dataset.series
        for pair in series.pairs
    ]


def _table(columns: Mapping[str, str], rows: Iterable[Mapping[str, Any]], metadata: object) -> bytes:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("Writing Parquet", extra="parquet") from error
    rows = list(rows)
    kinds = {"list<float64>": pa.list_(pa.float64())}
    fields = [(name, kinds.get(kind) or pa.type_for_alias(kind)) for name, kind in columns.items()]
    try:
        arrays = [pa.array([row.get(name) for row in rows], kind) for name, kind in fields]
    except UnicodeEncodeError as error:
        raise DatasetError(
            f"'{shown(error.object)}' is not UTF-8, which Parquet has to be; rename it, or write a manifest"
        ) from error
    schema = pa.schema(fields, {_KEY: json.dumps(metadata, ensure_ascii=True).encode("ascii")})
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), buffer)
    return buffer.getvalue()


def _rows(path: str, columns: Mapping[str, str]) -> tuple[list[Mapping[str, Any]], Mapping[str, Any]]:
    """The rows of *path*, and the metadata."""
    with open_parquet(path) as file:
        import pyarrow as pa

        missing = [name for name in columns if name not in file.schema_arrow.names]
        metadata = _metadata(path, (file.schema_arrow.metadata or {}).get(_KEY))
        if missing:
            raise Place(path).error(
                f"there is no column {', '.join(missing)}", "this is not a data set of ours, or not all of it"
            )
        try:
            table: pyarrow.Table = file.read(columns=list(columns))
            return table.to_pylist(), metadata
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise Place(path).error("this file is damaged", "write it again") from error


def _metadata(path: str, content: bytes | None) -> Mapping[str, Any]:
    try:
        metadata = json.loads(content or b"")
    except ValueError:
        metadata = None
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise Place(path).error(
            "this is not a data set that this version wrote", "convert it again, or take a newer Finepick"
        )
    return metadata


def _series(
    name: str, rows: list[tuple[Place, Mapping[str, Any]]], pairs: list[Mapping[str, Any]]
) -> LabelledSeries:
    rows.sort(key=lambda entry: entry[1]["place"])
    place, first = rows[0]
    if [row["place"] for _, row in rows] != list(range(len(rows))):
        raise place.error(f"the places in series '{shown(name)}' have gaps", "they run from 0")
    entry: dict[str, Any] = {
        "series": name,
        "category": first["category"],
        "split": first["split"],
        "photos": [row["file"] for _, row in rows],
        "pairs": [{key: row[key] for key in ("a", "b", "p", "n", "text")} for row in pairs],
        "ranks": _all_or_none([row["rank"] for _, row in rows]),
        "scores": _all_or_none([row["score"] for _, row in rows]),
        "scale": _all_or_none([first["low"], first["high"]]),
    }
    others = json.loads(first["others"]) if first["others"] else {}
    for pair, more in zip(entry["pairs"], others.pop("pairs", []), strict=False):
        pair.update(more)
    return series_from(entry | others, place)


def _all_or_none(values: list[Any]) -> list[Any] | None:
    return None if all(value is None for value in values) else values


def _photo(row: Mapping[str, Any], place: Place) -> LabelledPhoto:
    return LabelledPhoto(
        file=photo_name(row["file"], place),
        score=row["score"],
        std=row["std"],
        n=row["n"],
        low=row["low"],
        high=row["high"],
        votes=None if row["votes"] is None else tuple(row["votes"]),
        category=row["category"] or "",
        split=split_of(row["split"] or "", place),
    )
