"""Sentences as directions in the space of a network's features: by CLIP's text tower, or by hashing their words."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from finepick.domain import FloatArray
from finepick.errors import MissingExtraError
from finepick.scorers.fgaesq.checkpoint import read_text_state
from finepick.scorers.fgaesq.sentences import read_tokenizer
from finepick.scorers.fgaesq.text import SentenceEncoder, TextTower
from finepick.training.wording import Clause, clauses_of

try:
    import torch
    from torch import Tensor
except ImportError as error:
    raise MissingExtraError("reading sentences for training", extra="torch") from error

_PAIR_SHARE = 0.5
"""What two words beside one another count, of what one word does."""


class ClipTextEncoder:
    """CLIP's text tower, frozen, as FGAesQ is trained with: (n, 512) of n sentences."""

    def __init__(self, weights: str, tokenizer: str) -> None:
        """*weights*: the released checkpoint, or a CLIP state dict. *tokenizer*: folder of CLIP's tokenizer files.

        Raises WeightsError where one of them cannot be used or they do not belong together,
        WeightsNotFoundError where one is not there, MissingExtraError without the package tokenizers.
        """
        tower = TextTower(read_text_state(weights), source=weights)
        self._encoder = SentenceEncoder(tower, read_tokenizer(tokenizer))
        self.width = tower.embedding

    def __call__(self, sentences: Sequence[str]) -> Tensor:
        return torch.from_numpy(self._encoder.encode(sentences))


class HashedTextEncoder:
    """(n, d) directions of sentences, without weights: what a clause names, times whether there is more or less.

    Every word, and every two beside one another, has a vector of ±1/√d that its SHAKE-256 draws, so that it is
    the same on every machine. A clause is their sum, turned round where it says less ("softer", "less noise",
    "not sharper", "the other is sharper"), and counts half where the difference is slight. So a sentence and
    its opposite are opposite directions, and those of different qualities are about at right angles.
    A sentence that says nothing is all zeros: it draws a difference nowhere.
    """

    def __init__(self, d: int, seed: int = 0) -> None:
        if d < 1:
            raise ValueError(f"features of {d} numbers have no directions")
        self.width, self._seed = d, seed
        self._drawn: dict[str, FloatArray] = {}

    def __call__(self, sentences: Sequence[str]) -> Tensor:
        directions = np.zeros((len(sentences), self.width))
        for row, sentence in zip(directions, sentences, strict=True):
            for clause in clauses_of(sentence):
                row += clause.sign * clause.degree * self._of_words(clause)
        # Whole and half signs are summed exactly, so what cancels leaves nothing that could be blown up.
        lengths = np.linalg.norm(directions, axis=1, keepdims=True)
        return torch.from_numpy((directions / np.where(lengths > 0, lengths, 1.0)).astype(np.float32))

    def _of_words(self, clause: Clause) -> FloatArray:
        total = np.zeros(self.width)
        for word in clause.words:
            total += self._signs(word)
        for pair in pairwise(clause.words):
            total += _PAIR_SHARE * self._signs(" ".join(pair))
        return total

    def _signs(self, key: str) -> FloatArray:
        if key not in self._drawn:
            bits = _bits(f"{self._seed} {key}", self.width)
            self._drawn[key] = 2.0 * bits.astype(np.float64) - 1.0
        return self._drawn[key]


def _bits(key: str, count: int) -> NDArray[np.uint8]:
    drawn = hashlib.shake_256(key.encode("utf-8", "surrogatepass")).digest(-(-count // 8))
    return np.unpackbits(np.frombuffer(drawn, np.uint8), count=count)
