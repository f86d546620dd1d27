"""The student follows its teacher: steps over lessons, resumable at any of them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from finepick.errors import OutputError, WeightsError
from finepick.scorers.fgaesq.weight_files import written_whole
from finepick.training.builtin.lessons import GROUP, Lessons, usual_maps
from finepick.training.builtin.losses import Scales, embedding_losses, order_loss
from finepick.training.builtin.network import Student

CHECKPOINT = "student.pt"

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Settings:
    """steps: how many lessons in all. The rate of learning rises over *warm_up* steps, stays, and falls in the last
    tenth, so that a run may be made longer without beginning anew. average: of the weights that are kept, how much
    of them one step leaves as it is. temperature: of the order of damage."""

    steps: int = 12_000
    rate: float = 6e-4
    decay: float = 0.05
    warm_up: int = 60
    average: float = 0.998
    temperature: float = 0.15
    cells: float = 0.3
    views: float = 1.0
    liking: float = 1.0
    damage: float = 0.5
    seed: int = 0

    def rate_at(self, step: int) -> float:
        left = (self.steps - step) / (0.1 * self.steps)
        return self.rate * min(1.0, (step + 1) / self.warm_up) * max(0.003, min(1.0, left))


Report = Callable[[int, dict[str, float]], None]


def distil(
    lessons: Lessons,
    directions: NDArray[np.float32],
    settings: Settings,
    folder: str,
    *,
    report: Report,
    step_done: Callable[[], None] = lambda: None,
    every: int = 200,
    half: bool = True,
) -> Student:
    """The student after all steps, with averaged weights.

    Goes on from the checkpoint in *folder*, written after each *every* steps; lessons are drawn anew then, so a
    run that was interrupted ends in other weights than one that was not. *report* is told the mean losses since it
    was told last. *half*: compute in bf16. Raises WeightsError where the checkpoint is damaged or of other settings,
    OutputError.
    """
    torch.manual_seed(settings.seed)
    student = Student()
    student.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = Student(student.shape)
    average.load_state_dict(student.state_dict())
    optimiser = torch.optim.AdamW(_parts(student, settings.decay), lr=settings.rate, betas=(0.9, 0.99))
    path = os.path.join(folder, CHECKPOINT)
    begun = _resume(path, settings, student, average, optimiser)
    scales = Scales.of(usual_maps([lessons.next()[0] for _ in range(8)]), torch.from_numpy(directions))
    sums: dict[str, float] = {}
    student.train()
    for step in range(begun, settings.steps):
        for group in optimiser.param_groups:
            group["lr"] = settings.rate_at(step)
        losses = _losses(student, lessons, scales, settings, half=half)
        total = sum((getattr(settings, name) * loss for name, loss in losses.items()), torch.zeros(()))
        if not math.isfinite(total.item()):
            raise OutputError(
                f"the student's losses went to {total.item()} at step {step}; begin with a lower rate"
            )
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(student.parameters(), 2.0)
        optimiser.step()
        step_done()
        _follow(average, student, min(settings.average, (1 + step) / (10 + step)))
        for name, loss in losses.items():
            sums[name] = sums.get(name, 0.0) + loss.item() / every
        if (step + 1) % every == 0 or step + 1 == settings.steps:
            _write(path, settings, step + 1, student, average, optimiser)
            report(step + 1, sums)
            sums = {}
    return average.eval()


def _losses(
    student: Student, lessons: Lessons, scales: Scales, settings: Settings, *, half: bool
) -> dict[str, Tensor]:
    lesson, mirrored = lessons.next()
    views, wanted = lesson.shown(mirrored=mirrored)
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        seen = student(views.contiguous(memory_format=torch.channels_last))
    said = seen.damage[lessons.singles :].float().mean(dim=(1, 2, 3)).unflatten(0, (-1, GROUP))
    losses = embedding_losses(seen.embedding.float(), wanted, scales)
    return {**losses, "damage": order_loss(said, lesson.damage, settings.temperature)}


def _parts(student: Student, decay: float) -> list[dict[str, Any]]:
    """Weights that shrink, and biases and norms that do not."""
    parameters = list(student.parameters())
    return [
        {"params": [one for one in parameters if one.ndim > 1], "weight_decay": decay},
        {"params": [one for one in parameters if one.ndim <= 1], "weight_decay": 0.0},
    ]


@torch.no_grad()
def _follow(average: Student, student: Student, kept: float) -> None:
    for mean, now in zip(average.state_dict().values(), student.state_dict().values(), strict=True):
        if mean.dtype.is_floating_point:
            mean.lerp_(now, 1 - kept)
        else:
            mean.copy_(now)


def _write(
    path: str,
    settings: Settings,
    step: int,
    student: Student,
    average: Student,
    optimiser: torch.optim.Optimizer,
) -> None:
    content = {
        "version": _VERSION,
        "settings": asdict(settings),
        "step": step,
        "student": student.state_dict(),
        "average": average.state_dict(),
        "optimiser": optimiser.state_dict(),
    }
    with written_whole(path) as temporary:
        torch.save(content, temporary)


def _resume(
    path: str, settings: Settings, student: Student, average: Student, optimiser: torch.optim.Optimizer
) -> int:
    """The step to go on with; 0 where there is no checkpoint. A run may go on longer, or differ in nothing else."""
    if not os.path.exists(path):
        return 0
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        same = {**content["settings"], "steps": settings.steps} == asdict(settings)
        if content["version"] != _VERSION or not same:
            raise WeightsError(f"{path} is of a run with other settings; give a new folder", path=path)
        student.load_state_dict(content["student"])
        average.load_state_dict(content["average"])
        optimiser.load_state_dict(content["optimiser"])
        return int(content["step"])
    except WeightsError:
        raise
    except Exception as error:
        raise WeightsError(
            f"{path} is damaged ({error}); remove it, or give a new folder", path=path
        ) from error
