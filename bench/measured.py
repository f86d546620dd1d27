"""How well `measured`, `sharpness` and every single measurement order series that people judged.

    python bench/measured.py [--test] [--calibrate]

Pair accuracy (means that differ by more than the set's gap), top-1 and mean Spearman correlation, each with
a 95 % bootstrap interval over series; on the *val* parts, or on *test* with `--test` (to report, never to
choose). `--calibrate` prints how often pairs of each predicted probability come out, on val.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata

from finepick.domain import FloatArray
from finepick.errors import MissingExtraError, WeightsError
from finepick.scorers.base import Judgement, Scorer
from finepick.scorers.catalog import load_scorer, scorer_names
from labelled_series import LabelledSeries, beauty, frames_of, rated, spoilt

GAPS = {"agiqa3k": 0.3, "contrast_gamma": 0.5, "blur_jpeg": 0.3}


def pair_accuracy(fine: FloatArray, scores: FloatArray, gap: float) -> tuple[float, float]:
    """Right pairs and all pairs; a predicted tie is wrong."""
    known = scores[:, None] - scores[None, :] > gap
    return float((known & (fine[:, None] > fine[None, :])).sum()), float(known.sum())


def top_one(fine: FloatArray, scores: FloatArray, gap: float) -> tuple[float, float]:
    best = np.flatnonzero(fine == fine.max())
    return float(len(best) == 1 and scores[best[0]] == scores.max()), 1.0


def spearman(fine: FloatArray, scores: FloatArray, gap: float) -> tuple[float, float]:
    if np.ptp(scores) == 0:
        return 0.0, 0.0
    if np.ptp(fine) == 0:
        return 0.0, 1.0
    return float(np.corrcoef(rankdata(fine), rankdata(scores))[0, 1]), 1.0


METRICS: dict[str, Callable[[FloatArray, FloatArray, float], tuple[float, float]]] = {
    "pairs": pair_accuracy,
    "top-1": top_one,
    "s-srcc": spearman,
}


def interval(sums: FloatArray, draws: int = 2000) -> tuple[float, float, float]:
    """Ratio of the column sums of (series, 2), with its 95 % bootstrap interval over series."""
    picks = np.random.default_rng(0).integers(0, len(sums), (draws, len(sums)))
    drawn = sums[picks].sum(axis=1)
    ratios = drawn[:, 0] / np.maximum(drawn[:, 1], 1e-9)
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(sums[:, 0].sum() / sums[:, 1].sum()), float(low), float(high)


def judge_all(scorer: Scorer, many: list[LabelledSeries]) -> list[Judgement]:
    return [scorer.judge(frames_of(series.features)) for series in many]


def print_table(dataset: str, split: str) -> None:
    many = rated(dataset, split)
    gap = GAPS[dataset]
    print(f"\n{dataset} {split}: {len(many)} series, gap > {gap}")
    for name in scorer_names():
        try:
            scorer = load_scorer(name)
        except (WeightsError, MissingExtraError) as error:
            print(f"{name:28s} left out: {error.message}")
            continue
        judged = judge_all(scorer, many)
        cells = []
        for label, metric in METRICS.items():
            sums = np.array([metric(j.fine, s.scores, gap) for j, s in zip(judged, many, strict=True)])  # type: ignore[arg-type]
            cells.append(f"{label} {{:.3f}} [{{:.2f}} {{:.2f}}]".format(*interval(sums)))
        called = f"called {np.mean([not j.too_close for j in judged]):.0%}"
        print(f"{name:28s} " + "  ".join(cells) + f"  {called}")


def print_coarse(split: str) -> None:
    scorer = load_scorer("measured")
    photos, means = beauty(split)
    pooled = [photo for series in rated("agiqa3k", split) for photo in series.features]
    mos = np.concatenate([series.scores for series in rated("agiqa3k", split)])  # type: ignore[misc]
    for name, features, truth in (("OASIS beauty", photos, means), ("AGIQA-3K", pooled, mos)):
        coarse = scorer.coarse(frames_of(features))
        assert coarse is not None
        rho = np.corrcoef(rankdata(coarse), rankdata(truth))[0, 1]
        print(f"coarse on {name} {split}: srcc {rho:.3f}, {coarse.min():.1f}…{coarse.max():.1f}")


def print_calibration() -> None:
    """Of pairs with each predicted probability, how many come out; and what calling the best is worth."""
    scorer = load_scorer("measured")
    bins = np.array([0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9, 1.0001])
    for dataset in (*GAPS, "spoilt"):
        many = spoilt("val") if dataset == "spoilt" else rated(dataset, "val")
        predicted, came_out = [], []
        for series, judged in zip(many, judge_all(scorer, many), strict=True):
            pairs = series.pairs or [
                (i, j)
                for i in range(len(series.features))
                for j in range(len(series.features))
                if series.scores is not None and series.scores[i] > series.scores[j]
            ]
            for winner, loser in pairs:
                p = judged.preference[winner, loser]
                predicted.append(max(p, 1 - p))
                came_out.append(p > 0.5)
        place = np.digitize(predicted, bins) - 1
        right = np.array(came_out, float)
        cells = [
            f"{bins[k]:.2f}–{min(bins[k + 1], 1):.2f}: {right[place == k].mean():.2f} ({(place == k).sum()})"
            for k in range(len(bins) - 1)
            if (place == k).any()
        ]
        print(f"{dataset:15s} " + "  ".join(cells))


def main() -> None:
    split = "test" if "--test" in sys.argv else "val"
    for dataset in GAPS:
        print_table(dataset, split)
    print_coarse(split)
    if "--calibrate" in sys.argv:
        print_calibration()


if __name__ == "__main__":
    main()
