"""Ratings as distributions over the scores 1…10: what a network with ten outputs learns from (EMD)."""

from __future__ import annotations

import numpy as np

from finepick.datasets.files import shown
from finepick.datasets.records import LabelledPhoto, LabelledSeries
from finepick.domain import FloatArray
from finepick.errors import DatasetError

SCORES = np.arange(1.0, 11.0)
USUAL_STD = 1.4
"""Spread on the scale 1…10 where none is known: about that of people's votes in AVA."""

_NARROW = 0.15  # below, a discretised normal is two neighbours at most, and its weights underflow


def distribution(photo: LabelledPhoto, *, std: float = USUAL_STD) -> FloatArray:
    """Shares (10,) of the scores 1…10, summing to 1, whose mean is the photo's mean mapped to 1…10.

    Where votes are known: the votes, each answer mapped linearly to 1…10 and shared between the two scores
    beside it. Else: a normal, cut off and taken at the ten scores, p_k ∝ exp(−(k − m)² / 2σ²), with σ the spread of
    the ratings mapped alike (*std*, on 1…10, where unknown) and m such that the mean is right even near the ends.
    Raises DatasetError for a photo without votes whose scale is unknown.
    """
    if photo.votes is not None:
        return _from_votes(photo)
    low, high = _scale(photo)
    if photo.std is not None:
        std = photo.std * 9 / (high - low)
    return _normal(mapped_mean(photo), std)


def mapped_mean(photo: LabelledPhoto) -> float:
    """The mean rating of *photo* on 1…10; of its votes where they are known. Raises DatasetError without a scale."""
    if photo.votes is not None:
        return float(distribution(photo) @ SCORES)
    low, high = _scale(photo)
    return float(np.clip(1 + 9 * (photo.score - low) / (high - low), 1, 10))


def photos_of(series: LabelledSeries) -> tuple[LabelledPhoto, ...]:
    """The photos of *series* with their scores, as if they had been rated one by one; none without scores.

    Spreads and numbers of votes are taken from its keys `score_sd` and `n`, where they hold one for each photo.
    """
    if series.scores is None:
        return ()
    low, high = series.scale or (None, None)
    spreads, counts = (_one_each(series, key) for key in ("score_sd", "n"))
    return tuple(
        LabelledPhoto(
            file=file,
            score=score,
            std=None if std is None or std < 0 else float(std),
            n=None if n is None or n < 1 else int(n),
            low=low,
            high=high,
            category=series.category,
            split=series.split,
        )
        for file, score, std, n in zip(series.photos, series.scores, spreads, counts, strict=True)
    )


def _one_each(series: LabelledSeries, key: str) -> list[float | None]:
    values = series.others.get(key)
    if not isinstance(values, list) or len(values) != len(series.photos):
        return [None] * len(series.photos)
    return [value if isinstance(value, (int, float)) else None for value in values]


def _scale(photo: LabelledPhoto) -> tuple[float, float]:
    if photo.low is None or photo.high is None:
        raise DatasetError(
            f"the scale of '{shown(photo.file)}' is unknown; give its ends in the columns low and high"
        )
    return photo.low, photo.high


def _from_votes(photo: LabelledPhoto) -> FloatArray:
    votes = np.asarray(photo.votes, np.float64)
    if len(votes) < 2 or not np.isfinite(votes).all() or (votes < 0).any() or not votes.any():
        raise DatasetError(f"the votes on '{shown(photo.file)}' are no numbers of votes; correct them")
    places = np.linspace(0, 9, len(votes))
    below = np.minimum(np.floor(places).astype(np.intp), 8)
    shares = np.zeros(10)
    np.add.at(shares, below, votes * (below + 1 - places))
    np.add.at(shares, below + 1, votes * (places - below))
    return np.asarray(shares / shares.sum())


def _normal(mean: float, std: float) -> FloatArray:
    """The discretised normal of this *mean*; its centre is found by bisection, as the mean grows with it."""
    if std < _NARROW or not 1 < mean < 10:
        return np.asarray(np.maximum(0, 1 - np.abs(SCORES - mean)))
    reach = 10 + 40 * std**2
    low, high = mean - reach, mean + reach
    shares = _at_scores(mean, std)
    for _ in range(64):
        centre = (low + high) / 2
        shares = _at_scores(centre, std)
        if shares @ SCORES < mean:
            low = centre
        else:
            high = centre
    return shares


def _at_scores(centre: float, std: float) -> FloatArray:
    logs = -((SCORES - centre) ** 2) / (2 * std**2)
    shares = np.exp(logs - logs.max())
    return np.asarray(shares / shares.sum())
