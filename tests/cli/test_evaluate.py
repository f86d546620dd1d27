"""`finepick evaluate` as people run it."""

from __future__ import annotations

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from finepick import __version__
from finepick import evaluate as evaluate_in_python
from finepick.evaluation.measuring import METRICS
from tests.conftest import Finepick
from tests.evaluation.drawn_sets import draw_set

pytestmark = pytest.mark.slow

FEW = ("--resamples", "100")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return draw_set(tmp_path / "my-series")


def check_metrics(metrics: dict[str, Any]) -> None:
    assert list(metrics) == list(METRICS)
    for measured in metrics.values():
        if measured is None:
            continue
        assert set(measured) == {"value", "low", "high", "n"}
        assert -1 <= measured["value"] <= 1 and measured["n"] >= 1
        assert (measured["low"] is None) == (measured["high"] is None)
        assert measured["low"] is None or measured["low"] <= measured["high"]


def check_model(model: dict[str, Any]) -> None:
    assert set(model) == {"name", "version", "fingerprint"}
    assert len(model["fingerprint"]) == 64


def test_the_document_is_the_one_promised_key_by_key(finepick: Finepick, folder: Path) -> None:
    run = finepick("evaluate", folder, "--against", "measurement:noise", "--floor", "--json", *FEW)

    assert (run.code, run.err) == (0, "")
    document = run.document
    assert list(document)[:9] == [
        *(
            "finepick",
            "model",
            "dataset",
            "split",
            "n_series",
            "n_pairs",
            "n_photos",
            "metrics",
            "by_category",
        )
    ]
    assert document["finepick"] == __version__
    check_model(document["model"])
    assert document["model"]["name"] == "builtin"
    assert (document["dataset"], document["split"]) == ("my-series", "test")
    assert (document["n_series"], document["n_pairs"], document["n_photos"]) == (4, 12, 12)
    check_metrics(document["metrics"])
    assert document["metrics"]["pair_acc"]["value"] == 1.0
    assert document["metrics"]["pair_acc"]["n"] == 12
    assert set(document["by_category"]) == {"natural", "aigc"}
    for metrics in document["by_category"].values():
        check_metrics(metrics)
        assert metrics["pair_acc"]["n"] == 6
    assert document["bootstrap"] == {"resamples": 100, "seed": 0, "level": 0.95}
    assert (document["others"], document["surplus"], document["skipped"]) == ([], [], [])
    assert (document["predictions"], document["min_gap"], document["remarks"]) == (None, 0.0, [])
    assert len(document["floor"]) == 11
    for column in (document["against"], *document["floor"]):
        assert set(column) == {"name", "model", "predictions", "metrics", "by_category", "behind", "surplus"}
        check_model(column["model"])
        check_metrics(column["metrics"])
        assert list(column["behind"]) == list(METRICS)
        for gap in filter(None, column["behind"].values()):
            assert set(gap) == {"value", "low", "high", "p_better"}
            assert 0 <= gap["p_better"] <= 1
    assert document["against"]["behind"]["srcc"] is None  # a measurement has no coarse score


def test_several_models_are_several_columns(finepick: Finepick, folder: Path) -> None:
    models = ("--model", "sharpness", "--model", "measured", "--model", "measurement:entropy")
    document = finepick("evaluate", folder, *models, "--json", *FEW).document
    shown = finepick("evaluate", folder, *models, *FEW)

    assert document["model"]["name"] == "sharpness"
    assert [column["name"] for column in document["others"]] == ["measured", "measurement:entropy"]
    assert shown.code == 0
    first_lines = shown.out.splitlines()[:3]
    assert first_lines[0].startswith("my-series, test: 4 series, 12 pairs, 12 photos")
    assert first_lines[1].split() == ["sharpness", "measured", "measurement:entropy"]
    assert "By how much sharpness is better" in shown.out


@pytest.mark.parametrize(
    ("name", "sign"),
    [("markdown", "| --- |"), ("latex", "\\toprule"), ("text", "FGAesQ"), ("json", '"fine"')],
)
def test_every_format_prints_the_published_table_beside(
    finepick: Finepick, folder: Path, name: str, sign: str
) -> None:
    run = finepick("evaluate", folder, "--format", name, "--published", *FEW)

    assert (run.code, run.err) == (0, "")
    assert sign in run.out
    assert "Q-Align" in run.out and "AADB" in run.out
    if name == "json":
        assert json.loads(run.out) == run.document


def test_predictions_need_no_pictures_and_missing_ones_are_listed(
    finepick: Finepick, folder: Path, tmp_path: Path
) -> None:
    names = sorted(path.name for path in folder.glob("*.png"))
    for name in names:
        (folder / name).unlink()
    table = tmp_path / "mine.csv"
    table.write_text("file,score\n" + "".join(f"{name},{-int(name[4])}\n" for name in names) + "x.png,1\n")

    run = finepick("evaluate", folder, "--predictions", table, "--json", *FEW)

    assert run.code == 0
    assert run.document["model"]["name"] == "mine.csv"
    assert run.document["predictions"] == str(table)
    assert run.document["surplus"] == ["x.png"]
    assert run.document["metrics"]["pair_acc"]["value"] == 1.0
    assert run.document["metrics"]["srcc"]["value"] == pytest.approx(1.0)

    table.write_text("file,score\n000-0.png,1\n")
    lacking = finepick("evaluate", folder, "--predictions", table, "--json")

    assert lacking.code == 1
    assert lacking.document["error"]["kind"] == "dataset"
    assert "11 photos have no prediction" in lacking.err and "000-1.png" in lacking.err
    assert "Traceback" not in lacking.err


def test_pairwise_predictions_are_measured_by_their_pairs(
    finepick: Finepick, folder: Path, tmp_path: Path
) -> None:
    table = tmp_path / "pairs.csv"
    rows = [f"s{n},{a},{b},.8\n" for n in range(4) for a, b in ((0, 1), (0, 2), (1, 2))]
    table.write_text("series,a,b,p\n" + "".join(rows))

    metrics = finepick("evaluate", folder, "--predictions", table, "--json", *FEW).document["metrics"]

    assert metrics["pair_acc"]["value"] == metrics["s_acc"]["value"] == 1.0
    assert metrics["srcc"] is None


def test_out_holds_the_pairs_with_both_verdicts(finepick: Finepick, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "pairs.csv"

    run = finepick("evaluate", folder, "--model", "measurement:noise", "--out", out, "--json", *FEW)

    with open(out, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == run.document["n_pairs"] == 12
    assert {row["people"] for row in rows} == {"a"}
    right = sum(row["verdict"] == row["people"] for row in rows)
    assert right / 12 == pytest.approx(run.document["metrics"]["pair_acc"]["value"])
    assert rows[0]["photo_a"] == "000-0.png"


def test_an_unreadable_photo_is_an_error_unless_it_may_be_left_out(finepick: Finepick, folder: Path) -> None:
    (folder / "001-2.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing else")

    refused = finepick("evaluate", folder, "--json", *FEW)
    allowed = finepick("evaluate", folder, "--json", "--skip-unreadable", *FEW)
    shown = finepick("evaluate", folder, "--skip-unreadable", *FEW)

    assert refused.code == 1
    assert "001-2.png" in refused.document["error"]["message"]
    assert refused.document["error"]["path"] == str(folder / "001-2.png")
    assert allowed.code == 0
    assert [Path(one["path"]).name for one in allowed.document["skipped"]] == ["001-2.png"]
    assert (allowed.document["n_photos"], allowed.document["n_pairs"]) == (11, 10)
    assert "Left out, 1 that could not be read" in shown.out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--split", "tset"), 2, "unknown split 'tset'"),
        (("--split", "val"), 1, "there is test"),
        (("--format", "html"), 2, "unknown format 'html'"),
        (("--min-gap", "-1"), 2, "--min-gap"),
        (("--model", "no-such"), 1, "there is no model called 'no-such'"),
        (("--predictions", "no-such.csv"), 1, "'no-such.csv' does not exist"),
        (("--out", "no/such/folder.csv"), 1, "its folder does not exist"),
        (("--out", "pairs.json"), 2, "written as CSV"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    finepick: Finepick, folder: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    run = finepick("evaluate", folder, *words, "--json", cwd=folder)

    assert run.code == code
    assert said in run.err
    assert set(run.document["error"]) == {"kind", "message", "path"}
    assert "Traceback" not in run.err


def test_a_folder_without_labels_is_an_error_that_says_so(finepick: Finepick, tmp_path: Path) -> None:
    run = finepick("evaluate", tmp_path, "--json")

    assert run.code == 1
    assert run.document["error"]["path"] is not None


def test_what_is_odd_about_labels_is_reported_and_not_refused(finepick: Finepick, tmp_path: Path) -> None:
    pairs = [
        {"a": 0, "b": 1, "p": 0.2, "n": 5},
        {"a": 0, "b": 1, "p": 0.2, "n": 5},
        {"a": 1, "b": 2, "p": 0.5},
    ]
    folder = draw_set(tmp_path / "odd", series=2, pairs=pairs, ranks=[1, 2, 3], scores=None)

    run = finepick("evaluate", folder, "--json", *FEW)

    assert run.code == 0
    assert run.document["n_pairs"] == 2
    kinds = [remark["kind"] for remark in run.document["remarks"]]
    assert {"contradicts_ranks", "duplicate_pair", "tie"} <= set(kinds)
    assert all(set(remark) == {"kind", "place", "text"} for remark in run.document["remarks"])


def test_a_seed_gives_the_same_document_and_python_gives_the_same_figures(
    finepick: Finepick, folder: Path
) -> None:
    once = finepick("evaluate", folder, "--json", "--seed", "7", *FEW)
    again = finepick("evaluate", folder, "--json", "--seed", "7", *FEW)
    result = evaluate_in_python(folder, seed=7, resamples=100)

    assert once.out == again.out
    for name, measured in result.metrics.items():
        expected = once.document["metrics"][name]
        assert (measured is None) == (expected is None)
        if measured is not None:
            assert (measured.value, measured.low, measured.high, measured.n) == tuple(expected.values())


def studies(home: Path) -> dict[str, int]:
    databases = list((home / "cache").glob("*.sqlite3"))
    if not databases:
        return {}
    try:
        with sqlite3.connect(f"file:{databases[0]}?mode=ro", uri=True) as connection:
            return dict(connection.execute("select key, rowid from studies where kind = 'series'").fetchall())
    except sqlite3.OperationalError:  # not yet made
        return {}


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_a_run_that_was_killed_goes_on_where_it_was(
    finepick: Finepick, own_state: Path, tmp_path: Path
) -> None:
    folder = draw_set(tmp_path / "many", series=10, size=(700, 500))
    words = ("evaluate", str(folder), "--json", *FEW)
    process = subprocess.Popen(
        [sys.executable, "-m", "finepick", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "FINEPICK_WORKERS": "1"},  # slow enough to be caught in the middle
    )
    end = time.monotonic() + 120
    while len(studies(own_state)) < 3 and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    out, _ = process.communicate(timeout=60)
    before = studies(own_state)

    assert process.returncode == -signal.SIGKILL
    assert out == b""
    assert 3 <= len(before) < 10
    resumed = finepick(*words)
    after = studies(own_state)
    whole = finepick(*words, environment={"FINEPICK_HOME": str(tmp_path / "elsewhere")})

    assert resumed.code == 0
    assert len(after) == 10
    assert {key: after[key] for key in before} == before
    assert resumed.out == whole.out
