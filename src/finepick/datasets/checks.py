"""What is odd about labels, though it can be read: ties, doubled rows, ranks that contradict pairs or scores.

Kinds of remarks (stable words): tie, duplicate_pair, duplicate_photo, tied_ranks, no_best_rank,
contradicts_ranks, contradicts_scores, score_off_scale, single_photo, photo_in_two_splits, empty; readers of
published layouts add unknown_column, not_kept, not_read, missing_photo, no_photos, several_photos,
unlabelled_photo, unlabelled_row, inconsistent_ranks, same_number, no_split, contradicts_votes,
contradicts_best.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from finepick.datasets.files import Place, shown
from finepick.datasets.records import LabelledPhoto, LabelledSeries, Pair, Remark


def remarks_on_series(
    series: LabelledSeries, place: Place, pair_places: Sequence[Place] | None = None
) -> Iterator[Remark]:
    """What is odd inside one series that stands at *place*; *pair_places* where its pairs have lines of their own."""
    places = pair_places or [place] * len(series.pairs)
    if len(series.photos) == 1:
        yield _remark("single_photo", place, f"series '{shown(series.series)}' has one photo only")
    yield from _remarks_on_pairs(series, places)
    if series.ranks is not None:
        yield from _remarks_on_ranks(series, series.ranks, place)
    if series.scores is not None and series.scale is not None:
        for photo, score in zip(series.photos, series.scores, strict=True):
            yield from _off_scale(photo, score, *series.scale, place)


def remarks_on_photo(photo: LabelledPhoto, place: Place) -> Iterator[Remark]:
    """What is odd about one photo's rating."""
    if photo.low is not None and photo.high is not None:
        yield from _off_scale(photo.file, photo.score, photo.low, photo.high, place)


def remarks_across(
    series: Iterable[LabelledSeries], photos: Iterable[LabelledPhoto], place: Place
) -> Iterator[Remark]:
    """Photos that stand in parts of the data set with different splits: what is learnt from one leaks to the other."""
    splits: dict[str, str] = {}
    entries = [(name, entry.split) for entry in series for name in entry.photos]
    entries.extend((photo.file, photo.split) for photo in photos)
    told: set[str] = set()
    for name, split in entries:
        other = splits.setdefault(name, split)
        if other != split and name not in told:
            told.add(name)
            text = f"'{shown(name)}' is both in {other or 'no split'} and in {split or 'no split'}"
            yield _remark("photo_in_two_splits", place, text)


def _remarks_on_pairs(series: LabelledSeries, places: Sequence[Place]) -> Iterator[Remark]:
    first: dict[tuple[int, int], Place] = {}
    name = shown(series.series)
    for pair, place in zip(series.pairs, places, strict=True):
        key = min(pair.a, pair.b), max(pair.a, pair.b)
        if key in first:
            text = f"series '{name}': photos {key[0]} and {key[1]} are compared again (first at {first[key]})"
            yield _remark("duplicate_pair", place, text)
        first.setdefault(key, place)
        if pair.p == 0.5:
            text = f"series '{name}': neither of photos {pair.a} and {pair.b} is preferred"
            yield _remark("tie", place, text)
        elif series.ranks is not None and _contradicts(pair, series.ranks):
            text = (
                f"series '{name}': photo {pair.a} is preferred over {pair.b} with p = {pair.p:g}, "
                f"but their ranks are {series.ranks[pair.a]} and {series.ranks[pair.b]}"
            )
            yield _remark("contradicts_ranks", place, text)


def _contradicts(pair: Pair, ranks: Sequence[int]) -> bool:
    return (pair.p - 0.5) * (ranks[pair.b] - ranks[pair.a]) <= 0


def _remarks_on_ranks(series: LabelledSeries, ranks: Sequence[int], place: Place) -> Iterator[Remark]:
    name = shown(series.series)
    if len(set(ranks)) < len(ranks):
        yield _remark("tied_ranks", place, f"series '{name}': photos share a rank ({_listed(ranks)})")
    if 1 not in ranks:
        yield _remark("no_best_rank", place, f"series '{name}': no photo has rank 1 ({_listed(ranks)})")
    if series.scores is not None:
        order = sorted(range(len(ranks)), key=lambda i: (ranks[i], -series.scores[i]))  # type: ignore[index]
        in_order = [series.scores[i] for i in order]
        if in_order != sorted(in_order, reverse=True):
            yield _remark(
                "contradicts_scores", place, f"series '{name}': the ranks are not the order of the scores"
            )


def _off_scale(name: str, score: float, low: float, high: float, place: Place) -> Iterator[Remark]:
    if not low <= score <= high:
        text = f"'{shown(name)}' has the score {score:g} on a scale from {low:g} to {high:g}"
        yield _remark("score_off_scale", place, text)


def _listed(ranks: Sequence[int]) -> str:
    return ", ".join(map(str, ranks))


def _remark(kind: str, place: Place, text: str) -> Remark:
    return Remark(kind, str(place), text)
