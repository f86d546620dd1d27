"""Steps from an empty file to the present tables."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, inspect
from sqlalchemy.pool import StaticPool

from finepick.errors import StoreError
from finepick.store.migrations import MIGRATIONS, NewerSchemaError, migrate
from finepick.store.schema import tables


@pytest.fixture
def connection():
    engine = create_engine("sqlite://", poolclass=StaticPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def shape(connection):
    """Every table with its columns, keys and indexes, as the database sees them."""
    inspector = inspect(connection)
    return {
        name: (
            [
                (column["name"], str(column["type"]), column["nullable"], column["primary_key"])
                for column in inspector.get_columns(name)
            ],
            inspector.get_pk_constraint(name)["constrained_columns"],
            sorted(tuple(index["column_names"]) for index in inspector.get_indexes(name)),
            sorted(tuple(unique["column_names"]) for unique in inspector.get_unique_constraints(name)),
            inspector.get_table_options(name),
        )
        for name in inspector.get_table_names()
    }


def test_all_steps_together_make_the_tables_of_the_schema(connection):
    migrate(connection)
    migrated = shape(connection)
    tables.drop_all(connection)

    tables.create_all(connection)

    assert shape(connection) == migrated
    assert set(migrated) == {"files", "blobs", "photos", "studies"}


def test_a_second_time_changes_nothing(connection):
    migrate(connection)
    before = shape(connection)

    migrate(connection)

    assert shape(connection) == before


def test_only_the_steps_that_are_missing_are_taken(connection):
    migrate(connection)

    def add_note(opened):
        opened.exec_driver_sql("ALTER TABLE photos ADD COLUMN note TEXT")

    migrate(connection, [*MIGRATIONS, add_note])
    migrate(connection, [*MIGRATIONS, add_note])

    assert shape(connection)["photos"][0][-1][0] == "note"


def test_a_step_that_fails_undoes_those_before_it(connection):
    def break_off(opened):
        opened.exec_driver_sql("CREATE TABLE half (x)")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        migrate(connection, [*MIGRATIONS, break_off])

    assert shape(connection) == {}
    migrate(connection)
    assert "photos" in shape(connection)


def test_a_file_of_a_newer_program_is_refused(connection):
    migrate(connection)
    connection.exec_driver_sql("PRAGMA user_version = 7")

    with pytest.raises(NewerSchemaError, match=r"^a newer Finepick has written this cache; update Finepick$"):
        migrate(connection)


def test_a_database_of_another_program_is_refused(connection):
    connection.exec_driver_sql("CREATE TABLE theirs (x)")

    with pytest.raises(StoreError, match="another program"):
        migrate(connection)

    assert set(shape(connection)) == {"theirs"}
