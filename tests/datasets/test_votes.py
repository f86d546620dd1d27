"""Votes from elsewhere, in whatever columns they come."""

from __future__ import annotations

import contextlib
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
    """A task in the form that Label Studio documents for its JSON export."""
    value = {} if selected is None else {"selected": selected}
    result = {"id": "r1", "from_name": "pw", "to_name": "image1,image2", "type": "pairwise", "value": value}
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


def test_label_studios_tasks_of_which_nobody_can_tell_what_was_compared(tmp_path: Path) -> None:
    task = label_studio_task("left")
    task["data"] = {"one": "x", "two": "y", "three": "z"}
    path = tmp_path / "export.json"
    path.write_text(json.dumps([task]))

    with pytest.raises(DatasetError, match="it is not clear which of one, two, three were compared"):
        read_votes(str(path))


def test_label_studios_short_rows(tmp_path: Path) -> None:
    path = tmp_path / "short.json"
    path.write_text(
        json.dumps([{"image1": "x", "image2": "y", "pw": "left", "annotator": 3, "lead_time": 1.5}])
    )

    assert facts(path) == [("short", "x", "y", "first", "3")]


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
