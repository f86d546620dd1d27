"""`annotate`, `import` and `calibrate` as people type them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finepick.project.store import Project
from tests.conftest import Finepick

VOTES = "series,a,b,winner,annotator\n" + "".join(
    f"heron,{a},{b},{a},{who}\n" for who in ("Ann", "Ben", "Eve", "Dan", "Fay") for a, b in
    (("1.jpg", "2.jpg"), ("2.jpg", "3.jpg"), ("1.jpg", "3.jpg"))
)  # fmt: skip


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    path = tmp_path / "votes.csv"
    path.write_text(VOTES)
    return path


def test_a_csv_of_votes_becomes_ranks_in_one_command(finepick: Finepick, votes: Path, tmp_path: Path) -> None:
    run = finepick("calibrate", votes, "--ranks", tmp_path / "ranks.csv")

    assert run.code == 0
    lines = (tmp_path / "ranks.csv").read_text().splitlines()
    assert [line.split(",")[:3] for line in lines[1:]] == [
        ["heron", "1", "1.jpg"], ["heron", "2", "2.jpg"], ["heron", "3", "3.jpg"],
    ]  # fmt: skip
    assert "15 answers; two people agree on a pair 100 %" in run.out
    document = finepick("calibrate", votes, "--json").document
    assert [photo["rank"] for photo in document["series"][0]["photos"]] == [1, 2, 3]


def test_what_pick_wrote_becomes_a_project_in_one_command(
    finepick: Finepick, shoot: Path, tmp_path: Path
) -> None:
    manifest = tmp_path / "manifest"
    assert finepick("pick", shoot, "--manifest", manifest, "--quiet").code == 0

    run = finepick("annotate", manifest, "--no-serve", "--invite", "Kim", "--json")

    assert run.code == 0
    assert run.document["added"]["series"] == 2 and run.document["added"]["votes"] == 0
    with Project.open(str(manifest)) as project:
        assert project.annotator_of(run.document["links"]["Kim"]).name == "Kim"
        assert all(
            member.path.startswith(str(manifest)) for one in project.series() for member in one.members
        )


def test_a_folder_of_photos_becomes_a_project_and_can_be_filled_further(
    finepick: Finepick, shoot: Path, tmp_path: Path, votes: Path
) -> None:
    project = tmp_path / "project"
    first = finepick("annotate", project, "--from", shoot, "--no-serve", "--votes", "5", "--policy", "swiss")
    again = finepick("annotate", project, "--from", shoot, "--no-serve")
    third = finepick("import", project, votes, "--json")

    assert first.code == again.code == third.code == 0
    assert "Added: 2 series, 7 photos." in first.err
    assert "cut.jpg (read): cut off: the file ends in the middle of the picture" in first.err
    assert "Added: nothing new." in again.err
    assert third.document["added"] == {"series": 1, "photos": 3, "votes": 15, "known_votes": 0, "gold": 0}
    with Project.open(str(project)) as opened:
        assert (opened.plan.votes, opened.plan.policy) == (5, "swiss")


def test_gold_votes_are_about_photos_that_are_there(finepick: Finepick, votes: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    finepick("import", project, votes)
    gold, wrong = tmp_path / "gold.csv", tmp_path / "wrong.csv"
    gold.write_text("series,a,b,winner\nheron,1.jpg,3.jpg,a\n")
    wrong.write_text("series,a,b,winner\nheron,1.jpg,9.jpg,a\n")

    assert finepick("import", project, gold, "--gold", "--json").document["added"]["gold"] == 1
    refused = finepick("import", project, wrong, "--gold")

    assert refused.code == 2
    assert "wrong.csv:2: there is no photo '9.jpg' in a series 'heron' of this project" in refused.err


def test_a_data_set_with_its_card(finepick: Finepick, votes: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = finepick(
        "calibrate", votes, "--export", "fgaesthetics", "--out", out, "--category", "natural", "--no-photos"
    )

    assert run.code == 0
    assert (out / "README.md").is_file() and "fgaesthetics" in (out / "README.md").read_text()
    [labels] = out.glob("natural_*.txt")
    assert all(len(line.split()) == 6 for line in labels.read_text().splitlines())


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("calibrate", "nothing"), 1, "there is no project in 'nothing'"),
        (
            ("calibrate", "votes.csv", "--export", "manifest"),
            2,
            "--export says in which layout, --out where to",
        ),
        (("calibrate", "votes.csv", "--export", "odd", "--out", "o"), 2, "'odd' is no layout"),
        (
            ("annotate", "p", "--no-serve", "--policy", "odd"),
            2,
            "there is no policy 'odd'; there are information",
        ),
        (("annotate", "p", "--no-serve", "--database", "mysql://x/y"), 2, "--database takes postgresql://"),
        (("annotate", "p", "--host", "0.0.0.0"), 2, "set a password in FINEPICK_PASSWORD"),
        (("annotate", "p", "--from", "nowhere", "--no-serve"), 1, "'nowhere' does not exist"),
        (("import", "p", "broken.csv"), 1, "broken.csv, line 1: the columns x do not say who was compared"),
    ],
)
def test_bad_words_and_inputs_are_named(
    finepick: Finepick, votes: Path, tmp_path: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    (tmp_path / "broken.csv").write_text("x\n1\n")

    run = finepick(*words, cwd=tmp_path)

    assert (run.code, message in run.err) == (code, True), run.err
    assert "Traceback" not in run.err
    failed = finepick(*words, "--json", cwd=tmp_path)
    assert set(json.loads(failed.out)) == {"finepick", "error"}
