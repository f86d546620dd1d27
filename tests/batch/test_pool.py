"""Reader processes: a decoder that crashes or hangs costs one photo and never the run.

The faults are real: a `sitecustomize` module, which the readers import at their start, makes Pillow's own
opener die or sleep when it meets a picture of a certain width.
"""

import io
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from finepick.batch.messages import Request
from finepick.batch.pool import ReaderPool
from finepick.errors import FinepickError
from finepick.features.packing import unpack_features

CRASHING, HANGING, GREEDY = 111, 222, 333

SABOTAGE = f"""
import os, time
from PIL import Image
real = Image.Image.load
def load(self):
    if self.width == {CRASHING}:
        os.kill(os.getpid(), 11)
    if self.width == {HANGING}:
        time.sleep(1000)
    if self.width == {GREEDY}:
        bytearray(8 << 30)
    return real(self)
Image.Image.load = load
from PIL import ImageFile
real_file = ImageFile.ImageFile.load
def load_file(self):
    load(self)
    return real_file(self)
ImageFile.ImageFile.load = load_file
"""


@pytest.fixture
def sabotaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "sabotage"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SABOTAGE)
    monkeypatch.syspath_prepend(str(folder))


@pytest.fixture
def pool() -> Iterator[ReaderPool]:
    with ReaderPool(workers=2, seconds=3.0, memory_bytes=3 << 30) as readers:
        yield readers


def picture(folder: Path, name: str, width: int) -> Request:
    pixels = np.random.default_rng(width).integers(0, 256, (40, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / name, "PNG")
    return Request("examine", str(folder / name), 2000)


def test_photos_are_examined_in_other_processes(pool: ReaderPool, tmp_path: Path) -> None:
    requests = [picture(tmp_path, f"{i}.png", 50 + i) for i in range(12)]

    replies = dict(pool.ask_all(requests))

    assert set(replies) == set(requests)
    for request, reply in replies.items():
        assert reply.error is None
        assert unpack_features(reply.blobs[0]).size[0] == int(Path(request.path).stem) + 50
        assert Image.open(io.BytesIO(reply.blobs[1])).format == "JPEG"


@pytest.mark.usefixtures("sabotaged")
def test_a_crash_and_a_hang_cost_their_own_photo_only(pool: ReaderPool, tmp_path: Path) -> None:
    requests = [picture(tmp_path, f"ok{i}.png", 50 + i) for i in range(6)]
    crash, hang = picture(tmp_path, "crash.png", CRASHING), picture(tmp_path, "hang.png", HANGING)
    requests[2:2] = [crash]
    requests[4:4] = [hang]
    begun = time.monotonic()

    replies = dict(pool.ask_all(requests))

    assert replies.pop(crash).error == "the decoder crashed (SIGSEGV)"
    assert replies.pop(hang).error == "the decoder took longer than 3 s and was stopped"
    assert [reply.error for reply in replies.values()] == [None] * 6
    assert time.monotonic() - begun < 60


@pytest.mark.skipif(os.name != "posix", reason="Windows has no limit on address space")
@pytest.mark.usefixtures("sabotaged")
def test_a_photo_that_wants_all_memory_is_refused_and_the_reader_lives_on(
    pool: ReaderPool, tmp_path: Path
) -> None:
    greedy = pool.ask(picture(tmp_path, "greedy.png", GREEDY))
    modest = pool.ask(picture(tmp_path, "modest.png", 60))

    assert greedy.error is not None
    assert "memory" in greedy.error
    assert modest.error is None


def test_a_file_that_changed_since_is_not_taken_for_the_old_one(pool: ReaderPool, tmp_path: Path) -> None:
    request = picture(tmp_path, "a.png", 70)
    digest = pool.ask(request).facts["digest"]
    picture(tmp_path, "a.png", 71)

    reply = pool.ask(Request("frame", request.path, 2000, digest))

    assert reply.error == "changed on disk while it was being looked at"


def test_a_frame_comes_back_pixel_by_pixel(pool: ReaderPool, tmp_path: Path) -> None:
    request = picture(tmp_path, "a.png", 64)

    reply = pool.ask(Request("frame", request.path, 2000))

    pixels = np.frombuffer(reply.blobs[0], np.uint8).reshape(reply.facts["shape"])
    np.testing.assert_array_equal(pixels, np.asarray(Image.open(request.path)))


def test_odd_names_travel(pool: ReaderPool, tmp_path: Path) -> None:
    names = ["with space.png", "line\nbreak.png", "emoji 🌅.png", "-dash.png"]
    if os.name == "posix":
        names.append(os.fsdecode(b"not-utf8-\xff.png"))
    requests = [picture(tmp_path, name, 80 + i) for i, name in enumerate(names)]

    replies = dict(pool.ask_all(requests))

    assert all(reply.error is None for reply in replies.values())


def test_readers_started_ahead_are_those_that_answer(tmp_path: Path, pool: ReaderPool) -> None:
    pool.start_ahead()
    started = {reader._process.pid for reader in pool._all if reader._process is not None}

    replies = list(pool.ask_all([picture(tmp_path, f"{i}.png", 60 + i) for i in range(8)]))

    assert len(started) == 2 and all(reply.error is None for _, reply in replies)
    assert {reader._process.pid for reader in pool._all if reader._process is not None} == started


def test_a_reader_started_ahead_that_died_says_so_when_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", shutil.which("false") or pytest.skip("no program that fails"))
    with ReaderPool(workers=1, seconds=3.0, memory_bytes=0) as pool:
        pool.start_ahead()

        with pytest.raises(FinepickError, match="did not start"):
            pool.ask(picture(tmp_path, "a.png", 50))


def test_readers_started_ahead_and_never_asked_are_ended() -> None:
    with ReaderPool(workers=2, seconds=3.0, memory_bytes=0) as pool:
        pool.start_ahead()
        processes = [reader._process for reader in pool._all]

    assert all(process is not None and process.returncode is not None for process in processes)


def test_closing_ends_the_processes_at_once(tmp_path: Path) -> None:
    with ReaderPool(workers=2, seconds=60, memory_bytes=0) as pool:
        pid = pool.ask(picture(tmp_path, "a.png", 50)).error is None and [r._process.pid for r in pool._all]  # type: ignore[union-attr]
    assert pid
    for one in pid:
        with pytest.raises(ProcessLookupError):
            os.kill(one, 0)
