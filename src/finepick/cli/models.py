"""`finepick models`: what can score here, and how it gets here."""

from __future__ import annotations

from dataclasses import asdict
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


@app.command("export", epilog="Example:  finepick models export fgaesq fgaesq.onnx")
def export(
    name: Annotated[str, typer.Argument(metavar="NAME|FILE", help="fgaesq, or a file of its weights.")],
    out: Annotated[
        str, typer.Argument(metavar="OUT", help="A new .onnx file (runs without torch) or .safetensors file.")
    ],
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a model's network as a file that '--model FILE' takes; checked against the original first."""
    from finepick.cli.printing import print_json, printable
    from finepick.exports.documents import document, to_json
    from finepick.workflows.models import export_model

    export_model(name, out)
    if json:
        print_json(to_json(document(name=name, path=out)))
    else:
        typer.echo(printable(out))


@app.command("fetch", epilog="Example:  finepick models fetch fgaesq")
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model's name: fgaesq.")],
    revision: Annotated[
        str | None,
        typer.Option(
            "--revision",
            metavar="R",
            help="A branch, tag or commit; FINEPICK_FGAESQ_REVISION, or main, unless told.",
        ),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option("--file", metavar="PATH", help="Which file of weights, if there are several."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fetch a model's released weights from the Hugging Face Hub; needs the network."""
    from finepick.cli.printing import ProgressBar, print_json, printable, say, warn
    from finepick.exports.documents import document, to_json
    from finepick.settings import load_settings
    from finepick.workflows.fetch import fetch_model

    def tell(message: str) -> None:
        if not quiet:
            say(f"finepick: {printable(message)}")

    with ProgressBar(quiet=quiet) as progress:
        here = fetch_model(
            name, load_settings(), revision=revision, file=file, progress=progress, tell=tell, warn=warn
        )
    if json:
        files = [asdict(one) for one in here.files]
        print_json(to_json(document(name=name, path=here.weights, commit=here.commit, files=files)))
    else:
        typer.echo(printable(here.weights))
