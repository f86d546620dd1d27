"""Chains of thought from a model behind a chat server: what is asked, how strictly it is read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from finepick.chat.asking import Request, ask_all
from finepick.chat.budget import Budget, Cost
from finepick.chat.client import Answer, Endpoint, RefusedError
from finepick.chat.messages import PICTURE_TOKENS, asked, object_in, said
from finepick.red.judges import Manners, cost_of, seed_of, shown_pictures
from finepick.red.records import Dimension, Thought, Why
from finepick.red.thoughts import Faulty

MODEL = "model"

_MOST_KEPT_ANSWER = 300
_DEGREES = ((0.5, "slightly better"), (0.85, "clearly better"), (1.1, "far better"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """An edit whose difference (see `records.Label`) is to be put into words, and the two pictures (paths)."""

    edit: int
    difference: float
    source_picture: str
    edit_picture: str

    @property
    def edit_is_first(self) -> bool:
        """As good as drawn, so that the place tells nothing."""
        return seed_of(f"first {self.edit}") % 2 == 0


@dataclass(frozen=True, slots=True)
class Written:
    """What came of it; thought None: no answer this time, *trouble* says why."""

    edit: int
    thought: Thought | Faulty | None
    cost: Cost
    trouble: str = ""


class EndpointWriter:
    """A model that writes chains of thought. **Pictures are sent to it**, without names."""

    def __init__(
        self, endpoint: Endpoint, *, budget: Budget | None = None, manners: Manners | None = None
    ) -> None:
        self.endpoint = endpoint
        self.host = endpoint.host
        self.name = endpoint.model + "#" + hashlib.sha256(thought_prompt().encode()).hexdigest()[:6]
        self.estimate = Cost(1, 2 * PICTURE_TOKENS + len(thought_prompt()) // 4, 220)
        self._budget = budget or Budget()
        self._manners = manners or Manners()

    def write(self, wanted: Iterable[Wanted]) -> Iterator[list[Written]]:
        """What came of *wanted*, in any order. Raises ChatError where the server cannot be used at all."""
        server = self._manners.server(self.endpoint)
        picture = shown_pictures()
        reserved: dict[int, Cost] = {}

        def requests() -> Iterator[Request[Wanted]]:
            for one in wanted:
                cost = self._budget.reserve(self.estimate)
                if cost is None:
                    return
                reserved[one.edit] = cost
                key = f"{self.name} {one}"
                yield Request(one, _messages(one, picture), _checked, key=key, seed=seed_of(key))

        for came in ask_all(server, requests(), at_once=self._manners.at_once, tries=self._manners.tries):
            for one, outcome in came:
                self._budget.settle(reserved.pop(one.edit), cost_of(outcome))
            yield [self._written(one, outcome) for one, outcome in came]

    def _written(self, one: Wanted, outcome: Any) -> Written:
        if isinstance(outcome, Answer):
            return Written(
                one.edit, read_thought(outcome.value, edit_is_first=one.edit_is_first), cost_of(outcome)
            )
        if isinstance(outcome, RefusedError):
            fault = Faulty(Why.NO_WORDS, f"{outcome.reason}: {outcome.answer[:_MOST_KEPT_ANSWER]}")
            return Written(one.edit, fault, cost_of(outcome))
        return Written(one.edit, None, cost_of(outcome), outcome.reason)


@lru_cache(1)
def thought_prompt() -> str:
    """What is asked; {winner} and {degree} stand for which one is how much better."""
    return resources.files("finepick.red").joinpath("thought_prompt.txt").read_text(encoding="utf-8")


def read_thought(content: str, *, edit_is_first: bool) -> Thought:
    """The thought in an answer. Raises ValueError for anything else."""
    answer = object_in(content)
    texts = [answer.get(key) for key in ("first", "second", "first_short", "second_short")]
    named = answer.get("dimensions")
    if not all(isinstance(text, str) and text.strip() for text in texts) or not isinstance(named, list):
        raise ValueError("it is not two texts, in short and at length, and dimensions")
    first, second, first_short, second_short = (" ".join(str(text).split()) for text in texts)
    dimensions = tuple(one for one in Dimension if one in named)
    if edit_is_first:
        return Thought(first, second, first_short, MODEL, dimensions)
    return Thought(second, first, second_short, MODEL, dimensions)


def _messages(one: Wanted, picture: Any) -> list[dict[str, Any]]:
    edit_wins = one.difference > 0
    winner = "the first" if edit_wins == one.edit_is_first else "the second"
    degree = next(words for most, words in _DEGREES if abs(one.difference) < most)
    shown = [picture(one.edit_picture), picture(one.source_picture)]
    first, second = shown if one.edit_is_first else reversed(shown)
    text = thought_prompt().replace("{winner}", winner).replace("{degree}", degree)
    return asked([said(text), said("The first:"), first, said("The second:"), second])


def _checked(content: str) -> str:
    read_thought(content, edit_is_first=True)
    return content
