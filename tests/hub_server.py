"""A small real server that answers as the Hugging Face Hub does, for made files, with faults on demand."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote, urlsplit


@dataclass
class Fault:
    """What goes wrong with a file: `status` instead of it; only `cut` bytes an answer, `times` times; …"""

    status: int | None = None
    cut: int | None = None
    times: int = 10**9
    wrong_bytes: bytes | None = None
    ignores_range: bool = False


@dataclass
class Repo:
    commit: str
    files: dict[str, bytes]
    large: frozenset[str] = frozenset()
    """Those that lie in large file storage: told by SHA-256, and sent from another path."""


@dataclass
class FakeHub:
    """`requests` are (method, path, Range header or "") as they came."""

    repos: dict[str, Repo]
    faults: dict[str, Fault] = field(default_factory=dict)
    api_status: int | None = None
    api_body: bytes | None = None
    changed_sizes: dict[str, int] = field(default_factory=dict)
    tells_digests: bool = True
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    address: str = ""

    def bodies(self) -> list[str]:
        """Names of the files that were sent, in part or in full, in order."""
        return [path.rsplit("/", 1)[1] for _, path, _ in self.requests if path.startswith("/storage/")]

    def listing(self, name: str) -> dict[str, Any]:
        repo = self.repos[name]
        return {
            "id": name,
            "sha": repo.commit,
            "siblings": [self._sibling(repo, path, content) for path, content in repo.files.items()],
        }

    def _sibling(self, repo: Repo, path: str, content: bytes) -> dict[str, Any]:
        size = self.changed_sizes.get(path, len(content))
        row: dict[str, Any] = {"rfilename": path, "size": size}
        if self.tells_digests:
            row["blobId"] = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
            if path in repo.large:
                row["blobId"] = hashlib.sha1(b"a pointer").hexdigest()
                digest = hashlib.sha256(content).hexdigest()
                row["lfs"] = {"size": size, "sha256": digest, "pointerSize": 130}
        return row


@contextmanager
def serving(hub: FakeHub) -> Iterator[FakeHub]:
    """*hub* behind an address of this machine, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.requests.append(("GET", path, self.headers.get("Range", "")))
            hub.headers.append({name.lower(): value for name, value in self.headers.items()})
            parts = path.strip("/").split("/")
            if parts[:2] == ["api", "models"]:
                self._list("/".join(parts[2:4]), "/".join(parts[5:]))
            elif parts[0] == "storage":
                self._send("/".join(parts[1:3]), "/".join(parts[3:]))
            elif parts[2:3] == ["resolve"]:
                self._resolve("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
            else:
                self._answer(404, b"{}")

        def do_HEAD(self) -> None:
            hub.requests.append(("HEAD", self.path, ""))
            self._answer(405, b"")

        def do_POST(self) -> None:
            hub.requests.append(("POST", self.path, ""))
            self._answer(405, b"")

        def _list(self, name: str, revision: str) -> None:
            if hub.api_status is not None or hub.api_body is not None:
                self._answer(hub.api_status or 200, hub.api_body or b'{"error": "made"}')
            elif name not in hub.repos:
                self._answer(
                    401, b'{"error": "Invalid username or password."}', {"X-Error-Code": "RepoNotFound"}
                )
            elif revision not in ("main", "v1", hub.repos[name].commit):
                self._answer(404, b'{"error": "Invalid rev id"}', {"X-Error-Code": "RevisionNotFound"})
            else:
                self._answer(
                    200, json.dumps(hub.listing(name)).encode(), {"Content-Type": "application/json"}
                )

        def _resolve(self, name: str, commit: str, path: str) -> None:
            repo = hub.repos.get(name)
            fault = hub.faults.get(path, Fault())
            if fault.status is not None:
                self._answer(fault.status, b"made fault")
            elif repo is None or repo.commit != commit or path not in repo.files:
                self._answer(404, b"", {"X-Error-Code": "EntryNotFound"})
            else:
                self._answer(302, b"", {"Location": quote(f"/storage/{name}/{path}")})

        def _send(self, name: str, path: str) -> None:
            fault = hub.faults.get(path, Fault())
            content = fault.wrong_bytes if fault.wrong_bytes is not None else hub.repos[name].files[path]
            start = 0
            wanted = self.headers.get("Range")
            if wanted and not fault.ignores_range:
                start = int(wanted.removeprefix("bytes=").split("-")[0])
                if start >= len(content):
                    return self._answer(416, b"")
            body = content[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.end_headers()
            if fault.cut is not None and fault.times > 0:
                fault.times -= 1
                body = body[: fault.cut]
                self.close_connection = True
            self.wfile.write(body)
            return None

        def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hangs up in the middle is no news here."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
