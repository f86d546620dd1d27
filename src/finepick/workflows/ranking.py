"""One series and one scorer in, one ranking out; what was judged before is taken from the cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from finepick.differences.maps import difference_maps
from finepick.differences.registration import Alignment, register_series
from finepick.domain import (
    Attribute,
    FloatArray,
    Photo,
    Ranking,
    Reason,
    Series,
)
from finepick.explanations.reasons import EXPLANATIONS_VERSION, Explainer, explain_series
from finepick.features.extraction import FEATURES_VERSION, PhotoFeatures
from finepick.features.packing import pack_arrays, unpack_arrays
from finepick.scorers.base import Judgement, Scorer, best_probabilities
from finepick.settings import Settings
from finepick.workflows.library import Library, SeriesFrames


@dataclass(frozen=True, slots=True)
class Study:
    """All there is to know of a series of n photos, in the order of the photos it was made for.

    reasons: per photo; here `versus` is the other photo's digest, since names must not matter.
    maps: n difference maps (rows, columns), 255 where [0, 1] has 1.
    """

    judgement: Judgement
    reasons: tuple[tuple[Reason, ...], ...]
    maps: tuple[NDArray[np.uint8], ...]


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
    """The study of *photos*, from the cache where the same bytes were judged before.

    Judged in the order of the digests, so that neither names nor order can matter; ties go by path.
    """
    canonical = sorted(range(len(photos)), key=lambda i: (photos[i].digest, photos[i].path))
    ordered = [photos[i] for i in canonical]
    key = _key(scorer, ordered)
    blob = None if library.fresh else library.cache.study(key)
    study = _unpack(blob) if blob is not None else None
    if study is None:
        study = _study(library, ordered, scorer)
        library.cache.remember_study(key, "series", _pack(study))
    return _in_order_of(study, canonical)


def explain_photos(library: Library, photos: Sequence[Photo], scorer: Scorer) -> Explainer:
    """What can be said of any two of *photos*. Raises ImageError."""
    judgement = study_series(library, photos, scorer).judgement
    features = [library.features(photo) for photo in photos]
    alignment, maps = _differences(features, judgement)
    return explain_series(features, alignment, maps, judgement)


def series_maps(library: Library, photos: Sequence[Photo], scorer: Scorer) -> tuple[FloatArray, ...]:
    """The difference maps (rows × columns, in [0, 1]) of *photos*."""
    return tuple(one / 255.0 for one in study_series(library, photos, scorer).maps)


def _study(library: Library, photos: Sequence[Photo], scorer: Scorer) -> Study:
    frames = SeriesFrames(library, photos)
    judgement = scorer.judge(frames)
    features = [frames.features(i) for i in range(len(photos))]
    alignment, maps = _differences(features, judgement)
    best_first = np.argsort(-judgement.fine, kind="stable").tolist()
    digests = [photo.digest for photo in photos]
    reasons = explain_series(features, alignment, maps, judgement).per_photo(best_first, digests)
    return Study(judgement, reasons, tuple(np.rint(one * 255).astype(np.uint8) for one in maps))


def _differences(
    features: Sequence[PhotoFeatures], judgement: Judgement
) -> tuple[Alignment, tuple[FloatArray, ...]]:
    """How the frames lie and where they differ: as the scorer found it, else found here."""
    alignment = judgement.alignment or register_series(features)
    return alignment, judgement.difference or difference_maps(features, alignment)


def _in_order_of(study: Study, canonical: Sequence[int]) -> Study:
    """*study*, made for photos in canonical order, for photos as they are given."""
    place = np.argsort(canonical)  # of photo i of the given order among the canonical ones
    judgement = study.judgement
    return Study(
        judgement=replace(
            judgement,
            fine=judgement.fine[place],
            coarse=None if judgement.coarse is None else judgement.coarse[place],
            difference=None,
            alignment=None,
            preference=judgement.preference[np.ix_(place, place)],
        ),
        reasons=tuple(study.reasons[i] for i in place),
        maps=tuple(study.maps[i] for i in place),
    )


def _with_paths(reasons: Sequence[Reason], photo: Photo, photos: Sequence[Photo]) -> tuple[Reason, ...]:
    """*reasons* of *photo*, with the path of the other photo instead of its digest."""
    paths = {other.digest: other.path for other in photos if other is not photo}
    return tuple(replace(reason, versus=paths[reason.versus]) for reason in reasons)


def _key(scorer: Scorer, photos: Sequence[Photo]) -> str:
    told = [scorer.info.fingerprint, str(FEATURES_VERSION), str(EXPLANATIONS_VERSION)]
    return hashlib.sha256("\n".join([*told, *(photo.digest for photo in photos)]).encode()).hexdigest()


def _pack(study: Study) -> bytes:
    judgement = study.judgement
    rows = [
        [[str(reason.attribute), reason.direction, reason.strength, reason.versus, reason.text] for reason in row]
        for row in study.reasons
    ]
    arrays: dict[str, NDArray[np.generic]] = {
        "fine": judgement.fine.astype(np.float64),
        "preference": judgement.preference.astype(np.float64),
        "too_close": np.array([judgement.too_close], np.uint8),
        "reasons": np.frombuffer(json.dumps(rows).encode(), np.uint8),
    }
    if judgement.coarse is not None:
        arrays["coarse"] = judgement.coarse.astype(np.float64)
    return pack_arrays(arrays | {f"map{i}": one for i, one in enumerate(study.maps)})


def _unpack(blob: bytes) -> Study | None:
    """The study in *blob*, or None where the cache holds something else."""
    try:
        arrays = unpack_arrays(blob)
        judgement = Judgement(
            fine=arrays["fine"],
            coarse=arrays.get("coarse"),
            preference=arrays["preference"],
            too_close=bool(arrays["too_close"][0]),
        )
        rows = json.loads(arrays["reasons"].tobytes())
    except (ValueError, KeyError):
        return None
    reasons = tuple(tuple(Reason(Attribute(name), *others) for name, *others in row) for row in rows)
    return Study(judgement, reasons, tuple(arrays[f"map{i}"] for i in range(len(judgement.fine))))


@dataclass(frozen=True, slots=True)
class _Explanation:
    """Reasons between any two photos of a series, worked out when asked: a result of 5,000 photos stays small."""

    settings: Settings
    photos: tuple[Photo, ...]
    scorer: Scorer

    def __call__(self, i: int, j: int) -> tuple[Reason, ...]:
        with Library(self.settings) as library:
            return explain_photos(library, self.photos, self.scorer).between(i, j, self.photos[j].path)
