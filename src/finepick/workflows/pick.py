"""The best photo of every series: find, group, rank, choose."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from finepick.domain import Photo, PickResult, Ranking, Series, SeriesKind, Skipped, Stage
from finepick.errors import ImageError, NothingReadableError, UsageError
from finepick.scorers.base import Scorer, glance_of
from finepick.scorers.catalog import DEFAULT_SCORER, load_scorer
from finepick.series.grouping import GROUPING_VERSION, group_photos
from finepick.series.keeping import choose_keeps
from finepick.workflows.coarse import coarse_scores, prepare_coarse_scores
from finepick.workflows.library import FeaturesByPlace, Library
from finepick.workflows.ranking import prepare_studies, rank_series

GROUP_RULES = ("auto", "folder", "one", "single")


@dataclass(frozen=True, slots=True)
class PickOptions:
    """What may be asked of a pick.

    group: how series are found, one of `GROUP_RULES`.
    keep_per_series: how many photos of every series to keep.
    keep: how many photos of the whole shoot to keep, as different as possible; None = no such limit.
    coarse: ask for coarse scores even where they cost a second pass.
    """

    group: str = "auto"
    keep_per_series: int = 1
    keep: int | None = None
    coarse: bool = False

    def __post_init__(self) -> None:
        if self.group not in GROUP_RULES:
            raise UsageError(f"unknown way to group '{self.group}'; use one of {', '.join(GROUP_RULES)}")
        if self.keep_per_series < 0:
            raise UsageError("--keep-per-series must be 0 or more")
        if self.keep is not None and self.keep < 0:
            raise UsageError("--keep must be 0 or more")


def pick_photos(
    library: Library,
    paths: Sequence[str],
    *,
    scorer: Scorer | None = None,
    options: PickOptions | None = None,
    leave_out: Sequence[str] = (),
) -> PickResult:
    """Series below *paths* (but not in the folders *leave_out*), each ranked, with the photos to keep marked.

    Raises PathNotFoundError, NothingReadableError, PathVanishedError, UsageError.
    """
    scorer = scorer or load_scorer(DEFAULT_SCORER)
    options = options or PickOptions()
    reading = library.read(paths, leave_out=leave_out, glance=glance_of(scorer))
    groups = _grouped(library, reading.photos, options.group)
    prepare_studies(library, groups, scorer)
    if options.coarse:
        prepare_coarse_scores(library, _ranked_photos(groups), scorer)
    rankings: list[Ranking] = []
    lost: list[Skipped] = []
    for series in groups:
        ranking = _ranked(library, series, scorer, lost, coarse=options.coarse)
        if ranking is not None:
            rankings.append(replace(ranking, id=f"s{len(rankings) + 1:04d}"))
    if not rankings:
        raise NothingReadableError(
            f"no photo could be judged; '{lost[0].path}': {lost[0].reason}", path=lost[0].path
        )
    whole = sum(len(ranking) for ranking in rankings if not ranking.is_ranked)
    if options.keep is not None and whole > options.keep:
        library.warn(f"sets that are kept whole hold {whole} photos, more than --keep {options.keep} allows")
    keeps = choose_keeps(rankings, per_series=options.keep_per_series, total=options.keep)
    return PickResult(
        series=tuple(replace(ranking, keep=keep) for ranking, keep in zip(rankings, keeps, strict=True)),
        skipped=(*reading.skipped, *lost),
        ignored=reading.ignored,
        model=scorer.info,
    )


def _ranked_photos(groups: Sequence[Series]) -> list[Photo]:
    return [photo for series in groups if not series.kind.is_kept_whole for photo in series.photos]


def _ranked(
    library: Library, series: Series, scorer: Scorer, lost: list[Skipped], *, coarse: bool
) -> Ranking | None:
    """The ranking of *series*, without the photos that cannot be read any more (they go to *lost*)."""
    photos = series.photos
    while photos:
        try:
            ranking = rank_series(library, replace(series, photos=photos), scorer)
            if coarse and ranking.is_ranked and ranking.coarse is None:
                ranking = replace(ranking, coarse=coarse_scores(library, photos, scorer))
            return ranking
        except ImageError as error:
            lost.append(Skipped(str(error.path), Stage.JUDGE, error.reason))
            lost += [
                Skipped(path, Stage.JUDGE, "lies beside a RAW that could not be judged")
                for photo in photos
                if photo.path == error.path
                for path in photo.companions
            ]
            photos = tuple(photo for photo in photos if photo.path != error.path)
    return None


def _grouped(library: Library, photos: Sequence[Photo], rule: str) -> tuple[Series, ...]:
    """Series of *photos*; a shoot that was grouped before is not grouped again."""
    key = _grouping_key(photos, rule)
    blob = None if library.fresh else library.cache.study(key)
    groups = _from_blob(blob, photos) if blob is not None else None
    if groups is None:
        library.progress.stage("finding series", 0)
        groups = group_photos(photos, FeaturesByPlace(library, photos), rule=rule)
        library.cache.remember_study(key, "grouping", _to_blob(groups, photos))
    return groups


def _grouping_key(photos: Sequence[Photo], rule: str) -> str:
    told = hashlib.sha256(f"{GROUPING_VERSION} {rule}\n".encode())
    for photo in sorted(photos, key=lambda one: one.path):
        told.update(f"{photo.digest} {photo.path}\n".encode(errors="surrogateescape"))
    return told.hexdigest()


def _to_blob(groups: Sequence[Series], photos: Sequence[Photo]) -> bytes:
    place = {photo.path: i for i, photo in enumerate(sorted(photos, key=lambda one: one.path))}
    rows = [[str(series.kind), [place[photo.path] for photo in series.photos]] for series in groups]
    return json.dumps(rows).encode()


def _from_blob(blob: bytes, photos: Sequence[Photo]) -> tuple[Series, ...] | None:
    ordered = sorted(photos, key=lambda one: one.path)
    try:
        rows = json.loads(blob)
        return tuple(Series(SeriesKind(kind), tuple(ordered[i] for i in members)) for kind, members in rows)
    except (ValueError, TypeError, IndexError):
        return None
