"""Each loss against a slow oracle in plain Python, by its sign, and at its extremes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from finepick.training.losses import bradley_terry, ct_align, emd, fidelity, list_mle, margin_ranking

SCORES = st.lists(st.floats(-6, 6), min_size=2, max_size=7)
Pairwise = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def tensor(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def slow_emd(logits: np.ndarray, target: np.ndarray) -> float:
    total = 0.0
    for row, wanted in zip(logits, target, strict=True):
        odds = [math.exp(value - max(row)) for value in row]
        moved = 0.0
        for odd, share in zip(odds, wanted, strict=True):
            moved += odd / sum(odds) - share
            total += moved**2
    return total / logits.size


def slow_list_mle(scores: list[float], ranks: list[int]) -> float:
    total = 0.0
    for score, rank in zip(scores, ranks, strict=True):
        rivals = [other for other, place in zip(scores, ranks, strict=True) if place >= rank]
        total += math.log(sum(math.exp(other) for other in rivals)) - score
    return total / len(scores)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


SLOW_PAIRS: dict[str, tuple[Pairwise, Callable[[float, float], float]]] = {
    "bradley_terry": (
        bradley_terry,
        lambda gap, p: -p * math.log(sigmoid(gap)) - (1 - p) * math.log(sigmoid(-gap)),
    ),
    "fidelity": (
        fidelity,
        lambda gap, p: 1 - math.sqrt(p * sigmoid(gap)) - math.sqrt((1 - p) * sigmoid(-gap)),
    ),
    "margin_ranking": (margin_ranking, lambda gap, p: max(0.0, 0.5 - (gap if p > 0.5 else -gap))),
}


@given(st.integers(1, 5), st.integers(0, 1000))
def test_emd_is_what_it_is_by_hand(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits, target = rng.normal(size=(n, 10)) * 3, rng.dirichlet(np.ones(10), n)
    assert emd(tensor(logits), tensor(target)).item() == pytest.approx(slow_emd(logits, target), abs=1e-12)


def test_emd_grows_with_how_far_answers_have_to_move() -> None:
    target = torch.eye(10, dtype=torch.float64)[2:3]
    certain = [emd(100 * torch.eye(10, dtype=torch.float64)[k : k + 1], target).item() for k in range(2, 10)]
    assert certain[0] < 1e-12 and all(a < b for a, b in itertools.pairwise(certain))


@given(SCORES, st.data())
def test_list_mle_is_what_it_is_by_hand(scores: list[float], data: st.DataObject) -> None:
    ranks = data.draw(st.lists(st.integers(1, 4), min_size=len(scores), max_size=len(scores)))
    found = list_mle(tensor(scores), torch.tensor(ranks)).item()
    assert found == pytest.approx(slow_list_mle(scores, ranks), abs=1e-9)


def test_list_mle_is_least_for_the_annotated_order() -> None:
    ranks = torch.tensor([2, 1, 3])
    orders = {order: list_mle(tensor(order), ranks).item() for order in ((1, 2, 0), (2, 1, 0), (0, 1, 2))}
    assert min(orders, key=lambda order: orders[order]) == (1, 2, 0)


@pytest.mark.parametrize("name", SLOW_PAIRS)
@given(SCORES, st.data())
def test_pair_losses_are_what_they_are_by_hand(name: str, scores: list[float], data: st.DataObject) -> None:
    loss, slow = SLOW_PAIRS[name]
    places = st.integers(0, len(scores) - 1)
    share = st.floats(0, 1).filter(lambda p: p != 0.5)
    pairs = data.draw(st.lists(st.tuples(places, places, share), min_size=1, max_size=6))
    a, b, p = zip(*pairs, strict=True)
    found = loss(tensor(scores), torch.tensor(a), torch.tensor(b), tensor(p)).item()
    by_hand = sum(slow(scores[i] - scores[j], share) for i, j, share in pairs) / len(pairs)
    assert found == pytest.approx(by_hand, abs=1e-9)


@pytest.mark.parametrize("name", SLOW_PAIRS)
def test_pair_losses_push_the_winner_up_and_the_loser_down(name: str) -> None:
    scores = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    SLOW_PAIRS[name][0](scores, torch.tensor([0]), torch.tensor([1]), tensor([0.9])).backward()
    assert scores.grad is not None and scores.grad[0] < 0 < scores.grad[1]


@pytest.mark.parametrize("name", SLOW_PAIRS)
def test_a_pair_told_the_other_way_round_is_the_same_pair(name: str) -> None:
    loss, scores = SLOW_PAIRS[name][0], tensor([0.3, -1.1])
    one = loss(scores, torch.tensor([0]), torch.tensor([1]), tensor([0.8]))
    other = loss(scores, torch.tensor([1]), torch.tensor([0]), tensor([0.2]))
    assert one.item() == pytest.approx(other.item(), abs=1e-12)


def test_a_pair_without_a_winner_pulls_scores_together_or_leaves_them() -> None:
    for name, moves in (("bradley_terry", True), ("fidelity", True), ("margin_ranking", False)):
        scores = torch.tensor([1.0, 0.0], requires_grad=True)
        SLOW_PAIRS[name][0](scores, torch.tensor([0]), torch.tensor([1]), torch.tensor([0.5])).backward()
        assert scores.grad is not None and (scores.grad[0] > 0) == moves and (scores.grad[1] < 0) == moves


def test_alignment_asks_the_difference_to_point_where_the_text_does() -> None:
    rng = np.random.default_rng(0)
    text, second = tensor(rng.normal(size=(4, 8))), tensor(rng.normal(size=(4, 8)))
    assert ct_align(second + 3 * text, second, text).item() == pytest.approx(0, abs=1e-12)
    assert ct_align(second - text, second, text).item() == pytest.approx(2, abs=1e-12)
    first = tensor(rng.normal(size=(4, 8)))
    by_hand = [
        1 - float((x - y) @ t) / float(np.linalg.norm(x - y) * np.linalg.norm(t))
        for x, y, t in zip(first.numpy(), second.numpy(), text.numpy(), strict=True)
    ]
    assert ct_align(first, second, text).item() == pytest.approx(np.mean(by_hand), abs=1e-12)


def test_gradients_stay_finite_where_scores_are_far_apart() -> None:
    for loss, _ in SLOW_PAIRS.values():
        for p in (0.0, 1.0, 0.5):
            scores = torch.tensor([80.0, -80.0], requires_grad=True)
            loss(scores, torch.tensor([0]), torch.tensor([1]), torch.tensor([p])).backward()
            assert scores.grad is not None and torch.isfinite(scores.grad).all()
