"""Connections to a project's database: SQLite in its folder, or a PostgreSQL server by URL."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from importlib.util import find_spec

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from finepick.errors import MissingExtraError, StoreError, UsageError

BUSY_SECONDS = 30.0


def sqlite_engine(path: str) -> Engine:
    """An engine for the SQLite file *path*; what is committed there survives a power cut."""
    with contextlib.suppress(OSError):  # SQLite says better what is wrong with a place
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # answers have names: not for everybody
    engine = create_engine(
        URL.create("sqlite", database=path),
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        isolation_level="AUTOCOMMIT",  # transactions are begun by hand, see `transaction`
    )

    @event.listens_for(engine, "connect")
    def _prepare(driver: sqlite3.Connection, _: object) -> None:
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "trusted_schema = OFF",
        ):
            driver.execute(f"PRAGMA {pragma}")

    return engine


def server_engine(url: str) -> Engine:
    """An engine for the PostgreSQL server at *url*. Raises UsageError, MissingExtraError."""
    parsed = parse_server_url(url)
    if find_spec("psycopg") is None:
        raise MissingExtraError("A project on PostgreSQL", extra="postgres")
    return create_engine(
        parsed.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT", pool_pre_ping=True
    )


def parse_server_url(url: str) -> URL:
    """*url* taken apart. Raises UsageError where it is none, or holds a password, which would be written down."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise UsageError("--database takes a URL such as postgresql://user@host/name") from error
    if parsed.get_backend_name() != "postgresql":
        raise UsageError("--database takes postgresql://user@host/name; SQLite needs no URL")
    if parsed.password or "password" in parsed.query:
        raise UsageError(
            "the URL of the database is written into the project and must hold no password; "
            "put it into PGPASSWORD or ~/.pgpass"
        )
    return parsed


@contextlib.contextmanager
def transaction(engine: Engine, where: str) -> Iterator[Connection]:
    """A connection in a transaction that is committed at the end, or rolled back where the block fails.

    Raises StoreError, which names *where*, for what the database says.
    """
    with reading(engine, where) as connection:
        begin = "BEGIN IMMEDIATE" if engine.dialect.name == "sqlite" else "BEGIN"
        connection.exec_driver_sql(begin)
        try:
            yield connection
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            with contextlib.suppress(DBAPIError):
                connection.exec_driver_sql("ROLLBACK")
            raise


@contextlib.contextmanager
def reading(engine: Engine, where: str) -> Iterator[Connection]:
    """A connection on which every statement stands for itself. Raises StoreError as `transaction` does."""
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        said = (str(error.orig).strip().splitlines() or ["no reason given"])[0]
        raise StoreError(f"the project's database {where} cannot be used: {said}") from error


def display(url: str) -> str:
    """*url* for people and messages, without anything secret."""
    return make_url(url).render_as_string(hide_password=True)


def is_file_of_sqlite(path: str) -> bool:
    """Whether *path* is a regular file that SQLite may open; to open a pipe would wait for ever."""
    return os.path.isfile(path)
