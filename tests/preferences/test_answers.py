"""Answers are checked on the way in, and say the same whichever photo is called first."""

from __future__ import annotations

import re

import numpy as np
import pytest

from finepick.preferences.answers import Answers, joined


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [0, 1], "b": [1, 1], "outcome": 1}, "answer 1 (from 0) compares a photo with itself"),
        ({"a": [0, -1], "b": [1, 2], "outcome": 1}, "answer 1 (from 0) has a negative number for a"),
        (
            {"a": 0, "b": 1, "outcome": [0, 2]},
            "answer 1 (from 0) has a value for outcome other than 1, 0 and -1",
        ),
        (
            {"a": 0, "b": 1, "outcome": 1, "side": 3},
            "answer 0 (from 0) has a value for side other than 1, 0 and -1",
        ),
        (
            {"a": 0, "b": 1, "outcome": 1, "annotator": -2},
            "answer 0 (from 0) has a negative number for annotator",
        ),
        (
            {"a": 0, "b": 1, "outcome": 1, "weight": np.nan},
            "answer 0 (from 0) has a weight that is negative or not a number",
        ),
        ({"a": 0.5, "b": 1, "outcome": 1}, "a must be whole numbers, not float64"),
        ({"a": [[0]], "b": 1, "outcome": 1}, "answers are lists, not arrays of shape (1, 1)"),
    ],
)
def test_what_cannot_be_an_answer_is_refused_by_row(columns: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Answers.of(**columns)  # type: ignore[arg-type]


def test_answers_about_what_is_not_there_are_refused() -> None:
    with pytest.raises(ValueError, match=r"answer 1 \(from 0\) is about a photo its series lacks"):
        Answers.of([0, 0], [1, 2], 1).check([2])
    with pytest.raises(ValueError, match=r"answer 0 \(from 0\) is about a series that is not among the 1"):
        Answers.of(0, 1, 1, series=1).check([5])


def test_swapping_twice_changes_nothing_and_canonical_rows_run_upwards() -> None:
    given = Answers.of([3, 0], [1, 2], [1, 0], side=[1, -1])

    assert np.array_equal(given.swapped().swapped().outcome, given.outcome)
    assert given.canonical().a.tolist() == [1, 0] and given.canonical().b.tolist() == [3, 2]
    assert given.canonical().outcome.tolist() == [-1, 0] and given.canonical().side.tolist() == [-1, -1]


def test_one_number_stands_for_all_and_none_joins_with_any() -> None:
    given = Answers.of([0, 1], [1, 2], -1, annotator=7)

    assert given.annotator.tolist() == [7, 7]
    assert len(Answers.none()) == 0 and len(joined([])) == 0
    assert joined([Answers.none(), given]).a.tolist() == [0, 1]


def test_what_was_given_is_copied() -> None:
    a = np.array([0, 1])
    given = Answers.of(a, [2, 2], 1)
    a[0] = 1

    assert given.a.tolist() == [0, 1]
