"""Results put together by hand: what the exports are tried on."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

import numpy as np

from finepick.domain import Attribute, Metadata, ModelInfo, Photo, PickResult, Ranking, Reason, SeriesKind

MODEL = ModelInfo("measured", "1", "ab" * 32)
SHARPER = Reason(Attribute.SHARPNESS, "better", 0.4, "b.jpg", "Sharper than b.jpg.")
DARKER = Reason(Attribute.EXPOSURE, "worse", 0.2, "a.jpg", "Darker than a.jpg.")


def photo(path: str, *companions: str, **facts: object) -> Photo:
    """A photo at *path*; the digest is that of the file where there is one."""
    try:
        content = Path(path).read_bytes()
    except OSError:
        content = path.encode("utf-8", "surrogateescape")
    known: dict[str, object] = {"format": "JPEG", "width": 4000, "height": 3000}
    return Photo(path, hashlib.sha256(content).hexdigest(), Metadata(**known | facts), companions)  # type: ignore[arg-type]


def ranked(
    *photos: Photo,
    scores: tuple[float, ...],
    keep: tuple[bool, ...] | None = None,
    id: str = "s0001",
    why: tuple[tuple[Reason, ...], ...] = (),
    coarse: tuple[float, ...] | None = None,
    too_close: bool = False,
) -> Ranking:
    """A ranked burst; preference is Bradley–Terry in the scores, so everything in it agrees."""
    values = np.array(scores)
    preference = 1 / (1 + np.exp(values[None, :] - values[:, None]))
    weights = np.exp(values)
    order = tuple(sorted(range(len(photos)), key=lambda i: (-scores[i], photos[i].path)))
    return Ranking(
        kind=SeriesKind.BURST if len(photos) > 1 else SeriesKind.SINGLE,
        photos=photos,
        order=order,
        keep=keep if keep is not None else tuple(i == order[0] for i in range(len(photos))),
        scores=values,
        coarse=None if coarse is None else np.array(coarse),
        p_best=weights / weights.sum(),
        preference=preference,
        too_close=too_close,
        why=why,
        id=id,
    )


def kept_whole(*photos: Photo, id: str = "s0002") -> Ranking:
    """An exposure bracket."""
    places = tuple(range(len(photos)))
    return Ranking(SeriesKind.BRACKET, photos, places, tuple(True for _ in photos), id=id)


def result(*series: Ranking, skipped: tuple = (), ignored: int = 0) -> PickResult:
    return PickResult(series, skipped, ignored, MODEL)


def noon(second: int = 0) -> datetime:
    return datetime(2024, 6, 1, 12, 0, second, 250_000)
