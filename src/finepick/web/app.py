"""`create_app` makes the application, `serve` runs it on a port and says where it is."""

from __future__ import annotations

import gc
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from finepick.batch.pool import ReaderPool
from finepick.errors import FinepickError, ImageError, OutputError, StoreError, UsageError
from finepick.project.store import Project
from finepick.settings import Settings
from finepick.web.annotation import REFUSALS, Entrance, annotation_router
from finepick.web.recorder import Recorder
from finepick.web.refinement import refinement_router
from finepick.web.refining import RefinementRun
from finepick.web.security import Door, Guard
from finepick.web.shelf import Shelf
from finepick.workflows.asking import Desk

DEFAULT_PORT = 8017
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
_PAGES = {"/": "annotate.html", "/project": "project.html", "/refined": "refined.html"}


@dataclass(frozen=True, slots=True)
class Binding:
    """Where the server listens. Anything but loopback needs a *password*."""

    host: str = "127.0.0.1"
    port: int | None = None
    password: str | None = field(default=None, repr=False)
    names: tuple[str, ...] = ()

    @property
    def is_loopback(self) -> bool:
        return self.host in ("127.0.0.1", "localhost", "::1")

    def check(self) -> None:
        """Raises UsageError for a server that anybody could walk into."""
        if not self.is_loopback and not self.password:
            raise UsageError(
                f"--host {self.host} lets other machines in; set a password in FINEPICK_PASSWORD as well"
            )
        if self.password is not None and len(self.password) < 8:
            raise UsageError("the password in FINEPICK_PASSWORD has to have at least 8 characters")


def create_app(
    project: Project, settings: Settings, *, door: Door, owner_token: str, pool: ReaderPool
) -> ASGIApp:
    """The annotation of *project* as an ASGI application; its lifespan starts and ends the writer.

    *pool* reads photos; it is the caller's to close.
    """
    desk = Desk(project)
    recorder = Recorder(project, desk)
    shelf = Shelf(os.path.join(settings.cache_folder, "pages"), pool)
    refining = RefinementRun(project, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        shelf.prune()
        recorder.start()
        try:
            yield
        finally:
            await run_in_threadpool(refining.close)
            await recorder.stop()

    app = FastAPI(
        title="Finepick",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        redirect_slashes=False,
    )
    entrance = Entrance(project, owner_token)
    app.include_router(annotation_router(project, desk, recorder, shelf, entrance))
    app.include_router(refinement_router(project, refining, entrance.owner, responses=REFUSALS))
    _add_pages(app)
    _add_errors(app)
    return Guard(app, door, large=frozenset({"/api/votes"}))


def _add_pages(app: FastAPI) -> None:
    """The pages and what they consist of: a fixed list, so that no path can lead anywhere else."""
    content = _page_files()

    def answer(name: str) -> Callable[[Request], Any]:
        async def page(_: Request) -> Response:
            kind = _KINDS[os.path.splitext(name)[1]]
            return Response(content[name], media_type=kind, headers={"cache-control": "no-cache"})

        return page

    for path, name in (
        _PAGES | {f"/pages/{name}": name for name in content if not name.endswith(".html")}
    ).items():
        app.router.add_route(path, answer(name), methods=["GET"])


def _page_files() -> Mapping[str, bytes]:
    folder = files("finepick.web") / "pages"
    return {
        entry.name: entry.read_bytes()
        for entry in folder.iterdir()
        if os.path.splitext(entry.name)[1] in _KINDS
    }


def _add_errors(app: FastAPI) -> None:
    """Every refusal in one form, that of the command line's `--json`; never what was sent, never a path."""

    def document(status: int, kind: str, message: str, path: str | None = None) -> JSONResponse:
        return JSONResponse({"error": {"kind": kind, "message": message, "path": path}}, status)

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> Response:
        kinds = {401: "link", 403: "forbidden", 404: "not_found", 405: "method"}
        response = document(error.status_code, kinds.get(error.status_code, "request"), str(error.detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(
            str(part) for part in first["loc"][1:4] if isinstance(part, int) or str(part).isidentifier()
        )
        return document(422, "request", f"{where or 'the request'}: {first['msg']}"[:300])

    @app.exception_handler(ImageError)
    async def no_photo(_: Request, error: ImageError) -> Response:
        return document(409, error.kind, error.message, error.path)

    @app.exception_handler(StoreError)
    async def no_database(_: Request, error: StoreError) -> Response:
        return document(503, error.kind, "the project's database cannot be used just now; try again")

    @app.exception_handler(FinepickError)
    async def wrong(_: Request, error: FinepickError) -> Response:
        return document(422, error.kind, error.message)


def serve(
    project: Project,
    settings: Settings,
    binding: Binding,
    *,
    tell: Callable[[str, str], None],
    owner_token: str | None = None,
) -> None:
    """Serve *project* until interrupted. *tell* is called with the address and the owner's token once it listens.

    Raises UsageError for a binding that is not safe, OutputError where the port is taken.
    """
    binding.check()
    token = owner_token or secrets.token_urlsafe(24)
    listener = _listen(binding)
    host, port = listener.getsockname()[:2]
    if binding.is_loopback:
        door = Door.on_loopback(port)
    else:
        names = frozenset(name.lower() for name in (*binding.names, socket.gethostname()))
        door = Door(None, names, binding.password)
    pool = ReaderPool.of(settings)
    pool.start_ahead()
    app = create_app(project, settings, door=door, owner_token=token, pool=pool)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="on",
            ws="none",
            h11_max_incomplete_event_size=32 << 10,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=5,
            limit_concurrency=2000,
        )
    )
    shown = f"[{host}]" if ":" in host else host
    tell(f"http://{'127.0.0.1' if shown in ('0.0.0.0', '[::]') else shown}:{port}", token)
    gc.freeze()  # what was loaded stays; going through it again and again costs everybody milliseconds
    with listener, pool:
        server.run(sockets=[listener])


def _listen(binding: Binding) -> socket.socket:
    """A listening socket: on the port that was asked for, else on ours, else, where that is taken, on a free one."""
    family = socket.AF_INET6 if ":" in binding.host else socket.AF_INET
    ports = [binding.port] if binding.port is not None else [DEFAULT_PORT, 0]
    for port in ports:
        # the protocol is named, since asyncio sends small answers at once (TCP_NODELAY) only where it is: 40 ms each
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((binding.host, port))
            listener.listen(1024)
            return listener
        except OSError as error:
            listener.close()
            last = error
    raise OutputError(
        f"port {ports[-1]} of {binding.host} cannot be used ({(last.strerror or str(last)).lower()}); choose another"
    )
