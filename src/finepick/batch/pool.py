"""A few reader processes with limits: what crashes or hangs costs one photo, never the run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import IO

from finepick.batch.messages import Reply, Request, read_message, write_message
from finepick.errors import FinepickError
from finepick.settings import Settings

_WATCH_SECONDS = 0.1
_START_SECONDS = 120.0
_READER_ENVIRONMENT = {
    # One thread a reader: the photos are the parallel part.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # glibc gives large blocks back at once and is handed them again zeroed, page by page: a third of decoding.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_TOP_PAD_": str(64 << 20),
}


class ReaderPool:
    """Reader processes, started when first needed or by `start_ahead`, and ended by `close`.

    Args:
        workers: how many processes.
        seconds: how long one photo may take before its process is ended.
        memory_bytes: address space of one process.
    """

    def __init__(self, *, workers: int, seconds: float, memory_bytes: int) -> None:
        self._workers = max(1, workers)
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._idle: list[_Reader] = []
        self._all: list[_Reader] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._threads: ThreadPoolExecutor | None = None

    def __enter__(self) -> ReaderPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @classmethod
    def of(cls, settings: Settings) -> ReaderPool:
        """The pool that *settings* ask for."""
        return cls(
            workers=settings.workers,
            seconds=settings.seconds_per_photo,
            memory_bytes=settings.worker_memory_bytes,
        )

    def start_ahead(self) -> None:
        """Start all readers without waiting for them: they load while the caller does something else."""
        for _ in range(self._workers - len(self._all)):
            reader = _Reader(self._memory_bytes, self._closed)
            reader.launch()
            self._all.append(reader)
            self._idle.append(reader)

    def ask(self, request: Request) -> Reply:
        """The answer to one request."""
        return next(self.ask_all([request]))[1]

    def ask_all(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Reply]]:
        """Answers as they come, in no order; at most a few times as many requests as readers are under way."""
        threads = self._start()
        done: SimpleQueue[tuple[Request, Future[Reply]]] = SimpleQueue()
        waiting = 0
        for request in requests:
            future = threads.submit(self._one, request)
            future.add_done_callback(partial(_put, done, request))
            waiting += 1
            if waiting >= 4 * self._workers:
                waiting -= 1
                yield _result(*done.get())
        for _ in range(waiting):
            yield _result(*done.get())

    def ask_in_order(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Reply]]:
        """Answers in the order of the requests, a few of which are under way ahead of it."""
        threads = self._start()
        waiting: deque[tuple[Request, Future[Reply]]] = deque()
        for request in requests:
            waiting.append((request, threads.submit(self._one, request)))
            if len(waiting) >= 2 * self._workers:
                yield _result(*waiting.popleft())
        while waiting:
            yield _result(*waiting.popleft())

    def close(self) -> None:
        """End the processes, whatever they are doing."""
        self._closed.set()
        for reader in self._all:
            reader.kill()
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)
            self._threads = None
        while self._all:
            self._all.pop().bury()
        self._idle.clear()

    def _start(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._closed.clear()
            self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="finepick-reader")
            threading.Thread(target=self._watch, name="finepick-watch", daemon=True).start()
        return self._threads

    def _one(self, request: Request) -> Reply:
        reader = self._take()
        try:
            return reader.ask(request, self._seconds)
        finally:
            with self._lock:
                self._idle.append(reader)

    def _take(self) -> _Reader:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            reader = _Reader(self._memory_bytes, self._closed)
            self._all.append(reader)
            return reader

    def _watch(self) -> None:
        while not self._closed.wait(_WATCH_SECONDS):
            for reader in list(self._all):
                reader.kill_if_late()


class _Reader:
    """One reader process, started again after it died."""

    def __init__(self, memory_bytes: int, closed: threading.Event) -> None:
        self._memory_bytes = memory_bytes
        self._closed = closed
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] | None = None  # of a process that has not yet said that it is ready
        self._deadline = float("inf")

    def ask(self, request: Request, seconds: float) -> Reply:
        process = self._living()
        assert process.stdin is not None and process.stdout is not None
        self._deadline = time.monotonic() + seconds
        try:
            write_message(process.stdin, request.head(), request.blobs)
            head, blobs = read_message(process.stdout)
        except (EOFError, OSError):
            late = time.monotonic() >= self._deadline
            code = self.bury()
            if late:
                return Reply(f"the decoder took longer than {seconds:g} s and was stopped", {})
            return Reply(f"the decoder crashed ({_ending(code)})", {})
        finally:
            self._deadline = float("inf")
        return Reply(head["error"], head["facts"], blobs)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def kill_if_late(self) -> None:
        if time.monotonic() > self._deadline:
            self.kill()

    def _living(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._complaints is None:
            if self._process.poll() is None:
                return self._process
            self.bury()
        if self._closed.is_set():
            raise FinepickError("the reader pool is closed")
        if self._process is None:
            self.launch()
        return self._wait_until_ready()

    def launch(self) -> None:
        """Start the process, without waiting until it is ready."""
        complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed once the child is ready
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "finepick.batch.reader", str(self._memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env={
                **os.environ,
                **_READER_ENVIRONMENT,
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            },
            # A session of its own: Ctrl-C is for the parent alone.
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self._complaints = complaints

    def _wait_until_ready(self) -> subprocess.Popen[bytes]:
        process, complaints = self._process, self._complaints
        assert process is not None and process.stdout is not None and complaints is not None
        self._deadline = time.monotonic() + _START_SECONDS
        try:
            read_message(process.stdout)
        except EOFError:
            complaints.seek(0)
            said = complaints.read().decode(errors="replace").strip().splitlines()
            self.bury()
            raise FinepickError(
                f"a reader process did not start: {said[-1] if said else 'no reason given'}"
            ) from None
        finally:
            self._deadline = float("inf")
        self._forget_complaints()
        return process

    def _forget_complaints(self) -> None:
        if self._complaints is not None:
            self._complaints.close()
            self._complaints = None

    def bury(self) -> int:
        """End the process, if there is one, and close its pipes; its exit code."""
        process, self._process = self._process, None
        self._forget_complaints()
        if process is None:
            return 0
        assert process.stdin is not None and process.stdout is not None
        process.kill()
        code = process.wait()
        process.stdout.close()
        with suppress(OSError):  # what was not yet sent has nowhere to go
            process.stdin.close()
        return code


def _put(done: SimpleQueue[tuple[Request, Future[Reply]]], request: Request, future: Future[Reply]) -> None:
    done.put((request, future))


def _result(request: Request, future: Future[Reply]) -> tuple[Request, Reply]:
    return request, future.result()


def _ending(code: int) -> str:
    if code < 0:
        import signal

        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
    return f"exit code {code}"
