"""A result as a data set that others can read with nothing but the contract in hand."""

from __future__ import annotations

import json
import os

import pytest

from finepick.errors import OutputError
from finepick.exports.manifest import safe_name, write_manifest

from .results import MODEL, kept_whole, photo, ranked, result


def shot(path, content: bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)


def lines_of(folder):
    return [json.loads(line) for line in (folder / "series.jsonl").read_text("ascii").splitlines()]


@pytest.fixture
def burst(tmp_path):
    paths = [shot(tmp_path / f"shoot/{n}.jpg", f"photo {n}".encode()) for n in range(3)]
    return ranked(*map(photo, paths), scores=(0.5, 2.0, 0.5), id="s0007", too_close=True)


def test_a_series_is_one_line_with_ranks_pairs_and_who_said_so(tmp_path, burst):
    report = write_manifest(result(burst), str(tmp_path / "set"))

    (line,) = lines_of(tmp_path / "set")
    assert line["series"] == "s0007" and line["category"] == "burst"
    assert line["ranks"] == [2, 1, 2]
    assert [(pair["a"], pair["b"]) for pair in line["pairs"]] == [(0, 1), (0, 2), (1, 2)]
    assert [pair["p"] for pair in line["pairs"]] == pytest.approx([0.182426, 0.5, 0.817574])
    assert line["scores"] is None and line["scale"] is None
    assert line["labels"] == "model"
    assert line["model"] == {"name": MODEL.name, "version": MODEL.version, "fingerprint": MODEL.fingerprint}
    assert line["originals"] == [entry.path for entry in burst.photos]
    assert (report.series, report.photos, report.left_out) == (1, 3, 0)


def test_the_photos_lie_beside_it_in_the_order_of_the_series(tmp_path, burst):
    write_manifest(result(burst), str(tmp_path / "set"))

    (line,) = lines_of(tmp_path / "set")
    contents = [(tmp_path / "set" / name).read_bytes() for name in line["photos"]]
    assert contents == [b"photo 0", b"photo 1", b"photo 2"]
    assert set(os.listdir(tmp_path / "set")) == {"series.jsonl", *line["photos"]}


def test_photos_of_one_name_from_two_folders_do_not_collide(tmp_path):
    paths = [shot(tmp_path / f"{day}/IMG_1.JPG", day.encode()) for day in ("monday", "friday")]
    twin = shot(tmp_path / "sunday/IMG_1.JPG", b"monday")

    write_manifest(result(ranked(*map(photo, [*paths, twin]), scores=(3.0, 2.0, 1.0))), str(tmp_path / "set"))

    (line,) = lines_of(tmp_path / "set")
    assert len(set(line["photos"])) == 3
    assert [(tmp_path / "set" / name).read_bytes() for name in line["photos"]] == [
        b"monday",
        b"friday",
        b"monday",
    ]


@pytest.mark.skipif(os.name == "nt", reason="file names are never bytes on Windows")
def test_names_become_safe_and_the_original_is_kept(tmp_path):
    names = [b"caf\xe9.jpg", b"a:b?.jpg", b"new\nline.jpg", b".hidden.jpg", b"x" * 251 + b".jpg", b"\xff\xfe"]
    paths = [shot(tmp_path / "shoot" / os.fsdecode(name), name) for name in names]

    write_manifest(result(ranked(*map(photo, paths), scores=(6, 5, 4, 3, 2, 1))), str(tmp_path / "set"))

    (line,) = lines_of(tmp_path / "set")
    assert [os.path.basename(os.fsencode(path)) for path in line["originals"]] == names
    for name, original in zip(line["photos"], names, strict=True):
        assert (tmp_path / "set" / name).read_bytes() == original
        assert not set(name) & set('<>:"/\\|?*\n') and not name.startswith(".")
        assert len(name.encode("utf-8")) < 130  # and it is UTF-8 at all


def test_a_safe_name_says_what_the_photo_was_called():
    entry = photo("été/🌅 sunset.JPG")

    assert safe_name(entry) == f"🌅 sunset-{entry.digest[:8]}.JPG"
    assert safe_name(entry, 2) == f"🌅 sunset-{entry.digest[:8]}-2.JPG"


def test_sets_kept_whole_and_single_photos_are_left_out(tmp_path, burst):
    single = ranked(photo(shot(tmp_path / "shoot/x.jpg", b"x")), scores=(1.0,), id="s0002")
    bracket = kept_whole(photo(shot(tmp_path / "shoot/y.jpg", b"y")), id="s0003")

    report = write_manifest(result(burst, single, bracket), str(tmp_path / "set"))

    assert [line["series"] for line in lines_of(tmp_path / "set")] == ["s0007"]
    assert report.left_out == 2


def test_a_second_run_into_the_same_folder_copies_nothing_twice(tmp_path, burst):
    write_manifest(result(burst), str(tmp_path / "set"))
    before = {entry.name: entry.stat().st_ino for entry in os.scandir(tmp_path / "set")}

    write_manifest(result(burst), str(tmp_path / "set"))

    after = {entry.name: entry.stat().st_ino for entry in os.scandir(tmp_path / "set")}
    assert set(after) == set(before)
    assert {name for name in after if after[name] != before[name]} <= {"series.jsonl"}


@pytest.mark.parametrize("theirs", ['{"series": "1", "photos": [], "ranks": []}\n', "rubbish\n", "[1]\n"])
def test_labels_of_people_are_never_overwritten(tmp_path, burst, theirs):
    path = tmp_path / "set/series.jsonl"
    shot(path, theirs.encode())

    with pytest.raises(OutputError) as caught:
        write_manifest(result(burst), str(tmp_path / "set"))

    assert caught.value.message == f"{path} holds labels that are not a model's; choose another folder"
    assert path.read_text() == theirs
    assert os.listdir(tmp_path / "set") == ["series.jsonl"]


def test_the_folder_of_the_originals_is_refused(tmp_path, burst):
    with pytest.raises(OutputError, match="is the folder of the originals"):
        write_manifest(result(burst), str(tmp_path / "shoot"))

    assert sorted(os.listdir(tmp_path / "shoot")) == ["0.jpg", "1.jpg", "2.jpg"]


def test_a_photo_that_is_gone_stops_the_data_set(tmp_path, burst):
    os.unlink(burst.photos[1].path)

    with pytest.raises(OutputError) as caught:
        write_manifest(result(burst), str(tmp_path / "set"))

    assert caught.value.path == burst.photos[1].path
    assert "it does not exist" in caught.value.message
    assert not (tmp_path / "set/series.jsonl").exists()


def test_a_file_that_is_in_the_way_is_not_overwritten(tmp_path, burst):
    name = safe_name(burst.photos[0])
    shot(tmp_path / "set" / name, b"in the way")

    write_manifest(result(burst), str(tmp_path / "set"))

    (line,) = lines_of(tmp_path / "set")
    assert (tmp_path / "set" / name).read_bytes() == b"in the way"
    assert (tmp_path / "set" / line["photos"][0]).read_bytes() == b"photo 0"
