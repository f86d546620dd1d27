"""How a long piece of work tells where it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """`stage` begins a piece of work of *total* steps; `step` says that one of them is done."""

    def stage(self, name: str, total: int) -> None: ...

    def step(self) -> None: ...


class NoProgress:
    """For those who do not want to know."""

    def stage(self, name: str, total: int) -> None:
        """Say nothing."""

    def step(self) -> None:
        """Say nothing."""
