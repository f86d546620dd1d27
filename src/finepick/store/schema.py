"""The cache's tables as they are now; `migrations` is how a file gets there."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

APPLICATION_ID = 0x46504B31
"""What SQLite keeps in the file's header: "FPK1"."""

tables = MetaData()

# Size and time of a file stand for its hash. A path is bytes: absolute, and any name survives.
files = Table(
    "files",
    tables,
    Column("path", LargeBinary, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Index("files_by_digest", "digest"),
    sqlite_with_rowid=False,
)

# Blobs lie apart: what changes often (the last use) can then be written without rewriting them. The checksum
# is over the owner's name and the content, because SQLite itself does not notice a flipped bit.
blobs = Table(
    "blobs",
    tables,
    Column("id", Integer, primary_key=True),
    Column("checksum", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

photos = Table(
    "photos",
    tables,
    Column("id", Integer, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("features_version", Integer, nullable=False),
    Column("working_side", Integer, nullable=False),
    Column("metadata", Integer, nullable=False),
    Column("features", Integer, nullable=False),
    Column("thumbnail", Integer),
    Column("used_at", BigInteger, nullable=False),
    UniqueConstraint("digest", "features_version", "working_side"),
)

studies = Table(
    "studies",
    tables,
    Column("key", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("content", Integer, nullable=False),
    Column("used_at", BigInteger, nullable=False),
)
