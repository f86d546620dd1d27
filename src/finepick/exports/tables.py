"""Tables: one row a photo, as CSV (RFC 4180, UTF-8, no byte-order mark) and as Parquet.

Paths are exact. A path that begins like a spreadsheet formula ("=", "+", "-", "@") is therefore not defused:
import such a file as text. A name that is not UTF-8 keeps its own bytes in CSV. Parquet's texts have to be
UTF-8, so there each of its odd bytes is spelt \\xNN, and a column `path_bytes`, which is there only if a path
needs it, holds the bytes themselves.
"""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from finepick.domain import PickResult, Ranking, ScoreResult
from finepick.errors import MissingExtraError, UsageError
from finepick.exports.documents import number, pick_document, score_document, strongest, to_json
from finepick.exports.writing import atomic_write, make_folder

if TYPE_CHECKING:
    import pyarrow

Cell = str | int | float | bool | None
Row = tuple[Cell, ...]

PICK_COLUMNS: Mapping[str, type] = {
    "series": str,
    "kind": str,
    "too_close": bool,
    "path": str,
    "rank": int,
    "score": float,
    "coarse": float,
    "p_best": float,
    "keep": bool,
    "reason": str,
}
SCORE_COLUMNS: Mapping[str, type] = {"path": str, "coarse": float}


def write_picks(result: PickResult, folder: str) -> tuple[str, ...]:
    """Write picks.csv, picks.json and, where pyarrow is installed, picks.parquet; return what was written.

    Raises OutputError.
    """
    make_folder(folder)
    csv_path, json_path, parquet_path = (
        os.path.join(folder, f"picks.{extension}") for extension in ("csv", "json", "parquet")
    )
    write_picks_csv(result, csv_path)
    write_picks_json(result, json_path)
    try:
        write_picks_parquet(result, parquet_path)
    except MissingExtraError:
        return csv_path, json_path
    return csv_path, json_path, parquet_path


def write_picks_csv(result: PickResult, path: str) -> None:
    """Write the table of *result* to *path*; a missing value is an empty field. Raises OutputError."""
    atomic_write(path, _csv(PICK_COLUMNS, pick_rows(result)))


def write_picks_json(result: PickResult, path: str) -> None:
    """Write the document of *result* to *path*. Raises OutputError."""
    atomic_write(path, _json(pick_document(result)))


def write_picks_parquet(result: PickResult, path: str) -> None:
    """Write the table of *result* to *path*. Raises MissingExtraError without pyarrow, OutputError."""
    atomic_write(path, _parquet(PICK_COLUMNS, pick_rows(result)))


def write_scores(result: ScoreResult, path: str) -> None:
    """Write the scores of *result* to *path*, as its extension says: .csv, .json or .parquet.

    Raises UsageError for another extension, MissingExtraError for Parquet without pyarrow, OutputError.
    """
    extension = check_scores_path(path)
    atomic_write(path, _SCORE_WRITERS[extension](result))


def check_scores_path(path: str) -> str:
    """The extension of *path* if scores can be written there, else UsageError: ask before the work starts."""
    extension = os.path.splitext(path)[1].lower()
    if extension not in _SCORE_WRITERS:
        known = ", ".join(_SCORE_WRITERS)
        raise UsageError(f"{path} does not say what to write; end its name in one of {known}", path=path)
    return extension


def pick_rows(result: PickResult) -> Iterator[Row]:
    """Rows with the values of `PICK_COLUMNS`, series by series, each in the order of its document."""
    for ranking in result.series:
        order = ranking.order if ranking.is_ranked else range(len(ranking))
        for place, index in enumerate(order, start=1):
            yield _pick_row(ranking, index, place)


def _pick_row(ranking: Ranking, index: int, place: int) -> Row:
    reason = strongest(ranking.why[index]) if ranking.why else None
    return (
        ranking.id,
        ranking.kind.value,
        bool(ranking.too_close),
        ranking.photos[index].path,
        place if ranking.is_ranked else None,
        *(
            None if values is None else number(values[index])
            for values in (ranking.scores, ranking.coarse, ranking.p_best)
        ),
        bool(ranking.keep[index]),
        reason.text if reason else "",
    )


def _score_rows(result: ScoreResult) -> Iterator[Row]:
    return ((photo.path, number(photo.coarse)) for photo in result.photos)


def _csv(columns: Iterable[str], rows: Iterable[Row]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([str(cell).lower() if isinstance(cell, bool) else cell for cell in row])
    return _encode(text.getvalue())


def _json(document: Mapping[str, object]) -> bytes:
    return (to_json(document) + "\n").encode("ascii")


def _parquet(columns: Mapping[str, type], rows: Iterable[Row]) -> bytes:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("Writing Parquet", extra="parquet") from error
    kinds = {str: pa.string(), bool: pa.bool_(), int: pa.int32(), float: pa.float64()}
    cells = list(zip(*rows, strict=True)) or [() for _ in columns]
    arrays = {
        name: pa.array([_as_utf8(cell) for cell in values], type=kinds[kind])
        for (name, kind), values in zip(columns.items(), cells, strict=True)
    }
    paths = cells[list(columns).index("path")]
    if any(_as_utf8(path) != path for path in paths):
        arrays["path_bytes"] = pa.array([_encode(str(path)) for path in paths], type=pa.binary())
    buffer = io.BytesIO()
    table: pyarrow.Table = pa.table(arrays)
    pq.write_table(table, buffer)
    return buffer.getvalue()


def _as_utf8(cell: Cell) -> Cell:
    """*cell* with bytes that are not UTF-8 spelt \\xNN."""
    if not isinstance(cell, str):
        return cell
    return _encode(cell).decode("utf-8", "backslashreplace")


def _encode(text: str) -> bytes:
    # As names of files are encoded: surrogateescape, on Windows surrogatepass.
    return text.encode("utf-8", sys.getfilesystemencodeerrors())


_SCORE_WRITERS: Mapping[str, Callable[[ScoreResult], bytes]] = {
    ".csv": lambda result: _csv(SCORE_COLUMNS, _score_rows(result)),
    ".json": lambda result: _json(score_document(result)),
    ".parquet": lambda result: _parquet(SCORE_COLUMNS, _score_rows(result)),
}
