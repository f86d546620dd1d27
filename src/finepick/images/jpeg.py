"""JPEG: scaled decoding, and the segments that say how a photo was taken."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, cast

from PIL import Image, ImageChops, JpegImagePlugin

from finepick import kernels
from finepick.errors import UnsupportedFormatError
from finepick.images.source import Decoded, Details, Source

_NEAR_ENOUGH = 0.95
"""Of the long side asked for: 4,000 pixels decode at half size for 2,048, not at full size to be shrunk again."""

_BYTES_AT_ONCE = 16 << 20
"""Most files whole: in Pillow's steps of 64 kB half a millisecond goes into copies of what is left over."""

_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_ICC = b"ICC_PROFILE\0"
_PHOTO_SEGMENTS = frozenset({0xE1, 0xE2})
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_DECODABLE = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
_PROGRESSIVE = frozenset({0xC2, 0xCA})


@dataclass(slots=True)
class _Segments:
    """What stands before the first scan. `kept`: the segments that decoding pixels needs.

    `is_tidy`: whether there is nothing but segments, one behind the other.
    """

    kept: list[bytes]
    is_tidy: bool = True
    scan_offset: int = 0
    process: int = 0
    precision: int = 8
    width: int = 0
    height: int = 0
    exif: bytes = b""
    xmp: bytes = b""
    icc: bytes = b""


def decode_jpeg(source: Source) -> Decoded:
    """The picture at the smallest fraction (1, ½, ¼, ⅛) that still has the long side asked for, or nearly."""
    segments = _read_segments(source)
    source.require_size(segments.width, segments.height)
    if segments.process not in _DECODABLE or segments.precision != 8:
        raise UnsupportedFormatError(
            f"this kind of JPEG cannot be read: {segments.precision} bits, process {segments.process:#04x}",
            path=source.path,
        )
    if segments.process in _PROGRESSIVE:
        _require_all_scans(source, segments.scan_offset)
    # Pillow sees nothing but what pixels need: metadata is read here, and only once.
    head = b"".join(segments.kept)
    spliced = _Spliced(head, source.data, segments.scan_offset)
    whole = source.data if segments.is_tidy else None
    picture = _decode_scaled(spliced, source.long_side, whole)
    if _ends_flat(picture):
        _require_whole_scan(source, picture, head, segments.scan_offset)
    size = (segments.width, segments.height)
    return Decoded(picture, size, Details(exif=segments.exif, xmp=segments.xmp, icc=segments.icc))


def _decode_scaled(file: _Spliced, long_side: int, whole: bytes | None = None) -> Image.Image:
    """*whole*: the same with segments that the decoder passes over, all in one piece, which spares a copy."""
    picture = JpegImagePlugin.JpegImageFile(cast(IO[bytes], file))
    width, height = picture.size
    fraction = _fraction(max(width, height), long_side)
    if fraction > 1:
        picture.draft(None, (max(1, width // fraction), max(1, height // fraction)))
    picture.decodermaxblock = _BYTES_AT_ONCE
    if whole is not None and len(whole) <= _BYTES_AT_ONCE:
        picture.fp = cast(IO[bytes], _InOnePiece(whole))
    if picture.mode == "RGB":
        _provide_memory(picture)
    picture.load()
    return picture


def _provide_memory(picture: Image.Image) -> None:
    """Spares Pillow to blacken what the decoder fills, or else raises an error about."""
    blank = kernels.picture_to_fill(picture.size)
    if blank is not None:
        picture.im = blank.im


def _ends_flat(picture: Image.Image) -> bool:
    """Whether the last row has one colour, as where a decoder ran out of data and filled up."""
    pixels = kernels.pixels_in_place(picture)
    if pixels is not None:
        last = pixels[-1, :, :3]
        return bool((last == last[0]).all())
    width, height = picture.size
    extrema = picture.crop((0, height - 1, width, height)).getextrema()
    pairs = extrema if isinstance(extrema[0], tuple) else (extrema,)
    return all(low == high for low, high in cast(Sequence[tuple[int, int]], pairs))


# Anything but zeros and 0xff; long enough to reach the next restart.
_FILLER = bytes(range(0x35, 0xD5, 3)) * 40


def _require_whole_scan(source: Source, picture: Image.Image, head: bytes, scan_offset: int) -> None:
    """Tells a border from missing data: more data at the end changes a picture only where some was missing.

    The decoder merely warns of missing data, and Pillow keeps that to itself.
    """
    end = _end_of_scans(source.data, scan_offset)
    padded = source.data[scan_offset:end] + _FILLER + b"\xff\xd9"
    second = _decode_scaled(_Spliced(head, padded, 0), source.long_side)
    if ImageChops.difference(picture, second).getbbox() is not None:
        raise source.cut_off()


def _require_all_scans(source: Source, scan_offset: int) -> None:
    """Raises DamagedImageError where a progressive JPEG ends, properly or not, before its last refinement."""
    data = source.data
    missing: dict[int, int] = {}  # by component, a bit for each coefficient that is not there in full
    for offset in _scans(data, scan_offset):
        count = data[offset + 4] if offset + 4 < len(data) else 0
        header = data[offset + 5 : offset + 8 + 2 * count]
        if len(header) < 2 * count + 3:
            raise source.cut_off()
        first, last, precision = header[2 * count : 2 * count + 3]
        if precision & 0x0F == 0 and first <= last <= 63:
            done = (1 << last + 1) - (1 << first)
            for component in header[: 2 * count : 2]:
                missing[component] = missing.get(component, _ALL_COEFFICIENTS) & ~done
        else:
            for component in header[: 2 * count : 2]:
                missing.setdefault(component, _ALL_COEFFICIENTS)
    if any(missing.values()):
        raise source.cut_off()


_ALL_COEFFICIENTS = (1 << 64) - 1


def _scans(data: bytes, offset: int) -> Iterator[int]:
    """Where each scan's header begins."""
    yield offset
    while match := _NEXT_MARKER.search(data, offset + 2):
        offset = match.start()
        marker = data[offset + 1]
        if marker == 0xDA:
            yield offset
        elif marker not in _BETWEEN_SCANS:
            return


_NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


def _end_of_scans(data: bytes, offset: int) -> int:
    """Where the marker stands that ends the last scan."""
    while match := _NEXT_MARKER.search(data, offset + 2):
        offset = match.start()
        if data[offset + 1] not in _BETWEEN_SCANS:
            return offset
    return len(data)


# More scans, and what may stand between them: tables, restart intervals, comments.
_BETWEEN_SCANS = frozenset({0xDA, 0xC4, 0xDB, 0xDD, 0xFE, 0xCC})


def _fraction(side: int, wanted: int) -> int:
    return next((n for n in (8, 4, 2) if -(-side // n) >= _NEAR_ENOUGH * wanted), 1)


def _read_segments(source: Source) -> _Segments:
    """Walks the markers up to the first scan. Raises DamagedImageError where there is none."""
    data = source.data
    found = _Segments(kept=[data[:2]])
    icc_parts: dict[int, bytes] = {}
    offset = tidy_end = 2
    while True:
        offset = data.find(b"\xff", offset)
        if offset < 0 or offset + 4 > len(data):
            raise source.cut_off()
        marker = data[offset + 1]
        if marker in (0x00, 0xFF) or 0xD0 <= marker <= 0xD8 or marker == 0x01:
            offset += 1 if marker == 0xFF else 2
            continue
        if marker == 0xD9:
            raise source.damaged("damaged: a JPEG without picture data")
        (length,) = struct.unpack_from(">H", data, offset + 2)
        end = offset + 2 + length
        if length < 2 or end > len(data):
            raise source.cut_off()
        found.is_tidy = found.is_tidy and offset == tidy_end
        tidy_end = end
        if marker == 0xDA:
            found.scan_offset = offset
            break
        body = data[offset + 4 : end]
        if marker in _FRAME_HEADERS and len(body) >= 5 and not found.process:
            found.process = marker
            found.precision, found.height, found.width = struct.unpack_from(">BHH", body)
        if marker == 0xE1 and body.startswith(_EXIF):
            found.exif = found.exif or body[len(_EXIF) :]
        elif marker == 0xE1 and body.startswith(_XMP):
            found.xmp = found.xmp or body[len(_XMP) :]
        elif marker == 0xE2 and body.startswith(_ICC) and len(body) > 14:
            icc_parts.setdefault(body[12], body[14:])
        if not (0xE1 <= marker <= 0xED or marker in (0xEF, 0xFE)):
            found.kept.append(data[offset:end])
        offset = end
    found.icc = b"".join(part for _, part in sorted(icc_parts.items()))
    return found


class _InOnePiece(io.BytesIO):
    """Bytes that are handed out as they are, to whoever asks for at least so many."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._left = data

    def read(self, size: int | None = -1) -> bytes:
        data, self._left = self._left, b""
        return data


class _Spliced(io.RawIOBase):
    """*head* followed by *data* from *offset* on, without a copy of either."""

    def __init__(self, head: bytes, data: bytes, offset: int) -> None:
        super().__init__()
        self._head, self._data, self._start = head, data, offset - len(head)
        self._end = len(data) - self._start
        self._place = 0

    def read(self, size: int = -1) -> bytes:
        place = self._place
        end = self._end if size < 0 else min(self._end, place + size)
        self._place = max(place, end)
        if place >= len(self._head):
            return self._data[place + self._start : end + self._start]
        return self._head[place:end] + self._data[len(self._head) + self._start : max(0, end + self._start)]

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._end}[whence]
        self._place = max(0, base + offset)
        return self._place

    def tell(self) -> int:
        return self._place

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True
