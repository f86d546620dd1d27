"""Files that are either there in full or not there at all: a temporary neighbour, fsync, then a rename."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator

from finepick.errors import OutputError

_NEW_FILE = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your share of the disk is used up",
    errno.EFBIG: "it is larger than this disk allows",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the disk is read-only",
    errno.ENOENT: "it does not exist",
    errno.ENOTDIR: "a part of the path is not a folder",
    errno.EISDIR: "it is a folder",
    errno.EIO: "the disk reports an error",
    errno.ENAMETOOLONG: "the name is too long",
}


def atomic_write(
    path: str, content: bytes | Iterable[bytes], *, mode: int | None = None, mtime_ns: int | None = None
) -> None:
    """Write *content* (bytes or chunks) to *path*, which holds the old content until it has all of the new.

    *mode* (permission bits) and *mtime_ns* are set where given; else the process' umask and the time decide.
    A link at *path* is replaced, never followed. Raises OutputError; nothing half-written stays behind.
    """
    try:
        temporary = stage(path, content, mode=mode, mtime_ns=mtime_ns)
        with removed_on_failure(temporary):
            os.replace(temporary, path)
        sync_folder(os.path.dirname(path))
    except OSError as error:
        raise could_not_write(path, error) from error


def write_by_part(path: str, content: bytes) -> None:
    """Write *content* to *path*, whole or not at all, by way of a neighbour that the next run writes over.

    For runs that go on: what a kill leaves behind has a name, and goes. Raises OSError.
    """
    with open(path + ".part", "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".part", path)


def make_folder(folder: str) -> None:
    """Make *folder* and what is missing above it. Raises OutputError."""
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        if isinstance(error, FileExistsError):
            raise OutputError(f"{folder} is not a folder; choose another name", path=folder) from error
        raise could_not_write(folder, error) from error


def stage(
    path: str, content: bytes | Iterable[bytes], *, mode: int | None = None, mtime_ns: int | None = None
) -> str:
    """Write *content* to a hidden temporary file beside *path*, down to the disk, and return its name.

    Raises OSError, and leaves nothing behind then.
    """
    if os.path.lexists(path) and not _may_be_replaced(path):
        raise IsADirectoryError(errno.EISDIR, "not a file", path)
    # A name of its own, not one derived from `path`, which may already be as long as a name can be.
    temporary = os.path.join(os.path.dirname(path), f".finepick-{secrets.token_hex(8)}.part")
    descriptor = os.open(temporary, _NEW_FILE, 0o666)
    with removed_on_failure(temporary):
        with os.fdopen(descriptor, "wb") as file:
            for chunk in (content,) if isinstance(content, bytes) else content:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            os.chmod(temporary, mode)
        if mtime_ns is not None:
            os.utime(temporary, ns=(mtime_ns, mtime_ns))
    return temporary


@contextlib.contextmanager
def removed_on_failure(temporary: str) -> Iterator[None]:
    """Remove *temporary* where the block fails or is interrupted."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def rename_to_new(temporary: str, target: str) -> None:
    """Rename *temporary*, but never over a file that is there. Raises FileExistsError."""
    if os.name == "nt":
        os.rename(temporary, target)
        return
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:  # FAT and some network disks know no second names
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, "exists", target) from None
        os.rename(temporary, target)
    else:
        os.unlink(temporary)


def sync_folder(folder: str) -> None:
    """See to it that a rename in *folder* survives a power cut, where the system can promise that."""
    if os.name == "nt":  # folders cannot be opened there; NTFS journals names by itself
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder or ".", os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def reason_of(error: OSError) -> str:
    """What went wrong, in words for people."""
    if error.errno in _REASONS:
        return _REASONS[error.errno]
    return (error.strerror or str(error)).lower()


def could_not_write(path: str, error: OSError) -> OutputError:
    """The error to raise for *path*: what happened, to what, what to do."""
    advice = "make room" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "choose another place"
    reason = "its folder does not exist" if error.errno == errno.ENOENT else reason_of(error)
    return OutputError(f"{path} cannot be written, {reason}; {advice} and try again", path=path)


def _may_be_replaced(path: str) -> bool:
    mode = os.lstat(path).st_mode
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)
