"""RAW files, through the preview that the camera put inside."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

from PIL import Image

from finepick.errors import MissingExtraError, UnsupportedFormatError
from finepick.images.containers import orientation_in, require_whole_strips
from finepick.images.jpeg import decode_jpeg
from finepick.images.source import Decoded, Details, Source
from finepick.images.tiff import BadTiffError, open_tiff

SMALLEST_PREVIEW = 640
"""A preview with a shorter long side is a thumbnail: too little to judge sharpness by."""

_MAKE, _SUB_DIRECTORIES, _DNG_VERSION = 271, 330, 50706
_EXIF_OF_FLIP = {1: 2, 2: 4, 3: 3, 4: 5, 5: 8, 6: 6, 7: 7}
_NO_PREVIEW = "RAW without a usable preview: developed plainly at half size"


def decode_raw(source: Source) -> Decoded:
    """The largest embedded preview; without one, the sensor's data developed at half size, and a note.

    `size` is that of the whole photo, not of its preview. Raises MissingExtraError without rawpy.
    """
    try:
        import rawpy
    except ImportError:
        raise MissingExtraError("Reading RAW files", extra="raw", path=source.path) from None
    try:
        with rawpy.imread(io.BytesIO(source.data)) as raw:
            sizes = raw.sizes
            source.require_size(sizes.raw_width, sizes.raw_height)
            details = _details(source)
            preview = _preview(rawpy, raw, source)
            if preview is None or _is_thumbnail(preview, sizes):
                return _develop(raw, details, sizes)
    except (rawpy.LibRawFileUnsupportedError, rawpy.NotSupportedError):
        raise UnsupportedFormatError(
            "this kind of RAW file is not known to LibRaw", path=source.path
        ) from None
    except rawpy.LibRawError:
        raise source.damaged("damaged: its RAW data cannot be read") from None
    return _upright(preview, details, (sizes.width, sizes.height), _EXIF_OF_FLIP.get(sizes.flip, 1))


def _details(source: Source) -> Details:
    """EXIF from the RAW's own directories: it is a TIFF nearly always, or it is Canon's CR3."""
    data = source.data
    if data[4:8] == b"ftyp":
        return Details(exif=_box(data, b"CMT1"), exif_below=_box(data, b"CMT2"))
    try:
        first = open_tiff(data)
    except BadTiffError:
        return Details()
    # LibRaw shows the preview of a file whose own pixels are missing. Not every maker fills in these fields.
    if _DNG_VERSION in first or (first.text(_MAKE, limit=256) or "").startswith(("Canon", "NIKON")):
        for page in (first, *first.directories(_SUB_DIRECTORIES), *first.following(limit=16)):
            require_whole_strips(source, page)
    return Details(exif=data, xmp=first.raw(700, limit=source.limits.max_metadata_bytes) or b"")


def _box(data: bytes, kind: bytes) -> bytes:
    """The body of a box near the beginning of the file, empty where there is none."""
    place = data.find(kind, 0, 1 << 16)
    if place < 4:
        return b""
    size = int.from_bytes(data[place - 4 : place], "big")
    return data[place + 4 : place - 4 + size]


def _preview(rawpy: Any, raw: Any, source: Source) -> Decoded | None:
    try:
        thumbnail = raw.extract_thumb()
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
        return None
    if thumbnail.format == rawpy.ThumbFormat.BITMAP:
        picture = Image.fromarray(thumbnail.data)
        return Decoded(picture, picture.size, Details())
    try:
        return decode_jpeg(replace(source, data=bytes(thumbnail.data)))
    except UnsupportedFormatError:
        return None


def _is_thumbnail(preview: Decoded, sizes: Any) -> bool:
    whole = max(int(sizes.width), int(sizes.height))
    return max(preview.size) < min(SMALLEST_PREVIEW, whole // 2)


def _upright(preview: Decoded, details: Details, size: tuple[int, int], orientation: int) -> Decoded:
    """The preview with the turn that is still to be made and the photo's EXIF data.

    The preview's own orientation counts (LibRaw writes the RAW's where the camera wrote none), unless the
    preview already stands upright while the sensor lay on its side.
    """
    turn = orientation_in(preview.details.exif)
    turn = orientation if turn == 1 else turn
    if turn >= 5 and _is_tall(preview.size) != _is_tall(size):
        turn = 1
    if orientation >= 5:
        size = size[1], size[0]
    return Decoded(
        preview.picture,
        size if turn < 5 else (size[1], size[0]),
        replace(
            details,
            exif=details.exif or preview.details.exif,
            xmp=details.xmp or preview.details.xmp,
            icc=preview.details.icc,
            orientation=turn,
        ),
    )


def _is_tall(size: tuple[int, int]) -> bool:
    return size[1] > size[0]


def _develop(raw: Any, details: Details, sizes: Any) -> Decoded:
    """A plain development, which LibRaw turns upright itself."""
    pixels = raw.postprocess(half_size=True, use_camera_wb=True, output_bps=8)
    size = (sizes.height, sizes.width) if sizes.flip >= 4 else (sizes.width, sizes.height)
    notes = (*details.notes, _NO_PREVIEW)
    return Decoded(Image.fromarray(pixels), size, replace(details, notes=notes))
