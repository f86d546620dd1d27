"""Runs of refinement in a project: what was found of every photo, what was left out for it, and the way back."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update

from finepick.errors import UsageError
from finepick.project import schema
from finepick.project.records import IN, Event
from finepick.project.store import Project, put

METRICS, MODEL = "refine", "model"
"""Who marks photos where no person does: what is measured, or what a model was asked."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What was found of the photo *member*; `reason`: why it is left out, None where it passes. `text`: in words."""

    member: int
    measure: str
    value: float | None = None
    threshold: float | None = None
    partner: int | None = None
    reason: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Refinement:
    """One run: by `METRICS` or `MODEL`, with which settings; `undone_at` (seconds since 1970) where it was undone."""

    id: int
    at: int
    by: str
    settings: Mapping[str, Any]
    undone_at: int | None


def keep_refinement(
    project: Project, by: str, settings: Mapping[str, Any], marks: Sequence[Mark]
) -> Refinement:
    """Keep a run with its *marks*, all or none; photos with a reason against them are left out from now on.

    A run *by* the same before it is undone first, and so is what a model said of photos that had passed what is
    measured anew. What a person decided of a photo stays (see `decided`).
    """
    with project.writing() as connection:
        for earlier in _in_force(connection, by) + (_in_force(connection, MODEL) if by == METRICS else []):
            _undo(project, connection, earlier, by)
        at = project.now()
        run = connection.scalar(
            insert(schema.refinements)
            .values(at=at, by=by, settings=json.dumps(dict(settings)), undone_at=None)
            .returning(schema.refinements.c.id)
        )
        assert run is not None
        states = {
            row.id: row.state
            for row in connection.execute(select(schema.members.c.id, schema.members.c.state))
        }
        spared = _decided(connection)
        events: dict[int, int] = {}
        for mark in marks:
            may_change = states[mark.member] == IN and mark.member not in spared
            if mark.reason is not None and mark.member not in events and may_change:
                events[mark.member] = project.mark_in(connection, mark.member, mark.reason, by).id
        rows = [
            {
                "refinement": run,
                "member": mark.member,
                "measure": mark.measure,
                "value": mark.value,
                "threshold": mark.threshold,
                "partner": mark.partner,
                "reason": mark.reason,
                "text": mark.text,
                "event": events.get(mark.member) if mark.reason is not None else None,
            }
            for mark in marks
        ]
        if rows:
            connection.execute(insert(schema.findings), rows)
    return Refinement(int(run), at, by, dict(settings), None)


def undo_refinement(project: Project, run: int, *, by: str) -> int:
    """Take back what *run* left out; how many photos take part again. What was decided of others since stays.

    Raises UsageError where there is no such run, or it was undone.
    """
    with project.writing() as connection:
        if not any(one.id == run and one.undone_at is None for one in _all(connection)):
            raise UsageError(f"there is no run of refinement {run} that could be undone")
        return _undo(project, connection, run, by)


def undo_refinements(project: Project, by: str) -> None:
    """Take back what runs *by* a program left out, if there are any that stand."""
    with project.writing() as connection:
        for run in _in_force(connection, by):
            _undo(project, connection, run, by)


def refinements(project: Project) -> tuple[Refinement, ...]:
    """Every run, oldest first."""
    with project.reading() as connection:
        return tuple(_all(connection))


def findings_of(project: Project, run: int) -> tuple[Mark, ...]:
    """What *run* found, in its order."""
    table = schema.findings
    with project.reading() as connection:
        rows = connection.execute(select(table).where(table.c.refinement == run).order_by(table.c.id)).all()
    return tuple(
        Mark(row.member, row.measure, row.value, row.threshold, row.partner, row.reason, row.text)
        for row in rows
    )


def decided(project: Project) -> frozenset[int]:
    """Members whose state a person was the last to settle, taking back what a program said included."""
    with project.reading() as connection:
        return _decided(connection)


def check_answers(project: Project, keys: Collection[str]) -> dict[str, str]:
    """What a model answered before to the questions *keys*."""
    table = schema.checks
    with project.reading() as connection:
        known = {row.key: row.value for row in connection.execute(select(table.c.key, table.c.value))}
    return {key: known[key] for key in keys if key in known}


def keep_check_answer(project: Project, key: str, value: str) -> None:
    """Keep the answer *value* to the question *key*, on the disk when this returns."""
    with project.writing() as connection:
        put(connection, schema.checks, ("key",), key=key, value=value)


def _all(connection: Any) -> list[Refinement]:
    rows = connection.execute(select(schema.refinements).order_by(schema.refinements.c.id)).all()
    return [Refinement(row.id, row.at, row.by, json.loads(row.settings), row.undone_at) for row in rows]


def _in_force(connection: Any, by: str) -> list[int]:
    return [one.id for one in _all(connection) if one.by == by and one.undone_at is None]


def _decided(connection: Any) -> frozenset[int]:
    table = schema.history
    last: dict[int, str] = {}
    for row in connection.execute(
        select(table.c.member, table.c.by).where(table.c.kind == "state").order_by(table.c.id)
    ):
        last[row.member] = row.by
    return frozenset(member for member, by in last.items() if by not in (METRICS, MODEL))


def _undo(project: Project, connection: Any, run: int, by: str) -> int:
    """Every photo that is still as *run* left it takes part again, unless a person has said so, too.

    By a program: so that nobody has decided it.
    """
    table, history = schema.findings, schema.history
    settled = _decided(connection)
    events = connection.execute(
        select(history).join(table, table.c.event == history.c.id).where(table.c.refinement == run).distinct()
    ).all()
    undone = 0
    for row in events:
        event = Event(**row._mapping)
        assert event.member is not None and event.before is not None
        state = connection.scalar(select(schema.members.c.state).where(schema.members.c.id == event.member))
        taken_back = connection.scalar(select(history.c.id).where(history.c.undoes == event.id))
        if state == event.after and taken_back is None and event.member not in settled:
            project.mark_in(connection, event.member, event.before, METRICS, undoes=event.id)
            undone += 1
    connection.execute(
        update(schema.refinements).where(schema.refinements.c.id == run).values(undone_at=project.now())
    )
    project.note_in(connection, by, "refinement undone", before=str(run))
    return undone
