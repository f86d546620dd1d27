"""The pixels that are learned from, read once and kept as far as there is room."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from numpy.typing import NDArray

from finepick.domain import Frame
from finepick.scorers.base import FrameSource, View
from finepick.scorers.fgaesq.series import whole_blocks
from finepick.scorers.fgaesq.tokens import BLOCK

KEPT_BYTES = 3 << 30
"""What is beyond that is read anew every time."""


class Pictures:
    """Photos of *frames* as whole blocks of 32 pixels, uint8 (32 · rows, 32 · columns, 3), for one thread.

    At most *kept_bytes* of them stay in memory, those that were asked for first.
    """

    def __init__(self, frames: FrameSource, *, kept_bytes: int = KEPT_BYTES) -> None:
        self._frames = frames
        self._room = kept_bytes
        self._kept: dict[tuple[int, int, int], Frame] = {}

    def take(self, wanted: Iterable[tuple[int, int, int]]) -> Iterator[Frame]:
        """The picture of each (photo, rows, columns), in their order. Raises ImageError."""
        wanted = list(wanted)
        missing = dict.fromkeys(key for key in wanted if key not in self._kept)
        read = dict(zip(missing, self._read(missing), strict=True))
        for key in wanted:
            yield self._kept[key] if key in self._kept else read[key]

    def _read(self, keys: Iterable[tuple[int, int, int]]) -> Iterator[Frame]:
        keys = list(keys)
        for key, arrays in zip(keys, self._frames.views(_view(*key) for key in keys), strict=True):
            picture: Frame = arrays["picture"]
            if picture.nbytes <= self._room:
                self._room -= picture.nbytes
                self._kept[key] = picture
            yield picture


def view_picture(frame: Frame, *, rows: int, columns: int) -> dict[str, NDArray[Any]]:
    """`whole_blocks`, to be asked for as a `View`."""
    return {"picture": whole_blocks(frame, rows, columns)}


def _view(photo: int, rows: int, columns: int) -> View:
    arguments = {"rows": rows, "columns": columns}
    return View(photo, max(rows, columns) * BLOCK, f"{__name__}:view_picture", arguments)
