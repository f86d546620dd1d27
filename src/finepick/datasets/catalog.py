"""Every data set that can be read by name, and the way from a name or a folder to a `Dataset`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from finepick.datasets import ava, fgaesthetics, flickr_aes, photo_triage, rated_tables
from finepick.datasets.agiqa import has_agiqa, read_agiqa
from finepick.datasets.files import Place, shown
from finepick.datasets.manifest import COARSE_FILE, SERIES_FILE, is_manifest, read_manifest
from finepick.datasets.parquet import PAIRS_FILE, PHOTOS_FILE, is_parquet_dataset, read_parquet
from finepick.datasets.photo_index import find_label_files
from finepick.datasets.preferences import find_preference_files, read_preferences
from finepick.datasets.rated_tables import TableLayout, has_rated_table, read_rated_table
from finepick.datasets.records import Dataset
from finepick.datasets.splits import SPLITS_FILE, apply_splits, check_splits
from finepick.errors import DatasetError, PathNotFoundError

_ASK = "not stated in the files; ask its authors before anything but research"


@dataclass(frozen=True, slots=True)
class KnownDataset:
    """A published data set: how it is read, where its photos' rights are, whom to cite, which files are expected.

    is_here: whether a folder looks like it; what only a name can tell apart says no.
    """

    name: str
    title: str
    read: Callable[[str], Dataset]
    is_here: Callable[[str], bool]
    files: str
    citation: str
    licence: str = _ASK


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda folder: bool(find_label_files(folder, pattern))


def _never(folder: str) -> bool:
    return False


def _table(layout: TableLayout, citation: str, *, licence: str = _ASK, by_name: bool = False) -> KnownDataset:
    return KnownDataset(
        layout.name,
        layout.title,
        partial(read_rated_table, layout=layout),
        _never if by_name else partial(has_rated_table, layout=layout),
        ", ".join([*layout.files, *filter(None, [layout.whole])]) + ", in any case",
        citation,
        licence,
    )


KNOWN: tuple[KnownDataset, ...] = (
    KnownDataset(
        "fgaesthetics",
        "FGAesthetics",
        fgaesthetics.read_fgaesthetics,
        _matches(fgaesthetics.LABEL_FILES),
        "{natural,aigc,cropping}_{train,val,test}.txt and photos 000009-01.jpg, flat or in folders 000009",
        "Fine-grained Image Aesthetic Assessment: Learning Discriminative Scores from Relative Ranks, CVPR 2026",
    ),
    KnownDataset(
        "photo-triage",
        "Princeton Photo Triage",
        photo_triage.read_photo_triage,
        _matches(photo_triage.LABEL_FILES),
        "train_pairlist.txt, val_pairlist.txt and photos 000001-01.JPG",
        "Chang et al., Automatic Triage for a Photo Series, ACM Transactions on Graphics 35(4), 2016",
    ),
    KnownDataset(
        "ava",
        "AVA",
        ava.read_ava,
        _matches(ava.LABEL_FILES),
        "AVA.txt, aesthetics_image_lists/generic_ls_train.jpgl and generic_test.jpgl, photos 953619.jpg",
        "Murray, Marchesotti, Perronnin, AVA: A large-scale database for aesthetic visual analysis, CVPR 2012",
        "photos belong to their photographers; research only",
    ),
    _table(
        rated_tables.AADB,
        "Kong et al., Photo Aesthetics Ranking Network with Attributes and Content Adaptation, ECCV 2016",
    ),
    _table(
        rated_tables.TAD66K,
        "He et al., Rethinking Image Aesthetics Assessment: Models, Datasets and Benchmarks, IJCAI 2022",
    ),
    _table(
        rated_tables.ICAA17K,
        "He et al., Thinking Image Color Aesthetics Assessment: Models, Datasets and Benchmarks, ICCV 2023",
    ),
    _table(
        rated_tables.ICAA17K_COLOR,
        "He et al., Thinking Image Color Aesthetics Assessment: Models, Datasets and Benchmarks, ICCV 2023",
        by_name=True,
    ),
    _table(
        rated_tables.PARA,
        "Yang et al., Personalized Image Aesthetics Assessment with Rich Attributes, CVPR 2022",
        licence="given on request, for research only",
    ),
    KnownDataset(
        "flickr-aes",
        "FLICKR-AES",
        flickr_aes.read_flickr_aes,
        _matches(flickr_aes.LABEL_FILES),
        "FLICKR-AES_image_labeled_by_each_worker.csv (or FLICKR-AES_image_score.txt), photos in 40K",
        "Ren et al., Personalized Image Aesthetics, ICCV 2017",
        "photos under Creative Commons licences of their photographers",
    ),
    KnownDataset(
        "agiqa-3k",
        "AGIQA-3K",
        read_agiqa,
        has_agiqa,
        "data.csv with name, prompt, mos_quality, std_quality, mos_align, std_align, and photos beside it",
        "Li et al., AGIQA-3K: An Open Database for AI-Generated Image Quality Assessment, TCSVT 2023",
        "MIT",
    ),
    KnownDataset(
        "pick-a-pic",
        "Pick-a-Pic",
        partial(read_preferences, name="pick-a-pic"),
        lambda folder: bool(find_preference_files(folder)),
        "Parquet files with caption, image_0_uid, image_1_uid, label_0, label_1 and, to have pictures, jpg_0, jpg_1",
        "Kirstain et al., Pick-a-Pic: An Open Dataset of User Preferences for Text-to-Image Generation, NeurIPS 2023",
    ),
    KnownDataset(
        "hpd",
        "Human Preference Dataset (v2, v3)",
        partial(read_preferences, name="hpd"),
        _never,
        "Parquet files or train.json, test.json with prompt and file_path, human_preference; or image_path, rank; "
        "or path1, path2",
        "Wu et al., Human Preference Score v2, 2023; Ma et al., HPSv3, ICCV 2025",
        "v2 Apache-2.0, v3 MIT, by their cards; pictures are generated, some of v3 are photographs",
    ),
)


def known_dataset(name: str) -> KnownDataset:
    """The entry called *name*; case, blanks and punctuation do not matter. Raises DatasetError."""
    for entry in KNOWN:
        if _bare(entry.name) == _bare(name):
            return entry
    names = ", ".join(entry.name for entry in KNOWN)
    raise DatasetError(
        f"'{shown(name)}' is neither a folder nor a known data set; known are {names}", path=name
    )


def _bare(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())


def load_dataset(name_or_folder: str, root: str | None = None) -> Dataset:
    """The data set in a folder, or the one with a known name in the folder *root*.

    A folder with `series.jsonl` or `coarse.csv` is a data set by itself; so is one that `write_parquet` wrote;
    else its files tell which of the known ones it is. A `splits.json` in the folder gives the splits to a data set
    that has none, and is checked against one that has.
    Raises PathNotFoundError, DatasetError (for what is malformed, with file and line), MissingExtraError.
    """
    if root is not None:
        entry = known_dataset(name_or_folder)
        return _with_splits(entry.read(_require_folder(root)))
    folder = name_or_folder
    if os.path.basename(folder) in (SERIES_FILE, COARSE_FILE) and os.path.isfile(folder):
        folder = os.path.dirname(folder) or os.curdir
    if os.path.isdir(folder):
        return _with_splits(_read_folder(folder))
    if os.path.lexists(folder):
        raise Place(folder).error("this is not a folder", "name the folder that the data set is in")
    if os.path.dirname(folder):
        return _read_folder(_require_folder(folder))
    entry = known_dataset(folder)
    raise DatasetError(f"where is {entry.title}? say so with --root DIR; expected there: {entry.files}")


def _require_folder(folder: str) -> str:
    if not os.path.isdir(folder):
        raise PathNotFoundError(f"'{shown(folder)}' is not a folder; check the spelling", path=folder)
    return folder


def _read_folder(folder: str) -> Dataset:
    if is_manifest(folder):
        return read_manifest(folder)
    if is_parquet_dataset(folder):
        return read_parquet(folder)
    found, error = _look_alikes(folder)
    if len(found) == 1:
        return found[0].read(folder)
    if found:
        raise Place(folder).error(
            f"this could be {' or '.join(entry.name for entry in found)}",
            "say which by its name, with --root",
        )
    if error is not None:
        raise error
    names = ", ".join(entry.name for entry in KNOWN)
    raise Place(folder).error(
        "there is no data set here that is known",
        f"expected {SERIES_FILE}, {COARSE_FILE}, {PHOTOS_FILE} with {PAIRS_FILE}, or the files of one of {names}",
    )


def _look_alikes(folder: str) -> tuple[list[KnownDataset], DatasetError | None]:
    """The known data sets that *folder* looks like, and the first thing that kept one from being told."""
    found: list[KnownDataset] = []
    first_error: DatasetError | None = None
    for entry in KNOWN:
        if entry.name == "pick-a-pic" and found:
            continue  # any Parquet file looks like it
        try:
            if entry.is_here(folder):
                found.append(entry)
        except DatasetError as error:
            first_error = first_error or error
    return found, first_error


def _with_splits(dataset: Dataset) -> Dataset:
    path = os.path.join(dataset.folder, SPLITS_FILE)
    if not os.path.lexists(path):
        return dataset
    splits = {entry.split for entry in dataset.series} | {entry.split for entry in dataset.photos}
    if splits <= {""}:
        return apply_splits(dataset, path)
    check_splits(dataset, path)
    return dataset
