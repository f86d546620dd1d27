"""One project: a folder with a database. Answers are only ever added, and are on the disk when `record` returns."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from sqlalchemy import Connection, Engine, Row, func, insert, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite

from finepick.errors import PathNotFoundError, StoreError, UsageError
from finepick.project import schema
from finepick.project.engines import (
    display,
    parse_server_url,
    reading,
    server_engine,
    sqlite_engine,
    transaction,
)
from finepick.project.migrations import migrate
from finepick.project.records import (
    IN,
    Annotator,
    Answer,
    Event,
    GoldPair,
    Kind,
    Member,
    NewAnswer,
    NewPhoto,
    NewSeries,
    Outcome,
    Plan,
    ProjectSeries,
    Role,
)

DATABASE_FILE = "project.sqlite3"
SERVER_FILE = "project.json"
NAME_LENGTH = 200
LATE_IDS = 1000
"""Transactions of several processes may become visible in another order than their ids, by so many at most."""

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Added:
    """What came of adding series: how many series and photos are new, and in words what was odd.

    twice: series, name and the name under which the same bytes are in that series already; they are one photo.
    """

    series: int
    photos: int
    moved: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    twice: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """An answer that is kept now; `is_new` is False where it was kept before."""

    client_id: str
    id: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class State:
    """`shape` changes with series, photos, plan and gold pairs, `last_answer` with every answer."""

    shape: tuple[int, ...]
    last_answer: int


def is_project(folder: str) -> bool:
    """Whether there is a project in *folder*."""
    return any(os.path.isfile(os.path.join(folder, name)) for name in (DATABASE_FILE, SERVER_FILE))


class Project:
    """Access to one project; safe to share between threads. A context manager."""

    def __init__(self, folder: str, engine: Engine, where: str, clock: Clock) -> None:
        self.folder = folder
        self.where = where
        self._engine = engine
        self._clock = clock

    # Opening

    @classmethod
    def open(cls, folder: str, *, clock: Clock = time.time) -> Self:
        """The project in *folder*. Raises PathNotFoundError where there is none, StoreError."""
        if not is_project(folder):
            raise PathNotFoundError(
                f"there is no project in '{folder}'; 'finepick annotate {folder} --from PHOTOS' makes one",
                path=folder,
            )
        return cls._at(folder, _server_of(folder), clock)

    @classmethod
    def create(
        cls, folder: str, *, database: str | None = None, name: str | None = None, clock: Clock = time.time
    ) -> Self:
        """A new project in *folder*, on the PostgreSQL server at *database*, else in a file of its own.

        Raises StoreError where there is one already, UsageError for a URL that cannot be used.
        """
        if is_project(folder):
            raise StoreError(f"there is a project in '{folder}' already; open it, or choose another folder")
        if database is not None:
            parse_server_url(database)
        os.makedirs(folder, exist_ok=True)
        project = cls._at(folder, database, clock)
        if database is not None:
            with open(os.path.join(folder, SERVER_FILE), "w", encoding="utf-8") as file:
                json.dump({"database": database}, file)
        if project._setting("name") is None:
            project._keep_setting("name", name or os.path.basename(os.path.abspath(folder)) or "project")
        return project

    @classmethod
    def _at(cls, folder: str, database: str | None, clock: Clock) -> Self:
        path = os.path.join(folder, DATABASE_FILE)
        engine = sqlite_engine(path) if database is None else server_engine(database)
        where = path if database is None else display(database)
        project = cls(folder, engine, where, clock)
        try:
            with transaction(engine, where) as connection:
                migrate(connection)
        except BaseException:
            engine.dispose()
            raise
        return project

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Settings

    @property
    def name(self) -> str:
        return str(self._setting("name") or "project")

    @property
    def plan(self) -> Plan:
        """How a round is asked; what an older program did not write has its default."""
        kept = self._setting("plan") or {}
        return Plan(**{field.name: kept[field.name] for field in fields(Plan) if field.name in kept})

    def change_plan(self, plan: Plan, *, by: str = "owner") -> None:
        """Ask as *plan* says from now on; the history keeps the one before."""
        with self.writing() as connection:
            before, after = json.dumps(asdict(self.plan)), json.dumps(asdict(plan))
            self.note_in(connection, by, "plan", None, before, after)
            put(connection, schema.settings, ("key",), key="plan", value=after)

    def _setting(self, key: str) -> Any:
        with self.reading() as connection:
            text = connection.scalar(select(schema.settings.c.value).where(schema.settings.c.key == key))
        return None if text is None else json.loads(text)

    def _keep_setting(self, key: str, value: Any) -> None:
        with self.writing() as connection:
            put(connection, schema.settings, ("key",), key=key, value=json.dumps(value))

    # Series and photos

    def add_series(self, entries: Iterable[NewSeries]) -> Added:
        """Add series, or photos to the series of the same name; all of it or nothing.

        A photo that is known by its digest keeps its answers, wherever it lies now. One whose name is there
        with other bytes is left as it was and reported as changed.
        """
        with self.writing() as connection:
            count = _Count()
            for entry in entries:
                self._add_one_series(connection, entry, count)
        return Added(count.series, count.photos, tuple(count.moved), tuple(count.changed), tuple(count.twice))

    def _add_one_series(self, connection: Connection, entry: NewSeries, count: _Count) -> None:
        series = connection.scalar(select(schema.series.c.id).where(schema.series.c.name == entry.name))
        if series is None:
            values = {name: getattr(entry, name) for name in ("name", "category", "split", "prompt")}
            series = _insert(connection, schema.series, **values, others=json.dumps(dict(entry.others)))
            count.series += 1
        known = {
            row.name: row
            for row in connection.execute(
                select(schema.members.c.name, schema.members.c.photo, schema.photos.c.digest)
                .join(schema.photos)
                .where(schema.members.c.series == series)
            )
        }
        names: dict[str, str] = {}
        for photo in entry.photos:
            if photo.digest is not None and names.setdefault(photo.digest, photo.name) != photo.name:
                count.twice.append((entry.name, photo.name, names[photo.digest]))
                continue
            there = known.get(photo.name)
            if there is None:
                photo_id = self._keep_photo(connection, photo, count)
                if photo_id not in {row.photo for row in known.values()}:
                    _insert(
                        connection,
                        schema.members,
                        series=series,
                        photo=photo_id,
                        place=len(known) + count.placed(series),
                        name=photo.name,
                        state=IN,
                    )
                    count.photos += 1
            elif there.digest is None and photo.digest is not None:
                self._give_file(connection, there.photo, photo)
            elif photo.digest is not None and there.digest != photo.digest:
                count.changed.append(photo.name)
            elif photo.digest is not None:
                self._keep_photo(connection, photo, count)

    def _keep_photo(self, connection: Connection, photo: NewPhoto, count: _Count) -> int:
        """The id of the photo with these bytes; where it lies now is noted."""
        file = self._file_values(photo)
        if photo.digest is not None:
            table = schema.photos
            there = connection.execute(
                select(table.c.id, table.c.path).where(table.c.digest == photo.digest)
            ).first()
            if there is not None:
                if there.path is not None and there.path != file["path"]:
                    count.moved.append(photo.name)
                    places = (_shown(there.path), _shown(file["path"]))
                    self.note_in(connection, "owner", "moved", None, *places)
                connection.execute(update(table).where(table.c.id == there.id).values(**file))
                return int(there.id)
        return _insert(connection, schema.photos, digest=photo.digest, **file)

    def _give_file(self, connection: Connection, photo_id: int, photo: NewPhoto) -> None:
        table = schema.photos
        taken = connection.scalar(select(table.c.id).where(table.c.digest == photo.digest))
        if taken is None:
            values = {"digest": photo.digest, **self._file_values(photo)}
            connection.execute(update(table).where(table.c.id == photo_id).values(**values))
        else:
            connection.execute(
                update(schema.members).where(schema.members.c.photo == photo_id).values(photo=taken)
            )

    def _file_values(self, photo: NewPhoto) -> dict[str, Any]:
        path = None if photo.path is None else os.fsencode(self._relative(photo.path))
        return {"path": path, "size": photo.size, "mtime_ns": photo.mtime_ns}

    def _relative(self, path: str) -> str:
        """*path* from the project's folder where it lies below it, so that both can be moved together."""
        whole, folder = os.path.abspath(path), os.path.abspath(self.folder)
        return os.path.relpath(whole, folder) if whole.startswith(folder + os.sep) else whole

    def series(self) -> tuple[ProjectSeries, ...]:
        """Every series with all its members."""
        members: dict[int, list[Member]] = {}
        with self.reading() as connection:
            for row in connection.execute(
                select(schema.members, schema.photos.c.digest, schema.photos.c.path)
                .join(schema.photos)
                .order_by(schema.members.c.series, schema.members.c.place, schema.members.c.id)
            ):
                members.setdefault(row.series, []).append(self._member(row))
            rows = connection.execute(select(schema.series).order_by(schema.series.c.id)).all()
        return tuple(
            ProjectSeries(
                id=row.id,
                name=row.name,
                category=row.category,
                split=row.split,
                prompt=row.prompt,
                others=json.loads(row.others),
                members=tuple(members.get(row.id, ())),
            )
            for row in rows
        )

    def _member(self, row: Row[Any]) -> Member:
        path = None if row.path is None else os.path.join(self.folder, os.fsdecode(row.path))
        return Member(row.id, row.series, row.photo, row.place, row.name, row.state, row.digest, path)

    def mark(self, member: int, state: str, *, by: str) -> Event:
        """Give a photo of a series the *state* "in", or the reason why it is left out; the history keeps both."""
        with self.writing() as connection:
            return self.mark_in(connection, member, state, by)

    def undo(self, event: int, *, by: str) -> Event:
        """Take back the change of state *event*: the photo is again what it was before it.

        Raises UsageError where there is no such event, or it has been undone.
        """
        with self.writing() as connection:
            row = connection.execute(select(schema.history).where(schema.history.c.id == event)).first()
            undone = connection.scalar(select(schema.history.c.id).where(schema.history.c.undoes == event))
            if row is None or row.member is None or undone is not None:
                raise UsageError(f"there is no change {event} that could be undone")
            return self.mark_in(connection, row.member, row.before, by, undoes=event)

    def mark_in(
        self, connection: Connection, member: int, state: str, by: str, *, undoes: int | None = None
    ) -> Event:
        """`mark`, in a transaction of the caller's."""
        table = schema.members
        before = connection.scalar(select(table.c.state).where(table.c.id == member))
        if before is None:
            raise UsageError(f"there is no photo {member} in this project")
        connection.execute(update(table).where(table.c.id == member).values(state=state))
        return self.note_in(connection, by, "state", member, before, state, undoes)

    def history(self) -> tuple[Event, ...]:
        """Everything that was changed, oldest first."""
        with self.reading() as connection:
            rows = connection.execute(select(schema.history).order_by(schema.history.c.id)).all()
        return tuple(Event(**row._mapping) for row in rows)

    def note_in(
        self,
        connection: Connection,
        by: str,
        kind: str,
        member: int | None = None,
        before: str | None = None,
        after: str | None = None,
        undoes: int | None = None,
    ) -> Event:
        """A line of the history, in a transaction of the caller's."""
        values: dict[str, Any] = {
            "at": self.now(),
            "by": by,
            "kind": kind,
            "member": member,
            "before": before,
            "after": after,
            "undoes": undoes,
        }
        return Event(id=_insert(connection, schema.history, **values), **values)

    # People

    def invite(self, name: str, *, role: Role = Role.ANNOTATOR) -> tuple[Annotator, str]:
        """The person called *name* and a new secret for their link; the link they had before is no longer taken.

        Only the secret's hash is kept: it cannot be shown a second time. Raises UsageError for an empty name.
        """
        token = secrets.token_urlsafe(24)
        annotator = self.person(name, role=role)
        with self.writing() as connection:
            connection.execute(
                update(schema.annotators)
                .where(schema.annotators.c.id == annotator.id)
                .values(token_hash=_hash(token), revoked_at=None, role=role.value)
            )
        return replace(annotator, role=role, revoked_at=None), token

    def person(self, name: str, *, role: Role) -> Annotator:
        """The person called *name*, who is written down with *role* where they are new."""
        name = " ".join(name.split())
        if not name or len(name) > NAME_LENGTH or not name.isprintable():
            raise UsageError(f"a person's name has 1 to {NAME_LENGTH} letters, not '{name[:40]}'")
        with self.writing() as connection:
            found = self._find(connection, schema.annotators.c.name == name)
            if found is None:
                now = int(self._clock())
                new = _insert(connection, schema.annotators, name=name, role=role.value, made_at=now)
                return Annotator(new, name, role)
        return found

    def revoke(self, annotator: int) -> None:
        """Take the link of *annotator* no longer; their answers stay."""
        with self.writing() as connection:
            connection.execute(
                update(schema.annotators)
                .where(schema.annotators.c.id == annotator)
                .values(revoked_at=int(self._clock()))
            )

    def annotator_of(self, token: str) -> Annotator | None:
        """Whose link holds *token*; None where it is nobody's, or is no longer taken."""
        with self.reading() as connection:
            found = self._find(connection, schema.annotators.c.token_hash == _hash(token))
        return found if found is not None and found.revoked_at is None else None

    def annotators(self) -> tuple[Annotator, ...]:
        """Everybody, in the order in which they came."""
        with self.reading() as connection:
            rows = connection.execute(select(schema.annotators).order_by(schema.annotators.c.id)).all()
        return tuple(_annotator(row) for row in rows)

    @staticmethod
    def _find(connection: Connection, where: Any) -> Annotator | None:
        row = connection.execute(select(schema.annotators).where(where)).first()
        return None if row is None else _annotator(row)

    # Answers

    def record(self, answers: Sequence[NewAnswer]) -> list[Receipt]:
        """Keep *answers*; they are on the disk when this returns. One that is there already stays as it was.

        What they name has to exist (StoreError), which who calls this has checked.
        """
        with self.writing() as connection:
            add = _insert_new(connection, schema.answers, ("annotator", "client_id"))
            add = add.returning(schema.answers.c.id)
            return [self._record_one(connection, add, answer) for answer in answers]

    def _record_one(self, connection: Connection, add: Any, answer: NewAnswer) -> Receipt:
        table = schema.answers
        new = connection.scalar(add, _answer_values(answer, received_at=int(self._clock() * 1000)))
        if new is not None:
            return Receipt(answer.client_id, int(new), True)
        known = connection.scalar(
            select(table.c.id).where(
                table.c.annotator == answer.annotator, table.c.client_id == answer.client_id
            )
        )
        return Receipt(answer.client_id, int(known or 0), False)

    def answers(self, *, after: int = 0) -> tuple[Answer, ...]:
        """Every answer with an id over *after*, in the order of arrival, corrected ones included."""
        table = schema.answers
        with self.reading() as connection:
            rows = connection.execute(select(table).where(table.c.id > after).order_by(table.c.id)).all()
        return tuple(_answer(row) for row in rows)

    def state(self) -> State:
        """What tells whether anything was added since it was last asked."""
        tables = (schema.members, schema.history, schema.gold, schema.answers)
        with self.reading() as connection:
            last = [int(connection.scalar(select(func.max(table.c.id))) or 0) for table in tables]
        return State(tuple(last[:-1]), last[-1])

    # Gold

    def set_gold(self, pairs: Iterable[GoldPair]) -> None:
        """Let the answers to these pairs be known from now on."""
        with self.writing() as connection:
            for pair in pairs:
                first, second, outcome = _in_order(pair.first, pair.second, pair.outcome)
                put(
                    connection,
                    schema.gold,
                    ("first", "second"),
                    series=pair.series,
                    first=first,
                    second=second,
                    outcome=outcome.value,
                )

    def gold(self) -> tuple[GoldPair, ...]:
        table = schema.gold
        with self.reading() as connection:
            rows = connection.execute(select(table).order_by(table.c.id)).all()
        return tuple(GoldPair(row.series, row.first, row.second, Outcome(row.outcome)) for row in rows)

    # Connections

    def now(self) -> int:
        """Seconds since 1970."""
        return int(self._clock())

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection to ask with, for this package. Raises StoreError."""
        return reading(self._engine, self.where)

    def writing(self) -> AbstractContextManager[Connection]:
        """A connection in a transaction of its own, for this package. Raises StoreError."""
        return transaction(self._engine, self.where)


class _Count:
    """What `add_series` has done so far."""

    def __init__(self) -> None:
        self.series = self.photos = 0
        self.moved: list[str] = []
        self.changed: list[str] = []
        self.twice: list[tuple[str, str, str]] = []
        self._placed: dict[int, int] = {}

    def placed(self, series: int) -> int:
        """How many photos were put into *series* in this run, before the next one."""
        self._placed[series] = self._placed.get(series, -1) + 1
        return self._placed[series]


def in_force(answers: Sequence[Answer]) -> list[Answer]:
    """Those of *answers* that no later one of the same person corrects."""
    replaced = {(answer.annotator, answer.replaces) for answer in answers if answer.replaces}
    return [answer for answer in answers if (answer.annotator, answer.client_id) not in replaced]


def _server_of(folder: str) -> str | None:
    path = os.path.join(folder, SERVER_FILE)
    if not os.path.isfile(path):
        return None
    try:
        with open(path, encoding="utf-8") as file:
            return str(json.load(file)["database"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"'{path}' does not say where the database is; write {{\"database\": URL}}"
        ) from error


def _insert_new(connection: Connection, table: Any, unique: Sequence[str]) -> Any:
    """An INSERT that does nothing where a row with the same *unique* columns is there."""
    return _dialect_insert(connection, table).on_conflict_do_nothing(index_elements=list(unique))


def put(connection: Connection, table: Any, unique: Sequence[str], **values: Any) -> None:
    """Insert a row, or put *values* in the place of the row that has the same *unique* columns."""
    statement = _dialect_insert(connection, table).values(**values)
    new = {name: statement.excluded[name] for name in values if name not in unique}
    connection.execute(statement.on_conflict_do_update(index_elements=list(unique), set_=new))


def _dialect_insert(connection: Connection, table: Any) -> Any:
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def _insert(connection: Connection, table: Any, **values: Any) -> int:
    new = connection.scalar(insert(table).values(**values).returning(literal_column("id")))
    assert new is not None
    return int(new)


def _answer_values(answer: NewAnswer, *, received_at: int) -> Mapping[str, Any]:
    first, second, outcome = _in_order(answer.first, answer.second, answer.outcome)
    return {
        "annotator": answer.annotator,
        "client_id": answer.client_id,
        "series": answer.series,
        "first": first,
        "second": second,
        "outcome": outcome.value,
        "kind": answer.kind.value,
        "left": answer.left,
        "chips": json.dumps(list(answer.chips)),
        "sentence": answer.sentence,
        "seconds": answer.seconds,
        "answered_at": answer.answered_at,
        "received_at": received_at,
        "replaces": answer.replaces,
        "weight": answer.weight,
    }


def _in_order(first: int, second: int, outcome: Outcome) -> tuple[int, int, Outcome]:
    return (first, second, outcome) if first < second else (second, first, outcome.turned)


def _answer(row: Row[Any]) -> Answer:
    values = dict(row._mapping)
    values.update(outcome=Outcome(row.outcome), kind=Kind(row.kind), chips=tuple(json.loads(row.chips)))
    return Answer(**values)


def _shown(path: bytes | None) -> str:
    return (path or b"").decode("utf-8", "backslashreplace")


def _annotator(row: Row[Any]) -> Annotator:
    return Annotator(row.id, row.name, Role(row.role), row.revoked_at)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
