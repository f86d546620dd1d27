"""From answers to ranks and a data set: known cases, and people who are simulated."""

from __future__ import annotations

import csv
import json
import random
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from finepick.datasets.catalog import load_dataset
from finepick.datasets.fgaesthetics import read_fgaesthetics
from finepick.datasets.parquet import read_parquet
from finepick.errors import OutputError, PathNotFoundError, UsageError
from finepick.project.records import GoldPair, NewAnswer, NewPhoto, NewSeries, Outcome, Plan, Role
from finepick.project.store import Project
from finepick.settings import load_settings
from finepick.workflows.asking import Desk, Given
from finepick.workflows.calibration import (
    answer_lines,
    calibrate_path,
    calibrate_project,
    calibration_document,
    export_labels,
    labels_of,
    rank_lines,
)
from finepick.workflows.library import Library
from finepick.workflows.projects import add_manifest, fill_project
from tests.conftest import save_photo, scene


def a_project(folder: Path, counts: tuple[int, ...] = (4, 3), *, files: Path | None = None) -> Project:
    project = Project.create(str(folder), name="herons")
    for number, count in enumerate(counts, 1):
        photos = []
        for i in range(count):
            name = f"{number}-{i}.jpg"
            path = None if files is None else str(save_photo(scene(10 * number + i, (60, 40)), files / name))
            digest = None
            if path is not None:
                from finepick.workflows.projects import digest_of

                digest = digest_of(path)
            photos.append(NewPhoto(name, path, digest))
        project.add_series([NewSeries(f"s{number}", tuple(photos), category="natural")])
    return project


def let_answer(project: Project, name: str, *, better=lambda a, b: a < b, series: int = 0, **more) -> None:
    """*name* answers every pair of a series; *better* says whether place a beats place b."""
    person = project.person(name, role=Role.ANNOTATOR)
    one = project.series()[series]
    project.record(
        NewAnswer(
            f"{name}-{series}-{a}-{b}", person.id, one.id, one.members[a].id, one.members[b].id,
            Outcome.FIRST if better(a, b) else Outcome.SECOND, left=one.members[a].id, **more,
        )
        for a, b in combinations(range(len(one.members)), 2)
    )  # fmt: skip


def test_people_who_agree_give_the_order_they_agree_on(tmp_path: Path) -> None:
    with a_project(tmp_path / "p") as project:
        for name in ("Kim", "Lee", "Ann"):
            let_answer(project, name, better=lambda a, b: a > b)

        document = calibration_document(calibrate_project(project))

    first, second = document["series"]
    assert [photo["name"] for photo in first["photos"]] == ["1-3.jpg", "1-2.jpg", "1-1.jpg", "1-0.jpg"]
    assert [photo["rank"] for photo in first["photos"]] == [1, 2, 3, 4]
    assert first["is_connected"] and not second["is_connected"]
    assert document["agreement"]["value"] == 1.0
    json.dumps(document, allow_nan=False)


def test_corrected_answers_bad_pairs_and_photos_left_out_do_not_count(tmp_path: Path) -> None:
    with a_project(tmp_path / "p", (3,)) as project:
        [series] = project.series()
        a, b, c = series.members
        kim = project.person("Kim", role=Role.ANNOTATOR)
        project.record(
            [
                NewAnswer("c1", kim.id, series.id, a.id, b.id, Outcome.FIRST),
                NewAnswer("c2", kim.id, series.id, a.id, b.id, Outcome.SECOND, replaces="c1"),
                NewAnswer("c3", kim.id, series.id, b.id, c.id, Outcome.BAD),
                NewAnswer("c4", kim.id, series.id, a.id, c.id, Outcome.FIRST),
            ]
        )
        project.mark(c.id, "defect", by="owner")

        result = calibrate_project(project)

    assert [answer.client_id for answer in result.answers] == ["c2"]
    assert result.found.series[0].fit.scores[1] > result.found.series[0].fit.scores[0]


def test_an_empty_project_can_be_calibrated(tmp_path: Path) -> None:
    with a_project(tmp_path / "p", (2,)) as project:
        document = calibration_document(calibrate_project(project))
    with Project.create(str(tmp_path / "q")) as nothing:
        assert calibration_document(calibrate_project(nothing))["series"] == []

    assert document["answers"] == 0 and document["labelled"] == 0


def test_a_simulated_round_finds_the_order_that_the_people_had(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    strengths = rng.normal(0, 1.5, 9)
    with a_project(tmp_path / "p", (9,), files=tmp_path / "photos") as project:
        project.change_plan(Plan(votes=6, gold_share=0, repeat_share=0.2))
        desk = Desk(project, chance=random.Random(4))
        place = {member.id: i for i, member in enumerate(project.series()[0].members)}
        people = [project.person(f"p{i}", role=Role.ANNOTATOR).id for i in range(6)]
        number = 0
        for person in people:
            while pairs := desk.next_pairs(person, 1):
                [asked] = pairs
                number += 1
                d = strengths[place[asked.left]] - strengths[place[asked.right]]
                choice = "left" if rng.random() < 1 / (1 + np.exp(-d)) else "right"
                desk.record(
                    person, [Given(f"answer-{number}", asked.series, asked.left, asked.right, choice)]
                )

        result = calibrate_project(project)

    found = result.found.series[0].fit.scores
    assert spearmanr(found, strengths).statistic > 0.85
    assert result.found.repeats.of > 5


def test_gold_pairs_show_who_is_right(tmp_path: Path) -> None:
    with a_project(tmp_path / "p", (4,)) as project:
        let_answer(project, "Kim")
        let_answer(project, "Lee", better=lambda a, b: a > b)
        one = project.series()[0]
        project.set_gold([GoldPair(one.id, one.members[3].id, one.members[0].id, Outcome.SECOND)])

        people = {p["name"]: p for p in calibration_document(calibrate_project(project))["annotators"]}

    assert (people["Kim"]["gold"]["value"], people["Lee"]["gold"]["value"]) == (1.0, 0.0)


def test_a_file_of_votes_becomes_ranks(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    rows = [
        f"{a},{b},{a},{who}"
        for who in "xyz"
        for a, b in combinations(("best.jpg", "mid.jpg", "worst.jpg"), 2)
    ]
    path.write_text("\n".join(["a,b,winner,annotator", *rows]) + "\n")

    rows = list(csv.DictReader(b"".join(rank_lines(calibrate_path(str(path)))).decode().splitlines()))

    assert [(row["rank"], row["photo"]) for row in rows] == [
        ("1", "best.jpg"),
        ("2", "mid.jpg"),
        ("3", "worst.jpg"),
    ]
    assert all(row["series"] == "votes" and row["answers"] == "6" for row in rows)
    with pytest.raises(PathNotFoundError):
        calibrate_path(str(tmp_path / "nothing"))


def answered(folder: Path) -> Project:
    project = a_project(folder / "p", files=folder / "photos")
    for name in ("Kim", "Lee", "Ann", "Ben", "Eve", "Dan"):
        let_answer(
            project, name, better=lambda a, b: a > b, chips=("sharpness",), sentence=f"{name} sees it."
        )
        let_answer(project, name, series=1)
        let_answer(project, f"{name} too", series=1)
    return project


def test_labels_have_words_of_the_winning_side_with_the_better_photo_first(tmp_path: Path) -> None:
    with answered(tmp_path) as project:
        let_answer(project, "Odd", better=lambda a, b: a < b, sentence="nobody else thinks so")
        dataset = labels_of(calibrate_project(project))

    pairs = dataset.series[0].pairs
    assert pairs and all(pair.a > pair.b and pair.p > 0.5 for pair in pairs)
    assert pairs[0].text.startswith("Kim sees it; Lee sees it") and pairs[0].text.endswith("sharper")
    assert "nobody else" not in pairs[0].text
    assert pairs[0].n == 7
    assert dataset.series[0].ranks == (4, 3, 2, 1)
    assert all(pair.text is None for pair in dataset.series[1].pairs)


@pytest.mark.parametrize("layout", ["manifest", "parquet", "fgaesthetics"])
def test_what_is_exported_is_read_again_with_the_same_labels(tmp_path: Path, layout: str) -> None:
    out = tmp_path / "out"
    with answered(tmp_path) as project:
        result = calibrate_project(project)
    wanted = {one.series: one for one in labels_of(result).series}

    exported = export_labels(result, str(out), layout)

    read = {"parquet": read_parquet, "fgaesthetics": read_fgaesthetics}.get(layout)
    dataset = load_dataset(str(out), None) if read is None else read(str(out))
    assert exported.series == len(dataset.series) == 2
    for labelled, original in zip(dataset.series, wanted.values(), strict=True):
        assert labelled.ranks == original.ranks
        assert [(p.a, p.b) for p in labelled.pairs] == [(p.a, p.b) for p in original.pairs]
        assert [p.p for p in labelled.pairs] == pytest.approx([p.p for p in original.pairs], abs=1e-12)
        assert all((out / photo).is_file() and not (out / photo).is_symlink() for photo in labelled.photos)
    card = (out / "README.md").read_text()
    assert "Kim" not in card and "| answers | 72 by 12 people |" in card and "](calibration.svg)" in card
    assert "Kim" not in (out / "calibration.svg").read_text()
    assert sorted(path.name for path in out.iterdir() if path.name.startswith(".")) == []


def test_a_photo_that_is_gone_or_has_changed_stops_the_export(tmp_path: Path) -> None:
    with answered(tmp_path) as project:
        result = calibrate_project(project)
    save_photo(scene(99, (60, 40)), tmp_path / "photos" / "1-0.jpg")
    with pytest.raises(OutputError, match=r"'1-0\.jpg' of series 's1' has changed since it was judged"):
        export_labels(result, str(tmp_path / "out"))
    (tmp_path / "photos" / "1-0.jpg").unlink()
    with pytest.raises(OutputError, match=r"'1-0\.jpg' of series 's1' is not there"):
        export_labels(result, str(tmp_path / "out"))

    assert export_labels(result, str(tmp_path / "bare"), with_photos=False).series == 2


def test_without_a_label_there_is_nothing_to_export(tmp_path: Path) -> None:
    with a_project(tmp_path / "p") as project, pytest.raises(UsageError, match="no pair can be told apart"):
        export_labels(calibrate_project(project), str(tmp_path / "out"))


def test_the_manifest_of_a_project_becomes_the_same_project_again(tmp_path: Path, own_state: Path) -> None:
    with answered(tmp_path) as project:
        export_labels(calibrate_project(project), str(tmp_path / "out"))
    with Project.create(str(tmp_path / "again")) as again:
        filled = add_manifest(again, str(tmp_path / "out"))
        ranks = [list(one.ranks) for one in calibrate_project(again).found.series]

    assert (filled.series, filled.photos) == (2, 7) and filled.votes > 0
    assert ranks == [[4, 3, 2, 1], [1, 2, 3]]


def test_answers_leave_as_csv_and_come_in_again_as_they_were(tmp_path: Path, own_state: Path) -> None:
    with answered(tmp_path) as project:
        before = calibrate_project(project)
        (tmp_path / "answers.csv").write_bytes(b"".join(answer_lines(project)))
    with Project.create(str(tmp_path / "again")) as again, Library(load_settings()) as library:
        first = fill_project(again, [str(tmp_path / "answers.csv")], library)
        second = fill_project(again, [str(tmp_path / "answers.csv")], library)
        after = calibrate_project(again)

    assert first.votes == 72 and (second.votes, second.known_votes) == (0, 72)
    for old, new in zip(before.found.series, after.found.series, strict=True):
        assert new.fit.scores == pytest.approx(old.fit.scores, abs=1e-6)
