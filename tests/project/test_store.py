"""The project: what it keeps, on SQLite and on a real PostgreSQL server alike."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import inspect

from finepick.errors import PathNotFoundError, StoreError, UsageError
from finepick.project import schema
from finepick.project.migrations import MIGRATIONS, migrate
from finepick.project.records import GoldPair, Kind, NewAnswer, NewPhoto, NewSeries, Outcome, Plan, Role
from finepick.project.store import DATABASE_FILE, Project, in_force


def a_series(name: str, count: int = 3, **more: str) -> NewSeries:
    photos = tuple(
        NewPhoto(f"{name}-{i}.jpg", f"/photos/{name}-{i}.jpg", f"{name}{i}" * 8, 1000 + i, 5)
        for i in range(count)
    )
    return NewSeries(name, photos, **more)


@pytest.fixture
def project(tmp_path: Path, database_url: str | None) -> Iterator[Project]:
    with Project.create(
        str(tmp_path / "project"), database=database_url, clock=lambda: 1_700_000_000.5
    ) as new:
        new.add_series(
            [a_series("one"), a_series("two", 2, category="natural", split="train", prompt="a heron")]
        )
        yield new


def answer(project: Project, client_id: str, outcome: Outcome = Outcome.FIRST, **more) -> NewAnswer:
    first, second = project.series()[0].members[:2]
    person = project.person("Kim", role=Role.ANNOTATOR)
    base = NewAnswer(client_id, person.id, first.series, first.id, second.id, outcome)
    return replace(base, **more)


def test_what_was_put_in_comes_out_after_opening_again(project: Project) -> None:
    kept = NewAnswer(
        "c1",
        1,
        1,
        1,
        2,
        Outcome.SECOND,
        Kind.NEW,
        2,
        ("sharpness", "colour"),
        "the eyes are open",
        2.5,
        17,
        None,
    )
    project.person("Kim", role=Role.ANNOTATOR)
    project.record([kept])

    with Project.open(project.folder) as again:
        [row] = again.answers()
        one, two = again.series()

    assert (row.client_id, row.outcome, row.left, row.chips) == (
        "c1",
        Outcome.SECOND,
        2,
        ("sharpness", "colour"),
    )
    assert (row.sentence, row.seconds, row.answered_at, row.received_at) == (
        "the eyes are open", 2.5, 17, 1_700_000_000_500,
    )  # fmt: skip
    assert [member.name for member in one.members] == ["one-0.jpg", "one-1.jpg", "one-2.jpg"]
    assert (two.category, two.split, two.prompt) == ("natural", "train", "a heron")
    assert two.members[1].path == "/photos/two-1.jpg"


def test_the_same_answer_twice_is_one_answer(project: Project) -> None:
    [first] = project.record([answer(project, "c1")])
    [second] = project.record([answer(project, "c1", Outcome.TIE)])

    assert first.is_new and not second.is_new and first.id == second.id
    assert [row.outcome for row in project.answers()] == [Outcome.FIRST]


def test_two_people_may_have_the_same_client_id_and_the_same_pair(project: Project) -> None:
    lee = project.person("Lee", role=Role.ANNOTATOR)
    project.record([answer(project, "c1"), answer(project, "c1", annotator=lee.id)])

    assert len(project.answers()) == 2


def test_a_pair_is_kept_in_one_order_whichever_way_it_was_asked(project: Project) -> None:
    given = answer(project, "c1", Outcome.FIRST)
    project.record([replace(given, first=given.second, second=given.first)])

    [row] = project.answers()

    assert (row.first < row.second) and row.outcome is Outcome.SECOND


def test_a_correction_leaves_what_it_corrects_in_the_rows_but_not_in_force(project: Project) -> None:
    project.record(
        [answer(project, "c2", Outcome.TIE, replaces="c1")]
    )  # arrives first: it was queued offline
    project.record([answer(project, "c1", Outcome.FIRST)])

    rows = project.answers()

    assert [row.client_id for row in rows] == ["c2", "c1"]
    assert [row.client_id for row in in_force(rows)] == ["c2"]


def test_answers_to_photos_that_do_not_exist_are_refused_whole(project: Project) -> None:
    good, bad = answer(project, "c1"), answer(project, "c2", second=999_999)

    with pytest.raises(StoreError):
        project.record([good, bad])

    assert project.answers() == ()


def test_a_photo_that_moved_keeps_its_answers_and_is_reported(project: Project) -> None:
    project.record([answer(project, "c1")])
    series = a_series("one")
    moved = replace(series.photos[0], path="/elsewhere/one-0.jpg")

    added = project.add_series([replace(series, photos=(moved, *series.photos[1:]))])

    assert (added.series, added.photos, added.moved, added.changed) == (0, 0, ("one-0.jpg",), ())
    assert project.series()[0].members[0].path == "/elsewhere/one-0.jpg"
    assert project.answers()[0].first == project.series()[0].members[0].id


def test_a_photo_that_changed_is_reported_and_not_replaced(project: Project) -> None:
    series = a_series("one")
    other = replace(series.photos[0], digest="f" * 64)

    added = project.add_series([replace(series, photos=(other,))])

    assert added.changed == ("one-0.jpg",)
    assert project.series()[0].members[0].digest == series.photos[0].digest


def test_photos_known_by_name_only_get_their_files_later(project: Project) -> None:
    project.add_series([NewSeries("votes", (NewPhoto("a.jpg"), NewPhoto("b.jpg")))])
    before = project.series()[2].members

    project.add_series([NewSeries("votes", (NewPhoto("b.jpg", "/photos/b.jpg", "b" * 64),))])

    after = project.series()[2].members
    assert [member.id for member in after] == [member.id for member in before]
    assert [(member.path, member.digest) for member in after] == [(None, None), ("/photos/b.jpg", "b" * 64)]


def test_photos_below_the_project_move_with_it(tmp_path: Path) -> None:
    with Project.create(str(tmp_path / "old")) as project:
        path = str(tmp_path / "old" / "photos" / "a.jpg")
        project.add_series([NewSeries("one", (NewPhoto("a.jpg", path, "a" * 64),))])
    os.rename(tmp_path / "old", tmp_path / "new")

    with Project.open(str(tmp_path / "new")) as project:
        assert project.series()[0].members[0].path == str(tmp_path / "new" / "photos" / "a.jpg")


def test_names_that_are_not_utf8_survive(tmp_path: Path, database_url: str | None) -> None:
    path = os.fsdecode(b"/photos/\xff\xfe.jpg")
    with Project.create(str(tmp_path / "project"), database=database_url) as project:
        project.add_series([NewSeries("one", (NewPhoto("�.jpg", path, "a" * 64),))])

        assert project.series()[0].members[0].path == path


def test_leaving_a_photo_out_is_a_state_with_a_history_and_can_be_undone(project: Project) -> None:
    member = project.series()[0].members[1]

    event = project.mark(member.id, "defect", by="Kim")
    assert [m.id for m in project.series()[0].taking_part] == [
        m.id for m in project.series()[0].members if m.is_in
    ]
    assert project.series()[0].members[1].state == "defect"
    project.undo(event.id, by="Lee")

    assert project.series()[0].members[1].is_in
    assert [(e.by, e.before, e.after, e.undoes) for e in project.history()] == [
        ("Kim", "in", "defect", None),
        ("Lee", "defect", "in", event.id),
    ]
    with pytest.raises(UsageError, match=f"there is no change {event.id} that could be undone"):
        project.undo(event.id, by="Lee")


def test_an_undo_can_be_undone(project: Project) -> None:
    member = project.series()[0].members[1]
    undone = project.undo(project.mark(member.id, "defect", by="Kim").id, by="Kim")

    project.undo(undone.id, by="Kim")

    assert project.series()[0].members[1].state == "defect"


def test_only_the_latest_link_of_a_person_is_taken_and_none_after_revoking(project: Project) -> None:
    kim, first = project.invite("Kim")
    _, second = project.invite(" Kim ")

    assert project.annotator_of(first) is None
    assert project.annotator_of(second) == kim
    project.revoke(kim.id)
    assert project.annotator_of(second) is None
    assert [person.name for person in project.annotators()] == ["Kim"]


def test_no_secret_of_a_link_is_in_the_database(tmp_path: Path) -> None:
    with Project.create(str(tmp_path)) as project:
        _, token = project.invite("Kim")

    content = b"".join(path.read_bytes() for path in tmp_path.glob("project.sqlite3*"))

    assert b"Kim" in content and token.encode() not in content


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "n" * 201])
def test_a_name_that_is_none_is_refused(project: Project, name: str) -> None:
    with pytest.raises(UsageError, match="a person's name has 1 to 200 letters"):
        project.invite(name)


def test_the_plan_and_gold_pairs_are_kept(project: Project) -> None:
    first, second, _ = project.series()[0].members
    project.change_plan(Plan(policy="swiss", votes=5, question="Welches ist schöner?"))

    project.set_gold([GoldPair(first.series, second.id, first.id, Outcome.FIRST)])
    project.set_gold([GoldPair(first.series, second.id, first.id, Outcome.TIE)])

    assert (project.plan.policy, project.plan.votes, project.plan.question) == (
        "swiss",
        5,
        "Welches ist schöner?",
    )
    assert project.gold() == (GoldPair(first.series, first.id, second.id, Outcome.TIE),)
    assert [event.kind for event in project.history()] == ["plan"]


def test_the_steps_make_the_tables_of_the_schema(project: Project) -> None:
    inspector = inspect(project._engine)

    assert set(inspector.get_table_names()) == set(schema.tables.tables)
    for table in schema.tables.sorted_tables:
        there = inspector.get_columns(table.name)
        assert [column["name"] for column in there] == table.columns.keys()
        assert [column["nullable"] for column in there] == [column.nullable for column in table.columns]
        unique = {
            tuple(sorted(each["column_names"])) for each in inspector.get_unique_constraints(table.name)
        }
        wanted = {
            tuple(sorted(each.columns.keys()))
            for each in table.constraints
            if type(each).__name__ == "UniqueConstraint"
        }
        assert unique == wanted


def test_a_newer_programs_project_is_left_alone(project: Project) -> None:
    with project.writing() as connection:
        migrate(connection, [*MIGRATIONS, lambda connection, words: None])

    with pytest.raises(StoreError, match="a newer Finepick has written this project; update Finepick"):
        Project.open(project.folder)


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    raw = sqlite3.connect(tmp_path / DATABASE_FILE)
    raw.execute("CREATE TABLE things (id INTEGER)")
    raw.close()

    with pytest.raises(StoreError, match="this is a database of another program; choose an empty one"):
        Project.open(str(tmp_path))


def test_a_file_that_is_no_database_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / DATABASE_FILE).write_bytes(b"not a database at all, whatever its name may say" * 100)

    with pytest.raises(StoreError, match=r"the project's database .*project\.sqlite3 cannot be used"):
        Project.open(str(tmp_path))


def test_a_missing_project_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(PathNotFoundError, match="--from PHOTOS' makes one"):
        Project.open(str(tmp_path))


@pytest.mark.parametrize("url", ["mysql://host/name", "nonsense", "postgresql://me:secret@host/name"])
def test_a_url_that_cannot_be_kept_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError) as caught:
        Project.create(str(tmp_path / "project"), database=url)

    assert "secret" not in caught.value.message
    assert not (tmp_path / "project").exists()


def test_people_who_answer_at_the_same_time_lose_nothing(project: Project) -> None:
    people = [project.person(f"person {i}", role=Role.ANNOTATOR).id for i in range(8)]
    base = answer(project, "x")

    def work(person: int) -> None:
        for i in range(12):
            project.record([replace(base, annotator=person, client_id=f"c{i // 2}")])  # every one twice

    threads = [threading.Thread(target=work, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    rows = project.answers()
    assert len(rows) == 8 * 6 == len({(row.annotator, row.client_id) for row in rows})


def test_what_record_has_returned_survives_a_kill(tmp_path: Path) -> None:
    with Project.create(str(tmp_path / "project")) as project:
        project.add_series([a_series("one")])
        project.person("Kim", role=Role.ANNOTATOR)
    code = textwrap.dedent("""
        import sys
        from finepick.project.records import NewAnswer, Outcome
        from finepick.project.store import Project
        project = Project.open(sys.argv[1])
        for i in range(100_000):
            project.record([NewAnswer(f"c{i}", 1, 1, 1, 2, Outcome.FIRST)])
            print(f"c{i}", flush=True)
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "project")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = [process.stdout.readline().strip() for _ in range(50)]
    process.send_signal(signal.SIGKILL)
    said += process.stdout.read().split()  # what was on its way; the last one may be cut
    process.stdout.close()
    process.wait()

    with Project.open(str(tmp_path / "project")) as project:
        kept = [row.client_id for row in project.answers()]

    assert kept[: len(said)] == said
    assert len(kept) - len(said) <= 1


def test_the_same_bytes_under_two_names_of_a_series_are_one_photo(project: Project) -> None:
    photos = tuple(NewPhoto(name, f"/photos/{name}", "d" * 64, 10, 5) for name in ("a.jpg", "b.jpg"))

    added = project.add_series(
        [NewSeries("three", (*photos, NewPhoto("c.jpg", "/photos/c.jpg", "c" * 64, 9, 5)))]
    )

    assert added.twice == (("three", "b.jpg", "a.jpg"),) and added.photos == 2
    assert [member.name for member in project.series()[-1].members] == ["a.jpg", "c.jpg"]
    again = project.add_series([NewSeries("three", photos)])
    assert again.photos == 0 and again.moved == ()
