"""The published pairing behind the seam."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from finepick.errors import ScorerError
from finepick.scorers.fgaesq.pairwise import PairwiseScorer
from finepick.scorers.fgaesq.published import pair_generator, tokens_of_pair
from finepick.scorers.fgaesq.scorer import FgaesqScorer
from finepick.scorers.frames import ArrayFrames
from tests.contracts.scorer_contract import ScorerContract, draw_burst
from tests.scorers.fgaesq.linear_runner import LinearRunner


class TestWithThePublishedTokenizer(ScorerContract):
    @pytest.fixture
    def scorer(self) -> PairwiseScorer:
        return PairwiseScorer(LinearRunner())

    @pytest.fixture
    def how_to_load(self) -> str:
        return (
            "__import__('finepick.scorers.fgaesq.pairwise', fromlist=['x']).PairwiseScorer("
            "__import__('tests.scorers.fgaesq.linear_runner', fromlist=['x']).LinearRunner())"
        )

    def test_frames_of_any_size_and_shape_are_judged(self, scorer: PairwiseScorer) -> None:
        """As far as the recipe can: it enlarges the smaller one, and has no answer for strips beside towers."""
        rng = np.random.default_rng(3)
        shapes = [(240, 360), (360, 240), (40, 7), (90, 90)]
        frames = [rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in shapes]
        judgement = scorer.judge(ArrayFrames(frames))
        assert np.isfinite(judgement.fine).all() and np.isfinite(judgement.preference).all()


def test_a_photo_has_the_mean_of_its_scores_in_all_pairs() -> None:
    runner = LinearRunner()
    burst = draw_burst(4, width=330, height=250)
    frames = ArrayFrames(burst)
    digests = [frames.digest(i) for i in range(4)]
    scores: dict[int, list[float]] = {i: [] for i in range(4)}
    for i, j in combinations(sorted(range(4), key=lambda i: digests[i]), 2):
        pair = tokens_of_pair(burst[i], burst[j], pair_generator(digests[i], digests[j]))
        for k, tokens in zip((i, j), pair, strict=True):
            scores[k].append(float(runner.run([tokens]).scores[0]))
    judged = PairwiseScorer(runner).judge(frames)
    assert all(len(found) == 3 for found in scores.values())
    assert judged.fine == pytest.approx([np.mean(scores[i]) for i in range(4)], abs=1e-9)


def test_a_series_of_n_costs_n_times_n_less_one_passes() -> None:
    runner = LinearRunner()
    PairwiseScorer(runner).judge(ArrayFrames(draw_burst(5)))
    assert sum(runner.batches) == 5 * 4


def test_it_is_another_model_than_the_one_of_whole_series() -> None:
    runner = LinearRunner()
    assert PairwiseScorer(runner).info.fingerprint != FgaesqScorer(runner).info.fingerprint


def test_photos_that_cannot_be_brought_to_one_size_are_refused_with_the_way_out() -> None:
    strip = np.zeros((2, 20_000, 3), np.uint8)
    tall = np.zeros((20_000, 2, 3), np.uint8)
    with pytest.raises(ScorerError, match="--pairing series"):
        PairwiseScorer(LinearRunner()).judge(ArrayFrames([strip, tall]))
