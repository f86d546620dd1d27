"""`finepick import`."""

from __future__ import annotations

from typing import Annotated

import typer

from finepick.cli.options import Json, ProjectDatabase, ProjectFolder, ProjectGroup, Quiet


def import_(
    project: ProjectFolder,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE…", help="Votes (CSV, JSON, Label Studio), a folder with series.jsonl, photos."
        ),
    ],
    gold: Annotated[
        bool,
        typer.Option("--gold", help="The votes are right answers, to see how far people can be relied on."),
    ] = False,
    group: ProjectGroup = "auto",
    database: ProjectDatabase = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Take in votes and series from elsewhere. The same file twice is the same votes once."""
    from finepick.cli.annotate import added_document, tell_filled
    from finepick.cli.printing import ProgressBar, print_json, warn
    from finepick.datasets.votes import read_votes
    from finepick.exports.documents import document, to_json
    from finepick.settings import load_settings
    from finepick.workflows.library import Library
    from finepick.workflows.projects import add_gold, fill_project, open_or_create

    with (
        open_or_create(project, database=database) as opened,
        ProgressBar(quiet=quiet or json) as progress,
        Library(load_settings(), progress=progress, warn=warn) as library,
    ):
        if gold:
            filled = add_gold(opened, [vote for path in sources for vote in read_votes(path)])
        else:
            filled = fill_project(opened, sources, library, group=group, progress=progress)
    if json:
        print_json(to_json(document(project=project, **added_document(filled))))
    else:
        tell_filled(filled)
