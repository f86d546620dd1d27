"""Pick-a-Pic and HPD: answers between pictures of one prompt, in Parquet and JSON."""

from __future__ import annotations

import json
import os

import pytest

from finepick.datasets.manifest import read_manifest
from finepick.datasets.preferences import import_preferences, read_preferences
from finepick.datasets.records import Pair
from finepick.errors import DatasetError, OutputError

from .made import kinds, picture, put, write

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def answer(caption, first, second, label, *, pictures=True, **more):
    """A row as Pick-a-Pic has it; *label* is that of the first picture."""
    row = {
        "are_different": True,
        "best_image_uid": first if label == 1 else second if label == 0 else "tie",
        "caption": caption,
        "has_label": True,
        "image_0_uid": first,
        "image_0_url": "x",
        "image_1_uid": second,
        "image_1_url": "y",
        "label_0": float(label),
        "label_1": 1.0 - label,
        "model_0": "m",
        "ranking_id": 7,
        "user_id": 3,
    }
    if pictures:
        row |= {f"jpg_{i}": picture(hash_of(uid)) for i, uid in enumerate((first, second))}
    return row | more


def hash_of(uid):
    return sum(uid.encode())


def save(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


ANSWERS = (
    answer("a fox", "f1", "f2", 1),
    answer("a hen", "h1", "h2", 0),
    answer("a fox", "f3", "f2", 0.5),
    answer("a fox", "f1", "f2", 0, user_id=4),
    answer("a fox", "f1", "f3", 0, has_label=False),
    answer("a fox", "f1", "f1", 0),
)


def test_answers_on_one_prompt_are_a_series(tmp_path):
    path = save(tmp_path / "data/train-00000-of-00001-ab.parquet", *ANSWERS)

    dataset = read_preferences(str(tmp_path), name="pick-a-pic")

    fox, hen = dataset.series
    assert fox.photos == ("photos/f1.jpg", "photos/f2.jpg", "photos/f3.jpg")
    assert fox.pairs == (Pair(0, 1, 1.0, 1), Pair(2, 1, 0.5, 1), Pair(0, 1, 0.0, 1))
    assert (fox.split, fox.category, fox.others) == ("train", "aigc", {"prompt": "a fox"})
    assert hen.pairs == (Pair(0, 1, 0.0, 1),)
    told = {remark.kind: (remark.place, remark.text) for remark in dataset.remarks}
    assert told["tie"] == (str(path), "1 ties, kept with p = .5: 3")
    assert told["unlabelled_row"] == (str(path), "1 rows without a label, which are not pairs: 5")
    assert told["same_photo"] == (
        str(path),
        "1 rows that compare a picture with itself, which are not pairs: 6",
    )
    assert set(told) == {"tie", "unlabelled_row", "same_photo", "unknown_column", "no_photos"}
    assert len(fox.pairs) + len(hen.pairs) + 2 == len(ANSWERS)


def test_an_import_writes_the_pictures_and_a_manifest_that_says_the_same(tmp_path):
    save(tmp_path / "in/train-00000.parquet", *ANSWERS)
    save(tmp_path / "in/test-00000.parquet", answer("a dog", "d1", "d2", 1, jpg_1=picture(5, "PNG")))

    dataset = import_preferences(str(tmp_path / "in"), str(tmp_path / "out"), name="pick-a-pic")

    assert read_manifest(str(tmp_path / "out")).series == dataset.series
    assert sorted(os.listdir(tmp_path / "out/photos")) == [
        "d1.jpg", "d2.png", "f1.jpg", "f2.jpg", "f3.jpg", "h1.jpg", "h2.jpg",
    ]  # fmt: skip
    assert (tmp_path / "out/photos/f3.jpg").read_bytes() == picture(hash_of("f3"))
    assert dataset.folder == str(tmp_path / "out")
    listed = read_preferences(str(tmp_path / "in"), name="pick-a-pic")
    assert [series.pairs for series in listed.series] == [series.pairs for series in dataset.series]
    assert import_preferences(str(tmp_path / "in"), str(tmp_path / "out")).series == dataset.series


def test_ids_of_series_do_not_depend_on_the_order_of_rows(tmp_path):
    save(tmp_path / "a/train.parquet", *ANSWERS)
    save(tmp_path / "b/train.parquet", *reversed(ANSWERS))

    ids = [
        {series.others["prompt"]: series.series for series in read_preferences(str(tmp_path / name)).series}
        for name in "ab"
    ]

    assert ids[0] == ids[1]


def test_parts_that_repeat_rows_are_not_read_beside_the_whole(tmp_path):
    save(tmp_path / "validation-00000-of-00001.parquet", *ANSWERS[:3])
    save(tmp_path / "validation_unique-00000-of-00001.parquet", ANSWERS[0])
    save(tmp_path / "test_unique-00000-of-00001.parquet", ANSWERS[1])

    dataset = read_preferences(str(tmp_path))

    assert [(series.others["prompt"], series.split) for series in dataset.series] == [
        ("a hen", "test"), ("a fox", "val"), ("a hen", "val"),
    ]  # fmt: skip
    assert "not_read" in kinds(dataset)
    assert "photo_in_two_splits" in kinds(dataset)


def test_pictures_that_are_there_are_found_by_uid(tmp_path):
    save(tmp_path / "train.parquet", answer("a fox", "f1", "f2", 1, pictures=False))
    put(tmp_path, "images/f1.png", "images/f2.webp")

    (series,) = read_preferences(str(tmp_path)).series

    assert series.photos == ("images/f1.png", "images/f2.webp")


BROKEN = {
    "labels": ({"label_1": 0.5}, "the labels 1 and 0.5 do not add up to 1; correct the row"),
    "no label": ({"label_0": None}, "a label is None; it has to be 0, .5 or 1"),
    "label": ({"label_0": 3.0, "label_1": -2.0}, "a label is 3.0; it has to be 0, .5 or 1"),
    "nan": ({"label_0": float("nan")}, "a label is nan; it has to be 0, .5 or 1"),
    "caption": ({"caption": None}, "the prompt is None; it has to be a text"),
    "uid climbs": ({"image_0_uid": "../../x"}, "a picture's uid is ../../x; a uid is letters, digits, '-', "),
    "uid missing": ({"image_1_uid": None}, "a picture's uid is None; a uid is letters, digits, '-', '_' and"),
    "uid hidden": ({"image_1_uid": ".bashrc"}, "a picture's uid is .bashrc; a uid is letters, digits, '-',"),
    "no bytes": ({"jpg_0": None}, "there are no bytes of the picture g1; get the edition with pictures"),
    "no picture": ({"jpg_0": b"<html>"}, "the bytes of g1 are no JPEG, PNG or WebP; get the file again"),
    "other bytes": (
        {"jpg_1": picture(99)},
        "the picture f1 is not what it was in a row before; get the file",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_malformed_row_is_refused_with_its_file_and_number(tmp_path, case):
    changes, message = BROKEN[case]
    path = save(tmp_path / "in/train.parquet", ANSWERS[0], answer("a fox", "g1", "f1", 1) | changes)

    with pytest.raises(DatasetError) as caught:
        import_preferences(str(tmp_path / "in"), str(tmp_path / "out"))

    assert caught.value.message.startswith(f"{path}, row 2: {message}")
    assert (caught.value.path, caught.value.line) == (str(path), 2)
    assert not (tmp_path / "out/series.jsonl").exists()


def test_a_label_that_names_another_best_picture_is_told(tmp_path):
    save(tmp_path / "train.parquet", ANSWERS[0] | {"best_image_uid": "f2"})

    dataset = read_preferences(str(tmp_path))

    assert dataset.series[0].pairs == (Pair(0, 1, 1.0, 1),)
    assert "contradicts_best" in kinds(dataset)


HPD_TRAIN = [
    {"prompt": "a fox", "file_path": ["1.jpg", "2.jpg"], "human_preference": [1, 0], "user_hash": "u"},
    {"prompt": "a fox", "file_path": ["2.jpg", "3.jpg"], "human_preference": [0, 1], "user_hash": "u"},
    {"prompt": "a fox", "file_path": ["1.jpg", "3.jpg"], "human_preference": [0, 0], "user_hash": "u"},
    {"prompt": "a hen", "file_path": ["4.jpg", "5.jpg", "6.jpg"], "human_preference": 1, "user_hash": "u"},
]
HPD_TEST = [
    {
        "prompt": "a cow",
        "image_path": ["7.jpg", "8.jpg"],
        "rank": [2, 1],
        "raw_annotations": [{"rank": [2, 1]}],
    },
    {"prompt": "a cow", "image_path": ["9.jpg", "8.jpg"], "rank": [0, 1], "raw_annotations": []},
]


@pytest.mark.parametrize("form", ["json", "parquet"])
def test_hpd_v2_is_read_in_both_forms(tmp_path, form):
    for name, rows in (("train", HPD_TRAIN[:3]), ("test", HPD_TEST)):
        if form == "json":
            write(tmp_path / f"{name}.json", json.dumps(rows))
        else:
            save(tmp_path / f"{name}-0.parquet", *rows)
    put(tmp_path, *(f"images/{i}.jpg" for i in range(1, 10)))

    dataset = read_preferences(str(tmp_path), name="hpd")

    by_prompt = {}
    for series in dataset.series:
        by_prompt.setdefault(series.others["prompt"], []).append(series)
    (fox,) = by_prompt["a fox"]
    assert fox.photos == ("images/1.jpg", "images/2.jpg", "images/3.jpg")
    assert fox.pairs == (Pair(0, 1, 1.0, 1), Pair(1, 2, 0.0, 1), Pair(0, 2, 0.5, 1))
    assert [series.ranks for series in by_prompt["a cow"]] == [(2, 1), (1, 2)]
    assert by_prompt["a cow"][0].others["raw_annotations"] == [{"rank": [2, 1]}]
    assert len({series.series for series in dataset.series}) == 3


def test_one_choice_among_several_is_a_pair_with_each_of_the_others(tmp_path):
    write(tmp_path / "train.json", json.dumps(HPD_TRAIN[3:]))

    (series,) = read_preferences(str(tmp_path)).series

    assert series.pairs == (Pair(0, 1, 0.0, 1), Pair(1, 2, 1.0, 1))


def test_hpd_v3_puts_the_preferred_first_and_knows_votes(tmp_path):
    rows = [
        {"prompt": "a fox", "path1": "1.jpg", "path2": "2.jpg", "choice_dist": [8, 2]},
        {"prompt": "a fox", "path1": "3.jpg", "path2": "2.jpg", "choice_dist": None},
    ]
    write(tmp_path / "train.json", json.dumps(rows))

    (series,) = read_preferences(str(tmp_path)).series

    assert series.pairs == (Pair(0, 1, 0.8, 10), Pair(2, 1, 1.0, None))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            HPD_TRAIN[0] | {"human_preference": [1]},
            "human_preference is [1] for 2 pictures; it has to be 1 for",
        ),
        (
            HPD_TRAIN[0] | {"human_preference": [2, 0]},
            "human_preference is [2, 0] for 2 pictures; it has to be",
        ),
        (
            HPD_TRAIN[0] | {"file_path": ["1.jpg"]},
            "the pictures are ['1.jpg']; there have to be at least two",
        ),
        (
            HPD_TRAIN[0] | {"file_path": ["/a", "b"]},
            "the photo '/a' has an absolute path; give it relative to",
        ),
        (HPD_TRAIN[0] | {"prompt": 5}, "the prompt is 5; it has to be a text"),
    ],
)
def test_a_malformed_entry_of_hpd_is_refused(tmp_path, row, message):
    path = write(tmp_path / "train.json", json.dumps([HPD_TRAIN[0], row]))

    with pytest.raises(DatasetError) as caught:
        read_preferences(str(tmp_path))

    assert caught.value.message.startswith(f"{path}, entry 2: {message}")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rank": [1]}, "rank is [1] for 2 pictures; it has to be one whole number for each"),
        ({"rank": [1, 1.5]}, "rank is [1, 1.5] for 2 pictures; it has to be one whole number for each"),
        ({"image_path": ["7.jpg", "7.jpg"]}, "one picture is ranked twice; correct the row or take it out"),
    ],
)
def test_malformed_ranks_are_refused(tmp_path, changes, message):
    path = write(tmp_path / "test.json", json.dumps([HPD_TEST[0] | changes]))

    with pytest.raises(DatasetError) as caught:
        read_preferences(str(tmp_path))

    assert caught.value.message == f"{path}, entry 1: {message}"


def test_unknown_columns_are_refused_with_those_that_were_expected(tmp_path):
    path = save(tmp_path / "train.parquet", {"left": 1, "right": 2})

    with pytest.raises(DatasetError) as caught:
        read_preferences(str(tmp_path))

    assert caught.value.message.startswith(
        f"{path}: the columns left, right are none that are known; expected caption, image_0_uid, image_1_uid, "
    )


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\0" * 50 + b"PAR1"])
def test_a_file_that_is_no_parquet_is_refused(tmp_path, content):
    (tmp_path / "train.parquet").write_bytes(content)

    with pytest.raises(
        DatasetError, match=r"train\.parquet: this cannot be read as Parquet; get the file again"
    ):
        read_preferences(str(tmp_path))


def test_a_file_that_is_damaged_inside_is_refused(tmp_path):
    path = save(tmp_path / "train.parquet", *(answer(f"prompt {i}", "a", "b", 1) for i in range(400)))
    content = bytearray(path.read_bytes())
    content[100 : len(content) // 2] = os.urandom(len(content) // 2 - 100)
    path.write_bytes(content)

    with pytest.raises(DatasetError, match=r"train\.parquet"):
        read_preferences(str(tmp_path))


@pytest.mark.parametrize("text", ["[{", '{"a": 1}', "[1]", "[" * 100_000])
def test_a_file_that_is_no_list_of_objects_is_refused(tmp_path, text):
    write(tmp_path / "train.json", text)

    with pytest.raises(DatasetError, match=r"train\.json: this is not (JSON|a list of objects)"):
        read_preferences(str(tmp_path))


def test_pictures_that_are_files_are_copied_on_import(tmp_path):
    write(tmp_path / "in/train.json", json.dumps(HPD_TRAIN[:1]))
    put(tmp_path / "in", "x/1.jpg", "x/2.jpg")

    dataset = import_preferences(str(tmp_path / "in"), str(tmp_path / "out"))

    assert dataset.series[0].photos == ("x/1.jpg", "x/2.jpg")
    assert (tmp_path / "out/x/2.jpg").read_bytes() == (tmp_path / "in/x/2.jpg").read_bytes()
    (tmp_path / "in/x/2.jpg").unlink()
    with pytest.raises(OutputError, match=r"2\.jpg cannot be copied"):
        import_preferences(str(tmp_path / "in"), str(tmp_path / "elsewhere"))
