"""Who is asked what over a whole project: never the same twice, connected first, restarts change nothing."""

from __future__ import annotations

import time

import numpy as np
import pytest

from finepick.preferences.answers import Answers, joined
from finepick.preferences.bradley_terry import fit_bradley_terry
from finepick.preferences.next_pair import POLICIES
from finepick.preferences.pair_queue import PairQueue, Question


def queue_of(sizes: list[int], policy: str = "informative", answers: Answers | None = None) -> PairQueue:
    return PairQueue(sizes, POLICIES[policy], np.random.default_rng(0), answers=answers)


def answer(question: Question, outcome: int = 1) -> Answers:
    return Answers.of(
        question.left, question.right, outcome, series=question.series, annotator=question.annotator, side=1
    )


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_everybody_is_asked_every_pair_once_and_then_no_more(policy: str) -> None:
    queue = queue_of([3, 1, 2, 0, 4], policy)
    for annotator in (5, 2):
        asked = []
        while (question := queue.next_question(annotator)) is not None:
            asked.append((question.series, *sorted((question.left, question.right))))
            queue.record(answer(question))
        assert len(asked) == len(set(asked)) == 3 + 1 + 6


def test_every_series_is_connected_before_any_is_asked_more() -> None:
    queue, sizes = queue_of([4, 3, 5, 2]), [4, 3, 5, 2]
    for k in range(sum(n - 1 for n in sizes)):
        question = queue.next_question(k % 3)
        assert question is not None
        queue.record(answer(question, 1 if k % 2 else -1))

    assert not any(queue.state(series).joining().any() for series in range(4))


def test_the_photo_on_the_left_is_drawn() -> None:
    queue = queue_of([2] * 200, "random")
    questions = [queue.next_question(0) for _ in range(200)]

    assert 60 < sum(question.left == 0 for question in questions if question) < 140


def test_several_people_at_once_are_not_all_asked_the_same() -> None:
    queue = queue_of([6])
    asked = [queue.next_question(k) for k in range(10)]

    assert len({frozenset((q.left, q.right)) for q in asked if q}) >= 6


def test_a_released_question_may_be_asked_again_but_an_answered_one_is_not() -> None:
    queue = queue_of([2])
    question = queue.next_question(0)
    assert question is not None
    assert queue.next_question(0) is None

    queue.release(question)
    again = queue.next_question(0)
    assert again is not None
    queue.record(answer(again))

    assert queue.next_question(0) is None
    with pytest.raises(ValueError, match="is not pending: it was answered or released already"):
        queue.release(again)


def test_a_repeat_is_a_pair_that_the_person_was_asked_and_only_on_purpose() -> None:
    queue = queue_of([3])
    assert queue.repeat_question(0) is None
    first = queue.next_question(0)
    assert first is not None
    queue.record(answer(first))

    again = queue.repeat_question(0)
    assert again is not None
    assert {again.left, again.right} == {first.left, first.right}
    queue.release(again)

    others = [queue.next_question(0), queue.next_question(0), queue.next_question(0)]
    assert others[2] is None
    assert all(q is not None and {q.left, q.right} != {first.left, first.right} for q in others[:2])


def test_a_gold_pair_asked_by_the_caller_is_not_asked_again() -> None:
    queue = queue_of([2, 2])
    queue.record(Answers.of(1, 0, 1, series=0, annotator=7))

    question = queue.next_question(7)

    assert question is not None and question.series == 1
    assert queue.next_question(7) is None


def test_a_queue_made_again_from_the_answers_knows_the_same() -> None:
    queue, given = queue_of([4, 2, 5]), []
    for k in range(25):
        question = queue.next_question(k % 4)
        if question is not None:
            given.append(answer(question, (-1, 0, 1)[k % 3] if k % 3 != 1 else 1))
            queue.record(given[-1])

    again = queue_of([4, 2, 5], answers=joined(given))

    for series in range(3):
        assert again.state(series).mean == pytest.approx(queue.state(series).mean, abs=1e-7)
        assert again.state(series).covariance == pytest.approx(queue.state(series).covariance, abs=1e-7)
        assert np.array_equal(again.state(series).joining(), queue.state(series).joining())
    for annotator in range(4):
        left = [0, 0]
        for k, one in enumerate((queue, again)):
            while one.next_question(annotator) is not None:
                left[k] += 1
        assert left[0] == left[1]


def test_ties_after_a_start_without_any_are_taken_in() -> None:
    queue = queue_of([3])
    question = queue.next_question(0)
    assert question is not None

    queue.record(answer(question, 0))
    queue.record(Answers.of([0, 1], [1, 2], 1, annotator=1))

    expected = fit_bradley_terry(queue.state(0).answers, 3, tie=1.0, mode=True)
    assert queue.state(0).mean == pytest.approx(expected.scores, abs=1e-7)


def test_answers_about_what_is_not_there_change_nothing() -> None:
    queue = queue_of([2, 2])

    with pytest.raises(ValueError, match="a photo its series lacks"):
        queue.record(Answers.of([0, 0], [1, 2], 1, series=[0, 1]))

    assert len(queue.state(0).answers) == 0


def test_asking_costs_little_in_a_large_project() -> None:
    """Well under a millisecond on a quiet machine; here only that nobody made it quadratic."""
    queue = queue_of([3] * 5000)
    begun = time.process_time()
    for k in range(200):
        question = queue.next_question(k % 50)
        assert question is not None
        queue.record(answer(question))

    assert (time.process_time() - begun) / 200 < 0.01
