"""`finepick calibrate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from finepick.cli.options import Json, Quiet

if TYPE_CHECKING:
    from finepick.workflows.calibration import Exported


def calibrate(
    source: Annotated[
        str,
        typer.Argument(metavar="PROJECT|VOTES", help="A project's folder, or a file of votes (CSV, JSON)."),
    ],
    ranks: Annotated[
        str | None, typer.Option("--ranks", metavar="FILE.csv", help="Write the ranks, a photo a row.")
    ] = None,
    plot: Annotated[
        str | None, typer.Option("--plot", metavar="FILE.svg", help="Draw the fit: pairs, answers, people.")
    ] = None,
    export: Annotated[
        str | None,
        typer.Option("--export", metavar="manifest|parquet|fgaesthetics", help="Write a data set to --out."),
    ] = None,
    out: Annotated[str | None, typer.Option("--out", metavar="DIR", help="Where the data set goes.")] = None,
    category: Annotated[
        str,
        typer.Option(
            "--category", metavar="NAME", help="The category of all series: natural, aigc, cropping."
        ),
    ] = "",
    split: Annotated[
        bool, typer.Option("--split", help="Deal out series without a split: 8 : 1 : 1, never cutting one.")
    ] = False,
    photos: Annotated[bool, typer.Option("--photos/--no-photos", help="Copy the photos, too.")] = True,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Turn answers into ranks and probabilities, and say how far they and the people can be relied on."""
    from finepick.cli.printing import print_json, say
    from finepick.datasets.files import write_file
    from finepick.errors import UsageError
    from finepick.exports.documents import to_json
    from finepick.workflows.calibration import (
        calibrate_path,
        calibration_document,
        export_labels,
        plot_of,
        rank_lines,
    )

    if (export is None) != (out is None):
        raise UsageError("--export says in which layout, --out where to; give both or neither")
    result = calibrate_path(source)
    if ranks is not None:
        write_file(ranks, rank_lines(result), overwrite=True)
    if plot is not None:
        write_file(plot, [plot_of(result)], overwrite=True)
    exported = None
    if export is not None and out is not None:
        exported = export_labels(result, out, export, category=category, split=split, with_photos=photos)
    document = calibration_document(result)
    if json:
        files = [] if exported is None else list(exported.files)
        print_json(to_json({**document, "files": files}))
        return
    _print(document, exported)
    if ranks is not None and not quiet:
        say(f"Ranks: {ranks}")


def _print(document: dict[str, Any], exported: Exported | None) -> None:
    from rich.table import Table
    from rich.text import Text

    from finepick.cli.printing import console, printable

    terminal = console()
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("series", "rank", "photo", "score", "±"):
        table.add_column(
            heading, overflow="fold", justify="left" if heading in ("series", "photo") else "right"
        )
    for series in document["series"]:
        for number, photo in enumerate(series["photos"]):
            name = printable(series["series"]) if number == 0 else ""
            rank = str(photo["rank"]) if series["is_connected"] else "–"
            score, error = f"{round(photo['score'], 2) + 0.0:+.2f}", f"{photo['error']:.2f}"
            table.add_row(Text(name), rank, Text(printable(photo["name"])), score, error)
    terminal.print(table)
    terminal.print()
    people = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("person", "answers", "sensitivity", "steady", "gold", "looks like"):
        people.add_column(heading, justify="left" if heading in ("person", "looks like") else "right")
    for one in document["annotators"]:
        low, high = one["sensitivity_interval"]
        people.add_row(
            Text(printable(one["name"])),
            str(one["answers"]),
            f"{one['sensitivity']:.2f} ({low:.2f} … {high:.2f})",
            _percent(one["repeats"]),
            _percent(one["gold"]),
            one["verdict"],
        )
    terminal.print(people)
    terminal.print()
    for line in _sentences(document, exported):
        terminal.print(Text(printable(line)), soft_wrap=True)


def _sentences(document: dict[str, Any], exported: Exported | None) -> list[str]:
    alpha = document["agreement"]["alpha"]
    dropped = document["dropped"]
    reasons = ", ".join(f"{count} {why}" for why, count in dropped.items()) or "none dropped"
    lines = [
        f"{document['answers']} answers; two people agree on a pair {_percent(document['agreement'])}"
        + ("." if alpha is None else f", α {alpha:.2f}."),
        f"{document['labelled']} of {document['pairs']} pairs are told apart ({reasons}).",
    ]
    loose = [one["series"] for one in document["series"] if not one["is_connected"]]
    if loose:
        lines.append(
            f"{len(loose)} series are not connected by answers, so they have no ranks: "
            f"{', '.join(loose[:5])}{' …' * (len(loose) > 5)}. Ask pairs that join them."
        )
    if document["bad_pairs"]:
        lines.append(f"{document['bad_pairs']} pairs could not be compared; have a look at their photos.")
    if exported is not None:
        lines.append(
            f"Written: {exported.series} series with {exported.pairs} pairs"
            + (f", {exported.left_out} series left out without a label" if exported.left_out else "")
            + f": {', '.join(exported.files)}"
        )
    return lines


def _percent(share: dict[str, Any]) -> str:
    return "–" if share["value"] is None else f"{100 * share['value']:.0f} %"
