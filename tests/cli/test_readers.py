"""Readers are started ahead where the cache cannot know what there is to read."""

import os
from pathlib import Path

import pytest

from finepick.cli.readers import readers_for


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FINEPICK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def started(path: Path, *, fresh: bool = False) -> int:
    with readers_for([str(path)], fresh=fresh, workers=1) as pool:
        return len(pool._all)


def test_with_no_cache_readers_are_started_but_not_for_what_is_not_there(home: Path, tmp_path: Path) -> None:
    assert started(tmp_path) == 1
    assert started(tmp_path / "no such folder") == 0


def test_a_folder_older_than_the_cache_starts_none_unless_asked_afresh(home: Path, tmp_path: Path) -> None:
    (home / "cache").mkdir(parents=True)
    (home / "cache" / "cache.sqlite3").touch()
    photos = tmp_path / "photos"
    photos.mkdir()
    os.utime(photos, (1e9, 1e9))

    assert started(photos) == 0
    assert started(photos, fresh=True) == 1

    (photos / "new.jpg").touch()
    os.utime(photos, (4e9, 4e9))
    assert started(photos) == 1
