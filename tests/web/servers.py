"""A real server process, as people start it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class ServerProcess:
    """`finepick annotate FOLDER` in a process of its own; `said` is the document it printed."""

    def __init__(self, folder: Path | str, *words: str, port: int = 0, invite: Sequence[str] = ()) -> None:
        self._folder = os.fspath(folder)
        links = [word for name in invite for word in ("--invite", name)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "finepick", "annotate", self._folder, "--json", "--no-browser",
             "--port", str(port), *links, *words],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "FINEPICK_HOME": f"{self._folder}-home"},
        )  # fmt: skip
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.stop()
            raise RuntimeError("the server did not start")
        self.said: dict[str, Any] = json.loads(line)

    @property
    def address(self) -> str:
        return str(self.said["address"])

    @property
    def port(self) -> int:
        return int(self.address.rsplit(":", 1)[1])

    @property
    def pid(self) -> int:
        return self._process.pid

    def link(self, name: str) -> str:
        return f"{self.address}/#{self.said['links'][name]}"

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._end()

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        self._end()

    def _end(self) -> None:
        assert self._process.stdout is not None
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
