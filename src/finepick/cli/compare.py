"""`finepick compare`."""

from __future__ import annotations

from typing import Annotated

import typer

from finepick.cli.judge import Judge
from finepick.cli.options import Device, Fresh, Json, Model, Pairing, Quiet


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A photo.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    model: Model = "",
    device: Device = "auto",
    pairing: Pairing = "series",
    map_file: Annotated[
        str | None, typer.Option("--map", metavar="FILE.png", help="Draw where the two differ.")
    ] = None,
    fresh: Fresh = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say which of two photos is better, how sure that is, and why."""
    from finepick.cli.printing import ProgressBar, print_json, warn
    from finepick.exports.documents import compare_document, to_json
    from finepick.settings import load_settings
    from finepick.workflows.compare import check_map_file, compare_photos, write_map
    from finepick.workflows.library import Library

    if map_file is not None:
        check_map_file(map_file, (a, b))
    scorer = Judge(model, device, pairing).load()
    with (
        ProgressBar(quiet=quiet or json) as progress,
        Library(load_settings(), fresh=fresh, progress=progress, warn=warn) as library,
    ):
        comparison = compare_photos(library, a, b, scorer)
        if map_file is not None:
            write_map(library, comparison, scorer, map_file)
    if json:
        print_json(to_json(compare_document(comparison.verdict)))
        return
    from finepick.cli.tables import print_verdict

    print_verdict(comparison.verdict, [] if map_file is None else [f"Where they differ: {map_file}"])
