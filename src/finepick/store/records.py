"""What the cache keeps of a photo, and metadata as JSON and back."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import datetime

from finepick.domain import Metadata

_FIELDS = tuple(field.name for field in fields(Metadata))


@dataclass(frozen=True, slots=True)
class CachedPhoto:
    """What was found out about the bytes with SHA-256 *digest*; what is in the blobs is the caller's own."""

    digest: str
    metadata: Metadata
    features: bytes
    thumbnail: bytes | None = None


def metadata_to_json(metadata: Metadata) -> bytes:
    """*metadata* as ASCII; equal values give equal bytes."""
    values = {name: getattr(metadata, name) for name in _FIELDS}
    if metadata.taken_at is not None:
        values["taken_at"] = metadata.taken_at.isoformat()
    return json.dumps(values).encode("ascii")


def metadata_from_json(text: bytes) -> Metadata | None:
    """What `metadata_to_json` was given; None where another version, with other fields, wrote *text*."""
    values = json.loads(text)
    if tuple(values) != _FIELDS:
        return None
    if values["taken_at"] is not None:
        values["taken_at"] = datetime.fromisoformat(values["taken_at"])
    values["notes"] = tuple(values["notes"])
    return Metadata(**values)
