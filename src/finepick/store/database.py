"""The cache: what was found out about photos and series, kept between runs and shared by processes.

A cache is disposable and never fatal. What is damaged is set aside and made anew; where the disk is full or
read-only, a temporary cache takes over; a newer program's cache is left alone and one of our own made beside
it. Each of these says so once, through `warn`.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import threading
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Self, TypeVar

from finepick.domain import Metadata
from finepick.errors import StoreError
from finepick.features.extraction import FEATURES_VERSION
from finepick.settings import WORKING_SIDE
from finepick.store import statements as sql
from finepick.store.files import MEMORY, DamageError, Database, alone, is_damage, open_database, set_aside
from finepick.store.migrations import MIGRATIONS, NewerSchemaError
from finepick.store.records import CachedPhoto

Clock = Callable[[], datetime]
Warn = Callable[[str], None]
T = TypeVar("T")

DEFAULT_MAX_BYTES = 4 << 30
"""Some 60,000 photos."""

CHUNK = 64
"""Photos read at a time: a few megabytes."""

_DAY = 86_400
_CANNOT_OPEN = (OSError, sqlite3.Error, DamageError, StoreError)


def utc_now() -> datetime:
    return datetime.now(UTC)


def _ignore(message: str) -> None:
    """The warning of a caller who does not want to know."""


class Cache:
    """Digests of files, features and thumbnails of photos, studies of series. Safe to share between threads.

    What a method has remembered when it returns survives the process being killed.
    """

    def __init__(self, folder: str, clock: Clock, warn: Warn, features_version: int, side: int) -> None:
        """Use `Cache.open`."""
        self._folder = folder
        self._databases: list[Database] = []  # the last one is written to; all are read
        self._clock = clock
        self._warn = warn
        self._version = {"features_version": features_version, "working_side": side}
        self._lock = threading.RLock()
        self._used_photos: set[str] = set()
        self._used_studies: set[str] = set()
        self._fallbacks = [self._open_in_memory, self._open_temporary]  # tried from the end
        self._remove_temporary: Callable[[], object] | None = None

    @classmethod
    def open(
        cls,
        folder: str,
        *,
        clock: Clock = utc_now,
        warn: Warn = _ignore,
        features_version: int = FEATURES_VERSION,
        working_side: int = WORKING_SIDE,
    ) -> Self:
        """The cache in *folder*, made where there is none. Never fails: see the module's text.

        Photos are found again only under the same *features_version* and *working_side*.
        """
        cache = cls(folder, clock, warn, features_version, working_side)
        try:
            cache._databases.append(cache._open_in_folder())
        except _CANNOT_OPEN as error:
            cache._go_elsewhere(error)
        return cache

    @property
    def path(self) -> str:
        """The file that is written to."""
        return self._databases[-1].path

    @property
    def size_bytes(self) -> int:
        """How much room the cache takes up, what it could give back included."""
        return sum(
            os.path.getsize(self.path + suffix)
            for suffix in ("", "-wal")
            if os.path.exists(self.path + suffix)
        )

    def close(self) -> None:
        """Note what was used and let go of the file. Safe to call twice."""
        with self._lock:
            if self._databases and (self._used_photos or self._used_studies):
                self._write(self._note_uses, default=None)
            while self._databases:
                self._databases.pop().close()
            if self._remove_temporary is not None:
                self._remove_temporary()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Files

    def digest_of(self, path: str, size: int, mtime_ns: int) -> str | None:
        """The digest of the file at *path* if it still has this size and time of change."""
        return self.digests_of([(path, size, mtime_ns)]).get(path)

    def digests_of(self, states: Iterable[tuple[str, int, int]]) -> dict[str, str]:
        """Digests of the files (path, size, time of change in ns) that are known and unchanged, by path."""
        wanted = {path: (size, mtime_ns) for path, size, mtime_ns in states}

        def look(raw: sqlite3.Connection) -> dict[str, str]:
            found = {}
            for path, state in wanted.items():
                row = raw.execute(sql.FIND_FILE, {"path": _key(path)}).fetchone()
                if row is not None and row[:2] == state:
                    found[path] = row[2]
            return found

        return self._read_all(look)

    def remember_file(self, path: str, size: int, mtime_ns: int, digest: str) -> None:
        """Let this size and time stand for the *digest* of the file at *path* from now on."""
        row = self._file_row(path, size, mtime_ns, digest)
        if row is not None:
            self._write(lambda raw: raw.execute(sql.REMEMBER_FILE, row), default=None)

    # Photos

    def photo(self, digest: str) -> CachedPhoto | None:
        """All that is known of the photo with this *digest*."""
        features = dict(self.features_of([digest])).get(digest)
        metadata = self.metadata_of([digest]).get(digest)
        if features is None or metadata is None:
            return None
        return CachedPhoto(digest, metadata, features, self.thumbnail(digest))

    def metadata_of(self, digests: Iterable[str]) -> dict[str, Metadata]:
        """Metadata of those of *digests* that are known."""
        texts = self._contents(sql.FIND_METADATA, "metadata", digests)
        decoded = ((digest, Metadata.from_json(text)) for digest, text in texts)
        return {digest: metadata for digest, metadata in decoded if metadata is not None}

    def features_of(self, digests: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Digest and features of those of *digests* that are known, in that order, read in chunks."""
        return self._contents(sql.FIND_FEATURES, "features", digests)

    def thumbnails_of(self, digests: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Digest and thumbnail of those of *digests* that have one here, in that order."""
        return self._contents(sql.FIND_THUMBNAIL, "thumbnail", digests)

    def thumbnail(self, digest: str) -> bytes | None:
        return dict(self.thumbnails_of([digest])).get(digest)

    def remember_photo(self, path: str, size: int, mtime_ns: int, photo: CachedPhoto) -> None:
        """Keep *photo* and that the file at *path* is it, in one commit.

        Size and time must be from before the file was read, so that a later change cannot go unnoticed.
        """
        texts = {
            "metadata": photo.metadata.to_json().encode(),
            "features": photo.features,
            "thumbnail": photo.thumbnail,
        }
        row = self._file_row(path, size, mtime_ns, photo.digest)

        def remember(raw: sqlite3.Connection) -> None:
            name = {"digest": photo.digest, **self._version}
            old = raw.execute(sql.FIND_PHOTO_BLOBS, name).fetchone() or ()
            raw.executemany(sql.FORGET_BLOB, [{"blob": blob} for blob in old if blob is not None])
            contents = {kind: _keep(raw, _part(photo.digest, kind), text) for kind, text in texts.items()}
            raw.execute(sql.REMEMBER_PHOTO, {**name, **contents, "used_at": self._now()})
            if row is not None:
                raw.execute(sql.REMEMBER_FILE, row)

        self._write(remember, default=None)

    # Studies

    def study(self, key: str) -> bytes | None:
        """What was remembered under *key*: a judgement, an alignment."""

        def look(raw: sqlite3.Connection) -> dict[str, bytes]:
            row = raw.execute(sql.FIND_STUDY, {"key": key}).fetchone()
            return {key: row[0]} if row is not None and _is_sound(key, *row) else {}

        found = self._read_all(look).get(key)
        if found is not None:
            with self._lock:
                self._used_studies.add(key)
        return found

    def remember_study(self, key: str, kind: str, blob: bytes) -> None:
        """Keep *blob* under *key*; *kind* says what it is, for people who look into the file."""

        def remember(raw: sqlite3.Connection) -> None:
            old = raw.execute(sql.FIND_STUDY_BLOB, {"key": key}).fetchall()
            raw.executemany(sql.FORGET_BLOB, [{"blob": blob} for (blob,) in old])
            content = _keep(raw, key, blob)
            raw.execute(
                sql.REMEMBER_STUDY, {"key": key, "kind": kind, "content": content, "used_at": self._now()}
            )

        self._write(remember, default=None)

    # Housekeeping

    def prune(self, max_bytes: int = DEFAULT_MAX_BYTES) -> int:
        """Forget what was not used for longest until at most *max_bytes* are in use; return how many went."""

        def forget(raw: sqlite3.Connection) -> int:
            self._note_uses(raw)
            before = used = _bytes_used(raw)
            while used > max_bytes and _forget_oldest(raw):
                used = _bytes_used(raw)
            if used < before:
                raw.execute(sql.FORGET_FILES)
            return before - used

        freed = self._write(forget, default=0)
        if freed:
            self._read(self._databases[-1], _give_back_space, None)
        return freed

    def _note_uses(self, raw: sqlite3.Connection) -> None:
        """Mark what was read as used now; at most once a day each, so that reading stays cheap."""
        now = self._now()
        when = {"now": now, "before": now - _DAY}
        version = {"version": self._version["features_version"], "side": self._version["working_side"]}
        raw.executemany(sql.USE_PHOTO, [{"wanted": digest} | version | when for digest in self._used_photos])
        raw.executemany(sql.USE_STUDY, [{"wanted": key, **when} for key in self._used_studies])
        self._used_photos.clear()
        self._used_studies.clear()

    def _now(self) -> int:
        return int(self._clock().timestamp())

    def _file_row(self, path: str, size: int, mtime_ns: int, digest: str) -> dict[str, object] | None:
        """The row to remember; None for a file changed so lately that another change might not show."""
        # Clocks of file systems tick every 10 ms or so, FAT's every two seconds.
        tick = 2.0 if mtime_ns % 1_000_000_000 == 0 else 0.05
        if abs(self._clock().timestamp() - mtime_ns / 1e9) < tick:
            return None
        return {"path": _key(path), "size": size, "mtime_ns": mtime_ns, "digest": digest}

    # Reading and writing, come what may

    def _contents(self, statement: str, kind: str, digests: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        remaining = iter(digests)
        while chunk := list(islice(remaining, CHUNK)):
            found = self._read_all(partial(self._look_up, statement, kind, chunk))
            with self._lock:
                self._used_photos.update(found)
            yield from ((digest, found[digest]) for digest in chunk if digest in found)

    def _look_up(
        self, statement: str, kind: str, digests: Sequence[str], raw: sqlite3.Connection
    ) -> dict[str, bytes]:
        found = {}
        for digest in digests:
            row = raw.execute(statement, {"digest": digest, **self._version}).fetchone()
            if row is not None and _is_sound(_part(digest, kind), *row):
                found[digest] = row[0]
        return found

    def _read_all(self, look: Callable[[sqlite3.Connection], dict[str, T]]) -> dict[str, T]:
        """What *look* finds in any of the databases; the one that is written to is believed first."""
        with self._lock:
            found: dict[str, T] = {}
            for database in list(self._databases):
                nothing: dict[str, T] = {}
                found |= self._read(database, look, nothing)
            return found

    def _read(self, database: Database, look: Callable[[sqlite3.Connection], T], default: T) -> T:
        with self._lock:
            try:
                return look(database.raw)
            except sqlite3.Error as error:
                if is_damage(error) and not database.is_in_memory:
                    self._replace(database, error)
                return default

    def _write(self, change: Callable[[sqlite3.Connection], T], *, default: T) -> T:
        """Make *change* in one transaction; where that fails, in the next database that can take it."""
        with self._lock:
            for _ in range(3):  # the file, a new or a temporary one, memory
                if not self._databases:
                    break
                database = self._databases[-1]
                try:
                    return _transact(database.raw, change)
                except sqlite3.Error as error:
                    if is_damage(error) and not database.is_in_memory:
                        self._replace(database, error)
                    else:
                        self._go_elsewhere(error)
            return default

    # Opening, and what to do when that fails

    def _open_in_folder(self) -> Database:
        os.makedirs(self._folder, exist_ok=True)
        path = os.path.join(self._folder, "cache.sqlite3")
        with alone(self._folder):
            try:
                return self._open_or_replace(path)
            except NewerSchemaError:
                # Two versions side by side must not take turns in throwing away each other's work.
                return self._open_or_replace(os.path.join(self._folder, f"cache-{len(MIGRATIONS)}.sqlite3"))

    def _open_or_replace(self, path: str) -> Database:
        try:
            return open_database(path)
        except NewerSchemaError:
            raise
        except (DamageError, StoreError) as error:
            aside = set_aside(path, self._clock())
            self._warn(f"the cache was damaged ({error}) and is now {aside}; a new one is being made")
            return open_database(path)

    def _replace(self, database: Database, error: Exception) -> None:
        """Set the file of *database* aside and go on with a new one."""
        place = self._databases.index(database)
        database.close()
        try:
            with alone(os.path.dirname(database.path)):
                if database.is_still_there:  # else another process has been here already
                    aside = set_aside(database.path, self._clock())
                    self._warn(f"the cache was damaged ({error}) and is now {aside}; a new one is being made")
                self._databases[place] = self._open_or_replace(database.path)
        except _CANNOT_OPEN as further:
            del self._databases[place]
            self._go_elsewhere(further)

    def _go_elsewhere(self, error: Exception) -> None:
        """Write to a temporary file from now on, or to memory where even that cannot be."""
        if len(self._fallbacks) == 2:
            why = f"the cache in {self._folder} cannot be written ({error})"
            self._warn(f"{why}; what is found out now will not be remembered")
        while self._fallbacks:
            try:
                self._databases.append(self._fallbacks.pop()())
                return
            except _CANNOT_OPEN:
                continue

    def _open_temporary(self) -> Database:
        folder = tempfile.mkdtemp(prefix="finepick-cache-")
        self._remove_temporary = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return open_database(os.path.join(folder, "cache.sqlite3"))

    def _open_in_memory(self) -> Database:
        return open_database(MEMORY)


def _key(path: str) -> bytes:
    return os.fsencode(os.path.abspath(path))


def _part(digest: str, kind: str) -> str:
    """The owner of one blob of a photo: a reference gone wrong must not lead to another of the same photo."""
    return f"{kind} of {digest}"


def _transact(raw: sqlite3.Connection, change: Callable[[sqlite3.Connection], T]) -> T:
    raw.execute(sql.BEGIN)
    try:
        outcome = change(raw)
        raw.execute(sql.COMMIT)
    except BaseException:
        if raw.in_transaction:  # SQLite has already rolled back after some errors
            raw.execute(sql.ROLLBACK)
        raise
    return outcome


def _keep(raw: sqlite3.Connection, owner: str, content: bytes | None) -> int | None:
    """The id under which *content* is kept."""
    if content is None:
        return None
    return raw.execute(sql.KEEP_BLOB, {"checksum": _checksum(owner, content), "content": content}).lastrowid


def _checksum(owner: str, content: bytes) -> int:
    return zlib.crc32(content, zlib.crc32(owner.encode("utf-8", "surrogatepass")))


def _is_sound(owner: str, content: object, checksum: object) -> bool:
    return isinstance(content, bytes) and _checksum(owner, content) == checksum


def _bytes_used(raw: sqlite3.Connection) -> int:
    pages, free, size = (
        raw.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _give_back_space(raw: sqlite3.Connection) -> None:
    # One step of this statement frees one page; only `executescript` takes all the steps.
    raw.executescript("PRAGMA incremental_vacuum")


def _forget_oldest(raw: sqlite3.Connection, most: int = 32) -> bool:
    """Forget the photos and studies that were not used for longest; False where there are none left."""
    candidates = [
        (used_at, forget, *row)
        for oldest, forget in ((sql.OLDEST_PHOTOS, sql.FORGET_PHOTO), (sql.OLDEST_STUDIES, sql.FORGET_STUDY))
        for used_at, *row in raw.execute(oldest, {"most": most, "first": 0})
    ]
    candidates.sort(key=lambda row: row[0])
    for _, forget, wanted, *contents in candidates[:most]:
        raw.execute(forget, {"wanted": wanted})
        raw.executemany(sql.FORGET_BLOB, [{"blob": blob} for blob in contents if blob is not None])
    return bool(candidates)
