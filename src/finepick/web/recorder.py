"""Answers on their way to the disk: those that arrive while one transaction is written share the next."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from starlette.concurrency import run_in_threadpool

from finepick.errors import FinepickError, StoreError
from finepick.project.records import NewAnswer
from finepick.project.store import Project
from finepick.workflows.asking import Desk, Given, Refused

MOST_TOGETHER = 500

Waiting = tuple[list[NewAnswer], "asyncio.Future[list[str]]"]


class Recorder:
    """Keeps answers through one writer. What `keep` has returned survives a kill and a power cut."""

    def __init__(self, project: Project, desk: Desk) -> None:
        self._project = project
        self._desk = desk
        self._waiting: asyncio.Queue[Waiting] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def keep(self, annotator: int, given: Sequence[Given]) -> tuple[list[str], list[Refused]]:
        """Ids of the answers that are on the disk now, and those that were refused. Raises StoreError."""
        good, refused = self._desk.check(annotator, given)
        if not good:
            return [], refused
        kept: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((good, kept))
        return await kept, refused

    def start(self) -> None:
        self._task = asyncio.create_task(self._write())

    async def stop(self) -> None:
        """Write what is waiting and end."""
        while not self._waiting.empty():
            await asyncio.sleep(0.01)
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _write(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            while not self._waiting.empty() and len(batch) < MOST_TOGETHER:
                batch.append(self._waiting.get_nowait())
            await asyncio.shield(self._write_together(batch))

    async def _write_together(self, batch: list[Waiting]) -> None:
        answers = [answer for good, _ in batch for answer in good]
        try:
            receipts = await run_in_threadpool(self._project.record, answers)
        except FinepickError as error:
            for _, kept in batch:
                if not kept.done():
                    kept.set_exception(StoreError(error.message))
            return
        self._desk.note(answers, [receipt.id for receipt in receipts])
        for good, kept in batch:
            if not kept.done():  # whoever asked may have gone away; the answers are kept all the same
                kept.set_result([answer.client_id for answer in good])
