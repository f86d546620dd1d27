"""What the student is told to be wrong: where it sees other than its teacher, and where it finds views more or less
alike than its teacher does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_LEAST = 0.02  # a channel that hardly ever speaks must not weigh more than all others


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual of the teacher's maps: means and variances (c,) of each layer's cells, and variances (c,) of the
    means of the last one over a view."""

    means: list[Tensor]
    by_cell: list[Tensor]
    by_view: Tensor

    @classmethod
    def of(cls, maps: Sequence[Tensor]) -> Usual:
        """Of maps (n, c, rows, columns), layer by layer."""
        return cls(
            [layer.mean(dim=(0, 2, 3)) for layer in maps],
            [layer.var(dim=(0, 2, 3)).clamp_min(_LEAST) for layer in maps],
            maps[-1].mean(dim=(2, 3)).var(dim=0).clamp_min(_LEAST),
        )


def hint_loss(
    said: Sequence[Tensor], wanted: Sequence[Tensor], usual: Usual, weights: Sequence[float]
) -> Tensor:
    """Mean squared errors of maps (n, c, rows, columns), layer by layer, in parts of what is usual, by *weights*."""
    total = torch.zeros(())
    for one, other, scale, weight in zip(said, wanted, usual.by_cell, weights, strict=True):
        total = total + weight * (((one - other) ** 2).mean(dim=(0, 2, 3)) / scale).mean()
    return total


def view_loss(said: Tensor, wanted: Tensor, usual: Usual) -> Tensor:
    """Of maps (n, c, rows, columns): the mean squared error of their means over a view, in parts of what is usual."""
    apart = said.mean(dim=(2, 3)) - wanted.mean(dim=(2, 3))
    return ((apart**2).mean(dim=0) / usual.by_view).mean()


def percept_loss(percept: Tensor, wanted: Tensor) -> Tensor:
    """The mean squared error of how different views of a group look.

    *percept*: (groups · n, c, rows, columns); *wanted*: (groups, n, n), see `teacher.distances`.
    """
    return ((percept_distances(percept, wanted.shape[1]) - wanted) ** 2).mean()


def percept_distances(percept: Tensor, group: int) -> Tensor:
    """How different views look, (groups, n, n): log(1 + 2 d), d the mean squared distance of their cells."""
    cells = percept.reshape(-1, group, *percept.shape[1:]).flatten(3)
    apart = (cells[:, :, None] - cells[:, None]).pow(2).sum(dim=3).mean(dim=3)
    return torch.log1p(2 * apart)
