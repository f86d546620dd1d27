"""`finepick pick` and `finepick rank`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from finepick.cli.judge import Judge
from finepick.cli.options import Device, Fresh, Json, Model, Pairing, Paths, Quiet, Workers
from finepick.cli.readers import readers_for

if TYPE_CHECKING:
    from finepick.batch.pool import ReaderPool
    from finepick.domain import PickResult
    from finepick.workflows.leave import Leaving
    from finepick.workflows.pick import PickOptions

Out = Annotated[
    str | None,
    typer.Option("--out", metavar="DIR", help="Write report.html, picks.csv and picks.json there."),
]
ManifestFolder = Annotated[
    str | None, typer.Option("--manifest", metavar="DIR", help="Write the series as a data set there.")
]
CopyKeeps = Annotated[
    str | None, typer.Option("--copy-keeps", metavar="DIR", help="Copy the keeps there, verified.")
]
Xmp = Annotated[bool, typer.Option("--xmp", help="Mark the keeps in XMP sidecars.")]
XmpRejects = Annotated[
    bool, typer.Option("--xmp-rejects", help="With --xmp: mark the rest as rejected, too.")
]
XmpRatings = Annotated[
    str | None,
    typer.Option("--xmp-ratings", metavar="MAP", help="With --xmp: stars, such as 'best=5,keep=4,rest=2'."),
]
XmpOverwrite = Annotated[
    bool, typer.Option("--xmp-overwrite", help="With --xmp: change a human's rating, label or pick, too.")
]
PerSeries = Annotated[
    int, typer.Option("--keep-per-series", metavar="N", min=0, help="How many to keep of every series.")
]
Coarse = Annotated[
    bool, typer.Option("--coarse", help="Ask for coarse scores where they cost a second pass.")
]
Thumbnails = Annotated[
    str, typer.Option("--thumbnails", metavar="auto|always|never", help="Small pictures in the terminal.")
]


def pick(
    paths: Paths,
    model: Model = "",
    device: Device = "auto",
    pairing: Pairing = "series",
    group: Annotated[
        str,
        typer.Option(
            "--group",
            metavar="auto|folder|one|single",
            help="Find series by time, content and prompt (auto), one a folder, all as one, or none.",
        ),
    ] = "auto",
    keep_per_series: PerSeries = 1,
    keep: Annotated[
        int | None,
        typer.Option(
            "--keep",
            metavar="N",
            min=0,
            help="How many to keep of the whole shoot, as different as possible.",
        ),
    ] = None,
    out: Out = None,
    manifest: ManifestFolder = None,
    copy_keeps: CopyKeeps = None,
    xmp: Xmp = False,
    xmp_rejects: XmpRejects = False,
    xmp_ratings: XmpRatings = None,
    xmp_overwrite: XmpOverwrite = False,
    coarse: Coarse = False,
    fresh: Fresh = False,
    workers: Workers = None,
    thumbnails: Thumbnails = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find the series in your photos, rank each, and say why the best is the best.

    Originals are never written, moved or deleted.
    """
    with readers_for(paths, fresh=fresh, workers=workers) as readers:
        from finepick.workflows.leave import Leaving
        from finepick.workflows.pick import PickOptions

        leaving = Leaving(
            out=out,
            manifest=manifest,
            copy_keeps=copy_keeps,
            xmp=xmp,
            xmp_rejects=xmp_rejects,
            xmp_ratings=xmp_ratings,
            xmp_overwrite=xmp_overwrite,
        )
        options = PickOptions(group=group, keep_per_series=keep_per_series, keep=keep, coarse=coarse)
        judge = Judge(model, device, pairing)
        _pick(paths, judge, options, leaving, fresh, workers, thumbnails, json, quiet, readers)


def rank(
    photos: Annotated[list[str], typer.Argument(metavar="PHOTO…", help="The photos of one series.")],
    model: Model = "",
    device: Device = "auto",
    pairing: Pairing = "series",
    keep_per_series: PerSeries = 1,
    out: Out = None,
    manifest: ManifestFolder = None,
    copy_keeps: CopyKeeps = None,
    xmp: Xmp = False,
    xmp_rejects: XmpRejects = False,
    xmp_ratings: XmpRatings = None,
    xmp_overwrite: XmpOverwrite = False,
    coarse: Coarse = False,
    fresh: Fresh = False,
    workers: Workers = None,
    thumbnails: Thumbnails = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Rank the given photos as one series."""
    pick(
        photos, model, device, pairing, "one", keep_per_series, None,
        out, manifest, copy_keeps, xmp, xmp_rejects, xmp_ratings, xmp_overwrite,
        coarse, fresh, workers, thumbnails, json, quiet,
    )  # fmt: skip


def _pick(
    paths: list[str],
    judge: Judge,
    options: PickOptions,
    leaving: Leaving,
    fresh: bool,
    workers: int | None,
    thumbnails: str,
    json: bool,
    quiet: bool,
    readers: ReaderPool,
) -> None:
    from finepick.cli.printing import ProgressBar, print_json, warn
    from finepick.errors import UsageError
    from finepick.exports.documents import pick_document, to_json
    from finepick.settings import load_settings
    from finepick.workflows.leave import leave
    from finepick.workflows.library import Library
    from finepick.workflows.pick import pick_photos

    if thumbnails not in ("auto", "always", "never"):
        raise UsageError("--thumbnails takes auto, always or never")
    leaving.check()
    scorer = judge.load()
    settings = load_settings(workers=workers)
    with (
        ProgressBar(quiet=quiet or json) as progress,
        Library(
            settings,
            fresh=fresh,
            keep_previews=leaving.out is not None,
            progress=progress,
            warn=warn,
            readers=readers,
        ) as library,
    ):
        result = pick_photos(library, paths, scorer=scorer, options=options, leave_out=leaving.folders)
        left = leave(library, result, scorer, leaving, title=_title(paths))
        if not json:
            pictures = _pictures(library, result, thumbnails)
    if json:
        print_json(to_json(pick_document(result)))
    else:
        from finepick.cli.tables import print_pick

        print_pick(result, pictures, left)


def _title(paths: list[str]) -> str:
    """What the report is about: the folder's name, where one folder was given."""
    import os

    from finepick.cli.printing import printable

    if len(paths) == 1 and os.path.isdir(paths[0]):
        return printable(os.path.basename(os.path.realpath(paths[0])))
    return f"{len(paths)} paths" if len(paths) > 1 else printable(os.path.basename(paths[0]))


def _pictures(library: object, result: PickResult, wish: str) -> dict[str, bytes]:
    """Thumbnails of the best photos, where the terminal can show them."""
    from finepick.cli.printing import shows_pictures
    from finepick.workflows.library import Library

    assert isinstance(library, Library)
    if wish == "never" or (wish == "auto" and not shows_pictures()):
        return {}
    best = [ranking.best or ranking.photos[0] for ranking in result if len(ranking) > 1]
    return {photo.path: jpeg for photo in best if (jpeg := library.thumbnail(photo))}
