"""`finepick evaluate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from finepick.cli.options import Device, Fresh, Json, Pairing, Quiet, Workers

if TYPE_CHECKING:
    from finepick.evaluation.results import Evaluation

Models = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="NAME|FILE", help="Whom to measure; give it again for another column."),
]
PredictionFiles = Annotated[
    list[str] | None,
    typer.Option("--predictions", metavar="FILE", help="Measure a CSV with file,score or series,a,b,p."),
]
FORMATS = ("text", "json", "markdown", "latex")


def evaluate(
    dataset: Annotated[
        str, typer.Argument(metavar="DATASET", help="A folder with a manifest, or a known name with --root.")
    ],
    root: Annotated[
        str | None, typer.Option("--root", metavar="DIR", help="Where a known data set lies.")
    ] = None,
    split: Annotated[
        str, typer.Option("--split", metavar="NAMES", help="train, val or test; several with commas.")
    ] = "test",
    model: Models = None,
    predictions: PredictionFiles = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="NAME|FILE",
            help="Is the first really better than this model, or this CSV of predictions?",
        ),
    ] = None,
    floor: Annotated[
        bool, typer.Option("--floor", help="Print every single measurement beside the model.")
    ] = False,
    min_gap: Annotated[
        float,
        typer.Option("--min-gap", metavar="G", help="Pairs whose means differ by more than this count."),
    ] = 0.0,
    out: Annotated[
        str | None, typer.Option("--out", metavar="FILE.csv", help="Write the pairs with both verdicts.")
    ] = None,
    format_name: Annotated[
        str, typer.Option("--format", metavar="text|json|markdown|latex", help="How to print the tables.")
    ] = "text",
    published: Annotated[
        bool, typer.Option("--published", help="Print the table of the FGAesQ paper, too.")
    ] = False,
    skip_unreadable: Annotated[
        bool,
        typer.Option("--skip-unreadable", help="Leave out photos that cannot be read, and say how many."),
    ] = False,
    device: Device = "auto",
    pairing: Pairing = "series",
    resamples: Annotated[
        int, typer.Option("--resamples", metavar="N", min=1, help="How many resamples intervals are made of.")
    ] = 2000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Which resamples.")] = 0,
    fresh: Fresh = False,
    workers: Workers = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure models, or predictions, on pictures that people judged, with intervals.

    What was judged is remembered: a run that was stopped goes on where it was.
    """
    from finepick.cli.printing import ProgressBar, warn
    from finepick.datasets.catalog import load_dataset
    from finepick.errors import UsageError
    from finepick.evaluation.bootstrap import Bootstrap
    from finepick.settings import load_settings
    from finepick.workflows.evaluate import (
        EvaluateOptions,
        check_verdicts_path,
        choose_contestants,
        evaluate_dataset,
        split_names,
        write_verdicts,
    )
    from finepick.workflows.library import Library

    if format_name not in FORMATS:
        raise UsageError(f"unknown format '{format_name}'; use one of {', '.join(FORMATS)}")
    options = EvaluateOptions(split_names(split), min_gap, skip_unreadable, Bootstrap(resamples, seed))
    if out is not None:
        check_verdicts_path(out)
    contestants = choose_contestants(
        model or [],
        predictions or [],
        against=against,
        floor=floor,
        device=device,
        pairing=pairing,
    )
    labelled = load_dataset(dataset, root)
    with (
        ProgressBar(quiet=quiet or json) as progress,
        Library(load_settings(workers=workers), fresh=fresh, progress=progress, warn=warn) as library,
    ):
        evaluation = evaluate_dataset(library, labelled, contestants, options)
    if out is not None:
        write_verdicts(evaluation, out)
    _print(evaluation, "json" if json else format_name, published, out)


def _print(evaluation: Evaluation, format_name: str, published: bool, out: str | None) -> None:
    from finepick.cli.printing import console, print_json, printable
    from finepick.evaluation import tables
    from finepick.exports.documents import to_json

    if format_name == "json":
        print_json(to_json(tables.evaluation_document(evaluation, with_published=published)))
        return
    from rich.text import Text

    grids = tables.grids_of(evaluation, with_published=published, is_wide=format_name != "text")
    notes = tables.notes_of(evaluation)
    if format_name != "text":
        render = tables.to_markdown if format_name == "markdown" else tables.to_latex
        typer.echo(render(grids, notes), nl=False)
        return
    terminal = console()
    for grid in grids:
        terminal.print(Text(printable(grid.title), "bold"), soft_wrap=True)
        terminal.print(tables.rich_table(grid, printable))
        terminal.print()
    for line in [*notes, *([] if out is None else [f"Pairs with both verdicts: {out}"])]:
        terminal.print(Text(printable(line)))
