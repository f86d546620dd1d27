"""What people said of a series, as numbers that losses take: ranks, and how likely each photo is preferred."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import rankdata

from finepick.datasets.records import LabelledSeries
from finepick.domain import FloatArray

_SPREAD_OF_SCALE = 0.2
"""Spread of single ratings where none is given, as a share of the scale; AGIQA-3K's is about that."""


@dataclass(frozen=True, slots=True)
class SeriesTarget:
    """ranks: (n,), 1 = best, equal where photos are; None where only some pairs are known.

    a, b: (m,) places of the photos of each pair. p: (m,) P(a ≻ b). texts: by number of pair, how a differs.
    """

    ranks: NDArray[np.int64] | None
    a: NDArray[np.int64]
    b: NDArray[np.int64]
    p: FloatArray
    texts: Mapping[int, str]


def series_target(series: LabelledSeries) -> SeriesTarget:
    """Annotated pairs where there are some; else every pair, from scores, else from ranks.

    From scores, P(x ≻ y) = Φ((m_x − m_y) / √(σ_x² + σ_y²)): how often one person's rating of x is higher than
    another's of y (Thurstone 1927). σ is the spread of ratings (`score_sd`), else a fifth of the scale. From
    ranks alone P is 1, ½ or 0.
    """
    ranks = _ranks(series)
    if series.pairs:
        a, b, p = (np.array(column) for column in zip(*((q.a, q.b, q.p) for q in series.pairs), strict=True))
        texts = {number: pair.text for number, pair in enumerate(series.pairs) if pair.text}
        return SeriesTarget(ranks, a.astype(np.int64), b.astype(np.int64), p.astype(np.float64), texts)
    places = np.array(list(combinations(range(len(series.photos)), 2)), np.int64).reshape(-1, 2)
    a, b = places[:, 0], places[:, 1]
    if series.scores is not None:
        means, spread = np.array(series.scores, np.float64), _spread(series)
        p = ndtr((means[a] - means[b]) / np.hypot(spread[a], spread[b]))
    else:
        assert ranks is not None, "a series has pairs, scores or ranks"
        p = 0.5 + 0.5 * np.sign(ranks[b] - ranks[a])
    return SeriesTarget(ranks, a, b, np.asarray(p, np.float64), {})


def _ranks(series: LabelledSeries) -> NDArray[np.int64] | None:
    if series.scores is not None:
        return np.asarray(rankdata(-np.array(series.scores), method="min"), np.int64)
    return None if series.ranks is None else np.array(series.ranks, np.int64)


def _spread(series: LabelledSeries) -> FloatArray:
    assert series.scores is not None
    given = series.others.get("score_sd")
    low, high = series.scale or (min(series.scores), max(series.scores))
    usual = max(_SPREAD_OF_SCALE * (high - low), 1e-3)
    if not isinstance(given, list) or len(given) != len(series.scores):
        return np.full(len(series.scores), usual)
    known = np.array([usual if one is None else float(one) for one in given])
    return np.where(known > 0, known, usual)
