"""Lists of compared pairs, six numbers a row: series, two indices from 1, P(first preferred), two ranks (1 = best).

The layout of Princeton Photo Triage, whose notes name the columns "#SERIES_ID #PHOTO1_IND #PHOTO2_IND
#PREFERENCE_RATIO_of_PHOTO1_OVER_PHOTO2 #RANK_of_PHOTO1 #RANK_of_PHOTO2"; FGAesthetics uses the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from finepick.datasets.checks import remarks_on_series
from finepick.datasets.files import Place, count_of, lines_of, listed, number_of
from finepick.datasets.photo_index import PhotoIndex
from finepick.datasets.records import LabelledSeries, Pair, Remark

INDICES = "indices"
PAIR_RANKS = "pair_ranks"
NUMBER = "number"


@dataclass(frozen=True, slots=True)
class PairRow:
    """One row: photos *first* and *second* (indices from 1) of series *number*; p = P(first preferred)."""

    place: Place
    number: int
    first: int
    second: int
    p: float
    first_rank: int
    second_rank: int


@dataclass(frozen=True, slots=True)
class PairList:
    """One file of rows, with what it is about; *default* spells a photo that is not on the disk."""

    path: str
    category: str
    split: str
    default: str


def read_pair_rows(path: str) -> Iterator[PairRow]:
    """The rows of the file *path*; empty lines are left out. Raises DatasetError."""
    for place, text in lines_of(path):
        cells = text.split()
        if not cells:
            continue
        if len(cells) != 6:
            raise place.error(
                f"{len(cells)} numbers instead of six",
                "a row is: series, index 1, index 2, P(photo 1 preferred), rank 1, rank 2",
            )
        row = PairRow(
            place,
            _whole(cells[0], "the series", place, low=0),
            _whole(cells[1], "index 1", place),
            _whole(cells[2], "index 2", place),
            number_of(cells[3], "P", place, low=0, high=1),
            _whole(cells[4], "rank 1", place),
            _whole(cells[5], "rank 2", place),
        )
        if row.first == row.second:
            raise place.error(f"photo {row.first} is compared with itself", "correct the row or take it out")
        yield row


def _whole(text: str, what: str, place: Place, *, low: int = 1) -> int:
    value = count_of(text, what, place, low=low)
    if value >= 10**9:
        raise place.error(f"{what} is {value}", "no data set has so many; correct the row")
    return value


def read_pair_lists(
    lists: Sequence[PairList], photos: PhotoIndex
) -> tuple[tuple[LabelledSeries, ...], tuple[Remark, ...]]:
    """The series of *lists*, in the order of their rows, and what is odd about them. Raises DatasetError.

    A series is called after its number, six digits; where several lists have one of the same number, the
    category and, if need be, the split stand before it.
    """
    groups: dict[tuple[int, str, str], tuple[PairList, list[PairRow]]] = {}
    for pair_list in lists:
        for row in read_pair_rows(pair_list.path):
            key = row.number, pair_list.category, pair_list.split
            groups.setdefault(key, (pair_list, []))[1].append(row)
    keys_of: dict[int, list[tuple[int, str, str]]] = {}
    for key in groups:
        keys_of.setdefault(key[0], []).append(key)
    series, remarks = [], []
    for key, (pair_list, rows) in groups.items():
        name = _name(key, keys_of[key[0]])
        entry, odd = _series(name, pair_list, rows, photos)
        series.append(entry)
        if len(keys_of[key[0]]) > 1:
            text = f"series {key[0]} is in {len(keys_of[key[0]])} lists; this one is called '{name}'"
            remarks.append(Remark("same_number", str(rows[0].place), text))
        remarks.extend(odd)
    return tuple(series), tuple(remarks + photos.remarks)


def _name(key: tuple[int, str, str], rivals: Sequence[tuple[int, str, str]]) -> str:
    number, category, split = key
    parts = [f"{number:06d}"]
    if len({rival[1] for rival in rivals}) > 1:
        parts.insert(0, category)
    if len([rival for rival in rivals if rival[1] == category]) > 1:
        parts.insert(-1, split)
    return "-".join(parts)


def _series(
    name: str, pair_list: PairList, rows: Sequence[PairRow], photos: PhotoIndex
) -> tuple[LabelledSeries, list[Remark]]:
    indices = sorted({index for row in rows for index in (row.first, row.second)})
    place_of = {index: place for place, index in enumerate(indices)}
    number = rows[0].number
    paths = tuple(
        photos.find_numbered(
            number,
            index,
            _first_place(rows, index),
            near=pair_list.category,
            default=pair_list.default.format(series=number, index=index),
        )
        for index in indices
    )
    ranks, remarks = _ranks(name, rows, indices)
    others: dict[str, object] = {}
    if indices != list(range(1, len(indices) + 1)):
        others[INDICES] = indices
    if ranks is None:
        others[PAIR_RANKS] = [[row.first_rank, row.second_rank] for row in rows]
    if name != f"{number:06d}":
        others[NUMBER] = number
    series = LabelledSeries(
        series=name,
        photos=paths,
        pairs=tuple(Pair(place_of[row.first], place_of[row.second], row.p) for row in rows),
        ranks=ranks,
        category=pair_list.category,
        split=pair_list.split,
        others=others,
    )
    remarks.extend(remarks_on_series(series, rows[0].place, [row.place for row in rows]))
    unlabelled = sorted(photos.indices_of(number, near=pair_list.category) - set(indices))
    if unlabelled:
        text = f"series '{name}' has photos that no pair names: {listed(map(str, unlabelled))}"
        remarks.append(Remark("unlabelled_photo", str(rows[0].place), text))
    return series, remarks


def _first_place(rows: Sequence[PairRow], index: int) -> Place:
    return next(row.place for row in rows if index in (row.first, row.second))


def _ranks(
    name: str, rows: Sequence[PairRow], indices: Sequence[int]
) -> tuple[tuple[int, ...] | None, list[Remark]]:
    """The rank of every index, None where rows do not agree on one."""
    ranks: dict[int, int] = {}
    remarks = []
    for row in rows:
        for index, rank in ((row.first, row.first_rank), (row.second, row.second_rank)):
            if ranks.setdefault(index, rank) != rank:
                text = f"series '{name}': photo {index} has rank {rank} here and {ranks[index]} before"
                remarks.append(Remark("inconsistent_ranks", str(row.place), text))
    return (None if remarks else tuple(ranks[index] for index in indices)), remarks
