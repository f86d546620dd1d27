"""Copies of the keeps, read back and compared; nothing that is already there is ever overwritten.

A RAW and its JPEG get names with one stem, and no other photo of the same run gets that stem, so that pairs
stay pairs and strangers do not become one: of two different IMG.JPG, the second is copied as "IMG (2).JPG".
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import stat
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from finepick.domain import Photo, PickResult
from finepick.errors import OutputError
from finepick.exports.writing import (
    could_not_write,
    make_folder,
    reason_of,
    removed_on_failure,
    rename_to_new,
    stage,
    sync_folder,
)

CHUNK_BYTES = 1 << 20

_BAD_NAME = (errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG)


@dataclass(frozen=True, slots=True)
class Copy:
    """A file and its copy; `is_new` is False where a file with this very content was there already."""

    source: str
    target: str
    is_new: bool

    @property
    def is_renamed(self) -> bool:
        return os.path.basename(self.source) != os.path.basename(self.target)


@dataclass(frozen=True, slots=True)
class NotCopied:
    """A photo that was not copied and why, in words for people."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What became of the keeps: `copies`, companions included, and `failed`; in the order of the result."""

    copies: tuple[Copy, ...]
    failed: tuple[NotCopied, ...]


class SourceError(Exception):
    """An original that cannot be read any more, or is not what it was; `reason` is for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def copy_keeps(
    result: PickResult, folder: str, *, advance: Callable[[], object] = lambda: None
) -> CopyReport:
    """Copy the photos to keep, with their companions, to *folder*; *advance* is called after each photo.

    Each copy keeps its time of change, is read back from the disk and compared by SHA-256. Originals that
    are gone, or not what was judged, are reported as failed. Raises OutputError where *folder* is one of
    the originals' own, is full or cannot be written; its message says how far the copying went.
    """
    refuse_own_folder(result, folder)
    make_folder(folder)
    copies: list[Copy] = []
    failed: list[NotCopied] = []
    stems: set[str] = set()
    keeps = list(result.keeps)
    for photo in keeps:
        try:
            copies += _copy_photo(photo, folder, stems)
        except SourceError as error:
            failed.append(NotCopied(photo.path, error.reason))
        except OSError as error:
            target = os.path.join(folder, os.path.basename(photo.path))
            if error.errno not in _BAD_NAME:
                done = len({copy.source for copy in copies} & {keep.path for keep in keeps})
                raise _could_not_copy(target, error, done, len(keeps)) from error
            failed.append(NotCopied(photo.path, "the disk does not take a file of this name"))
        advance()
    return CopyReport(tuple(copies), tuple(failed))


def refuse_own_folder(result: PickResult, folder: str) -> None:
    """Raise OutputError where a photo of *result* lies in *folder* itself: originals are left alone."""
    target = os.path.realpath(folder)
    for source in sorted({os.path.dirname(photo.path) for ranking in result for photo in ranking.photos}):
        if os.path.realpath(source) == target:
            raise OutputError(f"{folder} is the folder of the originals; choose another one", path=folder)


def copy_verified(source: str, target: str, *, digest: str | None = None) -> None:
    """Copy *source* to *target*, which must not exist, with its time of change, and read the copy back.

    Raises FileExistsError where *target* exists, SourceError where *source* cannot be read or has another
    SHA-256 than *digest*, OutputError where the copy differs, OSError where it cannot be written.
    """
    reading = _Reading(source)
    temporary = stage(target, reading)
    with removed_on_failure(temporary):
        if digest is not None and reading.digest != digest:
            raise SourceError("it has changed since it was judged")
        if _digest_on_disk(temporary) != reading.digest:
            raise OutputError(f"{target} does not read back as it was written; check the disk", path=target)
        os.utime(temporary, ns=(reading.mtime_ns, reading.mtime_ns))
        rename_to_new(temporary, target)
    sync_folder(os.path.dirname(target))


def holds(path: str, source: str, *, digest: str | None = None) -> bool:
    """Whether *path* is a file of its own, not a link, with the content of *source* (SHA-256 *digest*)."""
    status = os.lstat(path)
    try:
        original = os.stat(source)
    except OSError as error:
        raise SourceError(f"it cannot be read any more, {reason_of(error)}") from error
    if not stat.S_ISREG(status.st_mode) or status.st_size != original.st_size:
        return False
    if os.path.samestat(status, original):
        return False  # a second name of the original is no copy
    return _digest_on_disk(path) == (digest or _digest(_Reading(source)))


def name_key(name: str) -> str:
    """Equal for names that some file system takes for the same: in case, or in how accents are composed."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


class _Reading:
    """The chunks of a file; what they added up to once all were read."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._sum = hashlib.sha256()
        self.mtime_ns = 0

    @property
    def digest(self) -> str:
        return self._sum.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        # An error in here must not be taken for one of the file that is being written.
        try:
            with open(self._path, "rb", buffering=0) as file:
                self.mtime_ns = os.fstat(file.fileno()).st_mtime_ns
                while chunk := file.read(CHUNK_BYTES):
                    self._sum.update(chunk)
                    yield chunk
        except OSError as error:
            raise SourceError(f"it cannot be read any more, {reason_of(error)}") from error


def _copy_photo(photo: Photo, folder: str, stems: set[str]) -> list[Copy]:
    digests = {photo.path: photo.digest}
    sources = (photo.path, *photo.companions)
    for number in itertools.count(1):
        plan = {
            source: os.path.join(folder, _numbered(os.path.basename(source), number)) for source in sources
        }
        keys = {name_key(os.path.splitext(target)[0]) for target in plan.values()}
        if keys & stems:
            continue
        there = {source for source, target in plan.items() if os.path.lexists(target)}
        if not all(holds(plan[source], source, digest=digests.get(source)) for source in there):
            continue
        try:
            for source in sources:
                if source not in there:
                    copy_verified(source, plan[source], digest=digests.get(source))
        except FileExistsError:  # somebody else has been quicker
            continue
        stems |= keys
        return [Copy(source, plan[source], source not in there) for source in sources]
    raise AssertionError("there is always another number")


def _numbered(name: str, number: int) -> str:
    stem, extension = os.path.splitext(name)
    return name if number == 1 else f"{stem} ({number}){extension}"


def _digest(chunks: Iterable[bytes]) -> str:
    total = hashlib.sha256()
    for chunk in chunks:
        total.update(chunk)
    return total.hexdigest()


def _digest_on_disk(path: str) -> str:
    """SHA-256 of what the disk holds, as far as the system lets itself be asked to forget its own copy."""
    with open(path, "rb", buffering=0) as file:
        if sys.platform == "linux":
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return _digest(iter(lambda: file.read(CHUNK_BYTES), b""))


def _could_not_copy(target: str, error: OSError, done: int, wanted: int) -> OutputError:
    plain = could_not_write(target, error)
    return OutputError(f"{plain.message} ({done} of {wanted} photos are copied)", path=target)
