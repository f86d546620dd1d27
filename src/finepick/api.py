"""The Python names: what `import finepick` offers, each a workflow with sensible defaults.

Paths are `str` or `os.PathLike`; a single path or several. State lies where the command line keeps it
(`FINEPICK_HOME`). Errors are `finepick.FinepickError` and its children (`finepick.errors`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from finepick.datasets.records import Dataset
from finepick.domain import PickResult, Ranking, ScoreResult, Verdict
from finepick.errors import DamagedImageError, UsageError
from finepick.scorers.base import Scorer
from finepick.scorers.catalog import DEFAULT_SCORER
from finepick.scorers.catalog import load_scorer as _load
from finepick.settings import load_settings
from finepick.workflows.compare import compare_photos
from finepick.workflows.in_memory import Picture, best_indices
from finepick.workflows.library import Library
from finepick.workflows.pick import PickOptions, pick_photos
from finepick.workflows.score import score_photos

if TYPE_CHECKING:
    from finepick.evaluation.results import Evaluation
    from finepick.project.store import Project
    from finepick.workflows.calibration import ProjectCalibration
    from finepick.workflows.refine import Refined

PathLike = str | os.PathLike[str]


def pick(
    paths: PathLike | Iterable[PathLike],
    *,
    model: str | Scorer = DEFAULT_SCORER,
    group: str = "auto",
    keep_per_series: int = 1,
    keep: int | None = None,
    coarse: bool = False,
    fresh: bool = False,
) -> PickResult:
    """The best photo of every series below *paths*; what cannot be read is in `.skipped`.

    Args:
        paths: files or folders (walked recursively).
        model: a name from `finepick models list`, a model file, or a loaded scorer.
        group: "auto" (time, content, prompt), "folder", "one" or "single".
        keep_per_series: how many photos to keep of every series.
        keep: how many to keep of the whole shoot, as different as possible.
        coarse: ask for coarse scores even where they cost a second pass.
        fresh: read and judge again what is in the cache.

    Raises:
        PathNotFoundError, NothingReadableError, PathVanishedError, UnknownScorerError, UsageError.
    """
    options = PickOptions(group=group, keep_per_series=keep_per_series, keep=keep, coarse=coarse)
    with Library(load_settings(), fresh=fresh) as library:
        return pick_photos(library, _spelt(paths), scorer=load_scorer(model), options=options)


def rank(
    photos: PathLike | Iterable[PathLike], *, model: str | Scorer = DEFAULT_SCORER, fresh: bool = False
) -> Ranking:
    """*photos* ranked as one series; `.photos`, `.scores` and so on are in the order in which they were given.

    A photo that is given twice counts once. Raises like `pick`, and ImageError for the first photo that cannot
    be read: indices into what was given would be wrong without it (`pick(..., group="one")` goes on without).
    """
    spelt = _spelt(photos)
    result = pick(spelt, model=model, group="one", fresh=fresh)
    if result.skipped:
        raise DamagedImageError(result.skipped[0].reason, path=result.skipped[0].path)
    [ranking] = result.series
    place = {path: i for i, path in enumerate(spelt)}
    given = sorted(range(len(ranking)), key=lambda i: place.get(ranking.photos[i].path, len(place)))
    return ranking.rearranged(given)


def compare(a: PathLike, b: PathLike, *, model: str | Scorer = DEFAULT_SCORER) -> Verdict:
    """Which of two photos, how sure, and why.

    Raises PathNotFoundError, NothingReadableError where one of them cannot be read, UnknownScorerError.
    """
    with Library(load_settings()) as library:
        return compare_photos(library, os.fsdecode(a), os.fsdecode(b), load_scorer(model)).verdict


def score(
    photos: PathLike | Iterable[PathLike], *, model: str | Scorer = DEFAULT_SCORER, fresh: bool = False
) -> ScoreResult:
    """The coarse score, 1…10, of each photo by itself. Raises like `pick`."""
    with Library(load_settings(), fresh=fresh) as library:
        return score_photos(library, _spelt(photos), load_scorer(model))


def evaluate(
    dataset: PathLike | Dataset,
    *,
    root: PathLike | None = None,
    split: str = "test",
    model: str | Scorer | Iterable[str | Scorer] = (),
    predictions: PathLike | Iterable[PathLike] = (),
    against: str | Scorer | None = None,
    floor: bool = False,
    min_gap: float = 0.0,
    skip_unreadable: bool = False,
    device: str = "auto",
    pairing: str = "series",
    resamples: int = 2000,
    seed: int = 0,
    fresh: bool = False,
) -> Evaluation:
    """Models, or somebody's predictions, measured on pictures that people judged: `.metrics`, `.columns` and so on.

    >>> evaluate("my-series", model="measured").metrics["pair_acc"].value      # doctest: +SKIP
    0.672

    Args:
        dataset: a folder with a manifest, a known name (with *root*, where it lies), or a data set in memory.
        split: "train", "val" or "test"; several with commas. Rows without a split count as test.
        model: one or several; the default model where there are no *predictions* either.
        predictions: CSV files with file,score or series,a,b,p.
        against: a model, or a CSV, that the first is compared with (paired bootstrap, `.columns[…].behind`).
        floor: measure every single measurement, too.
        min_gap: by how much human means must differ for a pair to count.
        skip_unreadable: leave out photos that cannot be read (they are in `.skipped`).
        resamples, seed: of the bootstrap, over series; over photos for srcc and plcc.

    Raises DatasetError for labels that cannot be used, missing predictions and unreadable photos, and like `pick`.
    """
    from finepick.datasets.catalog import load_dataset  # with scipy.stats: nobody else needs to wait for that
    from finepick.evaluation.bootstrap import Bootstrap
    from finepick.workflows.evaluate import (
        EvaluateOptions,
        choose_contestants,
        evaluate_dataset,
        split_names,
    )

    options = EvaluateOptions(split_names(split), min_gap, skip_unreadable, Bootstrap(resamples, seed))
    contestants = choose_contestants(
        [model] if isinstance(model, str) or not isinstance(model, Iterable) else list(model),
        [os.fsdecode(path) for path in _one_or_several(predictions)],
        against=against,
        floor=floor,
        device=device,
        pairing=pairing,
    )
    if not isinstance(dataset, Dataset):
        dataset = load_dataset(os.fsdecode(dataset), None if root is None else os.fsdecode(root))
    with Library(load_settings(), fresh=fresh) as library:
        return evaluate_dataset(library, dataset, contestants, options)


def open_project(
    folder: PathLike,
    *,
    sources: PathLike | Iterable[PathLike] = (),
    group: str = "auto",
    database: str | None = None,
) -> Project:
    """The annotation project in *folder*, made where there is none, with *sources* added; a context manager.

    >>> with open_project("herons", sources="shoot/") as project:     # doctest: +SKIP
    ...     link = project.invite("Kim")

    Args:
        sources: photos and folders of photos, folders with `series.jsonl`, files of votes (CSV, JSON).
        group: how photos are put into series: "auto", "folder" or "one".
        database: URL of a PostgreSQL database for a new project; SQLite in *folder* unless told.

    Raises StoreError, UsageError, DatasetError for votes that are not understood, and like `pick`.
    """
    from finepick.workflows.projects import fill_project, open_or_create, own_sources

    project = open_or_create(os.fsdecode(folder), database=database)
    try:
        wanted = [*own_sources(project), *map(os.fsdecode, _one_or_several(sources))]
        if wanted:
            with Library(load_settings()) as library:
                fill_project(project, wanted, library, group=group)
    except BaseException:
        project.close()
        raise
    return project


def refine(
    project: Project | PathLike,
    *,
    sources: PathLike | Iterable[PathLike] = (),
    group: str = "auto",
    thresholds: Mapping[str, float] | None = None,
    model: str | Scorer | None = None,
    check: str | None = None,
    check_model: str = "",
    check_most: int | None = None,
    page: PathLike | None = None,
) -> Refined:
    """Mark the photos of a project (or its folder) that are not worth asking about; nothing is removed.

    >>> refine("herons", sources="shoot/", thresholds={"same_ssim": 0.95}).counts     # doctest: +SKIP
    {'in': 61, 'indiscernible': 4, 'dissimilar': 1, 'empty_shot': 0, 'defect': 2}

    Args:
        sources, group: photos to add first, as for `open_project`.
        thresholds: those that are not as in `finepick.refinement.thresholds.Thresholds`, by name.
        model: one that reads sentences ("fgaesq"): pictures of one prompt are compared with it.
        check: an OpenAI-compatible server; *check_model* there looks over what is left. Photos are sent to it.
        check_most: how many questions to ask; all unless told.
        page: where to write a picture of what went where, an HTML file.

    What a run left out, `finepick.project.refinements.undo_refinement(project, run.id, by="owner")` takes back;
    `refinements(project)` lists the runs. Raises UsageError, ScorerError, SettingsError, ChatError, OutputError,
    and like `open_project`.
    """
    from finepick.refinement.thresholds import Thresholds
    from finepick.workflows.checking import CheckRequest, refine_and_check
    from finepick.workflows.projects import fill_project

    limits = Thresholds().changed(thresholds or {})
    request = None if check is None else CheckRequest(check, check_model, most=check_most)
    if request is not None:
        request.endpoint()  # what is wrong with it is told before anything is read
    scorer = None if model is None else load_scorer(model)
    if isinstance(project, str | os.PathLike):
        with open_project(project, sources=sources, group=group) as opened:
            return refine(
                opened,
                thresholds=thresholds,
                model=scorer,
                check=check,
                check_model=check_model,
                check_most=check_most,
                page=page,
            )
    wanted = [os.fsdecode(path) for path in _one_or_several(sources)]
    with Library(load_settings()) as library:
        if wanted:
            fill_project(project, wanted, library, group=group)
        where = None if page is None else os.fsdecode(page)
        found, _ = refine_and_check(project, library, limits, scorer=scorer, check=request, page=where)
    return found


def calibrate(project: Project | PathLike) -> ProjectCalibration:
    """What the answers of a project, its folder, or a file of votes say: ranks, probabilities, who can be relied on.

    `finepick.workflows.calibration` writes it as a document (`calibration_document`) and as a data set
    (`export_labels`). Raises PathNotFoundError, DatasetError, StoreError.
    """
    from finepick.workflows.calibration import calibrate_path, calibrate_project

    if isinstance(project, str | os.PathLike):
        return calibrate_path(os.fsdecode(project))
    return calibrate_project(project)


def best_of(images: Iterable[Picture], k: int = 1, *, model: str | Scorer = DEFAULT_SCORER) -> list[int]:
    """Indices of the *k* best of *images*, best first: PIL images, paths, or uint8 H × W × 3 RGB arrays.

    >>> import numpy as np
    >>> flat = np.full((64, 64, 3), 128, np.uint8)
    >>> best_of([flat, flat])
    [0]
    """
    if isinstance(images, str | os.PathLike):
        raise TypeError("best_of takes several pictures; for a folder there is finepick.pick")
    return best_indices(list(images), load_scorer(model), k)


def load_scorer(model: str | Scorer, *, device: str = "auto", pairing: str = "series") -> Scorer:
    """A scorer by name or model file; a scorer is returned as it is.

    Args:
        device: "auto", "cpu", "cuda" or "mps", for models that have a choice.
        pairing: "series" (all photos at once) or "published" (`fgaesq` alone: every pair, as its authors do).

    Raises UnknownScorerError (lists the known names), WeightsNotFoundError, MissingExtraError.
    """
    return _load(model, device=device, pairing=pairing) if isinstance(model, str) else model


def _spelt(paths: PathLike | Iterable[PathLike]) -> list[str]:
    """Paths as strings, spelt as they were given."""
    spelt = [os.fsdecode(path) for path in _one_or_several(paths)]
    if not spelt:
        raise UsageError("no photos were given; name files or folders")
    return spelt


def _one_or_several(paths: PathLike | Iterable[PathLike]) -> Iterable[PathLike]:
    return [paths] if isinstance(paths, str | os.PathLike) else paths
