"""The command line in a process of its own, without every one of hundreds loading the same packages again.

A process that has loaded them forks for each run (the standard library's `forkserver`); the run has its own
arguments, environment, folder and output, and ends like any other. Where a run is about the interpreter itself
(its environment names PYTHON…, or the system cannot fork), it gets one of its own.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SECONDS = 240
_LOADED = (
    "finepick.cli",
    "finepick.workflows.calibration",
    "finepick.workflows.checking",
    "finepick.workflows.edit",
    "finepick.workflows.edit_pairs",
    "finepick.workflows.evaluate",
    "finepick.workflows.leave",
    "finepick.workflows.pick",
    "finepick.workflows.projects",
    *(["torch", "finepick.workflows.train"] if find_spec("torch") else []),
)


@dataclass(frozen=True)
class Run:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.out)


def run_command(words: list[str], *, cwd: Path | None, environment: dict[str, str]) -> Run:
    """`finepick WORDS…` with *environment*, and no other."""
    if "forkserver" not in multiprocessing.get_all_start_methods() or _is_of_the_interpreter(environment):
        done = subprocess.run(
            [sys.executable, "-m", "finepick", *words],
            capture_output=True,
            cwd=cwd,
            env=environment,
            timeout=SECONDS,
        )
        return Run(done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace"))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_LOADED))
    with tempfile.TemporaryDirectory() as folder:
        out, err = (os.path.join(folder, name) for name in ("out", "err"))
        process = context.Process(
            target=_run, args=(words, os.fspath(cwd or os.getcwd()), environment, out, err)
        )
        process.start()
        process.join(SECONDS)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"finepick {' '.join(words)} took more than {SECONDS} seconds")
        return Run(process.exitcode, Path(out).read_text(), Path(err).read_text(errors="replace"))


_AT_THE_BEGINNING = dict(os.environ)
_READ_AT_THE_BEGINNING = ("PYTHON", "LANG", "LC_", "OMP_", "FINEPICK_KERNELS")


def _is_of_the_interpreter(environment: dict[str, str]) -> bool:
    """Whether *environment* has another value than ours for what is read before anybody can fork."""
    names = [name for name in environment | _AT_THE_BEGINNING if name.startswith(_READ_AT_THE_BEGINNING)]
    return any(environment.get(name) != _AT_THE_BEGINNING.get(name) for name in names)


def _run(words: list[str], folder: str, environment: dict[str, str], out: str, err: str) -> None:
    for descriptor, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, descriptor)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    from finepick.cli import main

    sys.argv = ["finepick", *words]
    main(words)
