"""Reasons say what was done to a frame, turn round with the frames, and stand by the verdict."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from finepick.differences.maps import difference_maps
from finepick.differences.registration import register_series
from finepick.domain import Attribute, Reason
from finepick.explanations.reasons import Explainer, compare_features, explain_series
from finepick.features.extraction import PhotoFeatures, extract_features
from finepick.scorers.base import Judgement
from finepick.scorers.utilities import judge_utilities


def landscape(lean: float = 0.0, width: int = 480, height: int = 320) -> Image.Image:
    """A sky over textured land, with a hut in the middle."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[:height, :width]
    sky = y < height * 0.45 + (x - width / 2) * np.tan(np.radians(lean))
    shades = np.asarray(
        Image.fromarray(rng.integers(40, 190, (height // 4, width // 4, 3), dtype=np.uint8)).resize(
            (width, height), Image.Resampling.BICUBIC
        ),
        float,
    )
    land = 0.5 * shades + [30, 45, 25]
    picture = Image.fromarray(np.where(sky[..., None], [150, 180, 220], land).astype(np.uint8))
    brush = ImageDraw.Draw(picture)
    brush.rectangle([200, 180, 260, 230], fill=(170, 70, 50), outline=(20, 10, 10), width=2)
    brush.polygon([(190, 180), (230, 150), (270, 180)], fill=(90, 40, 30))
    return picture


def features(picture: Image.Image) -> PhotoFeatures:
    return extract_features(np.asarray(picture))


def brighten(picture: Image.Image, gain: float) -> Image.Image:
    return Image.fromarray(np.clip(np.asarray(picture) * gain, 0, 255).astype(np.uint8))


def grain(picture: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, 14, (picture.height, picture.width, 3))
    return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))


def warm(picture: Image.Image) -> Image.Image:
    return Image.fromarray(np.clip(np.asarray(picture) * [1.2, 1.0, 0.7], 0, 255).astype(np.uint8))


def grey_scene() -> Image.Image:
    return landscape().convert("L").convert("RGB")


def intruder(picture: Image.Image) -> Image.Image:
    copy = picture.copy()
    ImageDraw.Draw(copy).ellipse([-30, 120, 45, 240], fill=(240, 20, 200), outline=(0, 0, 0), width=5)
    return copy


SPOILT: list[tuple[Attribute, Callable[[], tuple[Image.Image, Image.Image]], str, str]] = [
    (
        Attribute.SHARPNESS,
        lambda: (landscape(), landscape().filter(ImageFilter.GaussianBlur(2))),
        "sharper",
        "softer",
    ),
    (
        Attribute.EXPOSURE,
        lambda: (landscape(), brighten(landscape(), 0.45)),
        "brighter, and better exposed",
        "darker",
    ),
    (
        Attribute.CLIPPING,
        lambda: (landscape(), brighten(landscape(), 1.9)),
        "highlights keep detail; the other burns out",
        "% of the frame is burnt out",
    ),
    (Attribute.NOISE, lambda: (landscape(), grain(landscape())), "cleaner", "noisier"),
    (
        Attribute.COLOUR_CAST,
        lambda: (grey_scene(), warm(grey_scene())),
        "the other has an orange cast",
        "orange cast",
    ),
    (Attribute.COLOUR, lambda: (landscape(), grey_scene()), "richer colours", "paler colours"),
    (
        Attribute.TILT,
        lambda: (landscape(), landscape(3.0)),
        "the horizon is level; the other leans 3° to the right",
        "the horizon leans 3° to the right",
    ),
    (
        Attribute.TILT,
        lambda: (landscape(), landscape(-4.0)),
        "the other leans 4° to the left",
        "the horizon leans 4° to the left",
    ),
]


@pytest.mark.parametrize(
    ("attribute", "draw", "praise", "blame"), SPOILT, ids=[f"{s[0]}-{i}" for i, s in enumerate(SPOILT)]
)
def test_what_was_spoilt_is_named_from_both_sides(
    attribute: Attribute, draw: Callable[[], tuple[Image.Image, Image.Image]], praise: str, blame: str
) -> None:
    good, bad = (features(picture) for picture in draw())
    (of_good,) = [r for r in compare_features(good, bad, versus="bad.jpg") if r.attribute == attribute]
    (of_bad,) = [r for r in compare_features(bad, good, versus="good.jpg") if r.attribute == attribute]
    assert of_good.direction == "better" and praise in of_good.text and of_good.versus == "bad.jpg"
    assert of_bad.direction == "worse" and blame in of_bad.text and of_bad.versus == "good.jpg"
    assert of_good.strength == of_bad.strength > 0.1


def test_the_strongest_reason_is_the_one_that_was_made() -> None:
    sharp, soft = features(landscape()), features(landscape().filter(ImageFilter.GaussianBlur(3)))
    first = compare_features(sharp, soft)[0]
    assert first.attribute == Attribute.SHARPNESS and first.text.startswith("much sharper: about")


def test_frames_that_hardly_differ_give_no_reason() -> None:
    one = features(landscape())
    assert compare_features(one, one) == ()
    assert compare_features(one, features(brighten(landscape(), 1.02))) == ()


def test_stronger_spoiling_is_a_stronger_reason() -> None:
    good = features(landscape())
    strengths = []
    for radius in (1.0, 2.0, 4.0):
        soft = features(landscape().filter(ImageFilter.GaussianBlur(radius)))
        strengths += [r.strength for r in compare_features(good, soft) if r.attribute == Attribute.SHARPNESS]
    assert len(strengths) == 3 and strengths == sorted(strengths)


@pytest.fixture(scope="module")
def shots() -> list[PhotoFeatures]:
    pictures = [
        landscape(),
        landscape().filter(ImageFilter.GaussianBlur(2)),
        brighten(landscape(), 1.7),
        grain(landscape(2.0)),
        intruder(landscape()),
        landscape(),
    ]
    return [features(picture) for picture in pictures]


def explainer(shots: list[PhotoFeatures], utilities: list[float]) -> tuple[Explainer, Judgement]:
    judgement = judge_utilities(np.array(utilities), temperature=1.0)
    alignment = register_series(shots)
    return explain_series(shots, alignment, difference_maps(shots, alignment), judgement), judgement


def turned(reasons: tuple[Reason, ...]) -> set[tuple[Attribute, str, float]]:
    other = {"better": "worse", "worse": "better"}
    return {(r.attribute, other[r.direction], r.strength) for r in reasons}


def test_reasons_turn_round_with_the_frames(shots: list[PhotoFeatures]) -> None:
    explain, _ = explainer(shots, [3.0, 1.0, 0.5, 0.0, 2.0, 3.0])
    for i, j in itertools.permutations(range(len(shots)), 2):
        forth, back = explain.between(i, j, "j"), explain.between(j, i, "i")
        assert turned(forth) == {(r.attribute, r.direction, r.strength) for r in back}
        assert forth, "two frames never go without a reason"


def test_what_supports_the_verdict_comes_first_and_strongest_first(shots: list[PhotoFeatures]) -> None:
    for utilities in ([3.0, 1.0, 0.5, 0.0, 2.0, 3.0], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]):
        explain, judgement = explainer(shots, utilities)
        for i, j in itertools.permutations(range(len(shots)), 2):
            if abs(judgement.preference[i, j] - 0.5) < 0.05:
                continue
            verdict = "better" if judgement.preference[i, j] > 0.5 else "worse"
            reasons = explain.between(i, j, "j")
            assert reasons[0].direction == verdict
            for side in (verdict, {"better": "worse", "worse": "better"}[verdict]):
                strengths = [r.strength for r in reasons if r.direction == side]
                assert strengths == sorted(strengths, reverse=True)
            directions = [r.direction == verdict for r in reasons]
            assert directions == sorted(directions, reverse=True)


def test_a_verdict_against_all_measurements_says_so(shots: list[PhotoFeatures]) -> None:
    explain, _ = explainer([shots[0], shots[1]], [0.0, 2.0])
    reasons = explain.between(1, 0, "sharp.jpg")
    assert reasons[0].attribute == Attribute.OVERALL
    assert reasons[0].text == "better on the whole, by small things together"
    assert reasons[1].attribute == Attribute.SHARPNESS and reasons[1].direction == "worse"


def test_equal_frames_are_called_too_close(shots: list[PhotoFeatures]) -> None:
    explain, _ = explainer([shots[0], shots[5]], [1.0, 1.0])
    (only,) = explain.between(0, 1, "twin.jpg")
    assert only.attribute == Attribute.OVERALL and only.strength == 0
    assert only.text == "hardly differs: too close to call"


def test_each_photo_is_held_against_the_best_and_the_best_against_the_second(
    shots: list[PhotoFeatures],
) -> None:
    explain, judgement = explainer(shots[:4], [1.0, 0.0, 3.0, 2.0])
    order = [int(i) for i in np.argsort(-judgement.fine)]
    paths = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    why = explain.per_photo(order, paths)
    assert [{r.versus for r in reasons} for reasons in why] == [{"c.jpg"}, {"c.jpg"}, {"d.jpg"}, {"c.jpg"}]
    assert all(1 <= len(reasons) <= 5 for reasons in why)


def test_a_single_photo_needs_no_reasons(shots: list[PhotoFeatures]) -> None:
    explain, _ = explainer(shots[:1], [1.0])
    assert explain.per_photo([0], ["a.jpg"]) == ((),)


def test_something_that_enters_at_an_edge_is_noticed_there(shots: list[PhotoFeatures]) -> None:
    explain, _ = explainer([shots[0], shots[4]], [1.0, 0.0])
    (found,) = [r for r in explain.between(1, 0, "clear.jpg") if r.attribute == Attribute.DISTRACTION]
    assert found.direction == "worse" and found.text == "something enters at the left edge"


def test_a_slip_of_focus_is_told_from_softness() -> None:
    def focused(on_hut: bool) -> PhotoFeatures:
        sharp = landscape()
        soft = sharp.filter(ImageFilter.GaussianBlur(2.5))
        mask = Image.new("L", sharp.size, 0)
        ImageDraw.Draw(mask).rectangle([170, 130, 290, 250], fill=255)
        return features(Image.composite(sharp, soft, mask) if on_hut else Image.composite(soft, sharp, mask))

    reasons = compare_features(focused(True), focused(False))
    (found,) = [r for r in reasons if r.attribute == Attribute.FOCUS_PLACE]
    assert found.direction == "better" and found.text.startswith("focus sits on the subject in the centre")


def test_strengths_lie_between_nought_and_one(shots: list[PhotoFeatures]) -> None:
    for a, b in itertools.permutations(shots, 2):
        for reason in compare_features(a, b):
            assert 0 <= reason.strength <= 1 and reason.direction in ("better", "worse") and reason.text
