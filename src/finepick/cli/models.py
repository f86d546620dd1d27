"""`finepick models`: what can score here."""

from __future__ import annotations

from typing import Annotated

import typer

from finepick.cli.options import Json, Quiet

app = typer.Typer(
    help="What can judge here, and whether it is on this disk.",
    epilog="Example:  finepick models list",
    no_args_is_help=True,
)


@app.command("list", epilog="Example:  finepick models list")
def list_models(json: Json = False, quiet: Quiet = False) -> None:
    """List the models that this version knows."""
    from finepick.cli.printing import console, print_json
    from finepick.exports.documents import document, to_json
    from finepick.workflows.models import list_models_here

    entries = list_models_here()
    if json:
        print_json(to_json(document(models=[entry.as_dict() for entry in entries])))
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("model", "here", "what it does"):
        table.add_column(heading, overflow="fold")
    for entry in entries:
        table.add_row(entry.name, "yes" if entry.is_here else "no", entry.description)
    console().print(table)


@app.command("path", epilog="Example:  finepick models path measured")
def path(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model's name.")],
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Print where a model's weights lie."""
    from finepick.cli.printing import print_json, printable
    from finepick.exports.documents import document, to_json
    from finepick.workflows.models import weights_path

    where = weights_path(name)
    if json:
        print_json(to_json(document(name=name, path=where)))
    else:
        typer.echo(printable(where))
