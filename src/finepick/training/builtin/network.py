"""The student: a small convolutional network that looks at a whole photo and, twice as close, at its parts.

Residual blocks of dense convolutions (He et al., CVPR 2016, section 3.3): on a CPU with matrix units they learn four
times as many views a second as inverted residuals of the same cost, and judge as fast (docs/experiments.md). Fully
convolutional: what it says are maps with a cell for every 32 pixels.

Between stages everything goes through what the teacher would say there (Romero et al., FitNets, ICLR 2015), so that a
stage can learn from the teacher's own maps before those under it are any good.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

CELL = 32
"""The side of a cell in pixels of the view; sides of views are multiples of it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Channels and blocks of the stages, whose cells are 4, 8, 16 and 32 pixels wide; channels of the teacher's maps
    that they follow, the last being its embedding; of a stage's texture, and of the percept."""

    widths: tuple[int, int, int, int] = (48, 96, 160, 320)
    depths: tuple[int, int, int, int] = (1, 2, 2, 2)
    hints: tuple[int, int, int, int] = (128, 256, 512, 1024)
    texture: int = 64
    percept: int = 32


@dataclass(frozen=True, slots=True)
class Seen:
    """What the network says of n views: maps (n, channels, rows, columns).

    stages: of cells 4, 8, 16 and 32 pixels wide. hints: what the teacher would say after each; the last is its
    embedding. percept: views look as different as the squared distance of these, averaged over cells.
    """

    stages: tuple[Tensor, ...]
    hints: tuple[Tensor, ...]
    percept: Tensor

    @property
    def embedding(self) -> Tensor:
        return self.hints[-1]


class Student(nn.Module):
    """Views (n, 3, rows, columns) in 0…1, sRGB, to `Seen`."""

    def __init__(self, shape: Shape = Shape()) -> None:
        super().__init__()
        self.shape = shape
        before = shape.widths[0]
        self.stem = nn.Sequential(
            nn.Conv2d(3, before, 8, 4, 2, bias=False), nn.BatchNorm2d(before), nn.ReLU(inplace=True)
        )
        self.stages, self.textures = nn.ModuleList(), nn.ModuleList()
        self.leave, self.enter = nn.ModuleList(), nn.ModuleList()
        for number, (width, depth) in enumerate(zip(shape.widths, shape.depths, strict=True)):
            if number:
                self.enter.append(nn.Conv2d(shape.hints[number - 1], before, 1))
            first = _Residual(before, width, stride=2 if number else 1)
            self.stages.append(nn.Sequential(first, *(_Residual(width, width) for _ in range(depth - 1))))
            self.leave.append(nn.Conv2d(width, shape.hints[number], 1))
            self.textures.append(_convolution(width, shape.texture, 1))
            before = width
        self.percept = nn.Conv2d(len(self.stages) * shape.texture, shape.percept, 1)

    def forward(self, views: Tensor, told: Sequence[Tensor | None] = (None, None, None)) -> Seen:
        """*told*: what the teacher said after a stage, for the next one to work on instead of what was seen."""
        maps = self.stem(views * 4 - 2)
        stages: list[Tensor] = []
        hints: list[Tensor] = []
        for number, stage in enumerate(self.stages):
            if number:
                given = told[number - 1]
                maps = self.enter[number - 1](hints[-1] if given is None else given)
            maps = stage(maps)
            stages.append(maps)
            hints.append(self.leave[number](maps))
        return Seen(tuple(stages), tuple(hints), self._perceived(stages))

    @torch.no_grad()
    def begin_at(self, means: Sequence[Tensor]) -> None:
        """Let every hint be its usual mean, a channel each, before anything was learned."""
        for leave, mean in zip(self.leave, means, strict=True):
            assert isinstance(leave, nn.Conv2d) and leave.bias is not None
            leave.bias.copy_(mean)

    def folded(self) -> Student:
        """The same network, to see with only: what lies between stages is one convolution, its hints are gone."""
        made = copy.deepcopy(self)
        for place, enter in enumerate(self.enter):
            made.enter[place], made.leave[place] = _product(enter, self.leave[place]), nn.Identity()
        return made

    def _perceived(self, stages: Sequence[Tensor]) -> Tensor:
        made = []
        for place, (texture, maps) in enumerate(zip(self.textures, stages, strict=True)):
            times = 2 ** (len(stages) - 1 - place)
            made.append(functional.avg_pool2d(texture(maps), times) if times > 1 else texture(maps))
        said: Tensor = self.percept(torch.cat(made, dim=1))
        return said


def _convolution(
    before: int, after: int, side: int, *, stride: int = 1, active: bool = True
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(before, after, side, stride, side // 2, bias=False),
        nn.BatchNorm2d(after),
    ]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if active else []))


@torch.no_grad()
def _product(outer: nn.Module, inner: nn.Module) -> nn.Conv2d:
    """One convolution of side 1 for two, *inner* first."""
    assert isinstance(outer, nn.Conv2d) and isinstance(inner, nn.Conv2d)
    assert outer.bias is not None and inner.bias is not None
    made = nn.Conv2d(inner.in_channels, outer.out_channels, 1)
    assert made.bias is not None
    weight = outer.weight[:, :, 0, 0]
    made.weight.copy_((weight @ inner.weight[:, :, 0, 0])[:, :, None, None])
    made.bias.copy_(weight @ inner.bias + outer.bias)
    return made


class _Residual(nn.Module):
    """Two convolutions; what comes in is added, through one of side 1 where it does not fit."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.first = _convolution(before, after, 3, stride=stride)
        self.second = _convolution(after, after, 3, active=False)
        fits = stride == 1 and before == after
        self.around = nn.Identity() if fits else _convolution(before, after, 1, stride=stride, active=False)

    def forward(self, maps: Tensor) -> Tensor:
        return functional.relu(self.second(self.first(maps)) + self.around(maps))
