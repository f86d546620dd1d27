"""From the schedule to tensors: tokens of the photos of a batch, with their targets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from finepick.scorers.fgaesq.ahead import read_ahead
from finepick.scorers.fgaesq.series import most_important
from finepick.training.augmentation import Augmentation, Glance
from finepick.training.cutting import Cuts, cut
from finepick.training.examples import Examples, Sight
from finepick.training.pictures import Pictures
from finepick.training.schedule import Batch, Kind
from finepick.training.targets import SeriesTarget

_BATCHES_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Portion:
    """As many photos of a batch as go through the network at once: whole series, or photos one by one.

    cuts: their n photos as tokens. Then for a FINE portion *series*, how many photos each series has, and what is
    said of it; for a COARSE one *shares* (n, 10). weight: the share of the batch that this is. seed: of what is
    random in it, whoever computes it.
    """

    cuts: Cuts
    weight: float
    series: tuple[tuple[int, SeriesTarget], ...] = ()
    shares: Tensor | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class PreparedBatch:
    """*batch* and one's own share of its portions, which may be none."""

    batch: Batch
    portions: tuple[Portion, ...]


def prepare_batches(
    examples: Examples,
    pictures: Pictures,
    batches: Iterable[Batch],
    *,
    most_photos: int,
    augmentation: Augmentation,
    dtype: torch.dtype = torch.float32,
    index: int = 0,
    count: int = 1,
) -> Iterator[PreparedBatch]:
    """*batches* with their tokens, made ahead of being asked for, in portions of at most *most_photos* photos
    (a longer series is a portion by itself). *pictures* are those of `examples.frames`.

    Of *count* processes number *index* gets every count-th portion; they are smaller than they might be where
    a process would have none. Raises ImageError.
    """
    maker = _Maker(examples, pictures, augmentation, dtype)

    def prepared(batch: Batch) -> PreparedBatch:
        return PreparedBatch(batch, tuple(maker.portions(batch, most_photos, index, count)))

    return read_ahead(map(prepared, batches), _BATCHES_AHEAD)


@dataclass(frozen=True, slots=True)
class _Maker:
    examples: Examples
    pictures: Pictures
    augmentation: Augmentation
    dtype: torch.dtype

    def portions(self, batch: Batch, most_photos: int, index: int, count: int) -> Iterator[Portion]:
        series = self.examples.series
        is_fine = batch.kind is Kind.FINE
        sizes = [len(series[number].photos) if is_fine else 1 for number in batch.members]
        most = min(most_photos, -(-sum(sizes) // count))
        for number, members in enumerate(_split(batch.members, sizes, most)):
            if number % count == index:
                seed = batch.seed + number
                rng, weight = np.random.default_rng(seed), len(members) / len(batch.members)
                make = self._fine if is_fine else self._coarse
                yield replace(make(members, weight, rng), seed=seed)

    def _fine(self, members: Sequence[int], weight: float, rng: np.random.Generator) -> Portion:
        chosen = [self.examples.series[number] for number in members]
        looks: list[tuple[int, Sight, Glance]] = []
        for one in chosen:
            glance = self.augmentation.draw(rng)
            looks += [(photo, sight, glance) for photo, sight in zip(one.photos, one.sights, strict=True)]
        series = tuple((len(one.photos), one.target) for one in chosen)
        return Portion(self._cuts(looks), weight=weight, series=series)

    def _coarse(self, members: Sequence[int], weight: float, rng: np.random.Generator) -> Portion:
        chosen = [self.examples.photos[number] for number in members]
        looks = [(one.photo, one.sight, self.augmentation.draw(rng)) for one in chosen]
        shares = torch.from_numpy(np.stack([one.target for one in chosen]).astype(np.float32))
        return Portion(self._cuts(looks), weight=weight, shares=shares)

    def _cuts(self, looks: Sequence[tuple[int, Sight, Glance]]) -> Cuts:
        pictures = self.pictures.take((photo, *sight.importance.shape) for photo, sight, _ in looks)
        parts = [
            glance.at(picture, sight.importance)
            for picture, (_, sight, glance) in zip(pictures, looks, strict=True)
        ]
        fine = [
            most_important(part, sight.fine_blocks)
            for (_, part), (_, sight, _) in zip(parts, looks, strict=True)
        ]
        return cut([picture for picture, _ in parts], fine, tokens=self.examples.tokens, dtype=self.dtype)


def _split(members: Sequence[int], sizes: Sequence[int], most: int) -> Iterator[tuple[int, ...]]:
    """*members* in order, cut where the next one would make more than *most* photos."""
    part: list[int] = []
    filled = 0
    for member, size in zip(members, sizes, strict=True):
        if part and filled + size > most:
            yield tuple(part)
            part, filled = [], 0
        part.append(member)
        filled += size
    if part:
        yield tuple(part)
