"""Small picture files of every kind, drawn and written for the tests and for the fuzzer."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

Tags = Mapping[int, Any]


def scene(width: int = 96, height: int = 64, seed: int = 0) -> np.ndarray:
    """A drawn picture: gradients, a few discs and grain; no two rows alike, all corners different."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    picture = np.stack([x * 200 / width, y * 200 / height, 220 - (x + y) * 200 / (width + height)], axis=-1)
    for _ in range(4):
        centre = generator.uniform(0, (width, height))
        inside = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < (height / 6) ** 2
        picture[inside] = generator.uniform(0, 255, 3)
    picture += generator.normal(0, 3, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def saved(picture: np.ndarray | Image.Image, format: str, **options: Any) -> bytes:
    """*picture* written by Pillow."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def heic(picture: np.ndarray | Image.Image, **options: Any) -> bytes:
    import pillow_heif

    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, **options)
    return buffer.getvalue()


_TYPES = {"B": 1, "ascii": 2, "H": 3, "I": 4, "rational": 5, "bytes": 7, "i": 9, "srational": 10}


def tiff(*pages: Tags, byte_order: str = "<", payload: bytes = b"", magic: int = 42) -> bytes:
    """A TIFF structure written by hand: header, *payload* at offset 8, then one directory a page.

    Values are ("kind", value) with a kind of `_TYPES`, or a dict for a directory below, or a list of dicts.
    """
    out = bytearray(
        (b"II" if byte_order == "<" else b"MM") + struct.pack(f"{byte_order}HI", magic, 0) + payload
    )
    link = 4
    for page in pages:
        offset, link_of_page = _append_directory(out, page, byte_order)
        struct.pack_into(f"{byte_order}I", out, link, offset)
        link = link_of_page
    return bytes(out)


def _append_directory(out: bytearray, tags: Tags, byte_order: str) -> tuple[int, int]:
    entries = []
    for tag, value in sorted(tags.items()):
        if isinstance(value, dict):
            value = ("I", _append_directory(out, value, byte_order)[0])
        elif isinstance(value, list):
            value = ("I", [_append_directory(out, below, byte_order)[0] for below in value])
        entries.append((tag, *_packed(*value, byte_order)))
    located = []
    for tag, kind, count, data in entries:
        if len(data) > 4:
            if len(out) % 2:
                out.append(0)
            place = struct.pack(f"{byte_order}I", len(out))
            out += data
            data = place
        located.append(struct.pack(f"{byte_order}HHI", tag, kind, count) + data.ljust(4, b"\0"))
    if len(out) % 2:
        out.append(0)
    offset = len(out)
    out += struct.pack(f"{byte_order}H", len(located)) + b"".join(located) + bytes(4)
    return offset, len(out) - 4


def _packed(kind: str, value: Any, byte_order: str) -> tuple[int, int, bytes]:
    if kind == "ascii":
        data = (value if isinstance(value, bytes) else value.encode()) + b"\0"
        return 2, len(data), data
    if kind == "bytes":
        return 7, len(value), value
    values: Sequence[Any] = value if isinstance(value, list | tuple) else [value]
    if kind.endswith("rational"):
        pairs = values if isinstance(values[0], list | tuple) else [values]
        code = "i" if kind[0] == "s" else "I"
        return (
            _TYPES[kind],
            len(pairs),
            b"".join(struct.pack(f"{byte_order}2{code}", *pair) for pair in pairs),
        )
    return _TYPES[kind], len(values), struct.pack(f"{byte_order}{len(values)}{kind}", *values)


def exif(main: Tags = {}, below: Tags = {}, byte_order: str = "<") -> bytes:  # noqa: B006
    """EXIF data as Pillow's writers want it, *below* being the EXIF directory."""
    tags = {**main, **({0x8769: dict(below)} if below else {})}
    return b"Exif\0\0" + tiff(tags, byte_order=byte_order)


def turned(orientation: int) -> bytes:
    return exif({0x0112: ("H", orientation)})


CAMERA = {0x010F: ("ascii", "Canon"), 0x0110: ("ascii", "Canon EOS R5"), 0x0131: ("ascii", "Firmware 1.2")}
SHOT = {
    0x829A: ("rational", (1, 250)),
    0x829D: ("rational", (28, 10)),
    0x8827: ("H", 400),
    0x9003: ("ascii", "2024:06:01 18:30:05"),
    0x9291: ("ascii", "345"),
    0x9204: ("srational", (-2, 3)),
    0x9206: ("rational", (35, 10)),
    0x920A: ("rational", (85, 1)),
    0xA402: ("H", 2),
    0xA431: ("ascii", "0123456"),
    0xA434: ("ascii", "RF85mm F2"),
}


def png_with_text(
    picture: np.ndarray, texts: Mapping[str, str], *, packed: bool = False, **options: Any
) -> bytes:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for key, text in texts.items():
        info.add_text(key, text, zip=packed)
    return saved(picture, "PNG", pnginfo=info, **options)


def dng(
    *,
    preview: bytes | None,
    width: int = 64,
    height: int = 48,
    orientation: int = 1,
    preview_size: tuple[int, int] = (0, 0),
    below: Tags = SHOT,
) -> bytes:
    """A DNG: main directory without pixels, a colour filter array and, if given, a JPEG preview below."""
    y, x = np.mgrid[0:height, 0:width]
    sensor = (400 + 40 * x + 20 * y + 300 * ((x + y) % 2)).astype("<u2")
    pixels = sensor.tobytes()
    payload = pixels + (preview or b"")
    raw = {
        254: ("I", 0), 256: ("I", width), 257: ("I", height), 258: ("H", 16), 259: ("H", 1),
        262: ("H", 32803), 273: ("I", 8), 277: ("H", 1), 278: ("I", height), 279: ("I", len(pixels)),
        284: ("H", 1),
        33421: ("H", [2, 2]), 33422: ("B", [0, 1, 1, 2]), 50714: ("H", 0), 50717: ("I", 4095),
    }  # fmt: skip
    below_main = [raw]
    if preview is not None:
        below_main.append({
            254: ("I", 1), 256: ("I", preview_size[0]), 257: ("I", preview_size[1]), 258: ("H", [8, 8, 8]),
            259: ("H", 7), 262: ("H", 6), 273: ("I", 8 + len(pixels)), 277: ("H", 3),
            278: ("I", preview_size[1]), 279: ("I", len(preview)),
        })  # fmt: skip
    main = {
        254: ("I", 1), 256: ("I", 0), 257: ("I", 0), 274: ("H", orientation), 330: below_main,
        271: ("ascii", "Finepick"), 272: ("ascii", "Drawn"), 0x8769: dict(below),
        50706: ("B", [1, 4, 0, 0]), 50707: ("B", [1, 1, 0, 0]), 50708: ("ascii", "Finepick Drawn"),
        50721: ("srational", [(1, 1), (0, 1), (0, 1), (0, 1), (1, 1), (0, 1), (0, 1), (0, 1), (1, 1)]),
        50728: ("rational", [(1, 1), (1, 1), (1, 1)]), 50778: ("H", 21),
    }  # fmt: skip
    return tiff(main, payload=payload)


def small_pictures(seed: int = 0) -> dict[str, bytes]:
    """One small file of each kind, by name; every one of them can be read."""
    picture = scene(48, 32, seed)
    image = Image.fromarray(picture)
    full_exif = exif(CAMERA, SHOT)
    frames = [Image.fromarray(scene(48, 32, seed + n)) for n in (1, 2)]
    grey16 = Image.fromarray(picture[..., 0].astype(np.uint16) * 257)
    files = {
        "plain.jpg": saved(picture, "JPEG", exif=full_exif, quality=85),
        "progressive.jpg": saved(picture, "JPEG", progressive=True, exif=turned(6)),
        "cmyk.jpg": saved(image.convert("CMYK"), "JPEG"),
        "grey.jpg": saved(image.convert("L"), "JPEG", restart_marker_blocks=2),
        "plain.png": png_with_text(
            picture, {"parameters": "a cat\nSteps: 2, Sampler: Euler"}, exif=full_exif
        ),
        "palette.png": saved(image.quantize(16), "PNG", transparency=3),
        "alpha.png": saved(np.dstack([picture, picture[..., 0]]), "PNG"),
        "sixteen.png": saved(grey16, "PNG"),
        "moving.png": saved(image, "PNG", save_all=True, append_images=frames),
        "plain.webp": saved(picture, "WEBP", exif=full_exif),
        "lossless.webp": saved(picture, "WEBP", lossless=True),
        "moving.webp": saved(image, "WEBP", save_all=True, append_images=frames, duration=50),
        "plain.tif": saved(picture, "TIFF"),
        "packed.tif": saved(picture, "TIFF", compression="tiff_lzw"),
        "sixteen.tif": saved(grey16, "TIFF"),
        "plain.gif": saved(image.quantize(32), "GIF"),
        "moving.gif": saved(image, "GIF", save_all=True, append_images=frames),
        "plain.bmp": saved(picture, "BMP"),
        "palette.bmp": saved(image.quantize(16), "BMP"),
        "plain.heic": heic(scene(64, 64, seed), exif=full_exif),
        "preview.dng": dng(preview=saved(picture, "JPEG"), preview_size=(48, 32)),
        "bare.dng": dng(preview=None),
    }
    from PIL import features

    if features.check("avif"):
        files["plain.avif"] = saved(picture, "AVIF", exif=full_exif)
    return files
