"""How readings are blended: weights from pairs (Bradley & Terry 1952), temperatures and thresholds from *val*.

What *train* says of versions of one picture decides their weights, where it says anything; else, and for bursts, they
are fixed, for want of judgements. For frames apart people's judgements in *train* decide, the network's reading being
one that did not know the series.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit

from finepick.datasets.records import LabelledPhoto
from finepick.domain import FloatArray
from finepick.scorers.builtin.scorer import READINGS, Blend, Kind
from finepick.scorers.utilities import judge_utilities
from finepick.training.builtin.heads import Fit

NEAR: Mapping[str, float] = {
    "soundness": 2.0,
    "sharpest": 0.25,
    "entropy": 1.1,
    "contrast": 2.5,
    "colour": 0.6,
    "burnt": 3.0,
    "noise": 0.5,
    "blocks": 0.5,
    "tilt": 0.5,
    "cut": 0.3,
}
"""Weights of readings of frames that lie over one another, chosen on *val*, on drawn bursts and on edits that hurt
(docs/experiments.md)."""

BURST: Mapping[str, float] = {**NEAR, "sharpest": 0.6}
"""The same for frames that have moved, of which the sharp one is wanted most of all."""

PULL, DOUBT = 3.0, 1.0
"""How much versions of one picture are judged by their distance from the likely best, and how doubtful that one is; see
`Blend`."""

APART = ("quality", "detail", "contrast", "entropy", "colour", "burnt", "noise", "blocks")
"""Readings of frames that only share a subject whose weights people decide."""

SURE = 0.8
"""The best frame is called where, on *val*, that is right this often; or, where it never is, as often as it can be
while at least `LEAST_CALLED` of the series are called."""

LEAST_CALLED = 0.25

_CALL = 0.6
_PULLS, _DOUBTS = (1.0, 3.0, 10.0, 30.0), (0.5, 1.0, 2.0, 4.0)
_CALLS = tuple(np.arange(0.52, 0.96, 0.02).round(2))


@dataclass(frozen=True, slots=True)
class Pairs:
    """differences: (n, readings) of the first photo's readings minus the second's. wanted: (n,) P(first is better).
    counts: (n,) how much each pair counts."""

    differences: FloatArray
    wanted: FloatArray
    counts: FloatArray


def pairs_of(
    series: Sequence[tuple[FloatArray, FloatArray]], *, temperature: float, least_gap: float = 0.0
) -> Pairs:
    """All pairs within *series*, each given as readings (n, d) and values (n,), higher is better.

    P = σ(difference of values / temperature); pairs whose values differ by no more than *least_gap* are left out.
    Every series counts alike. Raises ValueError where no pair is left.
    """
    differences, wanted, counts = [], [], []
    for readings, values in series:
        first, second = np.triu_indices(len(values), 1)
        gaps = values[first] - values[second]
        clear = np.abs(gaps) > least_gap
        if clear.any():
            differences.append((readings[first] - readings[second])[clear])
            wanted.append(expit(gaps[clear] / temperature))
            counts.append(np.full(int(clear.sum()), 1 / clear.sum()))
    if not differences:
        raise ValueError("no two photos of any series differ")
    return Pairs(np.concatenate(differences), np.concatenate(wanted), np.concatenate(counts))


def fit_weights(pairs: Pairs, *, penalty: float, nonnegative: bool) -> FloatArray:
    """Weights (d,) that say *wanted* best; *penalty* is on their squares, readings scaled to unit spread."""
    spread = pairs.differences.std(axis=0) + 1e-9
    scaled = pairs.differences / spread
    counts = pairs.counts / pairs.counts.sum()

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        logits = scaled @ weights
        said = expit(logits)
        # log(1 + e^x) − t·x, without overflow
        entropy = np.logaddexp(0, logits) - pairs.wanted * logits
        slope = scaled.T @ (counts * (said - pairs.wanted))
        return float(counts @ entropy + penalty * weights @ weights), slope + 2 * penalty * weights

    bounds = [(0.0, None) if nonnegative else (None, None)] * scaled.shape[1]
    found = minimize(loss, np.zeros(scaled.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x / spread)


def fit_temperature(utilities: FloatArray, wanted: FloatArray, counts: FloatArray) -> float:
    """The temperature at which differences of *utilities* (n,) say *wanted* (n,) best, by cross-entropy.

    *counts*: (n,) how much each pair counts.
    """

    def loss(logarithm: float) -> float:
        logits = utilities / np.exp(logarithm)
        return float(counts @ (np.logaddexp(0, logits) - wanted * logits))

    return float(np.exp(minimize_scalar(loss, bounds=(-6.0, 6.0), method="bounded").x))


@dataclass(frozen=True, slots=True)
class Judged:
    """A series that was judged. readings: (n, len(READINGS)). distances: (n, n). values: (n,) what its frames are
    worth. gap: values that lie closer say nothing."""

    dataset: str
    kind: Kind
    readings: FloatArray
    distances: FloatArray
    values: FloatArray
    gap: float
    paths: list[str]

    def utilities(self, blend: Blend) -> FloatArray:
        return blend.utilities(self.readings, lambda: self.distances)


def blend_versions(train: Sequence[Judged], val: Sequence[Judged], tell: Callable[[str], None]) -> Blend:
    """For versions of one picture: what *train* says of them, if it does, or else what is known here."""
    if train:
        named = [name for name in READINGS if name not in ("quality", "beauty")]
        weights = _fitted(train, [one.readings for one in train], named)
        tried = [Blend(weights, 1.0, _CALL, pull, doubt) for pull in (0.0, *_PULLS) for doubt in _DOUBTS]
        blend = min((_tempered(one, train) for one in tried), key=lambda one: one[1])[0]
        tell(f"versions: weights of {len(train)} series, pull {blend.pull:g}, doubt {blend.doubt:g}")
    else:
        blend = Blend(_weights(NEAR), 1.0, _CALL, PULL, DOUBT)
    return _calibrated("versions", blend, val, tell)


def blend_burst(val: Sequence[Judged], tell: Callable[[str], None]) -> Blend:
    """For frames that lie over one another once moved: by readings alone, since percepts of what has moved differ.

    *val*: there were no judgements of real bursts, so versions of one picture stand for them.
    """
    return _calibrated("burst", Blend(_weights(BURST), 1.0, _CALL), val, tell)


def _weights(named: Mapping[str, float]) -> FloatArray:
    return np.array([named.get(name, 0.0) for name in READINGS])


def blend_apart(
    train: Sequence[Judged], quality: Fit, val: Sequence[Judged], tell: Callable[[str], None]
) -> Blend:
    """For frames that only share a subject; quality alone, where *train* has none."""
    unseen = dict(zip(quality.examples.paths, quality.said, strict=True))
    known = [one for one in train if all(path in unseen for path in one.paths)]
    rows = []
    for one in known:
        rows.append(one.readings.copy())
        rows[-1][:, READINGS.index("quality")] = [unseen[path] for path in one.paths]
    weights = _fitted(known, rows, APART) if known else (np.array(READINGS) == "quality").astype(np.float64)
    return _calibrated("apart", Blend(weights, 1.0, _CALL), val, tell)


def _fitted(series: Sequence[Judged], rows: Sequence[FloatArray], named: Sequence[str]) -> FloatArray:
    """Weights of the *named* readings; gaps weigh as much as people disagree about them: at the least, P = σ(1)."""
    columns = [READINGS.index(name) for name in named]
    told = [(row[:, columns], one.values / one.gap) for row, one in zip(rows, series, strict=True)]
    weights = np.zeros(len(READINGS))
    weights[columns] = fit_weights(pairs_of(told, temperature=1.0), penalty=1e-3, nonnegative=True)
    return weights


def coarse_scale(beauty: Fit, photos: Sequence[LabelledPhoto]) -> tuple[float, float]:
    """Slope and intercept from what is read to people's means on 1…10, by least squares on photos it did not know;
    without such photos, from what is usual in *beauty* to 5.5 ± 1.5."""
    if not photos:
        slope = 1.5 / (float(beauty.said.std()) + 1e-9)
        return slope, 5.5 - slope * float(beauty.said.mean())
    means = []
    for one in photos:
        low, high = 1.0 if one.low is None else one.low, 10.0 if one.high is None else one.high
        means.append(1 + 9 * (one.score - low) / (high - low))
    slope, intercept = np.polyfit(beauty.said, means, 1)
    return float(slope), float(intercept)


def _tempered(blend: Blend, judged: Sequence[Judged]) -> tuple[Blend, float]:
    """*blend* at the temperature that says best what was *judged*, every data set counting alike, and its
    cross-entropy. Raises ValueError where no two photos differ."""
    gaps, wanted, counts = _told(blend, judged)
    temperature = fit_temperature(gaps, wanted, counts)
    logits = gaps / temperature
    return replace(blend, temperature=temperature), float(
        counts @ (np.logaddexp(0, logits) - wanted * logits)
    )


def _told(blend: Blend, judged: Sequence[Judged]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Of every clear pair: the difference of utilities, 1 or 0, and how much it counts; sums to 1."""
    rows = []
    for name in sorted({one.dataset for one in judged}):
        own = [
            pair
            for one in judged
            if one.dataset == name
            for pair in _clear_pairs(one.utilities(blend), one.values, one.gap)
        ]
        rows += [(gap, right, 1 / len(own)) for gap, right in own]
    if not rows:
        raise ValueError("no two photos of any series differ")
    gaps, wanted, counts = np.array(rows).T
    return gaps, wanted, counts / counts.sum()


def _calibrated(kind: str, blend: Blend, val: Sequence[Judged], tell: Callable[[str], None]) -> Blend:
    """*blend* with its temperature by *val*, and the least probability that may be called."""
    if not val:
        tell(f"{kind}: nothing in val says how sure to be; odds are as fitted, calls from {_CALL}")
        return blend
    blend, _ = _tempered(blend, val)
    gaps, wanted, counts = _told(blend, val)
    right = float(np.average((gaps > 0) == (wanted > 0.5), weights=counts))
    utilities = [one.utilities(blend) for one in val]
    calls = [(call, *_called(utilities, blend.temperature, call, val)) for call in _CALLS]
    enough = [one for one in calls if one[1] >= LEAST_CALLED] or calls[:1]
    call, share, sure = next((one for one in calls if one[2] >= SURE), max(enough, key=lambda one: one[2]))
    names = ", ".join(sorted({one.dataset for one in val}))
    tell(
        f"{kind}: {right:.3f} of pairs in val ({names}), temperature {blend.temperature:.3f}; "
        f"called from {call:.2f} on, {share:.0%} of series, {sure:.0%} of them right"
    )
    return replace(blend, call=float(call))


def _clear_pairs(utilities: FloatArray, values: FloatArray, gap: float) -> list[tuple[float, float]]:
    """(difference of utilities, 1 or 0) of every pair that people were clear about, each once."""
    pairs = []
    for first, second in zip(*np.triu_indices(len(values), 1), strict=True):
        if abs(values[first] - values[second]) > gap:
            pairs.append((float(utilities[first] - utilities[second]), float(values[first] > values[second])))
    return pairs


def _called(
    utilities: Sequence[FloatArray], temperature: float, call: float, val: Sequence[Judged]
) -> tuple[float, float]:
    """Share of series in which the best is called, and of those the share in which people's best is no better by more
    than the gap; 0 where none is called."""
    right = called = 0
    for said, one in zip(utilities, val, strict=True):
        judgement = judge_utilities(said, temperature=temperature, call=call)
        if not judgement.too_close:
            called += 1
            right += bool(one.values[judgement.fine.argmax()] >= one.values.max() - one.gap)
    return called / len(val), right / called if called else 0.0
