import os
import shutil
import socket
import sys
import tempfile
import time
from contextlib import contextmanager

import pytest
from picture_files import dng, saved, scene

from finepick.domain import Stage
from finepick.errors import PathNotFoundError
from finepick.images import finding
from finepick.images.finding import find_photos

JPEG = saved(scene(16, 16), "JPEG")
HEIC_HEAD = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
RAW = dng(preview=None, width=16, height=16)

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files or names")


@pytest.fixture
def shoot(tmp_path):
    def put_files(files):
        for name, data in files.items():
            path = os.path.join(os.fspath(tmp_path), name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)
        return os.fspath(tmp_path)

    return put_files


def names(found, root):
    return [os.path.relpath(file.path, root).replace(os.sep, "/") for file in found.files]


def reasons(found, root):
    return {os.path.relpath(s.path, root).replace(os.sep, "/"): s.reason for s in found.skipped}


def test_a_folder_is_searched_to_the_bottom_and_sorted_by_path(shoot):
    root = shoot({"b.jpg": JPEG, "a/z.jpg": JPEG, "a/deep/er/y.jpg": JPEG, "B.jpg": JPEG, "a.jpg": JPEG})

    found = find_photos([root])

    paths = [file.path for file in found.files]
    assert len(paths) == 5 and paths == sorted(paths)
    assert found.skipped == () and found.ignored == 0


def test_size_and_time_are_those_of_the_file(shoot):
    root = shoot({"a.jpg": JPEG})
    os.utime(os.path.join(root, "a.jpg"), ns=(10**18 + 123_000, 10**18 + 456_000))

    (file,) = find_photos([root]).files

    assert file.size == len(JPEG)
    assert abs(file.mtime_ns - (10**18 + 456_000)) < 1000


def test_paths_are_spelt_as_given(shoot, monkeypatch):
    root = shoot({"day/a.jpg": JPEG})
    monkeypatch.chdir(root)

    for given, expected in [
        ("day", os.path.join("day", "a.jpg")),
        ("./day", os.path.join("./day", "a.jpg")),
        (".", os.path.join(".", "day", "a.jpg")),
        (os.path.join("day", "a.jpg"), os.path.join("day", "a.jpg")),
    ]:
        assert [file.path for file in find_photos([given]).files] == [expected]


def test_bytes_decide_and_not_names(shoot):
    root = shoot({"photo": JPEG, "photo.dat": JPEG, "text.jpg": b"hello", "empty.png": b"",
                  "notes.txt": b"hi", "zeros.jpg": bytes(500),
                  "film.mov": b"\0\0\0\x18ftypqt  "})  # fmt: skip

    found = find_photos([root])

    assert names(found, root) == ["photo", "photo.dat"]
    assert reasons(found, root) == {
        "empty.png": "the file is empty",
        "text.jpg": "not a picture, although its name says so",
        "zeros.jpg": "not a picture: the file begins with zeros only, as after a copy that failed",
    }
    assert {skipped.stage for skipped in found.skipped} == {Stage.FIND}
    assert found.ignored == 2


def test_known_formats_that_cannot_be_read_say_so(shoot):
    root = shoot({"a.jxl": b"\0\0\0\x0cJXL \r\n\x87\n", "b.psd": b"8BPS\0\1"})

    assert reasons(find_photos([root]), root) == {
        "a.jxl": "JPEG XL pictures cannot be read yet",
        "b.psd": "Photoshop pictures cannot be read yet",
    }


def test_hidden_entries_are_left_out_unless_named(shoot):
    root = shoot({".a.jpg": JPEG, ".trash/b.jpg": JPEG, "._c.jpg": b"x", "d.jpg": JPEG})

    assert names(find_photos([root]), root) == ["d.jpg"]
    assert len(find_photos([os.path.join(root, ".trash")]).files) == 1
    assert len(find_photos([os.path.join(root, ".a.jpg")]).files) == 1


def test_a_path_that_does_not_exist_is_named():
    with pytest.raises(PathNotFoundError) as caught:
        find_photos(["/no/such place"])

    assert str(caught.value) == "'/no/such place' does not exist; check the spelling"
    assert caught.value.path == "/no/such place"


@pytest.mark.parametrize("path", ["", "a\0b", "/dev/null/x.jpg" if sys.platform != "win32" else "Q:\\x.jpg"])
def test_impossible_paths_do_not_exist(path):
    with pytest.raises(PathNotFoundError):
        find_photos([path])


def test_the_order_of_arguments_is_kept_and_nothing_counts_twice(shoot):
    root = shoot({"one/b.jpg": JPEG, "one/c.jpg": JPEG, "two/a.jpg": JPEG})
    one, two = os.path.join(root, "one"), os.path.join(root, "two")
    again = os.path.join(root, "two", os.pardir, "one")

    found = find_photos([two, os.path.join(one, "c.jpg"), one, again, root])

    assert [file.path for file in found.files] == [
        os.path.join(two, "a.jpg"),
        os.path.join(one, "c.jpg"),
        os.path.join(one, "b.jpg"),
    ]
    assert found.skipped == ()


@on_posix
@pytest.mark.parametrize(
    "name",
    [b"sun set.jpg", "\N{SUNRISE}.jpg".encode(), b"new\nline.jpg", b"\xff\xfe.jpg", b"-rf.jpg", b"--.jpg",
     b"a'\"$`.jpg",
     b"x" * 251 + b".jpg", b"%s.jpg", b"\x1b[31m.jpg", b"*.jpg"],
)  # fmt: skip
def test_any_name_works(tmp_path, name):
    with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:
        file.write(JPEG)

    (found,) = find_photos([os.fspath(tmp_path)]).files

    assert os.fsencode(found.path) == os.path.join(os.fsencode(tmp_path), name)
    assert find_photos([found.path]).files == (found,)


@on_posix
def test_links_that_lead_nowhere_are_reported(shoot):
    root = shoot({"a.jpg": JPEG})
    os.symlink("nothing.jpg", os.path.join(root, "dangling.jpg"))
    os.symlink("loop.jpg", os.path.join(root, "loop.jpg"))
    os.symlink("nothing", os.path.join(root, "dangling.txt"))

    found = find_photos([root])

    assert names(found, root) == ["a.jpg"]
    assert reasons(found, root) == {
        "dangling.jpg": "a link to a file that is not there",
        "loop.jpg": "a link that leads back to itself",
    }
    assert found.ignored == 1
    named = find_photos([os.path.join(root, "dangling.jpg"), os.path.join(root, "loop.jpg")])
    assert len(named.skipped) == 2


@on_posix
def test_folder_links_in_a_circle_end(shoot):
    root = shoot({"a.jpg": JPEG, "sub/b.jpg": JPEG})
    os.symlink(os.pardir, os.path.join(root, "sub", "up"))
    os.symlink(".", os.path.join(root, "self"))

    found = find_photos([root])

    assert names(found, root) == ["a.jpg", "sub/b.jpg"]
    assert reasons(found, root) == {
        "self": "a link to a folder that was already searched",
        "sub/up": "a link to a folder that was already searched",
    }


@on_posix
def test_links_to_other_places_are_followed_once(shoot, tmp_path):
    shoot({"outside/a.jpg": JPEG, "shoot/b.jpg": JPEG})
    root = os.path.join(tmp_path, "shoot")
    os.symlink(os.path.join(tmp_path, "outside"), os.path.join(root, "linked"))
    os.symlink("b.jpg", os.path.join(root, "z.jpg"))

    found = find_photos([root])

    assert names(found, root) == ["b.jpg", "linked/a.jpg"]
    assert found.skipped == ()


@on_posix
@pytest.mark.timeout(10)
def test_pipes_sockets_and_devices_are_never_opened(tmp_path):
    root = os.fspath(tmp_path)
    os.mkfifo(os.path.join(root, "pipe.jpg"))
    os.mkfifo(os.path.join(root, "pipe"))
    os.symlink("/dev/zero", os.path.join(root, "device.jpg"))
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.getcwd()
        os.chdir(root)
        try:
            listening.bind("socket.jpg")
        finally:
            os.chdir(here)

        found = find_photos([root, os.path.join(root, "pipe.jpg")])

    assert found.files == () and found.ignored == 1
    assert reasons(found, root) == {
        "pipe.jpg": "not a picture file but a pipe",
        "device.jpg": "not a picture file but a device",
        "socket.jpg": "not a picture file but a socket",
    }


@on_posix
def test_what_may_not_be_opened_is_reported():
    # pytest's own folders are closed to other users, and permissions do not bind root
    with tempfile.TemporaryDirectory() as root:
        os.chmod(root, 0o755)
        os.mkdir(os.path.join(root, "locked"))
        for name in ("a.jpg", "b.jpg", "locked/c.jpg"):
            with open(os.path.join(root, name), "wb") as file:
                file.write(JPEG)
        os.chmod(os.path.join(root, "a.jpg"), 0o644)
        os.chmod(os.path.join(root, "b.jpg"), 0)
        os.chmod(os.path.join(root, "locked"), 0)
        try:
            with an_ordinary_user():
                found = find_photos([root])
        finally:
            os.chmod(os.path.join(root, "locked"), 0o700)

        assert names(found, root) == ["a.jpg"]
        assert reasons(found, root) == {
            "b.jpg": "the file may not be opened: permission denied",
            "locked": "this folder may not be opened: permission denied",
        }


@contextmanager
def an_ordinary_user():
    """Root without its rights, for as long as this lasts; anybody else stays who they are."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_a_folder_that_vanishes_midway_is_reported(shoot):
    root = shoot({"a/1.jpg": JPEG, "b/2.jpg": JPEG, "c/3.jpg": JPEG})
    vanishing = os.path.join(root, "b")

    def remove_on_listing(event, arguments):
        if event == "os.scandir" and arguments[0] == os.path.join(root, "a"):
            shutil.rmtree(vanishing, ignore_errors=True)

    watch = {"hook": remove_on_listing}
    sys.addaudithook(lambda event, arguments: watch["hook"] and watch["hook"](event, arguments))
    try:
        found = find_photos([root])
    finally:
        watch["hook"] = None

    assert names(found, root) == ["a/1.jpg", "c/3.jpg"]
    assert reasons(found, root) == {"b": "this folder is no longer there"}


RAWPY = finding.is_raw_readable()
with_rawpy = pytest.mark.skipif(not RAWPY, reason="needs the extra 'raw' (rawpy)")


@with_rawpy
@pytest.mark.parametrize("jpeg", ["IMG_1.jpg", "IMG_1.JPG", "IMG_1.jpeg", "IMG_1.JPE"])
def test_one_raw_and_one_jpeg_of_one_stem_are_one_photo(shoot, jpeg):
    root = shoot({"IMG_1.DNG": RAW, jpeg: JPEG, "IMG_1.xmp": b"<x/>", "IMG_1.MOV": b"\0\0\0\x14ftypqt  "})

    (file,) = find_photos([root]).files

    assert file.path == os.path.join(root, "IMG_1.DNG")
    assert file.companions == (os.path.join(root, jpeg),)


@with_rawpy
@pytest.mark.parametrize(
    "files",
    [
        {"a.dng": RAW, "a.nef": RAW, "a.jpg": JPEG},
        {"a.dng": RAW, "a.jpg": JPEG, "a.jpeg": JPEG},
        {"a.dng": RAW, "a.jpg": JPEG, "a.heic": HEIC_HEAD},
        {"a.dng": RAW, "a.jpg": JPEG, "a.png": b""},
        {"a.dng": RAW, "b.jpg": JPEG},
        {"a.dng": RAW, "sub/a.jpg": JPEG},
        {"a.dng": RAW, "a.png": saved(scene(8, 8), "PNG")},
        {"a.jpg": JPEG, "a.jpeg": JPEG},
    ],
)
def test_anything_else_of_one_stem_is_not_guessed_at(shoot, files):
    found = find_photos([shoot(files)])

    assert all(file.companions == () for file in found.files)
    assert len(found.files) == len([data for data in files.values() if data])


@with_rawpy
def test_raw_and_jpeg_named_one_by_one_are_paired_as_well(shoot):
    root = shoot({"a.dng": RAW, "a.jpg": JPEG, "b.dng": RAW})
    paths = [os.path.join(root, name) for name in ("a.jpg", "b.dng", "a.dng")]

    found = find_photos(paths)

    assert [(file.path, file.companions) for file in found.files] == [
        (paths[1], ()),
        (paths[2], (paths[0],)),
    ]


def test_without_rawpy_the_jpeg_stands_alone(shoot):
    root = shoot({"a.dng": RAW, "a.jpg": JPEG})
    script = (
        "import sys; sys.modules['rawpy'] = None\n"
        "from finepick.images.finding import find_photos\n"
        "found = find_photos(sys.argv[1:])\n"
        "print([file.path for file in found.files], [file.companions for file in found.files])\n"
        "print(found.skipped[0].reason)"
    )
    import subprocess

    done = subprocess.run([sys.executable, "-c", script, root], capture_output=True, text=True, check=True)

    first, second = done.stdout.splitlines()
    assert first == f"{[os.path.join(root, 'a.jpg')]} [()]"
    assert second == "Reading RAW files needs the extra 'raw': pip install 'finepick[raw]'"


def test_five_thousand_files_are_found_quickly(tmp_path):
    root = os.fspath(tmp_path)
    for index in range(5000):
        folder = os.path.join(root, f"day{index % 10}")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, f"IMG_{index:05}.jpg"), "wb") as file:
            file.write(JPEG[:64])

    seconds = []
    for _ in range(3):
        began = time.process_time()
        found = find_photos([root])
        seconds.append(time.process_time() - began)

    assert len(found.files) == 5000
    assert min(seconds) < 0.5
