"""Targets of a series: what people said, and nothing that they did not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finepick.datasets.records import LabelledSeries, Pair
from finepick.training.targets import series_target

PHOTOS = ("a.jpg", "b.jpg", "c.jpg")


def test_annotated_pairs_are_taken_as_they_are() -> None:
    pairs = (Pair(0, 1, 0.8, 10, "sharper"), Pair(2, 1, 0.3))
    target = series_target(LabelledSeries("s", PHOTOS, pairs=pairs, ranks=(1, 2, 3)))
    assert (target.a.tolist(), target.b.tolist(), target.p.tolist()) == ([0, 2], [1, 1], [0.8, 0.3])
    assert target.texts == {0: "sharper"} and target.ranks is not None and target.ranks.tolist() == [1, 2, 3]


def test_ranks_alone_are_certain() -> None:
    target = series_target(LabelledSeries("s", PHOTOS, ranks=(2, 1, 2)))
    assert dict(
        zip(zip(target.a.tolist(), target.b.tolist(), strict=True), target.p.tolist(), strict=True)
    ) == {
        (0, 1): 0.0,
        (0, 2): 0.5,
        (1, 2): 1.0,
    }


def test_scores_say_how_often_one_rating_is_above_another() -> None:
    """By drawing ratings, not by the formula."""
    means, spreads = np.array([3.1, 2.6, 2.9]), [0.4, 0.7, 0.2]
    series = LabelledSeries("s", PHOTOS, scores=tuple(means), scale=(0, 5), others={"score_sd": spreads})
    target = series_target(series)
    rng = np.random.default_rng(0)
    drawn = rng.normal(means, spreads, (200_000, 3))
    for a, b, p in zip(target.a, target.b, target.p, strict=True):
        assert p == pytest.approx((drawn[:, a] > drawn[:, b]).mean(), abs=0.005)
    assert target.ranks is not None and target.ranks.tolist() == [1, 3, 2]


@given(st.lists(st.floats(1, 5), min_size=2, max_size=6))
def test_what_is_said_of_a_pair_agrees_with_the_ranks(scores: list[float]) -> None:
    photos = tuple(f"{i}.jpg" for i in range(len(scores)))
    target = series_target(LabelledSeries("s", photos, scores=tuple(scores), scale=(1, 5)))
    assert target.ranks is not None and len(target.p) == len(scores) * (len(scores) - 1) // 2
    ahead = np.sign(target.ranks[target.b] - target.ranks[target.a])
    assert (ahead * (target.p - 0.5) >= 0).all()


@pytest.mark.parametrize("others", [{}, {"score_sd": [0, None, 0.3]}, {"score_sd": "wide"}])
def test_a_spread_that_is_missing_is_a_share_of_the_scale(others: dict[str, object]) -> None:
    series = LabelledSeries("s", PHOTOS, scores=(3, 4, 5), scale=(0, 5), others=others)
    assert ((series_target(series).p > 0) & (series_target(series).p < 0.5)).all()
