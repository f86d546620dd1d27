"""What the difference of two embeddings says, read with a bank of comparative phrases.

In training (CTAlign) the difference E(x) − E(y) of two photos was drawn towards the text embedding of a
sentence that says how x differs from y. Here the same is read the other way round: of sentences that are
known, which ones does a difference point at, and more so than its reverse does?
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from finepick.domain import Attribute, FloatArray
from finepick.scorers.phrases import Phrase, PhraseBank

SMALLEST_DIFFERENCE = 0.02
"""Of the embeddings' length. bfloat16 alone moves a feature by about half of that."""

CHANCE = 0.01
"""How often a difference without any meaning may still be read as something, by chance."""


@dataclass(frozen=True, slots=True)
class Saying:
    """One phrase that a difference says of the first photo; *strength* in [0, 1]."""

    phrase: Phrase
    is_better: bool
    strength: float

    @property
    def attribute(self) -> Attribute:
        return self.phrase.attribute

    @property
    def words(self) -> str:
        return self.phrase.better if self.is_better else self.phrase.worse


@dataclass(frozen=True, slots=True)
class Words:
    """The n frames of one series, ready to be read; small enough to keep with their reasons.

    axes: (k, d) of the k phrases, as `phrase_axes` gives them. embeddings: (n, d).
    """

    phrases: tuple[Phrase, ...]
    axes: FloatArray
    embeddings: FloatArray

    def between(self, i: int, j: int) -> tuple[Saying, ...]:
        """What is said of frame *i* beside frame *j*; see `read_difference`."""
        return read_difference(self.phrases, self.axes, self.embeddings[i], self.embeddings[j])


def words_of(bank: PhraseBank, embeddings: NDArray[np.floating]) -> Words:
    """*embeddings* (n, d) with *bank*. Raises ValueError where they have not the same d."""
    if embeddings.ndim != 2 or embeddings.shape[1] != bank.better.shape[1]:
        raise ValueError(
            f"embeddings of shape {embeddings.shape} cannot be read with phrases of {bank.better.shape[1]} "
            "numbers; they are of different models"
        )
    return Words(bank.phrases, phrase_axes(bank), np.asarray(embeddings, np.float64))


def phrase_axes(bank: PhraseBank) -> FloatArray:
    """The direction in which each of k phrases lies, (k, d), unit length.

    With b_k and w_k the unit embeddings of both sentences, cos(d, b_k) − cos(d, w_k) = d̂ · (b_k − w_k): what
    both sentences share (their topic, and that they are sentences) drops out. Each b_k − w_k is scaled to
    unit length, so that a pair of sentences that lie far apart does not speak the loudest of everything; then
    the mean over the bank is taken away, which is "better" in general: without it, every praise would go up
    and down together. A pair whose sentences do not differ is zeros, and never said.
    """
    apart = _unit(np.asarray(bank.better, np.float64) - np.asarray(bank.worse, np.float64))
    if not len(apart):
        return apart
    is_there = apart.any(axis=1, keepdims=True)
    return _unit(np.where(is_there, apart - apart.mean(axis=0), 0.0))


def evidence(axes: FloatArray, difference: FloatArray) -> FloatArray:
    """How strongly *difference* (d) points along each of *axes* (k, d), in standard deviations of chance: (k).

    z_k = √d · cos(difference, axis_k): a direction drawn at random has cosines of variance 1/d. Odd: the
    reverse difference gives exactly −z. Zeros for a difference without length.
    """
    size = float(np.sqrt((difference * difference).sum()))
    if size == 0:
        return np.zeros(len(axes))
    # A sum along rows, not a matrix product: its order does not hang on the number of threads.
    return np.asarray((axes * (difference / size)).sum(axis=1) * math.sqrt(axes.shape[1]))


def strengths(z: FloatArray) -> FloatArray:
    """Signed strengths (k) in (−1, 1) of evidence *z* (k): positive for the better sentence.

    The softmax over all 2k sentences, with z for the better and −z for the worse ones, less what the same
    softmax gives that sentence for the reverse difference:
    (e^{z_k} − e^{−z_k}) / Σ_j (e^{z_j} + e^{−z_j}) = sinh z_k / Σ_j cosh z_j. Odd in z.
    """
    if not len(z):
        return np.zeros(0)
    size = np.abs(z)
    top = float(size.max())
    rising, falling = np.exp(size - top), np.exp(-size - top)
    return np.asarray(np.sign(z) * (rising - falling) / (rising + falling).sum())


def least_evidence(count: int) -> float:
    """The |z| that the strongest of *count* phrases passes by chance in a share of `CHANCE` (Bonferroni)."""
    return NormalDist().inv_cdf(1 - CHANCE / (2 * max(count, 1)))


def read_difference(
    phrases: Sequence[Phrase],
    axes: FloatArray,
    x: NDArray[np.floating],
    y: NDArray[np.floating],
) -> tuple[Saying, ...]:
    """What the embeddings *x* and *y* (d) of two photos say of the first, strongest first.

    One saying an attribute at most. Empty where the two hardly differ (`SMALLEST_DIFFERENCE` of their length),
    or where no phrase stands out from what chance would give. What is said of (x, y) is said of (y, x) with
    the opposite sentence and the same strength.
    """
    here, there = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if not (np.isfinite(here).all() and np.isfinite(there).all()):
        return ()
    difference = here - there
    length = math.sqrt(((here * here).sum() + (there * there).sum()) / 2)
    apart = math.sqrt((difference * difference).sum())
    if not apart > SMALLEST_DIFFERENCE * length:
        return ()
    z = evidence(axes, difference)
    signed = strengths(z)
    least = least_evidence(len(phrases))
    strongest: dict[Attribute, Saying] = {}
    for k in np.argsort(-np.abs(z), kind="stable"):
        if abs(z[k]) < least:
            break
        saying = Saying(phrases[k], bool(z[k] > 0), round(abs(float(signed[k])), 3))
        strongest.setdefault(saying.attribute, saying)
    return tuple(strongest.values())


def _unit(rows: FloatArray) -> FloatArray:
    """*rows* at unit length; those that are next to nothing become zeros."""
    length = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
    return np.asarray(np.where(length > 1e-6, rows / np.maximum(length, 1e-6), 0.0))
