"""Pairs of pictures with how much better one is, whoever said so: the form in which RED-Aes learns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """a, b: paths of pictures. difference: how much better a is than b, in [−1, 1].

    text: how a differs from b, in words; other_text: how b differs from a. None where nobody said it.
    """

    a: str
    b: str
    difference: float
    text: str | None = None
    other_text: str | None = None
