"""Which pair of a series is worth asking first; whatever the policy, a series is connected before anything else."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from finepick.preferences.answers import Answers
from finepick.preferences.next_pair import (
    BestFrame,
    Informative,
    PairPolicy,
    Random,
    SeriesState,
    Swiss,
    pair_values,
    pairs_of,
)
from finepick.project.records import Outcome

Place = tuple[int, int]

POLICIES: Mapping[str, PairPolicy] = {
    "information": Informative(),
    "best": BestFrame(),
    "swiss": Swiss(),
    "random": Random(),
}

OUTCOMES: Mapping[Outcome, int] = {Outcome.FIRST: 1, Outcome.TIE: 0, Outcome.SECOND: -1}
"""As `preferences` counts them; a pair that cannot be compared says nothing."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A series of `count` photos and its answers: places of the two photos, outcome, weight."""

    count: int
    answers: Sequence[tuple[int, int, Outcome, float]]


def order_pairs(policy: str, standing: Standing, chance: random.Random) -> list[Place]:
    """All pairs of the series, the one to ask first in front.

    As long as the answers leave the photos in several parts, the pairs that join two parts come first: without
    them there is no scale.
    """
    told = [answer for answer in standing.answers if answer[2] in OUTCOMES]
    answers = Answers.none()
    if told:
        first, second, outcomes, weights = zip(*told, strict=True)
        answers = Answers.of(first, second, [OUTCOMES[outcome] for outcome in outcomes], weight=weights)
    rng = np.random.default_rng(chance.getrandbits(64))
    state = SeriesState.of(standing.count, answers)
    values = pair_values(state, POLICIES[policy], rng)
    best_first = np.lexsort((rng.random(len(values)), -values))
    pairs = [(int(a), int(b)) for a, b in np.stack(pairs_of(standing.count), axis=1)[best_first]]
    part = list(state.groups)
    joining: dict[Place, None] = {}
    for a, b in pairs:
        if part[a] != part[b]:
            joining[a, b] = None
            part = [part[a] if each == part[b] else each for each in part]
    return [*joining, *(pair for pair in pairs if pair not in joining)]
