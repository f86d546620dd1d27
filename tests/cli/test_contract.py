"""The contract of the command line: documents, exit codes, streams."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from finepick import __version__
from tests.conftest import Finepick, save_photo, scene

pytestmark = pytest.mark.slow


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


@pytest.mark.parametrize("model", ["measured", "builtin"])
def test_models_path_names_a_file_that_is_there(finepick: Finepick, model: str) -> None:
    run = finepick("models", "path", model)

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


@pytest.mark.parametrize("target", ["burst_2.jpg", "map.jpg", "burst_2.jpg.xmp", "-", "", "folder.png"])
def test_a_map_never_goes_over_a_photo_or_anything_but_a_png(
    finepick: Finepick, shoot: Path, target: str
) -> None:
    (shoot / "folder.png").mkdir()
    before = (shoot / "burst_2.jpg").read_bytes()

    run = finepick("compare", "burst_2.jpg", "burst_4.jpg", "--map", target, cwd=shoot)

    assert run.code == 2
    assert (shoot / "burst_2.jpg").read_bytes() == before
    assert not (shoot / "-").exists()


def test_a_map_does_not_replace_a_photo_that_is_a_png(finepick: Finepick, shoot: Path) -> None:
    before = (shoot / "pair a.png").read_bytes()

    run = finepick(
        "compare", shoot / "pair a.png", shoot / "pair b.png", "--map", shoot / "pair a.png", "--json"
    )

    assert run.code == 2
    assert run.document["error"]["kind"] == "usage"
    assert (shoot / "pair a.png").read_bytes() == before


def test_a_terminal_that_knows_no_unicode_is_no_reason_to_fail(
    finepick: Finepick, shoot: Path, tmp_path: Path
) -> None:
    save_photo(scene(9, (160, 120)), shoot / "emoji 🌅.jpg")
    plain = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}

    for words in (
        ("pick", shoot, "--out", tmp_path / "o"),
        ("score", shoot),
        ("doctor",),
        ("models", "list"),
    ):
        run = finepick(*words, environment=plain)
        assert run.code == 0
        assert "Traceback" not in run.err


@pytest.mark.parametrize("keep", [("--keep", "0"), ("--keep-per-series", "0")])
@pytest.mark.parametrize("wish", [("--xmp", "--xmp-rejects"), ("--copy-keeps", "k")])
def test_a_whole_shoot_is_never_rejected_by_an_empty_selection(
    finepick: Finepick, shoot: Path, keep: tuple[str, str], wish: tuple[str, str]
) -> None:
    run = finepick("pick", shoot, *keep, *wish, cwd=shoot)

    assert run.code == 2
    assert not list(shoot.rglob("*.xmp"))


@pytest.mark.parametrize(
    "words", [("--keep", "-1", "."), ("--no-such-option", "."), ("--group", "x", "."), ()]
)
def test_wrong_usage_has_a_document_whoever_finds_it(finepick: Finepick, words: tuple[str, ...]) -> None:
    run = finepick("pick", *words, "--json")

    assert run.code == 2
    assert run.document["error"]["kind"] == "usage"


def test_json_as_a_file_name_is_a_file_name(finepick: Finepick, tmp_path: Path) -> None:
    run = finepick("pick", "--", "--json", cwd=tmp_path)

    assert run.code == 1
    assert run.out == ""


def test_a_folder_is_not_a_photo_to_compare(finepick: Finepick, shoot: Path) -> None:
    run = finepick("compare", shoot / "deep", shoot / "burst_2.jpg", "--json")

    assert run.code == 2
    assert "is a folder" in run.err


@pytest.mark.skipif(os.name != "posix", reason="POSIX devices")
def test_a_full_disk_under_standard_output_is_one_line(finepick: Finepick, shoot: Path) -> None:
    done = subprocess.run(
        f"exec {sys.executable} -m finepick pick '{shoot}' --json > /dev/full",
        shell=True,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("finepick: error: standard output")


@pytest.mark.skipif(os.name != "posix", reason="POSIX shells")
def test_a_closed_standard_output_is_survived(finepick: Finepick, shoot: Path) -> None:
    for redirection in (">&-", "2>&-", "| head -c 1"):
        command = f"{sys.executable} -m finepick pick '{shoot}' {redirection}"
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
        assert "Traceback" not in done.stderr


def test_a_jpeg_whose_raw_is_broken_is_a_photo_of_its_own(finepick: Finepick, tmp_path: Path) -> None:
    pytest.importorskip("rawpy", reason="needs the extra 'raw'")
    folder = tmp_path / "pair"
    save_photo(scene(1, (200, 150)), folder / "IMG_1.JPG")
    (folder / "IMG_1.CR2").write_bytes(b"II*\0\x10\0\0\0CR\x02\0" + bytes(500))

    document = finepick("pick", folder, "--json").document

    assert [Path(photo["path"]).name for series in document["series"] for photo in series["photos"]] == [
        "IMG_1.JPG"
    ]
    assert [Path(one["path"]).name for one in document["skipped"]] == ["IMG_1.CR2"]


def test_a_path_that_is_too_long_is_not_taken_for_an_unplugged_disk(
    finepick: Finepick, tmp_path: Path
) -> None:
    run = finepick("pick", tmp_path / ("x" * 300), "--json")

    assert run.code == 1
    assert run.document["error"]["kind"] != "path_vanished"


def test_quiet_is_understood_everywhere(finepick: Finepick, shoot: Path) -> None:
    for words in (("doctor",), ("models", "list"), ("models", "path", "measured"), ("score", shoot)):
        assert finepick(*words, "--quiet", "--json").code == 0
