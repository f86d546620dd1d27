"""What the model sees reaches rankings and comparisons, from the cache as well as fresh."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFilter

import finepick
from finepick.domain import Attribute, ModelInfo
from finepick.scorers.base import FrameSource, Judgement
from finepick.scorers.fgaesq.phrase_list import PHRASES
from finepick.scorers.measured import MeasuredScorer
from finepick.scorers.phrases import Phrase, PhraseBank, make_bank
from tests.conftest import save_photo, scene

SEES = "the model sees "
WIDTH = 512


def made_bank(phrases: tuple[Phrase, ...] = PHRASES, seed: int = 0) -> PhraseBank:
    rng = np.random.default_rng(seed)
    return make_bank(phrases, lambda texts: rng.normal(size=(len(texts), WIDTH)).astype(np.float32))


class Seeing(MeasuredScorer):
    """Judges as measurements do; of sharper frames it sees a better moment."""

    def __init__(self, phrases: PhraseBank | None) -> None:
        super().__init__()
        self.phrases = phrases
        self.judged = 0

    @property
    def info(self) -> ModelInfo:
        return replace(super().info, name="seeing")

    def judge(self, frames: FrameSource) -> Judgement:
        self.judged += 1
        bank = made_bank()
        k = next(k for k, phrase in enumerate(PHRASES) if phrase.attribute == Attribute.MOMENT)
        base = np.random.default_rng(2).normal(size=WIDTH)
        sharp = [
            float(np.abs(np.diff(frames.frame(i, 400).astype(float), axis=1)).mean())
            for i in range(len(frames))
        ]
        embeddings = np.stack([base + 8 * np.log(one) * (bank.better[k] - bank.worse[k]) for one in sharp])
        return replace(super().judge(frames), embeddings=embeddings, phrases=self.phrases)


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    picture = scene(1)
    return [
        save_photo(picture.filter(ImageFilter.GaussianBlur(1.5 * i)) if i else picture, tmp_path / f"{i}.png")
        for i in range(3)
    ]


def moments(reasons: tuple[finepick.Reason, ...]) -> list[tuple[str, str]]:
    return [(r.direction, r.text) for r in reasons if r.attribute == Attribute.MOMENT]


BETTER = next(phrase for phrase in PHRASES if phrase.attribute == Attribute.MOMENT)


def test_a_ranking_says_what_the_model_sees_now_and_later(photos: list[Path]) -> None:
    scorer = Seeing(made_bank())
    ranking = finepick.rank(photos, model=scorer)
    assert moments(ranking.why[0]) == [("better", SEES + BETTER.better)]
    assert moments(ranking.why[2]) == [("worse", SEES + BETTER.worse)]
    assert moments(ranking.reasons(1, 2)) == [("better", SEES + BETTER.better)]

    again = finepick.rank(photos, model=Seeing(made_bank()))
    assert again.why == ranking.why
    for i, j in ((0, 1), (2, 1), (2, 0)):
        assert again.reasons(i, j) == ranking.reasons(i, j)
    first, second = ranking.order[:2]
    assert ranking.reasons(first, second)[:5] == ranking.why[first], "from the cache as when it was judged"


def test_a_comparison_says_it_too(photos: list[Path]) -> None:
    verdict = finepick.compare(photos[1], photos[0], model=Seeing(made_bank()))
    assert moments(verdict.reasons) == [("worse", SEES + BETTER.worse)]


def test_other_phrases_are_not_answered_with_what_was_said_before(photos: list[Path]) -> None:
    silent = finepick.rank(photos, model=Seeing(None))
    assert not any(SEES in reason.text for row in silent.why for reason in row)
    talking = Seeing(made_bank())
    assert moments(finepick.rank(photos, model=talking).why[0]) and talking.judged == 1
    other_words = tuple(replace(one, better=f"even {one.better}") for one in PHRASES)
    renamed = finepick.rank(photos, model=Seeing(made_bank(other_words)))
    assert moments(renamed.why[0]) == [("better", f"{SEES}even {BETTER.better}")]
