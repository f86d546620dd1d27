"""The loop: coarse epochs, then alternating ones; averaged weights are validated, the best ones are kept."""

from __future__ import annotations

import ctypes
import json
import math
import os
import platform
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from finepick.errors import UsageError
from finepick.scorers.fgaesq.architecture import Architecture
from finepick.scorers.fgaesq.checkpoint import LoadedModel, model_of, save_model
from finepick.scorers.fgaesq.network import FgaesqNetwork
from finepick.scorers.fgaesq.torch_runner import has_fast_bf16
from finepick.training.augmentation import Augmentation
from finepick.training.batches import PreparedBatch, prepare_batches
from finepick.training.checkpoints import Checkpoint, Progress, read_checkpoint, write_checkpoint
from finepick.training.cutting import thinned
from finepick.training.examples import Examples
from finepick.training.normalisation import folded, normalise_stem, settle_stem
from finepick.training.objective import Objective
from finepick.training.pictures import Pictures
from finepick.training.processes import Processes
from finepick.training.schedule import Batch, Schedule

CHECKPOINT = "checkpoint.pt"
MODEL = "model.safetensors"

_CLIP_NORM = 1.0
_GLIBC_SETTINGS = {-8: 1, -4: 0, -1: 2**31 - 1}  # M_ARENA_MAX, M_MMAP_MAX, M_TRIM_THRESHOLD of malloc.h
_BETAS = (0.9, 0.98)  # CLIP's


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How to learn. learning_rate is the highest one: it rises over `warm_up` of all steps, then falls as a cosine.

    average: share that the running average of the weights keeps at every step, once there were enough steps.
    patience: joint epochs without a better validation score after which to stop; 0 = never.
    flip, crop: as in `Augmentation`. portion: photos that go through the network at once.
    token_drop: share of every photo's tokens that is left out of each look. checkpoint_steps: steps between
    checkpoints. normalise_stem: whether the stem is taught with batch normalisation.
    """

    learning_rate: float = 2e-5
    weight_decay: float = 5e-5
    warm_up: float = 0.05
    average: float = 0.999
    coarse_epochs: int = 3
    joint_epochs: int = 7
    fine_images: int = 64
    coarse_images: int = 128
    portion: int = 64
    patience: int = 0
    flip: bool = True
    crop: int = 0
    token_drop: float = 0.0
    bf16: bool = True
    seed: int = 0
    checkpoint_steps: int = 50
    normalise_stem: bool = False


@dataclass(frozen=True, slots=True)
class Validation:
    """What validation found: one *score* that decides (higher is better), and *metrics* for the log."""

    score: float
    metrics: Mapping[str, float] = field(default_factory=dict)


Validate = Callable[[LoadedModel], Validation]
Row = dict[str, float | int | str]
OnStep = Callable[[Row], None]
OnEpoch = Callable[[list[Row]], None]


def train(
    network: FgaesqNetwork,
    examples: Examples,
    objective: Objective,
    options: TrainOptions,
    folder: str,
    *,
    card: Mapping[str, Any],
    validate: Validate | None = None,
    on_step: OnStep = lambda row: None,
    on_epoch: OnEpoch = lambda rows: None,
    processes: Processes | None = None,
) -> LoadedModel:
    """Teach *network*; the best average of its weights, which is also written to *folder* (`MODEL`).

    A run that was stopped goes on from its last checkpoint, bit for bit on one CPU with the same number of
    threads. *card* goes to `model_of`. *on_step* is told the losses of every step, *on_epoch* the log so far.
    Of several *processes* each learns from its share of every batch; the main one alone validates, writes, and
    calls *on_step* and *on_epoch*. Raises UsageError where *folder* holds another run, ImageError, OutputError.
    """
    _keep_freed_memory()
    together = processes or Processes()
    run = _Run(
        network, examples, objective, options, folder, dict(card), validate, on_step, on_epoch, together
    )
    run.resume()
    run.learn()
    return run.finish()


class _Run:
    def __init__(
        self,
        network: FgaesqNetwork,
        examples: Examples,
        objective: Objective,
        options: TrainOptions,
        folder: str,
        card: dict[str, Any],
        validate: Validate | None,
        on_step: OnStep,
        on_epoch: OnEpoch,
        processes: Processes,
    ) -> None:
        self.options, self.objective, self.examples, self.folder = options, objective, examples, folder
        self.card, self.validate, self.on_step, self.on_epoch = card, validate, on_step, on_epoch
        self.processes, self.device = processes, processes.device
        self.is_bf16 = options.bf16 and has_fast_bf16(self.device)
        self.architecture: Architecture = network.architecture
        self.beginning = model_of(network, **self.card).fingerprint
        if options.normalise_stem:
            normalise_stem(network)
        self.network = network.to(self.device)
        self.optimiser = torch.optim.AdamW(
            _decayed(network, options.weight_decay), lr=options.learning_rate, betas=_BETAS
        )
        self.average = {name: tensor.detach().clone() for name, tensor in self._state().items()}
        self.best = {name: tensor.clone() for name, tensor in self.average.items()}
        self.progress = Progress()
        self.pictures = Pictures(examples.frames)
        sizes = [len(one.photos) for one in examples.series]
        self.epochs = Schedule(
            sizes,
            len(examples.photos),
            coarse_epochs=options.coarse_epochs,
            joint_epochs=options.joint_epochs,
            fine_images=options.fine_images,
            coarse_images=options.coarse_images,
            seed=options.seed,
        ).epochs()
        self.steps = sum(map(len, self.epochs))

    @property
    def recipe(self) -> str:
        """What decides the run; a checkpoint of another one is not gone on from."""
        sizes = [len(one.photos) for one in self.examples.series]
        facts = [
            asdict(self.options),
            self.architecture.as_dict(),
            self.beginning,
            [self.objective.rank, self.objective.align, self.objective.coarse, self.objective.align_weight],
            [sum(sizes), len(sizes), len(self.examples.photos)],
            self.examples.texts_digest if self.objective.align else None,
        ]
        return json.dumps(facts, sort_keys=True)

    def resume(self) -> None:
        with self.processes.main_first():
            self._go_on()
        if len(set(self.processes.gathered(self.progress.step))) > 1:
            raise UsageError(
                f"not every process finds the same checkpoint in '{self.folder}'; name a folder that all share"
            )

    def _go_on(self) -> None:
        path = os.path.join(self.folder, CHECKPOINT)
        if not os.path.exists(path):
            return
        known = read_checkpoint(path)
        if known.recipe != self.recipe:
            raise UsageError(
                f"'{self.folder}' holds a run with another beginning, other options, data or texts; "
                "name another folder, or remove its checkpoint.pt to start again"
            )
        self.network.load_state_dict(known.state)
        self.optimiser.load_state_dict(known.optimiser)
        self.average, self.best = (
            {name: tensor.to(self.device) for name, tensor in weights.items()}
            for weights in (known.average, known.best)
        )
        self.progress = known.progress

    def learn(self) -> None:
        progress = self.progress
        while progress.epoch < len(self.epochs) and not self._is_exhausted():
            self._epoch(self.epochs[progress.epoch])
            self._close_epoch()

    def finish(self) -> LoadedModel:
        network = FgaesqNetwork(self.architecture)
        network.load_state_dict(folded(self.best))
        model = model_of(network.eval(), **self.card)
        if self.processes.is_main:
            save_model(model, os.path.join(self.folder, MODEL))
        return model

    def _epoch(self, batches: list[Batch]) -> None:
        progress, options = self.progress, self.options
        self.network.train()
        left = prepare_batches(
            self.examples,
            self.pictures,
            batches[progress.batch :],
            most_photos=options.portion,
            augmentation=Augmentation(options.flip, options.crop),
            dtype=torch.bfloat16 if self.is_bf16 else torch.float32,
            index=self.processes.index,
            count=self.processes.count,
        )
        for prepared in left:
            losses = self._step(prepared)
            for name, value in losses.items():
                key = f"{prepared.batch.kind}_{name}"
                total, count = progress.sums.get(key, [0.0, 0])
                progress.sums[key] = [total + value, count + 1]
            progress.step += 1
            progress.batch += 1
            if self.processes.is_main:
                self.on_step({"epoch": progress.epoch, "step": progress.step, "steps": self.steps, **losses})
            if progress.step % options.checkpoint_steps == 0:
                self._write()

    def _step(self, prepared: PreparedBatch) -> dict[str, float]:
        rate = self._learning_rate(self.progress.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad()
        sums: dict[str, float] = {}
        for portion in prepared.portions:
            # What is dropped depends on the portion, not on what ran before it, nor on which process that is.
            torch.manual_seed(portion.seed)
            cuts = thinned(portion.cuts, self.options.token_drop)
            arrays = (cuts.patches, cuts.marks, cuts.rows, cuts.columns)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.is_bf16):
                features, logits = self.network(*(array.to(self.device) for array in arrays))
            losses = self.objective.losses(features, logits, portion)
            torch.autograd.backward(losses["total"] * portion.weight)
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach()) * portion.weight
        self.processes.add_gradients(self.network.parameters())
        settle_stem(self.network, self.processes.summed)
        nn.utils.clip_grad_norm_(self.network.parameters(), _CLIP_NORM)
        self.optimiser.step()
        self._update_average()
        return _added(self.processes.gathered(sums))

    def _learning_rate(self, step: int) -> float:
        warm = max(1, round(self.options.warm_up * self.steps))
        if step < warm:
            return self.options.learning_rate * (step + 1) / warm
        done = (step - warm) / max(1, self.steps - warm)
        return self.options.learning_rate * 0.5 * (1 + math.cos(math.pi * done))

    @torch.no_grad()
    def _update_average(self) -> None:
        step = self.progress.step
        kept = min(self.options.average, (1 + step) / (10 + step))
        for name, tensor in self._state().items():
            self.average[name].lerp_(tensor, 1 - kept)

    def _close_epoch(self) -> None:
        progress = self.progress
        row: Row = {"epoch": progress.epoch, "step": progress.step}
        row |= {name: total / count for name, (total, count) in sorted(progress.sums.items())}
        if self.validate is not None:
            found = self.processes.agreed(partial(self._validated, self.validate))
            row |= {"score": found.score, **found.metrics}
            if found.score > progress.best_score:
                progress.best_score, progress.best_epoch = found.score, progress.epoch
                self.best = {name: tensor.clone() for name, tensor in self.average.items()}
        else:
            self.best = {name: tensor.clone() for name, tensor in self.average.items()}
        progress.rows.append(row)
        progress.epoch, progress.batch, progress.sums = progress.epoch + 1, 0, {}
        self._write()
        if self.processes.is_main:
            self.on_epoch(progress.rows)

    def _validated(self, validate: Validate) -> Validation:
        network = FgaesqNetwork(self.architecture)
        network.load_state_dict(folded(self.average))
        return validate(model_of(network.eval(), **self.card))

    def _is_exhausted(self) -> bool:
        """Whether nothing has become better for as long as patience lasts; coarse epochs do not count."""
        patience, progress = self.options.patience, self.progress
        waited = progress.epoch - 1 - max(progress.best_epoch, self.options.coarse_epochs)
        return patience > 0 and progress.best_epoch >= 0 and waited >= patience

    def _write(self) -> None:
        if not self.processes.is_main:
            return
        state = {name: tensor.detach().cpu().clone() for name, tensor in self._state().items()}
        checkpoint = Checkpoint(
            self.recipe, self.progress, state, self.average, self.best, self.optimiser.state_dict()
        )
        write_checkpoint(os.path.join(self.folder, CHECKPOINT), checkpoint)

    def _state(self) -> dict[str, Tensor]:
        return self.network.state_dict()


def _added(losses: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The losses of the shares of a batch, by name: those of the batch."""
    sums: dict[str, float] = {}
    for one in losses:
        for name, value in one.items():
            sums[name] = sums.get(name, 0.0) + value
    return sums


def _keep_freed_memory() -> None:
    """Have this process keep the memory that it frees: every step wants the same again, and getting it from the
    system, zeroed, takes as long as the arithmetic does. Does nothing where the C library is not glibc."""
    if platform.libc_ver()[0] != "glibc":
        return
    for parameter, value in _GLIBC_SETTINGS.items():
        ctypes.CDLL(None).mallopt(parameter, value)


def _decayed(network: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Matrices are pulled towards zero; gains, shifts and embeddings of one dimension are not."""
    matrices = [weight for weight in network.parameters() if weight.ndim > 1]
    others = [weight for weight in network.parameters() if weight.ndim <= 1]
    return [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
