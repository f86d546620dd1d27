"""What asking may cost: never more than was allowed, whatever the server counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finepick.chat.budget import Budget, Cost, Prices

ESTIMATE = Cost(1, 800, 100)
PRICES = Prices(1.0, 10.0)


def test_prices_are_for_a_million_tokens() -> None:
    assert PRICES.of(Cost(3, 2_000_000, 500_000)) == pytest.approx(7.0)


@given(st.lists(st.tuples(st.integers(0, 800), st.integers(0, 100)), max_size=60), st.integers(1, 8))
def test_money_holds_with_several_under_way_as_long_as_none_costs_more_than_was_expected(
    costs: list[tuple[int, int]], at_once: int
) -> None:
    budget = Budget(prices=PRICES, most_money=0.02)
    under_way: list[Cost] = []
    spent = Cost()
    for tokens_in, tokens_out in costs:
        reserved = budget.reserve(ESTIMATE)
        if reserved is None:
            break
        under_way.append(reserved)
        if len(under_way) == at_once:
            cost = Cost(1, tokens_in, tokens_out)
            budget.settle(under_way.pop(), cost)
            spent += cost

    assert PRICES.of(spent) <= 0.02
    assert PRICES.of(spent + ESTIMATE.times(len(under_way))) <= 0.02 + 1e-12


def test_what_was_spent_before_counts_for_money_and_not_for_requests() -> None:
    before = Cost(500, 10_000, 1_000)

    assert Budget(prices=PRICES, most_money=0.019, spent=before).reserve(ESTIMATE) is None
    assert Budget(most_requests=1, spent=before).reserve(ESTIMATE) is not None


def test_dear_answers_are_expected_to_go_on_being_dear() -> None:
    budget = Budget(prices=PRICES, most_money=0.05)
    first = budget.reserve(ESTIMATE)
    assert first == ESTIMATE
    budget.settle(first, Cost(1, 800, 2_000))

    assert budget.reserve(ESTIMATE) == Cost(1, 800, 2_000)
    assert budget.reserve(ESTIMATE) is None and budget.is_exhausted


def test_tokens_that_a_server_does_not_count_cost_what_was_expected() -> None:
    budget = Budget(prices=PRICES)
    reserved = budget.reserve(ESTIMATE)
    assert reserved is not None
    budget.settle(reserved, Cost(3))

    assert budget.money_spent == pytest.approx(3 * PRICES.of(ESTIMATE))
