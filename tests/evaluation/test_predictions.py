"""Files of predictions: what they may say, and what is refused, with the line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from finepick.datasets.records import Dataset, LabelledSeries
from finepick.errors import DatasetError, PathNotFoundError
from finepick.evaluation.bootstrap import Bootstrap
from finepick.evaluation.labels import choose_benchmark
from finepick.evaluation.measuring import measure
from finepick.evaluation.predictions import Predictions, read_predictions


def dataset(count: int = 3) -> Dataset:
    photos = tuple(f"{i}.jpg" for i in range(count))
    return Dataset("set", "folder", (LabelledSeries("s", photos, ranks=tuple(range(1, count + 1))),))


def read(tmp_path: Path, text: str | bytes) -> Predictions:
    path = tmp_path / "p.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_predictions(str(path))


def test_scores_are_read_whatever_spreadsheets_do_to_a_file(tmp_path: Path) -> None:
    plain = read(tmp_path, "file,score\na.jpg,1.5\nb.jpg,-2\n")
    exported = read(tmp_path, b"\xef\xbb\xbf score ,note,file\r\n1.5,x,a.jpg\r\n\r\n-2,,b.jpg")

    assert plain.scores == exported.scores == {"a.jpg": 1.5, "b.jpg": -2.0}
    assert not plain.is_pairwise
    assert len(plain.digest) == 64 and plain.digest != exported.digest


def test_names_with_commas_quotes_and_bytes_that_are_not_utf8_find_their_photo(tmp_path: Path) -> None:
    found = read(tmp_path, b'file,score\n"a, ""b"".jpg",1\ncaf\xe9.jpg,2\n')

    assert found.scores == {'a, "b".jpg': 1.0, "caf\udce9.jpg": 2.0}


def test_pairs_are_turned_so_that_the_earlier_photo_comes_first(tmp_path: Path) -> None:
    found = read(tmp_path, "series,a,b,p\ns,0,1,.9\ns,2,0,.8\n")

    assert found.is_pairwise
    assert found.pairs == {("s", 0, 1): 0.9, ("s", 0, 2): pytest.approx(0.2)}


def test_both_ways_round_a_pair_counts_by_the_mean_and_cancels_a_liking_for_the_first(tmp_path: Path) -> None:
    found = read(tmp_path, "series,a,b,p\ns,0,1,.9\ns,1,0,.9\ns,0,2,.8\ns,2,0,.4\n")

    assert found.pairs == {("s", 0, 1): 0.5, ("s", 0, 2): pytest.approx(0.7)}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("file,score\na.jpg,nan\n", 2, "has the score 'nan'; predictions must be finite numbers"),
        ("file,score\na.jpg,1\nb.jpg,-inf\n", 3, "has the score '-inf'; predictions must be finite"),
        ("file,score\na.jpg,\n", 2, "has the score '', which is not a number"),
        ("file,score\na.jpg,good\n", 2, "has the score 'good', which is not a number"),
        ("file,score\na.jpg,1\na.jpg,2\n", 3, "gives 'a.jpg' the score 2, an earlier line 1"),
        ("file,score\na.jpg\n", 2, "has 1 cells where the header has 2"),
        ("file,score\na,b.jpg,1\n", 2, "has 3 cells where the header has 2"),
        ('file,score\n"a.jpg,1\n', 2, "is not CSV"),
        ("series,a,b,p\ns,0,1,1.2\n", 2, "has p = 1.2, which is no probability"),
        ("series,a,b,p\ns,0,1,nan\n", 2, "has the p 'nan'"),
        ("series,a,b,p\ns,0,0,.5\n", 2, "compares photo 0 of series 's' with itself"),
        ("series,a,b,p\ns,0,-1,.5\n", 2, "has b = '-1', which is not the place of a photo"),
        ("series,a,b,p\ns,x,1,.5\n", 2, "has a = 'x', which is not the place of a photo"),
        ("series,a,b,p\ns,0,1,.5\ns,0,1,.6\n", 3, "contradicts an earlier line about series s: 0, 1"),
        ("", 1, "does not begin with a line 'file,score' or 'series,a,b,p'"),
        ("photo,value\na.jpg,1\n", 1, "does not begin with a line 'file,score' or 'series,a,b,p'"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    with pytest.raises(DatasetError, match=re.escape(message)) as caught:
        read(tmp_path, text)

    assert caught.value.line == line
    assert caught.value.path == str(tmp_path / "p.csv")


def test_a_line_that_says_the_same_twice_is_no_contradiction(tmp_path: Path) -> None:
    assert read(tmp_path, "file,score\na.jpg,1\na.jpg,1.0\n").scores == {"a.jpg": 1.0}


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(PathNotFoundError, match=r"no-such\.csv' does not exist"):
        read_predictions(str(tmp_path / "no-such.csv"))
    with pytest.raises(DatasetError, match="cannot be read"):
        read_predictions(str(tmp_path))


def test_missing_photos_are_listed_the_first_dozen_and_how_many(tmp_path: Path) -> None:
    found = read(tmp_path, "file,score\n0.jpg,1\n")
    benchmark = choose_benchmark(dataset(30), ["test"])

    with pytest.raises(DatasetError) as caught:
        found.answers(benchmark)

    names = ", ".join(f"{i}.jpg" for i in range(1, 13))
    assert caught.value.message == (
        f"29 photos have no prediction in {tmp_path / 'p.csv'}: {names} and 17 more; add them and repeat"
    )


def test_missing_pairs_are_listed(tmp_path: Path) -> None:
    found = read(tmp_path, "series,a,b,p\ns,0,1,.9\ns,1,2,.9\n")

    with pytest.raises(DatasetError, match=r"1 pair has no prediction in .*p\.csv: series s: 0, 2; add"):
        found.answers(choose_benchmark(dataset(), ["test"]))


def test_surplus_is_what_the_whole_set_does_not_know(tmp_path: Path) -> None:
    assert read(tmp_path, "file,score\n0.jpg,1\nx.jpg,1\n").surplus(dataset()) == ["x.jpg"]
    pairs = read(tmp_path, "series,a,b,p\ns,0,1,.9\ns,1,3,.9\nt,0,1,.9\n")
    assert pairs.surplus(dataset()) == ["series s: 1, 3", "series t: 0, 1"]


def test_a_pairwise_system_that_compared_everything_has_a_best_and_an_order(tmp_path: Path) -> None:
    found = read(tmp_path, "series,a,b,p\ns,0,1,.9\ns,0,2,.8\ns,1,2,.6\n")
    benchmark = choose_benchmark(dataset(), ["test"])
    answers = found.answers(benchmark)

    assert answers.coarse is None
    assert answers.fine[0] is not None and np.argsort(answers.fine[0]).tolist() == [2, 1, 0]
    metrics = measure(benchmark, answers, Bootstrap(50)).metrics
    assert {name for name, one in metrics.items() if one and one.value == pytest.approx(1)} == {
        *("pair_acc", "pair_f1", "s_acc", "s_srcc", "s_srcc_3plus", "pair", "series")
    }


def test_a_pairwise_system_that_compared_only_the_pairs_asked_for_has_no_order(tmp_path: Path) -> None:
    rated = Dataset("set", "f", (LabelledSeries("s", ("0", "1", "2"), scores=(1.0, 1.1, 5.0)),))
    benchmark = choose_benchmark(rated, ["test"], min_gap=0.5)
    found = read(tmp_path, "series,a,b,p\ns,0,2,.1\ns,2,1,.5\n")

    metrics = measure(benchmark, found.answers(benchmark), Bootstrap(50)).metrics

    assert metrics["pair_acc"] is not None and metrics["pair_acc"].value == 0.5  # p = ½ is a tie, and wrong
    assert metrics["s_acc"] is None and metrics["s_srcc"] is None and metrics["series"] is None


def test_pairs_keep_their_places_when_a_photo_is_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, "series,a,b,p\ns,0,1,.1\ns,0,2,.9\ns,1,2,.1\n")
    benchmark = choose_benchmark(dataset(), ["test"], without=["1.jpg"])

    assert [row.tolist() for row in found.answers(benchmark).verdicts] == [[1.0]]


def test_series_of_one_name_cannot_be_told_apart_by_pairs(tmp_path: Path) -> None:
    twice = Dataset("set", "f", (*dataset().series, *dataset().series))
    found = read(tmp_path, "series,a,b,p\ns,0,1,.1\ns,0,2,.9\ns,1,2,.1\n")

    with pytest.raises(DatasetError, match="several series are called 's'"):
        found.answers(choose_benchmark(twice, ["test"]))
