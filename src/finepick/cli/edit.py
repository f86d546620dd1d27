"""`finepick edit`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finepick.cli.options import Json, Quiet, Workers

if TYPE_CHECKING:
    from finepick.domain import Skipped
    from finepick.edits.recipes import Step
    from finepick.exports.documents import Document
    from finepick.workflows.edit import EditRequest, RecipeFile
    from finepick.workflows.edit_pairs import PairsRequest
    from finepick.workflows.library import Library

_PAIRS = "Pairs by construction"


def edit(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="PATH…", help="Photos, or folders of photos.")
    ] = None,
    edits: Annotated[
        list[str] | None,
        typer.Option(
            "--edit", metavar="NAME[=STRENGTH]", help="An edit, strength 0 to 1; several one after the other."
        ),
    ] = None,
    list_edits: Annotated[
        bool, typer.Option("--list", help="Print the catalogue of edits and leave.")
    ] = False,
    recipe: Annotated[
        str | None,
        typer.Option("--recipe", metavar="FILE.json", help="Follow a recipe, as it lies beside a picture."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="What is left to chance.")] = 0,
    out: Annotated[
        str | None, typer.Option("--out", metavar="FILE|DIR", help="Where to: a .png or .jpg, or a folder.")
    ] = None,
    chain: Annotated[
        int | None,
        typer.Option("--chain", metavar="N", min=1, max=64, help="N pictures, weaker to stronger."),
    ] = None,
    sheet: Annotated[
        str | None, typer.Option("--sheet", metavar="FILE.png", help="Draw before and after side by side.")
    ] = None,
    quality: Annotated[
        int | None, typer.Option("--quality", min=1, max=100, help="Write JPEGs of this quality, not PNGs.")
    ] = None,
    long_side: Annotated[
        int | None,
        typer.Option(
            "--long-side", metavar="PX", min=16, max=20000, help="At most; 2048 unless told, 1024 for pairs."
        ),
    ] = None,
    pairs: Annotated[
        str | None,
        typer.Option(
            "--pairs", metavar="DIR", help="Write a manifest of pairs instead.", rich_help_panel=_PAIRS
        ),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            "--count", min=1, help="At least so many pairs; else one series a photo.", rich_help_panel=_PAIRS
        ),
    ] = None,
    families: Annotated[
        str,
        typer.Option(
            "--families", metavar="NAMES", help="Families or edits, with commas.", rich_help_panel=_PAIRS
        ),
    ] = "",
    steps: Annotated[
        int,
        typer.Option("--steps", min=1, max=8, help="Strengths a series, at most.", rich_help_panel=_PAIRS),
    ] = 3,
    split: Annotated[
        str,
        typer.Option(
            "--split",
            metavar="train|val|test",
            help="The split of photos that have none.",
            rich_help_panel=_PAIRS,
        ),
    ] = "",
    workers: Workers = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make photos a little better or worse, repeatably: one edit, a chain of strengths, or labelled pairs."""
    from finepick.cli.printing import ProgressBar, print_json, warn
    from finepick.errors import UsageError
    from finepick.exports.documents import to_json
    from finepick.settings import load_settings
    from finepick.workflows.library import Library

    if list_edits:
        _print_catalogue(as_json=json)
        return
    if not paths:
        raise UsageError("no photo; name one, or see the edits with --list")
    _refuse_mixed(
        pairs,
        {"--edit": edits, "--recipe": recipe, "--out": out, "--chain": chain, "--sheet": sheet},
        {"--count": count, "--families": families, "--split": split},
    )
    wanted: EditRequest | PairsRequest
    if pairs is not None:
        wanted = _pairs(
            pairs, count, _words(families), steps, split, seed=seed, quality=quality, long_side=long_side
        )
    else:
        told = _recipe(edits or [], recipe, seed)
        wanted = _pictures(told, out=out, chain=chain, sheet=sheet, quality=quality, long_side=long_side)
    settings = load_settings(workers=workers)
    settings = replace(settings, seconds_per_photo=settings.seconds_per_photo + wanted.seconds_at_once)
    with (
        ProgressBar(quiet=quiet or json) as progress,
        Library(settings, progress=progress, warn=warn) as library,
    ):
        answer, lines = _carry_out(library, paths, wanted)
    if json:
        print_json(to_json(answer))
    else:
        lines()


def _pairs(
    folder: str, count: int | None, words: tuple[str, ...], steps: int, split: str, **given: int | None
) -> PairsRequest:
    from finepick.workflows.edit_pairs import PairsRequest

    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return PairsRequest(folder, pairs=count, words=words, steps=steps, split=split, **options)


def _pictures(
    told: RecipeFile,
    *,
    out: str | None,
    chain: int | None,
    sheet: str | None,
    quality: int | None,
    long_side: int | None,
) -> EditRequest:
    from finepick.settings import WORKING_SIDE
    from finepick.workflows.edit import EditRequest

    return EditRequest(
        told.recipe,
        links=chain,
        out=out,
        sheet=sheet,
        quality=quality or told.quality_for(out),
        long_side=long_side or told.long_side or WORKING_SIDE,
        source=told.source,
    )


def _carry_out(
    library: Library, paths: list[str], wanted: EditRequest | PairsRequest
) -> tuple[Document, Callable[[], None]]:
    """The document, and what prints the same for people."""
    from finepick.workflows.edit import EditRequest, edit_document, edit_photos
    from finepick.workflows.edit_pairs import pairs_document, write_pairs

    if isinstance(wanted, EditRequest):
        result = edit_photos(library, paths, wanted)
        made = [(picture.path or picture.source.path, picture.description) for picture in result.pictures]
        left = [] if wanted.sheet is None else [f"Before and after: {wanted.sheet}"]
        return edit_document(result), lambda: _print(made, result.skipped, left)
    report = write_pairs(library, paths, wanted)
    left_out = f", {report.left_out} photos of other splits left out" if report.left_out else ""
    told = f"{report.pairs:,} pairs in {report.series:,} series of {report.sources:,} photos{left_out}"
    return pairs_document(report), lambda: _print([], report.skipped, [told, f"Manifest: {report.path}"])


def _print(made: list[tuple[str, str]], skipped: Sequence[Skipped], left: list[str]) -> None:
    from finepick.cli.tables import print_edited

    print_edited(made, skipped, left)


def _recipe(edits: list[str], file: str | None, seed: int) -> RecipeFile:
    from finepick.errors import UsageError
    from finepick.workflows.edit import RecipeFile, read_recipe

    if file is None:
        return RecipeFile(tuple(_step(word, seed) for word in edits))
    if edits:
        raise UsageError("either --edit or --recipe, not both")
    return read_recipe(file)


def _step(word: str, seed: int) -> Step:
    from finepick.edits.catalogue import find_edit
    from finepick.edits.recipes import Step
    from finepick.errors import UsageError

    name, equals, text = word.partition("=")
    find_edit(name)
    try:
        strength = float(text) if equals else 1.0
    except ValueError:
        strength = -1.0
    if not 0 <= strength <= 1:
        raise UsageError(f"--edit {word}: a strength is a number from 0 to 1")
    return Step(name, strength, seed)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _refuse_mixed(pairs: str | None, of_pictures: dict[str, object], of_pairs: dict[str, object]) -> None:
    from finepick.errors import UsageError

    wrong = of_pictures if pairs is not None else of_pairs
    given = [option for option, value in wrong.items() if value]
    if given:
        goes = "does not go" if pairs is not None else "goes"
        raise UsageError(f"{given[0]} {goes} with --pairs")


def _print_catalogue(*, as_json: bool) -> None:
    from finepick.cli.printing import print_json
    from finepick.edits.base import ENGINE
    from finepick.edits.catalogue import EDITS
    from finepick.exports.documents import document, to_json

    if not as_json:
        from finepick.cli.tables import print_catalogue

        print_catalogue(EDITS)
        return
    entries = [
        {
            "name": edit.name,
            "family": edit.family.value,
            "effect": edit.effect.value,
            "about": edit.about,
            "measure": edit.measure.value,
            "hurts_from": None
            if edit.hurts_from is None
            else {
                "strength": edit.hurts_from.strength,
                "measured": edit.hurts_from.measured,
                "why": edit.hurts_from.why,
            },
        }
        for edit in EDITS
    ]
    print_json(to_json(document(engine=ENGINE, edits=entries)))
