"""The model in the wheel, taught anew: a teacher's eye, edits that hurt, what people said; one file comes of it."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finepick.datasets.catalog import load_dataset
from finepick.datasets.manifest import is_manifest
from finepick.datasets.records import Dataset, LabelledPhoto, LabelledSeries
from finepick.domain import FloatArray, Photo
from finepick.errors import DatasetError, UsageError
from finepick.scorers.base import View
from finepick.scorers.fgaesq.weight_files import written_whole
from finepick.settings import WORKING_SIDE
from finepick.workflows.leaks import shown_in_both
from finepick.workflows.library import Library, SeriesFrames

if TYPE_CHECKING:
    from finepick.scorers.builtin.scorer import Blends
    from finepick.training.builtin.features import Features
    from finepick.training.builtin.heads import Examples, Fit, Heads
    from finepick.training.builtin.network import Student
    from finepick.training.builtin.teacher import Teacher

NETWORK = "builtin.onnx"
SEEING = "seeing.onnx"  # the same network before it can judge
EDITED = "edited.npy"

HURT_SIDE = 640
"""The long side of photos that are hurt as wholes, in pixels."""

GAP = 0.075
"""People's means that lie closer than this part of their scale are no pair that anybody can be wrong about."""


@dataclass(frozen=True, slots=True)
class BuiltinRequest:
    """data: a folder of data sets, with `teacher/` and folders of plain photos (`photos.csv`) among them; only their
    *train* rows teach. folder: where the run is kept. steps: lessons in all. rounds: edited groups a photo. series:
    edited photos that soundness is learned from."""

    data: str
    folder: str
    steps: int = 15_000
    rounds: int = 1
    series: int = 400
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "rounds", "series"):
            if getattr(self, name) < 1:
                raise UsageError(f"--{name} must be 1 or more")


@dataclass(frozen=True, slots=True)
class _Corpus:
    teacher: str
    datasets: list[Dataset]
    plain: list[str]

    def series(self, split: str) -> Iterator[tuple[Dataset, LabelledSeries]]:
        for dataset in self.datasets:
            for one in dataset.series:
                if one.split == split and _values(one) is not None:
                    yield dataset, one

    def rated(self, split: str) -> Iterator[tuple[str, LabelledPhoto]]:
        for dataset in self.datasets:
            for photo in dataset.photos:
                if photo.split == split:
                    yield os.path.join(dataset.folder, photo.file), photo

    def taught(self) -> list[str]:
        """Paths of all photos that teach."""
        labelled = [os.path.join(d.folder, file) for d, one in self.series("train") for file in one.photos]
        return list(dict.fromkeys([*self.plain, *labelled, *(path for path, _ in self.rated("train"))]))


def train_builtin(
    library: Library,
    request: BuiltinRequest,
    *,
    tell: Callable[[str], None] = lambda line: None,
) -> str:
    """The path of a model taught as *request* says, for `--model`; a run that was stopped goes on.

    Raises UsageError, DatasetError, WeightsError, OutputError, MissingExtraError.
    """
    from finepick.training.builtin.export import exported, with_facts
    from finepick.training.builtin.teacher import read_teacher

    os.makedirs(request.folder, exist_ok=True)
    corpus = _read_corpus(request.data)
    photos = _read(library, corpus)
    teacher = read_teacher(corpus.teacher)
    tell(f"{len(corpus.taught())} photos teach")
    student = _distilled(library, request, corpus, photos, teacher, tell)
    heads, fits = _heads(library, request, corpus, photos, student, teacher, tell)
    folder = os.path.abspath(request.folder)
    model = exported(student, heads, {"blends": "{}"})
    _write(os.path.join(folder, SEEING), model)
    blends = _blends(library, corpus, photos, os.path.join(folder, SEEING), fits, tell)
    path = os.path.join(folder, NETWORK)
    _write(path, with_facts(model, {"blends": blends.to_json(), "made by": "finepick train builtin"}))
    return path


def _read_corpus(data: str) -> _Corpus:
    """Raises DatasetError, PathNotFoundError."""
    if not os.path.isdir(data):
        raise DatasetError(f"'{data}' is not a folder; name the folder that the data sets are in", path=data)
    datasets, plain, teachers = [], [], []
    for name in sorted(os.listdir(data)):
        folder = os.path.join(data, name)
        if os.path.isdir(folder) and is_manifest(folder):
            datasets.append(load_dataset(folder))
        elif os.path.isfile(os.path.join(folder, "photos.csv")):
            with open(os.path.join(folder, "photos.csv"), encoding="utf-8", newline="") as file:
                plain += [os.path.join(folder, row["file"]) for row in csv.DictReader(file)]
        elif os.path.isdir(folder):
            teachers += [
                os.path.join(folder, one) for one in sorted(os.listdir(folder)) if one.endswith(".tflite")
            ]
    if not datasets:
        raise DatasetError(
            f"there is no data set in '{data}'; expected folders with series.jsonl or coarse.csv", path=data
        )
    if len(teachers) != 1:
        raise DatasetError(
            f"there are {len(teachers)} teachers in '{data}'; put one .tflite into a folder of its own there",
            path=data,
        )
    return _Corpus(teachers[0], datasets, plain)


def _read(library: Library, corpus: _Corpus) -> dict[str, Photo]:
    """Every photo of the corpus by its path, whatever its split. Raises DatasetError where one cannot be read, or
    where one that teaches is one that *test* asks about."""
    paths = {split: [] for split in ("train", "val", "test")}  # type: dict[str, list[str]]
    for split, found in paths.items():
        found += [os.path.join(d.folder, file) for d, one in corpus.series(split) for file in one.photos]
        found += [path for path, _ in corpus.rated(split)]
    photos = library.read_all([*corpus.plain, *(path for found in paths.values() for path in found)])
    taught, tested = ([photos[path] for path in some] for some in (corpus.taught(), paths["test"]))
    for one, other in shown_in_both(library, taught, tested):
        raise DatasetError(
            f"'{one.path}' would teach, and '{other.path}', which shows the same, is in test; move one of them",
            path=one.path,
        )
    return photos


def _distilled(
    library: Library,
    request: BuiltinRequest,
    corpus: _Corpus,
    photos: Mapping[str, Photo],
    teacher: Teacher,
    tell: Callable[[str], None],
) -> Student:
    from finepick.training.builtin.distil import Settings, distil
    from finepick.training.builtin.lessons import Lessons
    from finepick.training.builtin.views import CANVAS, Canvases

    taught = [photos[path] for path in corpus.taught()]
    groups = _edited(library, request, taught)
    frames = SeriesFrames(library, taught)
    canvases = Canvases([frames.frame(index, CANVAS) for index in range(len(frames))])
    lessons = Lessons(canvases, groups, teacher, seed=request.seed)
    settings = Settings(steps=request.steps, seed=request.seed)
    library.progress.stage("learning from the teacher", settings.steps)

    def report(step: int, losses: dict[str, float]) -> None:
        tell(f"step {step}: " + ", ".join(f"{name} {loss:.3f}" for name, loss in losses.items()))

    return distil(lessons, settings, request.folder, report=report, step_done=library.progress.step)


def _edited(library: Library, request: BuiltinRequest, photos: Sequence[Photo]) -> NDArray[np.uint8]:
    """Edited parts of all *photos*, on disk; those of an earlier run in the same folder are taken as they are."""
    from finepick.training.builtin.edited import EDITED as COUNT
    from finepick.training.builtin.edited import SIDE
    from finepick.training.builtin.views import CANVAS

    path = os.path.join(request.folder, EDITED)
    shape = (len(photos) * request.rounds, 1 + COUNT, SIDE, SIDE, 3)
    if os.path.exists(path):
        made: NDArray[np.uint8] = np.load(path, mmap_mode="r")
        if made.shape == shape:
            return made
    library.progress.stage("editing photos", shape[0])
    groups = np.lib.format.open_memmap(path + ".part", mode="w+", dtype=np.uint8, shape=shape)
    function = "finepick.training.builtin.edited:edited_view"
    views = (
        View(index, CANVAS, function, {"seed": [request.seed, turn, index]})
        for turn in range(request.rounds)
        for index in range(len(photos))
    )
    for place, arrays in enumerate(library.views(photos, views)):
        groups[place] = arrays["parts"]
        library.progress.step()
    groups.flush()
    os.replace(path + ".part", path)
    return groups


def _examples(corpus: _Corpus, split: str) -> Iterator[Examples]:
    """What people said, data set by data set: series first, then photos rated one by one."""
    from finepick.training.builtin.heads import Examples

    for dataset in corpus.datasets:
        known = [(_values(one), one.photos) for one in dataset.series if one.split == split]
        series = [(values, photos) for values, photos in known if values is not None]
        rated = [photo for photo in dataset.photos if photo.split == split]
        for of_series, scored, files in (
            (True, [values for values, _ in series], [photos for _, photos in series]),
            (False, [np.array([photo.score for photo in rated])], [tuple(photo.file for photo in rated)]),
        ):
            if any(len(some) for some in files):
                paths = [os.path.join(dataset.folder, file) for some in files for file in some]
                ends = np.cumsum([len(some) for some in files])
                groups = np.split(np.arange(ends[-1]), ends[:-1])
                yield Examples(np.concatenate(scored), groups, paths, of_series, dataset.name)


def _values(one: LabelledSeries) -> FloatArray | None:
    """What every photo of a series is worth, (n,): its score, or else how often it won; None where neither is known."""
    if one.scores is not None:
        return np.asarray(one.scores, np.float64)
    won, met = np.zeros(len(one.photos)), np.zeros(len(one.photos))
    for pair in one.pairs:
        won[[pair.a, pair.b]] += pair.p, 1 - pair.p
        met[[pair.a, pair.b]] += 1
    return won / met if len(met) > 1 and met.all() else None


def _scale(one: LabelledSeries) -> tuple[float, float]:
    """The lowest and highest of what `_values` might say."""
    if one.scores is None:
        return 0.0, 1.0
    return one.scale or (min(one.scores), max(one.scores))


def _heads(
    library: Library,
    request: BuiltinRequest,
    corpus: _Corpus,
    photos: Mapping[str, Photo],
    student: Student,
    teacher: Teacher,
    tell: Callable[[str], None],
) -> tuple[Heads, dict[str, Fit]]:
    """What is read off the network, and how each reading was fitted. Raises DatasetError."""
    from finepick.training.builtin.features import Features
    from finepick.training.builtin.heads import Examples, Heads, Reading, fit

    features = Features(student)

    def seen(some: Sequence[Examples]) -> tuple[FloatArray, Examples]:
        examples = Examples.pooled(some)
        library.progress.stage("looking at photos", len(examples.paths))
        rows = []
        for path in examples.paths:
            frame = library.frame(photos[path], WORKING_SIDE)
            rows.append(features.of(Image.fromarray(frame)))
            library.progress.step()
        return np.stack(rows).astype(np.float64), examples

    fits: dict[str, Fit] = {}
    readings: dict[str, Reading] = {}
    for name, of_series in (("quality", True), ("beauty", False)):
        told, asked = (
            [one for one in _examples(corpus, split) if one.of_series is of_series]
            for split in ("train", "val")
        )
        asked = [one for one in asked if one.dataset in {other.dataset for other in told}]
        if not told and not fits:
            raise DatasetError("nothing in train teaches quality; add series with scores or pairs")
        if not told:
            fits[name], readings[name] = fits["quality"], readings["quality"]
            tell(f"{name}: no photos are rated in train, so it is quality over again")
            continue
        fitted = fit(*seen(told), seen(asked) if asked else None)
        fits[name], readings[name] = fitted, Reading.of(fitted, features.channels)
        on_val = "" if fitted.on_others is None else f", {fitted.on_others:.3f} on val"
        tell(f"{name}: {fitted.by_folds:.3f} by folds of train{on_val}, penalty {fitted.penalty:g}")
    fits["soundness"] = fit(*_hurt(library, request, corpus, photos, features, teacher))
    tell(f"soundness: {fits['soundness'].by_folds:.3f} by folds, penalty {fits['soundness'].penalty:g}")
    soundness = Reading.of(fits["soundness"], features.channels)
    return Heads(readings["quality"], readings["beauty"], soundness), fits


def _hurt(
    library: Library,
    request: BuiltinRequest,
    corpus: _Corpus,
    photos: Mapping[str, Photo],
    features: Features,
    teacher: Teacher,
) -> tuple[FloatArray, Examples]:
    """Features (n, d) of photos that edits have hurt, and how little each is, in the teacher's eye."""
    from finepick.training.builtin.heads import Examples
    from finepick.training.builtin.teacher import damage

    taught = [photos[path] for path in corpus.taught()]
    chance = np.random.default_rng(request.seed)
    drawn = [taught[i] for i in chance.choice(len(taught), min(request.series, len(taught)), replace=False)]
    library.progress.stage("hurting photos", len(drawn))
    function = "finepick.training.builtin.edited:edited_whole"
    views = (
        View(index, HURT_SIDE, function, {"seed": [request.seed, 7, index]}) for index in range(len(drawn))
    )
    rows: list[NDArray[np.float32]] = []
    values, groups = [], []
    for arrays in library.views(drawn, views):
        frames = arrays["frames"]
        groups.append(np.arange(len(frames)) + len(rows))
        values.append(-damage(frames, teacher))
        rows += [features.of(Image.fromarray(frame)) for frame in frames]
        library.progress.step()
    return np.stack(rows).astype(np.float64), Examples(np.concatenate(values), groups, [])


def _blends(
    library: Library,
    corpus: _Corpus,
    photos: Mapping[str, Photo],
    network: str,
    fits: Mapping[str, Fit],
    tell: Callable[[str], None],
) -> Blends:
    """Blends of readings for the network in the file *network*; see `training.builtin.blending` for what decides."""
    from finepick.scorers.builtin.eye import glance
    from finepick.scorers.builtin.scorer import Blends, Kind, read_series
    from finepick.training.builtin.blending import (
        Judged,
        blend_apart,
        blend_burst,
        blend_versions,
        coarse_scale,
    )

    look = glance(network)
    library.glance_at_all(list(photos.values()), look)

    def judged(split: str) -> list[Judged]:
        found = []
        for dataset, one in corpus.series(split):
            paths = [os.path.join(dataset.folder, file) for file in one.photos]
            seen = read_series(SeriesFrames(library, [photos[path] for path in paths]), look)
            order = seen.overlay.order
            low, high = _scale(one)
            gap = GAP * (high - low)
            values = np.asarray(_values(one))[order]
            in_order = [paths[place] for place in order]
            found.append(
                Judged(dataset.name, seen.kind, seen.readings, seen.distances(), values, gap, in_order)
            )
        return found

    train, val = judged("train"), judged("val")

    def of(kind: Kind, judged: list[Judged]) -> list[Judged]:
        return [one for one in judged if one.kind is kind]

    burst = of(Kind.BURST, val) or of(Kind.VERSIONS, val)
    return Blends(
        {
            Kind.VERSIONS: blend_versions(of(Kind.VERSIONS, train), of(Kind.VERSIONS, val), tell),
            Kind.BURST: blend_burst(burst, tell),
            Kind.APART: blend_apart(of(Kind.APART, train), fits["quality"], of(Kind.APART, val), tell),
        },
        coarse=coarse_scale(fits["beauty"], [photo for _, photo in corpus.rated("train")]),
    )


def _write(path: str, content: bytes) -> None:
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        file.write(content)
