"""The contract of the command line: documents, exit codes, streams."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from finepick import __version__
from tests.conftest import Finepick, save_photo, scene


def test_pick_finds_the_sharp_frame_of_the_burst(finepick: Finepick, shoot: Path) -> None:
    run = finepick("pick", shoot, "--json")

    assert run.code == 0
    assert run.err == ""
    document = run.document
    burst = next(series for series in document["series"] if series["kind"] == "burst")
    assert Path(burst["best"]).name == "burst_2.jpg"
    assert len(burst["photos"]) == 5
    assert [photo["rank"] for photo in burst["photos"]] == [1, 2, 3, 4, 5]
    assert any(reason["attribute"] == "sharpness" for reason in burst["photos"][0]["reasons"])


def test_the_document_of_pick_is_the_one_promised(finepick: Finepick, shoot: Path) -> None:
    document = finepick("pick", shoot, "--json").document

    assert document["finepick"] == __version__
    assert set(document["model"]) == {"name", "version", "fingerprint"}
    assert document["counts"] == {"photos": 9, "series": len(document["series"]), "skipped": 3, "ignored": 1}
    assert {Path(one["path"]).name: one["stage"] for one in document["skipped"]} == {
        "zero.jpg": "find",
        "words.jpg": "find",
        "cut.jpg": "read",
    }
    for series in document["series"]:
        photos = series["photos"]
        assert sum(photo["p_best"] for photo in photos) == pytest.approx(1)
        assert series["best"] == photos[0]["path"]
        assert [photo["score"] for photo in photos] == sorted(
            (photo["score"] for photo in photos), reverse=True
        )
        assert [photo["keep"] for photo in photos] == [True] + [False] * (len(photos) - 1)
        for photo in photos:
            assert photo["coarse"] is None or 1 <= photo["coarse"] <= 10
            assert photo["path"].startswith(f"{shoot}{os.sep}")
    singles = [series for series in document["series"] if series["kind"] == "single"]
    assert all(series["photos"][0]["p_best"] == 1 and not series["too_close"] for series in singles)


def test_paths_are_spelt_as_given(finepick: Finepick, shoot: Path) -> None:
    document = finepick("pick", "./shoot", "--json", cwd=shoot.parent).document

    assert all(
        photo["path"].startswith("./shoot/") for series in document["series"] for photo in series["photos"]
    )


def test_rank_makes_one_series_of_what_it_is_given(finepick: Finepick, shoot: Path) -> None:
    run = finepick(
        "rank", shoot / "burst_0.jpg", shoot / "deep" / "single.jpg", shoot / "pair a.png", "--json"
    )

    assert run.code == 0
    [series] = run.document["series"]
    assert len(series["photos"]) == 3


def test_compare_says_which_and_why(finepick: Finepick, shoot: Path, tmp_path: Path) -> None:
    sharp, soft, drawn = shoot / "burst_2.jpg", shoot / "burst_4.jpg", tmp_path / "map.png"

    run = finepick("compare", sharp, soft, "--json", "--map", drawn)

    assert run.code == 0
    document = run.document
    assert (document["a"], document["b"], document["winner"]) == (str(sharp), str(soft), "a")
    assert document["p_a"] > 0.55
    assert document["reasons"]
    assert drawn.read_bytes().startswith(b"\x89PNG")


def test_compare_is_antisymmetric_and_a_photo_ties_with_itself(finepick: Finepick, shoot: Path) -> None:
    sharp, soft = shoot / "burst_2.jpg", shoot / "burst_4.jpg"
    forth = finepick("compare", sharp, soft, "--json").document
    back = finepick("compare", soft, sharp, "--json").document
    same = finepick("compare", sharp, sharp, "--json").document

    assert forth["p_a"] == pytest.approx(1 - back["p_a"], abs=1e-9)
    assert (forth["winner"], back["winner"]) == ("a", "b")
    assert (same["winner"], same["p_a"]) == ("tie", pytest.approx(0.5))


def test_compare_fails_when_one_photo_is_unreadable(finepick: Finepick, shoot: Path) -> None:
    run = finepick("compare", shoot / "burst_2.jpg", shoot / "cut.jpg", "--json")

    assert run.code == 1
    assert run.document["finepick"] == __version__
    assert set(run.document["error"]) == {"kind", "message", "path"}
    assert "cut.jpg" in run.err
    assert "Traceback" not in run.err


def test_score_lists_photos_in_the_order_found(finepick: Finepick, shoot: Path, tmp_path: Path) -> None:
    table = tmp_path / "scores.csv"
    run = finepick("score", shoot / "pair b.png", shoot, "--json", "--out", table)

    assert run.code == 0
    paths = [photo["path"] for photo in run.document["photos"]]
    assert paths[0] == str(shoot / "pair b.png")
    assert paths[1:] == sorted(paths[1:])
    assert len(paths) == len(set(paths)) == 9
    assert table.read_text().startswith("path,coarse")


def test_a_path_that_is_not_there_is_an_error_of_one_line(finepick: Finepick, tmp_path: Path) -> None:
    run = finepick("pick", tmp_path / "nowhere", "--json")

    assert run.code == 1
    assert run.document["error"]["kind"] == "path_not_found"
    assert run.document["error"]["path"] == str(tmp_path / "nowhere")
    assert len(run.err.strip().splitlines()) == 1
    assert run.err.startswith("finepick: error: ")


@pytest.mark.parametrize("content", [[], ["zero.jpg"], ["notes.txt"]])
def test_nothing_readable_is_not_success(finepick: Finepick, tmp_path: Path, content: list[str]) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    for name in content:
        (folder / name).write_bytes(b"")

    run = finepick("pick", folder, "--json")

    assert run.code == 1
    assert run.document["error"]["kind"] == "nothing_readable"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["pick"],
        ["pick", "--group", "nonsense", "."],
        ["pick", "--keep", "-1", "."],
        ["pick", "--xmp-rejects", "."],
        ["compare", "a.jpg"],
        ["frobnicate"],
        ["pick", "--no-such-option", "."],
        ["score", "--out", "scores.xyz", "."],
    ],
)
def test_wrong_usage_exits_with_2(finepick: Finepick, words: list[str], tmp_path: Path) -> None:
    run = finepick(*words, cwd=tmp_path)

    assert run.code == 2
    assert "Traceback" not in run.err


def test_an_unknown_model_lists_the_known_ones(finepick: Finepick, shoot: Path) -> None:
    run = finepick("pick", shoot, "--model", "nonsense", "--json")

    assert run.code == 1
    assert run.document["error"]["kind"] == "unknown_scorer"
    assert "sharpness" in run.err and "measured" in run.err


@pytest.mark.parametrize("verb", ["pick", "rank", "compare", "score", "models", "doctor"])
def test_every_verb_has_help_with_an_example(finepick: Finepick, verb: str) -> None:
    run = finepick(verb, "--help") if verb != "models" else finepick(verb, "list", "--help")

    assert run.code == 0
    assert f"finepick {verb}" in run.out


def test_the_version_is_printed(finepick: Finepick) -> None:
    assert finepick("--version").out == f"finepick {__version__}\n"


def test_doctor_and_models_have_documents_too(finepick: Finepick) -> None:
    checks = finepick("doctor", "--json").document["checks"]
    models = finepick("models", "list", "--json").document["models"]

    assert {"finepick", "cache", "reading processes"} <= {check["name"] for check in checks}
    assert {"sharpness", "measured"} <= {model["name"] for model in models}


def test_models_path_names_a_file_that_is_there(finepick: Finepick) -> None:
    run = finepick("models", "path", "measured")

    assert run.code == 0
    assert Path(run.out.strip()).is_file()


def test_out_writes_report_tables_and_the_same_document(
    finepick: Finepick, shoot: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report"
    run = finepick("pick", shoot, "--json", "--out", out)

    assert json.loads((out / "picks.json").read_text()) == run.document
    assert (out / "report.html").stat().st_size > 10_000
    rows = (out / "picks.csv").read_text().splitlines()
    assert rows[0] == "series,kind,too_close,path,rank,score,coarse,p_best,keep,reason"
    assert len(rows) == 1 + 9


def test_originals_are_never_touched(finepick: Finepick, shoot: Path, tmp_path: Path) -> None:
    before = {
        path: (path.stat().st_mtime_ns, path.read_bytes()) for path in shoot.rglob("*") if path.is_file()
    }

    run = finepick(
        "pick",
        shoot,
        "--out",
        tmp_path / "r",
        "--copy-keeps",
        tmp_path / "k",
        "--manifest",
        tmp_path / "m",
        "--xmp",
    )

    assert run.code == 0
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in before} == before


def test_names_of_any_kind_work(finepick: Finepick, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    names = ["a b.jpg", "emoji 🌅.jpg", "line\nbreak.jpg", "quote'\".jpg", "<b>.jpg", "-n.jpg"]
    if os.name == "posix":
        names.append(os.fsdecode(b"latin\xe9.jpg"))
    for i, name in enumerate(names):
        save_photo(scene(i, (120, 80)), folder / name)

    run = finepick("pick", folder, "--json", "--out", tmp_path / "out", "--copy-keeps", tmp_path / "keeps")
    table = finepick("pick", folder)

    found = {photo["path"] for series in run.document["series"] for photo in series["photos"]}
    assert found == {str(folder / name) for name in names}
    assert run.out.isascii()
    assert table.code == 0
    assert sorted(os.listdir(tmp_path / "keeps")) == sorted(names)


def test_a_second_run_uses_what_is_remembered_and_says_the_same(finepick: Finepick, shoot: Path) -> None:
    first, second = finepick("pick", shoot, "--json"), finepick("pick", shoot, "--json")
    fresh = finepick("pick", shoot, "--json", "--fresh")

    assert first.out == second.out == fresh.out


def test_keep_is_a_budget_for_the_whole_shoot(finepick: Finepick, shoot: Path) -> None:
    for budget in (0, 1, 3, 6, 100):
        document = finepick("pick", shoot, "--json", "--keep", str(budget)).document
        kept = sum(photo["keep"] for series in document["series"] for photo in series["photos"])
        assert kept == min(budget, 9)


@pytest.mark.parametrize(("rule", "count"), [("one", 1), ("single", 9), ("folder", 2)])
def test_series_are_found_as_told(finepick: Finepick, shoot: Path, rule: str, count: int) -> None:
    assert len(finepick("pick", shoot, "--json", "--group", rule).document["series"]) == count


def test_what_was_written_into_the_shoot_is_not_taken_for_photos(finepick: Finepick, shoot: Path) -> None:
    plain = finepick("pick", shoot, "--json").document["counts"]
    leaving = (
        "--out",
        shoot / "report",
        "--copy-keeps",
        shoot / "keeps",
        "--manifest",
        shoot / "set",
        "--json",
    )
    first, second = finepick("pick", shoot, *leaving), finepick("pick", shoot, *leaving)

    assert first.document["counts"]["photos"] == second.document["counts"]["photos"] == plain["photos"]
    assert finepick("pick", shoot / "keeps", "--json").document["counts"]["photos"] == len(
        os.listdir(shoot / "keeps")
    )
