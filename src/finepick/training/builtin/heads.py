"""What is read off the taught network: linear readings of its features, fitted on people's judgements and on edits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from finepick.domain import FloatArray

CLOSER = 2
"""The close look has this many times as many cells along each side as the look at the whole."""

PENALTIES = (100.0, 300.0, 1_000.0, 3_000.0, 10_000.0, 30_000.0)
FOLDS = 5

Floats = NDArray[np.float32]
Groups = Sequence[NDArray[np.intp]]


@dataclass(frozen=True, slots=True)
class Examples:
    """values: (n,) what people said. groups: within which values are compared. paths: of the photos. of_series: they
    were compared or rated as members of a series, not one by one. dataset: what they are of."""

    values: FloatArray
    groups: Groups
    paths: list[str]
    of_series: bool = True
    dataset: str = ""

    @classmethod
    def pooled(cls, several: Sequence[Examples]) -> Examples:
        """All of *several*, values in units of how they differ within a group of their own set."""
        values, groups = [], []
        paths: list[str] = []
        for one in several:
            apart = np.concatenate([one.values[group] - one.values[group].mean() for group in one.groups])
            groups += [group + len(paths) for group in one.groups]
            values.append(one.values / (apart.std() + 1e-9))
            paths += one.paths
        return cls(np.concatenate(values), groups, paths, several[0].of_series)


@dataclass(frozen=True, slots=True)
class Fit:
    """weights: (d,) fitted on everything, and an intercept. said: (n,) what weights fitted without a photo's own fold
    say of it. by_folds, on_others: how well that is (see `agreement`), and how well *weights* do on other examples, if
    there were any."""

    weights: FloatArray
    intercept: float
    said: FloatArray
    penalty: float
    by_folds: float
    on_others: float | None
    examples: Examples


@dataclass(frozen=True, slots=True)
class Reading:
    """A number that is linear in what was seen: weights of cells of the close look, of those of the whole (both are
    averaged over their cells), and of the texture."""

    close: FloatArray
    whole: FloatArray
    texture: FloatArray
    intercept: float

    @classmethod
    def of(cls, fit: Fit, channels: int) -> Reading:
        """Of features as `features.Features` gives them, *channels* a cell."""
        close, whole, texture = np.split(fit.weights, [channels, 2 * channels])
        return cls(close, whole, texture, fit.intercept)


@dataclass(frozen=True, slots=True)
class Heads:
    """quality: what makes one of several pictures of a subject better. beauty: what makes any photo better. soundness:
    how little edits have hurt it."""

    quality: Reading
    beauty: Reading
    soundness: Reading

    def arrays(self) -> dict[str, Floats]:
        made: dict[str, Floats] = {}
        for name in ("quality", "beauty", "soundness"):
            reading = getattr(self, name)
            for part in ("close", "whole", "texture"):
                made[f"{name} {part}"] = np.asarray(getattr(reading, part), np.float32)
            made[f"{name} intercept"] = np.array([reading.intercept], np.float32)
        return made


def ridge(features: FloatArray, values: FloatArray, groups: Groups, penalty: float) -> FloatArray:
    """Weights (d,) for *values* (n,) from *features* (n, d), both as they differ from their group's mean.

    Hoerl & Kennard, Technometrics 1970; solved in the space of examples. Features are scaled to unit spread first.
    """
    spread = features.std(axis=0) + 1e-3
    rows = np.concatenate([features[group] - features[group].mean(axis=0) for group in groups]) / spread
    wanted = np.concatenate([values[group] - values[group].mean() for group in groups])
    kernel = rows @ rows.T
    kernel[np.diag_indices_from(kernel)] += penalty
    return np.asarray(rows.T @ np.linalg.solve(kernel, wanted) / spread)


def fit(
    features: FloatArray,
    examples: Examples,
    others: tuple[FloatArray, Examples] | None = None,
    *,
    seed: int = 0,
) -> Fit:
    """The ridge whose penalty agrees best with what it has not seen: with *others* (features, examples), or, without
    them, with FOLDS folds of groups, or of the members of one.

    Folds flatter where the network that made the features had the same photos for lessons: it knows them better than
    any others, and a small penalty trusts it more than it deserves.
    """
    values, groups = examples.values, examples.groups
    chance = np.random.default_rng(seed)
    units = list(groups) if len(groups) >= FOLDS else [np.array([i]) for i in range(len(values))]
    folds = [
        np.concatenate([units[i] for i in part])
        for part in np.array_split(chance.permutation(len(units)), FOLDS)
    ]
    tried = []
    for penalty in PENALTIES:
        said = np.zeros(len(values))
        for fold in folds:
            kept = [np.setdiff1d(group, fold) for group in groups]
            weights = ridge(features, values, [group for group in kept if len(group)], penalty)
            said[fold] = features[fold] @ weights
            if len(groups) == 1:
                rest = np.setdiff1d(groups[0], fold)
                said[fold] += (values[rest] - features[rest] @ weights).mean()
        weights = ridge(features, values, groups, penalty)
        intercept = float((values - features @ weights).mean()) if len(groups) == 1 else 0.0
        by_folds = agreement(said, examples)
        on_others = None if others is None else agreement(others[0] @ weights, others[1])
        tried.append(Fit(weights, intercept, said, penalty, by_folds, on_others, examples))
    return max(tried, key=lambda one: one.by_folds if one.on_others is None else one.on_others)


def agreement(said: FloatArray, examples: Examples) -> float:
    """Share of pairs within groups whose order is right, of those more than a third of a spread apart; of a single
    group, the rank correlation."""
    if len(examples.groups) == 1:
        return float(spearmanr(said, examples.values).statistic)
    right = total = 0
    for group in examples.groups:
        gaps = np.subtract.outer(examples.values[group], examples.values[group])
        clear = gaps > 1 / 3
        right += int((clear & (np.subtract.outer(said[group], said[group]) > 0)).sum())
        total += int(clear.sum())
    return right / max(total, 1)
