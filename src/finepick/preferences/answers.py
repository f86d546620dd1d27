"""What people answered when they were shown two photos, as arrays. Names stay with the caller; here are numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from finepick.domain import FloatArray

IndexArray = NDArray[np.intp]


class Outcome(IntEnum):
    """What was answered about photos a and b; "cannot tell" and "both are bad" are ties."""

    FIRST = 1
    TIE = 0
    SECOND = -1


@dataclass(frozen=True, slots=True)
class Answers:
    """m answers about pairs of photos, of one series or of many; every array is (m,).

    `a` and `b` number the two photos inside series `series`, from 0. `outcome` is 1 where a was preferred, −1
    where b, 0 for a tie. `annotator` numbers the people. `side` is 1 where a was shown on the left, −1 where b
    was, 0 where nobody knows. `weight` says how many answers this one counts for.

    Make one with `Answers.of`, which checks.
    """

    a: IndexArray
    b: IndexArray
    outcome: NDArray[np.int8]
    series: IndexArray
    annotator: IndexArray
    side: NDArray[np.int8]
    weight: FloatArray

    @classmethod
    def of(
        cls,
        a: ArrayLike,
        b: ArrayLike,
        outcome: ArrayLike,
        *,
        series: ArrayLike = 0,
        annotator: ArrayLike = 0,
        side: ArrayLike = 0,
        weight: ArrayLike = 1.0,
    ) -> Answers:
        """Answers from sequences of one length; one number stands for all. Raises ValueError, naming the row.

        >>> len(Answers.of([0, 0, 1], [1, 2, 2], [Outcome.FIRST, Outcome.TIE, Outcome.SECOND]))
        3
        """
        columns = {
            "a": a,
            "b": b,
            "outcome": outcome,
            "series": series,
            "annotator": annotator,
            "side": side,
        }
        whole = {name: _whole_numbers(name, values) for name, values in columns.items()}
        shape = np.broadcast_shapes(*(column.shape for column in whole.values()), np.shape(weight))
        if len(shape) > 1:
            raise ValueError(f"answers are lists, not arrays of shape {shape}")
        whole = {name: np.array(np.broadcast_to(column, shape or (1,))) for name, column in whole.items()}
        weights = np.array(np.broadcast_to(np.asarray(weight, np.float64), shape or (1,)))
        _refuse(whole["a"] == whole["b"], "compares a photo with itself")
        for name in ("a", "b", "series", "annotator"):
            _refuse(whole[name] < 0, f"has a negative number for {name}")
        for name in ("outcome", "side"):
            _refuse(np.abs(whole[name]) > 1, f"has a value for {name} other than 1, 0 and -1")
        _refuse(~(np.isfinite(weights) & (weights >= 0)), "has a weight that is negative or not a number")
        return cls(
            whole["a"],
            whole["b"],
            whole["outcome"].astype(np.int8),
            whole["series"],
            whole["annotator"],
            whole["side"].astype(np.int8),
            weights,
        )

    @classmethod
    def none(cls) -> Answers:
        """No answers at all."""
        return cls.of([], [], [])

    def __len__(self) -> int:
        return len(self.a)

    def where(self, chosen: ArrayLike | slice) -> Answers:
        """Only the answers that *chosen*, a mask (m,), row numbers or a slice, names."""
        rows = chosen if isinstance(chosen, slice) else np.asarray(chosen)
        return Answers(*(getattr(self, name)[rows] for name in self.__slots__))

    def swapped(self) -> Answers:
        """The same answers with a and b exchanged: they say the same."""
        return Answers(self.b, self.a, -self.outcome, self.series, self.annotator, -self.side, self.weight)

    def canonical(self) -> Answers:
        """The same answers with a < b in every row."""
        turned, flip = self.swapped(), self.a > self.b
        return Answers(*(np.where(flip, getattr(turned, n), getattr(self, n)) for n in self.__slots__))

    def check(self, sizes: Sequence[int] | IndexArray) -> None:
        """Raises ValueError, naming the row, unless series s exists and has *sizes*[s] photos or more."""
        lengths = np.asarray(sizes, np.intp)
        _refuse(self.series >= len(lengths), f"is about a series that is not among the {len(lengths)}")
        if len(self):
            _refuse(np.maximum(self.a, self.b) >= lengths[self.series], "is about a photo its series lacks")


def joined(parts: Sequence[Answers]) -> Answers:
    """All answers of *parts*, in their order."""
    if not parts:
        return Answers.none()
    return Answers(*(np.concatenate([getattr(part, n) for part in parts]) for n in Answers.__slots__))


def summed(values: ArrayLike, places: IndexArray, length: int) -> FloatArray:
    """For each of *length* places the sum of the *values* (m,) that *places* (m,) sends there."""
    return np.bincount(places, values, length).astype(np.float64, copy=False)


def _whole_numbers(name: str, values: ArrayLike) -> IndexArray:
    given = np.asarray(values)
    if given.size == 0:
        given = given.astype(np.intp)
    if given.dtype.kind not in "iub":
        raise ValueError(f"{name} must be whole numbers, not {given.dtype}")
    return given.astype(np.intp)


def _refuse(wrong: NDArray[np.bool_], what: str) -> None:
    if wrong.any():
        raise ValueError(f"answer {int(np.argmax(wrong))} (from 0) {what}")
