"""A picture of a calibration, as SVG: how sure the labels are, whether answers bear them out, who gave them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_WIDE, _HIGH, _GAP = 280, 200, 56
_LEFT, _TOP = 52, 46
_INK, _SOFT, _LINE, _ACCENT, _GREY = "#222", "#666", "#ddd", "#c98a1b", "#b9b9b9"
_BINS = 10
_MOST_PEOPLE = 24


@dataclass(frozen=True, slots=True)
class PlottedPair:
    """P that the first photo is preferred; answers for it, and in all but ties; whether the pair has a label."""

    p: float
    for_first: float
    decided: float
    is_labelled: bool


@dataclass(frozen=True, slots=True)
class PlottedPerson:
    """How far an answer of one person tells: 1 = as most people's do; and its interval."""

    sensitivity: float
    low: float
    high: float
    is_doubtful: bool


def draw_calibration(pairs: Sequence[PlottedPair], people: Sequence[PlottedPerson]) -> str:
    """Three panels side by side. People have no names in it."""
    panels = (_certainty(pairs), _reliability(pairs), _people(people))
    width = _LEFT + len(panels) * (_WIDE + _GAP)
    height = _TOP + _HIGH + 52
    placed = "".join(
        f'<g transform="translate({_LEFT + number * (_WIDE + _GAP)} {_TOP})">{panel}</g>'
        for number, panel in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="{_INK}">'
        f'<rect width="{width}" height="{height}" fill="#fff"/>{placed}</svg>\n'
    )


def _certainty(pairs: Sequence[PlottedPair]) -> str:
    """How many pairs are how sure, those without a label in grey on top."""
    counts = [[0, 0] for _ in range(_BINS)]
    for pair in pairs:
        place = min(_BINS - 1, int((max(pair.p, 1 - pair.p) - 0.5) * 2 * _BINS))
        counts[place][not pair.is_labelled] += 1
    most = max((sum(one) for one in counts), default=0) or 1
    step = _WIDE / _BINS
    bars = []
    for number, (labelled, dropped) in enumerate(counts):
        tall, grey = _HIGH * labelled / most, _HIGH * dropped / most
        x = number * step + 1
        bars.append(_rect(x, _HIGH - tall, step - 2, tall, _ACCENT))
        bars.append(_rect(x, _HIGH - tall - grey, step - 2, grey, _GREY))
    return (
        _frame("Pairs, by P of the preferred photo", ["½", "¾", "1"], [0, most])
        + "".join(bars)
        + _text(0, _HIGH + 40, "grey: no label", _SOFT)
    )


def _reliability(pairs: Sequence[PlottedPair]) -> str:
    """The share of answers for the first photo, over pairs of about one P; the diagonal is what P promises."""
    sums = [[0.0, 0.0, 0.0] for _ in range(_BINS)]
    for pair in pairs:
        if pair.decided > 0:
            own = sums[min(_BINS - 1, int(pair.p * _BINS))]
            own[0] += pair.p * pair.decided
            own[1] += pair.for_first
            own[2] += pair.decided
    most = max((one[2] for one in sums), default=0.0) or 1.0
    dots = [
        f'<circle cx="{_WIDE * p / n:.1f}" cy="{_HIGH * (1 - share / n):.1f}" '
        f'r="{2 + 5 * (n / most) ** 0.5:.1f}" fill="{_ACCENT}"/>'
        for p, share, n in sums
        if n
    ]
    diagonal = f'<path d="M0 {_HIGH}L{_WIDE} 0" stroke="{_GREY}" stroke-dasharray="4 4"/>'
    return (
        _frame("Answers for the first photo, by P", ["0", "½", "1"], [0, 1])
        + diagonal
        + "".join(dots)
        + _text(0, _HIGH + 40, "the fit's own answers: its shape, no proof", _SOFT)
    )


def _people(people: Sequence[PlottedPerson]) -> str:
    """Everybody's sensitivity with its interval, the least first; of many, the least and the most."""
    ordered = sorted(people, key=lambda one: one.sensitivity)
    half = _MOST_PEOPLE // 2
    shown = ordered if len(ordered) <= _MOST_PEOPLE else [*ordered[:half], *ordered[-half:]]
    top = max((one.high for one in shown), default=1.0) or 1.0
    lines = []
    for number, one in enumerate(shown):
        y = (number + 0.5) * _HIGH / max(1, len(shown))
        colour = "#b2452f" if one.is_doubtful else _ACCENT
        x0, x1, x = (_WIDE * max(0.0, value) / top for value in (one.low, one.high, one.sensitivity))
        lines.append(f'<path d="M{x0:.1f} {y:.1f}H{x1:.1f}" stroke="{colour}" stroke-width="2"/>')
        lines.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>')
    left_out = len(ordered) - len(shown)
    note = f"{left_out} people between are not shown" if left_out else "red: unlike the others"
    return (
        _frame("People, by how far an answer tells", ["0", "", f"{top:.1f}"], None)
        + "".join(lines)
        + _text(0, _HIGH + 40, note, _SOFT)
    )


def _frame(title: str, below: Sequence[str], beside: Sequence[float] | None) -> str:
    marks = [
        _text(_WIDE * number / (len(below) - 1), _HIGH + 20, word, _SOFT, anchor="middle")
        for number, word in enumerate(below)
    ]
    if beside is not None:
        marks.append(_text(-8, _HIGH, f"{beside[0]:g}", _SOFT, anchor="end"))
        marks.append(_text(-8, 10, f"{beside[1]:g}", _SOFT, anchor="end"))
    axes = f'<path d="M0 0V{_HIGH}H{_WIDE}" fill="none" stroke="{_LINE}"/>'
    return _text(0, -18, title, _INK, weight="600") + axes + "".join(marks)


def _rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def _text(x: float, y: float, words: str, colour: str, *, anchor: str = "start", weight: str = "400") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}" font-weight="{weight}">{words}</text>'
