"""An evaluation as tables (for terminals, Markdown, LaTeX), as the JSON document, and its pairs as CSV."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finepick.evaluation import published
from finepick.evaluation.bootstrap import LEVEL, Difference
from finepick.evaluation.measuring import METRICS, Measured, Metrics
from finepick.evaluation.predictions import listed
from finepick.evaluation.results import AGAINST, ASKED, FLOOR, Column, Evaluation
from finepick.exports.documents import Document, document, model_document

if TYPE_CHECKING:
    from rich.table import Table

LABELS: Mapping[str, str] = {
    "pair_acc": "Acc",
    "pair_f1": "F1",
    "s_acc": "s-Acc",
    "s_srcc": "s-SRCC",
    "s_srcc_3plus": "s-SRCC (≥ 3)",
    "srcc": "SRCC",
    "plcc": "PLCC",
    "plcc_fitted": "PLCC (fitted)",
    "pair": "Pair",
    "series": "Series",
}
VERDICT_COLUMNS = (
    *("series", "category", "a", "b", "photo_a", "photo_b", "source", "p", "people"),
    *("model", "score_a", "score_b", "verdict", "right"),
)

MEASUREMENT = "measurement:"
"""How names of single measurements begin."""

_NOTHING = "–"
_COMPARED = ("pair_acc", "s_acc", "s_srcc", "srcc")
_WORDS = {1: "a", -1: "b", 0: "tie"}


@dataclass(frozen=True, slots=True)
class Grid:
    """A table before it is drawn: the first column says what a row is about, the others hold figures."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def grids_of(evaluation: Evaluation, *, with_published: bool = False, is_wide: bool = True) -> list[Grid]:
    """The tables of *evaluation*, most important first; not *is_wide*: such as a terminal has room for."""
    grids = [_main_grid(evaluation)]
    if len(evaluation.by_category) > 1:
        grids.append(_category_grid(evaluation))
    if any(evaluation.with_role(FLOOR)):
        grids.append(_floor_grid(evaluation))
    if len(evaluation.columns) > 1:
        grids.append(_difference_grid(evaluation))
    if with_published:
        lots = [published.CATEGORIES] if is_wide else [(category,) for category in published.CATEGORIES]
        grids += [_published_grid(evaluation, lot) for lot in lots]
        grids.append(_published_coarse_grid(evaluation))
    return grids


def notes_of(evaluation: Evaluation) -> list[str]:
    """What must be said beside the tables: how intervals were made, what was odd, what was left out."""
    boot = evaluation.bootstrap
    notes = [
        f"Brackets: {LEVEL:.0%} intervals by bootstrap over series (SRCC and PLCC: over photos), "
        f"{boot.resamples:,} resamples, seed {boot.seed}."
    ]
    if evaluation.skipped:
        paths = listed([one.path for one in evaluation.skipped])
        notes.append(f"Left out, {len(evaluation.skipped)} that could not be read: {paths}.")
    for column in evaluation.columns:
        if column.surplus:
            notes.append(
                f"Predictions that nobody asked for in {column.name}: {len(column.surplus)} "
                f"({listed(column.surplus)})."
            )
    counts = Counter(remark.kind for remark in evaluation.remarks)
    for kind, count in counts.items():
        first = next(remark for remark in evaluation.remarks if remark.kind == kind)
        where = f"{first.place}: " if first.place else ""
        notes.append(f"About the labels, {kind} ({count}): {where}{first.text.rstrip('.')}.")
    return notes


def rich_table(grid: Grid, spelt: Callable[[str], str]) -> Table:
    """*grid* for a terminal, without its title; *spelt* makes a text safe to print."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for number, heading in enumerate(grid.header):
        table.add_column(Text(spelt(heading)), justify="right" if number else "left", overflow="fold")
    for row in grid.rows:
        table.add_row(*(Text(spelt(cell)) for cell in row))
    return table


def to_markdown(grids: Iterable[Grid], notes: Iterable[str]) -> str:
    """*grids* as Markdown tables under bold titles, then *notes*."""
    blocks = [f"**{_markdown(grid.title)}**\n\n{_markdown_table(grid)}" for grid in grids]
    return "\n\n".join([*blocks, *map(_markdown, notes)]) + "\n"


def to_latex(grids: Iterable[Grid], notes: Iterable[str]) -> str:
    """*grids* as LaTeX tables (with the package booktabs), then *notes* as comments."""
    lines = ["% needs \\usepackage{booktabs}"]
    for grid in grids:
        lines += _latex_table(grid)
    return "\n".join([*lines, *(f"% {_one_line(note)}" for note in notes)]) + "\n"


def evaluation_document(evaluation: Evaluation, *, with_published: bool = False) -> Document:
    """The contract's document; columns after the first under `others`, `against` and `floor`."""
    first = evaluation.columns[0]
    boot = evaluation.bootstrap
    against = next(evaluation.with_role(AGAINST), None)
    content = {
        "model": model_document(first.model),
        "dataset": evaluation.dataset,
        "split": evaluation.split,
        "n_series": evaluation.n_series,
        "n_pairs": evaluation.n_pairs,
        "n_photos": evaluation.n_photos,
        "metrics": _metrics(first.metrics),
        "by_category": {name: _metrics(metrics) for name, metrics in first.by_category.items()},
        "predictions": first.predictions,
        "min_gap": evaluation.min_gap,
        "bootstrap": {"resamples": boot.resamples, "seed": boot.seed, "level": LEVEL},
        "against": None if against is None else _column(against),
        "others": [_column(column) for column in evaluation.with_role(ASKED)],
        "floor": [_column(column) for column in evaluation.with_role(FLOOR)],
        "surplus": list(first.surplus),
        "skipped": [
            {"path": one.path, "stage": str(one.stage), "reason": one.reason} for one in evaluation.skipped
        ],
        "remarks": [
            {"kind": remark.kind, "place": remark.place, "text": remark.text} for remark in evaluation.remarks
        ],
    }
    return document(**content, **({"published": _published_document()} if with_published else {}))


def verdicts_csv(evaluation: Evaluation) -> bytes:
    """Every pair with what people and each model said of it, as CSV with `VERDICT_COLUMNS`.

    a and b are places in the series as the data set lists it; people and verdict are "a", "b" or "tie".
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(VERDICT_COLUMNS)
    for column in evaluation.columns:
        writer.writerows(_verdict_rows(evaluation, column))
    return text.getvalue().encode("utf-8", sys.getfilesystemencodeerrors())


def _verdict_rows(evaluation: Evaluation, column: Column) -> Iterator[tuple[object, ...]]:
    benchmark, answers = evaluation.benchmark, column.answers
    lots = zip(
        benchmark.series, benchmark.places, benchmark.pairs, answers.verdicts, answers.fine, strict=True
    )
    for series, places, pairs, verdicts, fine in lots:
        for pair, verdict in zip(pairs, verdicts, strict=True):
            scores = (None, None) if fine is None else (float(fine[pair.a]), float(fine[pair.b]))
            yield (
                *(series.series, series.category, places[pair.a], places[pair.b]),
                *(series.photos[pair.a], series.photos[pair.b], pair.source, pair.p, _WORDS[pair.label]),
                *(column.name, *scores, _WORDS[int(verdict)], str(pair.label == verdict).lower()),
            )


def _main_grid(evaluation: Evaluation) -> Grid:
    columns = [column for column in evaluation.columns if column.role != FLOOR]
    rows = [
        (LABELS[name], *(_with_interval(column.metrics[name]) for column in columns))
        for name in METRICS
        if any(column.metrics[name] for column in columns)
    ]
    gap = f" (means more than {evaluation.min_gap:g} apart)" if evaluation.min_gap else ""
    title = (
        f"{evaluation.dataset}, {evaluation.split}: {evaluation.n_series:,} series, "
        f"{evaluation.n_pairs:,} pairs{gap}, {evaluation.n_photos:,} photos"
    )
    return Grid(title, ("", *(column.name for column in columns)), tuple(rows))


def _category_grid(evaluation: Evaluation) -> Grid:
    columns = [column for column in evaluation.columns if column.role != FLOOR]
    names = _applying(evaluation.columns)
    rows = [
        (category or "(none)", column.name, *(_figure(column.by_category[category][name]) for name in names))
        for category in evaluation.by_category
        for column in columns
    ]
    return Grid("By category", ("category", "model", *(LABELS[name] for name in names)), tuple(rows))


def _floor_grid(evaluation: Evaluation) -> Grid:
    first, *floor = [evaluation.columns[0], *evaluation.with_role(FLOOR)]
    names = [name for name in _applying(floor) if name in _COMPARED]
    rows = [(_short(one), *(_with_interval(one.metrics[name]) for name in names)) for one in (first, *floor)]
    return Grid("Beside single measurements", ("", *(LABELS[name] for name in names)), tuple(rows))


def _short(column: Column) -> str:
    return column.name.removeprefix(MEASUREMENT) if column.role == FLOOR else column.name


def _difference_grid(evaluation: Evaluation) -> Grid:
    first, *others = evaluation.columns
    names = [name for name in _COMPARED if any(column.behind.get(name) for column in others)]
    rows = [(_short(one), *(_difference_cell(one.behind.get(name)) for name in names)) for one in others]
    title = (
        f"By how much {first.name} is better (paired bootstrap; at the end: how probable that it is better)"
    )
    return Grid(title, ("than", *(LABELS[name] for name in names)), tuple(rows))


def _published_grid(evaluation: Evaluation, categories: Sequence[str]) -> Grid:
    is_whole = len(categories) > 1
    header = ["method"]
    for category in categories:
        before = f"{_category(category)} " if is_whole else ""
        header += [f"{before}{LABELS[name]}" for name in published.FINE_METRICS]
    rows = [
        (
            method.name,
            *(_digits(value) for category in categories for value in method.figures[category]),
            _digits(method.pair),
            _digits(method.series),
        )
        for method in published.FINE
    ]
    ours = [_beside_published(column, categories) for column in evaluation.columns if column.role != FLOOR]
    about = "" if is_whole else f", {_category(categories[0])}"
    title = f"As published{about} ({published.SOURCE}); below it, measured here on {evaluation.dataset}"
    header += [LABELS["pair"], LABELS["series"]]
    return Grid(title, tuple(header), (*rows, *ours))


def _category(name: str) -> str:
    return "AIGC" if name == "aigc" else name.capitalize()


def _beside_published(column: Column, categories: Sequence[str]) -> tuple[str, ...]:
    by_category = {category.lower(): metrics for category, metrics in column.by_category.items()}
    cells = [
        _figure(by_category.get(category, {}).get(name))
        for category in categories
        for name in published.FINE_METRICS
    ]
    return (f"{column.name} (here)", *cells, *(_figure(column.metrics[name]) for name in ("pair", "series")))


def _published_coarse_grid(evaluation: Evaluation) -> Grid:
    rows = [(f"FGAesQ on {name}", *map(_digits, figures)) for name, figures in published.COARSE.items()]
    ours = [
        (
            f"{column.name} on {evaluation.dataset} (here)",
            *(_figure(column.metrics[name]) for name in published.COARSE_METRICS),
        )
        for column in evaluation.columns
        if column.role != FLOOR and column.metrics["srcc"]
    ]
    header = ("photos rated one by one", *(LABELS[name] for name in published.COARSE_METRICS))
    return Grid("As published, coarse scores", header, (*rows, *ours))


def _applying(columns: Iterable[Column]) -> list[str]:
    known = list(columns)
    return [name for name in METRICS if any(column.metrics[name] for column in known)]


def _with_interval(measured: Measured | None) -> str:
    if measured is None:
        return _NOTHING
    return _figure(measured) + _bounds(measured.low, measured.high)


def _figure(measured: Measured | None) -> str:
    return _NOTHING if measured is None else _digits(measured.value)


def _difference_cell(difference: Difference | None) -> str:
    if difference is None:
        return _NOTHING
    value = _digits(difference.value)
    sign = "" if value.startswith("−") else "+"
    p = "" if difference.p_better is None else f" {_digits(difference.p_better, 2)}"
    return f"{sign}{value}{_bounds(difference.low, difference.high)}{p}"


def _bounds(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{_digits(low, 2)} {_digits(high, 2)}]"


def _digits(value: float, places: int = 3) -> str:
    """As papers print shares and correlations: .672, −.050, 1.000."""
    text = f"{abs(value):.{places}f}".removeprefix("0")
    is_negative = value < 0 and any(digit not in ".0" for digit in text)
    return f"−{text}" if is_negative else text


def _metrics(metrics: Metrics) -> Document:
    return {
        name: None
        if measured is None
        else {"value": measured.value, "low": measured.low, "high": measured.high, "n": measured.n}
        for name, measured in metrics.items()
    }


def _column(column: Column) -> Document:
    return {
        "name": column.name,
        "model": model_document(column.model),
        "predictions": column.predictions,
        "metrics": _metrics(column.metrics),
        "by_category": {name: _metrics(metrics) for name, metrics in column.by_category.items()},
        "behind": {name: _difference_document(found) for name, found in column.behind.items()},
        "surplus": list(column.surplus),
    }


def _difference_document(found: Difference | None) -> Document | None:
    if found is None:
        return None
    return {"value": found.value, "low": found.low, "high": found.high, "p_better": found.p_better}


def _published_document() -> Document:
    return {
        "source": published.SOURCE,
        "fine": [
            {
                "method": method.name,
                **{
                    category: dict(zip(published.FINE_METRICS, figures, strict=True))
                    for category, figures in method.figures.items()
                },
            }
            for method in published.FINE
        ],
        "coarse": {
            name: dict(zip(published.COARSE_METRICS, figures, strict=True))
            for name, figures in published.COARSE.items()
        },
    }


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in _utf8(text))


def _utf8(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _markdown(text: str) -> str:
    return "".join(f"\\{c}" if c in "\\`*_|<" else c for c in _one_line(text))


def _markdown_table(grid: Grid) -> str:
    lines = [grid.header, ("---", *("---:" for _ in grid.header[1:]))]
    cells = [
        list(map(_markdown, grid.header)),
        list(lines[1]),
        *(list(map(_markdown, row)) for row in grid.rows),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


_LATEX = {
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "−": "$-$",
    "≥": "$\\geq$",
    "–": "--",
    **{c: f"\\{c}" for c in "&%$#_{}"},
}


def _latex(text: str) -> str:
    return "".join(_LATEX.get(c, c) for c in _one_line(text))


def _latex_table(grid: Grid) -> Sequence[str]:
    return [
        "\\begin{table}",
        f"\\caption{{{_latex(grid.title)}}}",
        f"\\begin{{tabular}}{{l{'r' * (len(grid.header) - 1)}}}",
        "\\toprule",
        _latex_row(grid.header),
        "\\midrule",
        *map(_latex_row, grid.rows),
        "\\bottomrule",
        "\\end{tabular}",
        "\\end{table}",
    ]


def _latex_row(cells: Iterable[str]) -> str:
    # A row that begins with a bracket would be read as an option of the line break before it.
    return " & ".join(f"{{{_latex(c)}}}" if c.startswith("[") else _latex(c) for c in cells) + r" \\"
