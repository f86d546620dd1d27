"""What was decided leaves the program: report, tables, manifest, copies, sidecars."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finepick.domain import FloatArray, Photo, PickResult
from finepick.errors import OutputError, UsageError
from finepick.scorers.base import Scorer
from finepick.workflows.library import Library
from finepick.workflows.ranking import series_maps

if TYPE_CHECKING:
    from finepick.exports.xmp import XmpOptions

# What writes is imported where it is asked for: most runs leave in one way, or none.


@dataclass(frozen=True, slots=True)
class Leaving:
    """Where to write what: folders, or None; and how sidecars are to be written."""

    out: str | None = None
    manifest: str | None = None
    copy_keeps: str | None = None
    xmp: bool = False
    xmp_rejects: bool = False
    xmp_ratings: str | None = None
    xmp_overwrite: bool = False

    def check(self) -> None:
        """Raise UsageError for a wish that makes no sense, before an hour of work goes by."""
        if not self.xmp and (self.xmp_rejects or self.xmp_ratings or self.xmp_overwrite):
            raise UsageError("--xmp-rejects, --xmp-ratings and --xmp-overwrite go with --xmp")
        if self.xmp:
            self.sidecars()
        folders = {"--out": self.out, "--manifest": self.manifest, "--copy-keeps": self.copy_keeps}
        for option, folder in folders.items():
            if folder == "":
                raise UsageError(f"{option} takes a folder, not an empty name")
            if folder is not None and os.path.exists(folder) and not os.path.isdir(folder):
                raise UsageError(f"{option} takes a folder; '{folder}' is a file")

    @property
    def folders(self) -> list[str]:
        """The folders that are written to; what lies there is no part of the shoot."""
        return [folder for folder in (self.out, self.manifest, self.copy_keeps) if folder is not None]

    def sidecars(self) -> XmpOptions:
        """How sidecars are to be written."""
        from finepick.exports.xmp import XmpOptions, parse_ratings

        ratings = parse_ratings(self.xmp_ratings) if self.xmp_ratings else {}
        return XmpOptions(rejects=self.xmp_rejects, ratings=ratings, overwrite=self.xmp_overwrite)


def leave(
    library: Library, result: PickResult, scorer: Scorer, leaving: Leaving, *, title: str = "Photos"
) -> list[str]:
    """Write what *leaving* asks for; a line for people on each thing written.

    Raises UsageError where nothing is kept and keeps were to be copied or marked: that is a slip, and rejecting a
    whole shoot is no small one. Raises OutputError where something cannot be written or copied; everything else
    that was asked for is written all the same.
    """
    if (leaving.xmp or leaving.copy_keeps) and not any(map(any, (ranking.keep for ranking in result))):
        raise UsageError("nothing is kept, so there is nothing to copy or to mark; keep at least one photo")
    failures: list[str] = []
    written = [
        *_reported(library, result, scorer, leaving.out, title),
        *_manifested(result, leaving.manifest),
        *_marked(result, leaving, failures),
        *_copied(result, leaving.copy_keeps, failures),
    ]
    if failures:
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        raise OutputError(f"{failures[0]}{more}; see to it and repeat, the rest was written")
    return written


class SeriesPictures:
    """Where the report gets its pictures from (a `Pictures`)."""

    def __init__(self, library: Library, result: PickResult, scorer: Scorer) -> None:
        self._library = library
        self._scorer = scorer
        self._photos = {photo.path: photo for ranking in result for photo in ranking.photos}
        self._series = {
            photo.path: ranking.photos for ranking in result if len(ranking) > 1 for photo in ranking.photos
        }
        self._maps: dict[str, FloatArray] = {}

    def thumbnail(self, path: str) -> bytes | None:
        """The small picture that the cache holds."""
        return self._library.thumbnail(self._photos[path])

    def previews(self, paths: Iterable[str]) -> Iterator[bytes | None]:
        """Large pictures, in the order of *paths*, read ahead by all readers."""
        self._library.progress.stage("drawing the report", len(self._series))
        for preview in self._library.previews(self._photos[path] for path in paths):
            self._library.progress.step()
            yield preview

    def difference(self, path: str) -> FloatArray | None:
        """Where the photo differs from the rest of its series; None for a photo that stands alone."""
        photos: tuple[Photo, ...] | None = self._series.get(path)
        if photos is None:
            return None
        if path not in self._maps:  # a series' maps are asked for one after the other: keep those of one
            maps = series_maps(self._library, photos, self._scorer)
            self._maps = {photo.path: one for photo, one in zip(photos, maps, strict=True)}
        return self._maps[path]


def _reported(
    library: Library, result: PickResult, scorer: Scorer, folder: str | None, title: str
) -> Iterator[str]:
    if folder is None:
        return
    from finepick.exports.documents import pick_document
    from finepick.exports.report import write_report
    from finepick.exports.tables import write_picks

    write_picks(result, folder)
    files = write_report(pick_document(result), SeriesPictures(library, result, scorer), folder, title=title)
    yield f"Report: {files.page}"
    if files.preview_folder is not None:
        yield f"        with {files.outside_previews:,} previews in {files.preview_folder}; keep the two together"


def _manifested(result: PickResult, folder: str | None) -> Iterator[str]:
    if folder is None:
        return
    from finepick.exports.manifest import write_manifest

    report = write_manifest(result, folder)
    yield f"Manifest: {report.path}, {report.series:,} series of {report.photos:,} photos"


def _marked(result: PickResult, leaving: Leaving, failures: list[str]) -> Iterator[str]:
    if not leaving.xmp:
        return
    from finepick.exports.xmp import plan_sidecars, write_sidecars

    options = leaving.sidecars()
    report = write_sidecars(plan_sidecars(result, options), overwrite=options.overwrite)
    failures += [f"no sidecar for '{one.photo}': {one.sidecar}: {one.reason}" for one in report.refused]
    yield f"Sidecars: {len(report.written):,} written, {len(report.unchanged):,} were as they should be"
    if report.human:
        yield f"          a human's marks were kept in {len({path for path, _ in report.human}):,}"


def _copied(result: PickResult, folder: str | None, failures: list[str]) -> Iterator[str]:
    if folder is None:
        return
    from finepick.exports.copies import copy_keeps

    report = copy_keeps(result, folder)
    failures += [f"'{one.path}' could not be copied to '{folder}': {one.reason}" for one in report.failed]
    yield f"Copies: {len(report.copies):,} in {folder}, each compared with its original"
