"""kill −9 in each of the four stages: the same command goes on, pays nothing twice, and ends with the same data set."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from finepick.red.store import RedProject
from tests.chat_server import PlainChat
from tests.red.made import TastefulJudge, photos_in, tastes_of

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 on this system")

STAGES = {
    "sources": "SELECT count(*) FROM sources",
    "edits": "SELECT count(*) FROM edits WHERE description IS NOT NULL",
    "judges": "SELECT count(*) FROM answers",
    "thoughts": "SELECT count(*) FROM thoughts",
}


def command(chat: PlainChat, folder: Path, photos: Path) -> list[str]:
    return [
        sys.executable, "-m", "finepick", "red", "build", str(folder), "--from", str(photos), "--long-side", "192",
        "--edits", "3", "--judge", f"made@{chat.address}", "--repeats", "1", "--at-once", "3", "--workers", "1",
        "--quiet",
    ]  # fmt: skip


def count(folder: Path, query: str) -> int:
    database = folder / "red.sqlite"
    if not database.exists():
        return 0
    try:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5) as connection:
            return int(connection.execute(query).fetchone()[0])
    except sqlite3.OperationalError:  # its tables are not there yet
        return 0


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photos_in(tmp_path_factory.mktemp("photos"), 6)


def outcome(folder: Path) -> dict[str, bytes]:
    """All that a run leaves for others, by name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith("red.")
    }


def test_killed_in_any_stage_it_ends_as_if_it_had_not_been(
    chat: PlainChat, photos: Path, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    subprocess.run([*command(chat, whole, photos), "--until", "edits"], check=True, timeout=120)
    with RedProject.open(str(whole)) as project:
        judge = TastefulJudge(tastes_of(project))
    chat.answer = judge
    subprocess.run(command(chat, whole, photos), check=True, timeout=120)
    asked_once = len(chat.asked)
    judge.hang_seconds = 0.03
    chat.asked.clear()

    folder = tmp_path / "killed"
    for after in (("sources", 2), ("edits", 7), ("judges", 20), ("thoughts", 3)):
        kill_after(command(chat, folder, photos), folder, *after)
    judge.hang_seconds = 0.0
    time.sleep(0.2)
    subprocess.run(command(chat, folder, photos), check=True, timeout=120)

    assert outcome(folder) == outcome(whole)
    twice = [key for key, number in Counter(str(one.document) for one in chat.asked).items() if number > 1]
    assert (
        len(twice) <= 4 * 3 and len(chat.asked) <= asked_once + 4 * 3
    )  # what was under way when it was killed


def kill_after(words: list[str], folder: Path, stage: str, rows: int) -> None:
    """Run until *stage* has kept so many rows, and end it without a word."""
    with subprocess.Popen(words, env={**os.environ, "FINEPICK_WORKERS": "1"}) as process:
        deadline = time.monotonic() + 90
        while count(folder, STAGES[stage]) < rows:
            assert time.monotonic() < deadline
            assert process.poll() is None, f"it ended before it had {rows} {stage}"
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert rows <= count(folder, STAGES[stage])
