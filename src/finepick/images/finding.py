"""Paths in, photos out: which files are pictures, which are not, and which RAW and JPEG are one photo."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.util import find_spec

from finepick.domain import Skipped, Stage
from finepick.errors import MissingExtraError, PathNotFoundError, PathVanishedError
from finepick.images.formats import HEAD_BYTES, JPEG_EXTENSIONS, PictureFormat, has_picture_extension, sniff


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A picture file: `path` as the user spelt it, `size` in bytes, `mtime_ns`, and the JPEG beside a RAW."""

    path: str
    size: int
    mtime_ns: int
    companions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Photos in the order of the arguments, by path below each; what was skipped; how much was no picture."""

    files: tuple[FoundFile, ...]
    skipped: tuple[Skipped, ...]
    ignored: int


def find_photos(paths: Sequence[str], *, leave_out: Iterable[str] = ()) -> Found:
    """Every photo that *paths* name or hold, each once, under the first spelling that leads to it.

    Folders are walked to the bottom; hidden entries, the folders *leave_out* (those that results go to) and the
    pictures beside a report of ours are left out. A path that is named is read whatever it is.
    Raises PathNotFoundError for a path that does not exist, PathVanishedError for one that went away midway.
    """
    search = _Search(left_out=frozenset(map(os.path.realpath, leave_out)))
    for path in paths:
        search.add_root(path)
    return search.result()


def companions_of(file: FoundFile) -> list[FoundFile]:
    """The companions of *file* as files of their own; those that are gone are left out."""
    found = []
    for path in file.companions:
        with suppress(OSError):
            status = os.stat(path)
            found.append(FoundFile(path, status.st_size, status.st_mtime_ns))
    return found


@dataclass(frozen=True, slots=True)
class _Hit:
    """A picture before pairing. `place`: its real folder and its stem, which one photo's files share."""

    file: FoundFile
    format: PictureFormat
    place: tuple[str, str]


@dataclass(slots=True)
class _Search:
    """What has been seen so far; real paths tell whether two spellings are one thing."""

    left_out: frozenset[str] = frozenset()
    hits: list[_Hit] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    ignored: int = 0
    seen_files: set[str] = field(default_factory=set)
    seen_folders: set[str] = field(default_factory=set)
    unusable_places: set[tuple[str, str]] = field(default_factory=set)

    def add_root(self, path: str) -> None:
        first_hit, first_skip = len(self.hits), len(self.skipped)
        try:
            mode = os.stat(path).st_mode
        except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name
            if not (_is_link(path) and has_picture_extension(path)):
                raise PathNotFoundError(
                    f"'{_printable(path)}' does not exist; check the spelling", path=path
                ) from None
            self._skip(path, "a link to a file that is not there")
            return
        except OSError as error:
            self._skip(path, _io_reason(error))
            return
        if stat.S_ISDIR(mode):
            self._walk(path)
        else:
            real_folder = os.path.realpath(os.path.dirname(path) or os.curdir)
            self._add_file(path, os.path.basename(path), real_folder, mode, is_link=_is_link(path))
        self.hits[first_hit:] = sorted(self.hits[first_hit:], key=lambda hit: hit.file.path)
        self.skipped[first_skip:] = sorted(self.skipped[first_skip:], key=lambda skipped: skipped.path)

    def result(self) -> Found:
        hits = self.hits if is_raw_readable() else list(self._without_raw())
        return Found(tuple(_pair(hits, self.unusable_places)), tuple(self.skipped), self.ignored)

    def _without_raw(self) -> Iterator[_Hit]:
        for hit in self.hits:
            if hit.format is PictureFormat.RAW:
                self._skip(hit.file.path, MissingExtraError("Reading RAW files", extra="raw").message)
            else:
                yield hit

    def _walk(self, root: str) -> None:
        # A stack, not recursion: folders may be nested deeper than Python likes to call.
        pending = [(root, False)]
        while pending:
            folder, is_link = pending.pop()
            real_folder = os.path.realpath(folder)
            if real_folder in self.seen_folders:
                if is_link:
                    self._skip(folder, "a link to a folder that was already searched")
                continue
            self.seen_folders.add(real_folder)
            if folder != root and (real_folder in self.left_out or _is_of_a_report(real_folder)):
                continue
            try:
                with os.scandir(folder) as entries:
                    visible = sorted((e for e in entries if not _is_hidden(e)), key=lambda entry: entry.name)
            except OSError as error:
                _require_root(root)
                self._skip(folder, _io_reason(error, "this folder"))
                continue
            pending.extend(reversed([*self._add_entries(visible, real_folder)]))

    def _add_entries(
        self, entries: Sequence[os.DirEntry[str]], real_folder: str
    ) -> Iterator[tuple[str, bool]]:
        """Adds the files among *entries*; yields the folders, with whether each is a link."""
        for entry in entries:
            try:
                is_link = entry.is_symlink() or _is_junction(entry)
                if entry.is_dir():
                    yield entry.path, is_link
                elif entry.is_file() and not is_link:
                    self._add_file(entry.path, entry.name, real_folder, stat.S_IFREG, is_link=False)
                else:
                    self._add_odd(entry, real_folder)
            except OSError as error:
                self._reject(entry.path, entry.name, real_folder, _io_reason(error))

    def _add_odd(self, entry: os.DirEntry[str], real_folder: str) -> None:
        """Adds a link, or turns away what is no regular file, without opening it."""
        try:
            mode = os.stat(entry.path).st_mode
        except OSError as error:
            is_gone = error.errno == errno.ENOENT and entry.is_symlink()
            reason = "a link to a file that is not there" if is_gone else _io_reason(error)
            self._reject(entry.path, entry.name, real_folder, reason)
            return
        self._add_file(entry.path, entry.name, real_folder, mode, is_link=entry.is_symlink())

    def _add_file(self, path: str, name: str, real_folder: str, mode: int, *, is_link: bool) -> None:
        real_path = os.path.realpath(path) if is_link else os.path.join(real_folder, name)
        real_path = os.path.normcase(real_path)
        if real_path in self.seen_files:
            return
        self.seen_files.add(real_path)
        if not stat.S_ISREG(mode):
            self._reject(path, name, real_folder, f"not a picture file but {_kind(mode)}")
            return
        try:
            head, status = _read_head(path)
        except OSError as error:
            self._reject(path, name, real_folder, _io_reason(error))
            return
        if not stat.S_ISREG(status.st_mode):
            self._reject(path, name, real_folder, f"not a picture file but {_kind(status.st_mode)}")
            return
        found = sniff(head, name)
        if found is None:
            self._reject(path, name, real_folder, _no_picture_reason(head))
        elif not found.is_readable:
            self._skip(path, f"{found.label} pictures cannot be read yet")
            self.unusable_places.add((real_folder, os.path.splitext(name)[0]))
        else:
            file = FoundFile(path, status.st_size, status.st_mtime_ns)
            self.hits.append(_Hit(file, found, (real_folder, os.path.splitext(name)[0])))

    def _reject(self, path: str, name: str, real_folder: str, reason: str) -> None:
        """Reports a file that claims to be a picture, counts any other."""
        if has_picture_extension(name):
            self._skip(path, reason)
            self.unusable_places.add((real_folder, os.path.splitext(name)[0]))
        else:
            self.ignored += 1

    def _skip(self, path: str, reason: str) -> None:
        self.skipped.append(Skipped(path, Stage.FIND, reason))


@cache
def is_raw_readable() -> bool:
    """Whether the extra `raw` is installed."""
    return find_spec("rawpy") is not None


def _pair(hits: Sequence[_Hit], unusable: set[tuple[str, str]]) -> Iterator[FoundFile]:
    """*hits* with every JPEG that goes with exactly one RAW, and nothing else, made that RAW's companion."""
    raw_places = {hit.place for hit in hits if hit.format is PictureFormat.RAW}
    sharing: dict[tuple[str, str], list[_Hit]] = {place: [] for place in raw_places - unusable}
    for hit in hits:
        if hit.place in sharing:
            sharing[hit.place].append(hit)
    jpeg_of = {}
    for place, together in sharing.items():
        jpegs = [hit for hit in together if _is_camera_jpeg(hit)]
        if len(together) == 2 and len(jpegs) == 1:
            jpeg_of[place] = jpegs[0].file.path
    for hit in hits:
        jpeg = jpeg_of.get(hit.place)
        if jpeg is None:
            yield hit.file
        elif hit.format is PictureFormat.RAW:
            yield replace(hit.file, companions=(jpeg,))


def _is_camera_jpeg(hit: _Hit) -> bool:
    return hit.format is PictureFormat.JPEG and os.path.splitext(hit.file.path)[1].lower() in JPEG_EXTENSIONS


def _read_head(path: str) -> tuple[bytes, os.stat_result]:
    descriptor = os.open(path, OPEN_FLAGS)
    try:
        status = os.fstat(descriptor)
        head = os.read(descriptor, HEAD_BYTES) if stat.S_ISREG(status.st_mode) else b""
    finally:
        os.close(descriptor)
    return head, status


# O_NONBLOCK: a pipe put in a file's place between looking and opening must not make us wait.
OPEN_FLAGS = (
    os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
)


def _is_of_a_report(folder: str) -> bool:
    """Whether *folder* holds the previews that `exports.report` put beside its page."""
    beside = os.path.join(os.path.dirname(folder), "report.html")
    return os.path.basename(folder) == "report_previews" and os.path.isfile(beside)


def _is_hidden(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith("."):
        return True
    try:
        if sys.platform == "win32":
            attributes = entry.stat(follow_symlinks=False).st_file_attributes
            return bool(attributes & stat.FILE_ATTRIBUTE_HIDDEN)
        if sys.platform == "darwin":
            return bool(entry.stat(follow_symlinks=False).st_flags & stat.UF_HIDDEN)
    except OSError:
        return False
    return False


def _is_junction(entry: os.DirEntry[str]) -> bool:
    """Windows' other kind of folder link, which `is_symlink` does not see (Python 3.12 can tell)."""
    is_junction = getattr(entry, "is_junction", None)
    return bool(is_junction and is_junction())


def _is_link(path: str) -> bool:
    try:
        return os.path.islink(path)
    except ValueError:
        return False


def _require_root(root: str) -> None:
    if not os.path.lexists(root):
        raise PathVanishedError(
            f"'{_printable(root)}' went away while it was searched; was a disk unplugged?", path=root
        )


def _no_picture_reason(head: bytes) -> str:
    if not head:
        return "the file is empty"
    if not any(head):
        return "not a picture: the file begins with zeros only, as after a copy that failed"
    return "not a picture, although its name says so"


_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def _kind(mode: int) -> str:
    return _KINDS.get(stat.S_IFMT(mode), "something else")


_IO_REASONS = {
    errno.ENOENT: "{what} is no longer there",
    errno.ENOTDIR: "{what} is no longer there",
    errno.ESTALE: "{what} is no longer there",
    errno.EACCES: "{what} may not be opened: permission denied",
    errno.EPERM: "{what} may not be opened: permission denied",
    errno.ELOOP: "a link that leads back to itself",
    errno.ENAMETOOLONG: "{what} cannot be opened: its path is too long for this system",
    errno.EIO: "{what} cannot be read: the disk reports an error",
    errno.ENXIO: "{what} cannot be read: the disk reports an error",
}


def _io_reason(error: OSError, what: str = "the file") -> str:
    known = _IO_REASONS.get(error.errno or 0)
    return known.format(what=what) if known else f"{what} cannot be opened: {error.strerror or error}"


def _printable(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode("utf-8")
