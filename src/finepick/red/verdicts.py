"""What a model is asked about two pictures, and how strictly its answer is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

from finepick.chat.messages import object_in
from finepick.red.records import STRONGEST, Choice, Dimension, Verdict

_CHOICES = {"A": Choice.FIRST, "B": Choice.SECOND, "similar": Choice.SIMILAR}
_MOST_LETTERS = 300


@lru_cache(1)
def judge_prompt() -> str:
    """What is asked, before the pictures A and B."""
    return resources.files("finepick.red").joinpath("judge_prompt.txt").read_text(encoding="utf-8")


def read_verdict(content: str) -> Verdict:
    """The verdict in an answer. Raises ValueError for anything but one verdict, whole and without contradiction."""
    answer = object_in(content)
    better, strength = answer.get("better"), answer.get("strength")
    if not isinstance(better, str) or better not in _CHOICES:
        raise ValueError(f"it says neither A nor B nor similar, but {str(better)[:40]!r}")
    if type(strength) is not int or not 0 <= strength <= STRONGEST:
        raise ValueError(f"its strength is {str(strength)[:40]!r}")
    return Verdict(_CHOICES[better], strength, _reasons(answer.get("reasons", {})))


def verdict_to_json(verdict: Verdict) -> str:
    """*verdict* as it is kept; `verdict_from_json` gives it back."""
    return json.dumps([verdict.choice, verdict.strength, dict(verdict.reasons)])


def verdict_from_json(text: str) -> Verdict:
    choice, strength, reasons = json.loads(text)
    return Verdict(Choice(choice), strength, {Dimension(name): words for name, words in reasons.items()})


def _reasons(given: Any) -> Mapping[Dimension, str]:
    """Those under a known name; others are no reason to doubt the verdict."""
    if not isinstance(given, dict):
        raise ValueError("its reasons are no object")
    known = {name: given[name] for name in Dimension if isinstance(given.get(name), str)}
    plain = {name: " ".join(words.split())[:_MOST_LETTERS] for name, words in known.items()}
    return {name: words for name, words in plain.items() if words}
