"""From labelled series to what each stage learns: differences in words, ratings that only their order fixes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import lsqr
from scipy.special import ndtr

from finepick.datasets.judged_pairs import JudgedPair
from finepick.datasets.records import LabelledSeries
from finepick.scorers.red_aes.answers import HIGHEST, STRONGEST
from finepick.training.targets import series_target

_WORDS = (
    ("hardly differs from the other", "hardly differs from the other"),
    ("a little better than the other on the whole", "a little weaker than the other on the whole"),
    ("clearly better than the other on the whole", "clearly weaker than the other on the whole"),
    ("far better than the other on the whole", "far weaker than the other on the whole"),
)
"""What is said where nobody said anything, by strength: of the better one, and of the other."""


def pairs_of_series(series: LabelledSeries, folder: str) -> list[JudgedPair]:
    """What is known of the pairs of *series*, whose photos lie in *folder*; the difference is 2 P(a ≻ b) − 1."""
    target = series_target(series)
    paths = [os.path.join(folder, file) for file in series.photos]
    return [
        JudgedPair(paths[int(a)], paths[int(b)], 2 * float(p) - 1, target.texts.get(number))
        for number, (a, b, p) in enumerate(zip(target.a, target.b, target.p, strict=True))
    ]


def turned(pair: JudgedPair) -> JudgedPair:
    """The same said of its second picture; where nobody spoke of that one, what was said is said of the other."""
    text = pair.other_text
    if text is None and pair.text is not None:
        text = f"Of the other: {_begun_small(pair.text)}"
    return JudgedPair(pair.b, pair.a, -pair.difference, text, pair.text)


def thought_on(pair: JudgedPair) -> str:
    """How the first of *pair* differs from the other: its text, or what its difference alone can say."""
    if pair.text:
        return pair.text
    strength = min(STRONGEST, int(abs(pair.difference) * STRONGEST + 0.5))
    words = _WORDS[strength][0 if pair.difference >= 0 else 1]
    return f"{words[0].upper()}{words[1:]}."


def thought_alone(picture: str, pairs: Iterable[JudgedPair]) -> str:
    """What is said of *picture* by itself: of all *pairs* with it, what the clearest one says beside the other."""
    with_it = [pair if pair.a == picture else turned(pair) for pair in pairs if picture in (pair.a, pair.b)]
    clearest = max(with_it, key=lambda pair: (abs(pair.difference), pair.text is not None, pair.b))
    return f"Beside another version of itself: {_begun_small(thought_on(clearest))}"


def bootstrapped_ratings(pairs: Sequence[JudgedPair]) -> dict[str, float]:
    """Ratings in 0…100 by picture, from nothing but differences: no human score is ever looked at.

    Potentials u whose differences come nearest to those of *pairs* (least squares), with mean 0 in every set
    of pictures that pairs connect, become 100 Φ(u): equal steps in the middle, and nothing beyond the ends.
    """
    pictures = sorted({picture for pair in pairs for picture in (pair.a, pair.b)})
    place = {picture: number for number, picture in enumerate(pictures)}
    rows = np.repeat(np.arange(len(pairs)), 2)
    columns = np.array([place[picture] for pair in pairs for picture in (pair.a, pair.b)])
    signs = np.tile([1.0, -1.0], len(pairs))
    table = csr_array((signs, (rows, columns)), shape=(len(pairs), len(pictures)))
    # From 0, LSQR finds the shortest solution: the one whose connected sets each have mean 0.
    potentials = lsqr(table, np.array([pair.difference for pair in pairs]), atol=1e-10, btol=1e-10)[0]
    return {picture: float(HIGHEST * ndtr(u)) for picture, u in zip(pictures, potentials, strict=True)}


def _begun_small(text: str) -> str:
    """*text* as the rest of a sentence; abbreviations and "I" stay as they are."""
    first = text.split(maxsplit=1)[0] if text.split() else ""
    return text if first != first.capitalize() or len(first) == 1 else text[0].lower() + text[1:]
