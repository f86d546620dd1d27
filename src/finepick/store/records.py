"""What the cache keeps of a photo."""

from __future__ import annotations

from dataclasses import dataclass

from finepick.domain import Metadata


@dataclass(frozen=True, slots=True)
class CachedPhoto:
    """What was found out about the bytes with SHA-256 *digest*; what is in the blobs is the caller's own."""

    digest: str
    metadata: Metadata
    features: bytes
    thumbnail: bytes | None = None
