"""Blobs that this run will need again: in a nameless file, which is gone with the process however that ends."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from typing import IO


class Spool:
    """Keeps blobs by key on the disk of *folder*, as long as there is room; losing one is never fatal."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._places: dict[str, tuple[int, int]] = {}
        self._end = 0

    def put(self, key: str, blob: bytes) -> None:
        """Keep *blob* under *key*, or forget about it where the disk is full or may not be written."""
        with suppress(OSError):
            if self._file is None:
                # Unbuffered: what did not fit must not turn up later, in the place of something else.
                self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 - see `close`
            self._file.seek(self._end)
            if self._file.write(blob) == len(blob):
                self._places[key] = self._end, len(blob)
                self._end += len(blob)

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def get(self, key: str) -> bytes | None:
        """What was kept under *key*, or None."""
        place = self._places.get(key)
        if self._file is None or place is None:
            return None
        try:
            self._file.seek(place[0])
            blob = self._file.read(place[1])
        except OSError:
            return None
        return blob if len(blob) == place[1] else None

    def close(self) -> None:
        """Give the room back. Safe to call twice."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
        self._places.clear()
