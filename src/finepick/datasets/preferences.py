"""Preferences between pictures of one prompt, in Parquet or JSON: Pick-a-Pic, HPD and what looks like them.

Known from the data sets' own cards:
- Pick-a-Pic (v1, v2): a row is one person's answer; columns caption, image_0_uid, image_1_uid, label_0, label_1
  (1 and 0, or .5 each for a tie), has_label, best_image_uid, and jpg_0, jpg_1 with the pictures' bytes;
  parts train, validation, test, and validation_unique, test_unique, which repeat one row a prompt.
- HPD v2: train.json with prompt, file_path (two paths), human_preference (1 for the preferred); test.json with
  prompt, image_path, rank (1 = best, or from 0) and raw_annotations.
- HPD v3: prompt, path1 (preferred), path2; and, in public code that reads it, choice_dist (votes for each).

Pictures of one prompt in one part are a series. A row is one pair with n = 1: the same two pictures may be
compared by several people.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from finepick.datasets.checks import remarks_across, remarks_on_series
from finepick.datasets.files import Place, copy_photos, listed, photo_name, shown, write_file
from finepick.datasets.manifest import folder_name, write_manifest
from finepick.datasets.photo_index import PhotoIndex
from finepick.datasets.records import Dataset, LabelledSeries, Pair, Remark
from finepick.errors import MissingExtraError

if TYPE_CHECKING:
    import pyarrow.parquet

PHOTO_FOLDER = "photos"

_UID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_PICK_A_PIC = ("caption", "image_0_uid", "image_1_uid", "label_0", "label_1")
_PICK_A_PIC_TOO = ("has_label", "best_image_uid")
_PICTURES = ("jpg_0", "jpg_1")
_PATHS = ("image_path", "file_path")
_PROMPTS = ("prompt", "caption")
_VERDICTS = ("human_preference", "rank", "path1", "path2", "choice_dist", "raw_annotations")
_READ = {*_PICK_A_PIC, *_PICK_A_PIC_TOO, *_PICTURES, *_PATHS, *_PROMPTS, *_VERDICTS}
_SPLITS = {"train": "train", "validation": "val", "valid": "val", "val": "val", "dev": "val", "test": "test"}
_SIGNATURES = {b"\xff\xd8\xff": ".jpg", b"\x89PNG\r\n\x1a\n": ".png", b"RIFF": ".webp"}


def find_preference_files(folder: str, depth: int = 2) -> dict[str, str]:
    """The Parquet files, and train.json and test.json, at most *depth* folders below *folder*: path → split."""
    found = {}
    for root, folders, names in os.walk(folder):
        below = os.path.relpath(root, folder)
        level = 0 if below == os.curdir else below.count(os.sep) + 1
        folders[:] = sorted(folders) if level < depth else []
        for name in sorted(names):
            if name.lower().endswith(".parquet") or name.lower() in ("train.json", "test.json"):
                found[os.path.join(root, name)] = _split_in(name) or _split_in(os.path.basename(root))
    return found


def _split_in(name: str) -> str:
    words = re.findall("[a-z]+", name.lower())
    return next((_SPLITS[word] for word in words if word in _SPLITS), "")


def read_preferences(folder: str, *, name: str = "") -> Dataset:
    """The preferences in *folder*; pictures are named, by uid or path, and not written.

    Raises DatasetError, MissingExtraError where a Parquet file is there and pyarrow is not.
    """
    return _read(folder, name, None)


def import_preferences(folder: str, target: str, *, name: str = "") -> Dataset:
    """Write the preferences in *folder* to *target* as a manifest, pictures in `photos`, and return it.

    Pictures that are files already are copied as they are called. Raises DatasetError, also where a picture's
    bytes are missing or differ under one uid; MissingExtraError, OutputError.
    """
    dataset = replace(_read(folder, name, target), folder=target)
    photos = dict.fromkeys(photo for series in dataset.series for photo in series.photos)
    there = [photo for photo in photos if not os.path.isfile(os.path.join(target, photo))]
    copy_photos(folder, ((photo, photo) for photo in there), target)
    write_manifest(dataset, target, with_photos=False)
    return dataset


def _read(folder: str, name: str, target: str | None) -> Dataset:
    files = find_preference_files(folder)
    if not files:
        raise Place(folder).error(
            "there are no preferences here", "expected Parquet files or train.json, test.json"
        )
    gathering = _Gathering(PhotoIndex(folder), target)
    for path, split in files.items():
        if _is_repetition(path, files):
            gathering.remark("not_read", path, "it repeats rows of the whole part beside it")
            continue
        gathering.add_file(path, split)
    series = gathering.series()
    remarks = [*gathering.remarks, *gathering.index.remarks, *remarks_across(series, (), Place(folder))]
    return Dataset(name or folder_name(folder), folder, series, remarks=tuple(remarks))


def _is_repetition(path: str, files: Mapping[str, str]) -> bool:
    base = os.path.basename(path)
    part, unique, _ = base.partition("_unique")
    return bool(unique) and any(
        os.path.basename(other).startswith(part + "-") or os.path.basename(other) == part + ".parquet"
        for other in files
    )


@dataclass(slots=True)
class _Group:
    """What is known so far of one series: the paths of its pictures by uid or path, and the answers."""

    prompt: str
    split: str
    place: Place
    paths: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    pairs: list[Pair] = field(default_factory=list)
    ranks: tuple[int, ...] | None = None
    annotations: Any = None

    def add_picture(self, key: str, path: str) -> int:
        """The place of the picture *key* in this series, a new one at the end."""
        self.paths.setdefault(key, path)
        return self.numbers.setdefault(key, len(self.numbers))


@dataclass(slots=True)
class _Gathering:
    """The series of all files as they grow; pictures go to the folder *target*, if there is one."""

    index: PhotoIndex
    target: str | None
    groups: dict[tuple[str, str, int], _Group] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    written: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    odd: dict[str, list[int]] = field(default_factory=dict)

    def remark(self, kind: str, place: object, text: str) -> None:
        self.remarks.append(Remark(kind, str(place), text))

    def add_file(self, path: str, split: str) -> None:
        columns, entries = _open(path, with_pictures=self.target is not None)
        add = self._adder(path, columns)
        if unused := [name for name in columns if name not in _READ]:
            self.remark("unknown_column", path, f"not read: {listed(unused)}")
        self.odd = {}
        for place, entry in entries:
            add(place, entry, split)
        texts = {
            "tie": "ties, kept with p = .5",
            "unlabelled_row": "rows without a label, which are not pairs",
            "same_photo": "rows that compare a picture with itself, which are not pairs",
            "contradicts_best": "rows whose best picture is not the one that their labels prefer",
        }
        for kind, rows in self.odd.items():
            self.remark(kind, path, f"{len(rows)} {texts[kind]}: {listed(map(str, rows))}")

    def _adder(self, path: str, columns: Sequence[str]) -> Callable[[Place, Mapping[str, Any], str], None]:
        if set(_PICK_A_PIC) <= set(columns):
            return self._add_answer
        if any(name in columns for name in _PROMPTS):
            if any(name in columns for name in _PATHS) and "human_preference" in columns:
                return self._add_choice
            if any(name in columns for name in _PATHS) and "rank" in columns:
                return self._add_ranking
            if {"path1", "path2"} <= set(columns):
                return self._add_ordered
        raise Place(path).error(
            f"the columns {listed(columns, 12)} are none that are known",
            f"expected {', '.join(_PICK_A_PIC)} (Pick-a-Pic), or prompt with image_path or file_path and "
            "human_preference or rank (HPD v2), or prompt, path1, path2 (HPD v3)",
        )

    def _add_answer(self, place: Place, entry: Mapping[str, Any], split: str) -> None:
        """A row of Pick-a-Pic."""
        uids = [_uid(entry[f"image_{i}_uid"], place) for i in (0, 1)]
        group = self._group(entry["caption"], split, place)
        first, second = (
            group.add_picture(uid, self._picture(uid, entry.get(f"jpg_{i}"), place))
            for i, uid in enumerate(uids)
        )
        if entry.get("has_label") is False:
            self._note("unlabelled_row", place)
            return
        p = _label(entry["label_0"], entry["label_1"], place)
        best = entry.get("best_image_uid")
        if best in uids and p != 0.5 and uids[int(p < 0.5)] != best:
            self._note("contradicts_best", place)
        self._add_pair(group, first, second, p, 1, place)

    def _add_choice(self, place: Place, entry: Mapping[str, Any], split: str) -> None:
        """A row of HPD v2: *human_preference* holds 1 for the preferred, or is the place of it."""
        paths, group = self._paths(entry, split, place)
        chosen = entry["human_preference"]
        if _is_whole(chosen) and 0 <= chosen < len(paths):
            chosen = [int(i == chosen) for i in range(len(paths))]
        if not (
            isinstance(chosen, list)
            and len(chosen) == len(paths)
            and all(choice in (0, 1) for choice in chosen)
        ):
            raise place.error(
                f"human_preference is {shown(entry['human_preference'])} for {len(paths)} pictures",
                "it has to be 1 for the preferred one and 0 for the other",
            )
        places = [group.add_picture(path, self.index.find(path, place)) for path in paths]
        if sum(chosen) in (0, len(chosen)):
            for i, a in enumerate(places):
                for b in places[i + 1 :]:
                    self._add_pair(group, a, b, 0.5, 1, place)
            return
        for a, wins in zip(places, chosen, strict=True):
            for b, loses in zip(places, chosen, strict=True):
                if wins and not loses:
                    # In the order of the row: which comes first must not tell which wins.
                    forward = places.index(a) < places.index(b)
                    pair = (a, b, 1.0) if forward else (b, a, 0.0)
                    self._add_pair(group, *pair, 1, place)

    def _add_ranking(self, place: Place, entry: Mapping[str, Any], split: str) -> None:
        """A row of HPD v2's test part: a series of its own."""
        ranks = entry["rank"]
        prompt = _prompt(entry, place)
        number = sum(1 for key in self.groups if key[:2] == (split, prompt))
        group = self.groups[split, prompt, number] = _Group(prompt, split, place)
        paths = _path_list(entry, place)
        if (
            not isinstance(ranks, list)
            or len(ranks) != len(paths)
            or not all(_is_whole(rank) and rank >= 0 for rank in ranks)
        ):
            raise place.error(
                f"rank is {shown(ranks)} for {len(paths)} pictures", "it has to be one whole number for each"
            )
        if len(set(paths)) < len(paths):
            raise place.error("one picture is ranked twice", "correct the row or take it out")
        for path in paths:
            group.add_picture(path, self.index.find(path, place))
        group.ranks = tuple(int(rank) + (min(ranks) == 0) for rank in ranks)
        group.annotations = entry.get("raw_annotations")

    def _add_ordered(self, place: Place, entry: Mapping[str, Any], split: str) -> None:
        """A row of HPD v3: path1 is preferred, or votes say how often."""
        group = self._group(_prompt(entry, place), split, place)
        paths = [photo_name(entry[key], place) for key in ("path1", "path2")]
        first, second = (group.add_picture(path, self.index.find(path, place)) for path in paths)
        votes = entry.get("choice_dist")
        if votes is None:
            self._add_pair(group, first, second, 1.0, None, place)
            return
        if not (
            isinstance(votes, list)
            and len(votes) == 2
            and all(_is_whole(vote) and vote >= 0 for vote in votes)
            and sum(votes)
        ):
            raise place.error(f"choice_dist is {shown(votes)}", "it has to be the votes for path1 and path2")
        self._add_pair(group, first, second, votes[0] / sum(votes), sum(votes), place)

    def _add_pair(self, group: _Group, a: int, b: int, p: float, n: int | None, place: Place) -> None:
        if a == b:
            self._note("same_photo", place)
            return
        if p == 0.5:
            self._note("tie", place)
        group.pairs.append(Pair(a, b, p, n))

    def _note(self, kind: str, place: Place) -> None:
        self.odd.setdefault(kind, []).append(place.line or 0)

    def _group(self, prompt: object, split: str, place: Place) -> _Group:
        if not isinstance(prompt, str):
            raise place.error(f"the prompt is {shown(prompt)}", "it has to be a text")
        return self.groups.setdefault((split, prompt, 0), _Group(prompt, split, place))

    def _paths(self, entry: Mapping[str, Any], split: str, place: Place) -> tuple[list[str], _Group]:
        return _path_list(entry, place), self._group(_prompt(entry, place), split, place)

    def _picture(self, uid: str, content: Any, place: Place) -> str:
        """The path of the picture *uid*, which is written where there is a folder for it."""
        if self.target is None:
            return self.index.find(uid, place, default=f"{PHOTO_FOLDER}/{uid}.jpg")
        if isinstance(content, Mapping):
            content = content.get("bytes")
        if not isinstance(content, bytes):
            raise place.error(f"there are no bytes of the picture {uid}", "get the edition with pictures")
        digest = hashlib.sha256(content).digest()
        if uid in self.written:
            path, before = self.written[uid]
            if before != digest:
                raise place.error(
                    f"the picture {uid} is not what it was in a row before", "get the file again"
                )
            return path
        extension = next((end for start, end in _SIGNATURES.items() if content.startswith(start)), "")
        if not extension:
            raise place.error(f"the bytes of {uid} are no JPEG, PNG or WebP", "get the file again")
        path = f"{PHOTO_FOLDER}/{uid}{extension}"
        write_file(os.path.join(self.target, PHOTO_FOLDER, uid + extension), [content])
        self.written[uid] = path, digest
        return path

    def series(self) -> tuple[LabelledSeries, ...]:
        """The series, in the order of their first rows; those without a single answer are told of."""
        found = []
        for (split, prompt, number), group in self.groups.items():
            digest = hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()[:16]
            name = "-".join(filter(None, [split, digest, str(number) if number else ""]))
            if not group.pairs and group.ranks is None:
                text = f"no answer counts for the {len(group.paths)} pictures of '{shown(prompt)}'"
                self.remark("unlabelled_photo", group.place, text)
                continue
            others: dict[str, Any] = {"prompt": prompt}
            if group.annotations is not None:
                others["raw_annotations"] = group.annotations
            entry = LabelledSeries(
                series=name,
                photos=tuple(group.paths.values()),
                pairs=tuple(group.pairs),
                ranks=group.ranks,
                category="aigc",
                split=split,
                others=others,
            )
            # Pairs are people's answers here: two of the same pictures are no oddity, and ties are counted by file.
            self.remarks.extend(remarks_on_series(replace(entry, pairs=()), group.place))
            found.append(entry)
        return tuple(found)


def _open(
    path: str, *, with_pictures: bool
) -> tuple[Sequence[str], Iterator[tuple[Place, Mapping[str, Any]]]]:
    """The columns of *path*, and its rows."""
    if path.lower().endswith(".json"):
        entries = _json_entries(path)
        columns = dict.fromkeys(name for entry in entries for name in entry)
        return tuple(columns), (
            (Place(path, number, "entry"), {**dict.fromkeys(columns), **entry})
            for number, entry in enumerate(entries, 1)
        )
    file = open_parquet(path)
    names = tuple(file.schema_arrow.names)
    wanted = [name for name in names if name in _READ and (with_pictures or name not in _PICTURES)]
    return names, _parquet_rows(file, path, wanted, 64 if with_pictures else 4096)


def open_parquet(path: str) -> pyarrow.parquet.ParquetFile:
    """The Parquet file *path*. Raises MissingExtraError without pyarrow, DatasetError for what is no such file."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("Reading Parquet", extra="parquet", path=path) from error
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise Place(path).error("this cannot be read as Parquet", "get the file again") from error


def _parquet_rows(
    file: pyarrow.parquet.ParquetFile, path: str, columns: Sequence[str], size: int
) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    import pyarrow as pa

    number = 0
    with file:
        try:
            for batch in file.iter_batches(size, columns=list(columns)):
                for entry in batch.to_pylist():
                    number += 1
                    yield Place(path, number, "row"), entry
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise Place(path, number + 1, "row").error(
                "from here on it is damaged", "get the file again"
            ) from error


def _json_entries(path: str) -> list[Mapping[str, Any]]:
    try:
        with open(path, encoding="utf-8-sig") as file:
            entries = json.load(file)
    except (ValueError, RecursionError) as error:
        raise Place(path).error(f"this is not JSON ({shown(str(error))})", "get the file again") from error
    except OSError as error:
        raise Place(path).error("this cannot be read", "check its permissions") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Place(path).error("this is not a list of objects", "expected [{...}, ...]")
    return entries


def _uid(value: Any, place: Place) -> str:
    if not isinstance(value, str) or not _UID.fullmatch(value):
        raise place.error(f"a picture's uid is {shown(value)}", "a uid is letters, digits, '-', '_' and '.'")
    return value


def _label(first: Any, second: Any, place: Place) -> float:
    """P(first preferred) from the labels of both pictures."""
    for label in (first, second):
        if not isinstance(label, (int, float)) or not 0 <= label <= 1:
            raise place.error(f"a label is {shown(label)}", "it has to be 0, .5 or 1")
    if not math.isclose(first + second, 1, abs_tol=1e-6):
        raise place.error(f"the labels {first:g} and {second:g} do not add up to 1", "correct the row")
    return float(first)


def _prompt(entry: Mapping[str, Any], place: Place) -> str:
    prompt = next((entry[name] for name in _PROMPTS if entry.get(name) is not None), None)
    if not isinstance(prompt, str):
        raise place.error(f"the prompt is {shown(prompt)}", "it has to be a text")
    return prompt


def _path_list(entry: Mapping[str, Any], place: Place) -> list[str]:
    value = next((entry[name] for name in _PATHS if entry.get(name) is not None), None)
    if not isinstance(value, list) or len(value) < 2:
        raise place.error(f"the pictures are {shown(value)}", "there have to be at least two paths")
    return [photo_name(name, place) for name in value]


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
