"""Where a training run stands, on disk: written whole or not at all, read without running what it holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from finepick.errors import WeightsError
from finepick.scorers.fgaesq.weight_files import written_whole

_VERSION = 1


@dataclass(slots=True)
class Progress:
    """Everything that a run needs to go on exactly where it was.

    epoch, batch: the next one. sums: of this epoch's losses by name, with their counts. rows: the log so far.
    best: the highest validation score and the epoch it was reached in.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    sums: dict[str, list[float]] = field(default_factory=dict)
    rows: list[dict[str, float | int | str]] = field(default_factory=list)
    best_score: float = float("-inf")
    best_epoch: int = -1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """recipe: what the run was asked for; another one cannot go on from here. state, average: weights by name."""

    recipe: str
    progress: Progress
    state: dict[str, Tensor]
    average: dict[str, Tensor]
    best: dict[str, Tensor]
    optimiser: dict[str, Any]


def write_checkpoint(path: str, checkpoint: Checkpoint) -> None:
    """Raises OutputError; what stood at *path* then still stands there."""
    progress = checkpoint.progress
    content = {
        "version": _VERSION,
        "recipe": checkpoint.recipe,
        "progress": {name: getattr(progress, name) for name in Progress.__slots__},
        "state": checkpoint.state,
        "average": checkpoint.average,
        "best": checkpoint.best,
        "optimiser": checkpoint.optimiser,
    }
    with written_whole(path) as temporary:
        torch.save(content, temporary)


def read_checkpoint(path: str) -> Checkpoint:
    """Raises WeightsError where *path* is damaged or of another version."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["version"] != _VERSION:
            raise WeightsError(
                f"{path} was written by another version of Finepick; start the run in a new folder", path=path
            )
        return Checkpoint(
            content["recipe"],
            Progress(**content["progress"]),
            content["state"],
            content["average"],
            content["best"],
            content["optimiser"],
        )
    except WeightsError:
        raise
    except Exception as error:
        raise WeightsError(
            f"{path} is damaged and cannot be gone on from; remove it to start again", path=path
        ) from error
