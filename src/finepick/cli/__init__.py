"""The command line: parse, call one workflow, print. Here: the one table from error to message and exit code.

0 done · 1 could not do it · 2 wrong usage · 130 interrupted
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from finepick.cli.app import app
from finepick.errors import FinepickError, UsageError

# Typer brings Click along, in some versions under a name of its own; this is that Click's UsageError either way.
_WrongUsage: type[typer.BadParameter] = typer.BadParameter.__mro__[1]

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run `finepick` with *arguments* (default: those of the process) and exit."""
    # Our matrices are small: threads that wait for each other cost more than they bring, 25 times so on a busy
    # machine. Numpy reads this when it is first imported, which is later.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    words = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_run(words))


def _run(words: list[str]) -> int:
    try:
        code = app(args=words, prog_name="finepick", standalone_mode=False)
        return code if isinstance(code, int) else DONE
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except _WrongUsage as error:
        error.show()
        return WRONG_USAGE
    except FinepickError as error:
        return _failed(error, "--json" in words)
    except BrokenPipeError:
        return _reader_gone()
    except OSError as error:
        return _failed(_from_system(error), "--json" in words)


def _failed(error: FinepickError, as_json: bool) -> int:
    from finepick.cli.printing import printable, say
    from finepick.exports.documents import error_document, to_json

    where = f"'{error.path}': " if error.path and error.path not in error.message else ""
    say(f"finepick: error: {printable(where + error.message)}")
    if as_json:
        print(to_json(error_document(error)))
    return WRONG_USAGE if isinstance(error, UsageError) else FAILED


def _from_system(error: OSError) -> FinepickError:
    """What the operating system said, as one of ours."""
    from finepick.errors import OutputError

    path = error.filename if isinstance(error.filename, str) else None
    return OutputError(
        f"{error.strerror or error}; check the disk and its permissions, then repeat", path=path
    )


def _interrupted() -> int:
    from finepick.cli.printing import say

    say("finepick: interrupted; what was read is remembered, the same command goes on from there")
    return INTERRUPTED


def _reader_gone() -> int:
    """Whoever read our output has left (`finepick … | head`): leave quietly, too."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FAILED
