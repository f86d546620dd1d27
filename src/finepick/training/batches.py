"""From the schedule to tensors: tokens of the photos of a batch, with their targets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from finepick.scorers.base import View
from finepick.scorers.fgaesq.ahead import read_ahead
from finepick.scorers.fgaesq.series import Plan, viewed_tokens
from finepick.scorers.fgaesq.tokens import Tokens
from finepick.training.augmentation import flipped_view
from finepick.training.examples import Examples
from finepick.training.schedule import Batch, Kind
from finepick.training.targets import SeriesTarget

_BATCHES_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Portion:
    """As many photos of a batch as go through the network at once: whole series, or photos one by one.

    patches (n, t, 3, 16, 16), marks (n, t), rows and columns (n, t, 14), as `Tokens` has them. Then for a FINE
    portion *series*, how many photos each series has, and what is said of it; for a COARSE one *shares* (n, 10).
    weight: the share of the batch that this is. seed: of what is random in it, whoever computes it.
    """

    patches: Tensor
    marks: Tensor
    rows: Tensor
    columns: Tensor
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
    batches: Iterable[Batch],
    *,
    most_photos: int,
    flip: bool,
    index: int = 0,
    count: int = 1,
) -> Iterator[PreparedBatch]:
    """*batches* with their tokens, made ahead of being asked for, in portions of at most *most_photos* photos
    (a longer series is a portion by itself).

    Of *count* processes number *index* gets every count-th portion; they are smaller than they might be where
    a process would have none. Raises ImageError.
    """

    def prepared(batch: Batch) -> PreparedBatch:
        return PreparedBatch(batch, tuple(_portions(examples, batch, most_photos, flip, index, count)))

    return read_ahead(map(prepared, batches), _BATCHES_AHEAD)


def _portions(
    examples: Examples, batch: Batch, most_photos: int, flip: bool, index: int, count: int
) -> Iterator[Portion]:
    is_fine = batch.kind is Kind.FINE
    sizes = [len(examples.series[number].photos) if is_fine else 1 for number in batch.members]
    most = min(most_photos, -(-sum(sizes) // count))
    for number, members in enumerate(_split(batch.members, sizes, most)):
        if number % count == index:
            seed = batch.seed + number
            rng, weight = np.random.default_rng(seed), len(members) / len(batch.members)
            make = _fine if is_fine else _coarse
            yield replace(make(examples, members, weight, rng, flip), seed=seed)


def _fine(
    examples: Examples, members: Sequence[int], weight: float, rng: np.random.Generator, flip: bool
) -> Portion:
    views: list[View] = []
    for number in members:
        one = examples.series[number]
        turned = flip and rng.random() < 0.5  # a series as a whole: its photos must stay comparable
        views += [_view(plan, photo, turned) for photo, plan in zip(one.photos, one.plans, strict=True)]
    chosen = [examples.series[number] for number in members]
    series = tuple((len(one.photos), one.target) for one in chosen)
    return Portion(*_tensors(examples, views), weight=weight, series=series)


def _coarse(
    examples: Examples, members: Sequence[int], weight: float, rng: np.random.Generator, flip: bool
) -> Portion:
    chosen = [examples.photos[number] for number in members]
    views = [_view(one.plan, one.photo, flip and rng.random() < 0.5) for one in chosen]
    shares = torch.from_numpy(np.stack([one.target for one in chosen]).astype(np.float32))
    return Portion(*_tensors(examples, views), weight=weight, shares=shares)


def _view(plan: Plan, photo: int, turned: bool) -> View:
    return flipped_view(plan, photo) if turned else plan.view(photo)


def _tensors(examples: Examples, views: Sequence[View]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    tokens = [viewed_tokens(arrays) for arrays in examples.frames.views(views)]
    return tensors_of(tokens)


def tensors_of(tokens: Sequence[Tokens]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Patches, marks, rows and columns of several photos."""
    patches, marks, rows, columns = (
        torch.from_numpy(np.stack([getattr(one, name) for one in tokens]))
        for name in ("patches", "marks", "rows", "columns")
    )
    return patches, marks, rows, columns


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
