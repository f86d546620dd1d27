"""People who do not exist, answering by the model: for tests, for planning a project, for trying a server.

Everything is drawn from the generator that is given, nothing from anywhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from finepick.domain import FloatArray
from finepick.preferences.answers import Answers, IndexArray
from finepick.preferences.davidson import answer_probabilities


@dataclass(frozen=True, slots=True)
class Crowd:
    """How k simulated people answer; every array is (k,).

    Log-odds as in `reliability`: `sensitivity` times the difference of the scores, plus `left_bias`. `lapse` is
    how often somebody does not look and takes the left photo with probability `lapse_left`. `tie` is
    Davidson's ν of everybody who does look.
    """

    sensitivity: FloatArray
    left_bias: FloatArray
    lapse: FloatArray
    lapse_left: FloatArray
    tie: float = 0.0

    def __len__(self) -> int:
        return len(self.sensitivity)

    @classmethod
    def of(
        cls, honest: int, *, clickers: int = 0, left: int = 0, bias: float = 2.0, tie: float = 0.0
    ) -> Crowd:
        """*honest* people, then *clickers* at random, then people with *bias* log-odds to the left."""
        count = honest + clickers + left
        kind = np.repeat([0, 1, 2], [honest, clickers, left])
        return cls(
            np.ones(count),
            np.where(kind == 2, bias, 0.0),
            np.where(kind == 1, 1.0, 0.0),
            np.full(count, 0.5),
            tie,
        )

    def answer(
        self, rng: np.random.Generator, scores: FloatArray, first: IndexArray, asked: Answers
    ) -> Answers:
        """*asked* with outcomes: series s has the scores *scores*[*first*[s]:]; the old outcomes do not matter."""
        who = asked.annotator
        difference = scores[first[asked.series] + asked.a] - scores[first[asked.series] + asked.b]
        d = self.sensitivity[who] * difference + self.left_bias[who] * asked.side
        better, tied, _ = answer_probabilities(d, self.tie)
        draw = rng.random(len(asked))
        told = np.where(draw < better, 1, np.where(draw < better + tied, 0, -1))
        took_left = np.where(rng.random(len(asked)) < self.lapse_left[who], 1, -1) * asked.side
        outcome = np.where(rng.random(len(asked)) < self.lapse[who], took_left, told)
        return replace(asked, outcome=outcome.astype(np.int8))


def scores_of(
    rng: np.random.Generator, sizes: Sequence[int], spread: float = 1.5
) -> tuple[FloatArray, IndexArray]:
    """Normal scores of series of *sizes* photos, end to end, and where each series begins."""
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
    return rng.normal(0.0, spread, int(np.sum(sizes))), first


def random_questions(
    rng: np.random.Generator, sizes: Sequence[int], annotators: int, per_series: int
) -> Answers:
    """*per_series* questions in every series: random pairs, random people, random sides."""
    series = np.repeat(np.arange(len(sizes)), per_series)
    n = np.asarray(sizes)[series]
    a = rng.integers(0, n)
    b = (a + rng.integers(1, n)) % n
    who, side = rng.integers(0, annotators, len(series)), rng.choice([-1, 1], len(series))
    return Answers.of(a, b, 0, series=series, annotator=who, side=side)
