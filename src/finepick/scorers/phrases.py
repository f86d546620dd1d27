"""Comparative phrases with their text embeddings: what the difference of two pictures can be read with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finepick.domain import Attribute


@dataclass(frozen=True, slots=True)
class Phrase:
    """Two sentences that say opposite things of the same attribute, said of the first of two pictures."""

    attribute: Attribute
    better: str
    worse: str


@dataclass(frozen=True, slots=True)
class PhraseBank:
    """n phrases with the text tower's embeddings of both sentences.

    better, worse: (n, d) float32, unit length, d as in `Judgement.embeddings`.
    """

    phrases: tuple[Phrase, ...]
    better: NDArray[np.float32]
    worse: NDArray[np.float32]
