"""What a model answered, read strictly: either it is exactly what was asked for, or it is no answer."""

from __future__ import annotations

import re
from dataclasses import dataclass

from finepick.errors import UnreadableAnswerError

LOWEST, HIGHEST = 0, 100
"""Ends of the scale that photos are rated on. Only its order means anything."""

FIRST, SECOND, SIMILAR = "first", "second", "similar"
STRONGEST = 3
MOST_LETTERS = 4000

_THOUGHT = r"\s*<think>([^<>]*)</think>\s*"
_RATING = re.compile(_THOUGHT + r"<rating>\s*(\d{1,3}(?:\.\d{1,3})?)\s*</rating>\s*", re.ASCII)
_VERDICT = re.compile(
    _THOUGHT + r"<verdict>\s*(first|second|similar)\s*</verdict>\s*<strength>\s*(\d)\s*</strength>\s*",
    re.ASCII | re.IGNORECASE,
)
_SECOND_RATING = re.compile(
    r"\b(?:rating|rated?|score)\b[^.\d]{0,20}(\d+(?:\.\d+)?)|(\d+(?:\.\d+)?)\s*/\s*100", re.I
)
_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")


@dataclass(frozen=True, slots=True)
class Rating:
    """value: from `LOWEST` to `HIGHEST`. thought: what was said before it, on one line."""

    value: float
    thought: str


@dataclass(frozen=True, slots=True)
class PairVerdict:
    """difference: how much better the first is than the second, in [−1, 1]: the signed strength over 3."""

    difference: float
    thought: str


def read_rating(answer: str) -> Rating:
    """The rating in *answer*. Raises UnreadableAnswerError for anything but one thought and one rating.

    A rating beyond the scale, or one that the thought contradicts with another number, is none.
    """
    found = _RATING.fullmatch(_checked(answer))
    if found is None:
        raise _unreadable("it is not one thought and one rating", answer)
    thought, value = _thought(found[1], answer), float(found[2])
    if not LOWEST <= value <= HIGHEST:
        raise _unreadable(f"its rating is {found[2]}, not from {LOWEST} to {HIGHEST}", answer)
    for said in _SECOND_RATING.finditer(thought):
        if float(said[1] or said[2]) != value:
            raise _unreadable(f"it rates twice: {said[0]}, and {found[2]}", answer)
    return Rating(value, thought)


def read_verdict(answer: str) -> PairVerdict:
    """The verdict in *answer*. Raises UnreadableAnswerError for anything but one thought and one verdict.

    A difference without strength, or a strength without difference, is a contradiction and none.
    """
    found = _VERDICT.fullmatch(_checked(answer))
    if found is None:
        raise _unreadable("it is not one thought and one verdict with its strength", answer)
    thought, winner, strength = _thought(found[1], answer), found[2].lower(), int(found[3])
    if strength > STRONGEST or (strength == 0) != (winner == SIMILAR):
        raise _unreadable(f"its verdict is '{winner}' with a strength of {strength}", answer)
    return PairVerdict((1 if winner == FIRST else -1) * strength / STRONGEST, thought)


def rating_text(thought: str, value: float) -> str:
    """The answer that `read_rating` reads as this."""
    return f"<think>{_plain(thought)}</think>\n<rating>{value:.0f}</rating>"


def verdict_text(thought: str, difference: float) -> str:
    """The answer that `read_verdict` reads as this, up to the rounding of *difference* to thirds."""
    strength = min(STRONGEST, int(abs(difference) * STRONGEST + 0.5))
    winner = SIMILAR if strength == 0 else FIRST if difference > 0 else SECOND
    return f"<think>{_plain(thought)}</think>\n<verdict>{winner}</verdict>\n<strength>{strength}</strength>"


def _checked(answer: str) -> str:
    if not answer.strip():
        raise _unreadable("it is empty", answer)
    if len(answer) > MOST_LETTERS:
        raise _unreadable(f"it has {len(answer):,} letters, more than {MOST_LETTERS:,}", answer)
    return answer


def _thought(text: str, answer: str) -> str:
    thought = _plain(text)
    if not any(letter.isalpha() for letter in thought):
        raise _unreadable("it says nothing before it judges", answer)
    return thought


def _plain(text: str) -> str:
    """*text* on one line, without marks and what only confuses terminals and pages."""
    return " ".join(_ODD.sub("", text).replace("<", "").replace(">", "").split())


def _unreadable(fault: str, answer: str) -> UnreadableAnswerError:
    return UnreadableAnswerError(f"the model's answer cannot be used: {fault}", answer=answer)
