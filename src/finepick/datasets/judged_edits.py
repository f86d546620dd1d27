"""Edited photos with what judges and words say of them, as Parquet with the pictures inside: `red build` writes it.

A file a split, a row a pair. `datasets` (the library) opens the folder as it is and shows `source` and `edited` as
pictures. Columns: id, split, chain (the same for edits that differ in strength alone), source, edited, difference
(−1…1, above 0 = the edited one is better), agreement, answers, text (how the edited one differs, in a sentence),
thought, thought_of_source (the same at length, of either), thought_kind, dimensions, editor, family, edit, strength,
recipe (JSON), description, verdicts (JSON), source_sha256.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from finepick.datasets.files import Place
from finepick.datasets.preferences import open_parquet
from finepick.errors import MissingExtraError, OutputError

SPLIT_FILES = {"train": "train.parquet", "val": "validation.parquet", "test": "test.parquet"}

_AT_ONCE = 64
_PICTURE = {"_type": "Image"}
_COLUMNS = {
    "id": "string",
    "split": "string",
    "chain": "string",
    "source": _PICTURE,
    "edited": _PICTURE,
    "difference": "float64",
    "agreement": "float64",
    "answers": "int32",
    "text": "string",
    "thought": "string",
    "thought_of_source": "string",
    "thought_kind": "string",
    "dimensions": ["string"],
    "editor": "string",
    "family": "string",
    "edit": "string",
    "strength": "float64",
    "recipe": "string",
    "description": "string",
    "verdicts": "string",
    "source_sha256": "string",
}


@dataclass(frozen=True, slots=True)
class JudgedEdit:
    """A row; source and edited are the bytes of JPEGs, recipe and verdicts are JSON."""

    id: str
    split: str
    chain: str
    source: bytes
    edited: bytes
    difference: float
    agreement: float
    answers: int
    text: str
    thought: str
    thought_of_source: str
    thought_kind: str
    dimensions: tuple[str, ...]
    editor: str
    family: str
    edit: str
    strength: float
    recipe: str
    description: str
    verdicts: str
    source_sha256: str


def write_judged_edits(path: str, rows: Iterable[JudgedEdit]) -> int:
    """Write *rows* to *path*, whole or not at all, and say how many there were; a few are in memory at a time.

    Raises MissingExtraError without pyarrow, OutputError.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("Writing Parquet", extra="parquet") from error
    schema = _schema(pa)
    left, count = iter(rows), 0
    try:
        with pq.ParquetWriter(path + ".part", schema) as writer:
            while some := list(islice(left, _AT_ONCE)):
                writer.write_table(pa.Table.from_pylist([_values(row) for row in some], schema=schema))
                count += len(some)
        os.replace(path + ".part", path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(
            f"{path} cannot be written, {reason}; make room, or choose another place", path=path
        ) from error
    return count


def read_judged_edits(path: str) -> Iterator[JudgedEdit]:
    """The rows of *path*. Raises MissingExtraError, DatasetError for a file that is none of these, or damaged."""
    with open_parquet(path) as file:
        import pyarrow as pa

        missing = [name for name in _COLUMNS if name not in file.schema_arrow.names]
        if missing:
            raise Place(path).error(
                f"there is no column {', '.join(missing)}", "name a file that red build wrote"
            )
        try:
            for batch in file.iter_batches(_AT_ONCE, columns=list(_COLUMNS)):
                for number, values in enumerate(batch.to_pylist()):
                    yield _row(values, Place(path, number + 1, "row"))
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise Place(path).error("this file is damaged", "build it again") from error


def _row(values: dict[str, Any], place: Place) -> JudgedEdit:
    pictures = {name: (values[name] or {}).get("bytes") for name in ("source", "edited")}
    if not all(pictures.values()) or values["difference"] is None:
        raise place.error("a picture or the difference is missing", "build it again")
    if not -1 <= values["difference"] <= 1:
        raise place.error(f"the difference is {values['difference']:g}", "it lies from -1 to 1")
    return JudgedEdit(**{**values, **pictures, "dimensions": tuple(values["dimensions"] or ())})


def _values(row: JudgedEdit) -> dict[str, Any]:
    values = asdict(row)
    for name, column in _COLUMNS.items():
        if column is _PICTURE:
            values[name] = {"bytes": values[name], "path": f"{row.id}-{name}.jpg"}
    return values


def _schema(pa: Any) -> Any:
    picture = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    fields: list[tuple[str, Any]] = []
    features: dict[str, Any] = {}
    for name, column in _COLUMNS.items():
        if column is _PICTURE:
            fields.append((name, picture))
            features[name] = _PICTURE
        elif isinstance(column, list):
            fields.append((name, pa.list_(pa.string())))
            features[name] = {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"}
        else:
            fields.append((name, pa.type_for_alias(column)))
            features[name] = {"dtype": column, "_type": "Value"}
    told = json.dumps({"info": {"features": features}})  # what `datasets` shows as pictures
    return pa.schema(fields, {b"huggingface": told.encode("ascii")})
