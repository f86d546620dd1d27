"""The log of a run as a table and as curves; both are written anew after every epoch."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence

from finepick.errors import OutputError
from finepick.scorers.fgaesq.weight_files import written_whole

LOG = "log.csv"
CURVES = "curves.png"

Row = Mapping[str, float | int | str]

_FIRST = ("epoch", "step")


def write_log(folder: str, rows: Sequence[Row]) -> str:
    """Write *rows* to `log.csv` in *folder*; the path. Raises OutputError."""
    names = _columns(rows)
    text = io.StringIO()
    table = csv.DictWriter(text, names, restval="", lineterminator="\n")
    table.writeheader()
    table.writerows({name: _plain(value) for name, value in row.items()} for row in rows)
    path = os.path.join(folder, LOG)
    with written_whole(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        file.write(text.getvalue())
    return path


def draw_curves(folder: str, rows: Sequence[Row]) -> str:
    """Draw losses and validation metrics by epoch to `curves.png` in *folder*; the path.

    Raises OutputError, MissingExtraError where matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        from finepick.errors import MissingExtraError

        raise MissingExtraError("drawing curves", extra="train") from error

    names = [name for name in _columns(rows) if name not in _FIRST]
    losses = [name for name in names if name.startswith(("fine_", "coarse_"))]
    figure = Figure(figsize=(9, 6), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, sharex=True)
    for axes, title, shown in (
        (above, "loss", losses),
        (below, "validation", [name for name in names if name not in losses]),
    ):
        for name in shown:
            points = [(row["epoch"], row[name]) for row in rows if name in row]
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=name)
        axes.set_ylabel(title)
        axes.grid(alpha=0.3)
        if shown:
            axes.legend(fontsize="small")
    below.set_xlabel("epoch")
    path = os.path.join(folder, CURVES)
    try:
        with written_whole(path) as temporary:
            figure.savefig(temporary, format="png", dpi=110)
    except ValueError as error:
        raise OutputError(f"could not draw {path}: {error}", path=path) from error
    return path


def _columns(rows: Sequence[Row]) -> list[str]:
    found = dict.fromkeys(name for row in rows for name in row)
    return [*_FIRST, *sorted(found.keys() - set(_FIRST))]


def _plain(value: float | int | str) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
