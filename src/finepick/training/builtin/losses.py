"""What the student is told to be wrong: where it sees other than its teacher, and where it orders damage otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Scales:
    """What is usual: variances of an embedding's channels by cell (c,) and by view (c,), and, with *directions*
    (k, c) in which the teacher's embedding says what people like, of those readings (k,)."""

    by_cell: Tensor
    by_view: Tensor
    directions: Tensor
    by_direction: Tensor

    @classmethod
    def of(cls, maps: Tensor, directions: Tensor) -> Scales:
        """Of maps (n, c, rows, columns)."""
        means = maps.mean(dim=(2, 3))
        return cls(
            maps.var(dim=(0, 2, 3)).clamp_min(_LEAST),
            means.var(dim=0).clamp_min(_LEAST),
            directions,
            (means @ directions.T).var(dim=0).clamp_min(1e-6),
        )


_LEAST = 0.02  # a channel that hardly ever speaks must not weigh more than all others


def embedding_losses(seen: Tensor, wanted: Tensor, scales: Scales) -> dict[str, Tensor]:
    """Mean squared errors of maps (n, c, rows, columns), in parts of what is usual: of cells, of their means over a
    view, and of what those means say people like."""
    means, wanted_means = seen.mean(dim=(2, 3)), wanted.mean(dim=(2, 3))
    said = (means - wanted_means) @ scales.directions.T
    return {
        "cells": (((seen - wanted) ** 2).mean(dim=(0, 2, 3)) / scales.by_cell).mean(),
        "views": (((means - wanted_means) ** 2).mean(dim=0) / scales.by_view).mean(),
        "liking": ((said**2).mean(dim=0) / scales.by_direction).mean(),
    }


def order_loss(said: Tensor, wanted: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of all pairs in a group: *said* and *wanted* (groups, n), higher is worse, soft by *temperature*.

    P(a is worse than b) = σ((wanted_a − wanted_b) / temperature): pairs that hardly differ say hardly anything.
    """
    first, second = torch.triu_indices(said.shape[1], said.shape[1], 1)
    target = torch.sigmoid((wanted[:, first] - wanted[:, second]) / temperature)
    return functional.binary_cross_entropy_with_logits(said[:, first] - said[:, second], target)
