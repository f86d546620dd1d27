"""Photos as pages show them: upright sRGB JPEGs, made by the reader processes, kept in the user's cache."""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import suppress

from starlette.concurrency import run_in_threadpool

from finepick.batch.messages import Request
from finepick.batch.pool import ReaderPool
from finepick.errors import DamagedImageError, FinepickError
from finepick.project.records import Member

SIDES = {"small": 480, "screen": 2048, "full": 12_000}
"""Long side in pixels of what a page may ask for; no photo is enlarged."""

MOST_BYTES = 4 << 30


class Shelf:
    """JPEGs of photos, by member and size; each is made once however many ask for it at a time."""

    def __init__(self, folder: str, pool: ReaderPool) -> None:
        self._folder = folder
        self._pool = pool
        self._making: dict[str, asyncio.Task[bytes]] = {}
        self.troubles: dict[int, str] = {}

    async def jpeg(self, member: Member, size: str) -> bytes:
        """The photo *member* at *size*. Raises DamagedImageError where it is gone, has changed or is unreadable."""
        if member.digest is None or member.path is None:
            raise DamagedImageError("no file is known for this photo", path=member.name)
        path = os.path.join(self._folder, member.digest[:2], f"{member.digest}-{SIDES[size]}.jpg")
        task = self._making.get(path)
        if task is None:
            task = asyncio.create_task(run_in_threadpool(self._fetch, path, member, SIDES[size]))
            self._making[path] = task
            task.add_done_callback(lambda _: self._making.pop(path, None))
        try:
            content = await asyncio.shield(task)
        except FinepickError as error:
            self.troubles[member.id] = error.message
            raise
        self.troubles.pop(member.id, None)
        return content

    def _fetch(self, path: str, member: Member, side: int) -> bytes:
        with suppress(OSError), open(path, "rb") as file:
            return file.read()
        assert member.path is not None and member.digest is not None
        if not os.path.isfile(member.path):
            raise DamagedImageError("the photo is no longer where it was", path=member.name)
        reply = self._pool.ask(Request("preview", member.path, side, member.digest))
        if reply.error is not None:
            raise DamagedImageError(reply.error, path=member.name)
        with suppress(OSError):  # a full disk costs time, not the photo
            _put(path, reply.blobs[0])
        return reply.blobs[0]

    def prune(self) -> None:
        """Forget the photos that were made longest ago until `MOST_BYTES` are left."""
        files = []
        for folder, _, names in os.walk(self._folder):
            for name in names:
                with suppress(OSError):
                    status = os.stat(os.path.join(folder, name))
                    files.append((status.st_mtime, status.st_size, os.path.join(folder, name)))
        used = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if used <= MOST_BYTES:
                break
            with suppress(OSError):
                os.unlink(path)
            used -= size


def _put(path: str, content: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path), suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)
        raise
