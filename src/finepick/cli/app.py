"""The verbs, in the order in which people need them."""

from __future__ import annotations

from typing import Annotated

import typer

from finepick import __version__
from finepick.cli import (
    annotate,
    calibrate,
    compare,
    doctor,
    edit,
    evaluate,
    import_,
    models,
    pick,
    red,
    refine,
    score,
    train,
)

app = typer.Typer(
    name="finepick",
    help="Picks the best of a series of near-identical pictures and says why.",
    epilog="Start with:  finepick pick holiday/ --out report/",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("pick", epilog="Example:  finepick pick holiday/ --out report/ --xmp")(pick.pick)
app.command("rank", epilog="Example:  finepick rank IMG_001.JPG IMG_002.JPG IMG_003.JPG")(pick.rank)
app.command("compare", epilog="Example:  finepick compare a.jpg b.jpg --map difference.png")(compare.compare)
app.command("score", epilog="Example:  finepick score holiday/ --out scores.csv")(score.score)
app.command("evaluate", epilog="Example:  finepick evaluate my-series/ --model measured --floor")(
    evaluate.evaluate
)
app.command(
    "edit", epilog="Example:  finepick edit photo.jpg --edit tilt=0.5 --chain 4 --out chain/ --sheet tilt.png"
)(edit.edit)
app.add_typer(train.app, name="train")
app.add_typer(red.app, name="red")
app.command("refine", epilog="Example:  finepick refine heron/ --from shoot/ --page refined.html")(
    refine.refine
)
app.command("annotate", epilog="Example:  finepick annotate heron/ --from shoot/ --invite Kim")(
    annotate.annotate
)
app.command("import", epilog="Example:  finepick import heron/ votes.csv")(import_.import_)
app.command("calibrate", epilog="Example:  finepick calibrate votes.csv --ranks ranks.csv")(
    calibrate.calibrate
)
app.add_typer(models.app, name="models")
app.command("doctor", epilog="Example:  finepick doctor")(doctor.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"finepick {__version__}")
        raise typer.Exit


@app.callback()
def finepick(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Picks the best of a series of near-identical pictures and says why."""
