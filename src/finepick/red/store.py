"""The project of a data set: one SQLite file that knows every source, edit, answer and thought, rejected ones, too.

What a method has kept when it returns survives the process being killed. Rows are added, never removed.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import groupby
from types import TracebackType
from typing import Any, Self

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
)
from sqlalchemy.dialects.sqlite import insert

from finepick.chat.budget import Cost
from finepick.errors import PathNotFoundError, StoreError
from finepick.project.engines import reading, sqlite_engine, transaction
from finepick.red.records import (
    PERSON,
    Asked,
    Dimension,
    EditedPhoto,
    JudgeAnswer,
    NewEdit,
    Order,
    Source,
    Thought,
    Why,
)
from finepick.red.thoughts import Faulty
from finepick.red.verdicts import verdict_from_json, verdict_to_json

DATABASE_FILE = "red.sqlite"
LOCK_FILE = "red.lock"
FORMAT = 1

_tables = MetaData()
_settings = Table(
    "settings", _tables, Column("key", Text, primary_key=True), Column("value", Text, nullable=False)
)
_sources = Table(
    "sources",
    _tables,
    Column("id", Integer, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("path", LargeBinary, nullable=False),  # names need not be UTF-8
    Column("split", Text, nullable=False),
    Column("picture", Text),
    Column("why", Text),
    Column("detail", Text, nullable=False),
)
_edits = Table(
    "edits",
    _tables,
    Column("id", Integer, primary_key=True),
    Column("source", Integer, ForeignKey("sources.id"), nullable=False),
    Column("editor", Text, nullable=False),
    Column("family", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("strength", Float(53), nullable=False),
    Column("chain", Text, nullable=False),
    Column("recipe", Text, nullable=False),
    Column("description", Text),
    Column("picture", Text),
    Column("why", Text),
    Column("detail", Text, nullable=False),
    UniqueConstraint("source", "recipe"),
)
_answers = Table(
    "answers",
    _tables,
    Column("id", Integer, primary_key=True),
    Column("edit", Integer, ForeignKey("edits.id"), nullable=False, index=True),
    Column("judge", Text, nullable=False),
    Column("order", Text, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("verdict", Text),
    Column("trouble", Text, nullable=False),
    Column("requests", Integer, nullable=False),
    Column("tokens_in", Integer, nullable=False),
    Column("tokens_out", Integer, nullable=False),
    UniqueConstraint("edit", "judge", "order", "turn"),
)
_thoughts = Table(
    "thoughts",
    _tables,
    Column("id", Integer, primary_key=True),
    Column("edit", Integer, ForeignKey("edits.id"), nullable=False),
    Column("writer", Text, nullable=False),
    Column("better", Integer, nullable=False),  # what was to be explained: 1 = the edit is better
    Column("thought", Text),
    Column("why", Text),
    Column("detail", Text, nullable=False),
    Column("requests", Integer, nullable=False),
    Column("tokens_in", Integer, nullable=False),
    Column("tokens_out", Integer, nullable=False),
    UniqueConstraint("edit", "writer", "better"),
)


class RedProject:
    """Access to one project, for one thread; a context manager. Use `open` or `create`."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._where = os.path.join(folder, DATABASE_FILE)
        self._engine = sqlite_engine(self._where)

    @classmethod
    def create(cls, folder: str) -> Self:
        """The project in *folder*, made where there is none. Raises StoreError."""
        os.makedirs(folder, exist_ok=True)
        return cls._opened(folder)

    @classmethod
    def open(cls, folder: str) -> Self:
        """The project in *folder*. Raises PathNotFoundError where there is none, StoreError."""
        if not os.path.isfile(os.path.join(folder, DATABASE_FILE)):
            raise PathNotFoundError(
                f"no data set is being built in '{folder}'; 'finepick red build {folder} --from PHOTOS' begins one",
                path=folder,
            )
        return cls._opened(folder)

    @classmethod
    def _opened(cls, folder: str) -> Self:
        project = cls(folder)
        try:
            with transaction(project._engine, project._where) as connection:
                _tables.create_all(connection)
            kept = project.setting("format")
            if kept is None:
                project.keep_setting("format", FORMAT)
            elif kept != FORMAT:
                raise StoreError(
                    f"'{folder}' was made by another version of Finepick; use that one, or a new folder"
                )
        except BaseException:
            project.close()
            raise
        return project

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Only one process builds at a time; the lock goes with the process, however that ends. Raises StoreError."""
        lock = sqlite3.connect(os.path.join(self.folder, LOCK_FILE), timeout=0, isolation_level=None)
        try:
            lock.execute("BEGIN EXCLUSIVE")
            yield
        except sqlite3.OperationalError as error:
            raise StoreError(
                f"another run is building '{self.folder}'; wait until it is done, or end it"
            ) from error
        finally:
            lock.close()

    # Settings

    def setting(self, key: str) -> Any:
        """What was kept under *key*, None where nothing was."""
        with reading(self._engine, self._where) as connection:
            text = connection.scalar(select(_settings.c.value).where(_settings.c.key == key))
        return None if text is None else json.loads(text)

    def keep_setting(self, key: str, value: Any) -> None:
        text = json.dumps(value)
        statement = insert(_settings).values(key=key, value=text)
        with transaction(self._engine, self._where) as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": text}))

    # Sources and edits

    def sources(self) -> list[Source]:
        """All, in the order in which they came."""
        return [_source(row) for row in self._rows(select(_sources).order_by(_sources.c.id))]

    def add_source(
        self,
        path: str,
        digest: str,
        split: str,
        picture: str | None,
        why: Why | None = None,
        detail: str = "",
    ) -> None:
        """Keep a source; one with the same digest is there already and stays as it is."""
        self._add(
            _sources,
            [
                {
                    "path": os.fsencode(path), "digest": digest, "split": split, "picture": picture,
                    "why": why and why.name, "detail": detail,
                }
            ],
        )  # fmt: skip

    def edits(self) -> list[EditedPhoto]:
        """All that were tried, rejected ones among them, in the order of their plan."""
        made = select(_edits).where(_edits.c.description.is_not(None)).order_by(_edits.c.id)
        return [_edited(row) for row in self._rows(made)]

    def planned(self) -> dict[int, NewEdit]:
        """By id: those that are planned and not tried yet."""
        rows = self._rows(select(_edits).where(_edits.c.description.is_(None)).order_by(_edits.c.id))
        return {
            row.id: NewEdit(
                row.source, row.editor, row.family, row.name, row.strength, row.chain, json.loads(row.recipe)
            )
            for row in rows
        }

    def plan_edits(self, edits: Iterable[NewEdit]) -> None:
        """Add what is to be made; what is there already stays as it is."""
        self._add(
            _edits, [{**asdict(edit), "recipe": json.dumps(edit.recipe), "detail": ""} for edit in edits]
        )

    def keep_edit(
        self, id: int, description: str, picture: str | None, why: Why | None = None, detail: str = ""
    ) -> None:
        """Keep what became of a planned edit."""
        values = {"description": description, "picture": picture, "why": why and why.name, "detail": detail}
        with transaction(self._engine, self._where) as connection:
            connection.execute(_edits.update().where(_edits.c.id == id).values(values))

    # Answers

    def answers(self) -> Iterator[tuple[int, list[JudgeAnswer]]]:
        """By edit, in the order of edits and as they came; a few at a time, there may be millions."""
        query = select(_answers).order_by(_answers.c.edit, _answers.c.id)
        with reading(self._engine, self._where) as connection:
            rows = connection.execution_options(yield_per=1000).execute(query)
            for edit, own in groupby(rows, key=lambda row: int(row.edit)):
                yield edit, [_answer(row) for row in own]

    def keep_answers(self, answers: Iterable[JudgeAnswer]) -> None:
        """Keep *answers*; a question that has one keeps its first."""
        self._add(_answers, [_answer_values(one) for one in answers])

    def replace_answers_of_people(self, answers: Sequence[JudgeAnswer]) -> None:
        """Let *answers* be all that people say: people may change their minds, and what they said lies elsewhere."""
        with transaction(self._engine, self._where) as connection:
            connection.execute(_answers.delete().where(_answers.c.judge.startswith(PERSON, autoescape=True)))
            if answers:
                connection.execute(insert(_answers), [_answer_values(one) for one in answers])

    # Thoughts

    def thoughts(self, writer: str) -> dict[tuple[int, bool], Thought | Faulty]:
        """By edit and whether it is better: the thought of *writer*, or why it is none."""
        rows = self._rows(select(_thoughts).where(_thoughts.c.writer == writer))
        return {
            (row.edit, bool(row.better)): _thought(row.thought)
            if row.why is None
            else Faulty(Why[row.why], row.detail)
            for row in rows
        }

    def keep_thought(
        self, edit: int, writer: str, *, better: bool, thought: Thought | Faulty, cost: Cost | None = None
    ) -> None:
        """Keep what *writer* says of an edit that is better, or not, or what was wrong with it."""
        row = {
            "edit": edit,
            "writer": writer,
            "better": int(better),
            "thought": None if isinstance(thought, Faulty) else json.dumps(asdict(thought)),
            "why": thought.why.name if isinstance(thought, Faulty) else None,
            "detail": thought.detail if isinstance(thought, Faulty) else "",
            **asdict(cost or Cost()),
        }
        self._add(_thoughts, [row])

    def spent(self) -> Cost:
        """What all answers and thoughts of all runs have cost."""
        total = [0, 0, 0]
        with reading(self._engine, self._where) as connection:
            for table in (_answers, _thoughts):
                columns = (table.c.requests, table.c.tokens_in, table.c.tokens_out)
                row = connection.execute(select(*(func.coalesce(func.sum(one), 0) for one in columns))).one()
                total = [before + int(more) for before, more in zip(total, row, strict=True)]
        return Cost(*total)

    def _rows(self, query: Any) -> Sequence[Row[Any]]:
        with reading(self._engine, self._where) as connection:
            return connection.execute(query).all()

    def _add(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows:
            return
        with transaction(self._engine, self._where) as connection:
            connection.execute(insert(table).on_conflict_do_nothing(), rows)


def _source(row: Row[Any]) -> Source:
    why = None if row.why is None else Why[row.why]
    return Source(row.id, os.fsdecode(row.path), row.digest, row.split, row.picture, why, row.detail)


def _edited(row: Row[Any]) -> EditedPhoto:
    return EditedPhoto(
        row.id, row.source, row.editor, row.family, row.name, row.strength, row.chain, json.loads(row.recipe),
        row.description, row.picture, None if row.why is None else Why[row.why], row.detail,
    )  # fmt: skip


def _answer(row: Row[Any]) -> JudgeAnswer:
    return JudgeAnswer(
        Asked(row.edit, Order(row.order), row.turn),
        row.judge,
        None if row.verdict is None else verdict_from_json(row.verdict),
        row.trouble,
        Cost(row.requests, row.tokens_in, row.tokens_out),
    )


def _answer_values(one: JudgeAnswer) -> Mapping[str, Any]:
    return {
        "edit": one.asked.edit,
        "judge": one.judge,
        "order": one.asked.order,
        "turn": one.asked.turn,
        "verdict": None if one.verdict is None else verdict_to_json(one.verdict),
        "trouble": one.trouble,
        **asdict(one.cost),
    }


def _thought(text: str) -> Thought:
    values = json.loads(text)
    return Thought(**{**values, "dimensions": tuple(map(Dimension, values["dimensions"]))})
