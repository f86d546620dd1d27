"""The same round on SQLite and on PostgreSQL leaves the same rows."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from sqlalchemy import select

from finepick.project import schema
from finepick.project.records import GoldPair, NewPhoto, NewSeries, Outcome, Plan, Role
from finepick.project.store import Project
from finepick.workflows.asking import Desk, Given
from finepick.workflows.calibration import calibrate_project, calibration_document
from tests.postgres import Server


def a_round(folder: Path, database: str | None) -> tuple[dict[str, list[tuple[Any, ...]]], dict[str, Any]]:
    """Three people, a correction, a repeat, gold, a photo that is left out and back again; then every row."""
    with Project.create(
        str(folder), database=database, name="herons", clock=lambda: 1_700_000_000.25
    ) as project:
        project.add_series(
            NewSeries(
                name,
                tuple(NewPhoto(f"{name} {i} é.jpg", f"/p/{name}{i}", f"{name}{i}") for i in range(count)),
            )
            for name, count in (("one", 5), ("two", 3))
        )
        project.change_plan(Plan(policy="information", votes=2, gold_share=0.2, repeat_share=0.2))
        one, two = project.series()
        project.set_gold([GoldPair(two.id, two.members[0].id, two.members[1].id, Outcome.FIRST)])
        project.undo(project.mark(one.members[0].id, "dissimilar", by="Kim").id, by="Kim")
        desk = Desk(project, chance=random.Random(5), clock=lambda: 0.0)
        chance = random.Random(6)
        for name in ("Kim", "Lee", "Ann"):
            person = project.person(name, role=Role.ANNOTATOR).id
            for number in range(14):
                for asked in desk.next_pairs(person, 1):
                    choice = chance.choice(["left", "right", "tie", "bad"])
                    given = Given(
                        f"answer-{number}", asked.series, asked.left, asked.right, choice, ("sharpness",), "Größe 🦢",
                        1.5, 12, f"answer-{number - 1}" if number == 9 else None,
                    )  # fmt: skip
                    desk.record(person, [given, given])
        with project.reading() as connection:
            rows = {
                table.name: [
                    tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))
                ]
                for table in schema.tables.sorted_tables
            }
        return rows, calibration_document(calibrate_project(project))


def test_one_round_leaves_the_same_rows_on_both(tmp_path: Path, postgres_server: Server) -> None:
    here, report = a_round(tmp_path / "here", None)
    there, report_there = a_round(tmp_path / "there", postgres_server.database())

    # PostgreSQL uses up a number for an answer that it had already: the order counts, not the numbers
    for rows in (here, there):
        rows["answers"] = [row[1:] for row in rows["answers"]]
    assert len(here["answers"]) > 25
    assert here == there
    assert report == report_there
