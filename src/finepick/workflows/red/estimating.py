"""What lies ahead, and what it will cost, at most: told before the first question is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from finepick.chat.budget import Cost, Prices
from finepick.chat.messages import PICTURE_SIDE
from finepick.red.judges import EndpointJudge, Judge
from finepick.red.store import RedProject
from finepick.red.writers import EndpointWriter
from finepick.workflows.red.items import Panel
from finepick.workflows.red.judging import questions_ahead
from finepick.workflows.red.request import RedRequest

SECONDS_AN_ANSWER = 4.0
"""Assumed of servers; nothing is known of one before it is asked."""

SECONDS_A_QUESTION = 0.5
"""Of our own models, on one core: two pictures of 768 pixels to measure, half of them measured before."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """questions: by judge, at most; edits that are rejected early are asked about less. cost: of servers, at most."""

    questions: dict[str, int]
    thoughts: int
    cost: Cost
    money: float
    seconds: float
    servers: tuple[str, ...]

    def __str__(self) -> str:
        if not any(self.questions.values()) and not self.thoughts:
            return "nothing left to ask"
        asked = ", ".join(f"{name.partition('#')[0]} {count:,}" for name, count in self.questions.items())
        told = f"ahead, at most: questions to {asked}"
        if self.servers:
            told += (
                f"; {self.cost.requests:,} requests to {' and '.join(self.servers)}, about {self.cost.tokens_in:,} "
                f"tokens in and {self.cost.tokens_out:,} out"
            )
            told += f" ({self.money:,.2f} at these prices)" if self.money else ""
            told += f"; pictures go there {PICTURE_SIDE} pixels long"
        return f"{told}; about {_time(self.seconds)}"


def estimate_of(
    project: RedProject,
    judges: Sequence[Judge],
    writer: EndpointWriter | None,
    panel: Panel,
    request: RedRequest,
    *,
    workers: int,
) -> Estimate:
    """What there is to ask, as if every edit were kept: less, where answers reject them."""
    questions = {judge.name: questions_ahead(project, judge, panel, request.rules) for judge in judges}
    edits = max(
        (count // (2 * judge.turns) for judge, count in zip(judges, questions.values(), strict=True)),
        default=0,
    )
    thoughts = edits if writer is not None else 0
    cost, seconds = Cost(), 0.0
    for judge in judges:
        count = questions[judge.name]
        cost += judge.estimate.times(count)
        if isinstance(judge, EndpointJudge):
            seconds += _seconds_of_server(count, request)
        else:
            seconds += count / 2 * SECONDS_A_QUESTION / workers
    if writer is not None:
        cost += writer.estimate.times(thoughts)
        seconds += _seconds_of_server(thoughts, request)
    hosts = [judge.host for judge in judges if isinstance(judge, EndpointJudge)]
    servers = dict.fromkeys([*hosts, *([writer.host] if writer is not None else [])])
    money = Prices(request.price_in, request.price_out).of(cost)
    return Estimate(questions, thoughts, cost, money, seconds, tuple(servers))


def _seconds_of_server(count: int, request: RedRequest) -> float:
    by_slots = count * SECONDS_AN_ANSWER / request.at_once
    return max(by_slots, count * 60 / request.per_minute) if request.per_minute else by_slots


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    return f"{round(seconds / 60)} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
