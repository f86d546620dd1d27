"""One server that answers as OpenAI's chat completions do: asked politely, with second tries and time limits."""

from __future__ import annotations

import email.utils
import hashlib
import json
import os
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

from finepick.errors import FinepickError, SettingsError, UsageError

if TYPE_CHECKING:
    import urllib3
    from urllib3.response import BaseHTTPResponse

KEY_VARIABLE = "FINEPICK_CHAT_KEY"
TIMEOUT_SECONDS = 120.0

_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0
_LONGEST_ASKED_WAIT = 900.0
_LEAST_PAUSE = 0.2
_MOST_PAUSES = 50
_MOST_BYTES = 1 << 20
_CHUNK = 1 << 16
_KEPT_OPEN = 64
_MAY_PASS = frozenset((408, 409, 425, 429))
_NEVER_BETTER = frozenset((401, 402, 403, 404, 405))
_MOST_TOLD = 300


class ChatError(FinepickError):
    """The server cannot be used: asking on makes no sense."""

    kind = "chat"


class RefusedError(Exception):
    """The server answered, with nothing that can be used; *answer* as it came."""

    def __init__(self, reason: str, answer: str, requests: int) -> None:
        super().__init__(reason)
        self.reason, self.answer, self.requests = reason, answer, requests


class TroubleError(Exception):
    """No answer this time; another time there may be one."""

    def __init__(self, reason: str, requests: int) -> None:
        super().__init__(reason)
        self.reason, self.requests = reason, requests


@dataclass(frozen=True, slots=True)
class Answer:
    """What was read from an answer, how many requests it took, and what the server counted."""

    value: str
    requests: int
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """address: of chat completions. extra: goes into each request ("temperature", "max_tokens", …)."""

    address: str
    model: str
    key: str = field(default="", repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """For people: where questions go."""
        return urlsplit(self.address).netloc


def endpoint_of(
    url: str,
    model: str,
    *,
    environment: Mapping[str, str] = os.environ,
    variable: str = KEY_VARIABLE,
    extra: Mapping[str, Any] | None = None,
) -> Endpoint:
    """The endpoint at *url* ("http://localhost:8000", ".../v1", or the whole address), key from *variable*.

    Without the variable no key is sent, as servers of one's own need none. Raises UsageError, SettingsError.
    """
    try:
        parts = urlsplit(url.strip())
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or any(not "!" <= letter <= "~" for letter in url.strip()):
        raise UsageError(f"'{url}' is no address of a server, such as http://localhost:8000/v1")
    if parts.username or parts.password:
        raise UsageError(f"the address of a server holds no name or password; put the key into {variable}")
    if not model.strip():
        raise UsageError("say which model is to be asked, by the name that the server knows it by")
    key = environment.get(variable, "").strip()
    if any(not "!" <= letter <= "~" for letter in key):
        raise SettingsError(f"{variable} holds letters that no key has; set it again", key=variable)
    path = parts.path.rstrip("/")
    if not path.endswith("/chat/completions"):
        is_versioned = path.rsplit("/", 1)[-1][:1] == "v" and path.rsplit("/", 1)[-1][1:2].isdigit()
        path += "/chat/completions" if is_versioned else "/v1/chat/completions"
    address = parts._replace(path=path, fragment="").geturl()
    return Endpoint(address, model.strip(), key, dict(extra or {}))


class ChatServer:
    """Asks one endpoint, from any number of threads; a server that asks for a pause is left alone by all."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        per_minute: float | None = None,
    ) -> None:
        """*per_minute*: requests that are begun in a minute at most, evenly, second tries included."""
        self.endpoint = endpoint
        self.host = endpoint.host
        self._timeout = timeout_seconds
        self._stopped = threading.Event()
        self._pause = threading.Lock()
        self._not_before = 0.0
        self._apart = 60 / per_minute if per_minute else 0.0
        self._next = 0.0
        self._pool = _pool_for(endpoint.address)

    def stop(self) -> None:
        """Let nobody wait or ask any longer; requests under way come to their end."""
        self._stopped.set()

    def ask(
        self,
        messages: list[dict[str, Any]],
        read: Callable[[str], str],
        *,
        tries: int,
        key: str,
        seed: int | None = None,
    ) -> Answer:
        """The answer to *messages*, through *read*, which raises ValueError for what is to be asked again.

        *key* scatters the waits of different questions. *seed* goes to the server, which may heed it.
        Raises RefusedError, TroubleError, ChatError.
        """
        asked = {**self.endpoint.extra, "model": self.endpoint.model, "messages": messages}
        if seed is not None:
            asked["seed"] = seed
        body = json.dumps(asked).encode("ascii")
        attempt = pauses = 0
        while True:
            self._wait_for_turn(attempt + pauses)
            try:
                return self._read(self._send(body), read, attempt + pauses + 1)
            except _AgainError as trouble:
                # Being asked to wait is no failure, as long as it comes to an end.
                if trouble.pause is not None and pauses < _MOST_PAUSES:
                    pauses += 1
                    self._pause_all(trouble.pause)
                    continue
                attempt += 1
                if attempt >= tries:
                    raise _given_up(trouble, attempt + pauses) from trouble
                longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (attempt - 1))
                self._stopped.wait(longest * (0.5 + 0.5 * _share(f"{key} {attempt}")))
            except _FinalError as trouble:
                raise _given_up(trouble, attempt + pauses + 1) from trouble

    def _send(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "finepick"}
        if self.endpoint.key:
            headers["Authorization"] = f"Bearer {self.endpoint.key}"
        deadline = time.monotonic() + self._timeout
        try:
            # No redirects: a key goes to the server that was named and to no other.
            response = self._pool.request(
                "POST",
                self.endpoint.address,
                body=body,
                headers=headers,
                timeout=self._timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except Exception as error:
            raise _unanswered(error) from error
        try:
            came = _body(response, deadline)
        except _AgainError:
            response.close()
            raise
        except Exception as error:
            response.close()
            if response.status < 300:
                raise _unanswered(error) from error
            came = b""
        if response.status >= 300:
            raise self._judged(response, came.decode("utf-8", "replace"))
        return came

    def _judged(self, response: BaseHTTPResponse, body: str) -> Exception:
        told, status = self._told(body), response.status
        reason = f"it answers {status}{': ' + told if told else ''}"
        if status in _NEVER_BETTER or 300 <= status < 400 or "insufficient_quota" in body:
            return ChatError(f"{self.host} cannot be asked, {reason}; {_advice(response)}")
        if status in _MAY_PASS or status >= 500:
            return _AgainError(reason, pause=_asked_pause(response.headers.get("Retry-After")))
        if "content_filter" in body or "content_policy" in body:
            return _FinalError(reason, body)
        return _FinalError(reason)

    def _told(self, body: str) -> str:
        """What the server says of an error, on one line and without the key."""
        try:
            document = json.loads(body)
            told = document["error"]
            told = told["message"] if isinstance(told, dict) else told
        except (ValueError, TypeError, KeyError, RecursionError):
            told = body
        line = " ".join(str(told).split())[:_MOST_TOLD]
        return line.replace(self.endpoint.key, "…") if self.endpoint.key else line

    def _read(self, body: bytes, read: Callable[[str], str], attempt: int) -> Answer:
        try:
            document = json.loads(body)
            choice = document["choices"][0]
            message = choice["message"]
            content = _content(message.get("content"))
            refusal = message.get("refusal")
            ending = choice.get("finish_reason")
        except (LookupError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise _AgainError("its answer is not what chat completions answer") from error
        if refusal or ending == "content_filter":
            raise _FinalError("the model refuses", str(refusal or content))
        try:
            value = read(content)
        except ValueError as error:
            cut = " (it was cut off: allow longer answers)" if ending == "length" else ""
            raise _AgainError(
                f"the answer is not the JSON that was asked for{cut}", answer=content
            ) from error
        usage = document.get("usage")
        counted = usage if isinstance(usage, dict) else {}
        return Answer(value, attempt, _whole(counted, "prompt_tokens"), _whole(counted, "completion_tokens"))

    def _pause_all(self, seconds: float) -> None:
        if seconds > _LONGEST_ASKED_WAIT:
            raise ChatError(
                f"{self.host} asks to be left alone for {seconds / 60:.0f} minutes; what it answered is kept, "
                "go on then"
            )
        with self._pause:
            self._not_before = max(self._not_before, time.monotonic() + max(seconds, _LEAST_PAUSE))

    def _wait_for_turn(self, requests: int) -> None:
        with self._pause:
            turn = max(self._next, time.monotonic())
            self._next = turn + self._apart
        while (left := max(turn, self._not_before) - time.monotonic()) > 0 and not self._stopped.is_set():
            self._stopped.wait(left)
        if self._stopped.is_set():
            raise TroubleError("stopped", requests)


class _Readable(Protocol):
    def read1(self, size: int) -> bytes: ...


class _AgainError(Exception):
    """May be better another time. pause: seconds that the server asks for. answer: of the model, if it is that."""

    def __init__(self, reason: str, *, pause: float | None = None, answer: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.pause, self.answer = reason, pause, answer


class _FinalError(Exception):
    """This question is not answered, however often it is asked. answer: what came instead, if it is to be kept."""

    def __init__(self, reason: str, answer: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.answer = reason, answer


def _given_up(trouble: _AgainError | _FinalError, requests: int) -> Exception:
    if trouble.answer is not None:
        return RefusedError(trouble.reason, trouble.answer, requests)
    return TroubleError(trouble.reason, requests)


def _body(response: _Readable, deadline: float) -> bytes:
    """All of it, by the deadline, however slowly it drips."""
    parts: list[bytes] = []
    size = 0
    while chunk := response.read1(_CHUNK):
        parts.append(chunk)
        size += len(chunk)
        if size > _MOST_BYTES:
            raise _AgainError("its answer does not end")
        if time.monotonic() > deadline:
            raise TimeoutError("timed out")
    return b"".join(parts)


def _content(content: Any) -> str:
    """A text, or the texts of its parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content)
    return "" if content is None else str(content)


def _asked_pause(header: str | None) -> float | None:
    """Seconds that *header* (Retry-After: a number, or a date) asks to wait; None where it asks for nothing."""
    if header is None:
        return None
    if header.strip().replace(".", "", 1).isdecimal():
        return float(header)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _advice(response: BaseHTTPResponse) -> str:
    if response.status in (401, 403):
        return f"check the key in {KEY_VARIABLE}"
    if response.status in (402, 429):
        return "the account has nothing left"
    if 300 <= response.status < 400:
        return f"name the address it points to ({response.headers.get('Location', 'none')}), if you trust it"
    return "check its address and the model's name"


def _pool_for(address: str) -> urllib3.PoolManager:
    """Connections that stay open between questions, through the proxy that the environment names, if it names one."""
    import urllib3

    parts = urlsplit(address)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy is None or urllib.request.proxy_bypass(parts.netloc):
        return urllib3.PoolManager(maxsize=_KEPT_OPEN)
    named = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    words = urllib3.make_headers(
        proxy_basic_auth=f"{unquote(named.username)}:{unquote(named.password or '')}"
        if named.username
        else None
    )
    return urllib3.ProxyManager(named.geturl(), maxsize=_KEPT_OPEN, proxy_headers=words)


def _unanswered(error: Exception) -> Exception:
    """What failed on the way, as one line; an error that is nobody's fault on the way is let through."""
    from urllib3.exceptions import HTTPError

    if not isinstance(error, (OSError, HTTPError)):
        return error
    while error.__cause__ is not None and isinstance(error.__cause__, Exception):
        error = error.__cause__
    told = str(error).strip() or type(error).__name__
    return _AgainError(f"no answer: {told.splitlines()[0]}")


def _whole(counted: Mapping[str, Any], name: str) -> int:
    value = counted.get(name)
    return value if isinstance(value, int) else 0


def _share(key: str) -> float:
    """0…1, the same for the same key: what is scattered is still reproducible."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest(), "big") / 2**32
