"""The student: a small convolutional network that looks at a whole photo and, twice as close, at its parts.

Residual blocks of dense convolutions (He et al., CVPR 2016, section 3.3): on a CPU with matrix units they learn four
times as many views a second as inverted residuals of the same cost, and judge as fast (docs/experiments.md). Fully
convolutional: every output is a map with a cell for every 32 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

CELL = 32
"""The side of a cell in pixels of the view; sides of views are multiples of it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Channels and blocks of the stages, whose cells are 4, 8, 16 and 32 pixels wide."""

    widths: tuple[int, int, int, int] = (40, 80, 160, 320)
    depths: tuple[int, int, int, int] = (1, 2, 2, 2)
    embedding: int = 1024
    damage: int = 96


@dataclass(frozen=True, slots=True)
class Seen:
    """What the network says of n views: maps (n, channels, rows, columns).

    stages: of cells 4, 8, 16 and 32 pixels wide. embedding: what the teacher would say. damage: by how much edits
    have hurt, one channel, higher is worse.
    """

    stages: tuple[Tensor, Tensor, Tensor, Tensor]
    embedding: Tensor
    damage: Tensor


class Student(nn.Module):
    """Views (n, 3, rows, columns) in 0…1, sRGB, to `Seen`."""

    def __init__(self, shape: Shape = Shape()) -> None:  # noqa: B008: frozen
        super().__init__()
        self.shape = shape
        before = shape.widths[0]
        self.stem = nn.Sequential(
            nn.Conv2d(3, before, 8, 4, 2, bias=False), nn.BatchNorm2d(before), nn.ReLU(inplace=True)
        )
        self.stages = nn.ModuleList()
        for number, (width, depth) in enumerate(zip(shape.widths, shape.depths, strict=True)):
            first = _Residual(before, width, stride=2 if number else 1)
            self.stages.append(nn.Sequential(first, *(_Residual(width, width) for _ in range(depth - 1))))
            before = width
        self.embedding = _convolution(before, shape.embedding, 1)
        self.texture = nn.Conv2d(shape.widths[2], shape.damage, 1)
        self.scene = nn.Conv2d(before, shape.damage, 1)
        self.damage = nn.Conv2d(shape.damage, 1, 1)

    def forward(self, views: Tensor) -> Seen:
        maps = self.stem(views * 4 - 2)
        stages = []
        for stage in self.stages:
            maps = stage(maps)
            stages.append(maps)
        texture = functional.avg_pool2d(functional.relu(self.texture(stages[-2])), 2)
        damage = self.damage(texture + functional.relu(self.scene(stages[-1])))
        return Seen(tuple(stages), self.embedding(stages[-1]), damage)


def _convolution(
    before: int, after: int, side: int, *, stride: int = 1, active: bool = True
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(before, after, side, stride, side // 2, bias=False),
        nn.BatchNorm2d(after),
    ]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if active else []))


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
