"""Coarse scores, remembered where they cost a look at pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from finepick.domain import FloatArray, Photo
from finepick.errors import ImageError
from finepick.scorers.base import BatchScorer, Scorer, glance_of
from finepick.workflows.library import Library, SeriesFrames

BATCH = 64
"""Photos scored at a time."""


def coarse_scores(library: Library, photos: Sequence[Photo], scorer: Scorer) -> FloatArray | None:
    """The coarse score of each of *photos*, (n,) in 1…10, or None where *scorer* has none. Raises ImageError."""
    if not isinstance(scorer, BatchScorer):
        if (glance := glance_of(scorer)) is not None:
            library.glance_at_all(photos, glance)
        return scorer.coarse(SeriesFrames(library, photos))
    keys = [_key(scorer, photo) for photo in photos]
    known = {key: _known(library, key) for key in dict.fromkeys(keys)}
    unknown = {key: photo for key, photo in zip(keys, photos, strict=True) if known[key] is None}
    if unknown:
        made = scorer.coarse(SeriesFrames(library, list(unknown.values())))
        if made is None:
            return None
        for key, score in zip(unknown, made, strict=True):
            known[key] = float(score)
            library.remember_study(key, "coarse", np.float64(score).tobytes())
    return np.array([known[key] for key in keys], np.float64)


def prepare_coarse_scores(library: Library, photos: Sequence[Photo], scorer: Scorer) -> None:
    """Score many *photos* in full batches and remember that; what goes wrong is met again by who asks for one."""
    if not isinstance(scorer, BatchScorer):
        return
    library.progress.stage("scoring photos", len(photos))
    for start in range(0, len(photos), BATCH):
        batch = photos[start : start + BATCH]
        with suppress(ImageError):
            coarse_scores(library, batch, scorer)
        for _ in batch:
            library.progress.step()


def _known(library: Library, key: str) -> float | None:
    blob = library.study(key)
    return float(np.frombuffer(blob, np.float64)[0]) if blob is not None and len(blob) == 8 else None


def _key(scorer: Scorer, photo: Photo) -> str:
    return hashlib.sha256(f"coarse\n{scorer.info.fingerprint}\n{photo.digest}".encode()).hexdigest()
