"""What the student learns from: views with what the teacher says of them, made now and shown several times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from finepick.training.builtin.damage import EDITED
from finepick.training.builtin.teacher import DAMAGE_LAYERS, Teacher, damage_of
from finepick.training.builtin.teacher import SIDE as TEACHER_SIDE
from finepick.training.builtin.views import Canvases, changed

VIEW_SIDE = 128
"""The side of the student's views, in pixels: the teacher looks at the same at its own 224."""

GROUP = 1 + EDITED


@dataclass(frozen=True, slots=True)
class Lesson:
    """views: (n, 3, VIEW_SIDE, VIEW_SIDE) uint8, single ones first, then groups of GROUP. embedding: what the teacher
    says, (n, channels, rows, columns) uint8, in steps of *step*. damage: (groups, GROUP), see `damage_of`."""

    views: Tensor
    embedding: Tensor
    step: float
    damage: Tensor

    def shown(self, *, mirrored: bool) -> tuple[Tensor, Tensor]:
        """Views in 0…1 and their maps of embeddings."""
        views, maps = self.views.float() / 255, self.embedding.float() * self.step
        return (views.flip(3), maps.flip(3)) if mirrored else (views, maps)


class Lessons:
    """An endless row of lessons, of which *kept* are remembered and come again.

    Args:
        groups: edited parts (n, GROUP, side, side, 3), on disk or in memory.
        singles, grouped: views of a lesson, and groups of GROUP views behind them.
        fresh: the share of lessons that are new.
    """

    def __init__(
        self,
        canvases: Canvases,
        groups: NDArray[np.uint8],
        teacher: Teacher,
        *,
        singles: int = 22,
        grouped: int = 2,
        fresh: float = 0.12,
        kept: int = 800,
        first: int = 40,
        seed: int = 0,
    ) -> None:
        self._canvases, self._groups, self._teacher = canvases, groups, teacher
        self.singles, self._grouped = singles, grouped
        self._fresh, self._most, self._first = fresh, kept, first
        self._kept: list[Lesson] = []
        self._chance = torch.Generator().manual_seed(seed)

    def next(self) -> tuple[Lesson, bool]:
        """A lesson, and whether it is to be shown mirrored."""
        if len(self._kept) >= self._first and float(torch.rand(1, generator=self._chance)) >= self._fresh:
            lesson = self._kept[self._draw(len(self._kept))]
            return lesson, bool(torch.rand(1, generator=self._chance) < 0.5)
        lesson = self._made()
        if len(self._kept) < self._most:
            self._kept.append(lesson)
        else:
            self._kept[self._draw(self._most)] = lesson
        return lesson, False

    def _draw(self, count: int) -> int:
        return int(torch.randint(count, (1,), generator=self._chance))

    def _made(self) -> Lesson:
        parts = changed(self._canvases.parts(self.singles, TEACHER_SIDE, self._chance), self._chance)
        groups = self._drawn_groups()
        last = self._teacher.layers - 1
        [embedding] = self._teacher.maps(_pixels(parts), (last,))
        maps = self._teacher.maps(_pixels(_resized(groups, TEACHER_SIDE)), DAMAGE_LAYERS)
        # One cell of the student is 32 of its own pixels, and covers more than one of the teacher's.
        both = torch.from_numpy(np.concatenate([embedding, maps[-1]]))
        pooled = functional.adaptive_avg_pool2d(both, VIEW_SIDE // 32)
        step = self._teacher.step(last)
        return Lesson(
            torch.from_numpy(_pixels(torch.cat([_resized(parts, VIEW_SIDE), groups]))),
            (pooled / step).round_().clamp_(0, 255).to(torch.uint8),
            step,
            torch.from_numpy(damage_of(maps, GROUP)).float(),
        )

    def _drawn_groups(self) -> Tensor:
        """The same square of every part of a group, at its own scale."""
        room = self._groups.shape[2] - VIEW_SIDE + 1
        cut = []
        for _ in range(self._grouped):
            number, top, left = self._draw(len(self._groups)), self._draw(room), self._draw(room)
            square = self._groups[number, :, top : top + VIEW_SIDE, left : left + VIEW_SIDE]
            cut.append(torch.from_numpy(np.ascontiguousarray(square)))
        return torch.cat(cut).permute(0, 3, 1, 2).float() / 255


def _resized(views: Tensor, side: int) -> Tensor:
    made: Tensor = functional.interpolate(
        views, size=(side, side), mode="bilinear", antialias=True, align_corners=False
    )
    return made.clamp(0, 1)


def _pixels(views: Tensor) -> NDArray[np.uint8]:
    return np.ascontiguousarray((views * 255).round().to(torch.uint8).numpy())


def usual_maps(lessons: Sequence[Lesson]) -> Tensor:
    """The maps of embeddings of *lessons*, to say what is usual."""
    return torch.cat([lesson.shown(mirrored=False)[1] for lesson in lessons])
