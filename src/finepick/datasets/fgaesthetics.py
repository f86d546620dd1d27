"""FGAesthetics as released: `{natural,aigc,cropping}_{train,val,test}.txt` with photos, flat or a folder a series.

Known from the release's label files and inference code: rows as in `pair_lists`, photos called
`{series:06d}-{index:02d}.jpg` in a folder `{series:06d}`. Accepted beside that: photos anywhere below the folder,
numbers padded or not, .jpg .jpeg .png in any case. Known oddities, reported and kept: one doubled row in
aigc_train, 92 rows with P = .5 in natural_train; series of LSVQ are not in the release.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from finepick.datasets.files import Place, copy_photos, shown, write_file
from finepick.datasets.manifest import number_text
from finepick.datasets.pair_lists import INDICES, NUMBER, PAIR_RANKS, PairList, read_pair_lists
from finepick.datasets.photo_index import PhotoIndex, find_label_files
from finepick.datasets.records import SPLITS, Dataset, LabelledSeries, Pair
from finepick.errors import DatasetError

CATEGORIES = ("natural", "aigc", "cropping")
LABEL_FILES = re.compile(rf"({'|'.join(CATEGORIES)})_({'|'.join(SPLITS)})\.txt")


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: the label files, and in words what the layout had no place for."""

    files: tuple[str, ...]
    left_out: tuple[str, ...]


def read_fgaesthetics(folder: str) -> Dataset:
    """FGAesthetics in *folder*; whichever of the nine label files are there. Raises DatasetError."""
    found = find_label_files(folder, LABEL_FILES)
    if not found:
        raise Place(folder).error(
            "there are no label files of FGAesthetics here",
            f"expected any of {{{','.join(CATEGORIES)}}}_{{{','.join(SPLITS)}}}.txt",
        )
    lists = [
        PairList(found[name], category, split, "{series:06d}-{index:02d}.jpg")
        for category in CATEGORIES
        for split in SPLITS
        if (name := f"{category}_{split}.txt") in found
    ]
    series, remarks = read_pair_lists(lists, PhotoIndex(folder))
    return Dataset("fgaesthetics", folder, series, remarks=remarks)


def write_fgaesthetics(
    dataset: Dataset, folder: str, *, with_photos: bool = True, overwrite: bool = False
) -> Written:
    """Write *dataset* to *folder* in the layout of the release, photos as `{series:06d}/{series:06d}-{index:02d}.ext`.

    Series keep their number where all ids are numbers; else they are numbered from 1 in the order of their
    ids, and `series.txt` holds each number with its id. Votes, texts, scores and scales have no place in this
    layout: the result says so. Raises DatasetError for single photos, for a series without pairs, ranks,
    category (natural, aigc or cropping) or split; OutputError where something cannot be written.
    """
    if dataset.photos:
        raise Place(dataset.folder).error(
            f"{len(dataset.photos)} photos are rated one by one, which this layout has no place for",
            "write a manifest or Parquet",
        )
    numbers = _numbers(dataset)
    uses = Counter(numbers.values())
    lines: dict[str, list[bytes]] = {}
    photos: list[tuple[str, str]] = []
    for series in dataset.series:
        _require_complete(series, dataset.folder)
        number = numbers[series.series]
        is_shared = uses[number] > 1
        rows = lines.setdefault(f"{series.category}_{series.split}.txt", [])
        rows.extend(_rows(series, number))
        photos.extend(_photo_names(series, f"{series.category}/" if is_shared else "", number))
    files = [os.path.join(folder, name) for name in lines]
    if with_photos:
        copy_photos(dataset.folder, photos, folder)
    for path, rows in zip(files, lines.values(), strict=True):
        write_file(path, rows, overwrite=overwrite)
    if any(_number(series) is None for series in dataset.series):
        files.append(os.path.join(folder, "series.txt"))
        text = "".join(f"{number} {name}\n" for name, number in numbers.items())
        write_file(files[-1], [text.encode("utf-8", "backslashreplace")], overwrite=overwrite)
    return Written(tuple(files), tuple(_left_out(dataset)))


def _require_complete(series: LabelledSeries, folder: str) -> None:
    lacks = {
        "pairs": bool(series.pairs),
        "ranks": series.ranks is not None or PAIR_RANKS in series.others or series.scores is not None,
        f"a category out of {', '.join(CATEGORIES)}": series.category in CATEGORIES,
        "a split": bool(series.split),
    }
    for what, is_there in lacks.items():
        if not is_there:
            raise DatasetError(
                f"series '{shown(series.series)}' has not {what}, which this layout needs; "
                "add it, or write a manifest or Parquet",
                path=folder,
            )


def _numbers(dataset: Dataset) -> dict[str, int]:
    """The number of every series, by its id."""
    numbers = {series.series: _number(series) for series in dataset.series}
    keys = {(numbers[series.series], series.category, series.split) for series in dataset.series}
    known = {name: number for name, number in numbers.items() if number is not None}
    if len(known) == len(numbers) == len(keys):
        return known
    return {name: number for number, name in enumerate(sorted(numbers), 1)}


def _number(series: LabelledSeries) -> int | None:
    number = series.others.get(NUMBER)
    if isinstance(number, int):
        return number
    return int(series.series) if re.fullmatch(r"\d{1,9}", series.series, re.ASCII) else None


def _indices(series: LabelledSeries) -> list[int]:
    indices = series.others.get(INDICES)
    if isinstance(indices, list) and len(indices) == len(series.photos):
        return [int(index) for index in indices]
    return list(range(1, len(series.photos) + 1))


def _rows(series: LabelledSeries, number: int) -> Iterator[bytes]:
    indices = _indices(series)
    for place, pair in enumerate(series.pairs):
        first, second = _pair_ranks(series, pair, place)
        row = f"{number} {indices[pair.a]} {indices[pair.b]} {number_text(pair.p)} {first} {second}\n"
        yield row.encode("ascii")


def _pair_ranks(series: LabelledSeries, pair: Pair, place: int) -> tuple[int, int]:
    if series.ranks is not None:
        return series.ranks[pair.a], series.ranks[pair.b]
    if series.scores is not None:
        first, second = (
            1 + sum(other > series.scores[i] for other in series.scores) for i in (pair.a, pair.b)
        )
        return first, second
    first, second = series.others[PAIR_RANKS][place]
    return int(first), int(second)


def _photo_names(series: LabelledSeries, start: str, number: int) -> Iterator[tuple[str, str]]:
    for photo, index in zip(series.photos, _indices(series), strict=True):
        extension = os.path.splitext(photo)[1].lower() or ".jpg"
        yield photo, f"{start}{number:06d}/{number:06d}-{index:02d}{extension}"


def _left_out(dataset: Dataset) -> Iterator[str]:
    pairs = [pair for series in dataset.series for pair in series.pairs]
    kept = {INDICES, PAIR_RANKS, NUMBER}
    counts = {
        "numbers of votes of pairs": sum(pair.n is not None for pair in pairs),
        "texts of pairs": sum(pair.text is not None for pair in pairs),
        "series with scores": sum(series.scores is not None for series in dataset.series),
        "series with other keys": sum(bool(set(series.others) - kept) for series in dataset.series),
        "photos that no pair names": sum(
            len(series.photos) - len({i for pair in series.pairs for i in (pair.a, pair.b)})
            for series in dataset.series
        ),
    }
    return (f"{count} {what}" for what, count in counts.items() if count)
