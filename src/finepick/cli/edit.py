"""`finepick edit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from finepick.cli.options import Json, Quiet, Workers

if TYPE_CHECKING:
    from finepick.edits.recipes import Step
    from finepick.workflows.edit import RecipeFile
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
    from finepick.cli.printing import ProgressBar, warn
    from finepick.errors import UsageError
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
    work = _Work(paths, seed, quality, long_side, json=json)
    with (
        ProgressBar(quiet=quiet or json) as progress,
        Library(load_settings(workers=workers), progress=progress, warn=warn) as library,
    ):
        if pairs is not None:
            work.make_pairs(library, pairs, count=count, words=_words(families), steps=steps, split=split)
        else:
            work.make_pictures(library, edits or [], recipe, out=out, chain=chain, sheet=sheet)


class _Work:
    """What both kinds of work share."""

    def __init__(
        self, paths: list[str], seed: int, quality: int | None, long_side: int | None, *, json: bool
    ) -> None:
        self._paths, self._seed, self._quality, self._long_side = paths, seed, quality, long_side
        self._json = json

    def make_pictures(
        self,
        library: Library,
        edits: list[str],
        recipe: str | None,
        *,
        out: str | None,
        chain: int | None,
        sheet: str | None,
    ) -> None:
        from finepick.cli.printing import print_json
        from finepick.exports.documents import to_json
        from finepick.settings import WORKING_SIDE
        from finepick.workflows.edit import EditRequest, edit_document, edit_photos

        told = _recipe(edits, recipe, self._seed)
        request = EditRequest(
            told.recipe,
            links=chain,
            out=out,
            sheet=sheet,
            quality=self._quality or told.quality_for(out),
            long_side=self._long_side or told.long_side or WORKING_SIDE,
            source=told.source,
        )
        result = edit_photos(library, self._paths, request)
        if self._json:
            print_json(to_json(edit_document(result)))
            return
        from finepick.cli.tables import print_edited

        print_edited(
            [(picture.path or picture.source.path, picture.description) for picture in result.pictures],
            result.skipped,
            [] if sheet is None else [f"Before and after: {sheet}"],
        )

    def make_pairs(
        self,
        library: Library,
        folder: str,
        *,
        count: int | None,
        words: tuple[str, ...],
        steps: int,
        split: str,
    ) -> None:
        from finepick.cli.printing import print_json
        from finepick.exports.documents import to_json
        from finepick.workflows.edit_pairs import PAIRS_SIDE, PairsRequest, pairs_document, write_pairs

        request = PairsRequest(
            folder,
            pairs=count,
            words=words,
            steps=steps,
            seed=self._seed,
            split=split,
            quality=self._quality,
            long_side=self._long_side or PAIRS_SIDE,
        )
        report = write_pairs(library, self._paths, request)
        if self._json:
            print_json(to_json(pairs_document(report)))
            return
        from finepick.cli.tables import print_edited

        left_out = f", {report.left_out} photos of other splits left out" if report.left_out else ""
        told = f"{report.pairs:,} pairs in {report.series:,} series of {report.sources:,} photos{left_out}"
        print_edited([], report.skipped, [told, f"Manifest: {report.path}"])


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
