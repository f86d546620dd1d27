"""How much a picture file may ask for; what is over is refused, never shrunk."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Bounds on one file: bytes on disk, pixels after decoding, and the side of the picture."""

    max_bytes: int = 2 << 30
    max_pixels: int = 400_000_000
    max_side: int = 100_000
    max_metadata_bytes: int = 16 << 20


DEFAULT_LIMITS = ReadLimits()
