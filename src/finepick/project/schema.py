"""The project's tables as they are now; `migrations` is how a database gets there. Rows are added, never removed."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

APPLICATION_ID = 0x46504A31
"""What SQLite keeps in the file's header: "FPJ1"."""

tables = MetaData()

_ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up by itself only what it calls INTEGER


def _refers(to: str, name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, ForeignKey(to), nullable=nullable)


steps_taken = Table("steps_taken", tables, Column("number", Integer, primary_key=True))

settings = Table(
    "settings", tables, Column("key", Text, primary_key=True), Column("value", Text, nullable=False)
)

series = Table(
    "series",
    tables,
    Column("id", _ID, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("category", Text, nullable=False),
    Column("split", Text, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("others", Text, nullable=False),
)

# A photo is its bytes; a path is bytes, too, relative to the project where it lies in its folder.
photos = Table(
    "photos",
    tables,
    Column("id", _ID, primary_key=True),
    Column("digest", Text, unique=True),
    Column("path", LargeBinary),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
)

members = Table(
    "members",
    tables,
    Column("id", _ID, primary_key=True),
    _refers("series.id", "series"),
    _refers("photos.id", "photo"),
    Column("place", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    UniqueConstraint("series", "photo"),
    UniqueConstraint("series", "name"),
)

history = Table(
    "history",
    tables,
    Column("id", _ID, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("kind", Text, nullable=False),
    _refers("members.id", "member", nullable=True),
    Column("before", Text),
    Column("after", Text),
    Column("undoes", BigInteger, ForeignKey("history.id"), unique=True),
)

annotators = Table(
    "annotators",
    tables,
    Column("id", _ID, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("token_hash", Text, unique=True),
    Column("made_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)

answers = Table(
    "answers",
    tables,
    Column("id", _ID, primary_key=True),
    _refers("annotators.id", "annotator"),
    Column("client_id", Text, nullable=False),
    _refers("series.id", "series"),
    _refers("members.id", "first"),
    _refers("members.id", "second"),
    Column("outcome", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("left", BigInteger),
    Column("chips", Text, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("seconds", Float(53)),
    Column("answered_at", BigInteger),
    Column("received_at", BigInteger, nullable=False),
    Column("replaces", Text),
    Column("weight", Float(53), nullable=False),
    UniqueConstraint("annotator", "client_id"),
    Index("answers_by_series", "series"),
)

refinements = Table(
    "refinements",
    tables,
    Column("id", _ID, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("undone_at", BigInteger),
)

findings = Table(
    "findings",
    tables,
    Column("id", _ID, primary_key=True),
    _refers("refinements.id", "refinement"),
    _refers("members.id", "member"),
    Column("measure", Text, nullable=False),
    Column("value", Float(53)),
    Column("threshold", Float(53)),
    Column("partner", BigInteger, ForeignKey("members.id")),
    Column("reason", Text),
    Column("text", Text, nullable=False),
    Column("event", BigInteger, ForeignKey("history.id")),
    Index("findings_by_refinement", "refinement"),
)

# What a model answered to a question, so that nothing is paid for twice.
checks = Table("checks", tables, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

gold = Table(
    "gold",
    tables,
    Column("id", _ID, primary_key=True),
    _refers("series.id", "series"),
    _refers("members.id", "first"),
    _refers("members.id", "second"),
    Column("outcome", Text, nullable=False),
    UniqueConstraint("first", "second"),
)
