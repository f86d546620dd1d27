"""Somebody's predictions: CSV with `file,score`, or with `series,a,b,p` for systems that compare two photos.

`file` is spelt as in `photos` or `coarse.csv`, `a` and `b` count from 0, p is the probability that *a* is
preferred. Other columns are passed over. A pair may be there both ways round, (a, b) and (b, a): then the mean of
p and 1 − p′ counts, which takes out a system's liking for the first place.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from finepick.datasets.records import Dataset
from finepick.domain import FloatArray
from finepick.errors import DatasetError, PathNotFoundError
from finepick.evaluation.labels import Benchmark
from finepick.evaluation.measuring import Answers, verdicts_from

PairKey = tuple[str, int, int]
"""Series, and two places in it, the earlier first."""

_SHOWN = 12
_SCORE_COLUMNS = ("file", "score")
_PAIR_COLUMNS = ("series", "a", "b", "p")


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a file says. Either *scores* by file (higher is better) or *pairs*: P(earlier photo preferred).

    digest: SHA-256 of the file's bytes.
    """

    path: str
    digest: str
    scores: Mapping[str, float] = field(default_factory=dict)
    pairs: Mapping[PairKey, float] = field(default_factory=dict)
    is_pairwise: bool = False

    def surplus(self, dataset: Dataset) -> list[str]:
        """What was predicted though *dataset* has no such photo or pair, in any split."""
        if not self.is_pairwise:
            known = {photo for series in dataset.series for photo in series.photos}
            known |= {photo.file for photo in dataset.photos}
            return [file for file in self.scores if file not in known]
        sizes = {series.series: len(series.photos) for series in dataset.series}
        return [_spelt(key) for key in self.pairs if key[2] >= sizes.get(key[0], 0)]

    def answers(self, benchmark: Benchmark) -> Answers:
        """What the file says of *benchmark*; a pairwise system has no coarse scores.

        Raises DatasetError, listing them, where any photo or pair has no prediction.
        """
        if self.is_pairwise:
            return self._pairwise_answers(benchmark)
        self._require([file for file in benchmark.files if file not in self.scores], "photo")
        fine = [np.array([self.scores[photo] for photo in one.photos]) for one in benchmark.series]
        verdicts = map(verdicts_from, fine, benchmark.pairs)
        coarse = np.array([self.scores[photo.file] for photo in benchmark.photos])
        return Answers(tuple(verdicts), tuple(fine), coarse)

    def _pairwise_answers(self, benchmark: Benchmark) -> Answers:
        names = [one.series for one in benchmark.series]
        doubled = (
            sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
        )
        if doubled:
            raise DatasetError(
                f"several series are called '{doubled[0]}', so that {self.path} could mean either; "
                "give predictions as 'file,score'",
                path=self.path,
            )
        keys = [
            [(one.series, places[pair.a], places[pair.b]) for pair in pairs]
            for one, places, pairs in zip(benchmark.series, benchmark.places, benchmark.pairs, strict=True)
        ]
        self._require([_spelt(key) for lot in keys for key in lot if key not in self.pairs], "pair")
        verdicts = [np.array([np.sign(self.pairs[key] - 0.5) for key in lot], np.float64) for lot in keys]
        fine = map(self._borda, names, benchmark.places)
        return Answers(tuple(verdicts), tuple(fine), None)

    def _borda(self, series: str, places: Sequence[int]) -> FloatArray | None:
        """For each photo of a series the sum of its p over the others; None unless all its pairs are there."""
        wins = np.zeros(len(places))
        for a, b in combinations(range(len(places)), 2):
            p = self.pairs.get((series, places[a], places[b]))
            if p is None:
                return None
            wins[a] += p
            wins[b] += 1 - p
        return wins

    def _require(self, missing: Sequence[str], what: str) -> None:
        if not missing:
            return
        count = f"{len(missing)} {what}{'s have' if len(missing) > 1 else ' has'}"
        shown = listed(missing)
        raise DatasetError(
            f"{count} no prediction in {self.path}: {shown}; add them and repeat", path=self.path
        )


def listed(names: Sequence[str], shown: int = _SHOWN) -> str:
    """The first *shown* of *names*, and how many more there are."""
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def read_predictions(path: str) -> Predictions:
    """The predictions in the file *path*.

    Raises PathNotFoundError, and DatasetError with the line for what is no number, not finite, out of range, or
    said twice in two ways.
    """
    content = _bytes_of(path)
    rows = _rows(path, content)
    header = [name.strip() for name in next(rows, (0, []))[1]]
    digest = hashlib.sha256(content).hexdigest()
    if set(_SCORE_COLUMNS) <= set(header):
        return Predictions(path, digest, scores=_read_scores(path, header, rows))
    if set(_PAIR_COLUMNS) <= set(header):
        return Predictions(path, digest, pairs=_read_pairs(path, header, rows), is_pairwise=True)
    raise DatasetError(
        f"{path} does not begin with a line 'file,score' or 'series,a,b,p'; name its columns like that",
        path=path,
        line=1,
    )


def _bytes_of(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise PathNotFoundError(f"'{path}' does not exist; check the spelling", path=path) from None
    except OSError as error:
        raise DatasetError(f"{path} cannot be read, {error.strerror or error}", path=path) from error


def _rows(path: str, content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Rows that hold something, with the number of the line each ends on."""
    # As names of files are decoded, so that one that is not UTF-8 finds its photo.
    text = content.decode("utf-8-sig", "surrogateescape")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise _bad(path, reader.line_num, f"is not CSV ({error})") from error


def _read_scores(path: str, header: Sequence[str], rows: Iterable[tuple[int, list[str]]]) -> dict[str, float]:
    scores: dict[str, float] = {}
    for line, row in rows:
        file, text = _cells(path, line, header, row, _SCORE_COLUMNS)
        score = _number(path, line, "score", text)
        if scores.setdefault(file, score) != score:
            raise _bad(path, line, f"gives '{file}' the score {score:g}, an earlier line {scores[file]:g}")
    return scores


def _read_pairs(
    path: str, header: Sequence[str], rows: Iterable[tuple[int, list[str]]]
) -> dict[PairKey, float]:
    said: dict[PairKey, dict[bool, float]] = {}
    for line, row in rows:
        series, first, second, text = _cells(path, line, header, row, _PAIR_COLUMNS)
        a, b = (_place(path, line, name, cell) for name, cell in (("a", first), ("b", second)))
        p = _number(path, line, "p", text)
        if a == b:
            raise _bad(path, line, f"compares photo {a} of series '{series}' with itself")
        if not 0 <= p <= 1:
            raise _bad(path, line, f"has p = {p:g}, which is no probability")
        key, is_turned = (series, min(a, b), max(a, b)), a > b
        if said.setdefault(key, {}).setdefault(is_turned, p) != p:
            raise _bad(path, line, f"contradicts an earlier line about {_spelt((series, a, b))}")
    return {key: _mean_of_both(ways) for key, ways in said.items()}


def _mean_of_both(ways: Mapping[bool, float]) -> float:
    if len(ways) == 2:
        return 0.5 + (ways[False] - ways[True]) / 2  # exactly ½ where both ways say the same
    return ways[False] if False in ways else 1.0 - ways[True]


def _cells(
    path: str, line: int, header: Sequence[str], row: Sequence[str], wanted: Sequence[str]
) -> list[str]:
    if len(row) != len(header):
        raise _bad(path, line, f"has {len(row)} cells where the header has {len(header)}")
    cells = dict(zip(header, row, strict=True))
    return [cells[name] for name in wanted]


def _number(path: str, line: int, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise _bad(path, line, f"has the {name} '{text}', which is not a number") from None
    if not math.isfinite(value):
        raise _bad(path, line, f"has the {name} '{text.strip()}'; predictions must be finite numbers")
    return value


def _place(path: str, line: int, name: str, text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < 0:
        raise _bad(path, line, f"has {name} = '{text}', which is not the place of a photo (0, 1, 2 …)")
    return value


def _bad(path: str, line: int, what: str) -> DatasetError:
    return DatasetError(f"{path}, line {line}, {what}; correct it and repeat", path=path, line=line)


def _spelt(pair: PairKey) -> str:
    series, a, b = pair
    return f"series {series}: {a}, {b}"
