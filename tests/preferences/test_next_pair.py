"""What is known after each answer, and which pair a policy asks next."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.special import expit

from finepick.preferences.answers import Answers
from finepick.preferences.bradley_terry import Prior, fit_bradley_terry
from finepick.preferences.next_pair import (
    POLICIES,
    Informative,
    PairPolicy,
    SeriesState,
    choose_pair,
    pair_number,
    pairs_of,
)

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine

PHOTOS = 8


def play(
    policy: PairPolicy, count: int, *, seed: int = 0, n: int = PHOTOS, truth: np.ndarray | None = None
) -> SeriesState:
    """The state after *count* questions by *policy*, answered by somebody who follows the model."""
    rng = np.random.default_rng(seed)
    scores = np.random.default_rng(seed).normal(0, 1.5, n) if truth is None else truth
    state = SeriesState.of(n)
    for _ in range(count):
        chosen = choose_pair(state, policy, rng)
        assert chosen is not None
        a, b = chosen
        state = state.after(Answers.of(a, b, 1 if rng.random() < expit(scores[a] - scores[b]) else -1))
    return state


@PATIENT
@given(st.integers(2, 30), st.data())
def test_pairs_are_numbered_as_they_are_listed(n: int, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, n * (n - 1) // 2 - 1))
    a, b = (int(photos[number]) for photos in pairs_of(n))

    assert pair_number(n, a, b) == pair_number(n, b, a) == number


def test_a_state_reached_answer_by_answer_is_the_fit_of_all_answers() -> None:
    state = play(POLICIES["random"], 60)
    fit = fit_bradley_terry(state.answers, PHOTOS, prior=Prior(1.5), mode=True)

    assert state.mean == pytest.approx(fit.scores, abs=1e-6)
    a, b = pairs_of(PHOTOS)
    assert state.differences()[1] == pytest.approx([fit.variance(i, j) for i, j in zip(a, b, strict=True)])


@pytest.mark.parametrize("name", ["information", "best"])
def test_every_photo_is_connected_before_any_pair_is_asked_for_its_worth(name: str) -> None:
    for seed in range(5):
        assert not play(POLICIES[name], PHOTOS - 1, seed=seed).joining().any()


def test_swiss_rounds_let_everybody_play_once_a_round_and_nobody_meets_twice() -> None:
    state = play(POLICIES["swiss"], 3 * PHOTOS // 2)
    games = np.bincount(np.concatenate([state.answers.a, state.answers.b]))
    met = {tuple(sorted(pair)) for pair in zip(state.answers.a, state.answers.b, strict=True)}

    assert games.max() - games.min() <= 1
    assert len(met) == len(state.answers)


def test_random_asks_each_pair_about_as_often() -> None:
    rng, state = np.random.default_rng(0), SeriesState.of(4)
    asked = [pair_number(4, *(choose_pair(state, POLICIES["random"], rng) or (0, 0))) for _ in range(1200)]

    assert np.bincount(asked, minlength=6).min() > 150  # 200 expected, deviation 13


def test_the_informative_policy_asks_about_open_neighbours_not_about_what_is_known() -> None:
    truth = np.array([6.0, 2.1, 2.0, -6.0])
    state = play(Informative(), 80, n=4, truth=truth)
    asked = [
        tuple(sorted(pair)) for pair in zip(state.answers.a.tolist(), state.answers.b.tolist(), strict=True)
    ]

    assert max(set(asked), key=asked.count) == (1, 2)
    assert asked.count((1, 2)) > 40


def test_the_best_frame_policy_leaves_the_losers_alone() -> None:
    truth = np.array([3.0, 2.6, -3.0, -3.1])
    state = play(POLICIES["best"], 80, n=4, truth=truth)
    asked = [
        tuple(sorted(pair)) for pair in zip(state.answers.a.tolist(), state.answers.b.tolist(), strict=True)
    ]

    assert asked.count((0, 1)) > 40
    assert asked.count((2, 3)) < 5


def test_avoided_pairs_are_never_chosen_and_none_are_left_in_the_end() -> None:
    rng, state, avoided = np.random.default_rng(0), SeriesState.of(4), []
    while (chosen := choose_pair(state, Informative(), rng, avoid=avoided)) is not None:
        avoided.append(pair_number(4, *chosen))

    assert sorted(avoided) == list(range(6))
    assert choose_pair(SeriesState.of(1), Informative(), rng) is None
    assert choose_pair(SeriesState.of(0), Informative(), rng) is None


@settings(PATIENT, max_examples=25)
@given(st.integers(0, 1000), st.sampled_from(["information", "best"]))
def test_the_choice_does_not_depend_on_how_photos_are_numbered(seed: int, name: str) -> None:
    rng = np.random.default_rng(seed)
    a = rng.integers(0, PHOTOS, 30)
    b, outcome, new = (
        (a + rng.integers(1, PHOTOS, 30)) % PHOTOS,
        rng.choice([1, -1], 30),
        rng.permutation(PHOTOS),
    )
    states = [SeriesState.of(PHOTOS, Answers.of(x, y, outcome)) for x, y in ((a, b), (new[a], new[b]))]
    values = [POLICIES[name].values(state, rng) for state in states]
    i, j = pairs_of(PHOTOS)
    moved = [pair_number(PHOTOS, x, y) for x, y in zip(new[i].tolist(), new[j].tolist(), strict=True)]

    assert values[1][moved] == pytest.approx(values[0], rel=1e-4, abs=1e-9)


def test_what_is_pending_is_counted_on_so_that_others_are_asked_something_else() -> None:
    state = SeriesState.of(6, Answers.of([0, 1, 2, 3, 4], [1, 2, 3, 4, 5], 1))
    rng, asked = np.random.default_rng(0), []
    for _ in range(5):
        chosen = choose_pair(state, Informative(), rng)
        assert chosen is not None
        asked.append(chosen)
        state = state.asking(pair_number(6, *chosen))

    assert len(set(asked)) > 1
    assert np.all(state.expected().differences()[1] <= state.differences()[1] + 1e-12)
    assert len(state.after(Answers.of(*asked[0], 1)).pending) == 4


def test_a_pending_question_connects_what_it_asks_about() -> None:
    state = SeriesState.of(3).asking(pair_number(3, 0, 1))

    assert state.joining().tolist() == [False, True, True]


def test_informative_questions_need_at_most_three_quarters_of_random_answers() -> None:
    """The issue's bar at a smaller size; series of ten and the figures stand in bench/preferences.py."""
    needed = {name: _answers_needed(POLICIES[name]) for name in ("random", "information")}

    assert needed["information"] <= 0.75 * needed["random"]


def _answers_needed(policy: PairPolicy, *, level: float = 0.8, limit: int = 160) -> int:
    """Answers until mean τ over 12 seeds of series of eight is at *level*."""
    curves = []
    for seed in range(12):
        truth, rng = np.random.default_rng(seed).normal(0, 1.5, PHOTOS), np.random.default_rng([seed, 1])
        state, taus, (a, b) = SeriesState.of(PHOTOS), [], pairs_of(PHOTOS)
        for _ in range(limit):
            i, j = choose_pair(state, policy, rng) or (0, 1)
            state = state.after(Answers.of(i, j, 1 if rng.random() < expit(truth[i] - truth[j]) else -1))
            taus.append(np.mean(np.sign(state.mean[a] - state.mean[b]) * np.sign(truth[a] - truth[b])))
        curves.append(taus)
    reached = np.flatnonzero(np.mean(curves, axis=0) >= level)
    return int(reached[0]) + 1 if len(reached) else limit
