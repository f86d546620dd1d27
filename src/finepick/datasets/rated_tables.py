"""Data sets that are tables of photos with a mean rating: AADB, TAD66K, ICAA17K, PARA.

What is known of each stands at its layout below; columns go by their names, and a table without them is
refused with a list of what was expected. Columns that are not read are reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from finepick.datasets.ava import mean_and_spread
from finepick.datasets.checks import remarks_across, remarks_on_photo
from finepick.datasets.files import Place, Row, count_of, lines_of, listed, photo_name, read_table, shown
from finepick.datasets.photo_index import PhotoIndex, find_label_files
from finepick.datasets.records import Dataset, LabelledPhoto, Remark

_CLOSE = 0.05


@dataclass(frozen=True, slots=True)
class TableLayout:
    """How one data set is published.

    files: name of a label file (lower case) → split; where *whole* is there alone, it is read without a split.
    photo, score, std, folder, category: accepted names of columns, the first that is there is read; a photo's
    path is the cell of *folder* and that of *photo*. answers: columns with how many gave each answer, lowest
    first, named *votes* + answer. preferred, labels_in: folders to take photos and label files from where several
    have them.
    """

    name: str
    title: str
    files: Mapping[str, str]
    scale: tuple[float, float]
    photo: tuple[str, ...]
    score: tuple[str, ...]
    whole: str = ""
    std: tuple[str, ...] = ()
    folder: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    votes: str = ""
    answers: tuple[float, ...] = ()
    preferred: tuple[str, ...] = ()
    labels_in: str = ""
    default: str = "{}"

    @property
    def label_files(self) -> re.Pattern[str]:
        names = [*self.files, self.whole] if self.whole else [*self.files]
        return re.compile("|".join(map(re.escape, names)))


# Known from public code that reads it: `name score` a line, score in [0, 1] (the mean of five raters' 1…5);
# labels in imgListFiles_label, photos in datasetImages_originalSize (test: AADB_newtest_originalSize), and the
# same photos at 256×256 beside them. Kong et al., ECCV 2016.
AADB = TableLayout(
    name="aadb",
    title="AADB",
    files={
        "imglisttrainregression_score.txt": "train",
        "imglistvalidationregression_score.txt": "val",
        "imglisttestnewregression_score.txt": "test",
    },
    scale=(0.0, 1.0),
    photo=("file",),
    score=("score",),
    preferred=("originalSize",),
    default="datasetImages_originalSize/{}",
)

# Known from the authors' code (columns image, score; scores are divided by ten) and from public code that names
# labels/merge/train.csv and test.csv. That the scale begins at 0 is ours: the paper's sheet was not seen.
# He et al., IJCAI 2022.
TAD66K = TableLayout(
    name="tad66k",
    title="TAD66K",
    files={"train.csv": "train", "test.csv": "test"},
    scale=(0.0, 10.0),
    photo=("image", "img", "filename", "file"),
    score=("score", "mean", "mos"),
    category=("theme",),
    labels_in="merge",
)

# Known from the authors' repository: 1train.csv, 1test.csv, 1all.csv with the columns ID (path below the photos'
# folder), color, MOS, probability; MOS and color are divided by ten. That the scale begins at 0 is ours.
# He et al., ICCV 2023.
ICAA17K = TableLayout(
    name="icaa17k",
    title="ICAA17K",
    files={"1train.csv": "train", "1test.csv": "test"},
    whole="1all.csv",
    scale=(0.0, 10.0),
    photo=("ID",),
    score=("MOS",),
)
# The same photos by the beauty of their colours.
ICAA17K_COLOR = replace(ICAA17K, name="icaa17k-color", score=("color",))

# Known from public code that reads it: annotation/PARA-GiaaTrain.csv and PARA-GiaaTest.csv with sessionId,
# imageName, aestheticScore_mean, aestheticScore_std, counts aestheticScore_1.0 … aestheticScore_5.0 in steps
# of a half, and semantic; photos in imgs/{sessionId}/{imageName}. Yang et al., CVPR 2022.
PARA = TableLayout(
    name="para",
    title="PARA",
    files={"para-giaatrain.csv": "train", "para-giaatest.csv": "test"},
    whole="para-giaaall.csv",
    scale=(1.0, 5.0),
    photo=("imageName",),
    folder=("sessionId",),
    score=("aestheticScore_mean",),
    std=("aestheticScore_std",),
    category=("semantic",),
    votes="aestheticScore_",
    answers=(1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0),
    default="imgs/{}",
)

LAYOUTS = (AADB, TAD66K, ICAA17K, ICAA17K_COLOR, PARA)


def has_rated_table(folder: str, layout: TableLayout) -> bool:
    """Whether a label file of *layout* with its columns is in *folder*. Raises DatasetError."""
    found = find_label_files(folder, layout.label_files, preferred=layout.labels_in)
    return any(path.lower().endswith(".txt") or _has_columns(path, layout) for path in found.values())


def _has_columns(path: str, layout: TableLayout) -> bool:
    columns = {name.lower() for name in read_table(path).columns}
    needed = [names for names in (layout.photo, layout.score, layout.folder) if names]
    return all(any(name.lower() in columns for name in names) for names in needed)


def read_rated_table(folder: str, layout: TableLayout) -> Dataset:
    """The data set of *layout* in *folder*; whichever of its label files are there. Raises DatasetError."""
    found = find_label_files(folder, layout.label_files, preferred=layout.labels_in)
    remarks: list[Remark] = []
    splits = {found[name]: split for name, split in layout.files.items() if name in found}
    if layout.whole in found:
        if splits:
            text = f"{found[layout.whole]} is not read: there are lists for the splits"
            remarks.append(Remark("not_read", found[layout.whole], text))
        else:
            splits[found[layout.whole]] = ""
    if not splits:
        raise Place(folder).error(
            f"there are no label files of {layout.title} here",
            f"expected any of {', '.join([*layout.files, *filter(None, [layout.whole])])}",
        )
    index = PhotoIndex(folder, layout.preferred)
    photos: list[LabelledPhoto] = []
    seen: dict[str, Place] = {}
    for path, split in splits.items():
        for row in _rows(path, layout, remarks):
            photo = _photo(row, layout, split, index, remarks)
            if photo.file in seen:
                text = f"'{shown(photo.file)}' is rated again (first at {seen[photo.file]})"
                remarks.append(Remark("duplicate_photo", str(row.place), text))
            seen.setdefault(photo.file, row.place)
            remarks.extend(remarks_on_photo(photo, row.place))
            photos.append(photo)
    remarks.extend(remarks_across((), photos, Place(folder)))
    return Dataset(layout.name, folder, photos=tuple(photos), remarks=(*remarks, *index.remarks))


def _rows(path: str, layout: TableLayout, remarks: list[Remark]) -> Iterator[Row]:
    """The rows of *path* with the layout's columns under the first of their names."""
    if path.lower().endswith(".txt"):
        yield from _lines(path)
        return
    table = read_table(path)
    names = {
        wanted[0]: _column(wanted, table.columns, Place(path, 1), needed=needed)
        for wanted, needed in (
            (layout.photo, True),
            (layout.score, True),
            (layout.folder, True),
            (layout.std, False),
            (layout.category, False),
        )
        if wanted
    }
    votes = [layout.votes + str(answer) for answer in layout.answers]
    if not set(votes) <= set(table.columns):
        votes = []
    unused = [name for name in table.columns if name not in {*names.values(), *votes}]
    if unused:
        remarks.append(Remark("unknown_column", str(Place(path, 1)), f"not read: {listed(unused)}"))
    for row in table.rows:
        cells = {ours: row.cells[theirs] for ours, theirs in names.items() if theirs}
        yield Row(row.place, cells | {name: row.cells[name] for name in votes})


def _column(wanted: tuple[str, ...], columns: tuple[str, ...], place: Place, *, needed: bool) -> str | None:
    lower = {name.lower(): name for name in columns}
    for name in wanted:
        if name.lower() in lower:
            return lower[name.lower()]
    if needed:
        raise place.error(
            f"there is no column {' or '.join(wanted)}, but {listed(columns, 12)}",
            "name the columns as the data set was published",
        )
    return None


def _lines(path: str) -> Iterator[Row]:
    for place, text in lines_of(path):
        cells = text.split()
        if not cells:
            continue
        if len(cells) != 2:
            raise place.error(f"{len(cells)} words instead of two", "a line is: name of the photo, score")
        yield Row(place, {"file": cells[0], "score": cells[1]})


def _photo(
    row: Row, layout: TableLayout, split: str, index: PhotoIndex, remarks: list[Remark]
) -> LabelledPhoto:
    parts = [row.text(column[0]) for column in (layout.folder, layout.photo) if column]
    for part in parts:
        if not part:
            raise row.place.error("the photo's name is missing", "correct the row or take it out")
    name = photo_name("/".join(parts), row.place)
    votes = _votes(row, layout)
    score = row.number(layout.score[0])
    std = row.number_or_none(layout.std[0], low=0) if layout.std else None
    if votes is not None:
        mean, spread = mean_and_spread(votes, layout.answers)
        if abs(mean - score) > _CLOSE:
            text = f"'{shown(name)}' has the mean {score:g}, but that of its votes is {mean:.3f}"
            remarks.append(Remark("contradicts_votes", str(row.place), text))
        std = spread if std is None else std
    return LabelledPhoto(
        file=index.find(name, row.place, default=layout.default.format(name)),
        score=score,
        std=std,
        n=None if votes is None else round(sum(votes)),
        low=layout.scale[0],
        high=layout.scale[1],
        votes=votes,
        category=row.text(layout.category[0]) if layout.category else "",
        split=split,
    )


def _votes(row: Row, layout: TableLayout) -> tuple[float, ...] | None:
    cells = [row.text(layout.votes + str(answer)) for answer in layout.answers]
    if not cells or not all(cells):
        return None
    votes = tuple(float(count_of(cell, "a number of votes", row.place)) for cell in cells)
    return votes if sum(votes) else None
