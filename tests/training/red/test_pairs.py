"""What is learned of pairs: both sides of a difference in words, and ratings that nothing but order fixes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finepick.datasets.judged_pairs import JudgedPair
from finepick.datasets.records import LabelledSeries, Pair
from finepick.scorers.red_aes.answers import read_rating, read_verdict
from finepick.training.red.lessons import agree_rows, rate_rows, see_rows
from finepick.training.red.pairs import (
    bootstrapped_ratings,
    pairs_of_series,
    thought_alone,
    thought_on,
    turned,
)

words = st.one_of(st.none(), st.sampled_from(["Sharper, with less noise.", "I like it", "HDR look", "x"]))
pairs = st.builds(JudgedPair, st.just("a"), st.just("b"), st.floats(-1, 1), words, words)


def test_a_chain_of_strengths_becomes_ratings_in_its_order() -> None:
    series = LabelledSeries("s", ("d.png", "b.png", "a.png", "c.png"), ranks=(4, 2, 1, 3))

    found = bootstrapped_ratings(pairs_of_series(series, "folder"))

    assert sorted(found, key=found.__getitem__, reverse=True) == [f"folder/{name}.png" for name in "abcd"]
    assert np.mean([found["folder/a.png"], found["folder/d.png"]]) == pytest.approx(50)


@given(st.lists(st.floats(-0.4, 0.4), min_size=2, max_size=8))
def test_differences_without_contradiction_are_found_again(utilities: list[float]) -> None:
    from scipy.stats import norm

    known = [
        JudgedPair(str(i), str(j), utilities[i] - utilities[j])
        for i in range(len(utilities))
        for j in range(i + 1, len(utilities))
    ]

    found = bootstrapped_ratings(known)

    middle = np.mean(utilities)
    for i, utility in enumerate(utilities):
        assert found[str(i)] == pytest.approx(100 * norm.cdf(utility - middle), abs=1e-4)


def test_series_that_nothing_connects_share_one_middle() -> None:
    found = bootstrapped_ratings([JudgedPair("a", "b", 1.0), JudgedPair("c", "d", 0.2)])

    assert found["a"] + found["b"] == pytest.approx(100) and found["c"] + found["d"] == pytest.approx(100)
    assert found["a"] > found["c"] > 50


@given(pairs)
def test_turning_twice_is_turning_not_at_all_where_both_sides_are_told(pair: JudgedPair) -> None:
    other = turned(pair)

    assert (other.a, other.b, other.difference) == ("b", "a", -pair.difference)
    if pair.text and pair.other_text:
        assert turned(other) == pair
    assert thought_on(other) and thought_on(pair)


def test_what_is_said_of_one_is_said_of_the_other_when_the_pair_is_turned() -> None:
    assert turned(JudgedPair("a", "b", 0.5, "Sharper.")).text == "Of the other: sharper."
    assert turned(JudgedPair("a", "b", 0.5, "HDR.")).text == "Of the other: HDR."
    assert thought_on(JudgedPair("a", "b", -1.0)) == "Far weaker than the other on the whole."
    alone = thought_alone("b", [JudgedPair("a", "b", 0.2), JudgedPair("c", "b", -0.9, "Softer.", "Crisp.")])
    assert alone == "Beside another version of itself: crisp."


@given(st.lists(pairs, min_size=1, max_size=3))
def test_every_answer_that_is_taught_can_be_read(known: list[JudgedPair]) -> None:
    apart = [
        JudgedPair(f"{n}a", f"{n}b", pair.difference, pair.text, pair.other_text)
        for n, pair in enumerate(known)
    ]

    for row in see_rows(apart):
        verdict = read_verdict(row["completion"][0]["content"])
        pair = next(one for one in apart if {one.a, one.b} == set(row["images"]))
        sign = 1 if row["images"][0] == pair.a else -1
        assert abs(verdict.difference - sign * pair.difference) <= 1 / 6 + 1e-9
    ratings = bootstrapped_ratings(apart)
    for row in rate_rows(apart):
        value = read_rating(row["completion"][0]["content"]).value
        assert abs(value - ratings[row["images"][0]]) <= 0.5 + 1e-9


def test_each_order_is_shown_once_and_partners_follow_one_another() -> None:
    known = [JudgedPair("a", "b", 0.5), JudgedPair("b", "c", -1.0)]

    assert [row["images"] for row in see_rows(known)] == [["a", "b"], ["b", "a"], ["b", "c"], ["c", "b"]]
    rows = agree_rows(known)
    assert [row["images"] for row in rows] == [["a"], ["b"], ["b"], ["c"]]
    for first, second in (rows[:2], rows[2:]):
        assert (first["photo"], first["partner"]) == (second["partner"], second["photo"])
        assert first["difference"] == -second["difference"]


def test_pairs_carry_their_probability_and_their_text() -> None:
    series = LabelledSeries("s", ("1.jpg", "2.jpg"), (Pair(0, 1, 0.8, 10, "Calmer."),))

    [pair] = pairs_of_series(series, "x")

    assert (pair.a, pair.b, pair.text) == ("x/1.jpg", "x/2.jpg", "Calmer.")
    assert pair.difference == pytest.approx(0.6)
