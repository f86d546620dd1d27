"""What the model is asked, in training and in use the same; the words lie in `rate.txt` and `compare.txt`."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Any


@lru_cache(1)
def rate_prompt() -> str:
    """Asks for thoughts on one photo, and its rating."""
    return _text("rate.txt")


@lru_cache(1)
def compare_prompt() -> str:
    """Asks how the first of two photos differs from the second, and for a verdict."""
    return _text("compare.txt")


def conversation(prompt: str, pictures: int) -> list[dict[str, Any]]:
    """*prompt* after so many *pictures*, as chat templates take it; the pictures are handed over beside it.

    Neither names nor metadata of photos are ever part of it.
    """
    shown: list[dict[str, Any]] = [{"type": "image"} for _ in range(pictures)]
    return [{"role": "user", "content": [*shown, {"type": "text", "text": prompt}]}]


def _text(name: str) -> str:
    return resources.files("finepick.scorers.red_aes").joinpath(name).read_text(encoding="utf-8").strip()
