"""From tokens to the arrays that a network takes, and from what it answers to `Outputs`; numpy only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finepick.errors import ScorerError
from finepick.scorers.fgaesq.architecture import Architecture
from finepick.scorers.fgaesq.runner import Outputs
from finepick.scorers.fgaesq.tokens import PATCH, POSITION_GRID, Floats, Tokens


class Batch(NamedTuple):
    """patches (n, t, 3, 16, 16), marks (n, t), rows and columns (n, t, 14) of n photos."""

    patches: Floats
    marks: NDArray[np.int8]
    rows: Floats
    columns: Floats


def batches(tokens: Sequence[Tokens], size: int) -> Iterator[Batch]:
    """*tokens* in order, at most *size* photos at a time, all of one batch with as many tokens."""
    start = 0
    while start < len(tokens):
        stop = start + 1
        while stop < min(start + size, len(tokens)) and len(tokens[stop].marks) == len(tokens[start].marks):
            stop += 1
        some = tokens[start:stop]
        yield Batch(
            _stacked([photo.patches for photo in some], np.float32),
            _stacked([photo.marks for photo in some], np.int8),
            _stacked([photo.rows for photo in some], np.float32),
            _stacked([photo.columns for photo in some], np.float32),
        )
        start = stop


def outputs_of(answers: Sequence[tuple[Floats, Floats]], architecture: Architecture) -> Outputs:
    """Features and logits of several batches as one. Raises ScorerError where one is not a number."""
    none = (
        np.empty((0, architecture.embedding), np.float32),
        np.empty((0, architecture.answers), np.float32),
    )
    features, logits = (np.concatenate(parts) for parts in zip(none, *answers, strict=True))
    if not (np.isfinite(features).all() and np.isfinite(logits).all()):
        raise ScorerError(
            "the network answered with something that is not a number; "
            "its weights or this device cannot be trusted: fetch the weights again, or use --device cpu"
        )
    return Outputs(features, logits, expected_scores(logits))


def expected_scores(logits: Floats) -> NDArray[np.float64]:
    """(n,), the expectation over the answers 1, 2, … of softmax(logits (n, answers))."""
    exact = logits.astype(np.float64)
    weights = np.exp(exact - exact.max(axis=1, keepdims=True))
    answers = np.arange(1, logits.shape[1] + 1)
    return np.asarray((weights * answers).sum(axis=1) / weights.sum(axis=1))


def takes_tokens(architecture: Architecture) -> bool:
    """Whether `Tokens` are cut as a network of *architecture* wants them."""
    return (architecture.patch, architecture.grid) == (PATCH, POSITION_GRID)


def _stacked(arrays: list[Any], dtype: type[np.generic]) -> Any:
    if len(arrays) == 1:
        return np.require(arrays[0], dtype, ["C", "W"])[None]  # torch wants arrays that it could write
    return np.stack(arrays).astype(dtype, copy=False)
