"""From answers to labels: both orders, all judges, noise and a bias for the first."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finepick.errors import UsageError
from finepick.red.records import Asked, JudgeAnswer, Label, Order, Why
from finepick.red.rules import Rules, can_still_be_kept, decide, standing
from tests.red.made import answer, both

RULES = Rules()

SIGNED = st.integers(-3, 3)
ANSWERS = st.lists(
    st.builds(answer, SIGNED, st.sampled_from(Order), st.sampled_from(["kim", "lee"]), st.integers(0, 3)),
    min_size=1,
    max_size=12,
)


def test_what_all_say_in_both_orders_is_kept_with_the_mean_strength() -> None:
    label = decide([*both(2, 3), *both(1, 2, "lee")], RULES)

    assert label == Label(difference=pytest.approx(8 / 4 / 3), agreement=1.0, answers=4)


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([], Why.UNANSWERED),
        ([*both(2, 2), JudgeAnswer(Asked(1, Order.SOURCE_FIRST), "lee", None, "<html>")], Why.UNANSWERED),
        ([*both(2, 2), JudgeAnswer(Asked(1, Order.SOURCE_FIRST), "person:Kim", None, "")], Why.INCOMPARABLE),
        (both(2, -2), Why.TURNED_ROUND),
        ([*both(2, 2), *both(-1, -1, "lee")], Why.DISPUTED),
        (both(0, 0), Why.SIMILAR),
        (both(3, 0), Why.SIMILAR),
        (
            [*both(3, 3), *both(3, 3, turn=1), *both(-1, -1, turn=2)],
            Why.UNSURE,
        ),
    ],
)
def test_what_is_not_agreed_on_is_rejected_for_what_it_is(answers: list[JudgeAnswer], why: Why) -> None:
    assert decide(answers, RULES) is why


def test_a_small_difference_lies_in_the_dead_zone() -> None:
    weak = [*both(1, 1), *both(0, 0, "lee"), *both(1, 1, "max"), *both(1, 1, "ann"), *both(1, 1, "eva")]

    assert isinstance(decide(weak, Rules(dead_zone=0.1)), Label)
    assert decide(weak, Rules(dead_zone=0.3)) is Why.SIMILAR


def test_people_are_one_judge_and_need_not_have_seen_both_orders() -> None:
    people = [
        answer(2, order, f"person:{name}")
        for name, order in (("a", Order.SOURCE_FIRST), ("b", Order.EDIT_FIRST))
    ]

    assert isinstance(decide(people, RULES), Label)
    assert decide([*people, answer(-2, Order.EDIT_FIRST, "person:c")], RULES) is Why.UNSURE
    five = [answer(2, Order.SOURCE_FIRST, f"person:{name}") for name in "defgh"]
    assert isinstance(decide([*people, *five, answer(-2, Order.EDIT_FIRST, "person:c")], RULES), Label)


@given(ANSWERS)
def test_turning_all_answers_round_turns_the_label_round(answers: list[JudgeAnswer]) -> None:
    turned = [
        answer(-one.verdict.for_edit(one.asked.order), one.asked.order, one.judge, one.asked.turn)
        for one in answers
        if one.verdict is not None
    ]
    found, other = decide(answers, RULES), decide(turned, RULES)

    if isinstance(found, Label):
        assert isinstance(other, Label)
        assert other.difference == pytest.approx(-found.difference) and other.agreement == found.agreement
    else:
        assert other is found


@given(ANSWERS)
def test_showing_all_pairs_the_other_way_round_changes_nothing(answers: list[JudgeAnswer]) -> None:
    swapped = [
        answer(
            one.verdict.for_edit(one.asked.order),
            next(order for order in Order if order is not one.asked.order),
            one.judge,
            one.asked.turn,
        )
        for one in answers
        if one.verdict is not None
    ]

    assert decide(swapped, RULES) == decide(answers, RULES)


@given(ANSWERS)
def test_what_is_kept_is_outside_the_dead_zone_and_agreed_on(answers: list[JudgeAnswer]) -> None:
    label = decide(answers, RULES)

    if isinstance(label, Label):
        assert RULES.dead_zone <= abs(label.difference) <= 1
        assert RULES.least_agreement <= label.agreement <= 1


@given(ANSWERS, st.lists(SIGNED, max_size=6))
def test_what_cannot_be_kept_any_more_is_not_kept_whatever_comes(
    answers: list[JudgeAnswer], more: list[int]
) -> None:
    planned = len(answers) + len(more)
    later = [answer(one, Order.SOURCE_FIRST, "max", turn) for turn, one in enumerate(more)]

    if not can_still_be_kept(answers, planned, RULES):
        assert not isinstance(decide([*answers, *later], RULES), Label)
        assert isinstance(standing(answers, planned, RULES), Why)


def test_an_edit_is_open_until_all_have_answered() -> None:
    assert standing(both(2, 2), 4, RULES) is None
    assert isinstance(standing([*both(2, 2), *both(2, 2, turn=1)], 4, RULES), Label)


def test_noise_and_a_bias_for_the_first_do_not_reach_the_labels() -> None:
    """A fifth of the answers wrong, a quarter "first" without looking: counted over 20,000 simulated edits."""
    chance = random.Random(7)
    right = kept = source_wins = 0
    for _ in range(20_000):
        truth = chance.choice((1, -1))
        answers = []
        for turn in range(3):
            for order in Order:
                signed = truth * chance.choice((1, 2, 3)) * (-1 if chance.random() < 0.2 else 1)
                if chance.random() < 0.25:  # says "first"
                    signed = abs(signed) * (-1 if order is Order.SOURCE_FIRST else 1)
                answers.append(answer(signed, order, turn=turn))
        label = decide(answers, RULES)
        if isinstance(label, Label):
            kept += 1
            right += label.edit_is_better == (truth > 0)
            source_wins += not label.edit_is_better

    assert kept > 4000
    assert right / kept >= 0.97
    assert abs(source_wins / kept - 0.5) < 4 * 0.5 / kept**0.5


@pytest.mark.parametrize(
    "words", [{"dead_zone": -0.1}, {"dead_zone": 1.0}, {"least_agreement": 0.5}, {"least_agreement": 1.1}]
)
def test_rules_that_make_no_sense_are_refused(words: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Rules(**words)
