"""One series and one scorer in, one ranking out; what was judged before is taken from the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from finepick.batch.messages import Request
from finepick.domain import FloatArray, Photo, Ranking, Reason, Series
from finepick.errors import ImageError
from finepick.explanations.reasons import EXPLANATIONS_VERSION, Explainer, explain_series
from finepick.explanations.study import (
    Study,
    find_differences,
    pack_study,
    study_frames,
    study_judged,
    unpack_study,
)
from finepick.features.extraction import FEATURES_VERSION
from finepick.features.packing import pack_features
from finepick.scorers.base import Arrays, BatchScorer, Scorer, View, best_probabilities, glance_of
from finepick.scorers.catalog import is_loadable_elsewhere
from finepick.settings import Settings
from finepick.workflows.library import Library, SeriesFrames


def prepare_studies(library: Library, series: Iterable[Series], scorer: Scorer) -> None:
    """Judge those of *series* that are not yet known, in all reader processes at once, and remember that.

    Or, where the scorer prefers that, in this process, the whole shoot in one go. Does nothing for a scorer
    that only this process has. What goes wrong here goes wrong again, and is dealt with, where the ranking is
    asked for.
    """
    if not isinstance(scorer, BatchScorer) and not is_loadable_elsewhere(scorer):
        return
    unknown = {}
    for one in series:
        photos = _canonical(one.photos)
        key = _key(scorer, photos)
        if not one.kind.is_kept_whole and _known(library, key) is None:
            unknown[key] = photos
    if isinstance(scorer, BatchScorer):
        _study_all(library, unknown, scorer)
        return
    if (glance := glance_of(scorer)) is not None:
        library.glance_at_all((photo for photos in unknown.values() for photo in photos), glance)
    library.progress.stage("judging series", len(unknown))
    for request, reply in library.ask_all(_study_requests(library, unknown, scorer)):
        if reply.error is None:
            _remember(library, request.digest, reply.blobs[0])
        library.progress.step()


def rank_series(library: Library, series: Series, scorer: Scorer) -> Ranking:
    """*series* ranked by *scorer*; sets that are kept whole are left in the order of capture.

    Raises ImageError where a photo of the series cannot be read any more.
    """
    photos = series.photos
    if series.kind.is_kept_whole:
        return Ranking(series.kind, photos, tuple(range(len(photos))), (True,) * len(photos))
    study = study_series(library, photos, scorer)
    judgement = study.judgement
    return Ranking(
        kind=series.kind,
        photos=photos,
        order=tuple(sorted(range(len(photos)), key=lambda i: (-judgement.fine[i], photos[i].path))),
        keep=(False,) * len(photos),
        scores=judgement.fine,
        coarse=judgement.coarse,
        p_best=best_probabilities(judgement.preference),
        preference=judgement.preference,
        too_close=judgement.too_close,
        why=tuple(_with_paths(row, photo, photos) for row, photo in zip(study.reasons, photos, strict=True)),
        _explain=_Explanation(library.settings, photos, scorer),
    )


def study_series(library: Library, photos: Sequence[Photo], scorer: Scorer) -> Study:
    """The study of *photos*, from the cache where the same bytes were judged before. Raises ImageError."""
    ordered = _canonical(photos)
    key = _key(scorer, ordered)
    study = _known(library, key)
    if study is None:
        study = study_frames(SeriesFrames(library, ordered), scorer)
        _remember(library, key, pack_study(study))
    place = {id(photo): i for i, photo in enumerate(ordered)}
    return study.rearranged([place[id(photo)] for photo in photos])


def series_maps(library: Library, photos: Sequence[Photo], scorer: Scorer) -> tuple[FloatArray, ...]:
    """The difference maps (rows × columns, in [0, 1]) of *photos*."""
    return tuple(one / 255.0 for one in study_series(library, photos, scorer).maps)


def explain_photos(library: Library, photos: Sequence[Photo], scorer: Scorer) -> Explainer:
    """What can be said of any two of *photos*. Raises ImageError."""
    judgement = study_series(library, photos, scorer).judgement
    judgement = replace(judgement, phrases=getattr(scorer, "phrases", None))
    features = [library.features(photo) for photo in photos]
    alignment, maps = find_differences(features, judgement)
    return explain_series(features, alignment, maps, judgement)


def _canonical(photos: Sequence[Photo]) -> list[Photo]:
    """Photos in the order of their bytes, so that neither names nor order can matter; copies go by path."""
    return sorted(photos, key=lambda photo: (photo.digest, photo.path))


def _known(library: Library, key: str) -> Study | None:
    blob = library.study(key)
    return None if blob is None else unpack_study(blob)


def _remember(library: Library, key: str, blob: bytes) -> None:
    library.remember_study(key, "series", blob)


def _study_all(library: Library, unknown: dict[str, list[Photo]], scorer: BatchScorer) -> None:
    if not unknown:  # a network that need not be made ready saves seconds
        return
    library.progress.stage("judging photos", sum(map(len, unknown.values())))
    series = {key: _FramesWithProgress(library, photos) for key, photos in unknown.items()}
    judgements = scorer.judge_all(series.values())
    for (key, frames), judgement in zip(series.items(), judgements, strict=True):
        if not isinstance(judgement, ImageError):
            with suppress(ImageError):
                _remember(library, key, pack_study(study_judged(frames, judgement)))


class _FramesWithProgress(SeriesFrames):
    """Says of every photo that it was seen: a series may be long, and a network slow."""

    def views(self, views: Iterable[View]) -> Iterator[Arrays]:
        for arrays in super().views(views):
            yield arrays
            self.library.progress.step()


def _study_requests(library: Library, unknown: dict[str, list[Photo]], scorer: Scorer) -> Iterator[Request]:
    glance = glance_of(scorer)
    for key, photos in unknown.items():
        try:
            blobs = tuple(pack_features(library.features(photo)) for photo in photos)
            if glance is not None:
                blobs += tuple(library.glance(photo, glance) for photo in photos)
        except ImageError:
            continue
        digests = tuple(photo.digest for photo in photos)
        yield Request("study", scorer.info.name, 0, key, digests, blobs)


def _with_paths(reasons: Sequence[Reason], photo: Photo, photos: Sequence[Photo]) -> tuple[Reason, ...]:
    """*reasons* of *photo*, with the path of the other photo instead of its digest."""
    paths = {other.digest: other.path for other in photos if other is not photo}
    return tuple(replace(reason, versus=paths[reason.versus]) for reason in reasons)


def _key(scorer: Scorer, photos: Sequence[Photo]) -> str:
    told = [scorer.info.fingerprint, str(FEATURES_VERSION), str(EXPLANATIONS_VERSION)]
    phrases = getattr(scorer, "phrases", None)
    if phrases is not None:
        told.append(phrases.digest)
    return hashlib.sha256("\n".join([*told, *(photo.digest for photo in photos)]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Explanation:
    """Reasons between any two photos of a series, worked out when asked: a result of 5,000 photos stays small."""

    settings: Settings
    photos: tuple[Photo, ...]
    scorer: Scorer

    def __call__(self, i: int, j: int) -> tuple[Reason, ...]:
        with Library(self.settings) as library:
            return explain_photos(library, self.photos, self.scorer).between(i, j, self.photos[j].path)
