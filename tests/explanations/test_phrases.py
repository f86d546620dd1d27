"""What a difference of embeddings is read as; with made embeddings, since only the mechanics can be tested."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from finepick.domain import Attribute
from finepick.explanations.phrases import (
    Saying,
    evidence,
    least_evidence,
    phrase_axes,
    read_difference,
    strengths,
    words_of,
)
from finepick.scorers.fgaesq.phrase_list import PHRASES
from finepick.scorers.phrases import Phrase, PhraseBank, make_bank

WIDTH = 512


def made_bank(phrases: tuple[Phrase, ...] = PHRASES, *, seed: int = 0, cone: float = 4.0) -> PhraseBank:
    """Sentences as text towers place them: all in one narrow cone, both of a pair near each other."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=WIDTH) * cone

    def encode(texts: object) -> np.ndarray:
        topics = rng.normal(size=(len(phrases), WIDTH)).repeat(2, axis=0)
        return (common + topics + 0.5 * rng.normal(size=topics.shape)).astype(np.float32)

    return make_bank(phrases, encode)


def photo(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=WIDTH)


def read(bank: PhraseBank, x: np.ndarray, y: np.ndarray) -> tuple[Saying, ...]:
    return read_difference(bank.phrases, phrase_axes(bank), x, y)


@pytest.mark.parametrize("k", range(0, len(PHRASES), 5))
def test_a_difference_along_a_phrase_is_read_as_that_phrase(k: int) -> None:
    bank, y = made_bank(), photo(1)
    x = y + 8 * (bank.better[k] - bank.worse[k])
    first, back = read(bank, x, y)[0], read(bank, y, x)[0]
    assert first.phrase == back.phrase == PHRASES[k]
    assert first.is_better and not back.is_better
    assert first.words == PHRASES[k].better and back.words == PHRASES[k].worse
    assert first.strength > 0.9


def test_what_is_said_turns_round_with_the_photos() -> None:
    bank = made_bank()
    axes = phrase_axes(bank)
    spoken = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        tilt = rng.normal(size=len(axes)) @ axes + 2 * axes[seed % len(axes)]
        x, y = photo(seed) + 3 * tilt, photo(seed + 100)
        forth, back = read(bank, x, y), read(bank, y, x)
        assert [(s.phrase, not s.is_better, s.strength) for s in forth] == [
            (s.phrase, s.is_better, s.strength) for s in back
        ]
        spoken += len(forth)
    assert spoken > 10


def test_photos_that_hardly_differ_are_not_spoken_of() -> None:
    bank, y = made_bank(), photo(2)
    along = bank.better[3] - bank.worse[3]
    along = along / np.linalg.norm(along) * np.linalg.norm(y)
    assert read(bank, y, y) == ()
    assert read(bank, y + 0.015 * along, y) == ()
    assert read(bank, y + 0.03 * along, y)[0].phrase == PHRASES[3]


def test_how_far_photos_are_apart_does_not_change_what_is_said() -> None:
    bank, y = made_bank(), photo(3)
    along = bank.better[7] - bank.worse[7] + 0.02 * photo(4)
    near, far = read(bank, y + 3 * along, y), read(bank, y + 30 * along, y)
    assert [(s.words, s.strength) for s in near] == [(s.words, s.strength) for s in far]


def test_meaningless_differences_are_seldom_read_as_anything() -> None:
    bank = made_bank()
    axes = phrase_axes(bank)
    spoken = sum(
        bool(read_difference(PHRASES, axes, photo(2 * seed), photo(2 * seed + 1))) for seed in range(1500)
    )
    assert spoken <= 35  # 1 % of 1500, and five standard deviations


def test_being_better_in_general_is_not_read_as_any_one_thing() -> None:
    """A direction that all praise shares moves no phrase, however strong it is."""
    bank, y = made_bank(), photo(5)
    halo = np.random.default_rng(6).normal(size=WIDTH)
    better = bank.better + halo.astype(np.float32)
    leaning = PhraseBank(bank.phrases, better / np.linalg.norm(better, axis=1, keepdims=True), bank.worse)
    general = (leaning.better - leaning.worse).astype(np.float64)
    general /= np.linalg.norm(general, axis=1, keepdims=True)
    assert read(leaning, y + 5 * general.mean(axis=0), y) == ()


def test_axes_are_of_unit_length_and_cancel_out_what_sentences_share() -> None:
    bank = made_bank(cone=50.0)
    axes = phrase_axes(bank)
    assert np.linalg.norm(axes, axis=1) == pytest.approx(1)
    shared = bank.better.mean(axis=0).astype(np.float64)
    assert np.abs(axes @ (shared / np.linalg.norm(shared))).max() < 0.3


def test_a_pair_whose_sentences_lie_far_apart_does_not_drown_the_others() -> None:
    bank = made_bank()
    loud = PhraseBank(bank.phrases, bank.better.copy(), bank.worse.copy())
    direction = np.random.default_rng(7).normal(size=WIDTH)
    loud.better[6] = direction / np.linalg.norm(direction)
    loud.worse[6] = -loud.better[6]
    quiet = PhraseBank(loud.phrases, 0.05 * (loud.better - loud.worse) + loud.worse, loud.worse.copy())
    quiet.better[6], quiet.worse[6] = loud.better[6], loud.worse[6]
    said = read(quiet, photo(1) + 5 * loud.better[6], photo(1))
    assert [one.phrase for one in said] == [PHRASES[6]]


def test_evidence_is_the_cosine_in_standard_deviations_of_chance() -> None:
    axes = phrase_axes(made_bank())
    difference = photo(8)
    for k in (0, 9, 20):
        cosine = float(axes[k] @ difference) / float(np.linalg.norm(difference))
        assert evidence(axes, difference)[k] == pytest.approx(math.sqrt(WIDTH) * cosine)
    assert (evidence(axes, -difference) == -evidence(axes, difference)).all()
    drawn = np.random.default_rng(9).normal(size=(4000, WIDTH))
    spread = np.std([evidence(axes[:3], one) for one in drawn])
    assert spread == pytest.approx(1, abs=0.03)


def test_strengths_are_the_softmax_of_the_difference_less_that_of_its_reverse() -> None:
    z = np.array([2.0, -0.5, 0.0, 4.0, -3.0])

    def softmax(of: np.ndarray) -> np.ndarray:
        both = np.exp(np.concatenate([of, -of]))
        return (both / both.sum())[: len(of)]

    assert strengths(z) == pytest.approx(softmax(z) - softmax(-z))
    assert (strengths(-z) == -strengths(z)).all()
    assert np.abs(strengths(z)).sum() < 1


@pytest.mark.parametrize("z", [[], [0.0, 0.0], [1e4, -1e4], [800.0, 0.0]])
def test_strengths_are_finite_and_at_most_one_however_strong_the_evidence(z: list[float]) -> None:
    found = strengths(np.array(z))
    assert found.shape == (len(z),) and np.isfinite(found).all() and (np.abs(found) <= 1).all()


def test_more_evidence_is_a_stronger_saying() -> None:
    rising = [strengths(np.array([size, 1.0, -1.0, 0.5]))[0] for size in (0.5, 1, 2, 4, 8)]
    assert rising == sorted(rising) and len(set(rising)) == 5


def test_the_longer_the_list_the_more_evidence_is_needed() -> None:
    needed = [least_evidence(count) for count in (1, 5, 45, 500)]
    assert needed == sorted(needed) and needed[0] == pytest.approx(2.5758, abs=1e-3)


def test_each_attribute_is_spoken_of_once_strongest_first() -> None:
    bank, y = made_bank(), photo(10)
    moments = [k for k, phrase in enumerate(PHRASES) if phrase.attribute == Attribute.MOMENT]
    others = [0, len(PHRASES) - 1]
    apart = (bank.better - bank.worse).astype(np.float64)
    said = read(bank, y + 5 * (apart[moments[0]] * 1.5 + apart[moments[1]] + apart[others].sum(axis=0)), y)
    assert [s.attribute for s in said].count(Attribute.MOMENT) == 1
    assert said[0].phrase == PHRASES[moments[0]] and len(said) == 3
    assert [s.strength for s in said] == sorted((s.strength for s in said), reverse=True)


@pytest.mark.parametrize("spoilt", [np.nan, np.inf, -np.inf])
def test_spoilt_embeddings_are_not_spoken_of(spoilt: float) -> None:
    bank = made_bank()
    one = photo(1) + 9 * bank.better[2]
    one[5] = spoilt
    for x, y in ((one, photo(2)), (photo(2), one), (one, one.copy())):
        assert read(bank, x, y) == ()


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_embeddings_of_any_scale_are_read(scale: float) -> None:
    bank = made_bank()
    y = (photo(1) * scale).astype(np.float32)
    x = y + (8 * scale) * (bank.better[2] - bank.worse[2])
    assert read(bank, x, y)[0].phrase == PHRASES[2]
    assert read(bank, np.zeros(WIDTH), np.zeros(WIDTH)) == ()


@pytest.mark.parametrize("count", [0, 1])
def test_a_bank_of_nothing_or_of_one_phrase_says_nothing(count: int) -> None:
    """One phrase cannot stand out among others."""
    bank = made_bank(PHRASES[:2])
    bank = PhraseBank(bank.phrases[:count], bank.better[:count], bank.worse[:count])
    assert read(bank, photo(1), photo(2)) == ()


def test_two_sentences_that_mean_the_same_are_never_said() -> None:
    bank = made_bank()
    same = PhraseBank(bank.phrases, bank.better.copy(), bank.worse.copy())
    same.worse[4] = same.better[4]
    axes = phrase_axes(same)
    assert np.isfinite(axes).all()
    assert not axes[4].any() and axes[5].any()
    for direction in axes:
        assert 4 not in np.flatnonzero(evidence(axes, direction))


def test_embeddings_of_another_model_are_refused() -> None:
    with pytest.raises(ValueError, match="different models"):
        words_of(made_bank(), np.zeros((3, 256)))


def test_reading_a_series_is_reading_its_pairs() -> None:
    bank = made_bank()
    frames = np.stack([photo(seed) for seed in range(3)]).astype(np.float32)
    frames[0] += 6 * (bank.better[11] - bank.worse[11])
    words = words_of(bank, frames)
    for i, j in itertools.permutations(range(3), 2):
        assert words.between(i, j) == read(bank, frames[i], frames[j])
    assert words.between(1, 1) == ()
