"""What there is to be right about: pairs with a known order, series with a known best, photos with a mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from finepick.datasets.records import Dataset, LabelledPhoto, LabelledSeries, Pair, Remark
from finepick.domain import FloatArray

DEFAULT_SPLIT = "test"
"""Where rows without a split belong."""

_ROUNDING = 1e-9  # .8 and 1 − .2 are one probability, and 3.3 − 3 is not more than .3, whatever binary says


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """Photos *a* < *b* of a series; label: 1 where people prefer a, −1 where b.

    source: "pairs", "scores" or "ranks". p: P(a preferred), where people compared the two.
    """

    a: int
    b: int
    label: int
    source: str
    p: float | None = None


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What is measured, the same for every model: series, their pairs, and photos with means.

    pairs: those of each series, in the order of *series*. places: for each series, where its photos stood before
    any were left out. photos: for `srcc` and `plcc`; an entry a photo of a series, or a row of `coarse.csv` where
    the set has that.
    """

    series: tuple[LabelledSeries, ...]
    pairs: tuple[tuple[LabelledPair, ...], ...]
    places: tuple[tuple[int, ...], ...]
    photos: tuple[LabelledPhoto, ...]

    @property
    def files(self) -> list[str]:
        """Every photo that is judged, once."""
        of_series = [photo for series in self.series for photo in series.photos]
        return list(dict.fromkeys([*of_series, *(photo.file for photo in self.photos)]))

    @property
    def n_pairs(self) -> int:
        return sum(map(len, self.pairs))


def choose_benchmark(
    dataset: Dataset, splits: Sequence[str], *, min_gap: float = 0.0, without: Iterable[str] = ()
) -> Benchmark:
    """What *splits* of *dataset* ask; *min_gap*: by how much means must differ, *without*: photos left out."""
    lost = frozenset(without)
    chosen = [one for one in dataset.series if (one.split or DEFAULT_SPLIT) in splits]
    kept = [tuple(i for i, photo in enumerate(one.photos) if photo not in lost) for one in chosen]
    left = [(_only(one, places), places) for one, places in zip(chosen, kept, strict=True) if places]
    series = tuple(one for one, _ in left)
    rated = tuple(
        one for one in dataset.photos if (one.split or DEFAULT_SPLIT) in splits and one.file not in lost
    )
    return Benchmark(
        series=series,
        pairs=tuple(labelled_pairs(one, min_gap=min_gap) for one in series),
        places=tuple(places for _, places in left),
        photos=rated or tuple(_pooled(series)),
    )


def labelled_pairs(series: LabelledSeries, *, min_gap: float = 0.0) -> tuple[LabelledPair, ...]:
    """Pairs of *series* whose order is known: from its pairs, else its scores, else its ranks.

    A pair listed twice counts once, its p weighted by n; p = ½ is left out. Scores must differ by more than *min_gap*.
    """
    if series.pairs:
        return tuple(_from_pairs(series.pairs))
    if series.scores is not None:
        return tuple(_from_values(series.scores, min_gap, "scores"))
    return tuple(_from_values([-rank for rank in series.ranks or ()], 0.0, "ranks"))


def annotated_values(series: LabelledSeries) -> FloatArray | None:
    """What people said of each photo (k,), higher is better: scores, else ranks turned round; else None."""
    if series.scores is not None:
        return np.array(series.scores, np.float64)
    return None if series.ranks is None else -np.array(series.ranks, np.float64)


def peculiarities(benchmark: Benchmark) -> list[Remark]:
    """What a reader of the figures should know about the labels behind them."""
    found = []
    alone = [one.series for one in benchmark.series if len(one.photos) == 1]
    if alone:
        text = f"{len(alone)} series have one photo, whose best cannot be missed; s_acc counts them"
        found.append(Remark("nothing_to_choose", "", text))
    scales = {one.scale for one in benchmark.series if one.scores is not None}
    scales |= {
        (one.low, one.high) for one in benchmark.photos if one.low is not None and one.high is not None
    }
    if len(scales - {None}) > 1:
        text = "means on different scales are compared as they are by srcc and plcc"
        found.append(Remark("mixed_scales", "", text))
    return found


def _only(series: LabelledSeries, kept: Sequence[int]) -> LabelledSeries:
    """*series* with the photos at the places *kept* alone."""
    if len(kept) == len(series.photos):
        return series
    place = {old: new for new, old in enumerate(kept)}
    return replace(
        series,
        photos=tuple(series.photos[i] for i in kept),
        pairs=tuple(
            replace(pair, a=place[pair.a], b=place[pair.b])
            for pair in series.pairs
            if pair.a in place and pair.b in place
        ),
        ranks=None if series.ranks is None else tuple(series.ranks[i] for i in kept),
        scores=None if series.scores is None else tuple(series.scores[i] for i in kept),
    )


def _pooled(series: Iterable[LabelledSeries]) -> list[LabelledPhoto]:
    return [
        LabelledPhoto(file, score, category=one.category, split=one.split)
        for one in series
        if one.scores is not None
        for file, score in zip(one.photos, one.scores, strict=True)
    ]


def _from_pairs(pairs: Iterable[Pair]) -> Iterator[LabelledPair]:
    votes: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for pair in pairs:
        p = pair.p if pair.a < pair.b else 1.0 - pair.p
        weight = 1.0 if pair.n is None else float(pair.n)
        votes.setdefault((min(pair.a, pair.b), max(pair.a, pair.b)), []).append((p, weight))
    for (a, b), said in votes.items():
        p = _weighted_mean(said)
        if abs(p - 0.5) > _ROUNDING:
            yield LabelledPair(a, b, 1 if p > 0.5 else -1, "pairs", p)


def _weighted_mean(said: Sequence[tuple[float, float]]) -> float:
    total = sum(weight for _, weight in said)
    if total <= 0:
        return sum(p for p, _ in said) / len(said)
    return sum(p * weight for p, weight in said) / total


def _from_values(values: Sequence[float], gap: float, source: str) -> Iterator[LabelledPair]:
    for a, one in enumerate(values):
        for b in range(a + 1, len(values)):
            apart = one - values[b]
            if apart != 0 and abs(apart) > gap + (_ROUNDING if gap else 0.0):
                yield LabelledPair(a, b, 1 if apart > 0 else -1, source)
