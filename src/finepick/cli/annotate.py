"""`finepick annotate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from finepick.cli.options import Json, ProjectDatabase, ProjectFolder, ProjectGroup, ProjectSources, Quiet

if TYPE_CHECKING:
    from finepick.workflows.projects import Filled


def annotate(
    project: ProjectFolder,
    sources: ProjectSources = None,
    group: ProjectGroup = "auto",
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy", metavar="information|best|swiss|random", help="What decides on the next pair."
        ),
    ] = None,
    votes: Annotated[
        int | None, typer.Option("--votes", min=1, help="How many people a pair is for.")
    ] = None,
    invite: Annotated[
        list[str] | None,
        typer.Option("--invite", metavar="NAME", help="Print a link for somebody; several times."),
    ] = None,
    database: ProjectDatabase = None,
    host: Annotated[
        str,
        typer.Option(
            "--host", help="Address to listen on; any but this machine's own needs FINEPICK_PASSWORD."
        ),
    ] = "127.0.0.1",
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="8017 unless told.")] = None,
    name: Annotated[
        list[str] | None,
        typer.Option("--host-name", metavar="NAME", help="A name under which others reach this machine."),
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
    serve: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Only make or fill the project, and print links.")
    ] = True,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Let people say which photo of a pair is better, in a browser, by keyboard or finger."""
    import os
    from contextlib import suppress

    from finepick.cli.printing import ProgressBar, printable, say, warn
    from finepick.settings import load_settings
    from finepick.workflows.library import Library
    from finepick.workflows.projects import Filled, change_plan, fill_project, open_or_create, own_sources

    if serve:
        _require_web()
        from finepick.web.app import Binding
        from finepick.web.app import serve as run

        binding = Binding(host, port, os.environ.get("FINEPICK_PASSWORD") or None, tuple(name or ()))
        binding.check()
    settings = load_settings()
    with open_or_create(project, database=database) as opened:
        filled = Filled()
        wanted = [*own_sources(opened), *(sources or ())]
        if wanted:
            with (
                ProgressBar(quiet=quiet or json) as progress,
                Library(settings, progress=progress, warn=warn) as library,
            ):
                filled = fill_project(opened, wanted, library, group=group, progress=progress)
        changes = {"policy": policy, "votes": votes}
        change_plan(opened, {key: value for key, value in changes.items() if value is not None})
        links = {name: opened.invite(name)[1] for name in invite or ()}
        if not quiet and wanted:
            tell_filled(filled)
        if not serve:
            _print_made(opened.folder, filled, links, json)
            return

        def tell(address: str, token: str) -> None:
            if json:
                _print_made(opened.folder, filled, links, True, address=address, token=token)
                return
            typer.echo(f"Answer pairs:  {address}/#{token}")
            typer.echo(f"The project:   {address}/project#{token}")
            for person, secret in links.items():
                typer.echo(f"{printable(person)}:  {address}/#{secret}")
            say("Ctrl-C ends it; every answer is kept.")
            if browser:
                import webbrowser

                webbrowser.open(f"{address}/#{token}")

        with suppress(KeyboardInterrupt):  # that is how a server is ended
            run(opened, settings, binding, tell=tell)


def tell_filled(filled: Filled) -> None:
    """What came in, and what was odd, on standard error."""
    from finepick.cli.printing import printable, say, warn

    counts = {
        "series": filled.series,
        "photos": filled.photos,
        "votes": filled.votes,
        "gold pairs": filled.gold,
    }
    new = ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "nothing new"
    known = f" {filled.known_votes} votes were there already." if filled.known_votes else ""
    say(f"Added: {new}.{known}")
    for names, what in (
        (filled.moved, "have moved; they keep their answers"),
        (filled.changed, "have changed; not replaced"),
        (filled.twice, "have the same bytes as another of their series; each is there once"),
    ):
        if names:
            warn(f"{len(names)} photos {what}: {', '.join(names[:5])}{' …' * (len(names) > 5)}")
    for skipped in filled.skipped:
        warn(f"{printable(skipped.path)} ({skipped.stage.value}): {skipped.reason}")


def added_document(filled: Filled) -> dict[str, Any]:
    """What came in, for `--json`."""
    counts = {name: getattr(filled, name) for name in ("series", "photos", "votes", "known_votes", "gold")}
    skipped = [{"path": s.path, "stage": s.stage.value, "reason": s.reason} for s in filled.skipped]
    return {
        "added": counts,
        "moved": list(filled.moved),
        "changed": list(filled.changed),
        "twice": list(filled.twice),
        "skipped": skipped,
    }


def _require_web() -> None:
    from importlib.util import find_spec

    from finepick.errors import MissingExtraError

    if find_spec("fastapi") is None or find_spec("uvicorn") is None:
        raise MissingExtraError("The annotation page", extra="web")


def _print_made(folder: str, filled: Filled, links: dict[str, str], json: bool, **more: str) -> None:
    from finepick.cli.printing import print_json, printable
    from finepick.exports.documents import document, to_json

    if json:
        whole = to_json(document(project=folder, **added_document(filled), links=links, **more))
        # on one line: whoever starts a server reads a line and goes on
        print_json(" ".join(line.strip() for line in whole.splitlines()))
        return
    for person, token in links.items():
        typer.echo(f"{printable(person)}:  /#{token}")
