"""Fits the weights of the `measured` scorer and writes them to `src/finepick/scorers/measured.json`.

    python bench/fit_measured.py [--dry]

Learns from AGIQA-3K *train* (pairs whose means differ by more than .3), and from photos and OASIS *train*
photos spoilt by hand (the photo beats what was made of it, a little spoilt beats very spoilt, level beats
leaning). The two temperatures, of series whose frames lie over one another and of others, are set on the
*val* parts; *test* parts are never opened. A Bradley–Terry model with a ridge, by L-BFGS-B; weights of
readings whose sign physics settles may not be negative.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from finepick.differences.leaning import lean_of_series
from finepick.differences.maps import difference_maps
from finepick.differences.places import lay_cells
from finepick.differences.registration import register_series
from finepick.domain import FloatArray
from finepick.scorers.measured import COARSE_READINGS, READINGS, is_near, read_series
from labelled_series import LabelledSeries, beauty, leaning, rated, slipped, spoilt

TARGET = os.path.join(os.path.dirname(__file__), "..", "src", "finepick", "scorers", "measured.json")
NEVER_NEGATIVE = frozenset(READINGS) - {"contrast", "entropy", "colour"}
RIDGE = 0.01
SHARES = {"agiqa3k": 3.0, "spoilt": 3.0, "leaning": 1.0, "slipped": 1.0}
"""What each part counts in learning: narrow ones, with one defect, count less."""
MADE = {"spoilt": spoilt, "leaning": leaning, "slipped": slipped}
GAPS = {"agiqa3k": 0.3, "contrast_gamma": 0.5, "blur_jpeg": 0.3}


@dataclass(frozen=True, slots=True)
class Pairs:
    """Readings of winners less those of losers, (k, readings), and what each pair counts; all together 1.

    near: whether all frames of the pair's series could be laid over one another.
    """

    differences: FloatArray
    weights: FloatArray
    near: NDArray[np.bool_]


def readings_of(series: LabelledSeries) -> tuple[FloatArray, bool]:
    alignment = register_series(series.features)
    maps = difference_maps(series.features, alignment)
    places = lay_cells(series.features, alignment, maps)
    readings = read_series(series.features, places, lean_of_series(series.features, alignment))
    return readings, is_near(alignment)


def pairs_of(many: list[LabelledSeries], gap: float = 0.0) -> Pairs:
    """Every series counts the same, however many pairs it has."""
    differences, weights, nearness = [], [], []
    for series in many:
        readings, near = readings_of(series)
        if series.scores is None:
            known = list(series.pairs)
        else:
            above = series.scores[:, None] - series.scores[None, :] > gap
            known = [(int(i), int(j)) for i, j in zip(*np.nonzero(above), strict=True)]
        if known:
            winners, losers = np.array(known).T
            differences.append(readings[winners] - readings[losers])
            weights.append(np.full(len(known), 1 / len(known)))
            nearness.append(np.full(len(known), near))
    together = np.concatenate(weights)
    return Pairs(np.concatenate(differences), together / together.sum(), np.concatenate(nearness))


def loss(utilities: FloatArray, weights: FloatArray) -> float:
    """Mean surprise, in nats, when the winner's utility exceeds the loser's by *utilities*."""
    return float(weights @ np.logaddexp(0.0, -utilities))


def fit(parts: dict[str, Pairs], ridge: float = RIDGE) -> FloatArray:
    differences = np.concatenate([part.differences for part in parts.values()])
    weights = np.concatenate([part.weights * SHARES[name] for name, part in parts.items()])
    weights /= weights.sum()
    scale = np.sqrt(weights @ differences**2) + 1e-9
    scaled = differences / scale

    def objective(w: FloatArray) -> tuple[float, FloatArray]:
        margin = scaled @ w
        slope = -weights / (1 + np.exp(margin))
        return loss(margin, weights) + ridge * float(w @ w), scaled.T @ slope + 2 * ridge * w

    bounds = [(0.0, None) if name in NEVER_NEGATIVE else (None, None) for name in READINGS]
    found = minimize(objective, np.full(len(READINGS), 0.1), jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x / scale)


def fit_temperature(weights: FloatArray, parts: list[Pairs], *, near: bool) -> float:
    """The temperature with the least mean surprise over the pairs of *parts* that are near, or are not."""
    chosen = [
        (part.differences[part.near == near] @ weights, part.weights[part.near == near]) for part in parts
    ]

    def surprise(log_temperature: float) -> float:
        temperature = np.exp(log_temperature)
        return sum(loss(utilities / temperature, counts) for utilities, counts in chosen)

    return float(np.exp(minimize_scalar(surprise, bounds=(-3, 3), method="bounded").x))


def accuracy(weights: FloatArray, part: Pairs) -> float:
    return float(part.weights @ (part.differences @ weights > 0))


def fit_coarse(ridge: float = 3.0) -> tuple[FloatArray, float]:
    """Ridge regression of AGIQA train means and OASIS train beauty, both on 1…10, on measurements."""
    rows, targets = [], []
    for series in rated("agiqa3k", "train"):
        assert series.scores is not None
        rows += [[photo.measurements[name] for name in COARSE_READINGS] for photo in series.features]
        targets += list(1 + series.scores * 9 / 5)
    photos, means = beauty("train")
    rows += [[photo.measurements[name] for name in COARSE_READINGS] for photo in photos]
    targets += list(means)
    x, y = np.array(rows), np.array(targets)
    middle, scale = x.mean(axis=0), x.std(axis=0)
    z = (x - middle) / scale
    slopes = np.linalg.solve(z.T @ z + ridge * np.eye(len(scale)), z.T @ (y - y.mean())) / scale
    return slopes, float(y.mean() - middle @ slopes)


def main() -> None:
    train = {
        "agiqa3k": pairs_of(rated("agiqa3k", "train"), GAPS["agiqa3k"]),
        **{name: pairs_of(read("train")) for name, read in MADE.items()},
    }
    val = {name: pairs_of(rated(name, "val"), gap) for name, gap in GAPS.items()}
    val |= {name: pairs_of(read("val")) for name, read in MADE.items()}
    weights = fit(train)
    temperatures = {
        name: fit_temperature(weights, list(val.values()), near=near)
        for name, near in (("near", True), ("apart", False))
    }
    for name, weight in zip(READINGS, weights, strict=True):
        spread = float(
            np.sqrt(val["spoilt"].weights @ val["spoilt"].differences[:, READINGS.index(name)] ** 2)
        )
        print(f"{name:12s} {weight:8.3f}   × typical difference {weight * spread:6.3f}")
    parts = [(name, "train", part) for name, part in train.items()]
    parts += [(name, "val", part) for name, part in val.items()]
    for name, split, part in parts:
        heat = np.where(part.near, temperatures["near"], temperatures["apart"])
        surprise = loss(part.differences @ weights / heat, part.weights)
        print(f"{name:15s} {split:5s} pair accuracy {accuracy(weights, part):.3f}  surprise {surprise:.3f}")
    print(f"temperatures {temperatures}")
    slopes, intercept = fit_coarse()
    document = {
        "made_by": "bench/fit_measured.py",
        "readings": {name: round(float(w), 6) for name, w in zip(READINGS, weights, strict=True)},
        "temperatures": {name: round(value, 6) for name, value in temperatures.items()},
        "coarse": {
            **{name: round(float(w), 6) for name, w in zip(COARSE_READINGS, slopes, strict=True)},
            "intercept": round(intercept, 6),
        },
    }
    if "--dry" not in sys.argv:
        with open(TARGET, "w", encoding="utf-8", newline="\n") as target:
            json.dump(document, target, indent=2)
            target.write("\n")


if __name__ == "__main__":
    main()
