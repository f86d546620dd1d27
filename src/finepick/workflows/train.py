"""Teach a network on pictures that people judged."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from finepick.datasets.catalog import load_dataset
from finepick.datasets.records import Dataset, LabelledPhoto, LabelledSeries
from finepick.datasets.targets import distribution, mapped_mean, photos_of
from finepick.domain import FloatArray, Photo
from finepick.errors import DatasetError, ImageError, UsageError
from finepick.evaluation.labels import annotated_values, labelled_pairs
from finepick.evaluation.measuring import verdicts_from
from finepick.evaluation.metrics import pair_acc, s_acc, s_srcc, srcc
from finepick.scorers.fgaesq.scorer import FgaesqScorer
from finepick.settings import load_settings
from finepick.workflows.captions import CaptionRequest, caption_texts
from finepick.workflows.library import Library, SeriesFrames

if TYPE_CHECKING:
    from finepick.scorers.fgaesq.architecture import Architecture
    from finepick.scorers.fgaesq.checkpoint import LoadedModel
    from finepick.scorers.fgaesq.network import FgaesqNetwork
    from finepick.training.examples import Examples
    from finepick.training.loop import Row, Validation
    from finepick.training.objective import TextEncoder
    from finepick.training.processes import Processes
    from finepick.training.targets import SeriesTarget

ABLATIONS = ("difftoken", "ctalign", "rankreg", "coarse", "fine")


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """What to teach on what.

    fine: data sets of series; their pairs, ranks or scores are learned. coarse: data sets of rated photos; series
    with scores count as such, too. recipe: "published" or "tiny". clip: a file with CLIP's weights to begin with.
    start: a whole model to begin with, of any size; the recipe's is not looked at then.
    ablate: which of `ABLATIONS` to leave out. rank_loss: one of `objective.RANK_LOSSES`.
    align_weight: λ, the recipe's own unless given. captions: who is asked for
    sentences on pairs without a text of their own; None = nobody.
    """

    fine: tuple[str, ...]
    coarse: tuple[str, ...]
    folder: str
    recipe: str = "published"
    clip: str | None = None
    start: str | None = None
    ablate: tuple[str, ...] = ()
    rank_loss: str = "pairs"
    align_weight: float | None = None
    captions: CaptionRequest | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = [name for name in self.ablate if name not in ABLATIONS]
        if unknown:
            raise UsageError(f"cannot leave out '{unknown[0]}'; use one of {', '.join(ABLATIONS)}")
        if self.clip is not None and self.start is not None:
            raise UsageError("two beginnings; give either --clip or --start")
        if not self.fine and not self.coarse:
            raise UsageError("nothing to learn from; name data sets with --fine and --coarse")
        if self.captions is not None and "ctalign" in self.ablate:
            raise UsageError("captions are for ctalign, which is left out; leave out --captions, too")


def training_processes() -> Processes:
    """This process among those that were started to train together. Raises UsageError, MissingExtraError."""
    from finepick.training.processes import Processes

    return Processes()


def train_fgaesq(
    library: Library,
    request: TrainRequest,
    *,
    on_step: Callable[[Row], None] = lambda row: None,
    on_epoch: Callable[[list[Row]], None] = lambda rows: None,
    encode: TextEncoder | None = None,
    processes: Processes | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> LoadedModel:
    """The model taught as *request* says, which also lies in its folder, with log and curves.

    A run that was stopped goes on. *processes*: those that train together, this one alone where none are given;
    the main one is told of steps and epochs, asks for captions, and *tell*s what it asks for. Raises UsageError,
    DatasetError, WeightsError, OutputError, SettingsError, ChatError, MissingExtraError.
    """
    from finepick.training.loop import train
    from finepick.training.objective import Objective
    from finepick.training.processes import Processes
    from finepick.training.recipes import RECIPES
    from finepick.training.record import draw_curves, write_log

    if request.recipe not in RECIPES:
        raise UsageError(f"unknown recipe '{request.recipe}'; use one of {', '.join(RECIPES)}")
    recipe = RECIPES[request.recipe]
    options = replace(recipe.options, **request.options)
    if request.start is not None:  # a stem that knows something is not to be upset
        options = replace(options, normalise_stem=False)
    if request.captions is not None:
        request.captions.endpoint()  # what is wrong with it is told before anything is read
    os.makedirs(request.folder, exist_ok=True)
    processes = processes or Processes()
    with processes.main_first():  # the others find in the cache what it has read
        corpus = _corpus(request)
        photos = library.read_all(corpus.paths)
    targets = _targets(library, request, corpus, photos, processes, tell)
    network = _network(request, recipe.architecture, options.seed)
    cut = {"fine_blocks": recipe.fine_blocks, "tokens": network.architecture.tokens}

    def log(rows: list[Row]) -> None:
        write_log(request.folder, rows)
        draw_curves(request.folder, rows)
        on_epoch(rows)

    return train(
        network,
        _examples(
            library,
            corpus,
            photos,
            targets,
            difftoken="difftoken" not in request.ablate,
            describe="ctalign" not in request.ablate,
            **cut,
        ),
        Objective(
            rank=None if "rankreg" in request.ablate else request.rank_loss,
            align="ctalign" not in request.ablate,
            align_weight=recipe.align_weight if request.align_weight is None else request.align_weight,
            encode=encode or _encoder(request, network.architecture.embedding),
        ),
        options,
        request.folder,
        card={"fine_blocks": recipe.fine_blocks},
        validate=_Validator(library, corpus, photos) if corpus.has_validation else None,
        on_step=on_step,
        on_epoch=log,
        processes=processes,
    )


@dataclass(frozen=True, slots=True)
class _Corpus:
    """Series and rated photos to learn from and to validate on, paths in place of files."""

    series: tuple[LabelledSeries, ...]
    photos: tuple[LabelledPhoto, ...]
    validation_series: tuple[LabelledSeries, ...]
    validation_photos: tuple[LabelledPhoto, ...]

    @property
    def has_validation(self) -> bool:
        return bool(self.validation_series or self.validation_photos)

    @property
    def paths(self) -> list[str]:
        series = (*self.series, *self.validation_series)
        photos = (*self.photos, *self.validation_photos)
        return [*(path for one in series for path in one.photos), *(one.file for one in photos)]


def _corpus(request: TrainRequest) -> _Corpus:
    fine = [load_dataset(name) for name in request.fine]
    coarse = [load_dataset(name) for name in request.coarse]
    corpus = _Corpus(
        series=tuple(_series(fine, "train")) if "fine" not in request.ablate else (),
        photos=tuple(_photos(coarse, "train")) if "coarse" not in request.ablate else (),
        validation_series=tuple(_series(fine, "val")),
        validation_photos=tuple(_photos(coarse, "val")),
    )
    if not corpus.series and not corpus.photos:
        raise DatasetError(
            "nothing is left to learn from: no series and no rated photos in the split 'train'"
        )
    return corpus


def _series(datasets: Sequence[Dataset], split: str) -> Iterator[LabelledSeries]:
    for dataset in datasets:
        for one in dataset.series:
            if one.split == split and len(one.photos) > 1:
                yield replace(one, photos=tuple(os.path.join(dataset.folder, file) for file in one.photos))


def _photos(datasets: Sequence[Dataset], split: str) -> Iterator[LabelledPhoto]:
    """Photos rated one by one, and those of series with scores, whose means can be compared across series."""
    for dataset in datasets:
        rated = [*dataset.photos, *(photo for one in dataset.series for photo in photos_of(one))]
        for photo in rated:
            if photo.split == split:
                yield replace(photo, file=os.path.join(dataset.folder, photo.file))


def _targets(
    library: Library,
    request: TrainRequest,
    corpus: _Corpus,
    photos: Mapping[str, Photo],
    processes: Processes,
    tell: Callable[[str], None],
) -> list[SeriesTarget]:
    """What is known of each series, captions included where they are asked for."""
    from finepick.training.captions import with_captions
    from finepick.training.loop import CHECKPOINT
    from finepick.training.targets import series_target

    targets = [series_target(one) for one in corpus.series]
    if request.captions is None:
        return targets
    shown = [[photos[path] for path in one.photos] for one in corpus.series]
    ask = partial(
        caption_texts,
        library,
        request.captions,
        request.folder,
        list(zip(shown, targets, strict=True)),
        has_begun=os.path.exists(os.path.join(request.folder, CHECKPOINT)),
        tell=tell,
    )
    texts = processes.agreed(ask)
    return [
        with_captions(target, [photo.digest for photo in some], texts)
        for some, target in zip(shown, targets, strict=True)
    ]


def _network(request: TrainRequest, architecture: Architecture, seed: int) -> FgaesqNetwork:
    from finepick.scorers.fgaesq.checkpoint import initialise_from_clip, load_model
    from finepick.scorers.fgaesq.network import FgaesqNetwork

    if request.start is not None:
        return load_model(request.start).network()
    if request.clip is not None:
        return initialise_from_clip(request.clip, seed=seed).network()
    network = FgaesqNetwork(architecture)
    network.start_afresh(seed)
    return network


def _encoder(request: TrainRequest, width: int) -> TextEncoder:
    """CLIP's text tower where there is one with its tokenizer; else words as fixed random directions."""
    from finepick.scorers.fgaesq.fetched import fetched_files
    from finepick.training.text_encoders import ClipTextEncoder, HashedTextEncoder

    here = fetched_files(load_settings())
    tower = request.clip or _start_with_text_tower(request)
    if tower is not None and here is not None:
        return ClipTextEncoder(tower, here.tokenizer)
    return HashedTextEncoder(width)


def _start_with_text_tower(request: TrainRequest) -> str | None:
    from finepick.scorers.fgaesq.checkpoint import load_model

    has_one = request.start is not None and load_model(request.start).has_text_tower
    return request.start if has_one else None


def _examples(
    library: Library,
    corpus: _Corpus,
    photos: Mapping[str, Photo],
    targets: Sequence[SeriesTarget],
    *,
    difftoken: bool,
    describe: bool,
    **cut: int,
) -> Examples:
    from finepick.training.examples import prepare_examples

    paths = list(
        dict.fromkeys(
            [*(path for one in corpus.series for path in one.photos), *(one.file for one in corpus.photos)]
        )
    )
    place = {path: number for number, path in enumerate(paths)}
    return prepare_examples(
        SeriesFrames(library, [photos[path] for path in paths]),
        [
            ([place[path] for path in one.photos], target)
            for one, target in zip(corpus.series, targets, strict=True)
        ],
        [(place[one.file], distribution(one)) for one in corpus.photos],
        difftoken=difftoken,
        describe=describe,
        **cut,
    )


class _Validator:
    """Measures a model on the validation parts: the mean of s-Acc and s-SRCC decides, else the coarse SRCC."""

    def __init__(self, library: Library, corpus: _Corpus, photos: Mapping[str, Photo]) -> None:
        self._series = corpus.validation_series
        self._frames = [SeriesFrames(library, [photos[path] for path in one.photos]) for one in self._series]
        self._rated = corpus.validation_photos
        self._alone = SeriesFrames(library, [photos[one.file] for one in self._rated])

    def __call__(self, model: LoadedModel) -> Validation:
        from finepick.scorers.fgaesq.torch_runner import runner_of
        from finepick.training.loop import Validation

        scorer = FgaesqScorer(
            runner_of(model, device="auto"), fine_blocks=model.fine_blocks, tokens=model.architecture.tokens
        )
        metrics = {**self._within_series(scorer), **self._across(scorer)}
        decides = [metrics[name] for name in ("s_acc", "s_srcc") if name in metrics]
        return Validation(float(np.mean(decides or [metrics["srcc"]])), metrics)

    def _within_series(self, scorer: FgaesqScorer) -> dict[str, float]:
        if not self._series:
            return {}
        judged = list(scorer.judge_all(self._frames))
        fine: list[FloatArray] = []
        for judgement in judged:
            if isinstance(judgement, ImageError):
                raise judgement
            fine.append(judgement.fine)
        pairs = [labelled_pairs(one) for one in self._series]
        verdicts = [verdicts_from(scores, some) for scores, some in zip(fine, pairs, strict=True)]
        labels = [np.array([pair.label for pair in some]) for some in pairs]
        found = {"pair_acc": pair_acc(np.concatenate(labels), np.concatenate(verdicts))}
        annotated = [annotated_values(one) for one in self._series]
        known = [
            (values, scores) for values, scores in zip(annotated, fine, strict=True) if values is not None
        ]
        if known:
            people, predicted = zip(*known, strict=True)
            found |= {"s_acc": s_acc(people, predicted), "s_srcc": s_srcc(people, predicted)}
        return found

    def _across(self, scorer: FgaesqScorer) -> dict[str, float]:
        if len(self._rated) < 2:
            return {}
        means = [mapped_mean(one) for one in self._rated]
        return {"srcc": srcc(scorer.coarse(self._alone), means)}
