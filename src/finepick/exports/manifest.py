"""A result as a data set: a folder with verified copies of the photos and `series.jsonl`.

What a model thinks is not what people think, and the lines say so: `"labels": "model"`, with the model's
name, version and fingerprint. `ranks` come from its scores (equal scores share a rank), `pairs` hold its
calibrated preferences with n = 1, the one voter being the model; `scores`, which are human means, stay null.

Only series with something to rank are written: sets that are kept whole and single photos are left out.

A copy is called after its original and its content (`IMG_0001-3fa9c1d2.jpg`): photos of one name from two
folders keep apart, a second run into the same folder finds its files again, and no system trips over a name.
`originals` holds the paths as they were.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from finepick.domain import FloatArray, ModelInfo, Photo, PickResult, Ranking
from finepick.errors import OutputError
from finepick.exports.copies import SourceError, copy_verified, holds, name_key, refuse_own_folder
from finepick.exports.documents import model_document
from finepick.exports.writing import atomic_write, could_not_write, make_folder, reason_of

LINES = "series.jsonl"

_HOSTILE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\ud800-\udfff]')
_STEM_BYTES = 100


@dataclass(frozen=True, slots=True)
class ManifestReport:
    """What was written: the path of `series.jsonl`, how much; `left_out` counts series with no ranking."""

    path: str
    series: int
    photos: int
    left_out: int


def write_manifest(result: PickResult, folder: str) -> ManifestReport:
    """Write *result* as a series manifest to *folder*.

    Raises OutputError where a photo cannot be copied, where *folder* is one of the originals' own, or where
    its `series.jsonl` holds anything but a model's labels: people's are not overwritten.
    """
    refuse_own_folder(result, folder)
    path = os.path.join(folder, LINES)
    _refuse_labels_of_people(path)
    make_folder(folder)
    rankings = [ranking for ranking in result if ranking.is_ranked and len(ranking) > 1]
    taken: set[str] = set()
    lines = []
    for ranking in rankings:
        names = [_copy(photo, folder, taken) for photo in ranking.photos]
        lines.append(json.dumps(_line(ranking, names, result.model), ensure_ascii=True, allow_nan=False))
    atomic_write(path, "".join(line + "\n" for line in lines).encode("ascii"))
    return ManifestReport(path, len(rankings), len(taken), len(result.series) - len(rankings))


def _line(ranking: Ranking, names: list[str], model: ModelInfo) -> dict[str, Any]:
    return {
        "series": ranking.id,
        "category": ranking.kind.value,
        "photos": names,
        "pairs": _pairs(ranking.preference),
        "ranks": _ranks(ranking.scores),
        "scores": None,
        "scale": None,
        "labels": "model",
        "model": model_document(model),
        "too_close": bool(ranking.too_close),
        "originals": [photo.path for photo in ranking.photos],
    }


def _ranks(scores: FloatArray | None) -> list[int]:
    """1 = best; equal scores share the better rank."""
    if scores is None:
        return []
    return [1 + int(np.count_nonzero(scores > score)) for score in scores]


def _pairs(preference: FloatArray | None) -> list[dict[str, float]]:
    if preference is None:
        return []
    return [
        {"a": a, "b": b, "p": round(float(preference[a, b]), 6), "n": 1}
        for a in range(len(preference))
        for b in range(a + 1, len(preference))
        if np.isfinite(preference[a, b])
    ]


def _copy(photo: Photo, folder: str, taken: set[str]) -> str:
    """Copy *photo* to *folder*, unless it is there, and return the name of the copy."""
    number = 1
    while True:
        name = safe_name(photo, number)
        number += 1
        if name_key(name) in taken:
            continue
        target = os.path.join(folder, name)
        try:
            if not os.path.lexists(target):
                copy_verified(photo.path, target, digest=photo.digest)
            elif not holds(target, photo.path, digest=photo.digest):
                continue
        except FileExistsError:
            continue
        except SourceError as error:
            raise OutputError(
                f"{photo.path} cannot be copied, {error.reason}; run again to leave it out", path=photo.path
            ) from error
        except OSError as error:
            raise could_not_write(target, error) from error
        taken.add(name_key(name))
        return name


def safe_name(photo: Photo, number: int = 1) -> str:
    """A name for the copy of *photo* that every system takes, as like the original's as can be."""
    stem, extension = os.path.splitext(os.path.basename(photo.path))
    stem = _HOSTILE.sub("_", stem).strip(" .") or "photo"
    stem = stem.encode("utf-8")[:_STEM_BYTES].decode("utf-8", "ignore")
    extension = _HOSTILE.sub("_", extension) if extension.isascii() else ""
    suffix = "" if number == 1 else f"-{number}"
    return f"{stem}-{photo.digest[:8]}{suffix}{extension}"


def _refuse_labels_of_people(path: str) -> None:
    try:
        with open(path, "rb") as file:
            ours = all(_is_of_a_model(line) for line in file)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise OutputError(
            f"{path} cannot be read, {reason_of(error)}; choose another folder", path=path
        ) from error
    if not ours:
        raise OutputError(f"{path} holds labels that are not a model's; choose another folder", path=path)


def _is_of_a_model(line: bytes) -> bool:
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    return isinstance(entry, Mapping) and entry.get("labels") == "model"
