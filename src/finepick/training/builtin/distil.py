"""The student follows its teacher: steps over lessons, resumable at any of them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from finepick.errors import OutputError, WeightsError
from finepick.scorers.fgaesq.weight_files import written_whole
from finepick.training.builtin.lessons import Lesson, Lessons
from finepick.training.builtin.losses import Usual, hint_loss, percept_loss, view_loss
from finepick.training.builtin.muon import Muon
from finepick.training.builtin.network import Student

CHECKPOINT = "student.pt"

_VERSION = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """steps: how many lessons in all. The rate of learning rises over *warm_up* steps, stays, and falls in the last
    third. average: of the weights that are kept, how much of them one step leaves as it is.

    apart: the share of steps in which every stage works on the teacher's maps; over *weaning* more, fewer and fewer
    stages do; then none. hints: weights of the stages' errors by cell, and *views*, *percept* of the other losses.
    """

    steps: int = 15_000
    rate: float = 2e-3
    decay: float = 0.05
    warm_up: int = 60
    average: float = 0.998
    apart: float = 0.04
    weaning: float = 0.2
    hints: tuple[float, float, float, float] = (0.3, 0.3, 0.3, 0.5)
    views: float = 1.0
    percept: float = 2.0
    seed: int = 0

    def rate_at(self, step: int) -> float:
        left = (self.steps - step) / (self.steps / 3)
        return self.rate * min(1.0, (step + 1) / self.warm_up) * max(0.003, min(1.0, left))

    def told_at(self, step: int) -> float:
        """The chance that a stage works on what the teacher says."""
        done = step / self.steps - self.apart
        return 1.0 if done < 0 else max(0.0, 0.7 * (1 - done / self.weaning))


Report = Callable[[int, dict[str, float]], None]


def distil(
    lessons: Lessons,
    settings: Settings,
    folder: str,
    *,
    report: Report,
    step_done: Callable[[], None] = lambda: None,
    every: int = 200,
    half: bool = True,
) -> Student:
    """The student after all steps, with averaged weights.

    Goes on from the checkpoint in *folder*, written after each *every* steps, and ends in the weights of a run that
    was never interrupted. *report* is told the mean losses since it was told last. *half*: compute in bf16. Raises
    WeightsError where the checkpoint is damaged or of other settings, OutputError.
    """
    torch.manual_seed(settings.seed)
    student = Student()
    samples = [lessons.lesson(-one).hints for one in range(1, 9)]
    usual = Usual.of([torch.cat(layer) for layer in zip(*samples, strict=True)])
    student.begin_at(usual.means)
    student.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = Student(student.shape)
    average.load_state_dict(student.state_dict())
    optimisers = _optimisers(student, settings)
    path = os.path.join(folder, CHECKPOINT)
    begun = _resume(path, settings, student, average, optimisers)
    sums: dict[str, float] = {}
    student.train()
    with _on_one_core():
        for step, lesson in zip(range(begun, settings.steps), lessons.from_number(begun), strict=False):
            for optimiser in optimisers:
                for group in optimiser.param_groups:
                    group["lr"] = settings.rate_at(step)
            losses = _losses(student, lesson, lessons.singles, usual, settings, step, half=half)
            total = sum(losses.values(), torch.zeros(()))
            if not math.isfinite(total.item()):
                raise OutputError(
                    f"the student's losses went to {total.item()} at step {step}; begin with a lower rate"
                )
            student.zero_grad(set_to_none=True)
            torch.autograd.backward(total)
            nn.utils.clip_grad_norm_(student.parameters(), 2.0)
            for optimiser in optimisers:
                optimiser.step()
            step_done()
            _follow(average, student, min(settings.average, (1 + step) / (10 + step)))
            for name, loss in losses.items():
                sums[name] = sums.get(name, 0.0) + loss.item()
            if (step + 1) % every == 0 or step + 1 == settings.steps:
                _write(path, settings, step + 1, student, average, optimisers)
                count = (step % every) + 1
                report(step + 1, {name: loss / count for name, loss in sums.items()})
                sums = {}
    return average.eval()


@contextmanager
def _on_one_core() -> Iterator[None]:
    """The next lessons are made on another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _losses(
    student: Student,
    lesson: Lesson,
    singles: int,
    usual: Usual,
    settings: Settings,
    step: int,
    *,
    half: bool,
) -> dict[str, Tensor]:
    chance = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
    told = [
        hint.contiguous(memory_format=torch.channels_last)
        if float(torch.rand(1, generator=chance)) < settings.told_at(step)
        else None
        for hint in lesson.hints[:-1]
    ]
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        seen = student(lesson.views.contiguous(memory_format=torch.channels_last), told)
    said = [hint.float() for hint in seen.hints]
    return {
        "hints": hint_loss(said, lesson.hints, usual, settings.hints),
        "views": settings.views * view_loss(said[-1], lesson.hints[-1], usual),
        "percept": settings.percept * percept_loss(seen.percept[singles:].float(), lesson.apart),
    }


def _optimisers(student: Student, settings: Settings) -> list[torch.optim.Optimizer]:
    """One for weights that shrink, and one for biases and norms, which do not."""
    parameters = list(student.parameters())
    return [
        Muon([one for one in parameters if one.ndim > 1], settings.rate, decay=settings.decay),
        torch.optim.AdamW(
            [one for one in parameters if one.ndim <= 1],
            lr=settings.rate,
            betas=(0.9, 0.99),
            weight_decay=0.0,
        ),
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
    optimisers: Sequence[torch.optim.Optimizer],
) -> None:
    content = {
        "version": _VERSION,
        "settings": asdict(settings),
        "step": step,
        "student": student.state_dict(),
        "average": average.state_dict(),
        "optimisers": [one.state_dict() for one in optimisers],
    }
    with written_whole(path) as temporary:
        torch.save(content, temporary)


def _resume(
    path: str,
    settings: Settings,
    student: Student,
    average: Student,
    optimisers: Sequence[torch.optim.Optimizer],
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
        for optimiser, state in zip(optimisers, content["optimisers"], strict=True):
            optimiser.load_state_dict(state)
        return int(content["step"])
    except WeightsError:
        raise
    except Exception as error:
        raise WeightsError(
            f"{path} is damaged ({error}); remove it, or give a new folder", path=path
        ) from error
