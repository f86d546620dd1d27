"""What a multimodal model is asked of the photos of a series, and how its answer is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import pairwise

from finepick.chat.messages import object_in
from finepick.refinement.thresholds import Reason

MOST_PHOTOS = 8
"""In one question; longer series are asked about in parts."""

_FINE = "fine"
_MOST_WHY = 300


@dataclass(frozen=True, slots=True)
class Verdict:
    """On one photo of a question: why it is to be left out (None: it is fine), which one it is like, in words why."""

    reason: Reason | None
    like: int | None
    why: str


@lru_cache(1)
def prompt() -> str:
    """What is asked; {count} stands for how many photos are shown."""
    return resources.files("finepick.refinement").joinpath("check_prompt.txt").read_text(encoding="utf-8")


def parts_of(count: int) -> list[range]:
    """The photos 0 … *count* − 1 of a series in as few questions as possible, of about the same length."""
    parts = -(-count // MOST_PHOTOS)
    bounds = [round(count * part / parts) for part in range(parts + 1)] if parts else [0]
    return [range(start, stop) for start, stop in pairwise(bounds)]


def question_key(model: str, digests: Sequence[str]) -> str:
    """What an answer is kept under: the same photos in the same order, model and prompt are the same question."""
    facts = json.dumps([model, prompt(), list(digests)])
    return hashlib.sha256(facts.encode()).hexdigest()


def read_verdicts(content: str, count: int) -> tuple[Verdict, ...]:
    """The verdicts in an answer, with or without a code fence. Raises ValueError for anything else.

    Every one of *count* photos must be there once, with a verdict that there is; a photo is like another one.
    """
    entries = object_in(content).get("photos")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError('it is not {"photos": [{…}, …]}')
    by_number = {entry.get("photo"): entry for entry in entries if type(entry.get("photo")) is int}
    if len(entries) != count or sorted(by_number) != list(range(1, count + 1)):
        raise ValueError(f"it does not speak of each of {count} photos once")
    return tuple(_verdict(by_number[number], number, count) for number in range(1, count + 1))


def _verdict(entry: dict[str, object], number: int, count: int) -> Verdict:
    word, like, why = entry.get("verdict"), entry.get("like"), entry.get("why", "")
    if word != _FINE and word not in list(Reason):
        raise ValueError(f"'{word}' is no verdict")
    reason = None if word == _FINE else Reason(str(word))
    partner = None
    if reason is Reason.INDISCERNIBLE:
        if type(like) is not int or not 1 <= like <= count or like == number:
            raise ValueError("it does not say which photo this one is like")
        partner = like - 1
    text = " ".join(str(why).split()) if isinstance(why, str) else ""
    return Verdict(reason, partner, text[:_MOST_WHY])
