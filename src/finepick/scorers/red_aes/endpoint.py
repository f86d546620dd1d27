"""A model behind an OpenAI-compatible server: photos are sent to it, small, without name and metadata."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from multiprocessing.pool import ThreadPool

from finepick.chat.client import ChatError, ChatServer, Endpoint, RefusedError, TroubleError
from finepick.chat.messages import asked, said, shown
from finepick.scorers.red_aes.asking import NoAnswerError, Question

TRIES = 4


class EndpointAsker:
    """Asks *endpoint*, at most *at_once* requests at a time, each at most *tries* times."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        at_once: int,
        timeout_seconds: float,
        tries: int = TRIES,
    ) -> None:
        self.ahead = 2 * at_once
        self._endpoint = endpoint
        self._timeout_seconds = timeout_seconds
        self._at_once, self._tries = at_once, tries
        self._line: _Line | None = None

    @property
    def fingerprint(self) -> str:
        """Of address, model and options: what the server runs under that name cannot be known."""
        facts = [self._endpoint.address, self._endpoint.model, dict(self._endpoint.extra)]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def ask(self, question: Question, numbers: Sequence[int]) -> list[Callable[[], str]]:
        if self._line is None:
            self._line = _Line(self._endpoint, self._timeout_seconds, self._at_once, self._tries)
        return self._line.ask(question, numbers)

    def rest(self) -> None:
        if self._line is not None:
            self._line.cut()
            self._line = None


class _Line:
    """A server and the threads that ask it."""

    def __init__(self, endpoint: Endpoint, timeout_seconds: float, at_once: int, tries: int) -> None:
        self._server = ChatServer(endpoint, timeout_seconds=timeout_seconds)
        self._threads = ThreadPool(at_once)  # daemons: a server that hangs keeps nobody from leaving
        self._tries = tries

    def ask(self, question: Question, numbers: Sequence[int]) -> list[Callable[[], str]]:
        return [self._threads.apply_async(self._answer, (question, number)).get for number in numbers]

    def cut(self) -> None:
        self._server.stop()
        self._threads.terminate()

    def _answer(self, question: Question, number: int) -> str:
        messages = asked([*map(shown, question.pictures), said(question.prompt)])
        key, seed = f"{question.key} {number}", question.seed(number)
        try:
            return self._server.ask(messages, str, tries=self._tries, key=key, seed=seed).value
        except (RefusedError, TroubleError) as trouble:
            raise NoAnswerError(trouble.reason) from trouble
        except ChatError:
            self._server.stop()  # the others under way need not find out for themselves
            raise
