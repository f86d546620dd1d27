"""Which picture format a file has, told by its first bytes."""

from __future__ import annotations

import os
from enum import StrEnum


class PictureFormat(StrEnum):
    """Formats that Finepick knows, the last ones only to say plainly that they cannot be read."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    HEIF = "heif"
    AVIF = "avif"
    TIFF = "tiff"
    GIF = "gif"
    BMP = "bmp"
    RAW = "raw"
    JPEG_XL = "jpeg_xl"
    JPEG_2000 = "jpeg_2000"
    PHOTOSHOP = "photoshop"
    OPENEXR = "openexr"
    RADIANCE = "radiance"

    @property
    def is_readable(self) -> bool:
        return self not in _UNREADABLE

    @property
    def label(self) -> str:
        """The format's name as people write it."""
        return _LABELS[self]


HEAD_BYTES = 64
"""How many first bytes `sniff` wants to see."""

_UNREADABLE = frozenset(
    {
        PictureFormat.JPEG_XL,
        PictureFormat.JPEG_2000,
        PictureFormat.PHOTOSHOP,
        PictureFormat.OPENEXR,
        PictureFormat.RADIANCE,
    }
)

_LABELS = {
    PictureFormat.JPEG: "JPEG",
    PictureFormat.PNG: "PNG",
    PictureFormat.WEBP: "WebP",
    PictureFormat.HEIF: "HEIC",
    PictureFormat.AVIF: "AVIF",
    PictureFormat.TIFF: "TIFF",
    PictureFormat.GIF: "GIF",
    PictureFormat.BMP: "BMP",
    PictureFormat.RAW: "RAW",
    PictureFormat.JPEG_XL: "JPEG XL",
    PictureFormat.JPEG_2000: "JPEG 2000",
    PictureFormat.PHOTOSHOP: "Photoshop",
    PictureFormat.OPENEXR: "OpenEXR",
    PictureFormat.RADIANCE: "Radiance HDR",
}

RAW_EXTENSIONS = frozenset({
    ".3fr", ".ari", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq",
    ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".ori", ".pef", ".raf", ".raw", ".rw2",
    ".rwl", ".sr2", ".srf", ".srw", ".x3f"
})  # fmt: skip
JPEG_EXTENSIONS = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".jif"})
_OTHER_EXTENSIONS = frozenset({
    ".png", ".apng", ".webp", ".heic", ".heics", ".heif", ".heifs", ".hif", ".avif", ".avifs",
    ".avci", ".tif", ".tiff", ".gif", ".bmp", ".dib", ".jxl", ".jp2", ".j2k", ".jpf", ".jpx",
    ".j2c", ".psd", ".psb", ".exr", ".hdr"
})  # fmt: skip
PICTURE_EXTENSIONS = RAW_EXTENSIONS | JPEG_EXTENSIONS | _OTHER_EXTENSIONS

_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# Makers' own beginnings; the rest of the RAW formats are TIFFs and differ from one by their extension only.
_RAW_MAGIC = (
    b"FUJIFILMCCD-RAW",
    b"IIRO",
    b"IIRS",
    b"MMOR",
    b"IIU\0",
    b"II\x1a\0\0\0HEAPCCDR",
    b"\0MRM",
    b"FOVb",
)
_BMP_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset(
    {
        b"heic",
        b"heix",
        b"heim",
        b"heis",
        b"hevc",
        b"hevx",
        b"hevm",
        b"hevs",
        b"mif1",
        b"mif2",
        b"msf1",
        b"avci",
    }
)


def extension_of(name: str) -> str:
    """The extension of *name* in lower case, with its dot."""
    return os.path.splitext(name)[1].lower()


def has_picture_extension(name: str) -> bool:
    """Whether *name* claims to be a picture."""
    return extension_of(name) in PICTURE_EXTENSIONS


def sniff(head: bytes, name: str) -> PictureFormat | None:
    """The format of a file whose first `HEAD_BYTES` are *head*; None where they are no picture's.

    *name* only tells a RAW from a plain TIFF, and a bare JPEG XL stream from chance.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return PictureFormat.JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PictureFormat.PNG
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return PictureFormat.WEBP
    if head[4:8] == b"ftyp":
        return _sniff_brands(head)
    if head.startswith(_RAW_MAGIC):
        return PictureFormat.RAW
    if head.startswith(_TIFF_MAGIC):
        is_raw = head[8:10] == b"CR" or extension_of(name) in RAW_EXTENSIONS
        return PictureFormat.RAW if is_raw else PictureFormat.TIFF
    if head.startswith((b"GIF87a", b"GIF89a")):
        return PictureFormat.GIF
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES:
        return PictureFormat.BMP
    return _sniff_unreadable(head, name)


def _sniff_brands(head: bytes) -> PictureFormat | None:
    """HEIF, AVIF or Canon's CR3, all of them ISO base media files, told by the brands they name."""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[i : i + 4] for i in range(16, end - 3, 4))]
    if b"crx " in brands[:1]:
        return PictureFormat.RAW
    if _AVIF_BRANDS.intersection(brands):
        return PictureFormat.AVIF
    if _HEIF_BRANDS.intersection(brands):
        return PictureFormat.HEIF
    return None


def _sniff_unreadable(head: bytes, name: str) -> PictureFormat | None:
    if head.startswith(b"\0\0\0\x0cJXL \r\n\x87\n") or (
        head.startswith(b"\xff\x0a") and extension_of(name) == ".jxl"
    ):
        return PictureFormat.JPEG_XL
    if head.startswith((b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")):
        return PictureFormat.JPEG_2000
    if head.startswith(b"8BPS"):
        return PictureFormat.PHOTOSHOP
    if head.startswith(b"\x76\x2f\x31\x01"):
        return PictureFormat.OPENEXR
    if head.startswith((b"#?RADIANCE", b"#?RGBE")):
        return PictureFormat.RADIANCE
    return None
