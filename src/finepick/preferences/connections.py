"""What the answers of a series connect, and where they go round in a circle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from finepick.domain import FloatArray
from finepick.preferences.answers import Answers, IndexArray


def components_of(answers: Answers, n: int) -> IndexArray:
    """For each of *n* photos the number of its group, (n,): photos that a chain of answers connects share one.

    Answers that weigh nothing connect nothing. Groups are numbered by their first photo.
    """
    if n == 0:
        return np.zeros(0, np.intp)
    counted = answers.weight > 0
    edges = coo_array((answers.weight[counted], (answers.a[counted], answers.b[counted])), shape=(n, n))
    _, labels = connected_components(edges, directed=False)
    _, first = np.unique(labels, return_index=True)
    return np.argsort(np.argsort(first))[labels].astype(np.intp)


@dataclass(frozen=True, slots=True)
class Circles:
    """Triads of photos whose majorities contradict: the first beats the second, it the third, it the first.

    `photos` (c × 3), each circle once, its smallest number first. `decided` is how many triads have a majority
    in all three pairs: the circles are among those.
    """

    photos: IndexArray
    decided: int

    def __len__(self) -> int:
        return len(self.photos)


def circles_in(answers: Answers, n: int) -> Circles:
    """The circular triads in the answers about *n* photos (M. G. Kendall and B. Babington Smith, 1940).

    One photo beats another where the weight of the answers for it is larger; ties count for neither.
    """
    beats = majorities(answers, n) > 0
    decided = (beats | beats.T).astype(np.float64)
    found = [
        np.argwhere(beats[i, i + 1 :, None] & beats[i + 1 :, i + 1 :] & beats[i + 1 :, i]) + i + 1
        for i in range(n)
    ]
    rows = [np.insert(rest, 0, i, axis=1) for i, rest in enumerate(found) if len(rest)]
    photos = np.concatenate(rows) if rows else np.zeros((0, 3), np.intp)
    return Circles(photos, round(float(np.trace(decided @ decided @ decided)) / 6))


def majorities(answers: Answers, n: int) -> FloatArray:
    """By how much weight the row's photo was preferred over the column's, (n × n), antisymmetric."""
    lead = np.zeros((n, n))
    np.add.at(lead, (answers.a, answers.b), answers.weight * answers.outcome)
    return lead - lead.T
