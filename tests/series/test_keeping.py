"""Keeping: how many, of which series, and always the same ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finepick.domain import Metadata, Photo, Ranking, SeriesKind
from finepick.series.keeping import choose_keeps


def ranking(name: str, scores: list[float], coarse: list[float] | None = None) -> Ranking:
    count = len(scores)
    order = tuple(sorted(range(count), key=lambda i: -scores[i]))
    return Ranking(
        SeriesKind.SIMILAR if count > 1 else SeriesKind.SINGLE,
        tuple(Photo(f"{name}{i}", f"{name}{i}", Metadata("JPEG", 3, 2)) for i in range(count)),
        order,
        (False,) * count,
        scores=np.array(scores),
        coarse=None if coarse is None else np.array(coarse),
        p_best=np.full(count, 1 / count),
    )


def whole(name: str, count: int) -> Ranking:
    photos = tuple(Photo(f"{name}{i}", f"{name}{i}", Metadata("JPEG", 3, 2)) for i in range(count))
    return Ranking(SeriesKind.BRACKET, photos, tuple(range(count)), (True,) * count)


def kept(keeps: tuple[tuple[bool, ...], ...]) -> list[int]:
    return [sum(each) for each in keeps]


def test_the_best_of_each_series_are_kept() -> None:
    keeps = choose_keeps([ranking("a", [1, 3, 2]), ranking("b", [5])], per_series=2)
    assert keeps == ((False, True, True), (True,))


def test_none_of_each_series_keeps_only_whole_sets() -> None:
    assert kept(choose_keeps([ranking("a", [1, 2]), whole("w", 3)], per_series=0)) == [0, 3]


def test_one_of_every_series_comes_before_the_second_of_any() -> None:
    rankings = [ranking("a", [3, 2, 1], [9, 8, 7]), ranking("b", [1, 2], [2, 3]), ranking("c", [1], [1])]
    assert kept(choose_keeps(rankings, per_series=1, total=3)) == [1, 1, 1]
    assert kept(choose_keeps(rankings, per_series=1, total=4)) == [2, 1, 1]


def test_of_too_many_series_those_that_score_higher_are_kept() -> None:
    rankings = [ranking("a", [1, 2], [4, 5]), ranking("b", [1], [7]), ranking("c", [1], [3])]
    assert kept(choose_keeps(rankings, per_series=1, total=2)) == [1, 1, 0]


def test_whole_sets_count_first_and_are_never_cut() -> None:
    rankings = [whole("w", 5), ranking("a", [1, 2])]
    assert kept(choose_keeps(rankings, per_series=1, total=6)) == [5, 1]
    assert kept(choose_keeps(rankings, per_series=1, total=3)) == [5, 0]


def test_the_order_of_the_series_does_not_matter() -> None:
    rankings = [ranking(name, [1, 2, 3]) for name in "fcadbe"]
    straight = choose_keeps(rankings, per_series=1, total=9)
    assert choose_keeps(rankings[::-1], per_series=1, total=9) == straight[::-1]


@given(
    st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=5), min_size=1, max_size=6),
    st.integers(0, 40),
    st.integers(0, 4),
)
def test_exactly_as_many_are_kept_as_were_asked_for(scores: list[list[float]], total: int, sets: int) -> None:
    rankings = [ranking(f"s{k}-", each) for k, each in enumerate(scores)] + [
        whole(f"w{k}-", 3) for k in range(sets)
    ]
    count = sum(len(each) for each in rankings)
    assert sum(kept(choose_keeps(rankings, per_series=1, total=total))) == max(min(total, count), 3 * sets)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=6), st.integers(0, 30))
def test_one_more_photo_never_costs_another_its_place(sizes: list[int], total: int) -> None:
    rankings = [ranking(f"s{k}-", list(range(size))) for k, size in enumerate(sizes)]
    fewer = choose_keeps(rankings, per_series=1, total=total)
    more = choose_keeps(rankings, per_series=1, total=total + 1)
    assert all(b or not a for x, y in zip(fewer, more, strict=True) for a, b in zip(x, y, strict=True))


def test_negative_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        choose_keeps([], per_series=1, total=-1)
