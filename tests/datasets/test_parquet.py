"""Two Parquet tables that hold a whole data set."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finepick.datasets.conversion import LAYOUTS, convert
from finepick.datasets.manifest import read_manifest, write_manifest
from finepick.datasets.parquet import is_parquet_dataset, read_parquet, write_parquet
from finepick.datasets.records import Dataset, LabelledPhoto, LabelledSeries, Pair, Remark
from finepick.errors import DatasetError, MissingExtraError, UsageError

from .made import WORDS, put, some_dataset

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

SERIES = LabelledSeries(
    "s",
    ("a.jpg", "b.jpg", "c.jpg"),
    (Pair(0, 1, 0.8, 10, "sharper"), Pair(2, 1, 1 / 3)),
    ranks=(1, 3, 2),
    scale=(1.0, 5.0),
    category="natural",
    split="val",
    others={"prompt": "x", "pairs": [{"rater": 1}, {}]},
)
PHOTO = LabelledPhoto("d.jpg", 4.25, 1.5, 12, 1.0, 7.0, (1.0, 2.0, 9.0), "natural", "train")


@settings(max_examples=60, deadline=None)
@given(dataset=some_dataset(), texts=st.lists(st.tuples(WORDS, WORDS, WORDS), max_size=2))
def test_what_is_written_is_read_again_exactly(tmp_path_factory, dataset, texts):
    folder = str(tmp_path_factory.mktemp("set"))
    dataset = replace(dataset, folder=folder, remarks=tuple(Remark(*entry) for entry in texts))

    write_parquet(dataset, folder, with_photos=False)

    assert is_parquet_dataset(folder)
    assert read_parquet(folder) == dataset


def test_rows_are_pairs_and_photos_that_any_tool_can_use(tmp_path):
    dataset = Dataset("made", str(tmp_path), (SERIES,), (PHOTO,))

    write_parquet(dataset, str(tmp_path), with_photos=False)

    pairs = pq.read_table(tmp_path / "pairs.parquet").to_pylist()
    assert [(row["photo_a"], row["photo_b"], row["p"], row["split"]) for row in pairs] == [
        ("a.jpg", "b.jpg", 0.8, "val"),
        ("c.jpg", "b.jpg", 1 / 3, "val"),
    ]
    photos = pq.read_table(tmp_path / "photos.parquet").to_pylist()
    assert [(row["file"], row["series"], row["rank"], row["score"]) for row in photos] == [
        ("a.jpg", "s", 1, None),
        ("b.jpg", "s", 3, None),
        ("c.jpg", "s", 2, None),
        ("d.jpg", None, None, 4.25),
    ]
    assert photos[3]["votes"] == [1.0, 2.0, 9.0]


def test_every_layout_can_be_converted_to_with_its_photos(tmp_path):
    put(tmp_path / "set", "a.jpg", "b.jpg", "c.jpg")
    write_manifest(Dataset("made", str(tmp_path / "set"), (SERIES,)), str(tmp_path / "set"))
    dataset = read_manifest(str(tmp_path / "set"))

    for layout in LAYOUTS:
        for path in convert(dataset, layout, str(tmp_path / layout)):
            assert Path(path).is_file()
        copies = [path.read_bytes() for path in sorted((tmp_path / layout).rglob("*.jpg"))]
        assert copies == [(tmp_path / "set" / name).read_bytes() for name in SERIES.photos]
    assert read_parquet(str(tmp_path / "parquet")).series == dataset.series
    with pytest.raises(
        UsageError, match="'xml' is no layout that can be written; choose one of manifest, par"
    ):
        convert(dataset, "xml", str(tmp_path))


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    write_parquet(Dataset("made", "", (SERIES,)), str(tmp_path), with_photos=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    for use in (
        lambda: read_parquet(str(tmp_path)),
        lambda: write_parquet(Dataset("made", "", (SERIES,)), str(tmp_path)),
    ):
        with pytest.raises(
            MissingExtraError, match=r"needs the extra 'parquet': pip install 'finepick\[parqu"
        ):
            use()


def test_text_that_is_not_utf8_is_refused_on_writing(tmp_path):
    dataset = Dataset("made", "", (replace(SERIES, photos=("caf\udce9", "b", "c")),))

    with pytest.raises(
        DatasetError, match=r"'caf\?' is not UTF-8, which Parquet has to be; rename it, or write"
    ):
        write_parquet(dataset, str(tmp_path), with_photos=False)


def change(path, **columns):
    """Write the table at *path* again with other *columns*; None takes one away."""
    table = pq.read_table(path)
    for name, values in columns.items():
        at = table.schema.get_field_index(name)
        if values is None:
            table = table.remove_column(at)
        else:
            table = table.set_column(
                at, table.schema.field(name), pa.array(values, table.schema.field(name).type)
            )
    pq.write_table(table, path)


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        (
            "photos",
            {"rank": None},
            "there is no column rank; this is not a data set of ours, or not all of it",
        ),
        ("photos", {"place": [0, 2, 3, None]}, "row 1: the places in series 's' have gaps; they run from 0"),
        (
            "photos",
            {"file": ["a", "b", "../c", "d"]},
            "row 1: the photo '../c' lies outside the data set's fol",
        ),
        (
            "photos",
            {"file": ["a", "b", "c", "/d"]},
            "row 4: the photo '/d' has an absolute path; give it rela",
        ),
        ("photos", {"rank": [1, None, 2, None]}, "row 1: a rank is None; ranks are whole numbers, 1 for the"),
        ("pairs", {"p": [0.5, 2.0]}, "row 1: 'p' of pair 2 is 2; a probability lies from 0 to 1"),
        ("pairs", {"b": [1, 5]}, "row 1: 'b' of pair 2 is 5; it has to be the place of a photo, 0 to 2"),
        ("pairs", {"series": ["s", "t"]}, "row 2: there is no series t; see photos.parquet"),
    ],
)
def test_tables_that_were_changed_are_refused_where_they_do_not_fit(tmp_path, file, changes, message):
    write_parquet(Dataset("made", "", (SERIES,), (PHOTO,)), str(tmp_path), with_photos=False)
    change(tmp_path / f"{file}.parquet", **changes)

    with pytest.raises(DatasetError) as caught:
        read_parquet(str(tmp_path))

    assert message in caught.value.message


def test_tables_that_others_wrote_are_refused(tmp_path):
    for name in ("photos", "pairs"):
        pq.write_table(pa.table({"file": ["a"]}), tmp_path / f"{name}.parquet")

    with pytest.raises(
        DatasetError, match="this is not a data set that this version wrote; convert it again"
    ):
        read_parquet(str(tmp_path))
