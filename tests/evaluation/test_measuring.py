"""All figures of a benchmark against the contract's words, worked out one item after the other."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from finepick.datasets.records import Dataset, LabelledPhoto, LabelledSeries, Pair
from finepick.evaluation.bootstrap import Bootstrap
from finepick.evaluation.labels import Benchmark, choose_benchmark
from finepick.evaluation.measuring import METRICS, Answers, Measures, difference, measure, verdicts_from

FEW = Bootstrap(resamples=200, seed=0)


def random_series(rng: np.random.Generator, number: int, kind: str, category: str) -> LabelledSeries:
    count = int(rng.integers(1, 7))
    labels: dict[str, object] = {}
    if kind == "scores":
        labels["scores"] = tuple(float(x) for x in rng.integers(1, 6, count))  # ties and constants among them
    if kind in ("ranks", "pairs"):
        labels["ranks"] = tuple(int(x) for x in rng.integers(1, 4, count))
    if kind == "pairs":
        labels["pairs"] = tuple(
            Pair(a, b, float(rng.choice([0.1, 0.5, 0.8])), int(rng.integers(1, 9)))
            for a in range(count)
            for b in range(count)
            if a != b
        )
    photos = tuple(f"{number}-{i}.jpg" for i in range(count))
    return LabelledSeries(f"s{number}", photos, category=category, **labels)  # type: ignore[arg-type]


def random_benchmark(seed: int) -> Benchmark:
    rng = np.random.default_rng(seed)
    kinds = [str(kind) for kind in rng.choice(["scores", "ranks", "pairs"], 25)]
    categories = [str(category) for category in rng.choice(["natural", "aigc"], 25)]
    many = [random_series(rng, i, *both) for i, both in enumerate(zip(kinds, categories, strict=True))]
    return choose_benchmark(Dataset("random", "folder", tuple(many)), ["test"])


def scores_for(benchmark: Benchmark, seed: int, levels: int = 4) -> dict[str, float]:
    rng = np.random.default_rng([seed, 1])
    return {file: float(rng.integers(0, levels)) for file in benchmark.files}


def answers_from(benchmark: Benchmark, scores: dict[str, float]) -> Answers:
    fine = [np.array([scores[photo] for photo in one.photos]) for one in benchmark.series]
    return Answers(
        tuple(map(verdicts_from, fine, benchmark.pairs)),
        tuple(fine),
        np.array([scores[photo.file] for photo in benchmark.photos]),
    )


def slow(series: list[LabelledSeries], scores: dict[str, float]) -> dict[str, float]:
    """The contract, sentence by sentence."""
    said, people = [], []
    right_best, rhos, rhos_3 = [], [], []
    means, coarse = [], []
    for one in series:
        mine = [scores[photo] for photo in one.photos]
        for a in range(len(mine)):
            for b in range(a + 1, len(mine)):
                preference = slow_preference(one, a, b)
                if preference:
                    people.append(preference)
                    said.append((mine[a] > mine[b]) - (mine[a] < mine[b]))
        values = one.scores or tuple(-rank for rank in one.ranks or ())
        right_best.append(mine.count(max(mine)) == 1 and values[mine.index(max(mine))] == max(values))
        if len(set(values)) > 1:
            rho = stats.spearmanr(mine, values).statistic if len(set(mine)) > 1 else 0.0
            rhos.append(rho)
            rhos_3 += [rho] if len(mine) >= 3 else []
        if one.scores:
            means += one.scores
            coarse += mine
    return {
        "pair_acc": float(np.mean([x == y for x, y in zip(said, people, strict=True)])),
        "pair_f1": f1_score(people, said, labels=[1, -1], average="macro", zero_division=np.nan),
        "s_acc": float(np.mean(right_best)),
        "s_srcc": float(np.mean(rhos)),
        "s_srcc_3plus": float(np.mean(rhos_3)),
        **({"srcc": stats.spearmanr(coarse, means).statistic} if len(coarse) > 1 else {}),
        **({"plcc": stats.pearsonr(coarse, means).statistic} if len(coarse) > 1 else {}),
    }


def slow_preference(one: LabelledSeries, a: int, b: int) -> int:
    """1 where people prefer a, −1 where b, 0 where that is not known."""
    if one.pairs:
        for_a = sum((p.p if p.a == a else 1 - p.p) * (p.n or 1) for p in one.pairs if {p.a, p.b} == {a, b})
        votes = sum(p.n or 1 for p in one.pairs if {p.a, p.b} == {a, b})
        return 0 if not votes or abs(for_a / votes - 0.5) < 1e-9 else 1 if for_a / votes > 0.5 else -1
    values = one.scores or tuple(-rank for rank in one.ranks or ())
    return int(np.sign(values[a] - values[b]))


@pytest.mark.parametrize("seed", range(8))
def test_every_figure_is_what_the_contract_says(seed: int) -> None:
    benchmark = random_benchmark(seed)
    scores = scores_for(benchmark, seed)

    found = measure(benchmark, answers_from(benchmark, scores), FEW)

    expected = slow(list(benchmark.series), scores)
    for name, value in expected.items():
        measured = found.metrics[name]
        assert measured is not None
        assert measured.value == pytest.approx(value, rel=0, abs=1e-12), name
    parts = {
        c: slow([one for one in benchmark.series if one.category == c], scores) for c in ("natural", "aigc")
    }
    for category, part in parts.items():
        for name, value in part.items():
            measured = found.by_category[category][name]
            assert measured is not None and measured.value == pytest.approx(value, rel=0, abs=1e-12)
    pair = np.mean([(part["pair_acc"] + part["pair_f1"]) / 2 for part in parts.values()])
    series = np.mean([(part["s_acc"] + part["s_srcc"]) / 2 for part in parts.values()])
    assert _value(found, "pair") == pytest.approx(pair, rel=0, abs=1e-12)
    assert _value(found, "series") == pytest.approx(series, rel=0, abs=1e-12)


def test_intervals_are_those_of_resampling_series_by_hand() -> None:
    benchmark = random_benchmark(3)
    scores = scores_for(benchmark, 3)
    found = measure(benchmark, answers_from(benchmark, scores), Bootstrap(2000, 7))
    rng = np.random.default_rng(99)
    drawn: dict[str, list[float]] = {name: [] for name in ("pair_acc", "pair_f1", "s_acc", "s_srcc")}
    many = benchmark.series
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(400):
            sample = slow([many[i] for i in rng.integers(0, len(many), len(many))], scores)
            for name, values in drawn.items():
                values.append(sample[name])

    for name, values in drawn.items():
        measured = found.metrics[name]
        assert measured is not None and measured.low is not None and measured.high is not None
        spread = np.std(values)
        assert measured.low == pytest.approx(np.quantile(values, 0.025), abs=0.5 * spread)
        assert measured.high == pytest.approx(np.quantile(values, 0.975), abs=0.5 * spread)
        assert measured.low <= measured.value <= measured.high


def test_counts_say_over_how_much_a_figure_is() -> None:
    benchmark = choose_benchmark(
        Dataset(
            "set",
            "folder",
            (
                LabelledSeries("x", ("1", "2", "3"), scores=(1.0, 2.0, 3.0)),
                LabelledSeries("y", ("4", "5"), scores=(2.0, 2.0)),
                LabelledSeries("z", ("6", "7"), ranks=(1, 2)),
            ),
        ),
        ["test"],
    )
    scores = {str(i): float(i) for i in range(1, 8)}

    found = measure(benchmark, answers_from(benchmark, scores), FEW).metrics

    counts = {name: measured.n for name, measured in found.items() if measured}
    assert counts == {
        "pair_acc": 4,
        "pair_f1": 4,
        "pair": 4,
        "s_acc": 3,
        "series": 3,
        "s_srcc": 2,
        "s_srcc_3plus": 1,
        "srcc": 5,
        "plcc": 5,
        "plcc_fitted": 5,
    }


def test_a_metric_that_does_not_apply_is_none() -> None:
    rated = Dataset("set", "folder", photos=tuple(LabelledPhoto(str(i), float(i)) for i in range(9)))
    compared = Dataset("set", "folder", (LabelledSeries("x", ("1", "2"), pairs=(Pair(0, 1, 0.9),)),))

    photos = choose_benchmark(rated, ["test"])
    only_coarse = measure(photos, answers_from(photos, scores_for(photos, 1)), FEW).metrics
    series = choose_benchmark(compared, ["test"])
    only_pairs = measure(series, answers_from(series, {"1": 2.0, "2": 1.0}), FEW).metrics

    assert list(only_coarse) == list(only_pairs) == list(METRICS)
    assert {name for name, found in only_coarse.items() if found} == {"srcc", "plcc", "plcc_fitted"}
    assert {name for name, found in only_pairs.items() if found} == {"pair_acc", "pair_f1", "pair"}


def test_of_one_series_there_is_no_interval() -> None:
    benchmark = choose_benchmark(
        Dataset("set", "folder", (LabelledSeries("x", ("1", "2", "3"), ranks=(1, 2, 3)),)), ["test"]
    )

    found = measure(benchmark, answers_from(benchmark, {"1": 3.0, "2": 2.0, "3": 1.0}), FEW).metrics[
        "pair_acc"
    ]

    assert found is not None
    assert (found.value, found.low, found.high) == (1.0, None, None)


def test_turning_every_series_round_changes_nothing_for_pairs() -> None:
    benchmark = random_benchmark(5)
    scores = scores_for(benchmark, 5)
    turned = choose_benchmark(Dataset("turned", "folder", tuple(map(_turned, benchmark.series))), ["test"])

    one = measure(benchmark, answers_from(benchmark, scores), FEW)
    other = measure(turned, answers_from(turned, scores), FEW)

    for name in ("pair_acc", "pair_f1", "s_acc", "s_srcc"):
        assert _value(one, name) == pytest.approx(_value(other, name), abs=1e-12)


@pytest.mark.parametrize("change", [lambda x: 3 * x + 2, lambda x: x**3, np.exp])
def test_only_the_order_of_scores_matters_for_fine_metrics(change: Callable[[float], float]) -> None:
    benchmark = random_benchmark(6)
    scores = scores_for(benchmark, 6)

    one = measure(benchmark, answers_from(benchmark, scores), FEW)
    other = measure(
        benchmark, answers_from(benchmark, {file: float(change(x)) for file, x in scores.items()}), FEW
    )

    for name in ("pair_acc", "pair_f1", "s_acc", "s_srcc", "srcc"):
        assert _value(one, name) == pytest.approx(_value(other, name), abs=1e-12)


def test_a_perfect_model_is_better_than_chance_and_chance_is_not_better_than_itself() -> None:
    rng = np.random.default_rng(11)
    many = tuple(
        LabelledSeries(f"s{i}", tuple(f"{i}-{k}" for k in range(4)), scores=tuple(rng.permutation(4) + 1.0))
        for i in range(30)
    )
    benchmark = choose_benchmark(Dataset("set", "folder", many), ["test"])
    truth = {photo: score for one in many for photo, score in zip(one.photos, one.scores or (), strict=True)}
    perfect = measure(benchmark, answers_from(benchmark, truth), FEW)
    chance = measure(benchmark, answers_from(benchmark, scores_for(benchmark, 2, levels=1000)), FEW)

    found, none = difference(perfect, chance), difference(chance, chance)

    for name in METRICS:
        assert _value(perfect, name) == pytest.approx(1.0)
        better, same = found[name], none[name]
        assert better is not None and better.p_better == 1.0 and better.low is not None and better.low > 0.2
        assert same is not None and (same.value, same.low, same.high, same.p_better) == (0.0, 0.0, 0.0, 0.5)


def _turned(one: LabelledSeries) -> LabelledSeries:
    last = len(one.photos) - 1
    return LabelledSeries(
        one.series,
        one.photos[::-1],
        tuple(Pair(last - pair.a, last - pair.b, pair.p, pair.n) for pair in one.pairs),
        one.ranks and one.ranks[::-1],
        one.scores and one.scores[::-1],
        category=one.category,
    )


def _value(measures: Measures, name: str) -> float:
    measured = measures.metrics[name]
    assert measured is not None
    return measured.value
