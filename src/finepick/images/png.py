"""PNG: pixels, and the texts that cameras, editors and picture generators put beside them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

from PIL import PngImagePlugin

from finepick.images.source import Decoded, Details, Source, animation_note

_PIXEL_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_XMP_KEY = "XML:com.adobe.xmp"


def decode_png(source: Source) -> Decoded:
    """The still picture; of an animation (APNG) the picture that programs without animation show."""
    kept = [source.data[:8]]
    exif = icc = b""
    texts: dict[str, str] = {}
    frames = 1
    budget = source.limits.max_metadata_bytes
    for kind, start, end in _chunks(source):
        body = source.data[start:end] if kind not in _PIXEL_CHUNKS else b""
        if kind == b"IHDR" and end - start == 13:
            source.require_size(*struct.unpack_from(">II", source.data, start))
        if kind in _PIXEL_CHUNKS:
            kept.append(source.data[start - 8 : end + 4])
        elif kind == b"eXIf":
            exif = exif or body.removeprefix(b"Exif\0\0")
        elif kind == b"iCCP":
            icc = _unpack(body.partition(b"\0")[2][1:], budget)
        elif kind == b"acTL" and len(body) >= 4:
            frames = max(1, struct.unpack_from(">I", body)[0])
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            key, text = _text(kind, body, budget)
            budget -= len(text)
            if key and key not in texts:
                texts[key] = text
    picture = PngImagePlugin.PngImageFile(io.BytesIO(b"".join(kept)))
    picture.load()
    details = Details(
        exif=exif or _exif_in_text(texts),
        xmp=texts.get(_XMP_KEY, "").encode("utf-8", "replace"),
        icc=icc,
        texts=texts,
        frames=frames,
        notes=animation_note(frames),
    )
    return Decoded(picture, picture.size, details)


def _chunks(source: Source) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of each chunk's body, up to IEND. Raises DamagedImageError where it is missing."""
    data = source.data
    offset = 8
    while True:
        if offset + 12 > len(data):
            raise source.cut_off()
        length, kind = struct.unpack_from(">I4s", data, offset)
        end = offset + 8 + length
        if end + 4 > len(data):
            raise source.cut_off()
        yield kind, offset + 8, end
        if kind == b"IEND":
            return
        offset = end + 4


def _text(kind: bytes, body: bytes, budget: int) -> tuple[str, str]:
    """Key and text of a text chunk; what is damaged or larger than *budget* comes out empty."""
    key, _, rest = body.partition(b"\0")
    if kind == b"zTXt":
        rest = _unpack(rest[1:], budget)
    elif kind == b"iTXt":
        is_packed, rest = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[-1]
        rest = _unpack(rest, budget) if is_packed else rest
    if len(rest) > budget:
        return "", ""
    encoding = "utf-8" if kind == b"iTXt" else "latin-1"
    if kind != b"iTXt" and any(byte >= 0x80 for byte in rest[:4096]):
        encoding = _encoding_of(rest)
    return key.decode("latin-1"), rest.decode(encoding, "replace")


def _encoding_of(text: bytes) -> str:
    """Many programs write UTF-8 where the format says Latin-1."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _unpack(packed: bytes, limit: int) -> bytes:
    """Inflates at most *limit* bytes; empty where there is more, or damage."""
    inflater = zlib.decompressobj()
    try:
        unpacked = inflater.decompress(packed, max(1, limit))
    except zlib.error:
        return b""
    return b"" if inflater.unconsumed_tail else unpacked


def _exif_in_text(texts: dict[str, str]) -> bytes:
    """EXIF data as ImageMagick writes it into PNG: hexadecimal digits after a name and a length."""
    text = texts.get("Raw profile type exif") or texts.get("Raw profile type APP1")
    if not text:
        return b""
    try:
        return bytes.fromhex("".join(text.split()[2:])).removeprefix(b"Exif\0\0")
    except ValueError:
        return b""
