"""Measure models, or somebody's predictions, on pictures that people judged.

What a model says is remembered as it goes, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from finepick.datasets.records import SPLITS, Dataset
from finepick.domain import FloatArray, ModelInfo, Photo, Series, SeriesKind, Skipped, Stage
from finepick.errors import DatasetError, ImageError, OutputError, UsageError
from finepick.evaluation.bootstrap import Bootstrap
from finepick.evaluation.labels import DEFAULT_SPLIT, Benchmark, choose_benchmark, peculiarities
from finepick.evaluation.measuring import Answers, Measures, difference, measure, verdicts_from
from finepick.evaluation.predictions import Predictions, listed, read_predictions
from finepick.evaluation.results import AGAINST, ASKED, FLOOR, Column, Evaluation
from finepick.evaluation.tables import MEASUREMENT, verdicts_csv
from finepick.exports.writing import atomic_write
from finepick.scorers.base import Scorer
from finepick.scorers.catalog import DEFAULT_SCORER, WEIGHT_FILES, WEIGHTED, load_scorer, scorer_names
from finepick.scorers.sharpness import SharpnessScorer
from finepick.scorers.single import MeasurementScorer
from finepick.workflows.coarse import BATCH, coarse_scores, prepare_coarse_scores
from finepick.workflows.library import Library, SeriesFrames
from finepick.workflows.ranking import prepare_studies, study_series


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """What to measure.

    splits: one or several of "train", "val" and "test"; rows without a split count as test.
    min_gap: by how much human means must differ for a pair to count, where a series has no comparisons.
    skip_unreadable: leave out photos that cannot be read, instead of an error.
    """

    splits: tuple[str, ...] = (DEFAULT_SPLIT,)
    min_gap: float = 0.0
    skip_unreadable: bool = False
    bootstrap: Bootstrap = field(default_factory=Bootstrap)

    def __post_init__(self) -> None:
        unknown = [split for split in self.splits if split not in SPLITS]
        if unknown or not self.splits:
            raise UsageError(f"unknown split '{listed(unknown)}'; use one or several of {', '.join(SPLITS)}")
        if not self.min_gap >= 0:
            raise UsageError(f"--min-gap is {self.min_gap:g}; it must be 0 or more")
        if self.bootstrap.resamples < 1:
            raise UsageError("--resamples must be 1 or more")


@dataclass(frozen=True, slots=True)
class Contestant:
    """Whom to measure, under the *name* that the user gave, and why (`results.ASKED` …)."""

    name: str
    source: Scorer | Predictions
    role: str = ASKED


def choose_contestants(
    models: Sequence[str | Scorer],
    predictions: Sequence[str],
    *,
    against: str | Scorer | None = None,
    floor: bool = False,
    device: str = "auto",
    pairing: str = "series",
) -> list[Contestant]:
    """Models by name or file, then files of predictions; the default model where neither is given.

    Args:
        against: a model to be compared with, or a CSV of predictions.
        floor: also every single measurement, which a model must beat.
        device, pairing: for those models that have a choice.

    Raises what `load_scorer` and `read_predictions` raise.
    """
    asked = list(dict.fromkeys(models)) if models or predictions else [DEFAULT_SCORER]
    chosen = [_contestant(model, ASKED, device, pairing) for model in asked]
    chosen += [Contestant(path, read_predictions(path)) for path in dict.fromkeys(predictions)]
    if against is not None:
        chosen.append(_contestant(against, AGAINST, device, pairing))
    if floor:
        names = [name for name in scorer_names() if name.startswith(MEASUREMENT)]
        chosen += [Contestant(name, load_scorer(name), FLOOR) for name in names]
    return chosen


def split_names(text: str) -> tuple[str, ...]:
    """The splits in *text*, which separates several by commas, each once."""
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def evaluate_dataset(
    library: Library,
    dataset: Dataset,
    contestants: Sequence[Contestant],
    options: EvaluateOptions | None = None,
) -> Evaluation:
    """Figures of all *contestants* on *dataset*, the first compared with each of the others.

    Raises DatasetError where nothing is there to be measured, a prediction is missing or a photo cannot be read,
    NothingReadableError, PathVanishedError, UsageError.
    """
    options = options or EvaluateOptions()
    benchmark = _benchmark(dataset, options)
    for contestant in contestants:  # complaints about files before hours of judging
        if isinstance(contestant.source, Predictions):
            contestant.source.answers(benchmark)
    skipped = _Unreadable(options.skip_unreadable)
    if any(not isinstance(contestant.source, Predictions) for contestant in contestants):
        benchmark, answers = _judged(library, dataset, contestants, options, skipped)
    else:
        answers = [_answers(library, one, benchmark, {}) for one in contestants]
    library.progress.stage("resampling", len(contestants))
    measures = []
    for one in answers:
        measures.append(measure(benchmark, one, options.bootstrap))
        library.progress.step()
    return Evaluation(
        dataset=dataset.name,
        splits=options.splits,
        min_gap=options.min_gap,
        benchmark=benchmark,
        columns=tuple(
            _column(contestant, dataset, measured, answer, measures[0] if number else None)
            for number, (contestant, measured, answer) in enumerate(
                zip(contestants, measures, answers, strict=True)
            )
        ),
        bootstrap=options.bootstrap,
        remarks=(*dataset.remarks, *peculiarities(benchmark)),
        skipped=tuple(skipped.photos.values()),
    )


def _contestant(model: str | Scorer, role: str, device: str, pairing: str) -> Contestant:
    if not isinstance(model, str):
        return Contestant(model.info.name, model, role)
    if model.lower().endswith(".csv"):
        return Contestant(model, read_predictions(model), role)
    has_pairing = model in WEIGHTED or model.lower().endswith(WEIGHT_FILES)
    return Contestant(
        model, load_scorer(model, device=device, pairing=pairing if has_pairing else "series"), role
    )


def check_verdicts_path(path: str) -> None:
    """Raises UsageError or OutputError where pairs cannot be written to *path*: ask before the work starts."""
    if os.path.splitext(path)[1].lower() in (".json", ".parquet", ".xlsx"):
        raise UsageError(f"{path}: pairs are written as CSV; end its name in .csv", path=path)
    if os.path.isdir(path):
        raise OutputError(f"{path} is a folder; name a file in it", path=path)
    if not os.path.isdir(os.path.dirname(path) or os.curdir):
        raise OutputError(f"{path} cannot be written, its folder does not exist; make it first", path=path)


def write_verdicts(evaluation: Evaluation, path: str) -> None:
    """Write every pair with what people and the models said of it to *path*, as CSV. Raises OutputError."""
    atomic_write(path, verdicts_csv(evaluation))


@dataclass(slots=True)
class _Unreadable:
    """Photos that could not be read, by path; where none may be missing, noting one is an error."""

    may_be_left_out: bool
    photos: dict[str, Skipped] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)

    def note(self, lost: Mapping[str, Skipped]) -> None:
        """Take down *lost*, by file of the data set."""
        if lost and not self.may_be_left_out:
            told = listed([f"{one.path} ({one.reason})" for one in lost.values()])
            count = f"{len(lost)} photo{'s' if len(lost) > 1 else ''} of the data set cannot be read"
            raise DatasetError(
                f"{count}: {told}; put them right, or leave them out with --skip-unreadable",
                path=next(iter(lost.values())).path,
            )
        self.photos |= {one.path: one for one in lost.values()}
        self.files |= set(lost)


def _benchmark(dataset: Dataset, options: EvaluateOptions, without: Iterable[str] = ()) -> Benchmark:
    benchmark = choose_benchmark(dataset, options.splits, min_gap=options.min_gap, without=without)
    if benchmark.series or benchmark.photos:
        return benchmark
    splits = {one.split for one in dataset.series} | {one.split for one in dataset.photos}
    there = sorted(split or DEFAULT_SPLIT for split in splits)
    advice = f"there is {', '.join(there)}" if there else "there is nothing at all"
    raise DatasetError(
        f"{dataset.name} has no series and no photo in the split '{','.join(options.splits)}'; {advice}",
        path=dataset.folder,
    )


def _judged(
    library: Library,
    dataset: Dataset,
    contestants: Sequence[Contestant],
    options: EvaluateOptions,
    unreadable: _Unreadable,
) -> tuple[Benchmark, list[Answers]]:
    """What is left to measure, and what everybody says of it."""
    photos = _read_photos(library, dataset.folder, _benchmark(dataset, options).files, unreadable)
    while True:
        benchmark = _benchmark(dataset, options, unreadable.files)
        try:
            return benchmark, [_answers(library, one, benchmark, photos) for one in contestants]
        except ImageError as error:
            # A photo that went bad since it was read. What was judged is remembered, so once more is cheap.
            lost = {file: photo for file, photo in photos.items() if photo.path == error.path}
            if not lost or unreadable.files & set(lost):
                raise
            unreadable.note(
                {file: Skipped(photo.path, Stage.JUDGE, error.reason) for file, photo in lost.items()}
            )


def _read_photos(
    library: Library, folder: str, files: Sequence[str], unreadable: _Unreadable
) -> dict[str, Photo]:
    """The photo of each file of the data set; others are noted as *unreadable*."""
    path_of = {file: os.path.join(folder, file) for file in files}
    lost = {
        file: Skipped(path, Stage.FIND, "there is no such file")
        for file, path in path_of.items()
        if not os.path.isfile(path)
    }
    wanted = [path for file, path in path_of.items() if file not in lost]
    unreadable.note(lost)
    photos: dict[str, Photo] = {}
    skipped: dict[str, Skipped] = {}
    while wanted:
        reading = library.read(wanted)
        photos |= {photo.path: photo for photo in reading.photos}
        skipped |= {one.path: one for one in reading.skipped}
        # Of two links to one file only the first is read; here every name is a photo.
        left = [path for path in wanted if path not in photos and path not in skipped]
        if len(left) == len(wanted):
            skipped |= {path: Skipped(path, Stage.READ, "it is no photo of its own") for path in left}
            left = []
        wanted = left
    unreadable.note({file: skipped[path] for file, path in path_of.items() if path in skipped})
    return {file: photos[path] for file, path in path_of.items() if path in photos}


def _answers(
    library: Library, contestant: Contestant, benchmark: Benchmark, photos: Mapping[str, Photo]
) -> Answers:
    source = contestant.source
    if isinstance(source, Predictions):
        return source.answers(benchmark)
    series = [
        Series(SeriesKind.FOLDER, tuple(photos[file] for file in one.photos)) for one in benchmark.series
    ]
    fine = _fine_scores(library, series, source)
    return Answers(
        verdicts=tuple(map(verdicts_from, fine, benchmark.pairs)),
        fine=tuple(fine),
        coarse=_coarse_scores(library, [photos[photo.file] for photo in benchmark.photos], source),
    )


def _fine_scores(library: Library, series: Sequence[Series], scorer: Scorer) -> list[FloatArray]:
    if isinstance(scorer, MeasurementScorer | SharpnessScorer):
        # They look up one number a photo; a study, with reasons and maps, would cost a thousand times that.
        return [scorer.judge(SeriesFrames(library, one.photos)).fine for one in series]
    prepare_studies(library, series, scorer)
    library.progress.stage("judging series", len(series))
    scores = []
    for one in series:
        scores.append(study_series(library, one.photos, scorer).judgement.fine)
        library.progress.step()
    return scores


def _coarse_scores(library: Library, photos: Sequence[Photo], scorer: Scorer) -> FloatArray | None:
    prepare_coarse_scores(library, photos, scorer)
    scores = []
    for start in range(0, len(photos), BATCH):
        some = coarse_scores(library, photos[start : start + BATCH], scorer)
        if some is None:
            return None
        scores.append(some)
    return np.concatenate(scores) if scores else None


def _column(
    contestant: Contestant, dataset: Dataset, measures: Measures, answers: Answers, first: Measures | None
) -> Column:
    source = contestant.source
    return Column(
        name=contestant.name,
        role=contestant.role,
        model=ModelInfo(os.path.basename(source.path), "", source.digest)
        if isinstance(source, Predictions)
        else source.info,
        predictions=source.path if isinstance(source, Predictions) else None,
        metrics=measures.metrics,
        by_category=measures.by_category,
        answers=answers,
        behind={} if first is None else difference(first, measures),
        surplus=tuple(source.surplus(dataset)) if isinstance(source, Predictions) else (),
    )
