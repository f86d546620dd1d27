"""Refinement started from a page: one at a time, beside everything else; it tells where it is and can be stopped."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from finepick.errors import FinepickError
from finepick.project.store import Project
from finepick.refinement.thresholds import Thresholds
from finepick.scorers.catalog import load_scorer
from finepick.settings import Settings
from finepick.workflows.library import Library
from finepick.workflows.refine import refine_project

_WAIT_SECONDS = 10.0


class RunState(StrEnum):
    """Of the last run, "idle" before the first."""

    IDLE = "idle"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RunSoFar:
    """Where the last run is: *done* of *total* steps of what it does now (0 of 0: nobody knows how many).

    counts: in the end, photos by state. skipped: photos that could not be read. error: why it failed, in words.
    """

    state: RunState = RunState.IDLE
    stage: str = ""
    done: int = 0
    total: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    skipped: int = 0
    error: str | None = None


class _CancelledError(Exception):
    """Somebody wants it to stop."""


class RefinementRun:
    """The run of refinement of *project* that a server has under way, or had (a `Progress`).

    A run that is stopped or fails changes nothing: marks are kept in the end, all at once.
    """

    def __init__(self, project: Project, settings: Settings) -> None:
        self._project, self._settings = project, settings
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_wanted = True
        self._so_far = RunSoFar()

    @property
    def so_far(self) -> RunSoFar:
        with self._lock:
            return self._so_far

    @property
    def is_running(self) -> bool:
        return self.so_far.state is RunState.RUNNING

    def start(self, thresholds: Thresholds, model: str | None) -> bool:
        """Begin a run; False where one is under way."""
        with self._lock:
            if self._so_far.state is RunState.RUNNING:
                return False
            self._so_far, self._is_wanted = RunSoFar(RunState.RUNNING), True
            self._thread = threading.Thread(target=self._run, args=(thresholds, model), daemon=True)
            self._thread.start()
        return True

    def cancel(self) -> None:
        """Let the run stop as soon as it can; nothing where there is none."""
        self._is_wanted = False

    def close(self) -> None:
        """Stop, and wait a little until that is so."""
        self.cancel()
        if self._thread is not None:
            self._thread.join(_WAIT_SECONDS)

    # What a long piece of work tells

    def stage(self, name: str, total: int) -> None:
        self._go_on(stage=name, done=0, total=total)

    def step(self) -> None:
        self._go_on(done=self._so_far.done + 1)

    def _go_on(self, **changes: object) -> None:
        if not self._is_wanted:
            raise _CancelledError
        self._tell(**changes)

    def _tell(self, **changes: object) -> None:
        with self._lock:
            self._so_far = replace(self._so_far, **changes)  # type: ignore[arg-type]

    def _run(self, thresholds: Thresholds, model: str | None) -> None:
        try:
            scorer = None if model is None else load_scorer(model)
            with Library(self._settings, progress=self, warn=lambda _: None) as library:
                found = refine_project(self._project, library, thresholds, scorer=scorer)
            self._tell(state=RunState.DONE, counts=dict(found.counts), skipped=len(found.skipped))
        except _CancelledError:
            self._tell(state=RunState.CANCELLED)
        except FinepickError as error:
            self._tell(state=RunState.FAILED, error=error.message)
        except BaseException:
            self._tell(
                state=RunState.FAILED,
                error="something went wrong that should not; the server's log says what",
            )
            raise
