"""What goes to the terminal: data on standard output, progress and warnings on standard error."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar

_PIPE_WIDTH = 200


def printable(text: str) -> str:
    """*text* as any terminal can take it: control characters as escapes, names that are not UTF-8 with �."""
    shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)


def say(message: str) -> None:
    """One line on standard error."""
    print(message, file=sys.stderr, flush=True)


def warn(message: str) -> None:
    """A warning on standard error."""
    say(f"finepick: warning: {printable(message)}")


def print_json(text: str) -> None:
    """One document on standard output; it is ASCII, so that no terminal setting can break it."""
    print(text, flush=True)


class ProgressBar:
    """Progress with an estimate of the time left, on standard error; silent where nobody looks."""

    def __init__(self, *, quiet: bool) -> None:
        self._bar = None if quiet or not sys.stderr.isatty() else _bar()
        self._task: int | None = None

    def __enter__(self) -> ProgressBar:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def stage(self, name: str, total: int) -> None:
        """Begin *name*, of *total* steps; 0 where nobody knows how many."""
        if self._bar is None:
            return
        if self._task is not None:
            self._bar.remove_task(self._task)  # type: ignore[arg-type]
        self._task = self._bar.add_task(name, total=total or None)

    def step(self) -> None:
        """One more is done."""
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task)  # type: ignore[arg-type]


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description:>16}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    )


def console() -> Console:
    """Where tables go: as wide as the terminal, or, in a pipe, wide enough that no name is cut in two."""
    from rich.console import Console

    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, width=_PIPE_WIDTH)


def shows_pictures() -> bool:
    """Whether standard output is a terminal with 24-bit colour."""
    return sys.stdout.isatty() and os.environ.get("COLORTERM", "").lower() in ("truecolor", "24bit")
