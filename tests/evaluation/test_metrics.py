"""Metrics agree with scipy and scikit-learn, and do as the contract says where those are silent."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import curve_fit
from sklearn.metrics import accuracy_score, f1_score

from finepick.evaluation.metrics import (
    fit_logistic,
    pair_acc,
    pair_f1,
    plcc,
    plcc_fitted,
    s_acc,
    s_srcc,
    s_srcc_3plus,
    srcc,
)

EXACT = {"rel": 0, "abs": 1e-12, "nan_ok": True}

outcomes = st.sampled_from([1, -1])
verdicts = st.sampled_from([1, 0, -1])
answers = st.one_of(
    st.integers(-3, 3).map(float),  # many ties
    st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 6)),
)


def pairs_of(*parts: st.SearchStrategy[float], least: int = 1) -> st.SearchStrategy[list[tuple[float, ...]]]:
    return st.lists(st.tuples(*parts), min_size=least, max_size=40)


def quietly(oracle: Callable[..., object], *arguments: object, **options: object) -> float:
    """scipy warns of constant input and answers NaN, which is what is wanted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(getattr(answer := oracle(*arguments, **options), "statistic", answer))  # type: ignore[arg-type]


@settings(deadline=None)
@given(pairs_of(outcomes, verdicts))
def test_pair_accuracy_is_that_of_scikit_learn(rows: list[tuple[float, ...]]) -> None:
    labels, said = zip(*rows, strict=True)

    assert pair_acc(labels, said) == pytest.approx(accuracy_score(labels, said), **EXACT)


@settings(deadline=None)
@given(pairs_of(outcomes, verdicts))
def test_pair_f1_is_that_of_scikit_learn_over_the_two_outcomes(rows: list[tuple[float, ...]]) -> None:
    labels, said = zip(*rows, strict=True)
    expected = f1_score(labels, said, labels=[1, -1], average="macro", zero_division=np.nan)

    assert pair_f1(labels, said) == pytest.approx(expected, **EXACT)


def test_a_predicted_tie_is_wrong_for_accuracy_and_neither_outcome_for_f1() -> None:
    labels, said = [1, 1, -1, -1], [1, 0, -1, 0]

    assert pair_acc(labels, said) == 0.5
    assert pair_f1(labels, said) == pytest.approx(2 / 3)  # precision 1 and recall 1/2 in both


def test_f1_of_perfect_verdicts_is_1_even_where_the_first_always_wins() -> None:
    assert pair_f1([1, 1, 1], [1, 1, 1]) == 1.0
    assert pair_f1([1], [-1]) == 0.0


def test_without_pairs_there_is_nothing_to_measure() -> None:
    assert np.isnan(pair_acc([], []))
    assert np.isnan(pair_f1([], []))
    assert np.isnan(s_acc([], []))
    assert np.isnan(s_srcc([], []))
    assert np.isnan(srcc([], []))
    assert np.isnan(plcc([], []))
    assert np.isnan(plcc_fitted([], []))


@settings(deadline=None)
@given(pairs_of(answers, answers))
def test_srcc_is_that_of_scipy(rows: list[tuple[float, ...]]) -> None:
    predicted, means = map(list, zip(*rows, strict=True))
    expected = quietly(stats.spearmanr, predicted, means) if len(rows) > 1 else float("nan")

    assert srcc(predicted, means) == pytest.approx(expected, **EXACT)


@settings(deadline=None)
@given(pairs_of(answers, answers))
def test_plcc_is_that_of_scipy(rows: list[tuple[float, ...]]) -> None:
    predicted, means = map(list, zip(*rows, strict=True))
    expected = quietly(stats.pearsonr, predicted, means) if len(rows) > 1 else float("nan")

    assert plcc(predicted, means) == pytest.approx(expected, **EXACT)


@pytest.mark.parametrize("size", [2, 3, 50, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_correlations_are_those_of_scipy_on_random_and_on_tied_numbers(size: int, seed: int) -> None:
    rng = np.random.default_rng([size, seed])
    for x, y in (
        (rng.normal(size=size), rng.normal(5, 2, size)),
        (rng.integers(0, 4, size).astype(float), rng.integers(0, 3, size).astype(float)),
        (np.arange(size) * 1e-9 + 0.5, rng.normal(size=size)),
    ):
        assert srcc(x, y) == pytest.approx(quietly(stats.spearmanr, x, y), **EXACT)
        assert plcc(x, y) == pytest.approx(quietly(stats.pearsonr, x, y), **EXACT)


@pytest.mark.parametrize("scale", [1e-300, 1e-20, 1e20, 1e150])
def test_plcc_survives_tiny_and_huge_numbers(scale: float) -> None:
    x, y = np.array([1.0, 2.0, 4.0, 3.0]), np.array([1.0, 3.0, 2.0, 5.0])

    assert plcc(x * scale, y) == pytest.approx(stats.pearsonr(x, y).statistic, **EXACT)


def naive_series_srcc(labels: list[list[float]], said: list[list[float]], least: int = 1) -> float:
    """As the contract words it, one series after the other."""
    found = []
    for people, model in zip(labels, said, strict=True):
        if len(set(people)) < 2 or len(people) < least:
            continue
        found.append(stats.spearmanr(people, model).statistic if len(set(model)) > 1 else 0.0)
    return sum(found) / len(found) if found else float("nan")


def naive_series_accuracy(labels: list[list[float]], said: list[list[float]]) -> float:
    right = 0
    for people, model in zip(labels, said, strict=True):
        top = [i for i, value in enumerate(model) if value == max(model)]
        right += len(top) == 1 and people[top[0]] == max(people)
    return right / len(labels)


@settings(deadline=None)
@given(st.lists(pairs_of(answers, answers), min_size=1, max_size=8))
def test_series_metrics_do_as_the_contract_words_it(series: list[list[tuple[float, ...]]]) -> None:
    labels = [[row[0] for row in rows] for rows in series]
    said = [[row[1] for row in rows] for rows in series]

    assert s_acc(labels, said) == pytest.approx(naive_series_accuracy(labels, said), **EXACT)
    assert s_srcc(labels, said) == pytest.approx(naive_series_srcc(labels, said), **EXACT)
    assert s_srcc_3plus(labels, said) == pytest.approx(naive_series_srcc(labels, said, 3), **EXACT)


def test_any_of_several_annotated_bests_counts_and_a_predicted_tie_does_not() -> None:
    assert s_acc([[5, 5, 1]], [[1, 2, 0]]) == 1.0
    assert s_acc([[5, 5, 1]], [[2, 2, 0]]) == 0.0
    assert s_acc([[5, 5, 1]], [[0, 1, 2]]) == 0.0


def test_constant_predictions_count_0_and_constant_labels_not_at_all() -> None:
    assert s_srcc([[1, 2, 3], [1, 2, 3]], [[1, 2, 3], [7, 7, 7]]) == pytest.approx(0.5)
    assert s_srcc([[1, 2, 3], [4, 4, 4]], [[1, 2, 3], [1, 2, 3]]) == pytest.approx(1.0)


@settings(deadline=None)
@given(pairs_of(answers, answers, least=2), st.permutations(range(40)))
def test_metrics_do_not_depend_on_the_order_of_photos(
    rows: list[tuple[float, ...]], order: list[int]
) -> None:
    x, y = np.array(rows).T
    new = [i for i in order if i < len(rows)]

    for metric in (srcc, plcc):
        assert metric(x[new], y[new]) == pytest.approx(metric(x, y), **EXACT)


@settings(deadline=None)
@given(pairs_of(answers, answers, least=2))
def test_turning_a_model_upside_down_turns_its_correlations_round(rows: list[tuple[float, ...]]) -> None:
    x, y = np.array(rows).T

    for metric in (srcc, plcc):
        assert metric(-x, y) == pytest.approx(-metric(x, y), **EXACT)


def test_the_logistic_fit_is_that_of_scipy_and_straightens_a_bent_scale() -> None:
    def logistic(x: np.ndarray, b1: float, b2: float, b3: float, b4: float) -> np.ndarray:
        return b2 + (b1 - b2) / (1 + np.exp(-(x - b3) / abs(b4)))

    rng = np.random.default_rng(3)
    x = rng.uniform(0, 100, 300)
    y = logistic(x, 5.0, 1.0, 40.0, 6.0) + rng.normal(0, 0.3, 300)
    parameters, _ = curve_fit(logistic, x, y, p0=(y.max(), y.min(), x.mean(), x.std()), maxfev=20_000)
    expected = stats.pearsonr(logistic(x, *parameters), y).statistic

    assert plcc_fitted(x, y) == pytest.approx(expected, abs=1e-7)
    assert plcc_fitted(x, y) > plcc(x, y) + 0.03
    assert fit_logistic(x, y) == pytest.approx(logistic(x, *parameters), abs=1e-3)


@settings(max_examples=30, deadline=None)
@given(pairs_of(st.integers(-20, 20), st.integers(-20, 20), least=5))
def test_the_fit_never_loses_to_the_straight_line_and_keeps_the_sign(rows: list[tuple[float, ...]]) -> None:
    x, y = np.array(rows, float).T
    straight = plcc(x, y)
    assume(abs(straight) > 1e-6)

    fitted = plcc_fitted(x, y)

    assert abs(fitted) >= abs(straight) - 1e-9
    assert np.sign(fitted) == np.sign(straight)
    assert plcc_fitted(-x, y) == pytest.approx(-fitted, abs=1e-9)


def test_the_fit_does_not_depend_on_units() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=60)
    y = np.tanh(2 * x) + rng.normal(0, 0.2, 60)

    assert plcc_fitted(1e4 * x - 7, 0.01 * y + 3) == pytest.approx(plcc_fitted(x, y), abs=1e-7)


@pytest.mark.parametrize(
    ("x", "y"), [([1.0], [2.0]), ([1, 2, 3, 4], [1, 3, 2, 5]), ([2.0] * 9, range(9)), (range(9), [2.0] * 9)]
)
def test_the_fit_does_not_apply_to_four_photos_or_to_constants(x: list[float], y: list[float]) -> None:
    assert fit_logistic(list(x), list(y)) is None
    assert np.isnan(plcc_fitted(list(x), list(y)))


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="two arrays of one length"):
        srcc([1, 2, 3], [1, 2])
