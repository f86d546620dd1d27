"""Preparation in a thread of its own, so that photos are read while the network runs."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar, cast

T = TypeVar("T")

_END = object()
_LOOK_SECONDS = 0.1


def read_ahead(things: Iterable[T], depth: int) -> Iterator[T]:
    """*things*, of which up to *depth* are made before they are asked for; what making them raises is raised here.

    The thread ends when this generator is exhausted, closed or forgotten.
    """
    ready: queue.Queue[object] = queue.Queue(depth)
    stopped = threading.Event()

    def put(thing: object) -> bool:
        while not stopped.is_set():
            try:
                ready.put(thing, timeout=_LOOK_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def make() -> None:
        try:
            for thing in things:
                if not put(thing):
                    return
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that asked
            put(_Raised(error))
        else:
            put(_END)

    thread = threading.Thread(target=make, name="finepick-ahead", daemon=True)
    thread.start()
    try:
        while (thing := ready.get()) is not _END:
            if isinstance(thing, _Raised):
                raise thing.error
            yield cast(T, thing)
    finally:
        stopped.set()
        thread.join()


class _Raised:
    def __init__(self, error: BaseException) -> None:
        self.error = error
