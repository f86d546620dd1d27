"""CSV and Parquet, read back by programs that know nothing of Finepick."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys

import pytest

from finepick.domain import CoarseScore, ScoreResult
from finepick.errors import OutputError, UsageError
from finepick.exports.tables import (
    check_scores_path,
    write_picks,
    write_picks_csv,
    write_picks_parquet,
    write_scores,
)

from .results import DARKER, MODEL, SHARPER, kept_whole, photo, ranked, result

COLUMNS = ["series", "kind", "too_close", "path", "rank", "score", "coarse", "p_best", "keep", "reason"]
ODD = os.fsdecode(b"caf\xe9.jpg")


def two_series():
    burst = ranked(
        photo("b.jpg"),
        photo("a.jpg"),
        scores=(0.0, 1.5),
        coarse=(5.0, 6.25),
        why=((DARKER,), (DARKER, SHARPER)),
        too_close=True,
    )
    return result(burst, kept_whole(photo("z.jpg"), photo("y.jpg")))


def test_the_csv_has_the_columns_of_the_contract_and_one_row_a_photo(tmp_path):
    path = tmp_path / "picks.csv"

    write_picks_csv(two_series(), str(path))

    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == COLUMNS
    first = dict(zip(header, rows[0], strict=True))
    p_best = float(first.pop("p_best"))
    assert p_best == pytest.approx(0.81757447619)
    assert first == {
        "series": "s0001",
        "kind": "burst",
        "too_close": "true",
        "path": "a.jpg",
        "rank": "1",
        "score": "1.5",
        "coarse": "6.25",
        "keep": "true",
        "reason": "Sharper than b.jpg.",
    }
    assert [row[3] for row in rows] == ["a.jpg", "b.jpg", "z.jpg", "y.jpg"]
    assert rows[2] == ["s0002", "bracket", "false", "z.jpg", "", "", "", "", "true", ""]


def test_csv_lines_end_as_the_rfc_says_and_there_is_no_byte_order_mark(tmp_path):
    path = tmp_path / "picks.csv"

    write_picks_csv(two_series(), str(path))

    content = path.read_bytes()
    assert content.startswith(b"series,kind,")
    assert content.count(b"\r\n") == content.count(b"\n") == 5


def test_any_path_is_exact_in_csv(tmp_path):
    names = [
        ODD,
        'say "cheese".jpg',
        "a,b.jpg",
        "new\nline.jpg",
        "return\r.jpg",
        " spaces .jpg",
        "🌅.jpg",
        "=1+1.jpg",
    ]
    path = tmp_path / "picks.csv"

    write_picks_csv(result(ranked(*map(photo, names), scores=tuple(range(8, 0, -1)))), str(path))

    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        assert [row["path"] for row in csv.DictReader(file)] == names
    assert b"caf\xe9.jpg" in path.read_bytes()


def test_parquet_has_the_same_rows_with_types(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "picks.parquet"

    write_picks_parquet(two_series(), str(path))

    table = parquet.read_table(path)
    assert table.column_names == COLUMNS
    assert [str(kind) for kind in table.schema.types] == [
        *("string", "string", "bool", "string", "int32", "double", "double", "double", "bool", "string")
    ]
    rows = table.to_pylist()
    assert (rows[0]["path"], rows[0]["rank"], rows[0]["score"], rows[0]["keep"]) == ("a.jpg", 1, 1.5, True)
    assert (rows[2]["rank"], rows[2]["score"], rows[2]["coarse"], rows[2]["p_best"]) == (None,) * 4


def test_a_name_that_is_not_utf8_keeps_its_bytes_in_parquet(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "picks.parquet"

    write_picks_parquet(result(ranked(photo(ODD), photo("ok.jpg"), scores=(2.0, 1.0))), str(path))

    rows = parquet.read_table(path).to_pylist()
    assert [row["path"] for row in rows] == ["caf\\xe9.jpg", "ok.jpg"]
    assert [row["path_bytes"] for row in rows] == [b"caf\xe9.jpg", b"ok.jpg"]


def test_an_empty_result_gives_tables_with_columns_and_no_rows(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")

    written = write_picks(result(), str(tmp_path / "new" / "folder"))

    assert [os.path.basename(path) for path in written] == ["picks.csv", "picks.json", "picks.parquet"]
    with open(written[0], "rb") as file:
        assert file.read() == ",".join(COLUMNS).encode() + b"\r\n"
    with open(written[1], encoding="ascii") as file:
        assert json.load(file)["series"] == []
    table = parquet.read_table(written[2])
    assert table.column_names == COLUMNS and table.num_rows == 0


def test_without_pyarrow_there_is_csv_and_json_and_parquet_says_how_to_get_it(tmp_path):
    program = """
import sys
sys.modules["pyarrow"] = None
from finepick.domain import ModelInfo, PickResult
from finepick.errors import MissingExtraError
from finepick.exports.tables import write_picks, write_picks_parquet
empty = PickResult((), (), 0, ModelInfo("m", "1", "0"))
print(len(write_picks(empty, sys.argv[1])))
try:
    write_picks_parquet(empty, sys.argv[1] + "/x.parquet")
except MissingExtraError as error:
    print(error.extra, error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines() == [
        "2",
        "parquet Writing Parquet needs the extra 'parquet': pip install 'finepick[parquet]'",
    ]
    assert not (tmp_path / "x.parquet").exists()


SCORES = ScoreResult((CoarseScore("b.jpg", 6.5), CoarseScore("a.jpg", None)), (), 0, MODEL)


def test_scores_are_written_as_the_extension_says(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    for name in ("scores.csv", "scores.JSON", "scores.parquet"):
        write_scores(SCORES, str(tmp_path / name))

    assert (tmp_path / "scores.csv").read_bytes() == b"path,coarse\r\nb.jpg,6.5\r\na.jpg,\r\n"
    assert json.loads((tmp_path / "scores.JSON").read_text())["photos"][0] == {"path": "b.jpg", "coarse": 6.5}
    assert parquet.read_table(tmp_path / "scores.parquet").to_pylist() == [
        {"path": "b.jpg", "coarse": 6.5},
        {"path": "a.jpg", "coarse": None},
    ]


@pytest.mark.parametrize("name", ["scores.xlsx", "scores", ".csv"])
def test_another_extension_is_wrong_usage(tmp_path, name):
    path = str(tmp_path / name)

    with pytest.raises(UsageError) as caught:
        write_scores(SCORES, path)

    assert (
        caught.value.message
        == f"{path} does not say what to write; end its name in one of .csv, .json, .parquet"
    )
    with pytest.raises(UsageError):
        check_scores_path(path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_place_of_the_table_is_an_output_error(tmp_path):
    (tmp_path / "picks.csv").mkdir()

    with pytest.raises(OutputError, match=r"picks\.csv cannot be written, it is a folder"):
        write_picks_csv(two_series(), str(tmp_path / "picks.csv"))

    assert [path.name for path in tmp_path.iterdir()] == ["picks.csv"]
