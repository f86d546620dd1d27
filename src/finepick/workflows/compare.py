"""Which of two photos, how sure, and why."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass

from finepick.domain import Photo, Verdict
from finepick.errors import UsageError
from finepick.explanations.pictures import draw_difference
from finepick.exports.writing import atomic_write
from finepick.scorers.base import Scorer, glance_of
from finepick.workflows.library import Library
from finepick.workflows.ranking import explain_photos, series_maps, study_series

TIE_MARGIN = 0.05
MAP_SIDE = 1200


@dataclass(frozen=True, slots=True)
class Comparison:
    """A verdict and the two photos it is about."""

    verdict: Verdict
    photos: tuple[Photo, Photo]


def compare_photos(library: Library, a: str, b: str, scorer: Scorer) -> Comparison:
    """Photo *a* against photo *b*. Raises PathNotFoundError, and ImageError where one of them is unreadable."""
    photos = (_read_one(library, a, scorer), _read_one(library, b, scorer))
    p_a = float(study_series(library, photos, scorer).judgement.preference[0, 1])
    reasons = explain_photos(library, photos, scorer).between(0, 1, b)
    return Comparison(Verdict(a, b, winner_of(p_a), p_a, reasons, scorer.info), photos)


def winner_of(p_a: float) -> str:
    """ "a", "b", or "tie" where the probability is within `TIE_MARGIN` of ½."""
    if abs(p_a - 0.5) < TIE_MARGIN:
        return "tie"
    return "a" if p_a > 0.5 else "b"


def check_map_file(path: str, photos: Sequence[str]) -> None:
    """Raise UsageError where a map must not go to *path*: over a photo, or over anything that is no PNG."""
    if not path.lower().endswith(".png"):
        raise UsageError(f"--map takes a file that ends in .png, not '{path}'")
    if os.path.lexists(path) and (os.path.isdir(path) or any(_is_same(path, photo) for photo in photos)):
        raise UsageError(f"--map would write over '{path}'; choose another file")


def write_map(library: Library, comparison: Comparison, scorer: Scorer, path: str) -> None:
    """Draw where the two photos differ, as a PNG at *path*. Raises OutputError, and ImageError."""
    maps = series_maps(library, comparison.photos, scorer)
    frames = [library.frame(photo, MAP_SIDE) for photo in comparison.photos]
    buffer = io.BytesIO()
    draw_difference(frames[0], frames[1], maps[0], maps[1]).save(buffer, "PNG")
    atomic_write(path, buffer.getvalue())


def _read_one(library: Library, path: str, scorer: Scorer) -> Photo:
    if os.path.isdir(path):
        raise UsageError(f"'{path}' is a folder; compare takes two photos", path=path)
    # One at a time: two names of one photo, or a RAW beside its JPEG, are still two things to compare.
    return library.read([path], glance=glance_of(scorer)).photos[0]


def _is_same(a: str, b: str) -> bool:
    try:
        return os.path.samefile(a, b)
    except OSError:
        return False
