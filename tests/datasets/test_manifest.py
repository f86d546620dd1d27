"""Our own layout: what the contract says can be read, everything else is refused with its line."""

from __future__ import annotations

import json
import os
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from finepick.datasets.files import copy_photos, missing_photos
from finepick.datasets.manifest import read_manifest, read_photos, read_series, write_manifest
from finepick.datasets.records import Dataset, LabelledPhoto, LabelledSeries, Pair
from finepick.errors import DatasetError, OutputError

from .made import kinds, lines, put, some_dataset, write

CONTRACT = {
    "series": "000009",
    "category": "natural",
    "split": "test",
    "photos": ["000009-01.jpg", "000009-02.jpg"],
    "pairs": [{"a": 0, "b": 1, "p": 0.8, "n": 10, "text": "sharper eyes, calmer background"}],
    "ranks": [1, 2],
    "scores": None,
    "scale": [1, 5],
}


def row(**changes):
    """A line like the contract's with *changes*; a key set to ... is left out."""
    return {key: value for key, value in (CONTRACT | changes).items() if value is not ...}


def read_line(tmp_path, text):
    write(tmp_path / "series.jsonl", text)
    return read_manifest(str(tmp_path))


def test_the_line_of_the_contract_is_read_as_it_stands_there(tmp_path):
    (series,) = read_line(tmp_path, lines(CONTRACT)).series

    assert series == LabelledSeries(
        series="000009",
        photos=("000009-01.jpg", "000009-02.jpg"),
        pairs=(Pair(0, 1, 0.8, 10, "sharper eyes, calmer background"),),
        ranks=(1, 2),
        scores=None,
        scale=(1.0, 5.0),
        category="natural",
        split="test",
    )


@pytest.mark.parametrize(
    "labels",
    [
        {"ranks": ..., "scores": ..., "scale": ...},
        {"pairs": None, "ranks": [2, 1]},
        {"pairs": [], "ranks": None, "scores": [3, 4.5]},
    ],
    ids=["pairs", "ranks", "scores"],
)
def test_one_kind_of_labels_is_enough(tmp_path, labels):
    assert len(read_line(tmp_path, lines(row(**labels))).series) == 1


def test_a_row_needs_neither_split_nor_category(tmp_path):
    (series,) = read_line(tmp_path, lines(row(split=..., category=None))).series

    assert (series.split, series.category) == ("", "")


def test_keys_that_are_not_ours_are_kept_and_written_again(tmp_path):
    entry = row(
        score_sd=[0.1, 0.2],
        nested={"deep": [1, {"er": None}]},
        pairs=[{"a": 0, "b": 1, "p": 0.8, "raters": ["one", "two"]}],
    )
    dataset = read_line(tmp_path, lines(entry))

    write_manifest(dataset, str(tmp_path / "copy"), with_photos=False)

    (text,) = (tmp_path / "copy" / "series.jsonl").read_text("ascii").splitlines()
    assert json.loads(text) == entry


def test_a_byte_order_mark_windows_line_ends_and_empty_lines_change_nothing(tmp_path):
    text = "\ufeff\r\n" + lines(CONTRACT).replace("\n", "\r\n\r\n  \r\n") + lines(row(series="b")).strip()

    assert [series.series for series in read_line(tmp_path, text).series] == ["000009", "b"]


def test_names_keep_every_character_even_half_surrogates(tmp_path):
    names = ["caf\udce9.jpg", "日本/ü b.jpg"]

    (series,) = read_line(tmp_path, lines(row(photos=names))).series

    assert series.photos == tuple(names)


BROKEN = {
    "no json": ("{", "this is not JSON (Expecting property name enclosed in double quotes); "),
    "a list": ("[1]\n", "this is not a JSON object; a series is {...} on one line"),
    "not a number": (lines(row()).replace("0.8", "NaN"), "this is not JSON (NaN is not a number); "),
    "a key twice": ('{"series": "a", "series": "b"}', "this is not JSON ('series' is there twice); "),
    "too deep": ("[" * 200_000, "this JSON is nested too deeply; correct the line or take it out"),
    "digits": ('{"n": ' + "9" * 5000 + "}", "this is not JSON (Exceeds the limit (4300 digits) for integer"),
    "no id": (lines(row(series=...)), "'series' is None; it has to be a text, the id of the series"),
    "id empty": (lines(row(series="")), "'series' is ; it has to be a text, the id of the series"),
    "id number": (lines(row(series=9)), "'series' is 9; it has to be a text, the id of the series"),
    "no photos": (lines(row(photos=...)), "'photos' is None; it has to be a list of at least one path"),
    "photos empty": (lines(row(photos=[])), "'photos' is []; it has to be a list of at least one path"),
    "photo no text": (lines(row(photos=["a", 3])), "a photo is called '3'; it has to be the path of a file"),
    "photo blank": (lines(row(photos=["a", " "])), "a photo is called ' '; it has to be the path of a file"),
    "photo twice": (lines(row(photos=["a", "a"])), "the photo 'a' is twice in this series; list every photo"),
    "climbing": (
        lines(row(photos=["a", "x/../../b"])),
        "the photo 'x/../../b' lies outside the data set's folder; photos have to lie below it; leave out '..'",
    ),
    "climbing, Windows": (lines(row(photos=["a", "x\\..\\b"])), "the photo 'x\\..\\b' lies outside the data"),
    "absolute": (
        lines(row(photos=["a", "/etc/passwd"])),
        "the photo '/etc/passwd' has an absolute path; give it relative to the data set's folder",
    ),
    "drive": (lines(row(photos=["a", "C:\\b.jpg"])), "the photo 'C:\\b.jpg' has an absolute path; "),
    "share": (lines(row(photos=["a", "\\\\host\\b"])), "the photo '\\\\host\\b' has an absolute path; "),
    "nul": (lines(row(photos=["a", "b\0"])), "a photo's path holds a NUL; no file is called so; correct it"),
    "no labels": (
        lines(row(pairs=None, ranks=None)),
        "this series has no pairs, no ranks and no scores; give at least one of them",
    ),
    "pairs no list": (lines(row(pairs={})), "'pairs' is {}; it has to be a list of objects, or null"),
    "pair no object": (lines(row(pairs=[3])), "'pairs' is [3]; it has to be a list of objects, or null"),
    "a missing": (
        lines(row(pairs=[{"b": 1, "p": 1}])),
        "'a' of pair 1 is None; it has to be the place of a photo, 0 to 1",
    ),
    "b out of range": (
        lines(row(pairs=[{"a": 0, "b": 1, "p": 1}, {"a": 0, "b": 2, "p": 1}])),
        "'b' of pair 2 is 2; it has to be the place of a photo, 0 to 1",
    ),
    "a negative": (lines(row(pairs=[{"a": -1, "b": 1, "p": 1}])), "'a' of pair 1 is -1; it has to be the pl"),
    "a truth": (lines(row(pairs=[{"a": True, "b": 0, "p": 1}])), "'a' of pair 1 is True; it has to be the "),
    "itself": (lines(row(pairs=[{"a": 1, "b": 1, "p": 1}])), "pair 1 compares photo 1 with itself; correct"),
    "p too large": (
        lines(row(pairs=[{"a": 0, "b": 1, "p": 1.01}])),
        "'p' of pair 1 is 1.01; a probability lies from 0 to 1",
    ),
    "p negative": (lines(row(pairs=[{"a": 0, "b": 1, "p": -0.1}])), "'p' of pair 1 is -0.1; a probability"),
    "p missing": (lines(row(pairs=[{"a": 0, "b": 1}])), "'p' of pair 1 is None; it has to be a number"),
    "p text": (lines(row(pairs=[{"a": 0, "b": 1, "p": "1"}])), "'p' of pair 1 is 1; it has to be a number"),
    "p huge": (lines(row()).replace("0.8", "1" + "0" * 400), "'p' of pair 1 is 1000000000000000000000000000"),
    "n zero": (
        lines(row(pairs=[{"a": 0, "b": 1, "p": 1, "n": 0}])),
        "'n' of pair 1 is 0; it has to be a number of votes, or null",
    ),
    "text no text": (
        lines(row(pairs=[{"a": 0, "b": 1, "p": 1, "text": 5}])),
        "'text' of pair 1 is 5; it has to be a text or null",
    ),
    "ranks short": (
        lines(row(ranks=[1])),
        "1 ranks for 2 photos; give one for every photo, or 'ranks': null",
    ),
    "ranks no list": (lines(row(ranks=7)), "'ranks' is 7; it has to be a list, or null"),
    "rank zero": (lines(row(ranks=[0, 1])), "a rank is 0; ranks are whole numbers, 1 for the best"),
    "rank broken": (lines(row(ranks=[1, 1.5])), "a rank is 1.5; ranks are whole numbers, 1 for the best"),
    "scores long": (lines(row(scores=[1, 2, 3])), "3 scores for 2 photos; give one for every photo, or 'sc"),
    "score null": (lines(row(scores=[1, None])), "a score is None; it has to be a number"),
    "scale turned": (lines(row(scale=[5, 1])), "the scale runs from 5 to 1; give the lower end first"),
    "scale short": (
        lines(row(scale=[5])),
        "'scale' is [5]; it has to be [lowest answer, highest answer], or",
    ),
    "category": (lines(row(category=5)), "'category' is 5; it has to be a text or null"),
    "split": (
        lines(row(split="Test")),
        "the split is 'Test'; it has to be one of train, val, test, or none",
    ),
    "id twice": (
        lines(row(series="other"), CONTRACT, CONTRACT),
        "series '000009' is there already, in line 3; give every series an id of its own",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_malformed_line_is_refused_with_its_file_its_number_and_the_way_out(tmp_path, case):
    text, message = BROKEN[case]
    before = lines(row(series="first"))
    path = str(tmp_path / "series.jsonl")
    line = 2 if case != "id twice" else 4

    with pytest.raises(DatasetError) as caught:
        read_line(tmp_path, before + text)

    assert caught.value.message.startswith(f"{path}, line {line}: {message}")
    assert (caught.value.path, caught.value.line) == (path, line)


def test_bytes_that_are_not_utf8_are_refused_with_their_line(tmp_path):
    (tmp_path / "series.jsonl").write_bytes(lines(CONTRACT).encode() + b'{"series": "caf\xe9"}\n')

    with pytest.raises(DatasetError, match="line 2: this is not UTF-8; save the file as UTF-8 and try again"):
        read_manifest(str(tmp_path))


def test_a_folder_without_labels_is_refused_and_told_what_to_do(tmp_path):
    with pytest.raises(DatasetError) as caught:
        read_manifest(str(tmp_path))

    assert caught.value.message == (
        f"{tmp_path}: there is neither series.jsonl nor coarse.csv here; "
        "name a folder with one of them, or a known data set with --root"
    )


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path):
    (tmp_path / "series.jsonl").mkdir()

    with pytest.raises(DatasetError, match=r"series\.jsonl cannot be read, .+; check the name"):
        read_manifest(str(tmp_path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_in_the_place_of_the_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "series.jsonl")

    with pytest.raises(
        DatasetError, match=r"series\.jsonl: this is not a regular file; give a file of labels"
    ):
        read_manifest(str(tmp_path))


@pytest.mark.skipif(os.name == "nt", reason="links need a right of their own there")
def test_a_link_that_leads_nowhere_is_refused(tmp_path):
    (tmp_path / "coarse.csv").symlink_to(tmp_path / "gone.csv")

    with pytest.raises(
        DatasetError, match=r"coarse\.csv cannot be read, no such file or directory; check the"
    ):
        read_manifest(str(tmp_path))


def test_other_keys_of_pairs_that_are_not_as_many_as_the_pairs_are_refused_on_writing(tmp_path):
    series = LabelledSeries("s", ("a", "b"), (Pair(0, 1, 0.5),), others={"pairs": [{"by": 1}, {"by": 2}]})

    with pytest.raises(
        DatasetError, match="series 's' has 1 pairs, but other keys for 2; change both together"
    ):
        write_manifest(Dataset("made", "", (series,)), str(tmp_path), with_photos=False)
    assert os.listdir(tmp_path) == []


def test_the_manifest_that_a_pick_leaves_is_read(tmp_path):
    entry = row(
        category="burst", split=..., scale=None, labels="model", too_close=False, originals=["/a", "/b"]
    )

    (series,) = read_line(tmp_path, lines(entry)).series

    assert series.others == {"labels": "model", "too_close": False, "originals": ["/a", "/b"]}


def test_no_labels_at_all_is_a_remark(tmp_path):
    assert kinds(read_line(tmp_path, "\n\n")) == ["empty"]


ODD = {
    "tie": (row(pairs=[{"a": 0, "b": 1, "p": 0.5}]), ["tie"]),
    "pair twice": (
        row(pairs=[{"a": 0, "b": 1, "p": 0.8, "n": 3}, {"a": 1, "b": 0, "p": 0.4, "n": 1}]),
        ["duplicate_pair"],
    ),
    "pair against ranks": (row(ranks=[2, 1]), ["contradicts_ranks"]),
    "pair against a tie of ranks": (row(ranks=[1, 1]), ["contradicts_ranks", "tied_ranks"]),
    "no first": (row(ranks=[2, 3]), ["no_best_rank"]),
    "ranks against scores": (row(scores=[2, 3]), ["contradicts_scores"]),
    "equal scores": (row(scores=[3, 3]), []),
    "off the scale": (row(scores=[6, 3]), ["score_off_scale"]),
    "alone": (row(photos=["a"], pairs=None, ranks=[1]), ["single_photo"]),
    "nothing": (row(), []),
}


@pytest.mark.parametrize("case", ODD)
def test_what_is_odd_is_kept_and_remarked(tmp_path, case):
    entry, expected = ODD[case]

    dataset = read_line(tmp_path, lines(entry))

    assert kinds(dataset) == expected
    assert len(dataset.series[0].pairs) == len(entry["pairs"] or [])
    assert all(remark.place == f"{tmp_path / 'series.jsonl'}:1" for remark in dataset.remarks)


def test_a_photo_in_two_splits_is_remarked_once(tmp_path):
    write(tmp_path / "coarse.csv", "file,score,split\n000009-01.jpg,3,train\n000009-01.jpg,4,train\n")

    dataset = read_line(tmp_path, lines(CONTRACT))

    assert kinds(dataset) == ["duplicate_photo", "photo_in_two_splits"]
    assert len(dataset.photos) == 2


def test_coarse_ratings_are_read_with_all_their_columns(tmp_path):
    text = (
        'file, score ,std,n,low,high,category,split,votes\n"a, b.jpg", 4.5 ,1.2,10.0,1,7,natural,val,1 0 9\n'
    )
    write(tmp_path / "coarse.csv", "\ufeff" + text.replace("\n", "\r\n") + "\r\n\r\n")

    (photo,) = read_manifest(str(tmp_path)).photos

    assert photo == LabelledPhoto("a, b.jpg", 4.5, 1.2, 10, 1.0, 7.0, (1.0, 0.0, 9.0), "natural", "val")


def test_coarse_ratings_need_a_file_and_a_score_only_and_other_columns_are_told_of(tmp_path):
    write(tmp_path / "coarse.csv", "score,mood,file\n1,glad,a.jpg\n2,sad,b.jpg\n")

    dataset = read_manifest(str(tmp_path))

    assert dataset.photos == (LabelledPhoto("a.jpg", 1.0), LabelledPhoto("b.jpg", 2.0))
    assert [(remark.kind, remark.text) for remark in dataset.remarks] == [
        ("unknown_column", "columns that are not used: mood")
    ]


BROKEN_TABLES = {
    "empty": ("", 1, "this file is empty; the first line has to name the columns"),
    "no score": ("file,mean\n", 1, "there is no column 'score'; the columns are file, score, std, n, low, "),
    "semicolons": ("file;score\na;1\n", 1, "there is no column 'file'; the columns are file, score, std, n"),
    "column twice": ("file,score,score\n", 1, "the column 'score' is there twice; rename one of them"),
    "short": ("file,score\na,1\nb\n", 3, "1 fields where the header has 2; quote fields that hold commas"),
    "long": ("file,score\na,1,2\n", 2, "3 fields where the header has 2; quote fields that hold commas and"),
    "no number": ("file,score\na,good\n", 2, "score is 'good'; it has to be a number"),
    "no value": ("file,score\na,\n", 2, "score is ''; it has to be a number"),
    "nan": ("file,score\na,nan\n", 2, "score is 'nan'; it has to be a number"),
    "infinite": ("file,score\na,1e999\n", 2, "score is '1e999'; it has to be a number"),
    "underscores": ("file,score\na,1_0\n", 2, "score is '1_0'; it has to be a number"),
    "comma": ('file,score\na,"4,5"\n', 2, "score is '4,5'; it has to be a number"),
    "std": ("file,score,std\na,1,-1\n", 2, "std is -1; it has to be at least 0"),
    "n zero": ("file,score,n\na,1,0\n", 2, "n is 0; it has to be at least 1"),
    "n broken": ("file,score,n\na,1,1.5\n", 2, "n is 1.5; it has to be a whole number"),
    "half a scale": (
        "file,score,low,high\na,1,1,\n",
        2,
        "the scale runs from '1' to ''; give both ends, the",
    ),
    "scale": (
        "file,score,low,high\na,1,7,1\n",
        2,
        "the scale runs from '7' to '1'; give both ends, the lower",
    ),
    "split": (
        "file,score,split\na,1,dev\n",
        2,
        "the split is 'dev'; it has to be one of train, val, test, or",
    ),
    "votes": (
        "file,score,votes\na,1,0 0\n",
        2,
        "the votes are '0 0'; give how many chose each answer, at le",
    ),
    "vote": ("file,score,votes\na,1,3 x\n", 2, "a number of votes is 'x'; it has to be a number"),
    "outside": (
        "file,score\n../a,1\n",
        2,
        "the photo '../a' lies outside the data set's folder; photos have",
    ),
    "quote": ('file,score\n"a,1\nb,2\n', 2, "this is not CSV (unexpected end of data); check the quotes and"),
    "two lines": ('file,score\n"a\nb",1\nc,x\n', 4, "score is 'x'; it has to be a number"),
    "endless": (
        'file,score\n"' + "a" * 140_000 + '",1\n',
        2,
        "this is not CSV (field larger than field limi",
    ),
}


@pytest.mark.parametrize("case", BROKEN_TABLES)
def test_a_malformed_row_is_refused_with_its_file_its_line_and_the_way_out(tmp_path, case):
    text, line, message = BROKEN_TABLES[case]
    path = str(write(tmp_path / "coarse.csv", text))

    with pytest.raises(DatasetError) as caught:
        read_manifest(str(tmp_path))

    assert caught.value.message.startswith(f"{path}, line {line}: {message}")
    assert (caught.value.path, caught.value.line) == (path, line)


@settings(max_examples=150, deadline=None)
@given(dataset=some_dataset())
def test_what_is_written_is_read_again_exactly(tmp_path_factory, dataset):
    folder = tmp_path_factory.mktemp("set")

    paths = write_manifest(dataset, str(folder), with_photos=False)
    again = read_manifest(str(folder), name="made")

    assert (again.series, again.photos) == (dataset.series, dataset.photos)
    before = [Path(path).read_bytes() for path in paths]
    write_manifest(again, str(folder), with_photos=False)
    assert [Path(path).read_bytes() for path in paths] == before


def test_photos_are_copied_beside_the_labels_and_left_where_they_are_there(tmp_path):
    put(tmp_path / "set", "x/a.jpg", "b.jpg")
    series = LabelledSeries("s", ("x/a.jpg", "b.jpg"), ranks=(1, 2))
    dataset = Dataset("made", str(tmp_path / "set"), (series,), (LabelledPhoto("b.jpg", 1.0),))

    for _ in range(2):
        write_manifest(dataset, str(tmp_path / "copy"))

    for name in series.photos:
        assert (tmp_path / "copy" / name).read_bytes() == (tmp_path / "set" / name).read_bytes()
    assert sorted(os.listdir(tmp_path / "copy")) == ["b.jpg", "coarse.csv", "series.jsonl", "x"]
    assert missing_photos(read_manifest(str(tmp_path / "copy"))) == ()


def test_labels_and_photos_of_other_content_are_not_overwritten_unasked(tmp_path):
    put(tmp_path / "set", "a.jpg", "b.jpg")
    dataset = Dataset("made", str(tmp_path / "set"), (LabelledSeries("s", ("a.jpg", "b.jpg"), ranks=(1, 2)),))
    write_manifest(dataset, str(tmp_path / "copy"))
    turned = replace(dataset, series=(replace(dataset.series[0], ranks=(2, 1)),))

    with pytest.raises(OutputError, match=r"series\.jsonl is there already and holds something else"):
        write_manifest(turned, str(tmp_path / "copy"))
    assert read_manifest(str(tmp_path / "copy")).series == dataset.series
    write_manifest(turned, str(tmp_path / "copy"), overwrite=True)
    assert read_manifest(str(tmp_path / "copy")).series == turned.series
    with pytest.raises(OutputError, match=r"b\.jpg is there with another content; choose an empty folder"):
        copy_photos(str(tmp_path / "set"), [("a.jpg", "b.jpg")], str(tmp_path / "copy"))
    with pytest.raises(OutputError, match=r"series\.jsonl belongs to another data set"):
        write_manifest(Dataset("m", "", photos=(LabelledPhoto("a", 1.0),)), str(tmp_path / "copy"))
    assert not [name for name in os.listdir(tmp_path / "copy") if name.endswith(".part")]


def test_a_photo_that_is_not_there_is_named(tmp_path):
    dataset = Dataset("made", str(tmp_path), (LabelledSeries("s", ("a.jpg", "b.jpg"), ranks=(1, 2)),))

    assert missing_photos(dataset) == ("a.jpg", "b.jpg")
    with pytest.raises(OutputError, match=r"a\.jpg cannot be copied to .+, no such file"):
        write_manifest(dataset, str(tmp_path / "copy"))
    assert not (tmp_path / "copy" / "series.jsonl").exists()


def test_a_rated_photo_whose_name_is_not_utf8_is_refused_on_writing(tmp_path):
    dataset = Dataset("made", str(tmp_path), photos=(LabelledPhoto("caf\udce9.jpg", 1.0),))

    with pytest.raises(
        DatasetError, match=r"'caf\?\.jpg' is not UTF-8, which CSV has to be; rename the photo"
    ):
        write_manifest(dataset, str(tmp_path), with_photos=False)
    assert os.listdir(tmp_path) == []


def test_a_long_file_is_read_a_line_at_a_time(tmp_path):
    series, photos = tmp_path / "series.jsonl", tmp_path / "coarse.csv"
    with series.open("w") as file:
        file.writelines(lines(row(series=f"s{i}", padding="x" * 2000)) for i in range(3000))
    with photos.open("w") as file:
        file.write("file,score,category\n")
        file.writelines(f"{i}.jpg,1,{'x' * 2000}\n" for i in range(3000))

    tracemalloc.start()
    try:
        counted = sum(1 for _ in read_series(str(series), [])), sum(1 for _ in read_photos(str(photos), []))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert counted == (3000, 3000)
    assert peak < 3_000_000 < os.path.getsize(series)
