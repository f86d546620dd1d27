"""What people said of pictures: series compared or rated inside, photos rated one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Pair:
    """p: probability that photo *a* is preferred over *b* (places in `LabelledSeries.photos`, from 0).

    n: votes behind it, None where unknown. text: how a differs from b, in words, or None.
    """

    a: int
    b: int
    p: float
    n: int | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class LabelledSeries:
    """One series with at least one of pairs, ranks (1 = best) and scores (means, higher is better).

    photos: paths relative to the data set's folder. split: "train", "val", "test" or "" where there is none.
    scale: lowest and highest answer that people could give. others: whatever else its row said, kept as it is.
    """

    series: str
    photos: tuple[str, ...]
    pairs: tuple[Pair, ...] = ()
    ranks: tuple[int, ...] | None = None
    scores: tuple[float, ...] | None = None
    scale: tuple[float, float] | None = None
    category: str = ""
    split: str = ""
    others: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LabelledPhoto:
    """One photo with the mean of its ratings on a scale from *low* to *high* (None where unknown).

    file: path relative to the data set's folder. votes: how many gave each answer, lowest first, where known.
    """

    file: str
    score: float
    std: float | None = None
    n: int | None = None
    low: float | None = None
    high: float | None = None
    votes: tuple[float, ...] | None = None
    category: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something odd that was found and kept: a doubled row, a tie, ranks that contradict pairs.

    place: "FILE:LINE" where there is one. kind: a stable word, such as "duplicate".
    """

    kind: str
    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set as read; paths of photos are relative to *folder*. remarks: what was odd, nothing was dropped."""

    name: str
    folder: str
    series: tuple[LabelledSeries, ...] = ()
    photos: tuple[LabelledPhoto, ...] = ()
    remarks: tuple[Remark, ...] = ()
