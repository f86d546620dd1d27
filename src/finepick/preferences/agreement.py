"""How well people agree: with one another, with themselves, with gold pairs.

Two answers agree where they say the same about the same two photos, whatever stood on the left. An answer of
weight 0 was taken back and counts nowhere; other weights are not looked at here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv

from finepick.preferences.answers import Answers, IndexArray, summed
from finepick.preferences.bradley_terry import LEVEL


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `of`, with the interval of Jeffreys (his prior Beta(½, ½)); `value` is None where `of` is 0."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        return self.hits / self.of if self.of else None

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Between what the share lies with probability *level*; a bound is 0 or 1 where nothing was missed or hit."""
        low, high = betaincinv(self.hits + 0.5, self.of - self.hits + 0.5, [(1 - level) / 2, (1 + level) / 2])
        return (float(low) if self.hits else 0.0), (float(high) if self.hits < self.of else 1.0)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far different people agree.

    `pairs_of_answers`: of all two answers of different people about the same photos, how many say the same (the
    observed agreement of J. L. Fleiss, 1971, every two answers counting once). `alpha`: Krippendorff's α, None
    where it does not apply. `ties`: how many answers were "cannot tell".
    """

    pairs_of_answers: Share
    alpha: float | None
    ties: Share


def agreement_of(answers: Answers) -> Agreement:
    """How far different people agree about the same photos.

    α looks at answers as numbers 1, 0 and −1 with squared differences, so that a tie lies half-way; of somebody
    who answered twice about two photos it takes the mean. Which photo is called first is arbitrary, so every
    pair is counted both ways round: α does not depend on how photos are numbered.
    """
    counted = answers.where(answers.weight > 0).canonical()
    unit, own = _codes(counted.series, counted.a, counted.b), _codes(*_own_pair(counted))
    (same, pairs), (same_own, pairs_own) = (_agreeing(code, counted.outcome) for code in (unit, own))
    across = Share(int(same.sum() - same_own.sum()), int(pairs.sum() - pairs_own.sum()))
    _, first, sizes = np.unique(own, return_index=True, return_counts=True)
    said = summed(counted.outcome, own, len(sizes)) / sizes
    both = np.concatenate([unit[first], unit[first] + len(same)])
    ties = Share(int(np.sum(counted.outcome == 0)), len(counted))
    return Agreement(across, krippendorff_alpha(both, np.concatenate([said, -said])), ties)


def krippendorff_alpha(units: ArrayLike, values: ArrayLike) -> float | None:
    """1 − observed / expected disagreement of *values* (m,) given to *units* (m,), for interval data.

    Disagreement of two values is their squared difference; a unit with one value is left out (K. Krippendorff,
    "Computing Krippendorff's alpha-reliability", 2011). None without two differing values that can be paired.
    """
    _, unit, sizes = np.unique(np.asarray(units), return_inverse=True, return_counts=True)
    value = np.asarray(values, np.float64)
    paired = sizes[unit] > 1
    unit, value, sizes = unit[paired], value[paired], sizes.astype(np.float64)
    if not len(value) or np.ptp(value) == 0:
        return None
    means = summed(value, unit, len(sizes)) / sizes
    within = 2 * sizes / np.maximum(sizes - 1, 1)
    observed = np.sum((value - means[unit]) ** 2 * within[unit]) / len(value)
    return float(1 - observed / (2 * np.var(value, ddof=1)))


def consistency_of(answers: Answers, annotators: int) -> list[Share]:
    """Of each of *annotators*: of all two answers of theirs about the same two photos, how many say the same."""
    counted = answers.where(answers.weight > 0).canonical()
    own = _codes(*_own_pair(counted))
    who = np.zeros(int(own.max(initial=-1)) + 1, np.intp)
    who[own] = counted.annotator
    return _shares(*_agreeing(own, counted.outcome), who, annotators)


def gold_accuracy_of(answers: Answers, gold: Iterable[tuple[int, int, int]], annotators: int) -> list[Share]:
    """Of each of *annotators*: how often they named the better photo of a gold pair (series, better, worse).

    A tie is not right. Raises ValueError where *gold* says of two photos that each is the better one.
    """
    known = _gold_table(gold)
    counted = answers.where(answers.weight > 0)
    columns = (counted.series, counted.a, counted.b)
    truth = np.array([known.get(row, 0) for row in zip(*(c.tolist() for c in columns), strict=True)], np.int8)
    return _shares((counted.outcome == truth) & (truth != 0), truth != 0, counted.annotator, annotators)


def together(shares: Iterable[Share]) -> Share:
    """All *shares* as one."""
    listed = list(shares)
    return Share(sum(share.hits for share in listed), sum(share.of for share in listed))


def _gold_table(gold: Iterable[tuple[int, int, int]]) -> dict[tuple[int, int, int], int]:
    table: dict[tuple[int, int, int], int] = {}
    for series, better, worse in gold:
        if table.get((series, better, worse), 1) != 1 or better == worse:
            raise ValueError(f"gold pairs of series {series} contradict about photos {better} and {worse}")
        table[series, better, worse], table[series, worse, better] = 1, -1
    return table


def _own_pair(answers: Answers) -> tuple[IndexArray, ...]:
    return answers.annotator, answers.series, answers.a, answers.b


def _codes(*columns: IndexArray) -> IndexArray:
    """One number, from 0, for each combination of values that occurs."""
    return np.unique(np.stack(columns), axis=1, return_inverse=True)[1].ravel()


def _agreeing(unit: IndexArray, outcome: NDArray[np.int8]) -> tuple[IndexArray, IndexArray]:
    """Of all two answers about each unit: how many say the same, and how many there are."""
    units = int(unit.max(initial=-1)) + 1
    counts = np.bincount(unit * 3 + outcome + 1, minlength=units * 3).reshape(units, 3)
    total = counts.sum(axis=1)
    return np.sum(counts * (counts - 1), axis=1) // 2, total * (total - 1) // 2


def _shares(hits: ArrayLike, of: ArrayLike, who: IndexArray, people: int) -> list[Share]:
    """For each of *people* what *hits* and *of* add up to."""
    columns = (summed(values, who, people) for values in (hits, of))
    return [Share(int(right), int(asked)) for right, asked in zip(*columns, strict=True)]
