"""The cache's statements, written with SQLAlchemy and compiled once.

They run on the driver's own connection: looking up a photo there takes 5 µs, through SQLAlchemy's `execute`
some 60, and there are several look-ups a photo.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Column, Table, and_, bindparam, delete, insert, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement

from finepick.store.schema import blobs, files, photos, studies

BEGIN, COMMIT, ROLLBACK = "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"


def _sql(statement: ClauseElement, columns: Collection[str] | None = None) -> str:
    dialect = sqlite.dialect(paramstyle="named")
    keys = None if columns is None else list(columns)
    compiled = statement.compile(dialect=dialect, column_keys=keys)
    assert isinstance(compiled, SQLCompiler)
    return str(compiled)


def _replacing(table: Table, columns: Collection[str], unique: Collection[str]) -> str:
    """Insert a row, or put its values in the place of the row that has the same *unique* columns."""
    statement = sqlite.insert(table)
    new = {name: statement.excluded[name] for name in columns if name not in unique}
    return _sql(statement.on_conflict_do_update(index_elements=list(unique), set_=new), columns)


_this_photo = and_(
    photos.c.digest == bindparam("digest"),
    photos.c.features_version == bindparam("features_version"),
    photos.c.working_side == bindparam("working_side"),
)


def _photo_blob(which: Column[int]) -> str:
    # One statement for both tables: an id may be given away again between two.
    return _sql(
        select(blobs.c.content, blobs.c.checksum).join(photos, which == blobs.c.id).where(_this_photo)
    )


KEEP_BLOB = _sql(insert(blobs), ("checksum", "content"))
FORGET_BLOB = _sql(delete(blobs).where(blobs.c.id == bindparam("blob")))

FIND_FILE = _sql(
    select(files.c.size, files.c.mtime_ns, files.c.digest).where(files.c.path == bindparam("path"))
)
REMEMBER_FILE = _replacing(files, files.c.keys(), ("path",))
FORGET_FILES = _sql(delete(files).where(files.c.digest.not_in(select(photos.c.digest))))

FIND_METADATA = _photo_blob(photos.c.metadata)
FIND_FEATURES = _photo_blob(photos.c.features)
FIND_THUMBNAIL = _photo_blob(photos.c.thumbnail)
FIND_PHOTO_BLOBS = _sql(select(photos.c.metadata, photos.c.features, photos.c.thumbnail).where(_this_photo))
REMEMBER_PHOTO = _replacing(
    photos,
    ("digest", "features_version", "working_side", "metadata", "features", "thumbnail", "used_at"),
    ("digest", "features_version", "working_side"),
)
FORGET_PHOTO = _sql(delete(photos).where(photos.c.id == bindparam("wanted")))

FIND_STUDY = _sql(
    select(blobs.c.content, blobs.c.checksum)
    .join(studies, studies.c.content == blobs.c.id)
    .where(studies.c.key == bindparam("key"))
)
FIND_STUDY_BLOB = _sql(select(studies.c.content).where(studies.c.key == bindparam("key")))
REMEMBER_STUDY = _replacing(studies, studies.c.keys(), ("key",))
FORGET_STUDY = _sql(delete(studies).where(studies.c.key == bindparam("wanted")))

USE_PHOTO = _sql(
    update(photos)
    .values(used_at=bindparam("now"))
    .where(
        photos.c.digest == bindparam("wanted"),
        photos.c.features_version == bindparam("version"),
        photos.c.working_side == bindparam("side"),
        photos.c.used_at < bindparam("before"),
    )
)
USE_STUDY = _sql(
    update(studies)
    .values(used_at=bindparam("now"))
    .where(studies.c.key == bindparam("wanted"), studies.c.used_at < bindparam("before"))
)

OLDEST_PHOTOS = _sql(
    select(photos.c.used_at, photos.c.id, photos.c.metadata, photos.c.features, photos.c.thumbnail)
    .order_by(photos.c.used_at, photos.c.id)
    .limit(bindparam("most"))
    .offset(bindparam("first"))
)
OLDEST_STUDIES = _sql(
    select(studies.c.used_at, studies.c.key, studies.c.content)
    .order_by(studies.c.used_at, studies.c.key)
    .limit(bindparam("most"))
    .offset(bindparam("first"))
)
