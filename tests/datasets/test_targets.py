"""Ratings as distributions over 1…10."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finepick.datasets.records import LabelledPhoto, LabelledSeries
from finepick.datasets.targets import SCORES, distribution, mapped_mean, photos_of
from finepick.errors import DatasetError


def rated(score, std=None, low=1.0, high=10.0, votes=None):
    return LabelledPhoto("a.jpg", score, std, low=low, high=high, votes=votes)


def test_ten_counts_of_votes_are_taken_as_they_are():
    votes = (0.0, 1, 5, 17, 38, 36, 15, 6, 5, 1)

    np.testing.assert_allclose(distribution(rated(5.3, votes=votes)), np.array(votes) / 124, atol=1e-15)


@given(
    st.lists(st.integers(0, 50), min_size=2, max_size=21).filter(any),
    st.floats(-5, 5),
    st.floats(0.5, 100),
)
def test_other_counts_keep_their_sum_and_their_mapped_mean(votes, low, width):
    answers = np.linspace(low, low + width, len(votes))
    mean = np.dot(votes, answers) / sum(votes)

    shares = distribution(rated(mean, low=low, high=low + width, votes=tuple(map(float, votes))))

    assert shares.shape == (10,) and (shares >= 0).all()
    assert shares.sum() == pytest.approx(1, abs=1e-12)
    assert shares @ SCORES == pytest.approx(1 + 9 * (mean - low) / width, abs=1e-9)


@given(st.floats(0, 1), st.floats(0, 1.5), st.floats(-5, 5), st.floats(0.5, 100))
def test_means_and_spreads_keep_the_mapped_mean_on_any_scale(part, spread, low, width):
    shares = distribution(rated(low + part * width, spread * width, low, low + width))

    assert (shares >= 0).all()
    assert shares.sum() == pytest.approx(1, abs=1e-12)
    assert shares @ SCORES == pytest.approx(1 + 9 * part, abs=1e-6)


@pytest.mark.parametrize(("mean", "std"), [(5.5, 1.4), (4.2, 1.0), (6.0, 0.8)])
def test_far_from_the_ends_it_is_the_normal_itself(mean, std):
    density = np.exp(-((SCORES - mean) ** 2) / (2 * std**2))

    np.testing.assert_allclose(distribution(rated(mean, std)), density / density.sum(), atol=2e-3)


@pytest.mark.parametrize("std", [0.8, 1.0, 1.4, 1.6])
def test_the_spread_in_the_middle_is_that_of_the_ratings(std):
    shares = distribution(rated(5.5, std))

    assert np.sqrt(shares @ (SCORES - 5.5) ** 2) == pytest.approx(std, rel=0.02)


def test_a_turned_scale_gives_a_turned_distribution():
    for score in (1.0, 1.3, 2.9, 4.0, 6.8):
        mirrored = distribution(rated(8 - score, 1.2, 1.0, 7.0))[::-1]
        np.testing.assert_allclose(distribution(rated(score, 1.2, 1.0, 7.0)), mirrored, atol=1e-9)


def test_everybody_of_one_opinion_is_one_score_or_two_neighbours():
    np.testing.assert_allclose(distribution(rated(3.0, 0.0)), np.eye(10)[2])
    np.testing.assert_allclose(distribution(rated(3.25, 0.0)), 0.75 * np.eye(10)[2] + 0.25 * np.eye(10)[3])
    np.testing.assert_allclose(distribution(rated(1.0, 2.0)), np.eye(10)[0])
    np.testing.assert_allclose(distribution(rated(11.0, 2.0)), np.eye(10)[9])


def test_no_jump_where_the_narrow_case_begins():
    wide, narrow = (distribution(rated(5.3, std)) for std in (0.1501, 0.1499))

    np.testing.assert_allclose(wide, narrow, atol=1e-6)


def test_an_unknown_spread_is_the_usual_one_on_the_scale_of_ten():
    unknown, usual = rated(4.0, None, 1.0, 7.0), rated(4.0, 1.4 * 6 / 9, 1.0, 7.0)
    np.testing.assert_allclose(distribution(unknown), distribution(usual), atol=1e-12)
    np.testing.assert_array_equal(distribution(rated(4.0), std=2.0), distribution(rated(4.0, 2.0)))


def test_without_scale_or_votes_there_is_no_distribution():
    with pytest.raises(
        DatasetError, match=r"the scale of 'a\.jpg' is unknown; give its ends in the columns low"
    ):
        distribution(rated(4.0, low=None, high=None))
    with pytest.raises(DatasetError, match=r"the votes on 'a\.jpg' are no numbers of votes; correct them"):
        distribution(rated(4.0, votes=(0.0, 0.0)))


def test_the_mapped_mean_is_that_of_the_distribution():
    assert mapped_mean(rated(4.0, None, 1.0, 7.0)) == pytest.approx(5.5)
    assert mapped_mean(rated(0.0, votes=(0.0, 1.0, 1.0))) == pytest.approx(7.75)


def test_scores_of_a_series_are_ratings_of_its_photos():
    series = LabelledSeries(
        "s",
        ("a.jpg", "b.jpg"),
        scores=(3.0, 4.5),
        scale=(0.0, 5.0),
        category="aigc",
        split="val",
        others={"score_sd": [0.5, None], "n": [16, None]},
    )

    assert photos_of(series) == (
        LabelledPhoto("a.jpg", 3.0, 0.5, 16, 0.0, 5.0, category="aigc", split="val"),
        LabelledPhoto("b.jpg", 4.5, None, None, 0.0, 5.0, category="aigc", split="val"),
    )
    assert photos_of(LabelledSeries("s", ("a", "b"), ranks=(1, 2))) == ()
