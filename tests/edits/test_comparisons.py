"""What is said of two strengths of an edit, held against the reader of comparing sentences, which knows no edit."""

from __future__ import annotations

import pytest

from finepick.edits.catalogue import EDITS
from finepick.edits.comparisons import comparison
from finepick.training.wording import Clause, clauses_of, goodness_of

LABELLED = [edit.name for edit in EDITS if edit.hurts_from]
ALL_THE_SAME = {"dark_midtones", "lens_flare", "vignette", "dust", "too_loose"}
"""Darker, nearer, more of something the reader has no word for: not good or bad by their words alone."""


@pytest.mark.parametrize("edit", LABELLED)
def test_more_and_less_of_an_edit_are_opposites(edit: str) -> None:
    more, less = clauses_of(comparison(edit, 0.8, 0.4)), clauses_of(comparison(edit, 0.4, 0.8))

    turned = tuple(Clause(-clause.sign, clause.degree, clause.words) for clause in less)
    assert [(one.sign, one.words) for one in more if goodness_of(one)] == [
        (one.sign, one.words) for one in turned if goodness_of(one)
    ]
    assert [clause.sign for clause in more] == [clause.sign for clause in turned]
    assert len(more) >= 1


@pytest.mark.parametrize("edit", LABELLED)
def test_more_of_what_hurts_is_never_praised(edit: str) -> None:
    said = [goodness_of(clause) for clause in clauses_of(comparison(edit, 0.8, 0.4))]

    assert (sum(said) < 0) != (edit in ALL_THE_SAME | {"high_contrast"})
    assert sum(said) <= 0


def test_how_far_two_strengths_are_apart_is_said() -> None:
    assert comparison("tilt", 0.9, 0.0) == "far more tilted horizon"
    assert comparison("tilt", 0.5, 0.9) == "straighter horizon"
    assert comparison("shot_noise", 0.4, 0.5) == "slightly less noise"


def test_what_has_no_label_or_no_difference_has_no_words() -> None:
    with pytest.raises(KeyError):
        comparison("desaturation", 0.1, 0.2)
    with pytest.raises(ValueError, match=r"same strength 0\.4 of tilt"):
        comparison("tilt", 0.4, 0.4)
