"""Results as tables for people."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from finepick.cli.printing import console as open_console
from finepick.cli.printing import printable
from finepick.domain import Photo, PickResult, Ranking, Reason, ScoreResult, SeriesKind, Skipped, Verdict

if TYPE_CHECKING:  # pictures are not edited where results are shown
    from finepick.edits.base import Edit

_SHOWN_SKIPPED = 20

_KINDS = {
    SeriesKind.BURST: "burst",
    SeriesKind.SIMILAR: "alike",
    SeriesKind.PROMPT: "one prompt",
    SeriesKind.FOLDER: "folder",
    SeriesKind.SINGLE: "single",
    SeriesKind.BRACKET: "bracket",
    SeriesKind.PANORAMA: "panorama",
    SeriesKind.FOCUS_STACK: "focus stack",
}


def print_pick(result: PickResult, pictures: Mapping[str, bytes], left: Sequence[str]) -> None:
    """A row for every series of several photos, then what was skipped, then what was written."""
    console = open_console()
    series = [ranking for ranking in result if len(ranking) > 1]
    if series:
        folder = _common_folder([_shown(ranking).path for ranking in series])
        if folder:
            console.print(Text(printable(folder), "dim"), soft_wrap=True)
        console.print(_series_table(series, pictures, folder))
    singles = len(result.series) - len(series)
    if singles:
        console.print(f"{_count(singles, 'photo stands', 'photos stand')} alone.")
    _print_skipped(console, result.skipped)
    counts, keeps = result.counts, sum(sum(ranking.keep) for ranking in result)
    console.print(
        f"{_count(counts.photos, 'photo', 'photos')} in {counts.series} series, {keeps} to keep, "
        f"{counts.skipped} skipped, {_count(counts.ignored, 'other file', 'other files')} ignored."
        f"  [dim]Judged by {result.model.name} {result.model.version}.[/dim]"
    )
    for line in left:
        console.print(Text(printable(line)))


def print_verdict(verdict: Verdict, left: Sequence[str]) -> None:
    """Which, how sure, and why."""
    console = open_console()
    sure = max(verdict.p_a, 1 - verdict.p_a)
    if verdict.winner == "tie":
        console.print(Text(f"Too close to call ({sure:.0%} for {printable(_likelier(verdict))})."))
    else:
        winner = verdict.a if verdict.winner == "a" else verdict.b
        console.print(Text.assemble((printable(winner), "bold"), f" is better ({sure:.0%} sure)."))
    for reason in verdict.reasons:
        sign = {"better": "+", "worse": "−"}[reason.direction] if reason.strength else " "
        console.print(Text(f"  {sign} {printable(verdict.a)}: {reason.text}"))
    for line in left:
        console.print(Text(printable(line)))


def print_scores(result: ScoreResult, left: Sequence[str]) -> None:
    """One line a photo: score, then path."""
    console = open_console()
    for photo in result.photos:
        score = "   –" if photo.coarse is None else f"{photo.coarse:4.2f}"
        console.print(Text(f"{score}  {printable(photo.path)}"))
    _print_skipped(console, result.skipped)
    for line in left:
        console.print(Text(printable(line)))


def print_edited(made: Sequence[tuple[str, str]], skipped: Sequence[Skipped], left: Sequence[str]) -> None:
    """A line for every edited picture: where it is, what was done; then what was skipped."""
    console = open_console()
    for path, description in made:
        console.print(Text(f"{printable(path)}  {description}"), soft_wrap=True)
    _print_skipped(console, skipped)
    for line in left:
        console.print(Text(printable(line)), soft_wrap=True)


def print_catalogue(edits: Sequence[Edit]) -> None:
    """A row for every edit: name, family, from where on it hurts, what it does."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("edit", "family", "hurts from", "what it does"):
        table.add_column(column, justify="right" if column == "hurts from" else "left")
    for edit in edits:
        hurts = edit.hurts_from
        known = (
            "–" if hurts is None else f"{hurts.strength:.2f} {'measured' if hurts.measured else 'assumed '}"
        )
        table.add_row(edit.name, edit.family.value, known, edit.about)
    console = open_console()
    console.print(table)
    console.print("[dim]–: judges have to say. Strengths are 0 to 1. More: docs/edits.md[/dim]")


def _shown(ranking: Ranking) -> Photo:
    """The photo that stands for its series: the best, or the first of a set that is kept whole."""
    return ranking.best or ranking.photos[0]


def _common_folder(paths: Sequence[str]) -> str:
    """The folder that all *paths* lie below, with its separator, or "" where there is none."""
    folders = [os.path.join(os.path.dirname(path), "") for path in paths]
    common, separator, _ = os.path.commonprefix(folders).rpartition(os.sep)  # noqa: RUF071 - cut at the separator
    return common + separator


def _series_table(rankings: Sequence[Ranking], pictures: Mapping[str, bytes], folder: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 1 if pictures else 0, 0))
    if pictures:
        table.add_column("")
    table.add_column("series")
    table.add_column("kind")
    table.add_column("photos", justify="right")
    table.add_column("best", overflow="fold", ratio=2)
    table.add_column("sure", justify="right")
    table.add_column("why", overflow="fold", ratio=3)
    for ranking in rankings:
        path = ranking.best.path.removeprefix(folder) if ranking.best else Text("–", "dim")
        cells = [ranking.id, _KINDS[ranking.kind], str(len(ranking)), path, *_verdict_cells(ranking)]
        if pictures:
            shown = _shown(ranking)
            table.add_row(
                half_blocks(pictures[shown.path]) if shown.path in pictures else "", *map(_cell, cells)
            )
        else:
            table.add_row(*map(_cell, cells))
    return table


def _verdict_cells(ranking: Ranking) -> list[str | Text]:
    """How sure, and why."""
    if not ranking.is_ranked or ranking.p_best is None:
        return ["", Text("kept whole", "dim")]
    best = ranking.order[0]
    sure = f"{ranking.p_best[best]:.0%}"
    if ranking.too_close:
        return [sure, Text("too close to call: look for yourself", "yellow")]
    reasons = ranking.why[best] if ranking.why else ()
    return [sure, "; ".join(reason.text for reason in _supporting(reasons)[:2])]


def _supporting(reasons: Sequence[Reason]) -> list[Reason]:
    return [reason for reason in reasons if reason.direction == "better"]


def _cell(content: str | Text) -> Text:
    return content if isinstance(content, Text) else Text(printable(content))


def half_blocks(jpeg: bytes, columns: int = 24) -> Text:
    """A picture in a terminal: two pixels a character, the upper one as foreground, the lower as background."""
    from PIL import Image

    picture = Image.open(io.BytesIO(jpeg)).convert("RGB")
    rows = max(2, round(columns * picture.height / picture.width / 2) * 2)
    pixels = picture.resize((columns, rows), Image.Resampling.BOX).load()
    assert pixels is not None
    text = Text()
    for y in range(0, rows, 2):
        for x in range(columns):
            upper, lower = pixels[x, y], pixels[x, y + 1]
            text.append("▀", f"rgb({_rgb(upper)}) on rgb({_rgb(lower)})")
        if y + 2 < rows:
            text.append("\n")
    return text


def _rgb(pixel: object) -> str:
    assert isinstance(pixel, tuple)
    return ",".join(str(int(value)) for value in pixel)


def _print_skipped(console: Console, skipped: Sequence[Skipped]) -> None:
    if not skipped:
        return
    console.print(Text(f"{_count(len(skipped), 'file', 'files')} skipped:", "yellow"))
    for one in skipped[:_SHOWN_SKIPPED]:
        console.print(Text(f"  {printable(one.path)} ({one.stage}): {printable(one.reason)}"))
    if len(skipped) > _SHOWN_SKIPPED:
        console.print(f"  … and {len(skipped) - _SHOWN_SKIPPED} more; --json lists them all.")


def _likelier(verdict: Verdict) -> str:
    return verdict.a if verdict.p_a >= 0.5 else verdict.b


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
