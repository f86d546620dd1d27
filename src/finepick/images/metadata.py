"""What a file says of how it came to be: EXIF, XMP and generators' texts, made into `Metadata`."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from datetime import datetime, timedelta

from finepick.domain import Metadata
from finepick.images.formats import PictureFormat
from finepick.images.limits import ReadLimits
from finepick.images.prompts import find_prompt
from finepick.images.source import Details
from finepick.images.tiff import BadTiffError, Directory, open_tiff
from finepick.images.xmp import BadXmpError, Properties, read_xmp

_EXIF_DIRECTORY = 0x8769
_USER_COMMENT = 0x9286
_MAKER_NOTE = 0x927C


def read_metadata(
    format: PictureFormat, size: tuple[int, int], details: Details, limits: ReadLimits
) -> Metadata:
    """Everything that *details* tell. Damage in them becomes a note, never an error.

    `rating` is None for 0, which in EXIF and XMP means as much as absent. `taken_at` falls back from the
    time of the exposure to XMP's, to that of digitising and, where a camera wrote, to the last change.
    """
    notes = list(details.notes)
    main, exif = _directories(details, notes)
    properties = _properties(details.xmp, notes, limits)
    comment = exif.raw(_USER_COMMENT, limit=limits.max_metadata_bytes) if exif else None
    description = main.text(0x010E, limit=limits.max_metadata_bytes) if main else None
    make = main.text(0x010F, limit=4096) if main else None
    software = (main.text(0x0131, limit=4096) if main else None) or properties.get("CreatorTool")
    model = main.text(0x0110, limit=limits.max_metadata_bytes) if main else None
    prompt = find_prompt(
        details.texts,
        comment=comment,
        exif_texts=[text for text in (description, make, model) if text],
        limit=limits.max_metadata_bytes,
    )
    return Metadata(
        format=str(format),
        width=size[0],
        height=size[1],
        frames=details.frames,
        taken_at=_taken_at(main, exif, properties),
        camera=_camera(main, exif, make, model, properties),
        lens=(exif.text(0xA434, limit=4096) if exif else None) or properties.get("Lens"),
        exposure_seconds=_exposure_seconds(exif),
        f_number=_f_number(exif),
        iso=_iso(exif),
        exposure_bias=_number(exif, 0x9204),
        auto_bracket=_number(exif, 0xA402) == 2,
        focal_length_mm=_positive(_number(exif, 0x920A)),
        focus_distance_m=_distance(exif),
        burst_id=_burst_id(exif, properties),
        software=software or details.texts.get("Software") or None,
        prompt=prompt,
        rating=_rating(main, properties),
        label=properties.get("Label") or None,
        notes=tuple(notes),
    )


def _directories(details: Details, notes: list[str]) -> tuple[Directory | None, Directory | None]:
    """The main directory and the EXIF directory below it."""
    if not details.exif:
        return None, None
    try:
        main = open_tiff(details.exif)
        below = open_tiff(details.exif_below) if details.exif_below else main.directory(_EXIF_DIRECTORY)
    except BadTiffError:
        notes.append("its EXIF data is damaged and was not used")
        return None, None
    if main.is_damaged or (below is None and _EXIF_DIRECTORY in main) or (below and below.is_damaged):
        notes.append("its EXIF data is damaged in parts")
    return main, below


def _properties(xmp: bytes, notes: list[str], limits: ReadLimits) -> Properties:
    if len(xmp) > limits.max_metadata_bytes:
        notes.append("its XMP data is too large and was not used")
        return {}
    try:
        return read_xmp(xmp)
    except BadXmpError:
        notes.append("its XMP data is damaged and was not used")
        return {}


_DATE = re.compile(r"\s*(\d{4})[:/.-](\d\d?)[:/.-](\d\d?)[T ]+(\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?")


def parse_time(text: str | None, fraction: str | None = None) -> datetime | None:
    """A camera's local time from EXIF or XMP text, None for nonsense; *fraction*: decimals of a second."""
    match = _DATE.match(text or "")
    if not match:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    decimals = match.group(7) or (fraction or "").strip()
    try:
        moment = datetime(year, month, day, hour, minute, min(second, 59))
    except ValueError:
        return None
    if decimals.isascii() and decimals.isdigit():
        moment += timedelta(microseconds=int(decimals[:6].ljust(6, "0")))
    return moment


def _taken_at(main: Directory | None, exif: Directory | None, properties: Properties) -> datetime | None:
    def from_exif(directory: Directory | None, tag: int, fraction_tag: int) -> datetime | None:
        if directory is None:
            return None
        fraction = exif.text(fraction_tag, limit=64) if exif else None
        return parse_time(directory.text(tag, limit=64), fraction)

    def changed() -> datetime | None:
        return from_exif(main, 0x0132, 0x9290) if main and 0x0110 in main else None

    attempts: tuple[Callable[[], datetime | None], ...] = (
        lambda: from_exif(exif, 0x9003, 0x9291),
        lambda: from_exif(main, 0x9003, 0x9291),  # DNG and other RAW files keep it up here
        lambda: parse_time(properties.get("DateTimeOriginal")),
        lambda: parse_time(properties.get("DateCreated")),
        lambda: from_exif(exif, 0x9004, 0x9292),
        changed,
    )
    return next((moment for attempt in attempts if (moment := attempt())), None)


def _camera(
    main: Directory | None,
    exif: Directory | None,
    make: str | None,
    model: str | None,
    properties: Properties,
) -> str | None:
    """Make and model, the make once, and the body's serial number: two bodies have two clocks."""
    make, model = make or properties.get("Make"), model or properties.get("Model")
    if make and make.lower().startswith(("prompt:", "workflow:")):
        make = None  # ComfyUI keeps its graphs in these two fields
    if model and model.lower().startswith(("prompt:", "workflow:")):
        model = None
    serial = (exif.text(0xA431, limit=256) if exif else None) or (
        (main.text(0xC62F, limit=256) if main else None) or properties.get("SerialNumber")
    )
    first = make.split()[0].lower() if make and make.split() else ""
    name = (
        model
        if model and first and model.lower().startswith(first)
        else " ".join(filter(None, (make, model)))
    )
    if not name:
        return None
    return f"{name[:200]} #{serial}" if serial else name[:200]


def _number(directory: Directory | None, tag: int) -> float | None:
    return directory.number(tag) if directory else None


def _positive(value: float | None) -> float | None:
    return value if value is not None and 0 < value < math.inf else None


def _exposure_seconds(exif: Directory | None) -> float | None:
    value = _positive(_number(exif, 0x829A))
    apex = _number(exif, 0x9201)
    return value if value or apex is None or abs(apex) > 60 else 2.0**-apex


def _f_number(exif: Directory | None) -> float | None:
    value = _positive(_number(exif, 0x829D))
    apex = _number(exif, 0x9202)
    return value if value or apex is None or not 0 < apex < 30 else 2.0 ** (apex / 2)


def _iso(exif: Directory | None) -> float | None:
    value = _positive(_number(exif, 0x8827))
    if value is not None and value != 65535:  # 65535: more than the field can hold, see the newer ones
        return value
    newer = (_positive(_number(exif, tag)) for tag in (0x8833, 0x8832, 0x8831))
    return next((number for number in newer if number), value)


def _distance(exif: Directory | None) -> float | None:
    value = _positive(_number(exif, 0x9206))
    return value if value is not None and value < 0xFFFFFFFF else None


def _rating(main: Directory | None, properties: Properties) -> int | None:
    text = properties.get("Rating")
    try:
        rating = round(float(text)) if text else None
    except (ValueError, OverflowError):
        rating = None
    if rating is None:
        number = _number(main, 0x4746)
        rating = int(number) if number is not None else None
    return rating if rating and -1 <= rating <= 5 else None


def _burst_id(exif: Directory | None, properties: Properties) -> str | None:
    written = properties.get("BurstID") or properties.get("BurstUUID")
    if written:
        return written
    maker_note = exif.raw(_MAKER_NOTE) if exif else None
    return _apple_burst(maker_note) if maker_note and maker_note.startswith(b"Apple iOS\0") else None


def _apple_burst(maker_note: bytes) -> str | None:
    """Tag 11 of Apple's maker note: a directory without a TIFF header, offsets from the note's beginning."""
    try:
        byte_order = {b"II": "<", b"MM": ">"}[maker_note[12:14]]
        (count,) = struct.unpack_from(f"{byte_order}H", maker_note, 14)
        for index in range(min(count, 200)):
            tag, kind, length, offset = struct.unpack_from(f"{byte_order}HHII", maker_note, 16 + 12 * index)
            if tag == 11 and kind == 2 and 4 < length <= 128:
                text = maker_note[offset : offset + length].split(b"\0")[0].decode("ascii")
                return text or None
    except (KeyError, struct.error, UnicodeDecodeError):
        return None
    return None
