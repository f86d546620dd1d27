"""Plots of a data set of judged edits, as SVG: what survives each stage, differences by family and strength."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

_INK, _SOFT, _LINE, _ACCENT, _GREY = "#222", "#666", "#ddd", "#c98a1b", "#c9c9c9"
_SHADES = ("#b2452f", "#d07a5b", "#8d6f9e", "#5c86a8", "#7d8b4f", "#9a9a9a")
_WIDE, _BAR, _LEFT = 760, 30, 96
_PANEL, _HIGH, _GAP, _COLUMNS = 230, 170, 50, 4
_MOST_DOTS = 2000

Stage = tuple[str, int, int, Sequence[tuple[str, int]]]


def draw_stages(stages: Sequence[Stage]) -> str:
    """A bar a stage: (name, came in, went on, (why, how many) of those that did not); the rest is still open."""
    parts, y = [_words(_LEFT, 22, "What survives each stage", weight="600")], 44.0
    for name, came, went, lost in stages:
        parts.append(_words(_LEFT - 10, y + 20, name, anchor="end"))
        scale, x = _WIDE / max(came, 1), float(_LEFT)
        parts.append(_box(x, y, _WIDE, _BAR, "#efefef"))
        parts.append(_box(x, y, went * scale, _BAR, _ACCENT))
        x += went * scale
        for number, (_, count) in enumerate(lost):
            parts.append(_box(x, y, count * scale, _BAR, _SHADES[number % len(_SHADES)]))
            x += count * scale
        open_ = came - went - sum(count for _, count in lost)
        told = f"{went:,} of {came:,}" + (f" ({went / came:.0%})" if came else "")
        parts.append(_words(_LEFT + 8, y + 20, told, colour="#fff" if went * scale > 150 else _INK))
        y += _BAR + 6
        legend = [
            *(
                (_SHADES[number % len(_SHADES)], f"{why} {count:,}")
                for number, (why, count) in enumerate(lost)
            ),
            *([("#efefef", f"open {open_:,}")] if open_ else []),
        ]
        y = _legend(parts, legend, y)
        y += 14
    return _picture(_LEFT + _WIDE + 24, y, parts)


def draw_differences(by_family: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """A panel a family: (strength, difference) as dots, and the mean in each quarter of the strengths as a line."""
    parts = []
    rows = max(1, -(-len(by_family) // _COLUMNS))
    for number, (family, found) in enumerate(sorted(by_family.items())):
        x = _GAP + (number % _COLUMNS) * (_PANEL + _GAP)
        y = 46 + (number // _COLUMNS) * (_HIGH + 74)
        parts.append(f'<g transform="translate({x} {y})">{_panel(family, found)}</g>')
    columns = min(_COLUMNS, max(1, len(by_family)))
    return _picture(_GAP + columns * (_PANEL + _GAP), 46 + rows * (_HIGH + 74) - 20, parts)


def _panel(family: str, found: Sequence[tuple[float, float]]) -> str:
    step = max(1, len(found) // _MOST_DOTS)
    dots = [
        f'<circle cx="{_PANEL * s:.1f}" cy="{_at(d):.1f}" r="2.6" fill="{_ACCENT}" fill-opacity=".45"/>'
        for s, d in found[::step]
    ]
    strengths, differences = np.array(found, np.float64).reshape(-1, 2).T
    quarter = np.minimum((strengths * 4).astype(int), 3)
    means = [
        f"{_PANEL * strengths[quarter == one].mean():.1f} {_at(float(differences[quarter == one].mean())):.1f}"
        for one in range(4)
        if (quarter == one).any()
    ]
    return (
        _words(0, -14, f"{family}, {len(found):,}", weight="600")
        + f'<path d="M0 0V{_HIGH}H{_PANEL}" fill="none" stroke="{_LINE}"/>'
        + f'<path d="M0 {_at(0):.1f}H{_PANEL}" stroke="{_GREY}" stroke-dasharray="4 4"/>'
        + "".join(dots)
        + f'<path d="M{" L".join(means)}" fill="none" stroke="{_INK}" stroke-width="1.6"/>'
        + _words(-8, 8, "1", anchor="end", colour=_SOFT)
        + _words(-8, _at(0) + 4, "0", anchor="end", colour=_SOFT)
        + _words(-8, _HIGH, "−1", anchor="end", colour=_SOFT)
        + _words(0, _HIGH + 18, "0", colour=_SOFT)
        + _words(_PANEL / 2, _HIGH + 18, "strength", anchor="middle", colour=_SOFT)
        + _words(_PANEL, _HIGH + 18, "1", anchor="end", colour=_SOFT)
    )


def _at(difference: float) -> float:
    return _HIGH * (1 - difference) / 2


def _legend(parts: list[str], entries: Sequence[tuple[str, str]], y: float) -> float:
    x = float(_LEFT)
    for colour, words in entries:
        width = 22 + 6.6 * len(words)
        if x > _LEFT and x + width > _LEFT + _WIDE:
            x, y = float(_LEFT), y + 18
        parts.append(_box(x, y + 3, 10, 10, colour))
        parts.append(_words(x + 15, y + 13, words, colour=_SOFT))
        x += width + 14
    return y + 18 if entries else y


def _picture(width: float, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="{_INK}">'
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def _words(
    x: float, y: float, words: str, *, anchor: str = "start", colour: str = _INK, weight: str = "400"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}" font-weight="{weight}">'
        f"{escape(words)}</text>"
    )
