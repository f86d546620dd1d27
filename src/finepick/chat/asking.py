"""Many questions to one server, some at a time: what came of each as it comes, and an end where the server fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing.pool import ThreadPool
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from finepick.chat.client import Answer, ChatError, ChatServer, RefusedError, TroubleError

SLOTS = 8
TRIES = 6

_MOST_FAILURES = 8
"""So many questions that fail one after the other, with no answer between, end the work: it is the server."""

T = TypeVar("T")

Outcome = Answer | RefusedError | TroubleError


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """A question about something: what is sent, and how an answer is read (see `ChatServer.ask`)."""

    about: T
    messages: list[dict[str, Any]]
    read: Callable[[str], str]
    key: str
    seed: int | None = None


def ask_all(
    server: ChatServer, requests: Iterable[Request[T]], *, at_once: int = SLOTS, tries: int = TRIES
) -> Iterator[list[tuple[T, Outcome]]]:
    """What came of *requests*, as it comes, in no order; several at a time where several have come.

    The next request is drawn, in the caller's thread, when there is room for it: *at_once* are under way. Raises
    ChatError where the server cannot be used at all, and whatever drawing a request raises; before that come the
    answers that were under way, since they are paid for. The server is stopped in the end.
    """
    done: SimpleQueue[tuple[T, Outcome | Exception]] = SimpleQueue()
    left = iter(requests)
    under_way = in_a_row = 0
    failure: Exception | None = None

    def ask(request: Request[T]) -> None:
        done.put((request.about, _outcome(server, request, tries)))

    pool = ThreadPool(at_once)  # its threads are daemons: a server that hangs keeps nobody from leaving
    try:
        while True:
            try:
                for request in islice(left, at_once - under_way if failure is None else 0):
                    pool.apply_async(ask, (request,))
                    under_way += 1
            except Exception as error:  # noqa: BLE001 - raised below, after what is paid for
                failure = error
            if failure is not None:
                server.stop()
            if not under_way:
                break
            came = list(_taken(done))
            under_way -= len(came)
            yield [(about, one) for about, one in came if isinstance(one, Outcome)]
            in_a_row = _failures(in_a_row, [one for _, one in came])
            failure = failure or _failure(server, in_a_row, [one for _, one in came])
        if failure is not None:
            raise failure
    finally:
        server.stop()
        pool.terminate()


def _outcome(server: ChatServer, request: Request[T], tries: int) -> Outcome | Exception:
    try:
        return server.ask(request.messages, request.read, tries=tries, key=request.key, seed=request.seed)
    except Exception as error:  # noqa: BLE001 - told in the caller's thread
        return error


def _taken(done: SimpleQueue[T]) -> Iterator[T]:
    """Waits for one, and takes what else is there."""
    yield done.get()
    with suppress(Empty):
        while True:
            yield done.get_nowait()


def _failures(before: int, outcomes: Sequence[Outcome | Exception]) -> int:
    """How many have failed one after the other, *before* among them."""
    for one in outcomes:
        before = before + 1 if isinstance(one, TroubleError) else 0
    return before


def _failure(server: ChatServer, in_a_row: int, outcomes: Sequence[Outcome | Exception]) -> Exception | None:
    """Why asking on makes no sense, if it makes none."""
    if in_a_row >= _MOST_FAILURES and isinstance(outcomes[-1], TroubleError):
        return ChatError(
            f"{server.host} failed {in_a_row} questions in a row ({outcomes[-1].reason}); what it answered "
            "before is kept, try again later"
        )
    return next(
        (one for one in outcomes if not isinstance(one, Outcome) and isinstance(one, Exception)), None
    )
