"""What is asked of a model that sees, and who answers: the seam between the scorer and where its model runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Question:
    """prompt: the words. pictures: JPEGs that go before them. key: SHA-256 of what is asked about which photos."""

    prompt: str
    pictures: tuple[bytes, ...]
    key: str

    def seed(self, number: int) -> int:
        """Of answer *number*, in 31 bits: the same for the same question, whatever else is asked."""
        told = hashlib.blake2b(f"{self.key} {number}".encode(), digest_size=4).digest()
        return int.from_bytes(told, "big") >> 1


class NoAnswerError(Exception):
    """This answer did not come, for *reason*; another time it may."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Asker(Protocol):
    """A model that answers. ahead: how many answers it likes to have under way at once."""

    ahead: int

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that, if changed, changes an answer."""
        ...

    def ask(self, question: Question, numbers: Sequence[int]) -> list[Callable[[], str]]:
        """One wait for each of *numbers*: independent samples, each the same whatever the others are.

        A wait gives the answer as it came. It raises NoAnswerError, and ChatError, WeightsError or
        MissingExtraError where asking on makes no sense.
        """
        ...

    def rest(self) -> None:
        """Nothing more is asked for now; what is still under way is of no use."""
        ...
