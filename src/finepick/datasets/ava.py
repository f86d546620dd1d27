"""AVA as published: `AVA.txt`, photos called after their id, and lists of ids for the splits.

Known from the data set's own notes: fifteen numbers a row, parted by blanks: a running number, the photo's id, how
many people gave 1, 2 … 10, two semantic tags, a challenge. `aesthetics_image_lists/generic_ls_train.jpgl` and
`generic_test.jpgl` hold an id a line: the usual split. Some ids of the list have no photo any more.
Paper: Murray, Marchesotti, Perronnin, "AVA: A large-scale database for aesthetic visual analysis", CVPR 2012.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

import numpy as np

from finepick.datasets.checks import remarks_across
from finepick.datasets.files import Place, count_of, lines_of
from finepick.datasets.photo_index import PhotoIndex, find_label_files
from finepick.datasets.records import Dataset, LabelledPhoto, Remark

LABEL_FILES = re.compile(r"ava\.txt")
_SPLIT_FILES = {"generic_ls_train.jpgl": "train", "generic_test.jpgl": "test"}
_COLUMNS = 15


def read_ava(folder: str) -> Dataset:
    """AVA in *folder*: a photo's score is the mean of its votes, `votes` all ten counts. Raises DatasetError."""
    found = find_label_files(folder, LABEL_FILES)
    if not found:
        raise Place(folder).error("there are no label files of AVA here", "expected AVA.txt")
    path = found["ava.txt"]
    remarks = [Remark("not_kept", path, "semantic tags and challenges are not read")]
    splits = _read_splits(folder, remarks)
    index = PhotoIndex(folder)
    photos = tuple(_read(path, splits, index, remarks))
    for name in sorted(splits.keys() - {_id(photo) for photo in photos}):
        remarks.append(Remark("unlabelled_photo", path, f"photo {name} of a split list has no votes"))
    remarks.extend(remarks_across((), photos, Place(path)))
    return Dataset("ava", folder, photos=photos, remarks=(*remarks, *index.remarks))


def _id(photo: LabelledPhoto) -> str:
    return os.path.splitext(os.path.basename(photo.file))[0]


def _read_splits(folder: str, remarks: list[Remark]) -> Mapping[str, str]:
    found = find_label_files(folder, re.compile("|".join(map(re.escape, _SPLIT_FILES))))
    if len(found) < len(_SPLIT_FILES):
        text = f"no split: expected {' and '.join(_SPLIT_FILES)} in aesthetics_image_lists"
        remarks.append(Remark("no_split", folder, text))
        return {}
    splits: dict[str, str] = {}
    for name, split in _SPLIT_FILES.items():
        for place, text in lines_of(found[name]):
            if text.strip():
                key = str(count_of(text.strip(), "the id of a photo", place))
                if splits.setdefault(key, split) != split:
                    raise place.error(f"photo {key} is in both lists", "take it out of one of them")
    return splits


def _read(
    path: str, splits: Mapping[str, str], index: PhotoIndex, remarks: list[Remark]
) -> Iterator[LabelledPhoto]:
    seen: dict[str, Place] = {}
    for place, text in lines_of(path):
        cells = text.split()
        if not cells:
            continue
        if len(cells) != _COLUMNS:
            raise place.error(
                f"{len(cells)} numbers instead of {_COLUMNS}",
                "a row is: number, id, ten counts of votes, two tags, challenge",
            )
        numbers = [count_of(cell, "a number", place) for cell in cells]
        name, votes = str(numbers[1]), numbers[2:12]
        if not sum(votes):
            raise place.error(f"nobody voted on photo {name}", "correct the row or take it out")
        if name in seen:
            text = f"photo {name} is rated again (first at {seen[name]})"
            remarks.append(Remark("duplicate_photo", str(place), text))
        seen.setdefault(name, place)
        mean, std = mean_and_spread(votes, np.arange(1, 11))
        yield LabelledPhoto(
            file=index.find(name, place, default=f"images/{name}.jpg"),
            score=mean,
            std=std,
            n=sum(votes),
            low=1.0,
            high=10.0,
            votes=tuple(map(float, votes)),
            split=splits.get(name, ""),
        )


def mean_and_spread(votes: object, answers: object) -> tuple[float, float]:
    """Mean and standard deviation (of the people asked: divided by n) of *answers*, given *votes* times each."""
    counts, values = np.asarray(votes, np.float64), np.asarray(answers, np.float64)
    mean = float(counts @ values / counts.sum())
    return mean, float(np.sqrt(counts @ (values - mean) ** 2 / counts.sum()))
