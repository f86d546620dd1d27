"""The JSON documents of the contract, from the domain's values."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from finepick import __version__
from finepick.domain import ModelInfo, Photo, PickResult, Ranking, Reason, ScoreResult, Skipped, Verdict
from finepick.errors import FinepickError

Document = dict[str, Any]


def pick_document(result: PickResult) -> Document:
    """The document of `pick` and `rank`: photos best first; of a set kept whole, in order of capture."""
    counts = result.counts
    return {
        **_header(result.model),
        "series": [_series(ranking) for ranking in result.series],
        "skipped": _skipped(result.skipped),
        "counts": {
            "photos": counts.photos,
            "series": counts.series,
            "skipped": counts.skipped,
            "ignored": counts.ignored,
        },
    }


def compare_document(verdict: Verdict) -> Document:
    """The document of `compare`."""
    return {
        **_header(verdict.model),
        "a": verdict.a,
        "b": verdict.b,
        "winner": verdict.winner,
        "p_a": number(verdict.p_a),
        "reasons": [_reason(reason) for reason in verdict.reasons],
    }


def score_document(result: ScoreResult) -> Document:
    """The document of `score`: photos in the order given or found."""
    return {
        **_header(result.model),
        "photos": [{"path": photo.path, "coarse": number(photo.coarse)} for photo in result.photos],
        "skipped": _skipped(result.skipped),
        "counts": {
            "photos": len(result.photos),
            "skipped": len(result.skipped),
            "ignored": result.ignored,
        },
    }


def error_document(error: FinepickError) -> Document:
    """The document that stands for a result where there is none; goes with exit codes 1 and 2."""
    return {
        "finepick": __version__,
        "error": {"kind": error.kind, "message": error.message, "path": error.path},
    }


def document(**content: Any) -> Document:
    """A document without a model: the version, then *content*."""
    return {"finepick": __version__, **content}


def to_json(document: Mapping[str, Any]) -> str:
    """*document* as ASCII text: a key a line, and a series, photo or skipped file a line.

    Names that are not UTF-8 keep Python's surrogate escapes (`\\udcff` for byte ff). Raises ValueError where
    the document holds a number that is not finite.
    """
    lines = ",\n".join(f"{_compact(key)}: {_laid_out(value)}" for key, value in document.items())
    return "{\n" + lines + "\n}"


def number(value: float | None) -> float | None:
    """*value* as JSON can hold it: a Python float to nine digits, None where it is missing or not finite.

    Further digits are the order of summation, not knowledge; equal photos must look equal.
    """
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), 9) + 0.0  # −0.0 becomes 0.0


def model_document(model: ModelInfo) -> Document:
    """Who judged, as every document says it."""
    return {"name": model.name, "version": model.version, "fingerprint": model.fingerprint}


def strongest(reasons: Iterable[Reason]) -> Reason | None:
    """The reason that weighs most, the first of equals; None where there is none."""
    return max(reasons, key=lambda reason: reason.strength, default=None)


def _header(model: ModelInfo) -> Document:
    return {"finepick": __version__, "model": model_document(model)}


def _series(ranking: Ranking) -> Document:
    order = ranking.order if ranking.is_ranked else range(len(ranking))
    best = ranking.best
    return {
        "id": ranking.id,
        "kind": ranking.kind.value,
        "too_close": bool(ranking.too_close),
        "best": best.path if best else None,
        "photos": [_photo(ranking, index, place) for place, index in enumerate(order, start=1)],
    }


def _photo(ranking: Ranking, index: int, place: int) -> Document:
    photo = ranking.photos[index]
    ranked = ranking.is_ranked
    return {
        "path": photo.path,
        "companions": list(photo.companions),
        "rank": place if ranked else None,
        "score": number(ranking.scores[index]) if ranking.scores is not None else None,
        "coarse": number(ranking.coarse[index]) if ranking.coarse is not None else None,
        "p_best": number(ranking.p_best[index]) if ranking.p_best is not None else None,
        "keep": bool(ranking.keep[index]),
        "reasons": [_reason(reason) for reason in ranking.why[index]] if ranking.why else [],
        **_about(photo),
    }


def _about(photo: Photo) -> Document:
    metadata = photo.metadata
    return {
        "taken_at": metadata.taken_at.isoformat() if metadata.taken_at else None,
        "width": metadata.width,
        "height": metadata.height,
        "camera": metadata.camera,
        "notes": list(metadata.notes),
    }


def _reason(reason: Reason) -> Document:
    return {
        "attribute": str(reason.attribute),
        "direction": reason.direction,
        "strength": number(reason.strength),
        "versus": reason.versus,
        "text": reason.text,
    }


def _skipped(skipped: Iterable[Skipped]) -> list[Document]:
    return [{"path": lost.path, "stage": str(lost.stage), "reason": lost.reason} for lost in skipped]


def _laid_out(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return _compact(value)
    return "[\n" + ",\n".join(" " + _compact(item) for item in value) + "\n]"


def _compact(value: Any) -> str:
    # Without `indent` the encoder is the C one: a shoot of 5,000 photos takes a tenth of the time.
    return json.dumps(value, ensure_ascii=True, allow_nan=False)
