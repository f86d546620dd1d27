"""Votes from elsewhere, in whatever columns they come."""

from __future__ import annotations

import contextlib
import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finepick.datasets.votes import read_votes
from finepick.errors import DatasetError


def facts(path: Path) -> list[tuple[str, str, str, str, str]]:
    return [
        (vote.series, vote.first, vote.second, vote.outcome, vote.annotator) for vote in read_votes(str(path))
    ]


@pytest.mark.parametrize(
    ("said", "outcome"),
    [("a", "first"), ("left", "first"), ("1", "first"), ("x.jpg", "first"), ("B", "second"), ("Right", "second"),
     ("y.jpg", "second"), ("2", "second"), ("tie", "tie"), ("", "tie"), ("Equal", "tie"), ("0", "tie"), ("bad", "bad")],
)  # fmt: skip
def test_every_way_to_name_the_winner(tmp_path: Path, said: str, outcome: str) -> None:
    path = tmp_path / "votes.csv"
    path.write_text(f"a,b,winner\nx.jpg,y.jpg,{said}\n")

    assert facts(path) == [("votes", "x.jpg", "y.jpg", outcome, "votes")]


def test_a_photos_own_name_counts_before_a_word(tmp_path: Path) -> None:
    path = tmp_path / "v.csv"
    path.write_text("a,b,winner\n2,1,1\n")

    assert facts(path) == [("v", "2", "1", "second", "v")]


def test_winner_and_loser_with_series_person_weight_and_words(tmp_path: Path) -> None:
    path = tmp_path / "v.csv"
    path.write_text('Winner,Loser,Group,User ID,n,comment\nx,y,s1,Kim,3,"sharper, calmer"\n')

    [vote] = read_votes(str(path))

    assert (vote.series, vote.first, vote.outcome, vote.annotator, vote.weight, vote.text) == (
        "s1", "x", "first", "Kim", 3.0, "sharper, calmer",
    )  # fmt: skip


def test_json_as_a_list_as_lines_and_inside_an_object(tmp_path: Path) -> None:
    rows = [{"left": "x", "right": "y", "choice": "left"}, {"left": "y", "right": "x", "choice": None}]
    whole, lines, inside = tmp_path / "v.json", tmp_path / "v.jsonl", tmp_path / "w" / "v.json"
    inside.parent.mkdir()
    whole.write_text(json.dumps(rows, indent=1))
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    inside.write_text(json.dumps({"votes": rows}))

    expected = [("v", "x", "y", "first", "v"), ("v", "y", "x", "tie", "v")]
    assert facts(whole) == facts(lines) == facts(inside) == expected
    assert all(vote.sided for vote in read_votes(str(whole)))


def label_studio_task(selected: str | None, **more: object) -> dict:
    """A task as Label Studio exports it to JSON: `to_name` of what was clicked is the tag's own name."""
    value = {} if selected is None else {"selected": selected}
    result = {
        "id": "r1",
        "from_name": "pw",
        "to_name": "pw",
        "type": "pairwise",
        "value": value,
        "origin": "manual",
    }
    annotation = {
        "id": 7,
        "completed_by": 3,
        "was_cancelled": False,
        "result": [result],
        "lead_time": 4.2,
    } | more
    data = {"image1": "/data/x.jpg", "image2": "/data/y.jpg", "scene": "s9"}
    return {"id": 1, "data": data, "annotations": [annotation], "predictions": []}


def test_label_studios_tasks(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    mail = {"completed_by": {"id": 4, "email": "kim@example.org"}}
    path.write_text(
        json.dumps([label_studio_task("left"), label_studio_task("right", **mail),
                    label_studio_task("left", was_cancelled=True), label_studio_task(None)])
    )  # fmt: skip

    assert facts(path) == [
        ("s9", "/data/x.jpg", "/data/y.jpg", "first", "3"),
        ("s9", "/data/x.jpg", "/data/y.jpg", "second", "kim@example.org"),
        ("s9", "/data/x.jpg", "/data/y.jpg", "tie", "3"),
    ]


def test_what_label_studios_tags_are_called_counts_before_what_data_are_called(tmp_path: Path) -> None:
    task = label_studio_task("left")
    task["data"] = {"image1": "x", "image2": "y", "before": "u", "after": "v"}
    task["annotations"][0]["result"][0]["to_name"] = "after,before"
    path = tmp_path / "export.json"
    path.write_text(json.dumps([task]))

    assert facts(path) == [("export", "v", "u", "first", "3")]


@pytest.mark.parametrize(
    ("data", "pair"),
    [
        ({"url_right": "r", "url_left": "l", "prompt": "two cats"}, ("l", "r")),
        ({"photo-2": "s", "photo-1": "f"}, ("f", "s")),
        ({"Answer B": "b", "Answer A": "a", "caption": "A B"}, ("a", "b")),
    ],
)
def test_label_studios_left_is_what_the_name_of_the_data_says(
    tmp_path: Path, data: dict[str, str], pair: tuple[str, str]
) -> None:
    task = label_studio_task("left")
    task["data"] = data
    path = tmp_path / "export.json"
    path.write_text(json.dumps([task]))

    assert [(vote.first, vote.second, vote.outcome) for vote in read_votes(str(path))] == [(*pair, "first")]


@pytest.mark.parametrize(
    "data",
    [
        {"one": "x", "two": "y", "three": "z"},
        {"before": "x", "after": "y"},  # two, and nobody can tell which one stood on the left
        {"left_url": "x", "right_url": "y", "left_text": "u", "right_text": "v"},
    ],
)
def test_label_studios_tasks_of_which_nobody_can_tell_what_was_left(
    tmp_path: Path, data: dict[str, str]
) -> None:
    task = label_studio_task("left")
    task["data"] = data
    path = tmp_path / "export.json"
    path.write_text(json.dumps([task]))

    with pytest.raises(
        DatasetError,
        match=rf"entry 1: .*which of {', '.join(data)} was left .*; call the data left and right",
    ):
        read_votes(str(path))


EXPORTED = {"created_at": "2026-03-01T10:00:00Z", "updated_at": "2026-03-01T10:00:00Z", "lead_time": 4.2}
"""What stands in every row of Label Studio's JSON-MIN and CSV, beside the ids."""


def test_label_studios_json_min(tmp_path: Path) -> None:
    """What was chosen is a list of one; a task that nobody answered has no such entry."""
    data = {"image1": "/data/upload/1/x.jpg", "image2": "/data/upload/1/y.jpg", "scene": "s9"}
    rows = [
        {**data, "id": 1, "pw": [{"selected": "left"}], "annotator": 3, "annotation_id": 7, **EXPORTED},
        {**data, "id": 2, "pw": [{"selected": "right"}], "annotator": "k@a.org", "annotation_id": 8, **EXPORTED},
        {**data, "id": 3, "annotator": 3, "annotation_id": 9, **EXPORTED},
        {**data, "id": 4, "annotator": None, "annotation_id": None, **dict.fromkeys(EXPORTED)},
    ]  # fmt: skip
    path = tmp_path / "min.json"
    path.write_text(json.dumps(rows, indent=2))

    x, y = data["image1"], data["image2"]
    assert facts(path) == [("s9", x, y, "first", "3"), ("s9", x, y, "second", "k@a.org")]
    assert all(vote.sided for vote in read_votes(str(path)))


@pytest.mark.parametrize(("extension", "separator"), [("csv", ","), ("tsv", "\t")])
def test_label_studios_tables(tmp_path: Path, extension: str, separator: str) -> None:
    """Columns by the alphabet, what was chosen as JSON, skipped tasks among the rest, nothing where none answered."""
    columns = [
        "annotation_id",
        "annotator",
        "comparison",
        "created_at",
        "id",
        "image1",
        "image2",
        "lead_time",
    ]
    rows = [
        dict(zip(columns, cells, strict=True), updated_at="", was_cancelled=cancelled)
        for *cells, cancelled in [
            (7, "3", '[{"selected": "left"}]', "2026", 1, "x.jpg", "y.jpg", 4.2, False),
            (8, "3", '[{"selected": "right"}]', "2026", 2, "x.jpg", "z.jpg", 4.2, "False"),
            (9, "4", '[{"selected": "left"}]', "2026", 3, "y.jpg", "z.jpg", 4.2, True),
            (10, "4", "", "2026", 4, "y.jpg", "z.jpg", 4.2, False),
        ]
    ]
    path = tmp_path / f"export.{extension}"
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, rows[0], quoting=csv.QUOTE_NONNUMERIC, delimiter=separator)
        table.writeheader()
        table.writerows(rows)

    assert facts(path) == [
        ("export", "x.jpg", "y.jpg", "first", "3"),
        ("export", "x.jpg", "z.jpg", "second", "3"),
    ]


def test_label_studios_row_with_two_comparisons_is_refused(tmp_path: Path) -> None:
    chosen = {"sharper": [{"selected": "left"}], "nicer": [{"selected": "right"}]}
    path = tmp_path / "min.json"
    path.write_text(json.dumps([{"image1": "x", "image2": "y", **chosen, "annotation_id": 7, **EXPORTED}]))

    with pytest.raises(DatasetError, match="entry 1: it compares twice, in sharper and in nicer; take one"):
        read_votes(str(path))


def test_rows_that_somebody_shortened(tmp_path: Path) -> None:
    path = tmp_path / "short.json"
    rows = [
        {"image1": "x", "image2": "y", "pw": said, "annotator": 3}
        for said in ("left", [{"selected": "right"}])
    ]
    path.write_text(json.dumps(rows))

    assert facts(path) == [("short", "x", "y", "first", "3"), ("short", "x", "y", "second", "3")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "x,y\n1,2\n",
            "line 1: the columns x, y do not say who was compared and who won; name them a, b and winner",
        ),
        ("a,b,winner\nx,x,a\n", "line 2: 'x' is compared with itself"),
        (
            "a,b,winner\nx,y,maybe\n",
            "line 2: the winner is 'maybe'; it has to be a, b, left, right, tie, bad",
        ),
        ("a,b,winner\nx,,a\n", "line 2: a photo is called ''"),
        ("a,b,winner,n\nx,y,a,-1\n", "line 2: the number of votes is -1; it has to be at least 0"),
        ("a,b,winner\n", "there is not a single vote in this file"),
        ("a,b,winner\nx,y\n", "line 2: 2 fields where the header has 3"),
        ("[1, 2]", "entry 1: this is not a JSON object"),
        ('[{"a": "x"', "line 1: this is not JSON"),
        ('[{"a": ["x"], "b": "y", "winner": "a"}]', "entry 1: a photo is called"),
        ("[" * 100_000, "this JSON is nested too deeply"),
    ],
)
def test_what_is_not_understood_is_named_with_its_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "votes.csv"
    path.write_text(content)

    with pytest.raises(DatasetError) as caught:
        read_votes(str(path))

    assert message in caught.value.message


@given(st.binary(max_size=300))
def test_no_bytes_end_in_anything_but_votes_or_an_error_of_ours(content: bytes) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(content)
        file.flush()
        with contextlib.suppress(DatasetError):
            assert read_votes(file.name)
