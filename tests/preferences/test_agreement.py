"""Agreement against published figures, definitions written out, and hand counts."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finepick.preferences.agreement import (
    Share,
    agreement_of,
    consistency_of,
    gold_accuracy_of,
    krippendorff_alpha,
)
from finepick.preferences.answers import Answers

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine

# Krippendorff's own example (Computing Krippendorff's alpha-reliability, 2011): 4 observers, 12 units; 0 = missing.
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
    [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
]

answer_rows = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 3), st.sampled_from([1, 0, -1])),
    max_size=25,
)


def answers_of(rows: list[tuple[int, int, int, int]]) -> Answers:
    """Rows of annotator, photo, distance to the other of four photos, outcome."""
    if not rows:
        return Answers.none()
    who, a, step, outcome = (np.array(column) for column in zip(*rows, strict=True))
    return Answers.of(a, (a + step) % 4, outcome, annotator=who)


def test_alpha_for_interval_data_is_the_published_one() -> None:
    values = np.array(OBSERVERS)
    units = np.broadcast_to(np.arange(12), values.shape)

    assert krippendorff_alpha(units[values > 0], values[values > 0]) == pytest.approx(0.849, abs=5e-4)


@PATIENT
@given(answer_rows)
def test_alpha_is_its_definition_over_all_pairs_of_values(rows: list[tuple[int, int, int, int]]) -> None:
    units, values = [row[1] for row in rows], [row[3] for row in rows]
    groups = [[v for u, v in zip(units, values, strict=True) if u == unit] for unit in range(4)]
    groups = [group for group in groups if len(group) > 1]
    pool = [value for group in groups for value in group]
    expected = None
    if len(set(pool)) > 1:
        seen = sum(2 * (x - y) ** 2 / (len(g) - 1) for g in groups for x, y in combinations(g, 2)) / len(pool)
        chance = sum(2 * (x - y) ** 2 for x, y in combinations(pool, 2)) / (len(pool) * (len(pool) - 1))
        expected = 1 - seen / chance

    assert krippendorff_alpha(units, values) == (None if expected is None else pytest.approx(expected))


@PATIENT
@given(answer_rows)
def test_agreement_does_not_depend_on_which_photo_is_called_first(
    rows: list[tuple[int, int, int, int]],
) -> None:
    answers = answers_of(rows)
    new = np.array([2, 0, 3, 1])
    renamed = Answers.of(new[answers.a], new[answers.b], answers.outcome, annotator=answers.annotator)
    one, swapped, other = (agreement_of(given) for given in (answers, answers.swapped(), renamed))

    assert one.pairs_of_answers == swapped.pairs_of_answers == other.pairs_of_answers
    assert swapped.alpha == pytest.approx(one.alpha) and other.alpha == pytest.approx(one.alpha)


def test_full_agreement_is_alpha_one_and_half_of_the_answers_turned_is_about_none() -> None:
    agree = Answers.of([0, 0, 1, 1], [1, 1, 2, 2], [1, 1, -1, -1], annotator=[0, 1, 0, 1])
    opposed = Answers.of([0, 0, 1, 1], [1, 1, 2, 2], [1, -1, 1, -1], annotator=[0, 1, 0, 1])

    assert agreement_of(agree).alpha == pytest.approx(1.0)
    assert agreement_of(agree).pairs_of_answers == Share(2, 2)
    assert agreement_of(opposed).alpha < 0  # type: ignore[operator]
    assert agreement_of(opposed).pairs_of_answers == Share(0, 2)


def test_only_answers_of_different_people_are_held_against_each_other() -> None:
    given = Answers.of([0, 1, 0], [1, 0, 1], [1, 1, -1], annotator=[0, 0, 1])

    assert agreement_of(given).pairs_of_answers == Share(1, 2)
    assert agreement_of(given).ties == Share(0, 3)


def test_repeats_are_all_two_answers_of_one_person_about_the_same_photos() -> None:
    given = Answers.of([0, 1, 0, 0, 0], [1, 0, 1, 1, 2], [1, -1, -1, 0, 1], annotator=[0, 0, 0, 1, 1])

    assert consistency_of(given, 3) == [Share(1, 3), Share(0, 0), Share(0, 0)]


def test_gold_is_right_only_where_the_better_photo_was_named() -> None:
    given = Answers.of([0, 1, 0, 2], [1, 0, 1, 3], [1, 1, 0, 1], annotator=[0, 0, 1, 1])

    assert gold_accuracy_of(given, [(0, 0, 1)], 2) == [Share(1, 2), Share(0, 1)]


def test_gold_that_contradicts_is_refused() -> None:
    with pytest.raises(ValueError, match="gold pairs of series 2 contradict about photos 1 and 0"):
        gold_accuracy_of(Answers.none(), [(2, 0, 1), (2, 1, 0)], 0)


def test_answers_that_were_taken_back_count_nowhere() -> None:
    given = Answers.of([0, 0], [1, 1], [1, -1], annotator=[0, 0], weight=[1, 0])

    assert consistency_of(given, 1) == [Share(0, 0)]
    assert gold_accuracy_of(given, [(0, 0, 1)], 1) == [Share(1, 1)]


def test_a_share_has_the_interval_of_jeffreys() -> None:
    assert Share(5, 10).interval() == pytest.approx(
        (0.2235, 0.7765), abs=1e-4
    )  # L. D. Brown et al. 2001, by symmetry
    assert Share(0, 10).interval()[0] == 0.0 and Share(10, 10).interval()[1] == 1.0
    assert Share(0, 0).value is None
