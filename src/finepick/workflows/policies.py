"""Which pair of a series is worth asking first; whatever the policy, a series is connected before anything else."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from finepick.project.records import Outcome

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Standing:
    """A series of `count` photos and its answers: places of the two photos, outcome, weight."""

    count: int
    answers: Sequence[tuple[int, int, Outcome, float]]


Policy = Callable[[Standing, random.Random], list[Place]]


def order_pairs(policy: str, standing: Standing, chance: random.Random) -> list[Place]:
    """All pairs of the series, the one to ask first in front.

    As long as the answers leave the photos in several parts, the pairs that join two parts come first: without
    them there is no scale.
    """
    pairs = POLICIES[policy](standing, chance)
    parts = _Parts(standing.count)
    for first, second, _, _ in standing.answers:
        parts.join(first, second)
    joining = dict.fromkeys(pair for pair in pairs if parts.join(*pair))
    return [*joining, *(pair for pair in pairs if pair not in joining)]


def by_chance(standing: Standing, chance: random.Random) -> list[Place]:
    """Pairs that were asked least often first, those among them by chance."""
    asked: dict[Place, float] = {}
    for first, second, _, weight in standing.answers:
        pair = (min(first, second), max(first, second))
        asked[pair] = asked.get(pair, 0.0) + weight
    pairs = list(combinations(range(standing.count), 2))
    return sorted(pairs, key=lambda pair: (asked.get(pair, 0.0), chance.random()))


class _Parts:
    """Photos that answers, directly or over others, connect."""

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def join(self, one: int, other: int) -> bool:
        """Put the parts of the two together; False where they were one."""
        top, further = self._top(one), self._top(other)
        self._above[top] = further
        return top != further

    def _top(self, place: int) -> int:
        while self._above[place] != place:
            self._above[place] = self._above[self._above[place]]
            place = self._above[place]
        return place


POLICIES: Mapping[str, Policy] = {
    "information": by_chance,
    "random": by_chance,
    "swiss": by_chance,
    "best": by_chance,
}
