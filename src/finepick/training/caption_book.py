"""The answers that have come, and those that were rejected: two files of JSON lines, never asked for twice."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from finepick.errors import DatasetError
from finepick.exports.writing import could_not_write, make_folder, sync_folder

REJECTS = ".rejects.jsonl"

_APPENDING = os.O_CREAT | os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_KEPT_KEYS = ("first", "second", "winner", "prompt", "model")


@dataclass(frozen=True, slots=True)
class Question:
    """How does the photo *first* differ from *second*? Both by the digests of their content."""

    first: str
    second: str
    first_wins: bool


class CaptionBook:
    """Answers of one model to one prompt, in files that may hold those of others as well.

    A line is written through to the disk before `add` and `reject` return; a line that was cut off by a crash is
    taken away when the file is opened. Safe to use from several threads; one process at a time.
    """

    def __init__(self, path: str, *, model: str, prompt: str) -> None:
        """*path*: of the answers (.jsonl); rejects lie beside it, in PATH without .jsonl + `REJECTS`.

        Raises DatasetError, with the line, where a file holds something else, OutputError where it cannot be
        written.
        """
        self.path, self.rejects_path = path, path.removesuffix(".jsonl") + REJECTS
        self._common = {"prompt": hashlib.sha256(prompt.encode()).hexdigest(), "model": model}
        self._lock = threading.Lock()
        make_folder(os.path.dirname(path) or os.curdir)
        self._answers = _Lines(self.path)
        try:
            self._rejects = _Lines(self.rejects_path)
            self._texts = self._read(self._answers, "text")
            self._rejected = self._read(self._rejects, "reason")
        except BaseException:
            self.close()
            raise

    def text(self, question: Question) -> str | None:
        """The answer to *question*, or None where there is none."""
        return self._texts.get(question)

    def has(self, question: Question) -> bool:
        """Whether *question* was answered, rejected answers included."""
        return question in self._texts or question in self._rejected

    def add(self, question: Question, text: str) -> None:
        """Keep *text*. Raises OutputError."""
        with self._lock:
            self._answers.append({**self._key(question), "text": text})
            self._texts[question] = text

    def reject(self, question: Question, reason: str, answer: str) -> None:
        """Keep that *answer* cannot be used, and why. Raises OutputError."""
        with self._lock:
            self._rejects.append({**self._key(question), "reason": reason, "answer": answer})
            self._rejected[question] = reason

    def close(self) -> None:
        with self._lock:
            for lines in (self._answers, getattr(self, "_rejects", None)):
                if lines is not None:
                    lines.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _key(self, question: Question) -> dict[str, Any]:
        winner = "first" if question.first_wins else "second"
        return {"first": question.first, "second": question.second, "winner": winner, **self._common}

    def _read(self, lines: _Lines, what: str) -> dict[Question, str]:
        found = {}
        for number, line in enumerate(lines.read(), start=1):
            try:
                row = json.loads(line)
                first, second, winner, said = (str(row[name]) for name in ("first", "second", "winner", what))
                is_ours = all(row[name] == value for name, value in self._common.items())
            except (ValueError, TypeError, KeyError) as error:
                raise _not_ours(lines.path, number) from error
            if winner not in ("first", "second"):
                raise _not_ours(lines.path, number)
            if is_ours:
                found[Question(first, second, winner == "first")] = said
        return found


class _Lines:
    """A file that only grows, by whole lines."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._file = os.open(path, _APPENDING, 0o666)
            self._drop_torn_end()
        except OSError as error:
            raise could_not_write(path, error) from error
        sync_folder(os.path.dirname(path))

    def read(self) -> list[bytes]:
        with open(self.path, "rb") as file:
            return file.read().splitlines()

    def append(self, row: dict[str, Any]) -> None:
        line = json.dumps(row, separators=(",", ":")).encode("ascii") + b"\n"
        try:
            if os.write(self._file, line) != len(line):
                self._drop_torn_end()
                raise OSError(28, "the disk is full")
            os.fsync(self._file)
        except OSError as error:
            raise could_not_write(self.path, error) from error

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _drop_torn_end(self) -> None:
        content = self.read()
        if not content or os.path.getsize(self.path) == 0:
            return
        with open(self.path, "rb") as file:
            file.seek(-1, os.SEEK_END)
            is_whole = file.read(1) == b"\n"
        if is_whole:
            return
        try:
            json.loads(content[-1])
        except ValueError:
            os.ftruncate(self._file, os.path.getsize(self.path) - len(content[-1]))
        else:  # whole, only its end is missing: somebody wrote it by hand
            os.write(self._file, b"\n")


def _not_ours(path: str, line: int) -> DatasetError:
    return DatasetError(
        f"{path}:{line} is no kept answer; take the line out, or name another file", path=path, line=line
    )
