"""A file is there in full or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import textwrap

import pytest

from finepick.errors import OutputError
from finepick.exports.writing import atomic_write, make_folder


def leftovers(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_content_replaces_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old and longer")

    atomic_write(str(path), b"new")

    assert path.read_bytes() == b"new"
    assert leftovers(tmp_path) == []


def test_chunks_are_written_one_after_the_other(tmp_path):
    atomic_write(str(tmp_path / "a"), (bytes([n]) * 3 for n in range(3)))

    assert (tmp_path / "a").read_bytes() == b"\0\0\0\1\1\1\2\2\2"


def test_a_name_in_the_present_folder_needs_no_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    atomic_write("a", b"x")

    assert (tmp_path / "a").read_bytes() == b"x"


def test_chunks_that_break_off_leave_the_old_content(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def breaking_off():
        yield b"new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        atomic_write(str(path), breaking_off())

    assert path.read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_mode_and_time_are_set_where_given(tmp_path):
    path = tmp_path / "a"

    atomic_write(str(path), b"x", mode=0o640, mtime_ns=1_600_000_000_000_000_000)

    status = path.stat()
    assert stat.S_IMODE(status.st_mode) == 0o640 or os.name == "nt"
    assert status.st_mtime_ns == 1_600_000_000_000_000_000


@pytest.mark.skipif(os.name == "nt", reason="there is no umask on Windows")
def test_a_new_file_gets_the_permissions_that_any_new_file_gets(tmp_path):
    (tmp_path / "theirs").write_bytes(b"")

    atomic_write(str(tmp_path / "ours"), b"")

    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "theirs").stat().st_mode


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_link_is_replaced_and_what_it_points_at_left_alone(tmp_path):
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "a").symlink_to("precious")

    atomic_write(str(tmp_path / "a"), b"new")

    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert not (tmp_path / "a").is_symlink()


def test_a_name_as_long_as_names_can_be_works(tmp_path):
    path = tmp_path / ("x" * 255)

    atomic_write(str(path), b"x")

    assert path.read_bytes() == b"x"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("folder", "it is a folder; choose another place"),
        ("missing/a", "its folder does not exist; choose another place"),
        ("file/a", "a part of the path is not a folder; choose another place"),
        ("x" * 300, "the name is too long; choose another place"),
    ],
)
def test_a_place_that_cannot_be_written_is_named_with_the_reason(tmp_path, name, reason):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    path = str(tmp_path / name)

    with pytest.raises(OutputError) as caught:
        atomic_write(path, b"x")

    assert caught.value.message == f"{path} cannot be written, {reason} and try again"
    assert caught.value.path == path
    assert leftovers(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="there are no such limits on Windows")
def test_a_write_that_fails_half_way_leaves_the_old_content(tmp_path):
    """A limit on the size of files stands in for the full disk."""
    path = tmp_path / "a"
    path.write_bytes(b"old")
    program = """
    import resource, sys
    from finepick.errors import OutputError
    from finepick.exports.writing import atomic_write
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        atomic_write(sys.argv[1], bytes(1_000_000))
    except OutputError as error:
        print(error)
    """

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(path)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "it is larger than this disk allows" in done.stdout
    assert path.read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_a_file_in_the_place_of_a_folder_is_an_output_error(tmp_path):
    (tmp_path / "a").write_bytes(b"")

    with pytest.raises(OutputError, match="is not a folder; choose another name"):
        make_folder(str(tmp_path / "a"))
    with pytest.raises(OutputError, match="a part of the path is not a folder"):
        make_folder(str(tmp_path / "a" / "b"))
