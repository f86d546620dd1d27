"""RAW files, through the preview that the camera put inside."""

from __future__ import annotations

from finepick.errors import MissingExtraError
from finepick.images.source import Decoded, Source


def decode_raw(source: Source) -> Decoded:
    raise MissingExtraError("Reading RAW files", extra="raw", path=source.path)
