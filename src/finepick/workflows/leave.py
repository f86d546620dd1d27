"""What was decided leaves the program: report, tables, manifest, copies, sidecars."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from finepick.domain import FloatArray, Photo, PickResult
from finepick.errors import OutputError, UsageError
from finepick.exports.copies import copy_keeps
from finepick.exports.documents import pick_document, to_json
from finepick.exports.manifest import write_manifest
from finepick.exports.report import write_report
from finepick.exports.tables import write_picks
from finepick.exports.writing import atomic_write
from finepick.exports.xmp import XmpOptions, parse_ratings, write_sidecars
from finepick.scorers.base import Scorer
from finepick.workflows.library import Library
from finepick.workflows.ranking import series_maps


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
        self.sidecars()
        for option, folder in (("--out", self.out), ("--manifest", self.manifest), ("--copy-keeps", self.copy_keeps)):
            if folder is not None and os.path.exists(folder) and not os.path.isdir(folder):
                raise UsageError(f"{option} takes a folder; '{folder}' is a file")

    def sidecars(self) -> XmpOptions:
        """How sidecars are to be written."""
        ratings = parse_ratings(self.xmp_ratings) if self.xmp_ratings else {}
        return XmpOptions(rejects=self.xmp_rejects, ratings=ratings, overwrite=self.xmp_overwrite)
