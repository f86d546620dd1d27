"""Which pairs have a known order, and what a split asks."""

from __future__ import annotations

import pytest

from finepick.datasets.records import Dataset, LabelledPhoto, LabelledSeries, Pair
from finepick.evaluation.labels import annotated_values, choose_benchmark, labelled_pairs, peculiarities

PHOTOS = ("a.jpg", "b.jpg", "c.jpg")


def series(**labels: object) -> LabelledSeries:
    return LabelledSeries("s", PHOTOS, **labels)  # type: ignore[arg-type]


def orders(one: LabelledSeries, gap: float = 0.0) -> list[tuple[int, int, int]]:
    return [(pair.a, pair.b, pair.label) for pair in labelled_pairs(one, min_gap=gap)]


def test_pairs_come_before_scores_and_scores_before_ranks() -> None:
    everything = series(pairs=(Pair(0, 1, 0.9),), scores=(1.0, 2.0, 3.0), ranks=(1, 2, 3))

    assert orders(everything) == [(0, 1, 1)]
    assert orders(series(scores=(1.0, 2.0, 3.0), ranks=(1, 2, 3))) == [(0, 1, -1), (0, 2, -1), (1, 2, -1)]
    assert orders(series(ranks=(2, 1, 1))) == [(0, 1, -1), (0, 2, -1)]


def test_the_first_is_the_earlier_photo_whichever_way_a_pair_is_written() -> None:
    assert orders(series(pairs=(Pair(2, 0, 0.9),))) == [(0, 2, -1)]
    assert orders(series(pairs=(Pair(2, 0, 0.1),))) == [(0, 2, 1)]


def test_a_pair_that_is_listed_twice_counts_once_with_its_p_weighted_by_votes() -> None:
    [pair] = labelled_pairs(series(pairs=(Pair(0, 1, 0.9, n=1), Pair(1, 0, 0.7, n=9))))

    assert pair.p == pytest.approx((0.9 * 1 + 0.3 * 9) / 10)
    assert pair.label == -1


def test_no_preference_is_no_pair_even_if_it_comes_from_two_lines_that_cancel() -> None:
    assert orders(series(pairs=(Pair(0, 1, 0.5),))) == []
    assert orders(series(pairs=(Pair(0, 1, 0.8, n=5), Pair(1, 0, 0.8, n=5)))) == []
    assert orders(series(pairs=(Pair(0, 1, 0.8), Pair(0, 1, 0.2)))) == []


def test_scores_must_differ_by_more_than_the_gap() -> None:
    rated = series(scores=(3.0, 3.3, 3.7))

    assert orders(rated) == [(0, 1, -1), (0, 2, -1), (1, 2, -1)]
    assert orders(rated, 0.3) == [(0, 2, -1), (1, 2, -1)]  # 3.3 − 3 is .3, though not in binary
    assert orders(rated, 0.7) == []
    assert orders(series(scores=(1.0, 1.0, 1.0))) == []


def test_the_gap_leaves_pairs_and_ranks_alone() -> None:
    assert orders(series(ranks=(1, 2, 3)), 5.0) == orders(series(ranks=(1, 2, 3)))
    assert orders(series(pairs=(Pair(0, 1, 0.6),)), 5.0) == [(0, 1, 1)]


def test_what_people_said_of_a_photo_is_its_score_else_its_rank_turned_round() -> None:
    scored, ranked = (
        annotated_values(series(scores=(1.0, 3.0, 2.0))),
        annotated_values(series(ranks=(3, 1, 2))),
    )

    assert scored is not None and ranked is not None
    assert scored.argsort().tolist() == ranked.argsort().tolist() == [0, 2, 1]
    assert annotated_values(series(pairs=(Pair(0, 1, 1.0),))) is None


def dataset() -> Dataset:
    return Dataset(
        "set",
        "folder",
        (
            LabelledSeries("t", ("1", "2"), scores=(1.0, 2.0), split="test"),
            LabelledSeries("u", ("3", "4", "2"), ranks=(1, 2, 3), pairs=(Pair(0, 2, 0.9), Pair(0, 1, 0.8))),
            LabelledSeries("v", ("5", "6"), scores=(1.0, 2.0), split="val"),
        ),
    )


def test_rows_without_a_split_count_as_test() -> None:
    assert [one.series for one in choose_benchmark(dataset(), ["test"]).series] == ["t", "u"]
    assert [one.series for one in choose_benchmark(dataset(), ["val"]).series] == ["v"]
    assert [one.series for one in choose_benchmark(dataset(), ["val", "test"]).series] == ["t", "u", "v"]


def test_means_of_all_series_are_pooled_unless_photos_were_rated_one_by_one() -> None:
    pooled = choose_benchmark(dataset(), ["test", "val"]).photos
    rated = LabelledPhoto("9", 4.0)
    with_csv = Dataset("set", "folder", dataset().series, (rated,))

    assert [(photo.file, photo.score) for photo in pooled] == [("1", 1.0), ("2", 2.0), ("5", 1.0), ("6", 2.0)]
    assert choose_benchmark(with_csv, ["test"]).photos == (rated,)
    assert choose_benchmark(with_csv, ["test"]).files == ["1", "2", "3", "4", "9"]


def test_a_photo_that_is_left_out_takes_its_pairs_and_labels_along() -> None:
    left = choose_benchmark(dataset(), ["test"], without=["3", "1", "2"])

    assert [one.photos for one in left.series] == [("4",)]
    assert left.places == ((1,),)
    assert left.n_pairs == 0
    without_one = choose_benchmark(dataset(), ["test"], without=["4"])
    assert without_one.series[1].ranks == (1, 3)
    assert without_one.places[1] == (0, 2)
    assert [(pair.a, pair.b) for pair in without_one.pairs[1]] == [(0, 1)]


def test_what_is_peculiar_about_labels_is_said() -> None:
    odd = Dataset(
        "set",
        "folder",
        (
            LabelledSeries("x", ("1",), scores=(1.0,), scale=(1, 5)),
            LabelledSeries("y", ("2", "3"), scores=(10.0, 40.0), scale=(0, 100)),
        ),
    )

    kinds = [remark.kind for remark in peculiarities(choose_benchmark(odd, ["test"]))]

    assert kinds == ["nothing_to_choose", "mixed_scales"]
    assert peculiarities(choose_benchmark(dataset(), ["test"])) == []
