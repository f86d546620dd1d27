"""A page that shows what a run of refinement left out, and why; one file, without scripts, that opens anywhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from finepick.exports.report.assembly import displayable
from finepick.exports.writing import atomic_write

MOST_CARDS = 200
"""Photos that are shown for each reason; how many more there are is said."""

_TITLES = {
    "in": ("asked about", "People are asked about these."),
    "indiscernible": ("indiscernible", "Nobody could say which is better."),
    "dissimilar": ("dissimilar", "They show something else and belong to another series."),
    "empty_shot": ("empty", "There is nothing to judge."),
    "defect": ("defective", "They are broken, dark, burnt out or tiny."),
}
_COLOURS = {
    "in": "#e2ae55",
    "indiscernible": "#8db9e0",
    "dissimilar": "#b79be0",
    "empty_shot": "#8f8f8f",
    "defect": "#e08a78",
}
_HEIGHT, _WIDTH, _BAR, _GAP = 220, 640, 14, 10


@dataclass(frozen=True, slots=True)
class Card:
    """A photo that was left out: its name and series, a JPEG of it and of the one it was measured by, what was found
    in words, the reason first."""

    state: str
    series: str
    name: str
    picture: bytes | None
    partner_name: str | None
    partner: bytes | None
    words: Sequence[str]


def write_refinement_page(
    path: str, *, title: str, counts: Mapping[str, int], cards: Sequence[Card], more: Mapping[str, int]
) -> None:
    """Write the page to *path*. counts: photos by state, "in" first. more: by state, how many are not in *cards*.

    Raises OutputError.
    """
    style = files(__package__).joinpath("refinement.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    body = [
        f"<h1>{_text(title)}</h1>",
        f"<p class=lead>{_lead(counts)}</p>",
        _flow(counts),
        *(_section(state, counts[state], cards, more.get(state, 0)) for state in counts if state != "in"),
    ]
    page = (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'
        '<meta name=viewport content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{style}</style></head><body><main>{''.join(body)}</main></body></html>"
    )
    atomic_write(path, page.encode("utf-8"))


def _lead(counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    left_out = total - counts.get("in", 0)
    return (
        f"{_count(total, 'photo')}; {left_out:,} left out. Nothing was removed: a photo that was left out "
        "can be taken back, and all of it can be run again with other thresholds."
    )


def _flow(counts: Mapping[str, int]) -> str:
    """Bands from all photos on the left to each state on the right, as thick as they are many."""
    total = sum(counts.values())
    shown = [(state, count) for state, count in counts.items() if count]
    if not total:
        return ""
    room = _HEIGHT - _GAP * (len(shown) - 1)
    thick = [max(2.0, room * count / total) for _, count in shown]
    scale = room / sum(thick)
    parts, left, right = [], (_HEIGHT - room) / 2, 0.0
    for (state, count), wide in zip(shown, thick, strict=True):
        tall = wide * scale
        colour = _COLOURS.get(state, "#777")
        x0, x1, mid = _BAR, _WIDTH - _BAR, _WIDTH / 2
        band = (
            f"M{x0} {left:.1f}C{mid} {left:.1f} {mid} {right:.1f} {x1} {right:.1f}V{right + tall:.1f}"
            f"C{mid} {right + tall:.1f} {mid} {left + tall:.1f} {x0} {left + tall:.1f}Z"
        )
        parts.append(f'<path d="{band}" fill="{colour}" fill-opacity=".28"/>')
        parts.append(f'<rect x="{x1}" y="{right:.1f}" width="{_BAR}" height="{tall:.1f}" fill="{colour}"/>')
        place = right + tall / 2 + 4
        parts.append(
            f'<text x="{_WIDTH + 12}" y="{place:.1f}"><tspan class="n">{count:,}</tspan> {_title(state)[0]}</text>'
        )
        left, right = left + tall, right + tall + _GAP
    bar = f'<rect x="0" y="{(_HEIGHT - room) / 2:.1f}" width="{_BAR}" height="{room:.1f}" fill="#777"/>'
    label = f'<text x="0" y="{_HEIGHT + 22}">{_count(total, "photo")}</text>'
    return (
        f'<svg class=flow viewBox="0 -8 {_WIDTH + 190} {_HEIGHT + 40}" role=img '
        f'aria-label="What went where">{bar}{"".join(parts)}{label}</svg>'
    )


def _section(state: str, count: int, cards: Sequence[Card], more: int) -> str:
    own = [card for card in cards if card.state == state]
    if not count:
        return ""
    title, why = _title(state)
    tail = f"<p class=more>and {more:,} more</p>" if more else ""
    return (
        f'<section><h2><i class="{escape(state)}"></i>{count:,} {title}</h2><p>{why}</p>'
        f"<ul>{''.join(map(_card, own))}</ul>{tail}</section>"
    )


def _card(card: Card) -> str:
    figures = _figure(card.picture, card.name, "left out")
    if card.partner_name is not None:
        figures += _figure(card.partner, card.partner_name, "beside")
    words = "".join(f"<li>{_text(word)}</li>" for word in card.words)
    return f"<li class=card><div class=pair>{figures}</div><h3>{_text(card.series)}</h3><ul>{words}</ul></li>"


def _figure(picture: bytes | None, name: str, role: str) -> str:
    if picture is None:
        shown = "<div class=none>no picture</div>"
    else:
        data = base64.b64encode(picture).decode()
        shown = f'<img alt="" loading=lazy src="data:image/jpeg;base64,{data}">'
    return f'<figure class="{role.split()[0]}">{shown}<figcaption>{_text(name)}</figcaption></figure>'


def _title(state: str) -> tuple[str, str]:
    return _TITLES.get(state, (escape(state), "A person left them out."))


def _count(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _text(text: str) -> str:
    return escape(displayable(text))
