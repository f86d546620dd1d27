"""What may make a photo the better one, as words that are tapped instead of written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from finepick.domain import Attribute

CHIPS: Mapping[Attribute, str] = {
    Attribute.SHARPNESS: "sharper",
    Attribute.FOCUS_PLACE: "focus in the right place",
    Attribute.MOMENT: "better moment",
    Attribute.FRAMING: "better framing",
    Attribute.EXPOSURE: "better light",
    Attribute.COLOUR: "better colour",
    Attribute.DISTRACTION: "less distraction",
    Attribute.ARTEFACTS: "fewer flaws",
}


def words_of(chips: Iterable[str]) -> str:
    """The *chips* in words, in the order of the list: "sharper, better light"."""
    chosen = set(chips)
    return ", ".join(text for chip, text in CHIPS.items() if chip.value in chosen)
