"""The command line: parse, call one workflow, print. Here: the one table from error to message and exit code.

0 done · 1 could not do it · 2 wrong usage · 130 interrupted
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

import typer

from finepick.cli.app import app
from finepick.errors import FinepickError, OutputError, UsageError

# Typer brings Click along, in some versions under a name of its own; this is that Click's UsageError either way.
_WrongUsage: type[typer.BadParameter] = typer.BadParameter.__mro__[1]

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run `finepick` with *arguments* (default: those of the process) and exit."""
    # Our matrices are small: threads that wait for each other cost more than they bring, 25 times so on a busy
    # machine. Numpy reads this when it is first imported, which is later.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    words = list(sys.argv[1:] if arguments is None else arguments)
    warnings.showwarning = _tell_warning
    sys.exit(_run(words))


def _run(words: list[str]) -> int:
    as_json = "--json" in words[: words.index("--") if "--" in words else None]
    try:
        _make_printable()
        code = app(args=words, prog_name="finepick", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except _WrongUsage as error:
        error.show()
        return _answer(UsageError(error.format_message()), as_json)
    except FinepickError as error:
        return _failed(error, as_json)
    except BrokenPipeError:
        return _reader_gone()
    except OSError as error:
        return _failed(_from_system(error), as_json)
    return _interrupted() if code == INTERRUPTED else code if isinstance(code, int) else DONE


def _tell_warning(message: Warning | str, *where: object, **more: object) -> None:
    """A warning of any library in one line: nobody here asked in which line of code it was raised."""
    from finepick.cli.printing import warn

    warn((str(message).strip().splitlines() or [type(message).__name__])[0])


def _make_printable() -> None:
    """Let any terminal take any name: what it cannot show comes out escaped. A closed output swallows all."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for as long as we run
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _failed(error: FinepickError, as_json: bool) -> int:
    from finepick.cli.printing import printable, say

    where = (
        f"'{error.path}': " if error.path and printable(error.path) not in printable(error.message) else ""
    )
    say(f"finepick: error: {printable(where + error.message)}")
    return _answer(error, as_json)


def _answer(error: FinepickError, as_json: bool) -> int:
    """The exit code for *error*; with `--json` also its document."""
    from finepick.exports.documents import error_document, to_json

    if as_json:
        with suppress(OSError):  # where standard output is what failed
            print(to_json(error_document(error)), flush=True)
    return WRONG_USAGE if isinstance(error, UsageError) else FAILED


def _from_system(error: OSError) -> FinepickError:
    """What the operating system said, as one of ours."""
    path = error.filename if isinstance(error.filename, str) else None
    what = "" if path else "standard output or the disk: "
    return OutputError(f"{what}{error.strerror or error}; see to it and repeat", path=path)


def _interrupted() -> int:
    from finepick.cli.printing import say

    say("finepick: interrupted; what was read is remembered, the same command goes on from there")
    return INTERRUPTED


def _reader_gone() -> int:
    """Whoever read our output has left (`finepick … | head`): leave quietly, too."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FAILED
