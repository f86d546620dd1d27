"""A small real server that answers as chat completions do, with faults on demand."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GOOD, BAD = "Sharper, with less noise.", "Softer, with more noise."


@dataclass(frozen=True)
class Reply:
    """What goes back: *content* as the model's answer, or *body* instead of the whole document; …"""

    content: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    cut: int | None = None
    hang_seconds: float = 0.0
    drip_seconds: float = 0.0
    message: dict[str, Any] = field(default_factory=dict)
    finish: str = "stop"


@dataclass(frozen=True)
class Asked:
    """A request as it came; *attempt* from 1 for the same pair and winner."""

    first: bytes
    second: bytes
    first_wins: bool
    attempt: int
    at: float
    document: dict[str, Any]
    headers: dict[str, str]
    path: str
    words: str = ""
    pictures: tuple[bytes, ...] = ()

    @property
    def pair(self) -> tuple[str, str]:
        return self.first.decode("latin-1"), self.second.decode("latin-1")


def good_reply(asked: Asked) -> Reply:
    return Reply(json.dumps({"text": GOOD if asked.first_wins else BAD}))


@dataclass
class FakeChat:
    answer: Callable[[Asked], Reply] = good_reply
    asked: list[Asked] = field(default_factory=list)
    most_at_once: int = 0
    connections: set[object] = field(default_factory=set)
    address: str = ""
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _attempts: Counter[tuple[bytes, bytes, bool]] = field(default_factory=Counter)

    def times(self) -> Counter[tuple[str, str]]:
        with self._lock:
            return Counter(asked.pair for asked in self.asked)

    def enter(self, path: str, headers: dict[str, str], body: bytes) -> Asked:
        document = json.loads(body)
        parts = document["messages"][0]["content"]
        shown = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        first, second = (
            base64.b64decode(url.removeprefix("data:image/jpeg;base64,"), validate=True) for url in shown
        )
        first_wins = "liked the first one better" in parts[0]["text"]
        assert first_wins or "liked the second one better" in parts[0]["text"]
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            self._attempts[first, second, first_wins] += 1
            attempt = self._attempts[first, second, first_wins]
            asked = Asked(first, second, first_wins, attempt, time.monotonic(), document, headers, path)
            self.asked.append(asked)
        return asked

    def leave(self) -> None:
        with self._lock:
            self._now -= 1


@contextmanager
def chatting(chat: FakeChat) -> Iterator[FakeChat]:
    """*chat* behind an address of this machine, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two packets; the second would wait for a receipt

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            chat.asked.append(Asked(b"", b"", False, 1, 0.0, {}, {}, f"GET {self.path}"))
            self._send(Reply(body=b"{}", status=405))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            chat.connections.add(self.client_address)
            asked = chat.enter(self.path, headers, body)
            try:
                reply = chat.answer(asked)
                time.sleep(reply.hang_seconds)
            finally:
                chat.leave()  # before the answer goes out: whoever has it may ask the next question at once
            self._send(reply)

        def _send(self, reply: Reply) -> None:
            body = reply.body
            if body is None:
                message = {"role": "assistant", "content": reply.content, **reply.message}
                body = json.dumps(
                    {
                        "choices": [{"index": 0, "message": message, "finish_reason": reply.finish}],
                        "usage": {"prompt_tokens": 700, "completion_tokens": 20},
                    }
                ).encode()
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if reply.cut is not None:
                body, self.close_connection = body[: reply.cut], True
            if reply.drip_seconds:
                for place in range(len(body)):
                    self.wfile.write(body[place : place + 1])
                    time.sleep(reply.drip_seconds)
            else:
                self.wfile.write(body)

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hangs up in the middle is no news here."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    chat.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield chat
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class PlainChat(FakeChat):
    """Answers any question: keeps its words and pictures; *attempt* counts the same question."""

    def enter(self, path: str, headers: dict[str, str], body: bytes) -> Asked:
        document = json.loads(body)
        parts = document["messages"][0]["content"]
        words = " ".join(part["text"] for part in parts if part["type"] == "text")
        pictures = tuple(
            base64.b64decode(part["image_url"]["url"].removeprefix("data:image/jpeg;base64,"), validate=True)
            for part in parts
            if part["type"] == "image_url"
        )
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            self._attempts[body, b"", True] += 1
            attempt = self._attempts[body, b"", True]
            asked = Asked(b"", b"", True, attempt, time.monotonic(), document, headers, path, words, pictures)
            self.asked.append(asked)
        return asked
