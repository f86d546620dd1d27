"""What is learned when: batches of whole series and batches of photos, as plain lists that a seed decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class Kind(StrEnum):
    """FINE: whole series, their order is learned. COARSE: photos one by one, their ratings are learned."""

    FINE = "fine"
    COARSE = "coarse"


@dataclass(frozen=True, slots=True)
class Batch:
    """members: places of series (FINE) or photos (COARSE) in the training data. seed: of what is random in it."""

    kind: Kind
    members: tuple[int, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """Coarse epochs first, then joint ones in which fine and coarse batches alternate (section 3 of the paper).

    series_sizes: how many photos each series has. photos: how many coarse photos there are. fine_images: photos
    of a fine batch at most, in whole series (a longer series is a batch by itself). coarse_images: of a coarse
    one. A joint epoch shows every series once; coarse photos go round at their own pace, each once before any
    comes again. Without coarse photos joint epochs are fine alone, and the other way round.
    """

    series_sizes: Sequence[int]
    photos: int
    coarse_epochs: int = 3
    joint_epochs: int = 7
    fine_images: int = 64
    coarse_images: int = 128
    seed: int = 0

    def epochs(self) -> list[list[Batch]]:
        """The batches of every epoch."""
        rounds = self._coarse_rounds()
        first = [next(rounds) for _ in range(self.coarse_epochs)] if self.photos else []
        return [*first, *self._joint_epochs()]

    def _joint_epochs(self) -> Iterator[list[Batch]]:
        coarse = (batch for batches in self._coarse_rounds(after=self.coarse_epochs) for batch in batches)
        for epoch in range(self.joint_epochs):
            rng = self._rng(1, epoch)
            if not self.series_sizes:
                yield _numbered(_chunks(rng.permutation(self.photos), self.coarse_images), Kind.COARSE, rng)
                continue
            fine = _numbered(_whole_series(rng, self.series_sizes, self.fine_images), Kind.FINE, rng)
            yield [one for batch in fine for one in ((batch, next(coarse)) if self.photos else (batch,))]

    def _coarse_rounds(self, after: int = 0) -> Iterator[list[Batch]]:
        turn = after
        while self.photos:
            rng = self._rng(0, turn)
            yield _numbered(_chunks(rng.permutation(self.photos), self.coarse_images), Kind.COARSE, rng)
            turn += 1

    def _rng(self, *place: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, *place))


def _whole_series(rng: np.random.Generator, sizes: Sequence[int], most: int) -> list[list[int]]:
    batches: list[list[int]] = [[]]
    filled = 0
    for number in rng.permutation(len(sizes)).tolist():
        if batches[-1] and filled + sizes[number] > most:
            batches.append([])
            filled = 0
        batches[-1].append(number)
        filled += sizes[number]
    return batches


def _chunks(order: np.ndarray[tuple[int], np.dtype[np.int64]], size: int) -> list[list[int]]:
    return [order[start : start + size].tolist() for start in range(0, len(order), size)]


def _numbered(groups: Sequence[Sequence[int]], kind: Kind, rng: np.random.Generator) -> list[Batch]:
    return [Batch(kind, tuple(group), int(rng.integers(2**31))) for group in groups]
