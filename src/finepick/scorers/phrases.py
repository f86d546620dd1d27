"""Comparative phrases with their text embeddings: what the difference of two pictures can be read with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finepick.domain import Attribute
from finepick.features.packing import pack_arrays

SENTENCE = "{} than in the other photo"
"""What the text tower is given of a phrase: as in training, the sentence says that it compares."""

_LIST, _BETTER, _WORSE = "phrases.list", "phrases.better", "phrases.worse"


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

    @property
    def digest(self) -> str:
        """SHA-256 over phrases and embeddings."""
        return hashlib.sha256(pack_arrays(self.to_arrays())).hexdigest()

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """This as arrays that any container of arrays takes: the phrases are JSON, as bytes."""
        listed = json.dumps([[str(one.attribute), one.better, one.worse] for one in self.phrases])
        return {
            _LIST: np.frombuffer(listed.encode(), np.uint8),
            _BETTER: np.ascontiguousarray(self.better, np.float32),
            _WORSE: np.ascontiguousarray(self.worse, np.float32),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> PhraseBank:
        """What `to_arrays` was called on. Raises ValueError for anything else."""
        try:
            rows = json.loads(np.asarray(arrays[_LIST], np.uint8).tobytes())
            phrases = tuple(Phrase(Attribute(name), str(good), str(bad)) for name, good, bad in rows)
            better, worse = np.asarray(arrays[_BETTER]), np.asarray(arrays[_WORSE])
        except (KeyError, TypeError) as error:
            raise ValueError(f"these arrays hold no bank of phrases: {error}") from error
        if better.ndim != 2 or better.shape != worse.shape or len(better) != len(phrases):
            raise ValueError(
                f"a bank of {len(phrases)} phrases has embeddings of {better.shape} and {worse.shape}"
            )
        if better.dtype != np.float32 or worse.dtype != np.float32:
            raise ValueError(f"embeddings of phrases are float32, not {better.dtype} and {worse.dtype}")
        if not (np.isfinite(better).all() and np.isfinite(worse).all()):
            raise ValueError("embeddings of phrases are not finite")
        return cls(phrases, better, worse)


def make_bank(
    phrases: Sequence[Phrase], encode: Callable[[Sequence[str]], NDArray[np.float32]]
) -> PhraseBank:
    """The bank of *phrases*; *encode* gives the (n, d) embeddings of n sentences, of any length but none.

    Raises ValueError where an embedding has no direction.
    """
    sentences = [SENTENCE.format(text) for one in phrases for text in (one.better, one.worse)]
    embeddings = np.asarray(encode(sentences), np.float64)
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        raise ValueError("the text tower gives embeddings without a direction")
    directions = (embeddings / lengths).astype(np.float32)
    return PhraseBank(tuple(phrases), directions[0::2].copy(), directions[1::2].copy())


def digest_of(phrases: Sequence[Phrase]) -> str:
    """SHA-256 over everything that is sent to the text tower: by it a bank is known to be of this list."""
    listed = [SENTENCE, *([str(one.attribute), one.better, one.worse] for one in phrases)]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()
