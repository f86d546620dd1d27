"""Reader processes that are started before the program itself has loaded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finepick.batch.pool import ReaderPool


def readers_for(paths: Sequence[str], *, fresh: bool, workers: int | None) -> ReaderPool:
    """Readers for *paths*, on their way where it looks as if there were something to read.

    They take as long to load as what the caller imports next, on the other core. Raises SettingsError.
    """
    from finepick.batch.pool import ReaderPool
    from finepick.settings import load_settings

    settings = load_settings(workers=workers)
    pool = ReaderPool.of(settings)
    if fresh or _is_there_news(paths, settings.cache_folder):
        pool.start_ahead()
    return pool


def _is_there_news(paths: Sequence[str], cache_folder: str) -> bool:
    """Whether any of *paths* was changed after the cache was; a guess, for what looking into it would tell."""
    cache = [os.path.join(cache_folder, name) for name in ("cache.sqlite3", "cache.sqlite3-wal")]
    newest = _changed(paths)
    return newest > 0 and newest >= _changed(cache)


def _changed(paths: Sequence[str]) -> float:
    """When the newest of *paths* was changed; 0 where there is none."""
    newest = 0.0
    for path in paths:
        with suppress(OSError, ValueError):
            newest = max(newest, os.stat(path).st_mtime)
    return newest
