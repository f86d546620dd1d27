"""A page to check a data set of judged edits by eye: pictures, their difference, verdicts, words, label. No scripts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from finepick.exports.report.assembly import displayable
from finepick.exports.writing import atomic_write


@dataclass(frozen=True, slots=True)
class Judged:
    """What a judge said, by order ("source first", "edit first"): every answer in −3…3 for the edit, None = no answer.

    reasons: in words, each once.
    """

    judge: str
    source_first: Sequence[int | None]
    edit_first: Sequence[int | None]
    reasons: Sequence[str]


@dataclass(frozen=True, slots=True)
class Card:
    """A pair. source, edited, map: JPEGs. difference: None where it was rejected; *why* and *detail* say for what."""

    title: str
    description: str
    source: bytes
    edited: bytes
    map: bytes
    judged: Sequence[Judged]
    difference: float | None
    agreement: float | None
    why: str
    detail: str
    thought: str
    thought_of_source: str
    text: str
    kind: str


def write_red_report(
    path: str, *, title: str, lead: str, plots: Sequence[str], kept: Sequence[Card], rejected: Sequence[Card]
) -> None:
    """Write the page to *path*; *plots* are SVG of our own. Raises OutputError."""
    style = files(__package__).joinpath("red_report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    body = [
        f"<h1>{_text(title)}</h1>",
        f"<p class=lead>{_text(lead)}</p>",
        *(f"<figure class=plot>{_image(plot.encode(), 'svg+xml')}</figure>" for plot in plots),
        _section("Kept", kept),
        _section("Rejected", rejected),
    ]
    page = (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'
        '<meta name=viewport content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{style}</style></head><body><main>{''.join(body)}</main></body></html>"
    )
    atomic_write(path, page.encode("utf-8"))


def _section(title: str, cards: Sequence[Card]) -> str:
    if not cards:
        return ""
    return f"<section><h2>{title} <span>{len(cards)} shown</span></h2>{''.join(map(_card, cards))}</section>"


def _card(card: Card) -> str:
    pictures = "".join(
        f"<figure>{_image(content, 'jpeg')}<figcaption>{words}</figcaption></figure>"
        for content, words in (
            (card.source, "source"),
            (card.edited, "edited"),
            (card.map, "where they differ"),
        )
    )
    told = f"<div class=told>{_label(card)}{_verdicts(card)}</div>"
    return (
        f"<article><header><h3>{_text(card.title)}</h3><p>{_text(card.description)}</p></header>"
        f"<div class=pictures>{pictures}</div>{told}{_words(card)}</article>"
    )


def _label(card: Card) -> str:
    if card.difference is None:
        detail = f"<small>{_text(card.detail)}</small>" if card.detail else ""
        return f"<p class=label><b>rejected</b>{_text(card.why)}{detail}</p>"
    side = "better" if card.difference > 0 else "worse"
    left, width = 50 + min(0.0, 50 * card.difference), abs(50 * card.difference)
    bar = (
        f'<svg class=bar viewBox="0 0 100 8" preserveAspectRatio="none" role=img aria-label="{card.difference:+.2f}">'
        f'<rect width="100" height="8" class=room /><rect x="{left:.1f}" width="{width:.1f}" height="8" class={side} />'
        '<rect x="49.8" width=".4" height="8" class=zero /></svg>'
    )
    agreement = f"{card.agreement:.0%} agree" if card.agreement is not None else ""
    return f"<p class=label><b>{card.difference:+.2f}</b>the edit is {side}; {agreement}{bar}</p>".replace(
        "-", "−", 1
    )


def _verdicts(card: Card) -> str:
    if not card.judged:
        return "<p class=none>nobody was asked</p>"
    rows = "".join(
        f"<tr><th>{_text(one.judge)}</th><td>{_signs(one.source_first)}</td><td>{_signs(one.edit_first)}</td>"
        f"<td class=reasons>{'<br>'.join(_text(reason) for reason in one.reasons)}</td></tr>"
        for one in card.judged
    )
    return (
        "<table><thead><tr><th>judge<th>source first<th>edit first<th>reasons, source first</tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _signs(values: Sequence[int | None]) -> str:
    """Each answer for the edit, or a cross where it could not be used."""
    return (
        " ".join(
            "<i class=no>✕</i>"
            if value is None
            else f"<i class={'up' if value > 0 else 'down' if value < 0 else 'level'}>{_signed(value)}</i>"
            for value in values
        )
        or "–"
    )


def _signed(value: int) -> str:
    return f"+{value}" if value > 0 else f"−{-value}" if value < 0 else "0"


def _words(card: Card) -> str:
    if not card.thought:
        return ""
    return (
        f"<div class=words><p><b>edited</b>{_text(card.thought)}</p><p><b>source</b>{_text(card.thought_of_source)}</p>"
        f"<p><b>in short</b>{_text(card.text)} <span>{_text(card.kind)}</span></p></div>"
    )


def _image(content: bytes, kind: str) -> str:
    return f'<img alt="" loading=lazy src="data:image/{kind};base64,{base64.b64encode(content).decode()}">'


def _text(text: str) -> str:
    return escape(displayable(text))
