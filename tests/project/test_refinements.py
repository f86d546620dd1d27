"""Runs of refinement: kept whole, undone, run again; people have the last word. On SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from finepick.errors import UsageError
from finepick.project.records import IN, NewPhoto, NewSeries
from finepick.project.refinements import (
    METRICS,
    MODEL,
    Mark,
    check_answers,
    decided,
    findings_of,
    keep_check_answer,
    keep_refinement,
    refinements,
    undo_refinement,
)
from finepick.project.store import Project


@pytest.fixture
def project(tmp_path: Path, database_url: str | None) -> Iterator[Project]:
    with Project.create(
        str(tmp_path / "project"), database=database_url, clock=lambda: 1_700_000_000.5
    ) as new:
        photos = tuple(NewPhoto(f"{i}.jpg", f"/photos/{i}.jpg", f"{i}" * 64, 1000 + i, 5) for i in range(4))
        new.add_series([NewSeries("one", photos)])
        yield new


def states(project: Project) -> list[str]:
    return [member.state for member in project.series()[0].members]


def double(member: int, partner: int = 1) -> list[Mark]:
    return [
        Mark(member, "ssim", 0.99, 0.9, partner, "indiscernible"),
        Mark(member, "apart", 0.1, 0.6, partner, "indiscernible"),
    ]


def test_a_run_leaves_photos_out_and_says_why(project: Project) -> None:
    marks = [*double(3), Mark(1, "luma", 0.5, 0.02)]

    run = keep_refinement(project, METRICS, {"same_ssim": 0.9}, marks)

    assert states(project) == [IN, IN, "indiscernible", IN]
    assert findings_of(project, run.id) == tuple(marks)
    assert refinements(project) == (run,)
    assert [(event.member, event.before, event.after, event.by) for event in project.history()] == [
        (3, IN, "indiscernible", "refine")
    ]


def test_it_is_undone_as_a_whole_and_only_once(project: Project) -> None:
    run = keep_refinement(project, METRICS, {}, [*double(2), *double(3)])

    assert undo_refinement(project, run.id, by="owner") == 2

    assert states(project) == [IN] * 4
    assert refinements(project)[0].undone_at == 1_700_000_000
    assert findings_of(project, run.id)  # nothing is removed
    with pytest.raises(UsageError, match="no run of refinement 1 that could be undone"):
        undo_refinement(project, run.id, by="owner")


def test_running_again_with_other_thresholds_starts_from_before_the_last_run(project: Project) -> None:
    keep_refinement(project, METRICS, {"same_ssim": 0.9}, [*double(2), *double(3)])

    keep_refinement(project, METRICS, {"same_ssim": 0.99}, double(3))

    assert states(project) == [IN, IN, "indiscernible", IN]
    assert [one.undone_at is None for one in refinements(project)] == [False, True]


def test_what_a_model_and_what_measures_say_are_runs_of_their_own(project: Project) -> None:
    keep_refinement(project, METRICS, {}, double(2))
    checked = keep_refinement(
        project, MODEL, {"model": "eye-1"}, [Mark(4, "model", reason="defect", text="cut")]
    )

    assert states(project) == [IN, "indiscernible", IN, "defect"]
    undo_refinement(project, checked.id, by="owner")
    assert states(project) == [IN, "indiscernible", IN, IN]


def test_a_person_who_takes_a_mark_back_has_the_last_word(project: Project) -> None:
    keep_refinement(project, METRICS, {}, double(3))
    project.undo(project.history()[-1].id, by="Kim")

    keep_refinement(project, METRICS, {}, double(3))

    assert states(project) == [IN] * 4 and decided(project) == {3}


def test_what_a_person_left_out_since_stays_out_when_the_run_is_undone(project: Project) -> None:
    run = keep_refinement(project, METRICS, {}, double(3))
    project.mark(3, "defect", by="Kim")

    assert undo_refinement(project, run.id, by="owner") == 0
    assert states(project) == [IN, IN, "defect", IN]


def test_what_a_person_confirmed_stays_out_when_the_run_is_undone_or_made_again(project: Project) -> None:
    run = keep_refinement(project, METRICS, {}, [*double(3), Mark(4, "darkness", 0.0, 0.02, None, "defect")])
    project.mark(3, "indiscernible", by="owner")  # what the run had said already

    keep_refinement(project, METRICS, {}, [])

    assert states(project) == [IN, IN, "indiscernible", IN]
    assert decided(project) == {3}
    with pytest.raises(UsageError):
        undo_refinement(project, run.id, by="owner")


def test_undoing_a_whole_run_is_no_decision_about_its_photos(project: Project) -> None:
    run = keep_refinement(project, METRICS, {}, double(3))
    undo_refinement(project, run.id, by="owner")

    assert decided(project) == frozenset()
    keep_refinement(project, METRICS, {}, double(3))
    assert states(project)[2] == "indiscernible"


def test_a_run_that_fails_midway_leaves_nothing(project: Project) -> None:
    with pytest.raises(KeyError):
        keep_refinement(project, METRICS, {}, [*double(3), Mark(99, "luma", 0.0)])

    assert states(project) == [IN] * 4 and refinements(project) == () and project.history() == ()


def test_answers_of_a_model_are_kept_by_question(project: Project) -> None:
    keep_check_answer(project, "a", '{"é": 1}')
    keep_check_answer(project, "a", "2")
    assert check_answers(project, ["a", "b"]) == {"a": "2"}
