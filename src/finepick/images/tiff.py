"""TIFF directories: the structure of TIFF files, of EXIF data in any format, and of most RAW files.

Every offset and count in such a file may be a lie, so nothing outside the data is touched, nothing large is
unpacked unless asked for, and a value that does not fit is dropped and remembered in `Directory.is_damaged`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


class BadTiffError(ValueError):
    """No TIFF structure could be made out."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a tag's value lies: its TIFF type, how many of it, and at which offset."""

    type: int
    count: int
    offset: int


@dataclass(frozen=True, slots=True)
class Directory:
    """One IFD: values by tag, decoded when asked for."""

    data: bytes
    byte_order: str
    is_big: bool
    entries: Mapping[int, Entry]
    next_offset: int
    is_damaged: bool

    def __contains__(self, tag: int) -> bool:
        return tag in self.entries

    def raw(self, tag: int, *, limit: int = 1 << 20) -> bytes | None:
        """The bytes of a value, None where it is missing or longer than *limit*."""
        entry = self.entries.get(tag)
        if entry is None:
            return None
        length = entry.count * _SIZES[entry.type]
        return self.data[entry.offset : entry.offset + length] if length <= limit else None

    def text(self, tag: int, *, limit: int = 1 << 20) -> str | None:
        """Text without padding, None where there is none."""
        value = self.raw(tag, limit=limit)
        if value is None or self.entries[tag].type not in (1, 2, 7):
            return None
        return decode_text(value) or None

    def numbers(self, tag: int, *, limit: int = 1 << 16) -> tuple[float, ...]:
        """The finite numbers of a value; empty where it is missing, no number, or has over *limit*."""
        entry = self.entries.get(tag)
        if entry is None or entry.count > limit or entry.type not in _CODES:
            return ()
        code, parts = _CODES[entry.type]
        values = struct.unpack_from(f"{self.byte_order}{entry.count * parts}{code}", self.data, entry.offset)
        if parts == 2:
            values = tuple(
                top / bottom if bottom else math.nan
                for top, bottom in zip(values[::2], values[1::2], strict=True)
            )
        return tuple(value for value in values if math.isfinite(value))

    def number(self, tag: int) -> float | None:
        values = self.numbers(tag, limit=16)
        return values[0] if values else None

    def integers(self, tag: int, *, limit: int = 1 << 24) -> tuple[int, ...]:
        return tuple(int(value) for value in self.numbers(tag, limit=limit))

    def directory(self, tag: int) -> Directory | None:
        """The directory that a tag points to, None where it points nowhere sensible."""
        offset = self.number(tag)
        return self.at(int(offset)) if offset else None

    def directories(self, tag: int, *, limit: int = 32) -> Iterator[Directory]:
        for offset in self.integers(tag, limit=1024)[:limit]:
            found = self.at(offset)
            if found is not None:
                yield found

    def at(self, offset: int) -> Directory | None:
        try:
            return _read_directory(self.data, offset, self.byte_order, self.is_big)
        except BadTiffError:
            return None

    def following(self, *, limit: int = 10_000) -> Iterator[Directory]:
        """The pages after this one; a chain that runs in a circle ends."""
        seen: set[int] = set()
        page: Directory | None = self
        while page is not None and page.next_offset and page.next_offset not in seen and len(seen) < limit:
            seen.add(page.next_offset)
            page = self.at(page.next_offset)
            if page is not None:
                yield page


_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_CODES = {
    1: ("B", 1), 3: ("H", 1), 4: ("I", 1), 5: ("I", 2), 6: ("b", 1), 8: ("h", 1), 9: ("i", 1), 10: ("i", 2),
    11: ("f", 1), 12: ("d", 1), 13: ("I", 1), 16: ("Q", 1), 17: ("q", 1), 18: ("Q", 1),
}  # fmt: skip


def open_tiff(data: bytes) -> Directory:
    """The first directory of *data*. Raises BadTiffError where it has none."""
    byte_order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if byte_order is None or len(data) < 8:
        raise BadTiffError("no TIFF header")
    # Olympus and Panasonic put numbers of their own in place of 42; the structure is the same.
    is_big = struct.unpack_from(f"{byte_order}H", data, 2)[0] == 43
    if is_big and len(data) < 16:
        raise BadTiffError("no TIFF header")
    code, place = ("Q", 8) if is_big else ("I", 4)
    (offset,) = struct.unpack_from(f"{byte_order}{code}", data, place)
    return _read_directory(data, offset, byte_order, is_big)


def decode_text(value: bytes) -> str:
    """Text up to the first NUL, UTF-8 where it is that, Latin-1 otherwise, blanks around it removed."""
    value = value.split(b"\0", 1)[0]
    try:
        return value.decode("utf-8").strip()
    except UnicodeDecodeError:
        return value.decode("latin-1").strip()


def _read_directory(data: bytes, offset: int, byte_order: str, is_big: bool) -> Directory:
    count_code, count_size, entry_size = ("Q", 8, 20) if is_big else ("H", 2, 12)
    if offset < 8 or offset + count_size > len(data):
        raise BadTiffError("a directory lies outside of the data")
    (count,) = struct.unpack_from(f"{byte_order}{count_code}", data, offset)
    start = offset + count_size
    present = min(count, (len(data) - start) // entry_size, 0xFFFF)
    is_damaged = present < count
    entries: dict[int, Entry] = {}
    for index in range(present):
        entry_offset = start + index * entry_size
        entry = _read_entry(data, entry_offset, byte_order, is_big)
        if entry is None:
            is_damaged = True
        else:
            entries.setdefault(struct.unpack_from(f"{byte_order}H", data, entry_offset)[0], entry)
    if count and not entries:
        raise BadTiffError("a directory without a single readable value")
    end = start + count * entry_size
    next_code, next_size = ("Q", 8) if is_big else ("I", 4)
    has_next = end + next_size <= len(data)
    next_offset = struct.unpack_from(f"{byte_order}{next_code}", data, end)[0] if has_next else 0
    return Directory(data, byte_order, is_big, entries, next_offset, is_damaged)


def _read_entry(data: bytes, offset: int, byte_order: str, is_big: bool) -> Entry | None:
    count_code, inline = ("Q", 8) if is_big else ("I", 4)
    value_type, count = struct.unpack_from(f"{byte_order}H{count_code}", data, offset + 2)
    size = _SIZES.get(value_type)
    if size is None:
        return None
    value_offset = offset + 4 + inline
    length = size * count
    if length > inline:
        (value_offset,) = struct.unpack_from(f"{byte_order}{count_code}", data, value_offset)
    return Entry(value_type, count, value_offset) if value_offset + length <= len(data) else None
