"""`finepick red`: what edits do to photos, as a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from finepick.cli.options import Json, Quiet, Workers

if TYPE_CHECKING:
    from finepick.settings import Settings
    from finepick.workflows.red.building import Built

app = typer.Typer(
    help="Build a data set of what edits do to photos: judged in both orders, described, checked.",
    epilog="Example:  finepick red build garden/ --from photos/",
    no_args_is_help=True,
)

_JUDGES = "Judges (a key comes from FINEPICK_CHAT_KEY)"
_COSTS = "Costs"

Folder = Annotated[
    str, typer.Argument(metavar="PROJECT", help="The data set's folder; made where there is none.")
]


@app.command("build", epilog="Example:  finepick red build garden/ --from photos/ --judge measured")
def build(
    project: Folder,
    sources: Annotated[
        list[str] | None,
        typer.Option("--from", metavar="PATH", help="Photos, or folders of photos; several times."),
    ] = None,
    families: Annotated[
        str | None,
        typer.Option("--families", metavar="NAMES", help="Families or edits, with commas; all unless told."),
    ] = None,
    edits: Annotated[int | None, typer.Option("--edits", min=0, help="Edits a photo; 4 unless told.")] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, max=8, help="Strengths of each; 2 unless told.")
    ] = None,
    editors: Annotated[
        list[str] | None,
        typer.Option(
            "--editor",
            metavar="KIND=FOLDER",
            help="A generative editor, too: instruct-pix2pix, qwen-image-edit or flux-kontext; several times.",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="What is left to chance.")] = None,
    split: Annotated[
        str | None,
        typer.Option("--split", metavar="train|val|test", help="The split of photos that have none."),
    ] = None,
    long_side: Annotated[
        int | None,
        typer.Option(
            "--long-side", metavar="PX", min=128, max=4096, help="Of the pictures; 768 unless told."
        ),
    ] = None,
    quality: Annotated[
        int | None, typer.Option("--quality", min=50, max=100, help="Of their JPEGs; 95 unless told.")
    ] = None,
    judges: Annotated[
        list[str] | None,
        typer.Option(
            "--judge",
            metavar="NAME",
            help="A model of Finepick, MODEL@URL (an OpenAI-compatible server; pictures are sent to it), "
            "local:FOLDER (transformers), or people; several times; 'builtin' unless told.",
            rich_help_panel=_JUDGES,
        ),
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option(
            "--repeats",
            min=1,
            max=50,
            help="How often MODELs are asked the same; 3.",
            rich_help_panel=_JUDGES,
        ),
    ] = None,
    writer: Annotated[
        str | None,
        typer.Option(
            "--writer",
            metavar="template|MODEL@URL",
            help="Who writes the chains of thought; the first MODEL@URL that judges, else the template.",
            rich_help_panel=_JUDGES,
        ),
    ] = None,
    least_agreement: Annotated[
        float | None,
        typer.Option("--least-agreement", help="Of all answers; .8 unless told.", rich_help_panel=_JUDGES),
    ] = None,
    dead_zone: Annotated[
        float | None,
        typer.Option("--dead-zone", help="The least |difference|; .1 unless told.", rich_help_panel=_JUDGES),
    ] = None,
    at_once: Annotated[
        int | None,
        typer.Option("--at-once", min=1, max=512, help="Requests under way; 8.", rich_help_panel=_COSTS),
    ] = None,
    per_minute: Annotated[
        float | None,
        typer.Option("--per-minute", min=0.1, help="Requests a minute at most.", rich_help_panel=_COSTS),
    ] = None,
    tries: Annotated[
        int | None, typer.Option("--tries", min=1, help="For each request; 6.", rich_help_panel=_COSTS)
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", min=0.1, help="Seconds for one answer; 120.", rich_help_panel=_COSTS),
    ] = None,
    price_in: Annotated[
        float | None,
        typer.Option("--price-in", min=0, help="For a million tokens that are sent.", rich_help_panel=_COSTS),
    ] = None,
    price_out: Annotated[
        float | None,
        typer.Option("--price-out", min=0, help="For a million that are answered.", rich_help_panel=_COSTS),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            "--budget", min=0, help="Most money for this project, all runs.", rich_help_panel=_COSTS
        ),
    ] = None,
    most: Annotated[
        int | None,
        typer.Option("--most", min=0, help="Most requests of this run.", rich_help_panel=_COSTS),
    ] = None,
    estimate: Annotated[
        bool,
        typer.Option(
            "--estimate",
            help="Make the edits, say what judging would cost, and leave.",
            rich_help_panel=_COSTS,
        ),
    ] = False,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="STAGE", help="Stop after sources, edits, judges or thoughts."),
    ] = None,
    workers: Workers = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Sources, edits, judges, thoughts: four stages, each of which goes on where it was stopped, by whatever.

    What is not told is as in the run before. Originals are only read; what is rejected is kept, with its reason.
    """
    from finepick.cli.printing import ProgressBar, print_json, say, warn
    from finepick.exports.documents import to_json
    from finepick.red.store import RedProject
    from finepick.settings import load_settings
    from finepick.workflows.library import Library
    from finepick.workflows.red.building import build as build_project
    from finepick.workflows.red.building import built_document, request_of
    from finepick.workflows.red.request import RedRequest

    told: dict[str, Any] = {
        "words": None if families is None else _words(families),
        "edits": edits,
        "steps": steps,
        "editors": None if editors is None else tuple(editors),
        "seed": seed,
        "split": split,
        "long_side": long_side,
        "quality": quality,
        "judges": None if judges is None else tuple(judges),
        "repeats": repeats,
        "writer": writer,
        "least_agreement": least_agreement,
        "dead_zone": dead_zone,
        "at_once": at_once,
        "per_minute": per_minute,
        "tries": tries,
        "timeout_seconds": timeout,
        "price_in": price_in,
        "price_out": price_out,
        "budget": budget,
        "most": most,
        "until": until,
    }
    changes = {name: value for name, value in told.items() if value is not None}
    RedRequest.of(None, changes)  # what is wrong with it is told before a folder is made
    with RedProject.create(project) as opened:
        request = request_of(opened, changes)
        settings = _patient(load_settings(workers=workers), request.long_side)
        with (
            ProgressBar(quiet=quiet or json) as progress,
            Library(settings, progress=progress, warn=warn) as library,
        ):
            built = build_project(
                opened,
                library,
                request,
                sources or (),
                tell=lambda line: None if quiet else say(f"finepick: {line}"),
                only_estimate=estimate,
            )
    if built.troubles:
        warn(
            f"{len(built.troubles):,} questions have no answer this time ({built.troubles[-1]}); "
            "run it again to ask them"
        )
    if built.is_exhausted:
        warn("the budget is used up; what is left stays open, raise it to go on")
    if json:
        print_json(to_json(built_document(built)))
    else:
        _print(built)


@app.command("report", epilog="Example:  finepick red report garden/ --out garden.html")
def report(
    project: Folder,
    out: Annotated[
        str, typer.Option("--out", metavar="FILE.html", help="Where to; PROJECT/report.html unless told.")
    ] = "",
    count: Annotated[int, typer.Option("--count", min=1, max=500, help="Pairs to show.")] = 50,
    workers: Workers = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a page to check the data set by eye: pictures, where they differ, verdicts, words, labels."""
    import os

    from finepick.cli.printing import ProgressBar, print_json, printable, warn
    from finepick.errors import UsageError
    from finepick.exports.documents import document, to_json
    from finepick.red.store import RedProject
    from finepick.settings import load_settings
    from finepick.workflows.library import Library
    from finepick.workflows.red.building import built_items
    from finepick.workflows.red.reporting import write_report

    path = out or os.path.join(project, "report.html")
    if not path.lower().endswith((".html", ".htm")):
        raise UsageError(f"--out takes a file that ends in .html, not '{out}'")
    with (
        RedProject.open(project) as opened,
        ProgressBar(quiet=quiet or json) as progress,
        Library(load_settings(workers=workers), progress=progress, warn=warn) as library,
    ):
        kept, rejected = write_report(opened, library, built_items(opened, library), path, count=count)
    if json:
        print_json(to_json(document(report=path, kept=kept, rejected=rejected)))
    else:
        typer.echo(printable(f"Report: {path} ({kept} kept and {rejected} rejected pairs)"))


def _patient(settings: Settings, long_side: int) -> Settings:
    """*settings* with time for the edits that a reader is asked for at once."""
    from dataclasses import replace

    from finepick.workflows.edit import seconds_to_edit

    more = seconds_to_edit(5, long_side)
    return replace(settings, seconds_per_photo=settings.seconds_per_photo + more)


def _print(built: Built) -> None:
    from finepick.cli.printing import printable

    counts = built.counts
    lines = [
        (counts["sources used"], f"of {counts['sources']:,} photos are sources"),
        (counts["edits made"], f"of {counts['edits']:,} edits are made"),
        (counts["labelled"], "have a label"),
        (counts["kept"], "are kept, with words"),
    ]
    for count, words in lines:
        typer.echo(f"{count:>8,}  {words}")
    for why, count in built.rejects.items():
        typer.echo(f"{count:>8,}  rejected: {why.value}")
    if counts["open"]:
        typer.echo(f"{counts['open']:>8,}  still open")
    if built.left_out:
        typer.echo(f"{built.left_out:>8,}  photos of other splits left out")
    if built.waiting:
        typer.echo(
            printable(f"{built.waiting:>8,}  pairs for people: finepick annotate {built.folder}/people")
        )
    if built.left is not None:
        typer.echo(printable(f"Data set: {built.left.folder}"))


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
