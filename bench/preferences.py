"""What the data factory's mathematics can do, by simulation with known truth. Figures: docs/experiments.md.

python bench/preferences.py [--only policies|people|intervals|speed] [--seeds 100]

policies   answers needed for the order and for the best frame: random, Swiss, information, best
people     what 20 % random clickers and 10 % side-biased people cost, and whether they are found
intervals  how often 95 % intervals hold the truth; equal photos and P = .75 pairs
speed      CPU time of calibrating 450,000 answers about 10,000 series by 300 people
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from finepick.domain import FloatArray
from finepick.preferences.answers import Answers
from finepick.preferences.bradley_terry import fit_bradley_terry
from finepick.preferences.calibration import Calibration, Dropped, calibrate
from finepick.preferences.next_pair import POLICIES, PairPolicy, SeriesState, choose_pair, pairs_of
from finepick.preferences.reliability import Verdict, fit_together
from finepick.preferences.simulated import Crowd, random_questions, scores_of

PHOTOS, SPREAD = 10, 1.5


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = {"policies": policies, "people": people, "intervals": intervals, "speed": speed}
    options.add_argument("--only", choices=parts)
    options.add_argument("--seeds", type=int, default=100)
    chosen = options.parse_args()
    for name, part in parts.items():
        if chosen.only in (None, name):
            print(f"\n{name}", flush=True)
            part(chosen.seeds)


# Which pairs to ask


def policies(seeds: int) -> None:
    """Answers until mean τ ≥ .9 and until the best frame is right in 90 %: seeds 0–19, then all."""
    limits = {"random": 1500, "swiss": 1500, "information": 600, "best": 600}
    curves = {name: _curves(POLICIES[name], limit, seeds) for name, limit in limits.items()}
    for count in sorted({min(20, seeds), seeds}):
        base = [_first(curves["random"][kind][:count]) for kind in (0, 1)]
        print(f"  seeds 0–{count - 1}            τ ≥ .9   of random    best ≥ 90 %   of random")
        for name, found in curves.items():
            needed = [_first(found[kind][:count]) for kind in (0, 1)]
            cells = "".join(f"{_text(n):>12}{_share(n, b):>12}" for n, b in zip(needed, base, strict=True))
            print(f"  {name:<16}{cells}", flush=True)


def _curves(policy: PairPolicy, limit: int, seeds: int) -> tuple[FloatArray, FloatArray]:
    """Kendall's τ and whether the best is right, (seeds, limit), after each answer."""
    runs = [_curve(policy, limit, seed) for seed in range(seeds)]
    return np.array([tau for tau, _ in runs]), np.array([best for _, best in runs])


def _curve(policy: PairPolicy, limit: int, seed: int) -> tuple[list[float], list[bool]]:
    rng = np.random.default_rng([seed, 1])
    truth = np.random.default_rng(seed).normal(0.0, SPREAD, PHOTOS)
    state, taus, right = SeriesState.of(PHOTOS), [], []
    for _ in range(limit):
        chosen = choose_pair(state, policy, rng)
        assert chosen is not None
        a, b = chosen
        state = state.after(Answers.of(a, b, 1 if rng.random() < expit(truth[a] - truth[b]) else -1))
        taus.append(tau_of(state.mean, truth))
        right.append(bool(np.argmax(state.mean) == np.argmax(truth)))
    return taus, right


def tau_of(one: FloatArray, other: FloatArray) -> float:
    """Kendall's τ of two rankings without ties."""
    a, b = pairs_of(len(one))
    return float(np.mean(np.sign(one[a] - one[b]) * np.sign(other[a] - other[b])))


def _first(curves: FloatArray) -> int | None:
    """After how many answers the mean over seeds is .9 for the first time."""
    reached = np.flatnonzero(np.mean(curves, axis=0) >= 0.9 - 1e-9)
    return int(reached[0]) + 1 if len(reached) else None


def _text(value: int | None) -> str:
    return "not reached" if value is None else str(value)


def _share(value: int | None, base: int | None) -> str:
    return "–" if value is None or base is None else f"{value / base:.0%}"


# Who answers


def people(seeds: int) -> None:
    """The order with and without 20 % random clickers and 10 % side-biased people, and who is named."""
    cases: list[tuple[str, int, int, int, Crowd]] = [
        ("20 people, 20 series, 120 answers each", 20, 20, 120, Crowd.of(14, clickers=4, left=2)),
        ("  and ties", 20, 20, 120, Crowd.of(14, clickers=4, left=2, tie=0.6)),
        ("  side taken blindly 8 times of 10", 20, 20, 120, blind_side(14, 4, 2)),
        ("50 people, 100 series, 45 answers each", 50, 100, 45, Crowd.of(35, clickers=10, left=5)),
        ("10 people, 1 series, 300 answers", 10, 1, 300, Crowd.of(7, clickers=2, left=1)),
        ("10 honest people, 1 series, 300 answers", 10, 1, 300, Crowd.of(10)),
    ]
    for title, count, series, answers, crowd in cases:
        rows = [_crowded(seed, count, series, answers, crowd) for seed in range(min(seeds, 20))]
        ideal, honest, all_of, plain = (float(np.mean([row.taus[k] for row in rows])) for k in range(4))
        named: Counter[tuple[str, str]] = sum((row.named for row in rows), Counter())
        print(f"  {title}")
        print(f"    τ had all been honest {ideal:.3f}, from the honest alone {honest:.3f}")
        for words, tau in (("from all, calibrated", all_of), ("from all, taken alike", plain)):
            print(f"    τ {words} {tau:.3f}: {tau / ideal:.1%} and {tau / honest:.1%} of those")
        for kind in sorted({kind for kind, _ in named}):
            print(
                f"    {kind}: ",
                {verdict: n for (k, verdict), n in sorted(named.items()) if k == kind},
                flush=True,
            )


def blind_side(honest: int, clickers: int, sided: int) -> Crowd:
    """As `Crowd.of`, but the side-biased take the left photo without looking 80 % of the time."""
    crowd = Crowd.of(honest, clickers=clickers, left=sided, bias=0.0)
    crowd.lapse[-sided:], crowd.lapse_left[-sided:] = 0.8, 1.0
    return crowd


@dataclass(frozen=True)
class _Crowded:
    """Mean τ had all been honest, from the honest alone, from all calibrated, from all alike; who was called what."""

    taus: tuple[float, ...]
    named: Counter[tuple[str, str]]


def _crowded(seed: int, count: int, series: int, answers: int, crowd: Crowd) -> _Crowded:
    rng = np.random.default_rng(seed)
    sizes, kinds = [PHOTOS] * series, kinds_of(crowd)
    truth, first = scores_of(rng, sizes, SPREAD)
    asked = random_questions(rng, sizes, count, answers)
    given = crowd.answer(rng, truth, first, asked)
    ideal = Crowd.of(count, tie=crowd.tie).answer(rng, truth, first, asked)
    honest = given.where(np.array([kind == "honest" for kind in kinds])[given.annotator])
    fits = [
        fit_together(ideal, sizes, annotators=count),
        fit_together(honest, sizes, annotators=count),
        fit_together(given, sizes, annotators=count),
        fit_together(given, sizes, annotators=count, estimate_people=False),
    ]
    taus = tuple(_mean_tau(fit.posterior.mean, truth, series) for fit in fits)
    return _Crowded(taus, Counter((kind, str(fits[2].people.verdict(k))) for k, kind in enumerate(kinds)))


def _mean_tau(found: FloatArray, truth: FloatArray, series: int) -> float:
    """Mean τ over *series* of equal size."""
    each = zip(np.split(found, series), np.split(truth, series), strict=True)
    return float(np.mean([tau_of(one, other) for one, other in each]))


def kinds_of(crowd: Crowd) -> list[str]:
    """What each of the crowd is."""
    sided = (crowd.left_bias != 0) | ((crowd.lapse > 0) & (crowd.lapse_left != 0.5))
    return [
        "sided" if s else "clicker" if c else "honest" for s, c in zip(sided, crowd.lapse > 0, strict=True)
    ]


# How sure it is


def intervals(seeds: int) -> None:
    """Coverage of 95 % intervals where the prior is right and where it is not; pairs dropped."""
    draws: dict[str, Callable[[np.random.Generator, tuple[int, int]], FloatArray]] = {
        "normal, spread 1.5": lambda rng, shape: rng.normal(0, 1.5, shape),
        "normal, spread .7": lambda rng, shape: rng.normal(0, 0.7, shape),
        "normal, spread 3": lambda rng, shape: rng.normal(0, 3.0, shape),
        "uniform, −2.6…2.6": lambda rng, shape: rng.uniform(-2.6, 2.6, shape),
        "two levels, ±1.5": lambda rng, shape: np.where(rng.random(shape) < 0.5, -1.5, 1.5),
    }
    plans = [(10, 20), (10, 45), (10, 135), (10, 450), (5, 10), (5, 30), (5, 300), (2, 3), (2, 10)]
    print("  coverage: spread 1.5 believed / spread found from the answers; photos × answers a series")
    print("  " + " " * 20 + "".join(f"{n:>6}×{m:<6}" for n, m in plans))
    for name, draw in draws.items():
        cells = [f"{_coverage(draw, *plan, False):.3f}/{_coverage(draw, *plan, True):.3f}" for plan in plans]
        print(f"  {name:<20} " + "  ".join(cells), flush=True)
    ties = _coverage(draws["normal, spread 1.5"], 10, 45, True, tie=0.6)
    print(f"  with ties (ν = .6), normal, spread 1.5, 10×45, found: {ties:.3f}")
    equal, apart = doubtful_shares(seeds * 4)
    print(
        f"  5 photos, 30 votes a pair: equal photos called indistinguishable {equal:.1%}, P = .75 {apart:.1%}"
    )


def _coverage(
    draw: Callable[[np.random.Generator, tuple[int, int]], FloatArray],
    n: int,
    answers: int,
    estimate: bool,
    tie: float = 0.0,
) -> float:
    """Share of pairs whose interval holds the true P, over 300 series (2,000 of two photos)."""
    rng, series = np.random.default_rng(7), 2000 if n == 2 else 300
    truth = draw(rng, (series, n))
    sizes = [n] * series
    asked = random_questions(rng, sizes, 20, answers)
    given = Crowd.of(20, tie=tie).answer(rng, truth.ravel(), np.arange(series) * n, asked)
    if estimate:
        return float(np.mean(_held(calibrate(given, sizes), truth)))
    a, b = pairs_of(n)
    held = []
    for s, scores in enumerate(truth):
        fit = fit_bradley_terry(given.where(given.series == s), n)
        bounds = [fit.interval(i, j) for i, j in zip(a.tolist(), b.tolist(), strict=True)]
        held += [
            low <= p <= high for (low, high), p in zip(bounds, expit(scores[a] - scores[b]), strict=True)
        ]
    return float(np.mean(held))


def _held(found: Calibration, truth: FloatArray) -> list[bool]:
    return [
        pair.low <= expit(scores[pair.a] - scores[pair.b]) <= pair.high
        for one, scores in zip(found.series, truth, strict=True)
        for pair in one.pairs
    ]


def doubtful_shares(series: int, *, seed: int = 3) -> tuple[float, float]:
    """How often equal photos, and photos of P = .75, are called indistinguishable: 5 photos, 30 votes a pair.

    Photos 0 and 1 are equal, photo 2 is log 3 above them, photo 3 as much below, photo 4 lies anywhere.
    """
    rng, step = np.random.default_rng(seed), np.log(3.0)
    truth = np.tile([0.0, 0.0, step, -step, 0.0], (series, 1))
    truth[:, 4] = rng.normal(0.0, SPREAD, series)
    a, b = pairs_of(5)
    asked = Answers.of(
        np.tile(np.repeat(a, 30), series),
        np.tile(np.repeat(b, 30), series),
        0,
        series=np.repeat(np.arange(series), 300),
        annotator=np.tile(np.arange(30), 10 * series),
        side=rng.choice([-1, 1], 300 * series),
    )
    given = Crowd.of(30).answer(rng, truth.ravel(), np.arange(series) * 5, asked)
    found = calibrate(given, [5] * series)
    doubtful = np.array([[p.dropped is Dropped.INDISTINGUISHABLE for p in one.pairs] for one in found.series])
    gaps = np.abs(truth[:, a] - truth[:, b])
    return float(doubtful[gaps < 1e-12].mean()), float(doubtful[np.abs(gaps - step) < 1e-12].mean())


# How fast it is


def speed(seeds: int) -> None:
    """CPU time to calibrate a project, on one core; how fast pairs are chosen, bench/annotate.py measures."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(2, 11, 10_000)
    truth, first = scores_of(rng, sizes.tolist(), SPREAD)
    asked = random_questions(rng, sizes.tolist(), 300, 45)
    given = Crowd.of(210, clickers=60, left=30).answer(rng, truth, first, asked)
    begun = time.process_time()
    found = calibrate(given, sizes)
    named = Counter(person.verdict for person in found.annotators)
    print(f"  calibrate, {len(given):,} answers of 300 people: {time.process_time() - begun:.1f} s")
    print(f"    {found.joint.rounds} rounds, converged: {found.joint.converged}", _words(named))


def _words(named: Counter[Verdict]) -> dict[str, int]:
    return {str(verdict): count for verdict, count in sorted(named.items())}


if __name__ == "__main__":
    main()
