"""Coarse scores: each photo by itself, comparable across series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from finepick.domain import CoarseScore, Photo, ScoreResult, Skipped, Stage
from finepick.errors import ImageError
from finepick.scorers.base import Scorer, glance_of
from finepick.workflows.coarse import BATCH, coarse_scores
from finepick.workflows.library import Library


def score_photos(library: Library, paths: Sequence[str], scorer: Scorer) -> ScoreResult:
    """The coarse score of every photo below *paths*, in the order given or found.

    Raises PathNotFoundError, NothingReadableError, PathVanishedError.
    """
    reading = library.read(paths, glance=glance_of(scorer))
    scores: list[CoarseScore] = []
    lost: list[Skipped] = []
    library.progress.stage("scoring photos", len(reading.photos))
    for batch in _batches(reading.photos):
        scores += _scored(library, batch, scorer, lost)
    return ScoreResult(tuple(scores), (*reading.skipped, *lost), reading.ignored, scorer.info)


def _scored(
    library: Library, photos: Sequence[Photo], scorer: Scorer, lost: list[Skipped]
) -> Iterator[CoarseScore]:
    readable = list(photos)
    while readable:
        try:
            coarse = coarse_scores(library, readable, scorer)
        except ImageError as error:
            lost.append(Skipped(str(error.path), Stage.JUDGE, error.reason))
            readable = [photo for photo in readable if photo.path != error.path]
            continue
        for i, photo in enumerate(readable):
            yield CoarseScore(photo.path, None if coarse is None else float(coarse[i]))
        break
    for _ in photos:
        library.progress.step()


def _batches(photos: Sequence[Photo]) -> Iterator[Sequence[Photo]]:
    return (photos[start : start + BATCH] for start in range(0, len(photos), BATCH))
