"""The seam that judges sit behind: two pictures in an order, a verdict; and judges behind a chat server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from finepick.chat.asking import SLOTS, TRIES, Outcome, Request, ask_all
from finepick.chat.budget import Budget, Cost
from finepick.chat.client import TIMEOUT_SECONDS, Answer, ChatServer, Endpoint, RefusedError
from finepick.chat.messages import PICTURE_TOKENS, asked, said, shown
from finepick.red.pictures import shown_jpeg
from finepick.red.records import Asked, JudgeAnswer
from finepick.red.verdicts import judge_prompt, read_verdict

_MOST_KEPT_ANSWER = 300
_KEPT_PICTURES = 256


@dataclass(frozen=True, slots=True)
class Showing:
    """A question with the two pictures (paths) as they are shown."""

    asked: Asked
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Postponed:
    """A question that has no answer this time, and why; it will be asked again."""

    asked: Asked
    reason: str


Judged = JudgeAnswer | Postponed


class Judge(Protocol):
    """Somebody who says which of two pictures is better.

    name: what its answers are kept under; another name for whatever may answer otherwise. turns: how often it is
    worth asking the same; 1 for a judge that always answers the same. estimate: what a question costs, about.
    """

    @property
    def name(self) -> str: ...

    @property
    def turns(self) -> int: ...

    @property
    def estimate(self) -> Cost: ...

    def ask(self, showings: Iterable[Showing]) -> Iterator[list[Judged]]:
        """What came of *showings*, in any order, some at a time; they are drawn as they can be dealt with.

        Raises ChatError where a server cannot be used at all; what came before it has been given.
        """
        ...


@dataclass(frozen=True, slots=True)
class Manners:
    """How a server is asked: *at_once* requests, *tries* each, *per_minute* at most, *timeout_seconds* an answer."""

    at_once: int = SLOTS
    tries: int = TRIES
    per_minute: float | None = None
    timeout_seconds: float = TIMEOUT_SECONDS

    def server(self, endpoint: Endpoint) -> ChatServer:
        return ChatServer(endpoint, timeout_seconds=self.timeout_seconds, per_minute=self.per_minute)


class EndpointJudge:
    """A model behind a server that answers as chat completions do. **Pictures are sent to it**, without names."""

    def __init__(
        self, endpoint: Endpoint, *, turns: int, budget: Budget | None = None, manners: Manners | None = None
    ) -> None:
        self.endpoint = endpoint
        self.host = endpoint.host
        self.name = endpoint.model + "#" + hashlib.sha256(judge_prompt().encode()).hexdigest()[:6]
        self.turns = turns
        self.estimate = Cost(1, 2 * PICTURE_TOKENS + len(judge_prompt()) // 4, 70)
        self._budget = budget or Budget()
        self._manners = manners or Manners()

    def ask(self, showings: Iterable[Showing]) -> Iterator[list[Judged]]:
        server = self._manners.server(self.endpoint)
        picture = shown_pictures()
        reserved: dict[Asked, Cost] = {}

        def requests() -> Iterator[Request[Asked]]:
            for one in showings:
                cost = self._budget.reserve(self.estimate)
                if cost is None:
                    return
                reserved[one.asked] = cost
                yield self._request(one, picture)

        for came in ask_all(server, requests(), at_once=self._manners.at_once, tries=self._manners.tries):
            for about, outcome in came:
                self._budget.settle(reserved.pop(about), cost_of(outcome))
            yield [self._judged(about, outcome) for about, outcome in came]

    def _request(self, one: Showing, picture: Callable[[str], dict[str, Any]]) -> Request[Asked]:
        parts = [said(judge_prompt()), said("A:"), picture(one.first), said("B:"), picture(one.second)]
        key = f"{self.name} {one.asked}"
        return Request(one.asked, asked(parts), _checked, key=key, seed=seed_of(key))

    def _judged(self, about: Asked, outcome: Outcome) -> Judged:
        if isinstance(outcome, Answer):
            return JudgeAnswer(about, self.name, read_verdict(outcome.value), cost=cost_of(outcome))
        if isinstance(outcome, RefusedError):
            trouble = f"{outcome.reason}: {outcome.answer[:_MOST_KEPT_ANSWER]}"
            return JudgeAnswer(about, self.name, None, trouble, cost_of(outcome))
        return Postponed(about, outcome.reason)


def shown_pictures() -> Callable[[str], dict[str, Any]]:
    """Gives the picture in a file as a part of a message; remembers the last few hundred. Raises ImageError."""

    @lru_cache(_KEPT_PICTURES)
    def part(path: str) -> dict[str, Any]:
        return shown(shown_jpeg(path))

    return part


def cost_of(outcome: Outcome) -> Cost:
    """What *outcome* took."""
    if isinstance(outcome, Answer):
        return Cost(outcome.requests, outcome.tokens_in, outcome.tokens_out)
    return Cost(outcome.requests)


def seed_of(key: str) -> int:
    """A whole number for *key*, in 31 bits: what a server may heed, so that an answer can be had again."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest(), "big") >> 1


def _checked(content: str) -> str:
    read_verdict(content)
    return content
