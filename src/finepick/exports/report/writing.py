"""Writes the report: the page first, then its pictures one at a time, so that few lie in memory."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from finepick.errors import OutputError
from finepick.exports.report.assembly import assemble_page, inert_json

PAGE_NAME = "report.html"
PREVIEW_FOLDER = "report_previews"
PAGE_LIMIT_BYTES = 96_000_000
"""Above this the page takes no more previews, whatever the budget: browsers should open it in a blink."""

_PREVIEW_NAME = re.compile(r"preview-[0-9a-f]{20}\.jpg")


class Pictures(Protocol):
    """Where the report gets its pictures from; None where a photo has none (any more)."""

    def thumbnail(self, path: str) -> bytes | None:
        """JPEG, long side about 320 pixels."""
        ...

    def previews(self, paths: Sequence[str]) -> Iterator[bytes | None]:
        """JPEGs, long side 1,600 to 2,048 pixels, one for each of *paths* in their order; expensive, asked once."""
        ...

    def difference(self, path: str) -> NDArray[np.float64] | None:
        """Where the photo differs from the rest of its series: (rows, columns) in [0, 1], long side 64."""
        ...


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """What was written; `preview_folder` is None where the page holds all its previews."""

    page: str
    preview_folder: str | None
    embedded_previews: int
    outside_previews: int


def write_report(
    document: Mapping[str, Any],
    pictures: Pictures,
    folder: str,
    *,
    title: str = "Photos",
    embed_budget_bytes: int = 60_000_000,
    progress: Callable[[int, int], None] | None = None,
) -> ReportFiles:
    """Writes `report.html` into *folder* (made where it is missing) and replaces an earlier one whole.

    All photos get a thumbnail; photos of series of two and more also get a preview and a difference map. The
    page holds previews, best frames first, up to *embed_budget_bytes* as they stand in it (base64, 4/3 of the
    JPEG), and no more than make it PAGE_LIMIT_BYTES long; the rest lies in `report_previews` beside it.

    Args:
        document: the JSON document of `pick`; a photo may also have `notes`, `taken_at`, `width`, `height`,
            `camera`, which are shown.
        progress: called with (pictures done, pictures in all).

    Raises:
        OutputError: the page or a preview cannot be written. An earlier report is then still there.
    """
    try:
        os.makedirs(folder, exist_ok=True)
        return _write(document, pictures, folder, title, embed_budget_bytes, progress or _no_progress)
    except OSError as error:
        path = error.filename if isinstance(error.filename, str) else folder
        raise OutputError(
            f"the report could not be written: {path}: {error.strerror or error}; "
            "free some space or choose another folder",
            path=path,
        ) from error


def _write(
    document: Mapping[str, Any],
    pictures: Pictures,
    folder: str,
    title: str,
    budget: int,
    progress: Callable[[int, int], None],
) -> ReportFiles:
    page = assemble_page(document, title=title)
    photos = [photo["path"] for series in document["series"] for photo in series["photos"]]
    with_preview = _preview_order(document)
    steps = _Steps(len(photos) + len(with_preview), progress)
    final, temporary = (
        os.path.join(folder, PAGE_NAME),
        os.path.join(folder, f".report-{secrets.token_hex(6)}.tmp"),
    )
    outside = _PreviewFolder(os.path.join(folder, PREVIEW_FOLDER))
    try:
        with open(temporary, "xb") as stream:
            stream.write(page.head.encode())
            _write_thumbnails(stream, photos, pictures, steps)
            stream.write(page.middle.encode())
            _write_differences(stream, photos, with_preview, pictures)
            drawn = pictures.previews([photos[number] for number in with_preview])
            previews = zip(with_preview, drawn, strict=True)
            room = min(budget, PAGE_LIMIT_BYTES - stream.tell())
            embedded, beside = _write_previews(stream, previews, room, outside, steps)
            ending = {"embedded": embedded, "outside": beside, "folder": PREVIEW_FOLDER}
            stream.write(_inert("ending", inert_json(ending).encode()))
            stream.write(page.tail.encode())
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, final)
    except BaseException:
        outside.take_back()
        with suppress(OSError):
            os.remove(temporary)
        raise
    outside.remove_stale()
    return ReportFiles(final, outside.path if beside else None, embedded, beside)


def _no_progress(done: int, total: int) -> None:
    pass


@dataclass(slots=True)
class _Steps:
    total: int
    report: Callable[[int, int], None]
    done: int = 0

    def advance(self) -> None:
        self.done += 1
        self.report(self.done, self.total)


def _preview_order(document: Mapping[str, Any]) -> list[int]:
    """Numbers of the photos that get a preview: winner and runner-up of every series first, then by place."""
    order, number = [], 0
    for series_number, series in enumerate(document["series"]):
        size = len(series["photos"])
        if size > 1:
            order += [(max(place, 1), series_number, number + place) for place in range(size)]
        number += size
    return [number for *_, number in sorted(order)]


def _write_thumbnails(stream: BinaryIO, photos: list[str], pictures: Pictures, steps: _Steps) -> None:
    for number, path in enumerate(photos):
        thumbnail = pictures.thumbnail(path)
        if thumbnail is not None:
            stream.write(_inert(f"t{number}", base64.b64encode(thumbnail)))
        steps.advance()


def _write_differences(stream: BinaryIO, photos: list[str], numbers: list[int], pictures: Pictures) -> None:
    for number in sorted(numbers):
        difference = pictures.difference(photos[number])
        if difference is not None and difference.size:
            levels = np.rint(np.clip(np.nan_to_num(difference), 0, 1) * 255).astype(np.uint8)
            text = base64.b64encode(levels.tobytes())
            stream.write(_inert(f"d{number}", text, f'data-columns="{levels.shape[1]}"'))


def _write_previews(
    stream: BinaryIO,
    previews: Iterable[tuple[int, bytes | None]],
    room: int,
    outside: _PreviewFolder,
    steps: _Steps,
) -> tuple[int, int]:
    """Writes previews into the page while there is *room*, then into the folder; returns how many where."""
    embedded = beside = 0
    for number, preview in previews:
        if preview is not None:
            room -= (len(preview) + 2) // 3 * 4
            if room >= 0:
                stream.write(_inert(f"p{number}", base64.b64encode(preview)))
                embedded += 1
            else:
                room = (
                    -1
                )  # from here on all lie outside: best frames come first, a small one must not jump the queue
                name = outside.add(preview)
                stream.write(_inert(f"p{number}", b"", f'data-file="{PREVIEW_FOLDER}/{name}"'))
                beside += 1
        steps.advance()
    return embedded, beside


def _inert(identifier: str, text: bytes, attributes: str = "") -> bytes:
    """An element that browsers neither run nor draw; the page's script reads it when it is needed."""
    return f'<script type="text/plain" id="{identifier}" {attributes}>'.encode() + text + b"</script>\n"


@dataclass(slots=True)
class _PreviewFolder:
    """Previews beside the page, named by content, so that an earlier report stays whole until replaced."""

    path: str
    used: set[str] = field(default_factory=set)
    new: set[str] = field(default_factory=set)

    def add(self, preview: bytes) -> str:
        """Writes a preview unless it lies there already; returns its name."""
        name = f"preview-{hashlib.sha256(preview).hexdigest()[:20]}.jpg"
        final = os.path.join(self.path, name)
        if name not in self.used and not _holds(final, preview):
            os.makedirs(self.path, exist_ok=True)
            temporary = f"{final}.{secrets.token_hex(4)}.tmp"
            try:
                with open(temporary, "xb") as stream:
                    stream.write(preview)
                os.replace(temporary, final)
            except BaseException:
                with suppress(OSError):
                    os.remove(temporary)
                raise
            self.new.add(name)
        self.used.add(name)
        return name

    def take_back(self) -> None:
        self._remove(self.new)

    def remove_stale(self) -> None:
        """Removes what an earlier report left and this one does not use; foreign files stay."""
        with suppress(OSError):
            ours = {name for name in os.listdir(self.path) if _PREVIEW_NAME.fullmatch(name)}
            self._remove(ours - self.used)

    def _remove(self, names: set[str]) -> None:
        for name in names:
            with suppress(OSError):
                os.remove(os.path.join(self.path, name))
        if names:
            with suppress(OSError):
                os.rmdir(self.path)  # only where nothing is left in it


def _holds(path: str, data: bytes) -> bool:
    try:
        with open(path, "rb") as stream:
            return stream.read() == data
    except OSError:
        return False
