"""Work on several processes, the same on Linux, macOS and Windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def in_processes(work: Callable[[Job], Result], jobs: Sequence[Job], workers: int) -> Iterator[Result]:
    """*work* done on every job by up to *workers* processes; results in the order of *jobs*."""
    if workers <= 1 or len(jobs) < 2:
        yield from map(work, jobs)
        return
    # "spawn" is the one way of starting processes that works everywhere.
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, jobs)
