"""Pairs whose better picture is known by construction, as a series manifest that can be trained on.

The folder holds `photos/`, a folder a source; `edits.json`, what was asked for; and, once all is there,
`series.jsonl`. Until then the lines stand in `series.jsonl.part`, in the order of the plan, each written after its
pictures. So a run that was ended, however, goes on at the next line, and writes the same bytes as one that was not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import PIL
import scipy

from finepick.datasets.manifest import SERIES_FILE, is_manifest, read_manifest, series_entry
from finepick.datasets.records import SPLITS, LabelledSeries, Pair
from finepick.domain import Photo, Skipped
from finepick.edits.base import ENGINE, Edit
from finepick.edits.pairs import PlannedSeries, labelled_edits, plan_series
from finepick.edits.recipes import entries_of
from finepick.errors import DatasetError, NothingReadableError, OutputError, UsageError
from finepick.exports.documents import Document, document, to_json
from finepick.exports.writing import could_not_write, make_folder, reason_of, sync_folder, write_by_part
from finepick.scorers.base import Arrays
from finepick.workflows.edit import seconds_to_edit, view_of
from finepick.workflows.library import Library, Reading

PLAN_FILE = "edits.json"
PART_FILE = SERIES_FILE + ".part"
PHOTOS, SOURCE = "photos", "source"
TEXTS = 1
"""Raised whenever what is said of pairs changes: one folder does not say it in two ways."""
PAIRS_SIDE = 1024


@dataclass(frozen=True, slots=True)
class PairsRequest:
    """What to make.

    folder: where to; a run of the same request goes on there. pairs: at least so many; None = one series a photo.
    words: names of edits or families; none = all that have labels. steps: edited pictures a series. split: for
    photos whose data set names none; those of another split are left out. quality: of JPEGs, None = PNG.
    """

    folder: str
    pairs: int | None = None
    words: tuple[str, ...] = ()
    steps: int = 3
    seed: int = 0
    split: str = ""
    long_side: int = PAIRS_SIDE
    quality: int | None = None

    def __post_init__(self) -> None:
        if not self.folder:
            raise UsageError("--pairs takes a folder, not an empty name")
        if self.split and self.split not in SPLITS:
            raise UsageError(f"--split is one of {', '.join(SPLITS)}, not '{self.split}'")
        labelled_edits(self.words)

    @property
    def seconds_at_once(self) -> float:
        """See `seconds_to_edit`: of the pictures of one series."""
        return seconds_to_edit(self.steps + 1, self.long_side)


@dataclass(frozen=True, slots=True)
class PairsReport:
    """What lies in the folder now; *made* of its series in this run, the others before."""

    path: str
    series: int
    pairs: int
    sources: int
    made: int
    skipped: tuple[Skipped, ...]
    left_out: int
    ignored: int


@dataclass(frozen=True, slots=True)
class SplitPhoto:
    """A photo and its split; none is empty."""

    photo: Photo
    split: str


def write_pairs(library: Library, paths: Sequence[str], request: PairsRequest) -> PairsReport:
    """A manifest of series, each a photo and what one edit makes of it, the better of every pair known.

    Raises like `Library.read`; DatasetError where one photo is in two splits; OutputError where the folder holds
    anything but an earlier run of the same request; ImageError where a photo changed or vanished in the middle.
    """
    _refuse_other_content(request.folder)
    reading = library.read(paths, leave_out=[request.folder])
    sources, left_out = split_photos(reading, paths, request.split)
    edits = labelled_edits(request.words)
    planned = list(
        plan_series(
            [source.photo.digest for source in sources],
            edits,
            pairs=request.pairs,
            steps=request.steps,
            seed=request.seed,
        )
    )
    _keep_plan(_plan_document(sources, edits, request), request.folder)
    made = _make(library, request, sources, planned)
    return PairsReport(
        os.path.join(request.folder, SERIES_FILE),
        len(planned),
        sum(len(series.pairs) for series in planned),
        len({series.source for series in planned}),
        made,
        reading.skipped,
        left_out,
        reading.ignored,
    )


def pairs_document(report: PairsReport) -> Document:
    """The JSON document of `edit --pairs`."""
    skipped = [
        {"path": lost.path, "stage": str(lost.stage), "reason": lost.reason} for lost in report.skipped
    ]
    counts = {
        "series": report.series,
        "pairs": report.pairs,
        "sources": report.sources,
        "made": report.made,
        "skipped": len(skipped),
        "left_out": report.left_out,
        "ignored": report.ignored,
    }
    return document(engine=ENGINE, manifest=report.path, skipped=skipped, counts=counts)


def _make(
    library: Library, request: PairsRequest, sources: Sequence[SplitPhoto], planned: Sequence[PlannedSeries]
) -> int:
    """Write what is missing; how many series that were."""
    part, whole = (os.path.join(request.folder, name) for name in (PART_FILE, SERIES_FILE))
    try:
        if os.path.lexists(whole):
            if _done(whole, planned, request.folder)[0] == len(planned):
                return 0
            os.replace(whole, part)  # pictures have gone: from the first of them on it is made again
        done, length = _done(part, planned, request.folder)
        with open(part, "ab") as file:
            file.truncate(length)
            for line in _lines(library, request, sources, planned[done:]):
                file.write(line)
                file.flush()
            os.fsync(file.fileno())
        os.replace(part, whole)
        sync_folder(request.folder)
    except OSError as error:
        raise could_not_write(error.filename or part, error) from error
    return len(planned) - done


def _done(path: str, planned: Sequence[PlannedSeries], folder: str) -> tuple[int, int]:
    """How many of *planned* the file *path* begins with, whole lines whose pictures are all there; and its length."""
    length = 0
    try:
        with open(path, "rb") as file:
            for number, series in enumerate(planned):
                line = file.readline()
                if not _is_of(series, line) or not all(
                    os.path.isfile(os.path.join(folder, name)) for name in json.loads(line)["photos"]
                ):
                    return number, length
                length += len(line)
    except FileNotFoundError:
        return 0, 0
    return len(planned), length


def _is_of(series: PlannedSeries, line: bytes) -> bool:
    try:
        return line.endswith(b"\n") and json.loads(line)["series"] == series.name
    except (ValueError, TypeError, KeyError):
        return False


def _lines(
    library: Library, request: PairsRequest, sources: Sequence[SplitPhoto], planned: Sequence[PlannedSeries]
) -> Iterator[bytes]:
    """The lines of *planned*, each once its pictures are written."""
    library.progress.stage("making pairs", len(planned))
    views = [
        view_of(series.source, series.recipes, long_side=request.long_side, quality=request.quality)
        for series in planned
    ]
    made = library.views([source.photo for source in sources], views)
    for series, arrays in zip(planned, made, strict=True):
        source = sources[series.source]
        names = _names(series, source, request)
        _write_pictures(request.folder, names, arrays)
        descriptions = [arrays[f"words {number}"].tobytes().decode() for number in range(len(names))]
        yield _line(series, source, request, names, descriptions)
        library.progress.step()


def _write_pictures(folder: str, names: Sequence[str], arrays: Arrays) -> None:
    for number, name in enumerate(names):
        path = os.path.join(folder, name)
        if _is_source(name) and os.path.isfile(path):  # other series of it have it, too
            continue
        make_folder(os.path.dirname(path))
        write_by_part(path, arrays[f"file {number}"].tobytes())


def _names(series: PlannedSeries, source: SplitPhoto, request: PairsRequest) -> tuple[str, ...]:
    """Where the pictures of *series* lie in the folder; all series of a source share its own picture."""
    extension = "png" if request.quality is None else "jpg"
    digest = source.photo.digest
    stem = series.name.removeprefix(digest[:16] + "-")
    names = (SOURCE if rank == 1 else f"{stem}-{rank - 1}" for rank in series.ranks)
    return tuple(f"{PHOTOS}/{digest[:16]}/{name}.{extension}" for name in names)


def _is_source(name: str) -> bool:
    return os.path.splitext(os.path.basename(name))[0] == SOURCE


def _line(
    series: PlannedSeries,
    source: SplitPhoto,
    request: PairsRequest,
    names: tuple[str, ...],
    descriptions: Sequence[str],
) -> bytes:
    assert series.edit.hurts_from is not None
    labelled = LabelledSeries(
        series=series.name,
        photos=names,
        pairs=tuple(Pair(a, b, p, text=text) for a, b, p, text in series.pairs),
        ranks=series.ranks,
        category=series.edit.family.value,
        split=source.split,
        others={
            "labels": "construction",
            "edit": series.edit.name,
            "hurts_from": series.edit.hurts_from.strength,
            "hurts_from_is_measured": series.edit.hurts_from.measured,
            "source": {"sha256": source.photo.digest, "long_side": request.long_side},
            "recipes": [entries_of(recipe) for recipe in series.recipes],
            "descriptions": list(descriptions),
        },
    )
    return json.dumps(series_entry(labelled), allow_nan=False).encode("ascii") + b"\n"


def _plan_document(
    sources: Sequence[SplitPhoto], edits: Sequence[Edit], request: PairsRequest
) -> Mapping[str, Any]:
    """All that the bytes of the pictures and of the manifest depend on."""
    return document(
        engine=ENGINE,
        texts=TEXTS,
        made_with={"numpy": np.__version__, "scipy": scipy.__version__, "pillow": PIL.__version__},
        pairs=request.pairs,
        steps=request.steps,
        seed=request.seed,
        long_side=request.long_side,
        quality=request.quality,
        edits=[edit.name for edit in edits],
        sources=[{"sha256": source.photo.digest, "split": source.split or None} for source in sources],
    )


def _keep_plan(plan: Mapping[str, Any], folder: str) -> None:
    """Write *plan* to the folder. Raises OutputError where another one is there."""
    path = os.path.join(folder, PLAN_FILE)
    text = (to_json(plan) + "\n").encode("ascii")
    make_folder(folder)
    try:
        with open(path, "rb") as file:
            before = file.read()
    except FileNotFoundError:
        write_by_part(path, text)
        return
    except OSError as error:
        raise OutputError(
            f"{path} cannot be read, {reason_of(error)}; choose another folder", path=path
        ) from error
    if before != text:
        raise OutputError(
            f"{folder} holds pairs of another request ({_difference(before, plan)}); repeat that one to go on with it, "
            "or choose another folder",
            path=folder,
        )


def _difference(before: bytes, plan: Mapping[str, Any]) -> str:
    """Which entries of the plan that is there are not those of *plan*."""
    try:
        other = json.loads(before)
        changed = [key for key in plan if other.get(key) != plan[key]]
    except (ValueError, AttributeError):
        return "its edits.json cannot be read"
    return f"other {', '.join(changed)}" if changed else "its edits.json was changed"


def _refuse_other_content(folder: str) -> None:
    """Raise OutputError where *folder* is there and neither empty nor one of ours."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise could_not_write(folder, error) from error
    if set(names) - {PLAN_FILE + ".part"} and PLAN_FILE not in names:
        raise OutputError(f"{folder} holds other files; choose an empty folder, or a new one", path=folder)


def split_photos(reading: Reading, paths: Sequence[str], split: str) -> tuple[list[SplitPhoto], int]:
    """Photos by content, each once, in the order of their digests; and how many were left out for their split.

    *split* is for those that no data set puts into one. Raises DatasetError where a photo is in two, and
    NothingReadableError where all were left out.
    """
    known = _known_splits(paths)
    chosen: dict[str, SplitPhoto] = {}
    left_out = 0
    for photo in reading.photos:
        own = known.get(os.path.realpath(photo.path), "")
        if own and split and own != split:
            left_out += 1
            continue
        source = SplitPhoto(photo, own or split)
        other = chosen.setdefault(photo.digest, source)
        if other.split != source.split:
            raise DatasetError(
                f"{photo.path} is in {source.split or 'no split'}, and the same picture as {other.photo.path} in "
                f"{other.split or 'no split'}; a source belongs to one split: take one of them out",
                path=photo.path,
            )
    if not chosen:
        raise NothingReadableError(
            f"no photo is in the split '{split}'; leave out --split, or name other photos"
        )
    return [chosen[digest] for digest in sorted(chosen)], left_out


def _known_splits(paths: Sequence[str]) -> dict[str, str]:
    """The splits of photos in folders that are data sets in our own layout, by real path. Raises DatasetError."""
    known: dict[str, str] = {}
    for folder in paths:
        if os.path.isdir(folder) and is_manifest(folder):
            for name, split in _photo_splits(folder):
                path = os.path.realpath(os.path.join(folder, name))
                if split and known.setdefault(path, split) != split:
                    raise DatasetError(
                        f"{path} is both in {known[path]} and in {split}; a source belongs to one split",
                        path=path,
                    )
    return known


def _photo_splits(folder: str) -> Iterator[tuple[str, str]]:
    dataset = read_manifest(folder)
    for series in dataset.series:
        yield from ((name, series.split) for name in series.photos)
    yield from ((photo.file, photo.split) for photo in dataset.photos)
