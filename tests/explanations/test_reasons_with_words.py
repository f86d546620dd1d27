"""What the model sees joins what is measured: it fills gaps, and never speaks against a measurement."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter

from finepick.differences.maps import difference_maps
from finepick.differences.registration import register_series
from finepick.domain import Attribute, Reason
from finepick.explanations.reasons import Explainer, explain_series
from finepick.explanations.study import pack_study, study_frames, unpack_study
from finepick.features.extraction import PhotoFeatures, extract_features
from finepick.scorers.base import FrameSource, Judgement, Scorer
from finepick.scorers.fgaesq.phrase_list import PHRASES
from finepick.scorers.frames import ArrayFrames
from finepick.scorers.measured import MeasuredScorer
from finepick.scorers.phrases import PhraseBank, make_bank
from finepick.scorers.utilities import judge_utilities
from tests.explanations.test_reasons import intruder, landscape

WIDTH = 512
SEES = "the model sees "


def picture(blur: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(3)
    rough = Image.fromarray(rng.integers(30, 220, (60, 80, 3), dtype=np.uint8))
    drawn = rough.resize((480, 360), Image.Resampling.NEAREST)
    return np.asarray(drawn.filter(ImageFilter.GaussianBlur(blur)) if blur else drawn)


@pytest.fixture(scope="module")
def bank() -> PhraseBank:
    rng = np.random.default_rng(0)
    return make_bank(PHRASES, lambda texts: rng.normal(size=(len(texts), WIDTH)).astype(np.float32))


@pytest.fixture(scope="module")
def alike() -> list[PhotoFeatures]:
    return [extract_features(picture())] * 2


@pytest.fixture(scope="module")
def sharp_and_soft() -> list[PhotoFeatures]:
    return [extract_features(picture()), extract_features(picture(2.5))]


def pointing(bank: PhraseBank, *wanted: tuple[Attribute, float]) -> np.ndarray:
    """Embeddings of two photos whose difference points along the first phrase of each attribute."""
    apart = (bank.better - bank.worse).astype(np.float64)
    first = {phrase.attribute: k for k, phrase in reversed(list(enumerate(bank.phrases)))}
    base = np.random.default_rng(1).normal(size=WIDTH)
    return np.stack([base + 6 * sum(size * apart[first[name]] for name, size in wanted), base])


def explainer(
    features: list[PhotoFeatures],
    utilities: list[float],
    bank: PhraseBank | None,
    embeddings: np.ndarray | None,
) -> Explainer:
    judgement = judge_utilities(np.array(utilities), temperature=1.0)
    alignment = register_series(features)
    judgement = replace(judgement, phrases=bank, embeddings=embeddings)
    return explain_series(features, alignment, difference_maps(features, alignment), judgement)


def first_phrase(attribute: Attribute) -> tuple[str, str]:
    return next((one.better, one.worse) for one in PHRASES if one.attribute == attribute)


@pytest.mark.parametrize(
    "attribute",
    [
        Attribute.MOMENT,
        Attribute.OVERALL,
        Attribute.FRAMING,
        Attribute.DISTRACTION,
        Attribute.FOCUS_PLACE,
    ],
)
def test_what_cannot_be_measured_is_said_as_the_models_view(
    attribute: Attribute, alike: list[PhotoFeatures], bank: PhraseBank
) -> None:
    explain = explainer(alike, [1.0, 0.0], bank, pointing(bank, (attribute, 1.0)))
    better, worse = first_phrase(attribute)
    (forth,), (back,) = explain.between(0, 1, "b.jpg"), explain.between(1, 0, "a.jpg")
    assert (forth.attribute, forth.direction, forth.text) == (attribute, "better", SEES + better)
    assert (back.attribute, back.direction, back.text) == (attribute, "worse", SEES + worse)
    assert forth.versus == "b.jpg" and forth.strength == back.strength > 0.5


@pytest.mark.parametrize("says", [1.0, -1.0], ids=["agrees", "contradicts"])
def test_of_what_is_measured_the_measurement_speaks_alone(
    says: float, sharp_and_soft: list[PhotoFeatures], bank: PhraseBank
) -> None:
    embeddings = pointing(bank, (Attribute.SHARPNESS, says))
    silent = explainer(sharp_and_soft, [1.0, 0.0], None, None).between(0, 1, "b.jpg")
    assert silent[0].attribute == Attribute.SHARPNESS
    assert explainer(sharp_and_soft, [1.0, 0.0], bank, embeddings).between(0, 1, "b.jpg") == silent


@pytest.mark.parametrize("says", [1.0, -1.0], ids=["contradicts", "agrees"])
def test_a_distraction_that_was_measured_is_not_said_twice(says: float, bank: PhraseBank) -> None:
    features = [extract_features(np.asarray(one)) for one in (intruder(landscape()), landscape())]
    embeddings = pointing(bank, (Attribute.DISTRACTION, says))
    reasons = explainer(features, [0.0, 1.0], bank, embeddings).between(0, 1, "b.jpg")
    (found,) = [reason for reason in reasons if reason.attribute == Attribute.DISTRACTION]
    assert found.text == "something enters at the left edge"


def test_of_what_could_be_measured_and_was_not_nothing_is_said(
    alike: list[PhotoFeatures], bank: PhraseBank
) -> None:
    embeddings = pointing(bank, (Attribute.SHARPNESS, 1.0))
    (only,) = explainer(alike, [1.0, 0.0], bank, embeddings).between(0, 1, "b.jpg")
    assert only.text == "slightly better, but in nothing that stands out"


def test_measured_and_seen_reasons_stand_together_strongest_first(
    sharp_and_soft: list[PhotoFeatures], bank: PhraseBank
) -> None:
    embeddings = pointing(bank, (Attribute.MOMENT, 1.0), (Attribute.DISTRACTION, -1.0))
    reasons = explainer(sharp_and_soft, [1.0, 0.0], bank, embeddings).between(0, 1, "b.jpg")
    measured = explainer(sharp_and_soft, [1.0, 0.0], None, None).between(0, 1, "b.jpg")
    assert set(measured) < set(reasons)
    assert [r.text for r in reasons if r.text.startswith(SEES)] == [
        SEES + first_phrase(Attribute.MOMENT)[0],
        SEES + first_phrase(Attribute.DISTRACTION)[1],
    ]
    supporting = [r.strength for r in reasons if r.direction == "better"]
    assert supporting == sorted(supporting, reverse=True) and reasons[-1].direction == "worse"


def test_of_the_whole_the_model_does_not_speak_against_its_own_verdict(
    alike: list[PhotoFeatures], bank: PhraseBank
) -> None:
    embeddings = pointing(bank, (Attribute.OVERALL, -1.0))
    for i, j in ((0, 1), (1, 0)):
        (only,) = explainer(alike, [1.0, 0.0], bank, embeddings).between(i, j, "x")
        assert SEES not in only.text
    (open_verdict,) = explainer(alike, [0.0, 0.0], bank, embeddings).between(0, 1, "x")
    assert open_verdict.text == SEES + first_phrase(Attribute.OVERALL)[1]


def test_reasons_with_words_turn_round_with_the_photos(
    sharp_and_soft: list[PhotoFeatures], bank: PhraseBank
) -> None:
    def turned(reason: Reason) -> tuple[Attribute, str, float]:
        return reason.attribute, {"better": "worse", "worse": "better"}[reason.direction], reason.strength

    for signs in itertools.product((-1.0, 1.0), repeat=3):
        names = (Attribute.MOMENT, Attribute.OVERALL, Attribute.SHARPNESS)
        embeddings = pointing(bank, *zip(names, signs, strict=True))
        explain = explainer(sharp_and_soft, [2.0, 0.0], bank, embeddings)
        back = {(r.attribute, r.direction, r.strength) for r in explain.between(1, 0, "a")}
        assert {turned(r) for r in explain.between(0, 1, "b")} == back


def test_embeddings_or_phrases_alone_change_nothing(
    sharp_and_soft: list[PhotoFeatures], bank: PhraseBank
) -> None:
    embeddings = pointing(bank, (Attribute.MOMENT, 1.0))
    silent = explainer(sharp_and_soft, [1.0, 0.0], None, None).between(0, 1, "b")
    assert explainer(sharp_and_soft, [1.0, 0.0], bank, None).between(0, 1, "b") == silent
    assert explainer(sharp_and_soft, [1.0, 0.0], None, embeddings).between(0, 1, "b") == silent


class Talker(MeasuredScorer):
    """Judges as measurements do, and has embeddings whose first frame shows a better moment."""

    def __init__(self, bank: PhraseBank) -> None:
        super().__init__()
        self.phrases = bank

    def judge(self, frames: FrameSource) -> Judgement:
        return replace(
            super().judge(frames),
            embeddings=self.embeddings(len(frames)).astype(np.float32),
            phrases=self.phrases,
        )

    def embeddings(self, count: int) -> np.ndarray:
        pair = pointing(self.phrases, (Attribute.MOMENT, 1.0))
        return np.concatenate([pair[:1], np.repeat(pair[1:], count - 1, axis=0)])


def test_a_study_keeps_embeddings_and_says_what_the_model_sees(bank: PhraseBank) -> None:
    frames = ArrayFrames([picture(), picture(1.2), picture(2.5)])
    scorer: Scorer = Talker(bank)
    study = study_frames(frames, scorer)
    assert any(reason.text == SEES + first_phrase(Attribute.MOMENT)[0] for reason in study.reasons[0])
    assert study.judgement.phrases is None and study.judgement.embeddings is not None
    assert study.judgement.embeddings.dtype == np.float32

    back = unpack_study(pack_study(study))
    assert back is not None and back.reasons == study.reasons and back.judgement.embeddings is not None
    assert (back.judgement.embeddings == study.judgement.embeddings).all()
    turned = back.rearranged([2, 0, 1]).judgement.embeddings
    assert turned is not None and (turned == study.judgement.embeddings[[2, 0, 1]]).all()
    assert pack_study(study) == pack_study(study_frames(frames, scorer))


def test_a_study_of_a_scorer_without_embeddings_is_packed_without_them() -> None:
    study = study_frames(ArrayFrames([picture(), picture(2.0)]), MeasuredScorer())
    assert study.judgement.embeddings is None
    assert b"embeddings" not in pack_study(study)
    back = unpack_study(pack_study(study))
    assert back is not None and back.judgement.embeddings is None
