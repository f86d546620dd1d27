"""One file in, one upright sRGB frame out, with what the file says about itself."""

from __future__ import annotations

from dataclasses import dataclass

from finepick.domain import Frame, Metadata
from finepick.images.limits import DEFAULT_LIMITS, ReadLimits


@dataclass(frozen=True, slots=True)
class ReadPhoto:
    """A photo as it was read: SHA-256 of its bytes, its frame and its metadata."""

    digest: str
    frame: Frame
    metadata: Metadata


def read_photo(path: str, *, long_side: int, limits: ReadLimits = DEFAULT_LIMITS) -> ReadPhoto:
    raise NotImplementedError
