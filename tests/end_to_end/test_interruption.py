"""Long work that ends early: what was done is kept, and nothing is broken."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import Finepick, save_photo, scene

pytestmark = pytest.mark.slow

COUNT = 100


@pytest.fixture
def many(tmp_path: Path) -> Path:
    folder = tmp_path / "many"
    scenes = [scene(i, (1600, 1200)) for i in range(10)]
    for i in range(COUNT):
        picture = scenes[i % 10]
        picture.putpixel((0, 0), (i, i, i))  # other bytes, another photo
        save_photo(picture, folder / f"{i:03d}.jpg")
    return folder


def start(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "finepick", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "FINEPICK_WORKERS": "1"},  # slow enough to be caught in the middle
        preexec_fn=_hear_interrupts if os.name == "posix" else None,
    )


def _hear_interrupts() -> None:
    """A shell's background jobs ignore Ctrl-C and hand that down; the program under test must not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def remembered(home: Path) -> int:
    databases = list((home / "cache").glob("*.sqlite3"))
    if not databases:
        return 0
    try:
        with sqlite3.connect(f"file:{databases[0]}?mode=ro", uri=True) as connection:
            return int(connection.execute("select count(*) from photos").fetchone()[0])
    except sqlite3.OperationalError:  # not yet made
        return 0


def wait_until_remembered(home: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while remembered(home) < count and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_what_was_read_before_the_end_is_not_read_again(
    many: Path, own_state: Path, finepick: Finepick, number: int
) -> None:
    process = start("pick", str(many), "--json")
    wait_until_remembered(own_state, 10, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    before = remembered(own_state)

    assert 10 <= before < COUNT
    assert out == b""
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert (
            err
            == b"finepick: interrupted; what was read is remembered, the same command goes on from there\n"
        )
    untouched = {row[0]: row[1] for row in _rows(own_state)}
    run = finepick("pick", many, "--json")

    assert run.code == 0
    assert run.document["counts"]["photos"] == COUNT
    after = {row[0]: row[1] for row in _rows(own_state)}
    assert len(after) == COUNT
    assert {digest: after[digest] for digest in untouched} == untouched


def _rows(home: Path) -> list[tuple[str, int]]:
    [database] = (home / "cache").glob("*.sqlite3")
    with sqlite3.connect(database) as connection:
        return connection.execute("select digest, rowid from photos").fetchall()


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_readers_do_not_outlive_a_killed_run(many: Path, own_state: Path) -> None:
    process = start("pick", str(many), "--json")
    wait_until_remembered(own_state, 3, process)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        process.kill()
        pytest.skip("needs /proc to see the children of a process")
    readers = [int(word) for word in _all_children(process.pid)]
    process.kill()
    process.communicate()
    end = time.monotonic() + 20
    while any(_lives(reader) for reader in readers) and time.monotonic() < end:
        time.sleep(0.05)

    assert readers
    assert not any(_lives(reader) for reader in readers)


def _all_children(pid: int) -> list[str]:
    return [
        word
        for task in Path(f"/proc/{pid}/task").iterdir()
        for word in (task / "children").read_text().split()
    ]


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_two_runs_at_once_get_along(many: Path) -> None:
    pair = [start("pick", str(many), "--json") for _ in range(2)]
    outcomes = [process.communicate(timeout=200) for process in pair]

    assert [process.returncode for process in pair] == [0, 0]
    assert outcomes[0][0] == outcomes[1][0]


def test_a_damaged_cache_is_set_aside(shoot: Path, own_state: Path, finepick: Finepick) -> None:
    first = finepick("pick", shoot, "--json")
    [database] = (own_state / "cache").glob("*.sqlite3")
    database.write_bytes(b"this is no database" * 1000)

    second = finepick("pick", shoot, "--json")

    assert second.code == 0
    assert second.out == first.out
    assert "finepick: warning:" in second.err
    assert list((own_state / "cache").glob("*damaged*"))


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_a_folder_that_vanishes_midway_ends_in_a_clear_error_or_in_skipped(
    many: Path, own_state: Path
) -> None:
    inner = many / "inner"
    inner.mkdir()
    for path in sorted(many.glob("*.jpg"))[COUNT // 2 :]:
        path.rename(inner / path.name)
    process = start("pick", str(many), "--json")
    wait_until_remembered(own_state, 5, process)
    for path in inner.iterdir():
        path.unlink()
    inner.rmdir()
    out, err = process.communicate(timeout=120)

    assert b"Traceback" not in err
    assert process.returncode == 0
    document = json.loads(out)
    assert document["skipped"]
    assert document["counts"]["photos"] + document["counts"]["skipped"] == COUNT


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_an_unplugged_disk_never_looks_like_success(many: Path, own_state: Path, tmp_path: Path) -> None:
    process = start("pick", str(many), "--json")
    wait_until_remembered(own_state, 5, process)
    many.rename(tmp_path / "unplugged")
    out, err = process.communicate(timeout=120)

    assert process.returncode == 1
    assert json.loads(out)["error"]["kind"] == "path_vanished"
    assert b"went away" in err
