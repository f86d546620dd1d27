"""Ratings, labels and picks in a packet: which are a human's, which are ours, and what becomes of them.

A value that we wrote is remembered in our namespace (`WroteLabel` …), and is ours for as long as it says the
same. Any other is a human's, and so is the clearing of one of ours. `0` counts as unset: programs write it
unasked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from finepick.exports.packet import (
    ACDSEE,
    DIGIKAM,
    FINEPICK,
    MICROSOFT,
    PHOTOSHOP,
    XMP,
    XMP_DM,
    Packet,
    Property,
)

KEEP_LABEL = "Green"

_RATING = Property(XMP, "Rating")
_LABEL = Property(XMP, "Label")
_PICK = Property(XMP_DM, "pick")
_GOOD = Property(XMP_DM, "good")
_PICK_LABEL = Property(DIGIKAM, "PickLabel")
_COLOR_LABEL = Property(DIGIKAM, "ColorLabel")
_URGENCY = Property(PHOTOSHOP, "Urgency")
_MICROSOFT_RATING = Property(MICROSOFT, "Rating")
_ACDSEE_RATING = Property(ACDSEE, "rating")

# What we may write, and how we remember that we did.
_MEMORY = {
    _RATING: Property(FINEPICK, "WroteRating"),
    _LABEL: Property(FINEPICK, "WroteLabel"),
    _PICK: Property(FINEPICK, "WrotePick"),
    _PICK_LABEL: Property(FINEPICK, "WrotePickLabel"),
}

# How other programs repeat a value of ours in properties of theirs. An echo is not a human's word.
_ECHOES: Mapping[tuple[Property, str], Mapping[Property, str]] = {
    (_LABEL, KEEP_LABEL): {_COLOR_LABEL: "4", _URGENCY: "4"},
    (_PICK, "1"): {_GOOD: "True"},
    (_PICK, "-1"): {_GOOD: "False"},
    (_RATING, "1"): {_MICROSOFT_RATING: "1", _ACDSEE_RATING: "1"},
    (_RATING, "2"): {_MICROSOFT_RATING: "25", _ACDSEE_RATING: "2"},
    (_RATING, "3"): {_MICROSOFT_RATING: "50", _ACDSEE_RATING: "3"},
    (_RATING, "4"): {_MICROSOFT_RATING: "75", _ACDSEE_RATING: "4"},
    (_RATING, "5"): {_MICROSOFT_RATING: "99", _ACDSEE_RATING: "5"},
}


@dataclass(frozen=True, slots=True)
class Marks:
    """A rating (−1 or 1…5), a label and a pick (1 or −1); None says nothing."""

    rating: int | None = None
    label: str | None = None
    pick: int | None = None

    @property
    def say_something(self) -> bool:
        return (self.rating, self.label, self.pick) != (None, None, None)


@dataclass(frozen=True, slots=True)
class HumanMark:
    """A mark that a human has set and that stays: `what` is rating, label or pick; None if cleared."""

    what: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Marks outside the sidecar, which are all a human's: in the photo itself, and in its other sidecar."""

    embedded: Marks = field(default_factory=Marks)
    other: Packet | None = None


def merge_marks(
    wanted: Marks, packet: Packet, elsewhere: Elsewhere, *, overwrite: bool
) -> tuple[HumanMark, ...]:
    """Set *wanted* in *packet*, and take back what we set earlier, wherever no human has said otherwise.

    Returns what humans keep instead; with *overwrite* that is nothing.
    """
    kept = []
    for mark in _marks(wanted):
        human = None if overwrite else _human_mark(mark, packet, elsewhere)
        if human is None:
            for name, value in mark.values.items():
                _put(packet, name, value)
        else:
            _withdraw(mark, packet)
            if mark.is_wanted and human.value not in mark.values.values():
                kept.append(human)
    if overwrite and wanted.pick is not None and packet.get(_GOOD) is not None:
        packet.set(_GOOD, "True" if wanted.pick > 0 else "False")
    return tuple(kept)


@dataclass(frozen=True, slots=True)
class _Mark:
    """A rating, label or pick: the values wanted of it, and all the properties that speak of it."""

    what: str
    values: Mapping[Property, str | None]
    witnesses: tuple[Property, ...]

    @property
    def is_wanted(self) -> bool:
        return any(value is not None for value in self.values.values())


def _marks(wanted: Marks) -> tuple[_Mark, ...]:
    rating = None if wanted.rating is None else str(wanted.rating)
    pick = None if wanted.pick is None else str(wanted.pick)
    pick_label = None if wanted.pick is None else "3" if wanted.pick > 0 else "1"
    return (
        # The pick comes first: it looks for a rating of −1 that is a human's, before we write one.
        _Mark("pick", {_PICK: pick, _PICK_LABEL: pick_label}, (_PICK, _PICK_LABEL, _GOOD)),
        _Mark("rating", {_RATING: rating}, (_RATING, _MICROSOFT_RATING, _ACDSEE_RATING)),
        _Mark("label", {_LABEL: wanted.label}, (_LABEL, _COLOR_LABEL, _URGENCY)),
    )


def _human_mark(mark: _Mark, packet: Packet, elsewhere: Elsewhere) -> HumanMark | None:
    """What a human says of *mark*; None where no human has spoken."""
    ours = {name: memory for name in mark.values if (memory := packet.get(_MEMORY[name])) is not None}
    expected: dict[Property, str] = {}
    for name, memory in ours.items():
        expected |= _ECHOES.get((name, memory), {})
    expected |= ours
    for witness in mark.witnesses:
        for value in _values(witness, packet, elsewhere):
            if value.casefold() != expected.get(witness, "").casefold():
                return HumanMark(mark.what, value)
    if mark.what == "pick" and _is_rejected_by_rating(packet, elsewhere):
        return HumanMark(mark.what, "rejected")
    if ours and not any(_value(packet, name) for name in ours):
        return HumanMark(mark.what, None)
    return None


def _is_rejected_by_rating(packet: Packet, elsewhere: Elsewhere) -> bool:
    """Whether a human rated the photo −1, which is to reject it."""
    return packet.get(_MEMORY[_RATING]) != "-1" and "-1" in _values(_RATING, packet, elsewhere)


def _values(name: Property, packet: Packet, elsewhere: Elsewhere) -> Sequence[str]:
    """The values of *name* wherever the photo has one that means something."""
    embedded = {_RATING: elsewhere.embedded.rating, _LABEL: elsewhere.embedded.label}.get(name)
    values = [_value(packet, name), str(embedded) if embedded else None]
    if elsewhere.other is not None:
        values.append(_value(elsewhere.other, name))
    return [value for value in values if value is not None]


def _value(packet: Packet, name: Property) -> str | None:
    value = packet.get(name)
    return None if value == "0" else value


def _withdraw(mark: _Mark, packet: Packet) -> None:
    """A human has spoken: take back what is still ours, and forget what is not."""
    if not any(_value(packet, name) for name in mark.values):
        return  # what was cleared stays remembered, so that it stays cleared
    for name in mark.values:
        if _is_ours(packet, name):
            packet.remove(name)
        packet.remove(_MEMORY[name])


def _put(packet: Packet, name: Property, value: str | None) -> None:
    """Set *name* to *value* and remember that; with None, take back what is ours."""
    is_ours = _is_ours(packet, name)
    if value is None:
        if is_ours:
            packet.remove(name)
        packet.remove(_MEMORY[name])
    elif is_ours or packet.get(name) != value:
        packet.set(name, value)
        packet.set(_MEMORY[name], value)


def _is_ours(packet: Packet, name: Property) -> bool:
    memory = packet.get(_MEMORY[name])
    return memory is not None and packet.get(name) == memory
