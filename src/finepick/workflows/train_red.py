"""Teach a multimodal language model by what edits did to pictures, and tie its ratings to the scale 1…10."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from finepick.datasets.catalog import load_dataset
from finepick.datasets.judged_edits import SPLIT_FILES, read_judged_edits
from finepick.datasets.judged_pairs import JudgedPair
from finepick.datasets.records import LabelledPhoto
from finepick.datasets.targets import mapped_mean, photos_of
from finepick.domain import Photo
from finepick.errors import DatasetError, UsageError
from finepick.exports.writing import atomic_write, make_folder
from finepick.scorers.red_aes.pictures import picture_view
from finepick.scorers.red_aes.weight_folders import base_of
from finepick.workflows.library import Library, SeriesFrames

if TYPE_CHECKING:
    from finepick.training.processes import Processes
    from finepick.training.record import Row

SHOWN, ORIGINALS = "pictures", "originals"


@dataclass(frozen=True, slots=True)
class RedRequest:
    """What to teach on what.

    pairs: projects of `red build`, or data sets of series; what they say in the split *train* is learned.
    recipe: a name in `training.red.recipes`. model: folder of the model to begin with; None = a tiny one from
    scratch. stages: some of "see", "rate", "agree". scale: data sets of rated photos that the scale 1…10 is
    fitted on; none = no fit. options: in place of the recipe's own.
    """

    pairs: tuple[str, ...]
    folder: str
    recipe: str = "tiny"
    model: str | None = None
    stages: tuple[str, ...] = ("see", "rate", "agree")
    scale: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from finepick.training.red.recipes import RECIPES, STAGES

        if self.recipe not in RECIPES:
            raise UsageError(f"unknown recipe '{self.recipe}'; use one of {', '.join(RECIPES)}")
        unknown = [stage for stage in self.stages if stage not in STAGES]
        if unknown or not self.stages:
            raise UsageError(f"unknown stage '{''.join(unknown[:1])}'; use some of {', '.join(STAGES)}")
        if self.model is not None:
            base_of(self.model)
        elif self.recipe != "tiny":
            raise UsageError(
                f"the recipe '{self.recipe}' begins with a model; name its folder with --model (only 'tiny' "
                "needs none)"
            )


@dataclass(frozen=True, slots=True)
class Taught:
    """model: the folder of what was made last. fingerprint: of the scorer that it is."""

    model: str
    fingerprint: str


def train_red(
    library: Library,
    request: RedRequest,
    *,
    on_log: Callable[[Row], None] = lambda row: None,
    processes: Processes | None = None,
    device: str = "auto",
) -> Taught:
    """The model taught as *request* says; a run that was stopped goes on.

    Raises UsageError, DatasetError, WeightsError, OutputError, MissingExtraError.
    """
    from finepick.training.processes import Processes
    from finepick.training.red.recipes import RECIPES
    from finepick.training.red.run import RedRun
    from finepick.training.red.run import train_red as run

    recipe = replace(RECIPES[request.recipe], **request.options)
    processes = processes or Processes()
    with processes.main_first():
        pairs = list(_pairs(request.pairs, request.folder))
        if not pairs:
            raise DatasetError(
                "nothing to learn from: no pairs in the split 'train' (edits get one with 'finepick edit --pairs … "
                "--split train')"
            )
        files = _shown_files(library, request.folder, pairs, recipe.pixels)
    if len(pairs) < recipe.pairs_at_once * processes.count and "agree" in request.stages:
        raise DatasetError(
            f"{len(pairs)} pairs do not fill one batch of {recipe.pairs_at_once * processes.count}; "
            "give more, or a smaller --pairs-at-once"
        )
    taught = run(
        RedRun(pairs, files, request.folder, recipe, request.model, request.stages),
        on_log=on_log,
        processes=processes,
    )
    if request.scale and processes.is_main:
        fit_card(library, taught, request.scale, device=device)
    from finepick.scorers.red_aes.loading import load_red_aes

    return Taught(taught, load_red_aes(taught, "cpu", "series").info.fingerprint)


def fit_card(library: Library, place: str, datasets: Sequence[str], *, device: str = "auto") -> int:
    """Fit the scale 1…10 of the model at *place* on rated photos of *datasets* and write it into its card.

    Of the splits *train* and *val*; *test* is never looked at. The number of photos. Raises DatasetError where
    they are too few or the order is not in them, WeightsError, OutputError, ImageError.
    """
    from finepick.scorers.red_aes.card import find_card, read_card
    from finepick.scorers.red_aes.loading import load_red_aes
    from finepick.scorers.red_aes.ratings import fit_scale

    rated = list(_rated(datasets))
    photos = _read(library, [one.file for one in rated])
    scorer = load_red_aes(place, device, "series")
    ratings = scorer.ratings(SeriesFrames(library, [photos[one.file] for one in rated]))
    scale = fit_scale(ratings, np.array([mapped_mean(one) for one in rated]))
    card = find_card(place)
    fitted = replace(read_card(card), shift=scale.shift, slope=scale.slope)
    atomic_write(card, fitted.to_json().encode())
    return len(rated)


def _pairs(names: Sequence[str], folder: str) -> Iterator[JudgedPair]:
    from finepick.training.red.pairs import pairs_of_series

    for name in names:
        built = _built(name)
        if built is not None:
            yield from _edits_in(built, os.path.join(folder, ORIGINALS))
            continue
        dataset = load_dataset(name)
        for series in dataset.series:
            if series.split == "train" and len(series.photos) > 1:
                yield from pairs_of_series(series, dataset.folder)


def _built(name: str) -> str | None:
    """What `red build` made to learn from, where *name* is its project or its data set."""
    places = [os.path.join(name, *below, SPLIT_FILES["train"]) for below in ((), ("dataset",))]
    return next((place for place in places if os.path.isfile(place)), None)


def _edits_in(path: str, folder: str) -> Iterator[JudgedPair]:
    """The pairs in the table at *path*, their pictures as files in *folder*."""
    make_folder(folder)
    for row in read_judged_edits(path):
        edited, source = (_file_of(picture, folder) for picture in (row.edited, row.source))
        yield JudgedPair(edited, source, row.difference, row.thought or None, row.thought_of_source or None)


def _file_of(picture: bytes, folder: str) -> str:
    path = os.path.join(folder, f"{hashlib.sha256(picture).hexdigest()}.jpg")
    if not os.path.exists(path):
        atomic_write(path, picture)
    return path


def _rated(names: Sequence[str]) -> Iterator[LabelledPhoto]:
    for name in names:
        dataset = load_dataset(name)
        rated = [*dataset.photos, *(photo for one in dataset.series for photo in photos_of(one))]
        for photo in rated:
            if photo.split in ("train", "val"):
                yield replace(photo, file=os.path.join(dataset.folder, photo.file))


def _shown_files(library: Library, folder: str, pairs: Sequence[JudgedPair], pixels: int) -> dict[str, str]:
    """By path, the JPEG of each picture as the model is shown it; made once, kept in *folder*."""
    paths = sorted({path for pair in pairs for path in (pair.a, pair.b)})
    photos = _read(library, paths)
    shown = os.path.join(folder, SHOWN)
    make_folder(shown)
    files = {path: os.path.join(shown, f"{photos[path].digest}-{pixels}.jpg") for path in paths}
    missing = [
        path for path in {files[path]: path for path in paths}.values() if not os.path.exists(files[path])
    ]
    library.progress.stage("shrinking pictures", len(missing))
    views = (picture_view(number, pixels) for number in range(len(missing)))
    for path, arrays in zip(missing, library.views([photos[path] for path in missing], views), strict=True):
        atomic_write(files[path], arrays["jpeg"].tobytes())
        library.progress.step()
    return files


def _read(library: Library, paths: Sequence[str]) -> dict[str, Photo]:
    """Every photo by its path. Raises DatasetError where one cannot be read: nothing is left out silently."""
    if not paths:
        raise DatasetError(
            "no rated photos in the splits 'train' and 'val'; name another data set with --scale"
        )
    return library.read_all(paths)
