"""FGAesQ behind the seam: batches across series, copies, errors in the middle, one pass a photo."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from finepick.domain import Frame
from finepick.errors import DamagedImageError, ImageError
from finepick.features.extraction import PhotoFeatures
from finepick.scorers.base import Arrays, BatchScorer, FrameSource, View
from finepick.scorers.fgaesq.ahead import read_ahead
from finepick.scorers.fgaesq.scorer import FgaesqScorer
from finepick.scorers.frames import ArrayFrames
from tests.contracts.scorer_contract import ScorerContract, draw_burst
from tests.scorers.fgaesq.linear_runner import LinearRunner


class TestWithTheSeriesTokenizer(ScorerContract):
    @pytest.fixture
    def scorer(self) -> FgaesqScorer:
        return FgaesqScorer(LinearRunner())

    @pytest.fixture
    def how_to_load(self) -> str:
        return (
            "__import__('finepick.scorers.fgaesq.scorer', fromlist=['x']).FgaesqScorer("
            "__import__('tests.scorers.fgaesq.linear_runner', fromlist=['x']).LinearRunner())"
        )


class Unreadable(ArrayFrames):
    """A series one frame of which went bad after it was looked at first."""

    def __init__(self, frames: list[Frame], bad: int, *, even_its_features: bool = False) -> None:
        super().__init__(frames)
        self._bad, self._even_its_features = bad, even_its_features

    def views(self, views: Iterable[View]) -> Iterator[Arrays]:
        for view in views:
            if view.index == self._bad:
                raise DamagedImageError("went bad", path=f"frame {view.index}")
            yield from super().views([view])

    def features(self, index: int) -> PhotoFeatures:
        if self._even_its_features and index == self._bad:
            raise DamagedImageError("went bad", path=f"frame {index}")
        return super().features(index)


def series_of(*counts: int) -> list[FrameSource]:
    return [ArrayFrames(draw_burst(count, seed=seed)) for seed, count in enumerate(counts)]


def test_a_series_of_n_is_n_passes_in_full_batches_across_series() -> None:
    runner = LinearRunner(batch_size=4)
    judged = list(FgaesqScorer(runner).judge_all(series_of(3, 2, 1, 5)))
    assert [len(one.fine) for one in judged if not isinstance(one, ImageError)] == [3, 2, 1, 5]
    assert [count for count in runner.batches if count] == [4, 4, 3]


def test_judging_together_is_judging_one_by_one() -> None:
    scorer: BatchScorer = FgaesqScorer(LinearRunner(batch_size=4))
    together = list(scorer.judge_all(series_of(3, 2, 4)))
    for one, frames in zip(together, series_of(3, 2, 4), strict=True):
        alone = scorer.judge(frames)
        assert not isinstance(one, ImageError)
        assert np.abs(one.fine - alone.fine).max() < 1e-6
        assert np.abs(one.preference - alone.preference).max() < 1e-6


def test_copies_go_through_the_network_once() -> None:
    runner = LinearRunner()
    burst = draw_burst(2)
    judged = FgaesqScorer(runner).judge(ArrayFrames([burst[0], burst[1], burst[0].copy(), burst[0].copy()]))
    assert sum(runner.batches) == 2
    assert judged.fine[0] == judged.fine[2] == judged.fine[3] != judged.fine[1]
    assert judged.embeddings is not None and (judged.embeddings[0] == judged.embeddings[2]).all()


@pytest.mark.parametrize("even_its_features", [False, True])
@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_one_bad_frame_fails_its_own_series_and_no_other(batch_size: int, even_its_features: bool) -> None:
    first, bad, last = draw_burst(3, seed=1), draw_burst(3, seed=2), draw_burst(2, seed=3)
    series = [
        ArrayFrames(first),
        Unreadable(bad, 1, even_its_features=even_its_features),
        ArrayFrames(last),
    ]
    scorer = FgaesqScorer(LinearRunner(batch_size))
    judged = list(scorer.judge_all(series))
    assert isinstance(judged[1], DamagedImageError) and judged[1].path == "frame 1"
    for frames, one in ((first, judged[0]), (last, judged[2])):
        assert not isinstance(one, ImageError)
        assert np.abs(one.fine - scorer.judge(ArrayFrames(frames)).fine).max() < 1e-6
    with pytest.raises(DamagedImageError):
        scorer.judge(series[1])


def test_coarse_is_for_each_photo_alone_and_a_lone_photo_has_it_for_nothing() -> None:
    burst = draw_burst(3)
    scorer = FgaesqScorer(LinearRunner())
    assert scorer.judge(ArrayFrames(burst)).coarse is None
    lone = scorer.judge(ArrayFrames(burst[:1]))
    coarse = scorer.coarse(ArrayFrames(burst))
    assert lone.coarse is not None and lone.coarse[0] == lone.fine[0] == pytest.approx(coarse[0], abs=1e-6)


def test_the_other_frames_decide_where_a_frame_is_looked_at_closely() -> None:
    """The same photo beside others that differ elsewhere gets other tokens, and so another score."""
    plain = draw_burst(1, width=480, height=320)[0]
    left, right = plain.copy(), plain.copy()
    left[100:200, 20:120], right[100:200, 360:460] = 255, 255
    scorer = FgaesqScorer(LinearRunner())
    beside_left = scorer.judge(ArrayFrames([plain, left])).fine[0]
    beside_right = scorer.judge(ArrayFrames([plain, right])).fine[0]
    assert abs(beside_left - beside_right) > 1e-6


def test_what_decides_a_score_decides_the_fingerprint() -> None:
    runner = LinearRunner()
    made = [
        FgaesqScorer(runner),
        FgaesqScorer(runner, temperature=2.0),
        FgaesqScorer(runner, fine_blocks=20),
    ]
    assert len({scorer.info.fingerprint for scorer in made}) == 3


def test_reading_ahead_keeps_order_and_stays_within_its_depth() -> None:
    made: list[int] = []

    def things() -> Iterator[int]:
        for number in range(20):
            made.append(number)
            yield number

    ahead = read_ahead(things(), 3)
    assert next(ahead) == 0
    time.sleep(0.3)
    assert len(made) <= 1 + 3 + 1  # taken, lying ready, in hand
    assert list(ahead) == list(range(1, 20))


def test_an_error_while_reading_ahead_comes_after_what_was_made_before() -> None:
    def things() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    ahead = read_ahead(things(), 3)
    assert next(ahead) == 1
    with pytest.raises(ZeroDivisionError):
        next(ahead)


def test_reading_ahead_ends_when_nobody_wants_more() -> None:
    def endless() -> Iterator[int]:
        while True:
            yield 0

    ahead = read_ahead(endless(), 2)
    next(ahead)
    ahead.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "finepick-ahead"]
