"""What to ask whom next, over all series of a project: the state in memory behind a server.

Nothing is stored here. A caller that keeps the answers makes the queue again from them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from finepick.domain import FloatArray
from finepick.preferences.answers import Answers, IndexArray
from finepick.preferences.bradley_terry import Prior
from finepick.preferences.connections import components_of
from finepick.preferences.evidence import Evidence
from finepick.preferences.next_pair import PairPolicy, SeriesState, pair_number, pair_values, pairs_of
from finepick.preferences.reliability import Model

_LOOKED_AT = 8  # series of the highest value among which one's best unasked pair is sought


@dataclass(frozen=True, slots=True)
class Question:
    """Which is better? Photos `left` and `right` of series `series`, numbered from 0, shown where they say."""

    annotator: int
    series: int
    left: int
    right: int


class PairQueue:
    """Gives each annotator the pair that is worth most and that they have not been asked; takes answers in.

    *sizes* are the numbers of photos of all series. *answers* are those so far, *model* what `fit_together` found
    of the people; without it everybody is typical and the spread is the prior's. Series that are not connected
    come first where the policy wants it. A question counts as pending, and what it will tell is counted on, until
    `record` or `release`. Not safe for use from several threads at once.

    Cost: `next_question` looks at one number a series and at a few pairs; `record` fits one series anew.
    """

    def __init__(
        self,
        sizes: Sequence[int] | IndexArray,
        policy: PairPolicy,
        rng: np.random.Generator,
        *,
        answers: Answers | None = None,
        model: Model | None = None,
    ) -> None:
        self._policy, self._rng, self._sizes = policy, rng, np.asarray(sizes, np.intp)
        self._asked: defaultdict[int, dict[int, set[int]]] = defaultdict(dict)
        self._through: defaultdict[int, NDArray[np.bool_]] = defaultdict(lambda: np.zeros(len(sizes), bool))
        self._states = list(_states(self._sizes, answers or Answers.none(), model))
        self._values: list[FloatArray] = [np.zeros(0)] * len(self._states)
        self._highest = np.full(len(self._states), -np.inf)
        for series in range(len(self._states)):
            self._value_again(series)
        for row in _rows(answers or Answers.none()):
            self._remember(*row)

    def __len__(self) -> int:
        return len(self._states)

    def state(self, series: int) -> SeriesState:
        """What is known of a series."""
        return self._states[series]

    def value(self, series: int) -> float:
        """What the best question about a series is worth by the policy; above 1 where it is not connected."""
        return float(self._highest[series])

    def next_question(self, annotator: int) -> Question | None:
        """What to ask *annotator* now; never a pair they were asked before. None: they were asked everything.

        Which photo is on the left is drawn. The pair is pending from now on.
        """
        left_over = np.where(self._through[annotator], -np.inf, self._highest)
        candidates = [self._best_for(annotator, series) for series in _highest_of(left_over)]
        if not candidates:
            return None
        _, series, pair = max(candidates)
        return self._ask(annotator, series, pair)

    def repeat_question(self, annotator: int) -> Question | None:
        """A pair that *annotator* was asked before, drawn, to see whether they agree with themselves.

        None: nothing was asked. Whoever counts on it asks for it: it is never the next question.
        """
        asked = self._asked[annotator]
        pairs = [(series, pair) for series, pairs in asked.items() for pair in sorted(pairs)]
        return self._ask(annotator, *pairs[self._rng.integers(len(pairs))]) if pairs else None

    def record(self, answers: Answers) -> None:
        """Takes in what was answered, asked by this queue or not (a gold pair); series are fitted anew.

        Raises ValueError for answers about what is not there, and then takes in nothing.
        """
        answers.check(self._sizes)
        for series in np.unique(answers.series).tolist():
            self._states[series] = self._states[series].after(answers.where(answers.series == series))
            self._value_again(series)
        for row in _rows(answers):
            self._remember(*row)

    def release(self, question: Question) -> None:
        """Nobody will answer *question*: it is not pending any more, and the person may be asked it again.

        Raises ValueError where it is not pending.
        """
        state = self._states[question.series]
        pair = pair_number(len(state), question.left, question.right)
        if pair not in state.pending:
            raise ValueError(f"{question} is not pending: it was answered or released already")
        self._states[question.series] = state.no_longer_asking(pair)
        self._value_again(question.series)
        if not _has_answered(question, state.answers):
            self._asked[question.annotator][question.series].discard(pair)
            self._through[question.annotator][question.series] = False

    def _ask(self, annotator: int, series: int, pair: int) -> Question:
        state = self._states[series]
        a, b = (int(photos[pair]) for photos in pairs_of(len(state)))
        self._states[series] = state.asking(pair)
        self._value_again(series)
        self._remember(annotator, series, a, b)
        left, right = (a, b) if self._rng.random() < 0.5 else (b, a)
        return Question(annotator, series, left, right)

    def _best_for(self, annotator: int, series: int) -> tuple[float, int, int]:
        """Of the best pair of a series that *annotator* was not asked: its value, the series, its number."""
        values = self._values[series]
        asked = self._asked[annotator].get(series)
        if asked:
            values = values.copy()
            values[list(asked)] = -np.inf
        pair = int(np.argmax(values))
        return float(values[pair]), series, pair

    def _value_again(self, series: int) -> None:
        if len(self._states[series]) > 1:
            self._values[series] = pair_values(self._states[series], self._policy, self._rng)
            self._highest[series] = self._values[series].max()

    def _remember(self, annotator: int, series: int, a: int, b: int) -> None:
        n = len(self._states[series])
        asked = self._asked[annotator].setdefault(series, set())
        asked.add(pair_number(n, a, b))
        if len(asked) == n * (n - 1) // 2:
            self._through[annotator][series] = True


def _states(sizes: IndexArray, answers: Answers, model: Model | None) -> Iterator[SeriesState]:
    """The state of every series, all fitted at once."""
    model = (model or Model.typical(0, Prior().spread, tied=False)).allowing(answers)
    posterior = Evidence(answers, sizes).mode(model.spread, model.manner(answers))
    in_order = answers.where(np.argsort(answers.series, kind="stable"))
    ends = np.searchsorted(in_order.series, np.arange(len(sizes) + 1))
    for (mean, covariance), begin, end in zip(posterior.parts(), ends[:-1], ends[1:], strict=True):
        own = in_order.where(slice(begin, end))
        own = replace(own, series=np.zeros(len(own), np.intp))
        yield SeriesState(model, mean, covariance, components_of(own, len(mean)), own)


def _highest_of(values: FloatArray) -> list[int]:
    """The places of the highest few *values* that are not −∞."""
    few = (
        np.argpartition(-values, _LOOKED_AT)[:_LOOKED_AT]
        if len(values) > _LOOKED_AT
        else np.arange(len(values))
    )
    return [int(place) for place in few if not np.isneginf(values[place])]


def _rows(answers: Answers) -> Iterator[tuple[int, int, int, int]]:
    """Annotator, series, a, b of every answer."""
    columns = (answers.annotator, answers.series, answers.a, answers.b)
    return zip(*(column.tolist() for column in columns), strict=True)


def _has_answered(question: Question, answers: Answers) -> bool:
    """Whether the person asked has answered about these two photos, among *answers* about their series."""
    pair = {question.left, question.right}
    return any(who == question.annotator and {a, b} == pair for who, _, a, b in _rows(answers))
