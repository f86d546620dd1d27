"""`finepick score`."""

from __future__ import annotations

from typing import Annotated

import typer

from finepick.cli.judge import Judge
from finepick.cli.options import Device, Fresh, Json, Model, Pairing, Paths, Quiet, Workers


def score(
    paths: Paths,
    model: Model = "",
    device: Device = "auto",
    pairing: Pairing = "series",
    out: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="Write the scores as .csv, .json or .parquet.")
    ] = None,
    fresh: Fresh = False,
    workers: Workers = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Score each photo by itself, from 1 to 10, comparable across series."""
    from finepick.cli.printing import ProgressBar, print_json, warn
    from finepick.exports.documents import score_document, to_json
    from finepick.exports.tables import check_scores_path, write_scores
    from finepick.settings import load_settings
    from finepick.workflows.library import Library
    from finepick.workflows.score import score_photos

    if out is not None:
        check_scores_path(out)
    scorer = Judge(model, device, pairing).load()
    with (
        ProgressBar(quiet=quiet or json) as progress,
        Library(load_settings(workers=workers), fresh=fresh, progress=progress, warn=warn) as library,
    ):
        result = score_photos(library, paths, scorer)
    if all(photo.coarse is None for photo in result.photos):
        warn(f"the model '{scorer.info.name}' has no coarse score; all are empty")
    if out is not None:
        write_scores(result, out)
    if json:
        print_json(to_json(score_document(result)))
        return
    from finepick.cli.tables import print_scores

    print_scores(result, [] if out is None else [f"Scores: {out}"])
