"""FGAesthetics as released and Photo Triage: lists of six numbers with photos flat or in folders."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finepick.datasets.fgaesthetics import read_fgaesthetics, write_fgaesthetics
from finepick.datasets.photo_triage import read_photo_triage
from finepick.datasets.records import Dataset, LabelledPhoto, LabelledSeries, Pair
from finepick.errors import DatasetError

from .made import kinds, put, write


@pytest.fixture
def release(tmp_path):
    """Nine label files as the release has them, each with one series of three."""
    number = 0
    for category in ("natural", "aigc", "cropping"):
        for split in ("train", "val", "test"):
            number += 1
            write(
                tmp_path / f"{category}_{split}.txt",
                f"{number} 1 2 0.8 1 3\n{number} 1 3 0.6 1 2\n{number} 2 3 0.25 3 2\n",
            )
            put(tmp_path, *(f"{number:06d}/{number:06d}-{index:02d}.jpg" for index in (1, 2, 3)))
    return tmp_path


def test_the_release_is_read_by_category_and_split(release):
    dataset = read_fgaesthetics(str(release))

    assert [(s.series, s.category, s.split) for s in dataset.series] == [
        ("000001", "natural", "train"),
        ("000002", "natural", "val"),
        ("000003", "natural", "test"),
        ("000004", "aigc", "train"),
        ("000005", "aigc", "val"),
        ("000006", "aigc", "test"),
        ("000007", "cropping", "train"),
        ("000008", "cropping", "val"),
        ("000009", "cropping", "test"),
    ]
    assert dataset.series[0] == LabelledSeries(
        series="000001",
        photos=("000001/000001-01.jpg", "000001/000001-02.jpg", "000001/000001-03.jpg"),
        pairs=(Pair(0, 1, 0.8), Pair(0, 2, 0.6), Pair(1, 2, 0.25)),
        ranks=(1, 3, 2),
        category="natural",
        split="train",
    )
    assert (dataset.name, dataset.remarks) == ("fgaesthetics", ())


@pytest.mark.parametrize(
    "name",
    [
        "000007-02.jpg",
        "000007/000007-02.jpg",
        "natural/000007-02.jpg",
        "images/natural/000007/000007-02.JPEG",
        "7-2.JPG",
        "0007-002.png",
        "000007/7-02.Jpg",
    ],
)
def test_a_photo_is_found_however_its_name_is_spelt(tmp_path, name):
    write(tmp_path / "natural_train.txt", "7 1 2 0.8 1 2\n")
    put(tmp_path, "000007-01.jpg" if "natural" not in name else "natural/000007-01.jpg", name)

    dataset = read_fgaesthetics(str(tmp_path))

    assert dataset.series[0].photos[1] == name
    assert dataset.remarks == ()


def test_the_oddities_of_the_release_are_kept_and_told(tmp_path):
    write(tmp_path / "aigc_train.txt", "5 1 2 0.7 1 2\n\n5 1 2 0.7 1 2\r\n6 1 2 0.5 1 2\n6 2 3 0.3 2 3\n")
    put(tmp_path, "000005-01.jpg", "000005-02.jpg", "000006-01.jpg", "000006-03.jpg", "000006-04.jpg")
    path = tmp_path / "aigc_train.txt"

    dataset = read_fgaesthetics(str(tmp_path))

    assert [len(series.pairs) for series in dataset.series] == [2, 2]
    assert [(remark.kind, remark.place) for remark in dataset.remarks] == [
        ("duplicate_pair", f"{path}:3"),
        ("tie", f"{path}:4"),
        ("contradicts_ranks", f"{path}:5"),
        ("unlabelled_photo", f"{path}:4"),
        ("missing_photo", f"{path}:4"),
    ]
    assert dataset.remarks[-1].text == "there is no photo '000006-02.jpg'"


def test_ranks_that_change_from_row_to_row_are_kept_by_row_and_told(tmp_path):
    text = "5 1 2 0.7 1 2\n5 1 3 0.7 2 3\n"
    write(tmp_path / "natural_val.txt", text)

    dataset = read_fgaesthetics(str(tmp_path))

    (series,) = dataset.series
    assert series.ranks is None
    assert kinds(dataset) == ["inconsistent_ranks", "no_photos"]
    write_fgaesthetics(dataset, str(tmp_path / "copy"), with_photos=False)
    assert (tmp_path / "copy" / "natural_val.txt").read_text() == text


def test_indices_with_gaps_come_back(tmp_path):
    text = "5 4 2 0.7 1 2\n"
    write(tmp_path / "natural_val.txt", text)
    dataset = read_fgaesthetics(str(tmp_path))

    write_fgaesthetics(dataset, str(tmp_path / "copy"), with_photos=False)

    assert dataset.series[0].photos == ("000005-02.jpg", "000005-04.jpg")
    assert dataset.series[0].pairs == (Pair(1, 0, 0.7),)
    assert (tmp_path / "copy" / "natural_val.txt").read_text() == text


def test_one_number_in_two_categories_is_two_series_with_photos_of_their_own(tmp_path):
    write(tmp_path / "natural_test.txt", "5 1 2 0.7 1 2\n")
    write(tmp_path / "cropping_test.txt", "5 1 2 0.2 2 1\n")
    write(tmp_path / "cropping_val.txt", "5 1 3 0.2 2 1\n")
    put(tmp_path, *(f"natural/000005/000005-{i:02d}.jpg" for i in (1, 2, 3)))
    put(tmp_path, *(f"cropping/000005/000005-{i:02d}.jpg" for i in (1, 3)))

    dataset = read_fgaesthetics(str(tmp_path))

    assert [(series.series, series.photos) for series in dataset.series] == [
        ("natural-000005", ("natural/000005/000005-01.jpg", "natural/000005/000005-02.jpg")),
        ("cropping-val-000005", ("cropping/000005/000005-01.jpg", "cropping/000005/000005-03.jpg")),
        ("cropping-test-000005", ("cropping/000005/000005-01.jpg", "000005-02.jpg")),
    ]
    assert kinds(dataset).count("same_number") == 3
    assert "missing_photo" in kinds(dataset)


BROKEN = {
    "five": (
        "5 1 2 0.7 1",
        "5 numbers instead of six; a row is: series, index 1, index 2, P(photo 1 preferred)",
    ),
    "seven": (
        "5 1 2 0.7 1 2 3",
        "7 numbers instead of six; a row is: series, index 1, index 2, P(photo 1 pr",
    ),
    "word": ("five 1 2 0.7 1 2", "the series is 'five'; it has to be a number"),
    "index 0": ("5 0 2 0.7 1 2", "index 1 is 0; it has to be at least 1"),
    "index broken": ("5 1 2.5 0.7 1 2", "index 2 is 2.5; it has to be a whole number"),
    "p": ("5 1 2 1.7 1 2", "P is 1.7; it has to be from 0 to 1"),
    "p nan": ("5 1 2 nan 1 2", "P is 'nan'; it has to be a number"),
    "rank": ("5 1 2 0.7 0 2", "rank 1 is 0; it has to be at least 1"),
    "itself": ("5 2 2 0.7 1 2", "photo 2 is compared with itself; correct the row or take it out"),
    "huge": ("9999999999 1 2 0.7 1 2", "the series is 9999999999; no data set has so many; correct the row"),
    "bytes": ("5 1 2 0.7 1 \udcff", "this is not UTF-8; save the file as UTF-8 and try again"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_malformed_row_is_refused_with_its_file_and_line(tmp_path, case):
    text, message = BROKEN[case]
    path = tmp_path / "val_pairlist.txt"
    path.write_bytes(b"5 1 2 0.7 1 2\n\n" + os.fsencode(text) + b"\n")

    with pytest.raises(DatasetError) as caught:
        read_photo_triage(str(tmp_path))

    assert caught.value.message.startswith(f"{path}, line 3: {message}")
    assert (caught.value.path, caught.value.line) == (str(path), 3)


def test_photo_triage_is_read_as_it_is_unpacked(tmp_path):
    folder = tmp_path / "train_val"
    write(folder / "train_pairlist.txt", "15 1 2 0.123 2 1\n15 1 3 0.546 2 3\n15 2 3 0.896 1 3\n")
    write(folder / "val_pairlist.txt", "20 1 2 0.9 1 2\n")
    put(folder, *(f"train_val_imgs/000015-0{i}.JPG" for i in (1, 2, 3)))
    put(folder, *(f"train_val_imgs/000020-0{i}.JPG" for i in (1, 2)), "reviews/000020.txt")

    dataset = read_photo_triage(str(tmp_path))

    first, second = dataset.series
    assert first.photos[2] == "train_val/train_val_imgs/000015-03.JPG"
    assert (first.ranks, first.split, first.category) == ((2, 1, 3), "train", "natural")
    assert first.pairs == (Pair(0, 1, 0.123), Pair(0, 2, 0.546), Pair(1, 2, 0.896))
    assert (second.series, second.split) == ("000020", "val")
    assert dataset.remarks == ()


def test_label_files_that_are_there_twice_are_refused(tmp_path):
    for folder in "ab":
        write(tmp_path / folder / "natural_val.txt", "5 1 2 0.7 1 2\n")

    with pytest.raises(DatasetError, match=r"natural_val\.txt is there twice, as .+; keep one of them"):
        read_fgaesthetics(str(tmp_path))


@pytest.mark.parametrize(
    ("read", "files"), [(read_fgaesthetics, "natural"), (read_photo_triage, "train_pairl")]
)
def test_a_folder_without_label_files_is_told_what_was_expected(tmp_path, read, files):
    with pytest.raises(DatasetError, match=f"there are no label files of .+ here; expected .*{files}"):
        read(str(tmp_path))


def test_what_is_written_is_read_again_with_its_photos(release):
    dataset = read_fgaesthetics(str(release))

    written = write_fgaesthetics(dataset, str(release / "copy"))

    again = read_fgaesthetics(str(release / "copy"))
    assert again.series == dataset.series
    assert written.left_out == ()
    for name in dataset.series[3].photos:
        assert (release / "copy" / name).read_bytes() == (release / name).read_bytes()
    for path in written.files:
        assert Path(path).read_bytes() == (release / os.path.basename(path)).read_bytes()


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_series_with_pairs_and_ranks_comes_back(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("set")
    numbers = data.draw(st.lists(st.integers(0, 999_999), min_size=1, max_size=4, unique=True))
    series = []
    for number in numbers:
        n = data.draw(st.integers(2, 5))
        probabilities = st.floats(0, 1)
        pairs = [Pair(a, b, data.draw(probabilities)) for a in range(n) for b in range(n) if a != b]
        series.append(
            LabelledSeries(
                f"{number:06d}",
                tuple(f"{number:06d}-{i + 1:02d}.jpg" for i in range(n)),
                tuple(pairs),
                tuple(data.draw(st.permutations(range(1, n + 1)))),
                category=data.draw(st.sampled_from(["natural", "aigc", "cropping"])),
                split=data.draw(st.sampled_from(["train", "val", "test"])),
            )
        )

    write_fgaesthetics(Dataset("made", "", tuple(series)), str(folder), with_photos=False)

    again = read_fgaesthetics(str(folder))
    assert {entry.series: entry for entry in again.series} == {entry.series: entry for entry in series}


COMPLETE = LabelledSeries(
    "summer",
    ("a.jpg", "b.PNG", "c.jpg"),
    (Pair(0, 1, 0.9, 7, "sharper"),),
    (1, 2, 3),
    category="aigc",
    split="val",
)


def test_series_without_numbers_are_numbered_and_what_has_no_place_is_told(tmp_path):
    put(tmp_path, "a.jpg", "b.PNG", "c.jpg")
    other = replace(COMPLETE, series="autumn", pairs=(Pair(1, 0, 0.25),), ranks=None, scores=(3.0, 1.0, 3.5))
    dataset = Dataset("made", str(tmp_path), (COMPLETE, other))

    written = write_fgaesthetics(dataset, str(tmp_path / "copy"))

    assert (tmp_path / "copy" / "aigc_val.txt").read_text() == "2 1 2 0.9 1 2\n1 2 1 0.25 3 2\n"
    assert (tmp_path / "copy" / "series.txt").read_text() == "1 autumn\n2 summer\n"
    assert (tmp_path / "copy/000002/000002-02.png").read_bytes() == (tmp_path / "b.PNG").read_bytes()
    assert written.left_out == (
        "1 numbers of votes of pairs",
        "1 texts of pairs",
        "1 series with scores",
        "2 photos that no pair names",
    )


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"pairs": ()}, "pairs"),
        ({"ranks": None}, "ranks"),
        ({"category": "burst"}, "a category out of natural, aigc, cropping"),
        ({"split": ""}, "a split"),
    ],
)
def test_what_the_layout_cannot_do_without_is_asked_for(tmp_path, changes, what):
    dataset = Dataset("made", str(tmp_path), (replace(COMPLETE, **changes),))

    with pytest.raises(DatasetError) as caught:
        write_fgaesthetics(dataset, str(tmp_path / "copy"), with_photos=False)

    assert caught.value.message == (
        f"series 'summer' has not {what}, which this layout needs; add it, or write a manifest or Parquet"
    )
    assert not (tmp_path / "copy").exists()


def test_photos_rated_one_by_one_have_no_place_in_it(tmp_path):
    with pytest.raises(DatasetError, match="1 photos are rated one by one"):
        write_fgaesthetics(Dataset("m", "", photos=(LabelledPhoto("a", 1.0),)), str(tmp_path))
