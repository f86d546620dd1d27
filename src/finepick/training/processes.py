"""The processes that teach one network together: one, or as many as `torchrun` or `accelerate launch` started."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import TracebackType
from typing import TypeVar

from finepick.errors import FinepickError, MissingExtraError, UsageError

try:
    import torch
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list, gather_object
    from torch import Tensor, nn
except ImportError as error:
    raise MissingExtraError("training", extra="train") from error

T = TypeVar("T")

_LONGEST_WAIT = timedelta(days=1)
"""One waits for another that reads photos, asks for captions or validates; one that died is seen by the launcher."""


class LostProcessError(FinepickError):
    """Another process of this training has ended."""

    kind = "processes"


class Processes:
    """This process among those that train together: all call the same methods in the same order,
    which raise LostProcessError where one of them is gone.

    index, count: which of how many. here: how many of them share this machine. device: this one's own: the GPU
    where there is one, else MPS, else the CPU. The main process, 0, is the one that writes and speaks.
    """

    def __init__(self) -> None:
        """Join those that were started together. Raises UsageError where they cannot train together here."""
        self.here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        started = int(os.environ.get("WORLD_SIZE", "1"))
        if torch.cuda.is_available() and not _is_kept_from_gpus() and self.here > torch.cuda.device_count():
            raise UsageError(
                f"{self.here} processes were started for {torch.cuda.device_count()} GPUs; start one for each"
            )
        is_on_cpu = _is_kept_from_gpus() or not torch.accelerator.is_available()
        self._state = PartialState(cpu=is_on_cpu, timeout=_LONGEST_WAIT)
        self.count, self.index = int(self._state.num_processes), int(self._state.process_index)
        self.device: torch.device = self._state.device
        if self.count < started:
            raise UsageError(
                f"{started} processes were started, which cannot train together on the device "
                f"'{self.device.type}'; start one, or set ACCELERATE_USE_CPU=1"
            )

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:  # after an error the others may wait for this one, and it must not wait for them
            self._state.destroy_process_group()

    @property
    def is_main(self) -> bool:
        return self.index == 0

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """A block that the others enter once the main process has left it."""
        if not self.is_main:
            self.gathered(None)
        yield
        if self.is_main:
            self.gathered(None)

    def agreed(self, answer: Callable[[], T]) -> T:
        """What *answer* gives the main process, for all; it is called in that one only, the others wait."""
        own = answer() if self.is_main else None
        with _others_there():
            (found,) = broadcast_object_list([own])
        return found  # type: ignore[no-any-return]

    def gathered(self, value: T) -> list[T]:
        """The *value* of each process, by index."""
        with _others_there():
            values: list[T] = gather_object([value])
        return values

    @torch.no_grad()
    def add_gradients(self, weights: Iterable[nn.Parameter]) -> None:
        """Let every gradient be the sum over all processes; one that a process lacks counts as zero."""
        if self.count == 1:
            return
        weights = list(weights)
        own = [weight.new_zeros(weight.shape) if weight.grad is None else weight.grad for weight in weights]
        whole = self.summed(torch.cat([gradient.flatten() for gradient in own]))
        parts = torch.split(whole, [weight.numel() for weight in weights])
        for weight, part in zip(weights, parts, strict=True):
            weight.grad = part.view_as(weight)

    @torch.no_grad()
    def summed(self, own: Tensor) -> Tensor:
        """The sum of what each process has of its *own*."""
        if self.count == 1:
            return own
        whole = own.clone()
        with _others_there():
            torch.distributed.all_reduce(whole)
        return whole


@contextmanager
def _others_there() -> Iterator[None]:
    """What torch says where another process went away, as one of our errors."""
    try:
        yield
    except RuntimeError as error:
        raise LostProcessError(
            "another process of this training has ended; see what it said, and give the same command again"
        ) from error


def _is_kept_from_gpus() -> bool:
    """What `accelerate launch --cpu` says."""
    return os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes")
