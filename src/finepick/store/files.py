"""The SQLite file below the cache: opening, checking, locking, setting aside."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from finepick.store.migrations import check_origin, migrate
from finepick.store.schema import tables

BUSY_SECONDS = 30.0
LOCK_SECONDS = 10.0
MEMORY = ":memory:"
SIDE_FILES = ("", "-wal", "-shm")

_DAMAGE_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR)


class DamageError(Exception):
    """The file is not a cache that can be used: it is to be set aside."""


class Database:
    """One SQLite file and the one connection to it."""

    def __init__(self, path: str, connection: Connection) -> None:
        self.path = path
        self._connection = connection
        self._identity = _identity(path)

    @property
    def raw(self) -> sqlite3.Connection:
        """The driver's connection: no layer between the hot statements and SQLite."""
        driver = self._connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        return driver

    @property
    def is_in_memory(self) -> bool:
        return self.path == MEMORY

    @property
    def is_still_there(self) -> bool:
        """Whether the file at `path` is the one that was opened, and not one that has taken its place."""
        return _identity(self.path) == self._identity

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
            self._connection.engine.dispose()


def open_database(path: str) -> Database:
    """The cache in the file *path* (or in `MEMORY`), made or brought up to date where needed.

    Raises DamageError where the file is damaged or has other tables, NewerSchemaError where a newer program
    wrote it, sqlite3.Error where the place does not allow it (read-only, full, locked for 30 seconds).
    """
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False),
        poolclass=StaticPool,
        isolation_level="AUTOCOMMIT",  # transactions are begun by hand: IMMEDIATE, never upgraded half-way
    )
    try:
        connection = engine.connect()
        try:
            _prepare(connection)
        except BaseException:
            connection.close()
            raise
        return Database(path, connection)
    except DBAPIError as error:
        engine.dispose()
        if isinstance(error.orig, sqlite3.Error) and not is_damage(error.orig):
            raise error.orig from error
        raise DamageError(str(error.orig)) from error
    except BaseException:
        engine.dispose()
        raise


def is_damage(error: sqlite3.Error) -> bool:
    """Whether *error* speaks of the file's content, rather than of the place or of another process."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is None or code & 0xFF in _DAMAGE_CODES


def set_aside(path: str, now: datetime) -> str:
    """Rename the cache at *path*, with what belongs to it, and return its new name.

    Only the last one that was set aside is kept. Raises OSError.
    """
    for old in glob.glob(glob.escape(path) + ".damaged-*"):
        with contextlib.suppress(OSError):
            os.unlink(old)
    target = f"{path}.damaged-{now:%Y%m%dT%H%M%S}"
    # The write-ahead log goes first: a new file must never find the log of the old one beside it.
    for suffix in reversed(SIDE_FILES):
        with contextlib.suppress(FileNotFoundError):
            os.replace(path + suffix, target + suffix)
    return target


@contextlib.contextmanager
def alone(folder: str) -> Iterator[None]:
    """Hold the folder's lock: one process at a time makes, migrates or sets aside the cache.

    Where the file system knows no locks, or another process does not let go of this one, go on without: a
    stopped process must not stop the others.
    """
    descriptor = os.open(os.path.join(folder, "cache.lock"), os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _wait_for_lock(descriptor)
        yield
    finally:
        os.close(descriptor)  # releases the lock as well


def _prepare(connection: Connection) -> None:
    if check_origin(connection) == 0:
        connection.exec_driver_sql("PRAGMA auto_vacuum = INCREMENTAL")  # lets `prune` give space back
        connection.exec_driver_sql("PRAGMA page_size = 8192")  # blobs are some 30 kB
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",  # survives a kill; a power cut loses the last photos, never the file
        "cell_size_check = ON",
        "trusted_schema = OFF",
    ):
        connection.exec_driver_sql(f"PRAGMA {pragma}")
    migrate(connection)
    for table in tables.sorted_tables:
        columns = [row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table.name})")]
        if columns != [column.name for column in table.columns]:
            raise DamageError(f"the table {table.name} is not as it should be")


def _wait_for_lock(descriptor: int) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return _lock(descriptor)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES) or time.monotonic() > deadline:
                return None
            time.sleep(0.02)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
