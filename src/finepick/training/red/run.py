"""A run of all three stages in one folder: each begins with what the one before has learned, and none is lost."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import torch
from transformers.utils import logging as transformers_logging

from finepick.datasets.judged_pairs import JudgedPair
from finepick.errors import UnreadableAnswerError, UsageError
from finepick.exports.writing import atomic_write, make_folder
from finepick.scorers.red_aes.answers import read_rating, read_verdict
from finepick.scorers.red_aes.card import CARD, Card
from finepick.scorers.red_aes.local import Sampling, sample_answers
from finepick.scorers.red_aes.model_folder import LoadedModel, load_model_folder
from finepick.scorers.red_aes.weight_folders import digest_of_folder
from finepick.training.processes import Processes
from finepick.training.record import LOG, Row, write_log
from finepick.training.red.lessons import Row as LessonRow
from finepick.training.red.lessons import agree_rows, lesson_of, rate_rows, see_rows
from finepick.training.red.recipes import STAGES, Recipe
from finepick.training.red.samples import Sample, write_samples
from finepick.training.red.stages import Watch, agree, imitate, last_checkpoint, prepared, saved
from finepick.training.red.tiny import tiny_model

RUN = "run.json"
CHECKPOINTS = "checkpoints"


@dataclass(frozen=True, slots=True)
class RedRun:
    """pairs: what is learned. files: the JPEG of each picture as it is shown, by the pair's path.

    start: folder of the model to begin with; None: the tiny one, from scratch.
    """

    pairs: Sequence[JudgedPair]
    files: Mapping[str, str]
    folder: str
    recipe: Recipe
    start: str | None
    stages: Sequence[str] = STAGES


def train_red(
    run: RedRun,
    *,
    on_log: Callable[[Row], None] = lambda row: None,
    processes: Processes | None = None,
) -> str:
    """Teach all of *run*'s stages that are not yet done; the folder of the model that the last of them made.

    Each stage leaves `FOLDER/STAGE`, a model with its card; checkpoints lie in `FOLDER/checkpoints/STAGE`, and a run
    that was stopped goes on from the last one that is whole. `log.csv` and `samples/` grow meanwhile. Raises
    UsageError where the folder holds another run; WeightsError, OutputError.
    """
    processes = processes or Processes()
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    with processes.main_first():
        make_folder(run.folder)
        _claim(run)
    lessons = {
        "see": see_rows(run.pairs),
        "rate": rate_rows(run.pairs),
        "agree": agree_rows(run.pairs),
    }
    log = _Log(run.folder, on_log)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # between versions of transformers and TRL
        for stage in [name for name in STAGES if name in run.stages]:
            if not os.path.isdir(os.path.join(run.folder, stage)):
                _teach(run, stage, lessons, log, processes)
    return os.path.join(run.folder, [name for name in STAGES if name in run.stages][-1])


def _claim(run: RedRun) -> None:
    """Say what this folder is for. Raises UsageError where it is for something else."""
    path = os.path.join(run.folder, RUN)
    pairs = [[asdict(pair) for pair in run.pairs], _digests(run)]
    facts = {
        "recipe": asdict(run.recipe),
        "start": None if run.start is None else digest_of_folder(run.start),
        "data": hashlib.sha256(
            json.dumps(pairs, sort_keys=True).encode("utf-8", "surrogateescape")
        ).hexdigest(),
    }
    text = json.dumps(facts, indent=1) + "\n"
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            if file.read() != text:
                raise UsageError(
                    f"'{run.folder}' holds a run with another beginning, other options or data; name another folder"
                )
    atomic_write(path, text.encode())


def _digests(run: RedRun) -> list[str]:
    found = []
    for path in sorted(run.files):
        with open(run.files[path], "rb") as file:
            found.append(hashlib.file_digest(file, "sha256").hexdigest())
    return found


def _teach(
    run: RedRun, stage: str, lessons: Mapping[str, list[LessonRow]], log: _Log, processes: Processes
) -> None:
    folder = os.path.join(run.folder, CHECKPOINTS, stage)
    log.begin(stage, last_checkpoint(folder) if processes.is_main else None)
    model = prepared(_beginning(run, stage, lessons), run.recipe)
    lesson = lesson_of(lessons[stage], run.files)
    samples = _Samples(run, stage, model, lessons)

    def keep(step: int) -> None:
        log.write()
        samples.write(step)

    watch = Watch(log.add, keep)
    recipe = run.recipe
    if stage == "agree":
        trainer = agree(model, lesson, recipe, folder, watch=watch)
    else:
        rate, epochs = (
            (recipe.see_rate, recipe.see_epochs) if stage == "see" else (recipe.rate_rate, recipe.rate_epochs)
        )
        trainer = imitate(model, lesson, recipe, folder, rate=rate, epochs=epochs, watch=watch)
    part = os.path.join(run.folder, f".{stage}.part")
    if processes.is_main:
        shutil.rmtree(part, ignore_errors=True)
    saved(trainer, part)
    if processes.is_main:
        model.processor.save_pretrained(part)
        card = Card(
            ask="compare" if stage == "see" else "rate",
            temperature=recipe.temperature,
            most_tokens=recipe.most_tokens,
            pixels=recipe.pixels,
        )
        atomic_write(os.path.join(part, CARD), card.to_json().encode())
        os.rename(part, os.path.join(run.folder, stage))
        shutil.rmtree(folder, ignore_errors=True)
        log.write()
    processes.gathered(None)


def _beginning(run: RedRun, stage: str, lessons: Mapping[str, list[LessonRow]]) -> LoadedModel:
    """What the stage before made; else what the run begins with."""
    is_whole = run.recipe.lora_rank == 0
    # bf16 has three digits: steps of a millionth would be lost on weights that are taught themselves.
    low = torch.cuda.is_available() and run.recipe.bf16 and not is_whole
    dtype = torch.bfloat16 if low else torch.float32
    before = [name for name in STAGES[: STAGES.index(stage)] if os.path.isdir(os.path.join(run.folder, name))]
    if before:
        return load_model_folder(
            os.path.abspath(os.path.join(run.folder, before[-1])), dtype=dtype, to_teach=True
        )
    if run.start is not None:
        return load_model_folder(os.path.abspath(run.start), dtype=dtype, to_teach=True)
    answered = [row for name in ("see", "rate") for row in lessons[name]]
    texts = [row[part][0]["content"] for row in answered for part in ("prompt", "completion")]
    return tiny_model(texts, seed=run.recipe.seed)


class _Log:
    """`log.csv`: what trainers tell, a row each time, written anew at every checkpoint."""

    def __init__(self, folder: str, told: Callable[[Row], None]) -> None:
        self._folder, self._told = folder, told
        self._rows: list[dict[str, float | int | str]] = []
        self._stage = ""

    def begin(self, stage: str, checkpoint: str | None) -> None:
        """Take up the log where *stage* goes on."""
        self._stage = stage
        step = 0 if checkpoint is None else int(checkpoint.rsplit("-", 1)[1])
        self._rows = [
            row for row in _read_log(self._folder) if row["stage"] != stage or float(row["step"]) <= step
        ]

    def add(self, step: int, steps: int, values: dict[str, float]) -> None:
        row: dict[str, float | int | str] = {"stage": self._stage, "step": step, **values}
        self._rows.append(row)
        self._told({**row, "steps": steps})

    def write(self) -> None:
        write_log(self._folder, self._rows)


def _read_log(folder: str) -> list[dict[str, float | int | str]]:
    path = os.path.join(folder, LOG)
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8", newline="") as file:
        return [dict(row) for row in csv.DictReader(file)]


class _Samples:
    """Writes a page of sample answers: the same photos, and the same chance, every time."""

    def __init__(
        self, run: RedRun, stage: str, model: LoadedModel, lessons: Mapping[str, list[LessonRow]]
    ) -> None:
        self._run, self._stage, self._model = run, stage, model
        known = lessons["see" if stage == "see" else "rate"]
        count = min(run.recipe.sample_photos, len(known))
        self._rows = [known[number * len(known) // count] for number in range(count)]

    def write(self, step: int) -> None:
        network = self._model.network
        was_training = network.training
        network.eval()
        try:
            samples = [self._sample(row) for row in self._rows]
        finally:
            network.train(was_training)
        write_samples(self._run.folder, self._stage, step, samples)

    def _sample(self, row: LessonRow) -> Sample:
        pictures = tuple(_bytes_of(self._run.files[path]) for path in row["images"])
        sampling = Sampling(self._run.recipe.temperature, self._run.recipe.most_tokens)
        [answer] = sample_answers(
            self._model,
            row["prompt"][0]["content"],
            pictures,
            seeds=[self._run.recipe.seed],
            sampling=sampling,
        )
        try:
            if self._stage == "see":
                reading = f"a difference of {read_verdict(answer).difference:+.2f}"
            else:
                reading = f"a rating of {read_rating(answer).value:g}"
        except UnreadableAnswerError as error:
            return Sample(pictures, answer, row["completion"][0]["content"], error.message, False)
        return Sample(pictures, answer, row["completion"][0]["content"], reading, True)


def _bytes_of(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
