"""Numbered steps from an empty file to the present tables, and the runner.

A step is never changed once released; a change to the tables is a new step at the end. Steps hold their own
SQL, because `schema` moves on. The number of the last step taken is the file's `user_version`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from finepick.errors import StoreError
from finepick.store.schema import APPLICATION_ID

Step = Callable[[Connection], None]


class NewerSchemaError(StoreError):
    """A newer Finepick has written this file; it is to be left alone."""


def migrate(connection: Connection, steps: Sequence[Step] | None = None) -> None:
    """Take the steps that the file behind *connection* lacks, all or none.

    Raises NewerSchemaError where the file is ahead of *steps*, StoreError where it is no cache of ours.
    """
    steps = MIGRATIONS if steps is None else steps
    if check_origin(connection, steps) == len(steps):
        return
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        version = check_origin(connection, steps)  # again: another process may have been quicker
        for step in steps[version:]:
            step(connection)
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.exec_driver_sql(f"PRAGMA user_version = {len(steps)}")
    except BaseException:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


def check_origin(connection: Connection, steps: Sequence[Step] | None = None) -> int:
    """The number of steps the file has taken. Only reads; raises as `migrate` does."""
    steps = MIGRATIONS if steps is None else steps
    version = _one(connection, "PRAGMA user_version")
    if _one(connection, "PRAGMA application_id") != APPLICATION_ID:
        if _one(connection, "SELECT count(*) FROM sqlite_master"):
            raise StoreError("this is a database of another program; move it away")
        return 0
    if version > len(steps):
        raise NewerSchemaError("a newer Finepick has written this cache; update Finepick")
    return version


def _one(connection: Connection, statement: str) -> int:
    return int(connection.exec_driver_sql(statement).scalar_one())


def _1_first_tables(connection: Connection) -> None:
    for statement in (
        "CREATE TABLE files (path BLOB NOT NULL, size BIGINT NOT NULL, mtime_ns BIGINT NOT NULL,"
        " digest TEXT NOT NULL, PRIMARY KEY (path)) WITHOUT ROWID",
        "CREATE INDEX files_by_digest ON files (digest)",
        "CREATE TABLE blobs (id INTEGER NOT NULL, checksum BIGINT NOT NULL, content BLOB NOT NULL,"
        " PRIMARY KEY (id))",
        "CREATE TABLE photos (id INTEGER NOT NULL, digest TEXT NOT NULL, features_version INTEGER NOT NULL,"
        " working_side INTEGER NOT NULL, metadata INTEGER NOT NULL, features INTEGER NOT NULL,"
        " thumbnail INTEGER, used_at BIGINT NOT NULL, PRIMARY KEY (id),"
        " UNIQUE (digest, features_version, working_side))",
        'CREATE TABLE studies ("key" TEXT NOT NULL, kind TEXT NOT NULL, content INTEGER NOT NULL,'
        ' used_at BIGINT NOT NULL, PRIMARY KEY ("key"))',
    ):
        connection.exec_driver_sql(statement)


MIGRATIONS: tuple[Step, ...] = (_1_first_tables,)
