"""Tables for terminals, Markdown and LaTeX, the document, and the published figures."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from finepick.datasets.records import Dataset, LabelledSeries, Remark
from finepick.domain import ModelInfo, Skipped, Stage
from finepick.evaluation import published
from finepick.evaluation.bootstrap import Bootstrap
from finepick.evaluation.labels import choose_benchmark
from finepick.evaluation.measuring import Answers, difference, measure, verdicts_from
from finepick.evaluation.results import AGAINST, ASKED, FLOOR, Column, Evaluation
from finepick.evaluation.tables import (
    VERDICT_COLUMNS,
    evaluation_document,
    grids_of,
    notes_of,
    rich_table,
    to_latex,
    to_markdown,
    verdicts_csv,
)
from finepick.exports.documents import to_json


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    """Two categories of drawn labels, one model, one to be compared with, one measurement."""
    rng = np.random.default_rng(1)
    many = tuple(
        LabelledSeries(
            f"s{i}",
            tuple(f"{i}_{k}.jpg" for k in range(4)),
            scores=tuple(float(x) for x in rng.permutation(4)),
            category=["natural", "aigc"][i % 2],
        )
        for i in range(12)
    )
    benchmark = choose_benchmark(Dataset("my_set", "folder", many), ["test"])
    columns: list[Column] = []
    first = None
    for number, (name, role) in enumerate([("a_model", ASKED), ("b|c&d", AGAINST), ("measurement:x", FLOOR)]):
        fine = tuple(np.array(one.scores) + rng.normal(0, number, 4) for one in many)
        answers = Answers(
            tuple(map(verdicts_from, fine, benchmark.pairs)),
            fine,
            np.concatenate(fine) if not number else None,
        )
        measures = measure(benchmark, answers, Bootstrap(200))
        info = ModelInfo(name, "1", "0" * 64)
        column = Column(name, role, info, None, measures.metrics, measures.by_category, answers)
        columns.append(column if first is None else replace(column, behind=difference(first, measures)))
        first = first or measures
    remarks = (Remark("tie", "series.jsonl:3", "one"), Remark("tie", "series.jsonl:9", "two"))
    skipped = (Skipped("folder/x.jpg", Stage.READ, "cut short"),)
    return Evaluation("my_set", ("test",), 0.3, benchmark, tuple(columns), Bootstrap(200), remarks, skipped)


def test_the_document_holds_what_the_contract_promises(evaluation: Evaluation) -> None:
    document = json.loads(to_json(evaluation_document(evaluation)))

    assert document["model"] == {"name": "a_model", "version": "1", "fingerprint": "0" * 64}
    assert (document["dataset"], document["split"]) == ("my_set", "test")
    assert (document["n_series"], document["n_pairs"], document["n_photos"]) == (12, 72, 48)
    assert document["metrics"]["pair_acc"]["value"] == 1.0
    assert document["against"]["metrics"]["srcc"] is None
    assert [column["name"] for column in document["floor"]] == ["measurement:x"]
    assert set(document["against"]["behind"]["pair_acc"]) == {"value", "low", "high", "p_better"}
    assert document["skipped"] == [{"path": "folder/x.jpg", "stage": "read", "reason": "cut short"}]
    assert "published" not in document


def test_the_floor_stands_in_a_table_of_its_own(evaluation: Evaluation) -> None:
    titles = [grid.title for grid in grids_of(evaluation)]

    assert titles == [
        "my_set, test: 12 series, 72 pairs (means more than 0.3 apart), 48 photos",
        "By category",
        "Beside single measurements",
        "By how much a_model is better (paired bootstrap; at the end: how probable that it is better)",
    ]
    main, _, floor, behind = grids_of(evaluation)
    assert main.header == ("", "a_model", "b|c&d")
    assert [row[0] for row in main.rows][:3] == ["Acc", "F1", "s-Acc"]
    assert [row[0] for row in floor.rows] == ["a_model", "x"]
    assert [row[0] for row in behind.rows] == ["b|c&d", "x"]
    assert all(len(row) == len(grid.header) for grid in grids_of(evaluation) for row in grid.rows)


def test_figures_look_as_in_papers(evaluation: Evaluation) -> None:
    main = grids_of(evaluation)[0]

    assert main.rows[0][1] == "1.000 [1.00 1.00]"
    assert main.rows[0][2].startswith(".")
    assert main.rows[5] == ("SRCC", "1.000 [1.00 1.00]", "–")


def test_markdown_is_a_table_whatever_models_are_called(evaluation: Evaluation) -> None:
    text = to_markdown(grids_of(evaluation), notes_of(evaluation))

    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert "a\\_model" in text and "b\\|c&d" in text
    first = rows[: rows.index(next(row for row in rows if row.startswith("| category")))]
    assert {row.replace("\\|", "").count("|") for row in first} == {4}
    assert first[1] == "| --- | ---: | ---: |"


def test_latex_escapes_what_latex_would_trip_over(evaluation: Evaluation) -> None:
    text = to_latex(grids_of(evaluation), notes_of(evaluation))

    assert "a\\_model" in text and "b|c\\&d" in text
    assert "s-SRCC ($\\geq$ 3)" in text
    assert "−" not in text and "≥" not in text
    assert text.count("\\begin{tabular}") == text.count("\\end{tabular}") == 4
    tables = text.split("\\toprule")[1:]
    for table in tables:
        rows = [
            line.replace("\\&", "") for line in table.split("\\bottomrule")[0].splitlines() if "&" in line
        ]
        assert len({row.count("&") for row in rows}) == 1
        assert all(row.endswith(r"\\") for row in rows)


def test_a_terminal_gets_every_figure(evaluation: Evaluation) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=200)
    for grid in grids_of(evaluation, with_published=True, is_wide=False):
        console.print(rich_table(grid, str))

    assert "1.000 [1.00 1.00]" in stream.getvalue()
    assert "FGAesQ" in stream.getvalue()


def test_notes_say_what_was_odd_and_what_was_left_out(evaluation: Evaluation) -> None:
    bootstrap, skipped, remark = notes_of(evaluation)

    assert bootstrap.startswith("Brackets: 95% intervals by bootstrap over series")
    assert skipped == "Left out, 1 that could not be read: folder/x.jpg."
    assert remark == "About the labels, tie (2): series.jsonl:3: one."


def test_the_verdicts_hold_every_pair_once_a_model(evaluation: Evaluation) -> None:
    rows = list(csv.DictReader(io.StringIO(verdicts_csv(evaluation).decode())))

    assert tuple(rows[0]) == VERDICT_COLUMNS
    assert len(rows) == 3 * 72
    for model, column in zip(("a_model", "b|c&d", "measurement:x"), evaluation.columns, strict=True):
        mine = [row for row in rows if row["model"] == model]
        right = [row["right"] == "true" for row in mine]
        measured = column.metrics["pair_acc"]
        assert measured is not None and np.mean(right) == pytest.approx(measured.value)
        assert all((row["verdict"] == row["people"]) == (row["right"] == "true") for row in mine)
        assert all((float(row["score_a"]) > float(row["score_b"])) == (row["verdict"] == "a") for row in mine)


def test_the_published_summaries_follow_from_the_published_table() -> None:
    """.753 and .600 stand in the paper's ablation; our table must lead there, whatever was mistyped."""
    ours = {method.name: method for method in published.FINE}

    assert ours["FGAesQ"].pair == pytest.approx(0.753, abs=0.001)
    assert ours["FGAesQ"].series == pytest.approx(0.600, abs=0.001)
    assert len(ours) == 8
    for method in published.FINE:
        assert tuple(method.figures) == published.CATEGORIES
        for acc, f1, *_ in method.figures.values():
            assert acc == pytest.approx(f1, abs=0.0065)  # outcomes are about balanced in all three


def test_the_published_table_stands_above_ours_in_our_categories(evaluation: Evaluation) -> None:
    fine, coarse = grids_of(evaluation, with_published=True)[-2:]

    assert fine.rows[7][0] == "FGAesQ" and fine.rows[7][1:5] == (".779", ".779", ".753", ".729")
    assert fine.rows[8][0] == "a_model (here)"
    assert fine.rows[8][1] == "1.000" and fine.rows[8][9] == "–"  # natural is ours, too; cropping is not
    narrow = grids_of(evaluation, with_published=True, is_wide=False)[-4:-1]
    assert [len(grid.header) for grid in narrow] == [7, 7, 7]
    assert [grid.rows[7][1] for grid in narrow] == [".779", ".709", ".774"]
    assert coarse.rows[0] == ("FGAesQ on AVA", ".770", ".781")
    assert coarse.rows[-1][0] == "a_model on my_set (here)"
    document = evaluation_document(evaluation, with_published=True)
    assert document["published"]["coarse"]["AADB"] == {"srcc": 0.562, "plcc": 0.571}
    assert document["published"]["fine"][7]["aigc"]["s_acc"] == 0.561
