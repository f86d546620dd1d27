"""What the student learns from: views with what the teacher says of them, each lesson made for its step."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from finepick.training.builtin.edited import EDITED
from finepick.training.builtin.teacher import HINT_LAYERS, PERCEPT_LAYERS, Teacher, distances
from finepick.training.builtin.views import Canvases, changed

VIEW_SIDE = 128
"""The side of views, in pixels."""

GROUP = 1 + EDITED

_AHEAD = 3


@dataclass(frozen=True, slots=True)
class Lesson:
    """views: (n, 3, VIEW_SIDE, VIEW_SIDE) in 0…1, single ones first, then groups of GROUP. hints: what the teacher says
    of them, layer by layer as in HINT_LAYERS, (n, channels, rows, columns). apart: how different the views of each
    group look to it, (groups, GROUP, GROUP)."""

    views: Tensor
    hints: list[Tensor]
    apart: Tensor


class Lessons:
    """As many lessons as are asked for, each a pure function of its number.

    Args:
        groups: edited parts (n, GROUP, side, side, 3), on disk or in memory.
        singles, grouped: views of a lesson, and groups of GROUP views behind them.
    """

    def __init__(
        self,
        canvases: Canvases,
        groups: NDArray[np.uint8],
        teacher: Teacher,
        *,
        singles: int = 11,
        grouped: int = 1,
        seed: int = 0,
    ) -> None:
        self._canvases, self._groups, self._teacher = canvases, groups, teacher
        self.singles, self._grouped = singles, grouped
        self._seed = seed

    def lesson(self, number: int) -> Lesson:
        """Thread-safe."""
        chance = torch.Generator().manual_seed(self._seed * 1_000_003 + number)
        parts = changed(self._canvases.parts(self.singles, VIEW_SIDE, chance), chance)
        views = torch.cat([parts, self._drawn_groups(chance)])
        pixels = np.ascontiguousarray((views * 255).round().to(torch.uint8).numpy())
        layers = tuple(sorted({*HINT_LAYERS, *PERCEPT_LAYERS}))
        maps = dict(zip(layers, self._teacher.maps(pixels, layers), strict=True))
        apart = distances([maps[layer][self.singles :] for layer in PERCEPT_LAYERS], GROUP)
        return Lesson(
            torch.from_numpy(pixels).float() / 255,
            [torch.from_numpy(maps[layer]) for layer in HINT_LAYERS],
            torch.from_numpy(apart).float(),
        )

    def from_number(self, number: int) -> Iterator[Lesson]:
        """The lessons from *number* on, made in a thread of their own while others are learned from."""
        with ThreadPoolExecutor(1) as maker:
            coming: deque[Future[Lesson]] = deque()
            try:
                while True:
                    while len(coming) < _AHEAD:
                        coming.append(maker.submit(self.lesson, number))
                        number += 1
                    yield coming.popleft().result()
            finally:
                for one in coming:
                    one.cancel()

    def _drawn_groups(self, chance: torch.Generator) -> Tensor:
        """The same square of every part of a group, at its own scale; half of them mirrored."""

        def draw(count: int) -> int:
            return int(torch.randint(count, (1,), generator=chance))

        room = self._groups.shape[2] - VIEW_SIDE + 1
        cut = []
        for _ in range(self._grouped):
            number, top, left, mirrored = draw(len(self._groups)), draw(room), draw(room), draw(2)
            square = self._groups[number, :, top : top + VIEW_SIDE, left : left + VIEW_SIDE]
            cut.append(torch.from_numpy(np.ascontiguousarray(square[:, :, ::-1] if mirrored else square)))
        return torch.cat(cut).permute(0, 3, 1, 2).float() / 255
