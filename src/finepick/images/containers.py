"""WebP, HEIC, AVIF, GIF, BMP and TIFF: is the file whole, and what does its decoder say of it."""

from __future__ import annotations

import io
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PIL import BmpImagePlugin, GifImagePlugin, Image, TiffImagePlugin, WebPImagePlugin

from finepick.errors import UnsupportedFormatError
from finepick.images.source import Decoded, Details, Source, animation_note
from finepick.images.tiff import BadTiffError, Directory, open_tiff


def decode_webp(source: Source) -> Decoded:
    data = source.data
    (length,) = struct.unpack_from("<I", data, 4)
    if length + 8 > len(data):
        raise source.cut_off()
    source.require_size(*_webp_size(source))
    picture = WebPImagePlugin.WebPImageFile(io.BytesIO(data[: length + 8]))
    frames = int(picture.n_frames)
    details = Details(
        exif=_exif(picture),
        xmp=picture.info.get("xmp") or b"",
        icc=picture.info.get("icc_profile") or b"",
        frames=frames,
        notes=animation_note(frames),
    )
    picture.load()
    return Decoded(picture, picture.size, details)


def _webp_size(source: Source) -> tuple[int, int]:
    """The canvas that the first chunk announces; the decoder takes memory for it as soon as it opens the file."""
    data = source.data
    if len(data) < 30:
        raise source.cut_off()
    kind = data[12:16]
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def decode_heif(source: Source) -> Decoded:
    """The primary picture, turned as the file says; the orientation in its EXIF says the same and is done."""
    import pillow_heif

    _require_whole_boxes(source)
    container: Any = pillow_heif.open_heif(source.data)
    if not len(container):
        raise source.damaged("damaged: no picture in the file")
    primary = container[container.primary_index]
    source.require_size(*primary.size)
    details = Details(
        exif=_strip_exif(primary.info.get("exif") or b""),
        xmp=bytes(primary.info.get("xmp") or b""),
        icc=bytes(primary.info.get("icc_profile") or b""),
        frames=len(container),
        notes=(f"the main one of {len(container)} pictures in the file",) if len(container) > 1 else (),
    )
    mode = primary.mode
    primary.load()
    picture = Image.frombytes(mode, primary.size, primary.data, "raw", mode, primary.stride)
    return Decoded(picture, picture.size, details)


def decode_avif(source: Source) -> Decoded:
    from PIL import AvifImagePlugin

    if not AvifImagePlugin.SUPPORTED:
        return _decode_avif_as_heif(source)
    _require_whole_boxes(source)
    with _without_warnings():
        picture = AvifImagePlugin.AvifImageFile(io.BytesIO(source.data))
        source.require_size(*picture.size)
        exif = _exif(picture)
        frames = int(picture.n_frames)
        picture.load()
    details = Details(
        exif=exif,
        xmp=picture.info.get("xmp") or b"",
        icc=picture.info.get("icc_profile") or b"",
        frames=frames,
        # Pillow writes the turn that the file asks for into the EXIF data, whatever stood there before.
        orientation=orientation_in(exif),
        notes=animation_note(frames),
    )
    return Decoded(picture, picture.size, details)


def _decode_avif_as_heif(source: Source) -> Decoded:
    from pillow_heif import libheif_info

    if not libheif_info().get("AVIF"):
        raise UnsupportedFormatError(
            "AVIF pictures cannot be read here: this build of Pillow has no AVIF decoder", path=source.path
        )
    return decode_heif(source)


def _require_whole_boxes(source: Source) -> None:
    """Raises DamagedImageError where a box of an ISO base media file reaches beyond the end of the file."""
    data = source.data
    offset = 0
    while offset < len(data):
        if offset + 8 > len(data):
            raise source.cut_off()
        size = int.from_bytes(data[offset : offset + 4], "big")
        if size == 0:  # "up to the end of the file"
            return
        if size == 1:
            size = int.from_bytes(data[offset + 8 : offset + 16], "big")
        if size < 8 or offset + size > len(data):
            raise source.cut_off()
        offset += size


def decode_gif(source: Source) -> Decoded:
    frames = _count_gif_frames(source)
    source.require_size(*struct.unpack_from("<HH", source.data, 6))
    picture = GifImagePlugin.GifImageFile(io.BytesIO(source.data))
    source.require_size(*picture.size)
    picture.load()
    return Decoded(picture, picture.size, Details(frames=frames, notes=animation_note(frames)))


def _count_gif_frames(source: Source) -> int:
    """How many pictures stand before the trailer. Raises DamagedImageError where there is no trailer."""
    data = source.data
    if len(data) < 13:
        raise source.cut_off()
    offset = 13 + _colour_table_size(data[10])
    frames = 0
    while offset < len(data):
        kind = data[offset]
        if kind == 0x3B:
            return frames
        if kind == 0x21:
            offset += 2
        elif kind == 0x2C and offset + 10 < len(data):
            frames += 1
            offset += 11 + _colour_table_size(data[offset + 9])
        else:
            raise source.damaged("damaged: its GIF blocks do not follow each other")
        while offset < len(data) and data[offset]:
            offset += 1 + data[offset]
        offset += 1
    raise source.cut_off()


def _colour_table_size(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def decode_bmp(source: Source) -> Decoded:
    picture = BmpImagePlugin.BmpImageFile(io.BytesIO(source.data))
    source.require_size(*picture.size)
    picture.load()
    return Decoded(picture, picture.size, Details())


_TIFF_SAMPLE_FORMATS = {2: "signed numbers", 3: "floating-point numbers"}


def decode_tiff(source: Source) -> Decoded:
    """The first page, which Pillow has turned upright."""
    try:
        first = open_tiff(source.data)
    except BadTiffError:
        raise source.damaged("damaged: its TIFF directory cannot be found") from None
    source.require_size(int(first.number(256) or 0), int(first.number(257) or 0))
    _require_whole_strips(source, first)
    _require_plain_samples(source, first)
    pages = 1 + sum(not int(page.number(254) or 0) & 1 for page in first.following())
    with _without_warnings():
        picture = TiffImagePlugin.TiffImageFile(io.BytesIO(source.data))
        source.require_size(*picture.size)
        picture.load()
    details = Details(
        exif=source.data,
        xmp=first.raw(700, limit=source.limits.max_metadata_bytes) or b"",
        icc=first.raw(34675, limit=source.limits.max_metadata_bytes) or b"",
        frames=pages,
        notes=(f"the first of {pages} pages",) if pages > 1 else (),
    )
    return Decoded(picture, picture.size, details)


def _require_whole_strips(source: Source, page: Directory) -> None:
    for offsets_tag, lengths_tag in ((273, 279), (324, 325)):
        offsets, lengths = page.integers(offsets_tag), page.integers(lengths_tag)
        if any(offset + length > len(source.data) for offset, length in zip(offsets, lengths, strict=False)):
            raise source.cut_off()


def _require_plain_samples(source: Source, page: Directory) -> None:
    """Turns away whole numbers below zero: nothing says which of them would be black."""
    if 2 in page.integers(339, limit=64) and max(page.integers(258, limit=64), default=1) > 8:
        raise UnsupportedFormatError("TIFF pictures with signed samples cannot be read", path=source.path)


def orientation_in(exif: bytes) -> int:
    """The EXIF orientation, 1…8; 1 where there is none that makes sense."""
    if not exif:
        return 1
    try:
        value = open_tiff(exif).number(0x0112)
    except BadTiffError:
        return 1
    return int(value) if value is not None and value in range(1, 9) else 1


def _exif(picture: Image.Image) -> bytes:
    return _strip_exif(picture.info.get("exif") or b"")


def _strip_exif(exif: bytes) -> bytes:
    """Without what stands before the TIFF structure: "Exif", or in HEIF an offset and "Exif"."""
    if exif[:2] in (b"II", b"MM"):
        return exif
    start = exif.find(b"Exif\0\0", 0, 64)
    return exif[start + 6 :] if start >= 0 else exif


_warnings_lock = threading.Lock()


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keeps Pillow's warnings about odd tags off screens; one thread at a time, for the list is global."""
    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
