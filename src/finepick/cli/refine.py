"""`finepick refine`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from finepick.cli.options import Device, Json, ProjectFolder, ProjectGroup, ProjectSources, Quiet, Workers

if TYPE_CHECKING:
    from finepick.project.store import Project
    from finepick.refinement.thresholds import Thresholds
    from finepick.workflows.checking import CheckRequest
    from finepick.workflows.refine import Refined

_CHECK = "A second look (a key comes from FINEPICK_CHAT_KEY)"


def refine(
    project: ProjectFolder,
    sources: ProjectSources = None,
    group: ProjectGroup = "auto",
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Another threshold; several times. --limits lists them."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME|FILE",
            help="A model that reads sentences (fgaesq): compare pictures of one prompt with it.",
        ),
    ] = None,
    device: Device = "auto",
    limits: Annotated[bool, typer.Option("--limits", help="List the thresholds and leave.")] = False,
    check: Annotated[
        str | None,
        typer.Option(
            "--check",
            metavar="URL",
            help="Then let a model at this OpenAI-compatible server look over what is left; photos are sent to it.",
            rich_help_panel=_CHECK,
        ),
    ] = None,
    check_model: Annotated[
        str | None, typer.Option("--check-model", metavar="NAME", help="Its model.", rich_help_panel=_CHECK)
    ] = None,
    check_most: Annotated[
        int | None,
        typer.Option(
            "--check-most", min=0, help="Questions to ask; all unless told.", rich_help_panel=_CHECK
        ),
    ] = None,
    page: Annotated[
        str | None, typer.Option("--page", metavar="FILE.html", help="Write a picture of what went where.")
    ] = None,
    runs: Annotated[bool, typer.Option("--runs", help="List the runs so far and leave.")] = False,
    undo: Annotated[
        int | None, typer.Option("--undo", metavar="RUN", help="Take back what a run left out, and leave.")
    ] = None,
    workers: Workers = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Mark photos that are not worth asking people about: doubles, strangers, empty shots, defects.

    Nothing is removed, every mark can be taken back, and running again starts from before the last run.
    """
    from finepick.cli.annotate import tell_filled
    from finepick.cli.printing import ProgressBar, say, warn
    from finepick.project.store import Project
    from finepick.refinement.thresholds import Thresholds
    from finepick.scorers.catalog import load_scorer
    from finepick.settings import load_settings
    from finepick.workflows.checking import refine_and_check
    from finepick.workflows.library import Library
    from finepick.workflows.projects import fill_project, open_or_create, own_sources

    thresholds = Thresholds().changed(_changes(changes or []))
    if limits:
        _print_limits(thresholds, json)
        return
    checking = _check_request(check, check_model, check_most)
    scorer = None if model is None or runs or undo is not None else load_scorer(model, device=device)
    with (Project.open if runs or undo is not None else open_or_create)(project) as opened:
        if runs:
            _print_runs(opened, json)
            return
        if undo is not None:
            _undo(opened, undo, json)
            return
        wanted = [*own_sources(opened), *(sources or ())]
        with (
            ProgressBar(quiet=quiet or json) as progress,
            Library(load_settings(workers=workers), progress=progress, warn=warn) as library,
        ):
            if wanted:
                filled = fill_project(opened, wanted, library, group=group, progress=progress)
                if not quiet:
                    tell_filled(filled)
            if scorer is not None and not any(series.prompt for series in opened.series()):
                warn("no series has a prompt, so --model has nothing to compare pictures with")
            refined, checked = refine_and_check(
                opened,
                library,
                thresholds,
                scorer=scorer,
                check=checking,
                page=page,
                tell=lambda line: None if quiet else say(line),
            )
        if checked is not None and checked.unanswered:
            why = f" ({checked.trouble})" if checked.trouble else ""
            warn(f"{checked.unanswered} questions have no answer{why}; run it again to ask them")
        for skipped in refined.skipped:
            warn(f"{skipped.path} ({skipped.stage.value}): {skipped.reason}")
        _print_refined(opened, refined, json)
        if page is not None and not quiet:
            say(f"What went where: {page}")


def _check_request(url: str | None, model: str | None, most: int | None) -> CheckRequest | None:
    from finepick.errors import UsageError

    if url is None:
        if model is not None or most is not None:
            raise UsageError("whom to ask? name the server with --check URL")
        return None
    from finepick.workflows.checking import CheckRequest

    request = CheckRequest(url, model or "", most=most)
    request.endpoint()  # what is wrong with it is told before anything is read
    return request


def _changes(words: list[str]) -> dict[str, float]:
    from finepick.errors import UsageError

    changes = {}
    for word in words:
        name, separator, value = word.partition("=")
        try:
            changes[name.strip().replace("-", "_")] = float(value)
        except ValueError as error:
            raise UsageError(f"--set takes NAME=VALUE, such as same_ssim=0.95, not '{word}'") from error
        if not separator:
            raise UsageError(f"--set takes NAME=VALUE, such as same_ssim=0.95, not '{word}'")
    return changes


def _print_limits(thresholds: Thresholds, json: bool) -> None:
    from finepick.cli.printing import print_json
    from finepick.exports.documents import document, to_json

    values = thresholds.as_dict()
    if json:
        print_json(to_json(document(thresholds=values)))
        return
    for name, value in values.items():
        typer.echo(f"{name:18} {value:g}")


def _print_runs(project: Project, json: bool) -> None:
    import datetime

    from finepick.cli.printing import print_json
    from finepick.exports.documents import document, to_json
    from finepick.project.refinements import refinements

    found = refinements(project)
    if json:
        values = [
            {
                "run": one.id,
                "at": one.at,
                "by": one.by,
                "undone_at": one.undone_at,
                "settings": dict(one.settings),
            }
            for one in found
        ]
        print_json(to_json(document(project=project.folder, runs=values)))
        return
    for one in found:
        when = datetime.datetime.fromtimestamp(one.at).isoformat(" ", "minutes")
        typer.echo(f"{one.id:>4}  {when}  {one.by}{'  (undone)' if one.undone_at is not None else ''}")
    if not found:
        typer.echo("no runs yet")


def _undo(project: Project, run: int, json: bool) -> None:
    from finepick.cli.printing import print_json
    from finepick.exports.documents import document, to_json
    from finepick.project.refinements import undo_refinement

    count = undo_refinement(project, run, by="owner")
    if json:
        print_json(to_json(document(project=project.folder, run=run, taken_back=count)))
    else:
        typer.echo(f"{count} photo{'s take' if count != 1 else ' takes'} part again.")


def _print_refined(project: Project, refined: Refined, json: bool) -> None:
    from finepick.cli.printing import print_json, printable, warn
    from finepick.exports.documents import document, to_json
    from finepick.workflows.refine import left_out

    if json:
        skipped = [{"path": s.path, "stage": s.stage.value, "reason": s.reason} for s in refined.skipped]
        print_json(
            to_json(
                document(
                    project=project.folder,
                    run=refined.run.id,
                    counts=dict(refined.counts),
                    too_short=list(refined.too_short),
                    left_out=left_out(project),
                    skipped=skipped,
                )
            )
        )
        return
    for state, count in refined.counts.items():
        typer.echo(f"{count:>7}  {state.replace('_', ' ')}")
    if refined.too_short:
        names = ", ".join(printable(name) for name in refined.too_short[:5])
        warn(
            f"{len(refined.too_short)} series have fewer than two photos left, so nothing is asked about them: "
            f"{names}{' …' * (len(refined.too_short) > 5)}"
        )
