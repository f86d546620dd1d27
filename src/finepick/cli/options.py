"""Options that several verbs share, worded once."""

from __future__ import annotations

from typing import Annotated

import typer

Paths = Annotated[list[str], typer.Argument(metavar="PATH…", help="Photos, or folders of photos.")]
Model = Annotated[
    str, typer.Option("--model", metavar="NAME|FILE", help="Who judges; see 'finepick models list'.")
]
Device = Annotated[
    str,
    typer.Option("--device", metavar="auto|cpu|cuda|mps", help="What runs a model that has a choice."),
]
Pairing = Annotated[
    str,
    typer.Option(
        "--pairing",
        metavar="series|published",
        help="fgaesq: a series at once, or every pair as its authors do (slow, to repeat their tables).",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Do not use what is remembered; read and judge again.")]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Reading processes; one per core unless told.")
]
ProjectFolder = Annotated[
    str, typer.Argument(metavar="PROJECT", help="A project's folder; made where there is none.")
]
ProjectSources = Annotated[
    list[str] | None,
    typer.Option(
        "--from", metavar="PATH", help="Add photos, a folder with series.jsonl, or votes; several times."
    ),
]
ProjectGroup = Annotated[
    str, typer.Option("--group", metavar="auto|folder|one", help="How photos are put into series.")
]
ProjectDatabase = Annotated[
    str | None, typer.Option("--database", metavar="URL", help="Keep a new project on a PostgreSQL server.")
]
