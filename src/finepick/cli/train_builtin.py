"""`finepick train builtin`: teach the model in the wheel anew."""

from __future__ import annotations

from typing import Annotated

import typer

from finepick.cli.options import Json, Quiet, Workers


def builtin(
    data: Annotated[
        str, typer.Option("--data", metavar="DIR", help="A folder of data sets, with the teacher among them.")
    ],
    out: Annotated[
        str, typer.Option("--out", metavar="DIR", help="The run's folder; it goes on from there.")
    ],
    steps: Annotated[int, typer.Option("--steps", metavar="N", help="Lessons from the teacher.")] = 15_000,
    rounds: Annotated[int, typer.Option("--rounds", metavar="N", help="Groups of edits a photo.")] = 1,
    series: Annotated[int, typer.Option("--series", metavar="N", help="Photos hurt as wholes.")] = 400,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of all that is random.")] = 0,
    workers: Workers = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Teach the model in the wheel anew: a teacher's eye, edits that hurt, people's judgements."""
    from finepick.cli.printing import ProgressBar, print_json, printable, say, warn
    from finepick.exports.documents import document, to_json
    from finepick.settings import load_settings
    from finepick.workflows.library import Library
    from finepick.workflows.train_builtin import BuiltinRequest, train_builtin

    request = BuiltinRequest(data, out, steps, rounds, series, seed)
    with (
        ProgressBar(quiet=quiet or json) as shown,
        Library(load_settings(workers=workers), progress=shown, warn=warn) as library,
    ):

        def tell(line: str) -> None:
            if not (quiet or json):
                say(printable(line))

        path = train_builtin(library, request, tell=tell)
    if json:
        print_json(to_json(document(path=path)))
    else:
        typer.echo(printable(path))
