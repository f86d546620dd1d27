"""Copies of the keeps: verified, never over anything, never among the originals."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import textwrap

import pytest

from finepick.errors import OutputError
from finepick.exports.copies import copy_keeps

from .results import kept_whole, photo, ranked, result

LONG_AGO = 1_600_000_000_123_456_700


def shot(path, content: bytes = b"") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content or path.name.encode() * 1000)
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    return str(path)


def listing(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def shoot(tmp_path):
    return tmp_path / "shoot"


@pytest.fixture
def keeps(tmp_path):
    return tmp_path / "keeps"


def test_only_keeps_are_copied_with_their_time_and_the_originals_stay_as_they_are(shoot, keeps):
    paths = [shot(shoot / f"{n}.jpg") for n in range(3)]
    before = {path: (os.stat(path).st_mtime_ns, listing(shoot)) for path in paths}
    burst = ranked(photo(paths[0]), photo(paths[1]), scores=(0.0, 1.0))
    whole = kept_whole(photo(paths[2]))

    report = copy_keeps(result(burst, whole), str(keeps))

    assert listing(keeps) == {name: listing(shoot)[name] for name in ("1.jpg", "2.jpg")}
    assert all(path.stat().st_mtime_ns == LONG_AGO for path in keeps.iterdir())
    assert [(copy.source, copy.target, copy.is_new, copy.is_renamed) for copy in report.copies] == [
        (paths[1], str(keeps / "1.jpg"), True, False),
        (paths[2], str(keeps / "2.jpg"), True, False),
    ]
    assert report.failed == ()
    assert {path: (os.stat(path).st_mtime_ns, listing(shoot)) for path in paths} == before


def test_a_second_time_copies_nothing(shoot, keeps):
    kept = result(ranked(photo(shot(shoot / "a.jpg")), scores=(1.0,)))
    copy_keeps(kept, str(keeps))
    inode = (keeps / "a.jpg").stat().st_ino

    report = copy_keeps(kept, str(keeps))

    assert [copy.is_new for copy in report.copies] == [False]
    assert (keeps / "a.jpg").stat().st_ino == inode
    assert len(listing(keeps)) == 1


def test_a_different_file_of_that_name_is_never_overwritten(shoot, keeps):
    shot(keeps / "a.jpg", b"somebody's")
    shot(keeps / "a (2).jpg", b"somebody else's")
    path = shot(shoot / "a.jpg", b"ours")
    kept = result(ranked(photo(path), scores=(1.0,)))

    first, second = copy_keeps(kept, str(keeps)), copy_keeps(kept, str(keeps))

    assert listing(keeps) == {
        "a.jpg": b"somebody's",
        "a (2).jpg": b"somebody else's",
        "a (3).jpg": b"ours",
    }
    assert [(copy.target, copy.is_renamed) for copy in first.copies] == [(str(keeps / "a (3).jpg"), True)]
    assert [copy.is_new for copy in second.copies] == [False]


def test_a_file_of_the_same_size_but_other_content_is_a_different_file(shoot, keeps):
    shot(keeps / "a.jpg", b"12345")

    copy_keeps(result(ranked(photo(shot(shoot / "a.jpg", b"54321")), scores=(1.0,))), str(keeps))

    assert listing(keeps) == {"a.jpg": b"12345", "a (2).jpg": b"54321"}


def test_a_raw_takes_its_jpeg_along_under_one_stem(shoot, keeps):
    shot(keeps / "a.JPG", b"another day's")
    raw, jpeg = shot(shoot / "a.CR3"), shot(shoot / "a.JPG")

    report = copy_keeps(result(ranked(photo(raw, jpeg), scores=(1.0,))), str(keeps))

    assert set(listing(keeps)) == {"a.JPG", "a (2).CR3", "a (2).JPG"}
    assert [copy.source for copy in report.copies] == [raw, jpeg]


def test_two_strangers_with_one_stem_do_not_become_a_pair(shoot, keeps):
    raw, jpeg = shot(shoot / "monday/IMG_1.CR3"), shot(shoot / "friday/img_1.jpg")
    series = [ranked(photo(raw), scores=(1.0,)), ranked(photo(jpeg), scores=(1.0,), id="s0002")]

    copy_keeps(result(*series), str(keeps))
    copy_keeps(result(*series), str(keeps))

    assert set(listing(keeps)) == {"IMG_1.CR3", "img_1 (2).jpg"}


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
@pytest.mark.parametrize("make_link", [os.symlink, os.link])
def test_another_name_of_the_original_is_no_copy(shoot, keeps, make_link):
    path = shot(shoot / "a.jpg")
    keeps.mkdir()
    make_link(path, keeps / "a.jpg")

    copy_keeps(result(ranked(photo(path), scores=(1.0,))), str(keeps))

    copy = (keeps / "a (2).jpg").lstat()
    assert copy.st_nlink == 1 and copy.st_ino != os.stat(path).st_ino


@pytest.mark.parametrize("spelling", ["shoot", "shoot/", "other/../shoot", "link"])
def test_the_folder_of_the_originals_is_refused(tmp_path, shoot, monkeypatch, spelling):
    if os.name == "nt" and spelling == "link":
        pytest.skip("links need a privilege on Windows")
    path = shot(shoot / "a.jpg")
    (tmp_path / "other").mkdir()
    (tmp_path / "link").symlink_to(shoot)
    monkeypatch.chdir(tmp_path)
    # The one that lies there is not even a keep.
    other = shot(tmp_path / "elsewhere" / "b.jpg")
    burst = ranked(photo(path), photo(other), scores=(0.0, 1.0))

    with pytest.raises(OutputError) as caught:
        copy_keeps(result(burst), spelling)

    assert caught.value.message == f"{spelling} is the folder of the originals; choose another one"
    assert set(listing(shoot)) == {"a.jpg"}


def test_originals_that_are_gone_or_changed_are_reported_and_the_others_copied(shoot, keeps):
    gone, changed, fine = (shot(shoot / f"{name}.jpg") for name in ("gone", "changed", "fine"))
    series = [ranked(photo(path), scores=(1.0,), id=path) for path in (gone, changed, fine)]
    os.unlink(gone)
    shot(shoot / "changed.jpg", b"retouched")
    steps = []

    report = copy_keeps(result(*series), str(keeps), advance=lambda: steps.append(1))

    assert [(lost.path, lost.reason) for lost in report.failed] == [
        (gone, "it cannot be read any more, it does not exist"),
        (changed, "it has changed since it was judged"),
    ]
    assert set(listing(keeps)) == {"fine.jpg"}
    assert len(steps) == 3


@pytest.mark.skipif(os.name == "nt", reason="file names are never bytes on Windows")
def test_any_name_is_copied_as_it_is(shoot, keeps):
    names = [os.fsdecode(b"caf\xe9.jpg"), "new\nline.jpg", "🌅.jpg", "-rf.jpg", "no extension"]
    series = [ranked(photo(shot(shoot / name, b"x")), scores=(1.0,), id=name) for name in names]

    copy_keeps(result(*series), str(keeps))

    assert set(os.listdir(keeps)) == set(names)


@pytest.mark.skipif(os.name == "nt", reason="there are no such limits on Windows")
def test_a_disk_that_fills_up_stops_the_copying_and_says_how_far_it_came(shoot, keeps):
    """A limit on the size of files stands in for the full disk."""
    shot(shoot / "a.jpg", b"a" * 1000)
    shot(shoot / "b.jpg", b"b" * 200_000)
    program = f"""
    import resource, sys
    sys.path.insert(0, {os.path.dirname(os.path.dirname(__file__))!r})
    from exports.results import photo, ranked, result
    from finepick.errors import OutputError
    from finepick.exports.copies import copy_keeps
    series = [ranked(photo(sys.argv[1] + name), scores=(1.0,), id=name) for name in ("/a.jpg", "/b.jpg")]
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        copy_keeps(result(*series), sys.argv[2])
    except OutputError as error:
        print(error, error.path, sep="|")
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(shoot), str(keeps)]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    target = keeps / "b.jpg"
    assert done.stdout == (
        f"{target} cannot be written, it is larger than this disk allows; choose another place and try again"
        f" (1 of 2 photos are copied)|{target}\n"
    )
    assert set(listing(keeps)) == {"a.jpg"}


@pytest.mark.skipif(os.name == "nt", reason="os.pwrite is POSIX")
def test_a_disk_that_does_not_keep_what_it_was_given_is_found_out(shoot, keeps, monkeypatch):
    path = shot(shoot / "a.jpg", b"a" * 1000)
    monkeypatch.setattr(os, "fsync", lambda descriptor: os.pwrite(descriptor, b"b", 500))

    with pytest.raises(OutputError) as caught:
        copy_keeps(result(ranked(photo(path), scores=(1.0,))), str(keeps))

    target = keeps / "a.jpg"
    assert caught.value.message == f"{target} does not read back as it was written; check the disk"
    assert os.listdir(keeps) == []


def test_copies_of_large_files_are_exact(shoot, keeps):
    content = os.urandom(5_000_001)
    path = shot(shoot / "large.nef", content)

    copy_keeps(result(ranked(photo(path), scores=(1.0,))), str(keeps))

    assert hashlib.sha256((keeps / "large.nef").read_bytes()).digest() == hashlib.sha256(content).digest()
