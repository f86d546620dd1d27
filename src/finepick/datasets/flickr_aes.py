"""FLICKR-AES as published: every rater's answer in `FLICKR-AES_image_labeled_by_each_worker.csv`, photos in `40K`.

Known from public code that reads it: columns worker, imagePair (the photo's name), score, with blanks after the
commas; scores are 1…5, about five a photo. `FLICKR-AES_image_score.txt` holds `name score` with scores in [0, 1]
and is read where the other is missing. The split of the paper goes by rater, so there is none by photo.
Paper: Ren, Shen, Lin, Mech, Foran, "Personalized image aesthetics", ICCV 2017.
"""

from __future__ import annotations

import re
from collections import Counter

from finepick.datasets.ava import mean_and_spread
from finepick.datasets.files import Place, photo_name, read_table, shown
from finepick.datasets.photo_index import PhotoIndex, find_label_files
from finepick.datasets.rated_tables import TableLayout, read_rated_table
from finepick.datasets.records import Dataset, LabelledPhoto, Remark

RATINGS_FILE = "flickr-aes_image_labeled_by_each_worker.csv"
MEANS_FILE = "flickr-aes_image_score.txt"
LABEL_FILES = re.compile(f"{re.escape(RATINGS_FILE)}|{re.escape(MEANS_FILE)}")
_COLUMNS = ("worker", "imagePair", "score")
_ANSWERS = (1, 2, 3, 4, 5)
_MEANS = TableLayout(
    name="flickr-aes",
    title="FLICKR-AES",
    files={MEANS_FILE: ""},
    scale=(0.0, 1.0),
    photo=("file",),
    score=("score",),
    default="40K/{}",
)


def read_flickr_aes(folder: str) -> Dataset:
    """FLICKR-AES in *folder*: mean, spread, number and votes of every photo's ratings. Raises DatasetError."""
    found = find_label_files(folder, LABEL_FILES)
    if not found:
        raise Place(folder).error(
            "there are no label files of FLICKR-AES here",
            "expected FLICKR-AES_image_labeled_by_each_worker.csv or FLICKR-AES_image_score.txt",
        )
    if RATINGS_FILE not in found:
        return read_rated_table(folder, _MEANS)
    remarks: list[Remark] = []
    if MEANS_FILE in found:
        text = f"{found[MEANS_FILE]} is not read: the ratings themselves are there"
        remarks.append(Remark("not_read", found[MEANS_FILE], text))
    votes, places = _count_votes(found[RATINGS_FILE], remarks)
    index = PhotoIndex(folder)
    photos = []
    for name, counts in votes.items():
        mean, std = mean_and_spread(counts, _ANSWERS)
        photos.append(
            LabelledPhoto(
                file=index.find(name, places[name], default=f"40K/{name}"),
                score=mean,
                std=std,
                n=sum(counts),
                low=1.0,
                high=5.0,
                votes=tuple(map(float, counts)),
            )
        )
    return Dataset("flickr-aes", folder, photos=tuple(photos), remarks=(*remarks, *index.remarks))


def _count_votes(path: str, remarks: list[Remark]) -> tuple[dict[str, list[int]], dict[str, Place]]:
    """How often every photo got 1, 2 … 5, and where it was rated first."""
    table = read_table(path)
    if missing := [column for column in _COLUMNS if column not in table.columns]:
        raise Place(path, 1).error(
            f"there is no column {' and no column '.join(missing)}", f"expected {', '.join(_COLUMNS)}"
        )
    votes: dict[str, list[int]] = {}
    places: dict[str, Place] = {}
    raters: Counter[tuple[str, str]] = Counter()
    for row in table.rows:
        name = photo_name(row.text("imagePair"), row.place)
        score = row.number("score", low=1, high=5)
        if not score.is_integer():
            raise row.place.error(f"score is {row.text('score')}", "answers are 1, 2, 3, 4 and 5")
        places.setdefault(name, row.place)
        votes.setdefault(name, [0] * len(_ANSWERS))[int(score) - 1] += 1
        raters[name, row.text("worker")] += 1
        if raters[name, row.text("worker")] > 1:
            text = f"'{shown(name)}' is rated again by the same person; both answers count"
            remarks.append(Remark("duplicate_photo", str(row.place), text))
    return votes, places
