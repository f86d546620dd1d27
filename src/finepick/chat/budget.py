"""What asking costs: counted, estimated, and ended before it costs more than it may."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """Requests sent, and tokens as servers count them."""

    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.requests + other.requests,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
        )

    def times(self, count: int) -> Cost:
        return Cost(self.requests * count, self.tokens_in * count, self.tokens_out * count)


@dataclass(frozen=True, slots=True)
class Prices:
    """For a million tokens, in any currency."""

    per_million_in: float = 0.0
    per_million_out: float = 0.0

    def of(self, cost: Cost) -> float:
        return (cost.tokens_in * self.per_million_in + cost.tokens_out * self.per_million_out) / 1e6


class Budget:
    """Lets so many questions through, and so much money; for one thread.

    spent: before this run, which counts for the money alone. What is under way is expected to cost what a question
    did on average, or the estimate where that is more, so that the budget holds for what is not yet counted.
    """

    def __init__(
        self,
        *,
        prices: Prices | None = None,
        most_money: float | None = None,
        most_requests: int | None = None,
        spent: Cost | None = None,
    ) -> None:
        self._prices = prices or Prices()
        self._most_money, self._most_requests = most_money, most_requests
        self._before = spent or Cost()
        self._settled = Cost()
        self._questions = 0
        self._reserved = Cost()
        self.is_exhausted = False

    @property
    def money_spent(self) -> float:
        """In all runs, as far as it has been counted."""
        return self._prices.of(self._before + self._settled)

    def reserve(self, estimate: Cost) -> Cost | None:
        """What one more question is expected to cost, to be given to `settle` later; None where it is too much."""
        expected = self._expected(estimate)
        ahead = self._settled + self._reserved + expected
        if self._most_requests is not None and ahead.requests > self._most_requests:
            self.is_exhausted = True
        if self._most_money is not None and self._prices.of(self._before + ahead) > self._most_money:
            self.is_exhausted = True
        if self.is_exhausted:
            return None
        self._reserved += expected
        return expected

    def settle(self, reserved: Cost, cost: Cost) -> None:
        """Count *cost* in place of what was *reserved*; tokens that a server did not count cost what was expected."""
        self._reserved += reserved.times(-1)
        tokens_in = cost.tokens_in or reserved.tokens_in * cost.requests
        tokens_out = cost.tokens_out or reserved.tokens_out * cost.requests
        self._settled += Cost(cost.requests, tokens_in, tokens_out)
        self._questions += 1

    def _expected(self, estimate: Cost) -> Cost:
        count = max(1, self._questions)
        return Cost(
            1,
            max(estimate.tokens_in, self._settled.tokens_in // count),
            max(estimate.tokens_out, self._settled.tokens_out // count),
        )
