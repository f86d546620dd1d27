"""Our own layout: a folder with photos and `series.jsonl`, `coarse.csv` or both.

`series.jsonl` holds a series a line, `coarse.csv` a rated photo a row (columns file, score and, where known,
std, n, low, high, category, split, votes; votes = how many gave each answer, lowest first, with blanks
between). Keys of a series that are not ours are kept; columns that are not ours are reported.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from finepick.datasets.checks import remarks_across, remarks_on_photo, remarks_on_series
from finepick.datasets.files import (
    Place,
    Row,
    copy_photos,
    csv_lines,
    lines_of,
    listed,
    number_of,
    photo_name,
    read_table,
    shown,
    write_file,
)
from finepick.datasets.records import SPLITS, Dataset, LabelledPhoto, LabelledSeries, Pair, Remark
from finepick.errors import DatasetError, OutputError

SERIES_FILE = "series.jsonl"
COARSE_FILE = "coarse.csv"
COARSE_COLUMNS = ("file", "score", "std", "n", "low", "high", "category", "split", "votes")

_SERIES_KEYS = ("series", "category", "split", "photos", "pairs", "ranks", "scores", "scale")
_PAIR_KEYS = ("a", "b", "p", "n", "text")
_CORRECT = "correct the line or take it out"


def is_manifest(folder: str) -> bool:
    """Whether *folder* holds a data set in our own layout."""
    return any(os.path.lexists(os.path.join(folder, name)) for name in (SERIES_FILE, COARSE_FILE))


def read_manifest(folder: str, *, name: str | None = None) -> Dataset:
    """The data set in *folder*, called *name* (else after the folder).

    Raises DatasetError where there is neither `series.jsonl` nor `coarse.csv`, and for a malformed line, with
    its number.
    """
    if not is_manifest(folder):
        raise Place(folder).error(
            f"there is neither {SERIES_FILE} nor {COARSE_FILE} here",
            "name a folder with one of them, or a known data set with --root",
        )
    remarks: list[Remark] = []
    series_path, coarse_path = os.path.join(folder, SERIES_FILE), os.path.join(folder, COARSE_FILE)
    series = tuple(read_series(series_path, remarks)) if os.path.lexists(series_path) else ()
    photos = tuple(read_photos(coarse_path, remarks)) if os.path.lexists(coarse_path) else ()
    remarks.extend(remarks_across(series, photos, Place(folder)))
    if not series and not photos:
        remarks.append(Remark("empty", folder, "there is not a single label here"))
    return Dataset(name or folder_name(folder), folder, series, photos, tuple(remarks))


def folder_name(folder: str) -> str:
    """What a data set in *folder* is called where nobody names it."""
    return os.path.basename(os.path.abspath(folder)) or "data set"


def read_series(path: str, remarks: list[Remark]) -> Iterator[LabelledSeries]:
    """The series of the file *path*, a line at a time; what is odd is added to *remarks*. Raises DatasetError."""
    seen: dict[str, int | None] = {}
    for place, text in lines_of(path):
        if not text.strip():
            continue
        series = series_from(_json(text, place), place)
        if series.series in seen:
            raise place.error(
                f"series '{shown(series.series)}' is there already, in line {seen[series.series]}",
                "give every series an id of its own",
            )
        seen[series.series] = place.line
        remarks.extend(remarks_on_series(series, place))
        yield series


def read_photos(path: str, remarks: list[Remark]) -> Iterator[LabelledPhoto]:
    """The photos of the file *path*, a row at a time; what is odd is added to *remarks*. Raises DatasetError."""
    table = read_table(path)
    for column in ("file", "score"):
        if column not in table.columns:
            raise Place(path, 1).error(
                f"there is no column '{column}'", f"the columns are {', '.join(COARSE_COLUMNS)}"
            )
    unknown = [column for column in table.columns if column not in COARSE_COLUMNS]
    if unknown:
        text = f"columns that are not used: {listed(unknown)}"
        remarks.append(Remark("unknown_column", str(Place(path, 1)), text))
    seen: dict[str, Place] = {}
    for row in table.rows:
        photo = _photo_from(row)
        if photo.file in seen:
            text = f"'{shown(photo.file)}' is rated again (first at {seen[photo.file]})"
            remarks.append(Remark("duplicate_photo", str(row.place), text))
        seen.setdefault(photo.file, row.place)
        remarks.extend(remarks_on_photo(photo, row.place))
        yield photo


def series_from(entry: Any, place: Place) -> LabelledSeries:
    """The series that the JSON object *entry* describes, checked. Raises DatasetError."""
    if not isinstance(entry, dict):
        raise place.error("this is not a JSON object", "a series is {...} on one line")
    name = entry.get("series")
    if not isinstance(name, str) or not name:
        raise place.error(f"'series' is {shown(name)}", "it has to be a text, the id of the series")
    photos = _photos(entry.get("photos"), place)
    pairs, pair_others = _pairs(entry.get("pairs"), len(photos), place)
    others = {key: value for key, value in entry.items() if key not in _SERIES_KEYS}
    if any(pair_others):
        others["pairs"] = pair_others
    series = LabelledSeries(
        series=name,
        photos=photos,
        pairs=pairs,
        ranks=_ranks(entry.get("ranks"), len(photos), place),
        scores=_scores(entry.get("scores"), len(photos), place),
        scale=_scale(entry.get("scale"), place),
        category=_text(entry, "category", place),
        split=split_of(_text(entry, "split", place), place),
        others=others,
    )
    if not series.pairs and series.ranks is None and series.scores is None:
        raise place.error("this series has no pairs, no ranks and no scores", "give at least one of them")
    return series


def series_entry(series: LabelledSeries) -> dict[str, Any]:
    """The JSON object of *series*, as `series.jsonl` holds it.

    Raises DatasetError where its other keys `pairs`, which belong to its pairs one by one, are not as many.
    """
    others = {key: value for key, value in series.others.items() if key != "pairs"}
    pair_others = series.others.get("pairs") or [{}] * len(series.pairs)
    if len(pair_others) != len(series.pairs):
        raise DatasetError(
            f"series '{shown(series.series)}' has {len(series.pairs)} pairs, but other keys for {len(pair_others)}; "
            "change both together"
        )
    pairs = [_pair_entry(pair) | dict(more) for pair, more in zip(series.pairs, pair_others, strict=True)]
    return {
        "series": series.series,
        "category": series.category or None,
        "split": series.split or None,
        "photos": list(series.photos),
        "pairs": pairs or None,
        "ranks": None if series.ranks is None else list(series.ranks),
        "scores": None if series.scores is None else list(series.scores),
        "scale": None if series.scale is None else list(series.scale),
    } | others


def write_manifest(
    dataset: Dataset, folder: str, *, with_photos: bool = True, overwrite: bool = False
) -> tuple[str, ...]:
    """Write *dataset* to *folder* and return the paths of the label files; they appear whole or not at all.

    Photos are copied from the data set's own folder unless that is *folder*, or *with_photos* is False.
    Raises OutputError where labels of other content are there and *overwrite* is not given, or a photo cannot
    be copied; DatasetError for a rated photo whose name UTF-8 cannot hold.
    """
    labels = {
        SERIES_FILE: _series_lines(dataset.series) if dataset.series or not dataset.photos else None,
        COARSE_FILE: _coarse_lines(dataset.photos) if dataset.photos else None,
    }
    for name, lines in labels.items():
        path = os.path.join(folder, name)
        if lines is None and os.path.lexists(path):
            raise OutputError(f"{path} belongs to another data set; choose an empty folder", path=path)
    if with_photos:
        names = [photo for series in dataset.series for photo in series.photos]
        names.extend(photo.file for photo in dataset.photos)
        copy_photos(dataset.folder, ((photo, photo) for photo in dict.fromkeys(names)), folder)
    written = []
    for name, lines in labels.items():
        if lines is not None:
            written.append(os.path.join(folder, name))
            write_file(written[-1], lines, overwrite=overwrite)
    return tuple(written)


def _series_lines(series: Iterable[LabelledSeries]) -> Iterator[bytes]:
    for entry in series:
        place = Place(SERIES_FILE)
        try:
            text = json.dumps(series_entry(entry), ensure_ascii=True, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise place.error(
                f"series '{shown(entry.series)}' cannot be written as JSON ({error})",
                "keep numbers finite and other values plain",
            ) from error
        yield text.encode("ascii") + b"\n"


def _coarse_lines(photos: Iterable[LabelledPhoto]) -> Iterator[bytes]:
    photos = tuple(photos)
    columns = COARSE_COLUMNS if any(photo.votes for photo in photos) else COARSE_COLUMNS[:-1]
    return csv_lines(columns, (_coarse_cells(photo)[: len(columns)] for photo in photos))


def _coarse_cells(photo: LabelledPhoto) -> tuple[str, ...]:
    return (
        photo.file,
        number_text(photo.score),
        number_text(photo.std),
        number_text(photo.n),
        number_text(photo.low),
        number_text(photo.high),
        photo.category,
        photo.split,
        " ".join(map(number_text, photo.votes or ())),
    )


def number_text(value: float | None) -> str:
    """*value* in the shortest digits that give it back exactly; "" for None."""
    if value is None:
        return ""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def _photo_from(row: Row) -> LabelledPhoto:
    low, high = row.number_or_none("low"), row.number_or_none("high")
    if (low is None) != (high is None) or (low is not None and high is not None and not low < high):
        raise row.place.error(
            f"the scale runs from '{row.text('low')}' to '{row.text('high')}'",
            "give both ends, the lower one first, or neither",
        )
    return LabelledPhoto(
        file=photo_name(row.cells["file"], row.place),
        score=row.number("score"),
        std=row.number_or_none("std", low=0),
        n=row.count_or_none("n", low=1),
        low=low,
        high=high,
        votes=_votes(row),
        category=row.text("category"),
        split=split_of(row.text("split"), row.place),
    )


def _votes(row: Row) -> tuple[float, ...] | None:
    text = row.text("votes")
    if not text:
        return None
    votes = tuple(number_of(vote, "a number of votes", row.place, low=0) for vote in text.split())
    if len(votes) < 2 or not sum(votes) > 0:
        raise row.place.error(
            f"the votes are '{shown(text)}'", "give how many chose each answer, at least two answers"
        )
    return votes


def split_of(text: str, place: Place) -> str:
    """*text* as a split, "" where there is none. Raises DatasetError for any other word."""
    if text and text not in SPLITS:
        raise place.error(
            f"the split is '{shown(text)}'", f"it has to be one of {', '.join(SPLITS)}, or none"
        )
    return text


def _json(text: str, place: Place) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_no_constant)
    except RecursionError as error:
        raise place.error("this JSON is nested too deeply", _CORRECT) from error
    except ValueError as error:
        raise place.error(
            f"this is not JSON ({shown(getattr(error, 'msg', str(error)))})", _CORRECT
        ) from error


def _without_doubles(items: list[tuple[str, Any]]) -> dict[str, Any]:
    entry = dict(items)
    if len(entry) < len(items):
        names = [name for name, _ in items]
        raise ValueError(f"'{next(name for name in names if names.count(name) > 1)}' is there twice")
    return entry


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a number")


def _text(entry: Mapping[str, Any], key: str, place: Place) -> str:
    value = entry.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise place.error(f"'{key}' is {shown(value)}", "it has to be a text or null")
    return value


def _photos(value: Any, place: Place) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise place.error(f"'photos' is {shown(value)}", "it has to be a list of at least one path")
    photos = tuple(photo_name(name, place) for name in value)
    seen: set[str] = set()
    for name in photos:
        if name in seen:
            raise place.error(f"the photo '{shown(name)}' is twice in this series", "list every photo once")
        seen.add(name)
    return photos


def _pairs(value: Any, n: int, place: Place) -> tuple[tuple[Pair, ...], list[dict[str, Any]]]:
    """The pairs, and beside each what else its entry says."""
    if value is None:
        return (), []
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise place.error(f"'pairs' is {shown(value)}", "it has to be a list of objects, or null")
    pairs = tuple(_pair(entry, number, n, place) for number, entry in enumerate(value, 1))
    return pairs, [{key: entry[key] for key in entry if key not in _PAIR_KEYS} for entry in value]


def _pair(entry: Mapping[str, Any], number: int, n: int, place: Place) -> Pair:
    a, b = (_index(entry.get(key), f"'{key}' of pair {number}", n, place) for key in "ab")
    if a == b:
        raise place.error(f"pair {number} compares photo {a} with itself", _CORRECT)
    p = _number(entry.get("p"), f"'p' of pair {number}", place)
    if not 0 <= p <= 1:
        raise place.error(f"'p' of pair {number} is {p:g}", "a probability lies from 0 to 1")
    votes = entry.get("n")
    if votes is not None and not (_is_whole(votes) and votes >= 1):
        raise place.error(
            f"'n' of pair {number} is {shown(votes)}", "it has to be a number of votes, or null"
        )
    text = entry.get("text")
    if text is not None and not isinstance(text, str):
        raise place.error(f"'text' of pair {number} is {shown(text)}", "it has to be a text or null")
    return Pair(a, b, p, None if votes is None else int(votes), text)


def _pair_entry(pair: Pair) -> dict[str, Any]:
    entry: dict[str, Any] = {"a": pair.a, "b": pair.b, "p": pair.p}
    if pair.n is not None:
        entry["n"] = pair.n
    if pair.text is not None:
        entry["text"] = pair.text
    return entry


def _index(value: Any, what: str, n: int, place: Place) -> int:
    if not _is_whole(value) or not 0 <= value < n:
        raise place.error(f"{what} is {shown(value)}", f"it has to be the place of a photo, 0 to {n - 1}")
    return int(value)


def _ranks(value: Any, n: int, place: Place) -> tuple[int, ...] | None:
    if value is None:
        return None
    _require_one_each(value, "ranks", n, place)
    for rank in value:
        if not _is_whole(rank) or rank < 1:
            raise place.error(f"a rank is {shown(rank)}", "ranks are whole numbers, 1 for the best")
    return tuple(int(rank) for rank in value)


def _scores(value: Any, n: int, place: Place) -> tuple[float, ...] | None:
    if value is None:
        return None
    _require_one_each(value, "scores", n, place)
    return tuple(_number(score, "a score", place) for score in value)


def _require_one_each(value: Any, what: str, n: int, place: Place) -> None:
    if not isinstance(value, list):
        raise place.error(f"'{what}' is {shown(value)}", "it has to be a list, or null")
    if len(value) != n:
        raise place.error(
            f"{len(value)} {what} for {n} photos", f"give one for every photo, or '{what}': null"
        )


def _scale(value: Any, place: Place) -> tuple[float, float] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:
        raise place.error(
            f"'scale' is {shown(value)}", "it has to be [lowest answer, highest answer], or null"
        )
    low, high = (_number(end, "an end of the scale", place) for end in value)
    if not low < high:
        raise place.error(f"the scale runs from {low:g} to {high:g}", "give the lower end first")
    return low, high


def _number(value: Any, what: str, place: Place) -> float:
    number = math.nan
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
    if not math.isfinite(number):
        raise place.error(f"{what} is {shown(value)}", "it has to be a number")
    return number


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53
