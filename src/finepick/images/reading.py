"""One file in, one upright sRGB frame out, with what the file says about itself."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from PIL import Image

from finepick.domain import Frame, Metadata
from finepick.errors import DamagedImageError, ImageError, ImageTooLargeError, UnsupportedFormatError
from finepick.images.colour import UnclearPixelsError, to_frame
from finepick.images.containers import (
    decode_avif,
    decode_bmp,
    decode_gif,
    decode_heif,
    decode_tiff,
    decode_webp,
    orientation_in,
)
from finepick.images.formats import HEAD_BYTES, PictureFormat, sniff
from finepick.images.jpeg import decode_jpeg
from finepick.images.limits import DEFAULT_LIMITS, ReadLimits
from finepick.images.metadata import read_metadata
from finepick.images.png import decode_png
from finepick.images.raw import decode_raw
from finepick.images.source import CUT_OFF, Decoded, Source, read_bytes


@dataclass(frozen=True, slots=True)
class ReadPhoto:
    """A photo as it was read: SHA-256 of its bytes, its frame and its metadata."""

    digest: str
    frame: Frame
    metadata: Metadata


def read_photo(path: str, *, long_side: int, limits: ReadLimits = DEFAULT_LIMITS) -> ReadPhoto:
    """The photo at *path*, its long side at most *long_side* pixels; it is never enlarged.

    The file is read once, whole. Raises ImageError (UnsupportedFormatError, DamagedImageError,
    ImageTooLargeError) for anything wrong with it, MissingExtraError for a RAW where that extra is missing.
    """
    source = Source(path, read_bytes(path, limits), long_side, limits)
    found = _format(source)
    decoded, frame, notes = _decode(source, found)
    width, height = decoded.size
    if decoded.details.orientation >= 5:
        width, height = height, width
    metadata = read_metadata(found, (width, height), decoded.details, limits)
    return ReadPhoto(
        digest=hashlib.sha256(source.data).hexdigest(),
        frame=frame,
        metadata=replace(metadata, notes=metadata.notes + notes) if notes else metadata,
    )


def read_frame(path: str, *, long_side: int, limits: ReadLimits = DEFAULT_LIMITS) -> Frame:
    """The frame alone, exactly as `read_photo` gives it."""
    source = Source(path, read_bytes(path, limits), long_side, limits)
    return _decode(source, _format(source))[1]


def frame_from_image(image: Image.Image, *, long_side: int) -> Frame:
    """The frame of a picture in memory: turned upright, in sRGB, its long side at most *long_side*.

    Raises ImageError (with the path "<image>", or the file that it was opened from) where it cannot be read.
    """
    path = str(getattr(image, "filename", "") or "<image>")
    with _Guard(path):
        image.load()
        orientation = int(image.getexif().get(0x0112, 1) or 1)
        icc = image.info.get("icc_profile") or b""
        return to_frame(image, long_side=long_side, icc=icc, orientation=orientation)[0]


_DECODERS: Mapping[PictureFormat, Callable[[Source], Decoded]] = {
    PictureFormat.JPEG: decode_jpeg,
    PictureFormat.PNG: decode_png,
    PictureFormat.WEBP: decode_webp,
    PictureFormat.HEIF: decode_heif,
    PictureFormat.AVIF: decode_avif,
    PictureFormat.TIFF: decode_tiff,
    PictureFormat.GIF: decode_gif,
    PictureFormat.BMP: decode_bmp,
    PictureFormat.RAW: decode_raw,
}
_TURNED_BY_EXIF = frozenset({PictureFormat.JPEG, PictureFormat.PNG, PictureFormat.WEBP})


def _format(source: Source) -> PictureFormat:
    found = sniff(source.data[:HEAD_BYTES], source.path)
    if found is None:
        raise UnsupportedFormatError("not a picture, although its name may say so", path=source.path)
    if not found.is_readable:
        raise UnsupportedFormatError(f"{found.label} pictures cannot be read yet", path=source.path)
    return found


def _decode(source: Source, found: PictureFormat) -> tuple[Decoded, Frame, tuple[str, ...]]:
    with _Guard(source.path):
        decoded = _DECODERS[found](source)
        if found in _TURNED_BY_EXIF:
            details = replace(decoded.details, orientation=orientation_in(decoded.details.exif))
            decoded = replace(decoded, details=details)
        frame, notes = to_frame(
            decoded.picture,
            long_side=source.long_side,
            icc=decoded.details.icc,
            orientation=decoded.details.orientation,
        )
    return decoded, frame, notes


class _Guard:
    """Turns whatever a decoder throws at a hostile file into an ImageError that a person understands."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if error is None or isinstance(error, ImageError):
            return
        if isinstance(error, Image.DecompressionBombError):
            raise ImageTooLargeError(f"too large: {error}", path=self._path) from error
        if isinstance(error, MemoryError):
            raise ImageTooLargeError("too large for the memory that is free", path=self._path) from error
        if isinstance(error, UnclearPixelsError):
            raise UnsupportedFormatError(str(error), path=self._path) from error
        if isinstance(error, _DECODER_ERRORS):
            raise DamagedImageError(_reason(error), path=self._path) from error


# What Pillow, its plugins and libheif have been seen to throw at damaged files.
_DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, ArithmeticError, AttributeError,
    AssertionError, RuntimeError, struct.error, zlib.error,
)  # fmt: skip


def _reason(error: BaseException) -> str:
    text = str(error)
    if "truncated" in text or "premature" in text.lower():
        return CUT_OFF
    return "damaged: its picture data cannot be decoded"
