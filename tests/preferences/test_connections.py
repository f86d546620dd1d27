"""Groups and circles, against brute force."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finepick.preferences.answers import Answers
from finepick.preferences.connections import circles_in, components_of, majorities

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine

edges = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 6), st.sampled_from([1, 0, -1])), max_size=30)


def answers_of(rows: list[tuple[int, int, int]]) -> Answers:
    a = np.array([row[0] for row in rows], np.intp)
    step = np.array([row[1] for row in rows], np.intp)
    return Answers.of(a, (a + step) % 7, np.array([row[2] for row in rows], np.intp))


@PATIENT
@given(edges)
def test_circles_are_the_triads_whose_majorities_contradict(rows: list[tuple[int, int, int]]) -> None:
    answers = answers_of(rows)
    lead = majorities(answers, 7)
    triads = [t for t in combinations(range(7), 3) if all(lead[i, j] for i, j in combinations(t, 2))]
    circular = {t for t in triads if sorted(sum(lead[i, j] > 0 for j in t if j != i) for i in t) == [1, 1, 1]}

    found = circles_in(answers, 7)

    assert {tuple(sorted(row)) for row in found.photos.tolist()} == circular
    assert len(found) == len(circular)
    assert found.decided == len(triads)


def test_a_circle_is_written_from_its_smallest_photo_each_beating_the_next() -> None:
    found = circles_in(Answers.of([2, 1, 3], [1, 3, 2], 1), 4)

    assert found.photos.tolist() == [[1, 3, 2]]


@PATIENT
@given(edges)
def test_groups_are_what_walking_along_answers_reaches(rows: list[tuple[int, int, int]]) -> None:
    answers = answers_of(rows)
    reach = np.eye(7, dtype=int)
    for a, b in zip(answers.a, answers.b, strict=True):
        reach[a, b] = reach[b, a] = 1
    reach = np.linalg.matrix_power(reach, 7) > 0

    groups = components_of(answers, 7)

    assert np.array_equal(groups[:, None] == groups, reach)
    firsts = [int(np.flatnonzero(groups == g)[0]) for g in range(groups.max() + 1)]
    assert firsts == sorted(firsts)
