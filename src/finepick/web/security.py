"""What stands before every page: Host, Origin, password and size are checked, and headers say what pages may do."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_BYTES = 256 << 10
"""More than the largest request a page makes."""

FILE_BYTES = 8 << 20
"""For the one address that takes a file of votes."""

WRONG_PASSWORD_SECONDS = 1.0

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HEADERS: Mapping[bytes, bytes] = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=(), interest-cohort=()",
}
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come in.

    `names`: what the server is called, with the port; None where it is bound wider: then any address of a
    machine (a number), and the names in `more_names`. `password`: asked of everybody, where there is one.
    """

    names: frozenset[str] | None
    more_names: frozenset[str] = frozenset()
    password: str | None = field(default=None, repr=False)

    @classmethod
    def on_loopback(cls, port: int, *more_names: str) -> Door:
        """The door of a server that only this machine can reach."""
        return cls(frozenset(f"{name}:{port}" for name in _LOOPBACK) | frozenset(more_names))

    def knows(self, host: str) -> bool:
        """Whether *host*, as a request names it, is this server: a foreign name that leads here is not."""
        if self.names is not None:
            return host.lower() in self.names
        name = host.lower().rsplit(":", 1)[0] if not host.endswith("]") else host.lower()
        return name in self.more_names or name in _LOOPBACK or _is_number(name.strip("[]"))

    def admits(self, authorization: str) -> bool:
        """Whether *authorization*, a Basic header, holds the password; any user name will do."""
        if self.password is None:
            return True
        kind, _, code = authorization.partition(" ")
        try:
            given = base64.b64decode(code, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return False
        return kind.lower() == "basic" and hmac.compare_digest(given, self.password.encode())


class Guard:
    """The door around an application (ASGI middleware)."""

    def __init__(self, app: ASGIApp, door: Door, large: frozenset[str] = frozenset()) -> None:
        self._app = app
        self._door = door
        self._large = large

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008})
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        send = _with_headers(send)
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            if refusal[0] == 401:
                await asyncio.sleep(WRONG_PASSWORD_SECONDS)
            return await _refuse(send, *refusal)
        most = FILE_BYTES if scope["path"] in self._large else BODY_BYTES
        body = _Body(receive, most)
        try:
            await self._app(scope, body.receive, body.watched(send))
        except _TooLargeError:
            await _refuse(send, 413, "too_large", f"a request may have {most >> 10} KB; send less at a time")

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str, str] | None:
        """Status, kind and message for a request that does not get in."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._door.knows(hosts[0]):
            return 421, "foreign_host", "this server does not go by that name; use the address it printed"
        origin = headers.get("origin")
        is_unsafe = scope["method"] not in _SAFE_METHODS
        if is_unsafe and origin is not None and origin not in (f"http://{hosts[0]}", f"https://{hosts[0]}"):
            return 403, "cross_site", "requests from other sites are not taken"
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none") and (
            is_unsafe or scope["path"].startswith("/api/")
        ):
            return 403, "cross_site", "requests from other sites are not taken"
        if not self._door.admits(headers.get("authorization", "")):
            return 401, "password", "this server asks for its password"
        length = headers.get("content-length", "0")
        most = FILE_BYTES if scope["path"] in self._large else BODY_BYTES
        if not (length.isascii() and length.isdigit()) or int(length) > most:
            return 413, "too_large", f"a request may have {most >> 10} KB; send less at a time"
        return None


class _TooLargeError(Exception):
    """A body that is longer than it may be, whatever its header said."""


class _Body:
    """A request's body, counted as it comes; an application that swallows our error may not answer all the same."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._left = most

    async def receive(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        self._check()
        return message

    def watched(self, send: Send) -> Send:
        async def watched(message: Message) -> None:
            self._check()
            await send(message)

        return watched

    def _check(self) -> None:
        if self._left < 0:
            raise _TooLargeError


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message["headers"]}
            extra = [(name, value) for name, value in _HEADERS.items() if name not in there]
            if b"cache-control" not in there:
                extra.append((b"cache-control", b"no-store"))
            message = {**message, "headers": [*message["headers"], *extra]}
        await send(message)

    return with_headers


async def _refuse(send: Send, status: int, kind: str, text: str) -> None:
    body = json.dumps({"error": {"kind": kind, "message": text, "path": None}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b'Basic realm="Finepick", charset="UTF-8"'))
    if status == 413:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
