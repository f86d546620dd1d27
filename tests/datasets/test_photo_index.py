"""Photos found by names that are spelt in many ways."""

from __future__ import annotations

import os

import pytest

from finepick.datasets.files import Place
from finepick.datasets.photo_index import PhotoIndex

from .made import put

HERE = Place("labels.txt", 3)


@pytest.mark.parametrize("name", ["a/b.jpg", "b.jpg", "B.JPG", "b", "b.png", "A/b.jpeg"])
def test_case_extension_and_folders_before_it_do_not_matter(tmp_path, name):
    put(tmp_path, "photos/a/b.jpg", "photos/c/other.jpg")

    index = PhotoIndex(str(tmp_path))

    assert index.find(name, HERE) == "photos/a/b.jpg"
    assert index.remarks == []


def test_a_name_with_dots_is_no_extension(tmp_path):
    put(tmp_path, "sd1.5_normal_000.jpg", "sd1.jpg")

    index = PhotoIndex(str(tmp_path))

    assert index.find("sd1.5_normal_000", HERE) == "sd1.5_normal_000.jpg"


def test_the_same_spelling_wins_and_a_choice_is_told(tmp_path):
    put(tmp_path, "b.jpg", "b.png", "deep/c.jpg", "x/c.jpg")
    index = PhotoIndex(str(tmp_path))

    assert index.find("b.png", HERE) == "b.png"
    assert index.remarks == []
    assert index.find("c.jpg", HERE) == "deep/c.jpg"
    assert [(remark.kind, remark.place, remark.text) for remark in index.remarks] == [
        ("several_photos", "labels.txt:3", "'c.jpg' could be deep/c.jpg, x/c.jpg; deep/c.jpg is taken")
    ]


def test_a_part_of_a_folder_name_is_not_the_folder(tmp_path):
    put(tmp_path, "session11/a.jpg")

    assert PhotoIndex(str(tmp_path)).find("1/a.jpg", HERE, default="imgs/1/a.jpg") == "imgs/1/a.jpg"


@pytest.mark.skipif(os.name == "nt", reason="links need a right of their own there")
def test_links_are_followed_and_circles_are_not(tmp_path):
    put(tmp_path / "elsewhere", "a.jpg")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/photos").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/circle").symlink_to(tmp_path / "set")

    index = PhotoIndex(str(tmp_path / "set"))

    assert index.find("a.jpg", HERE) == "photos/a.jpg"
    assert index.remarks == []


def test_a_missing_photo_is_told_once_and_a_missing_archive_too(tmp_path):
    empty = PhotoIndex(str(tmp_path))
    for name in ("a.jpg", "b.jpg"):
        assert empty.find(name, HERE) == name
    assert [remark.kind for remark in empty.remarks] == ["no_photos"]
    put(tmp_path, "c.jpg")
    index = PhotoIndex(str(tmp_path))
    for name in ("a.jpg", "a.jpg", "b.jpg", "c.jpg"):
        index.find(name, HERE)
    assert [remark.text for remark in index.remarks] == [
        "there is no photo 'a.jpg'",
        "there is no photo 'b.jpg'",
    ]
