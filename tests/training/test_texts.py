"""Sentences from measurements name what was done to a photo, lead with what speaks for the winner, turn round."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from finepick.differences.maps import difference_maps
from finepick.differences.registration import Alignment, register_series
from finepick.domain import FloatArray
from finepick.features.extraction import PhotoFeatures, extract_features
from finepick.training.captions import fault_of
from finepick.training.targets import SeriesTarget
from finepick.training.texts import sentences_of_pairs, with_measured_texts

Draw = Callable[[Image.Image], Image.Image]
Laid = tuple[list[PhotoFeatures], Alignment, list[FloatArray]]


def scene(lean: float = 0.0) -> Image.Image:
    """Sky over textured land, with a hut; leaning by so many degrees."""
    width, height = 560, 400
    rng = np.random.default_rng(7)
    sky = np.arange(height)[:, None] < height * 0.45 + np.zeros(width)
    rough = Image.fromarray(rng.integers(40, 190, (height // 4, width // 4, 3), dtype=np.uint8))
    land = 0.5 * np.asarray(rough.resize((width, height), Image.Resampling.BICUBIC), float) + [30, 45, 25]
    picture = Image.fromarray(np.where(sky[..., None], [150, 180, 220], land).astype(np.uint8))
    ImageDraw.Draw(picture).rectangle([240, 220, 300, 270], fill=(170, 70, 50), outline=(20, 10, 10), width=2)
    return picture.rotate(-lean, Image.Resampling.BICUBIC).crop((40, 40, 520, 360))


def scaled(*gains: float) -> Draw:
    return lambda picture: Image.fromarray(np.clip(np.asarray(picture) * gains, 0, 255).astype(np.uint8))


def soft(picture: Image.Image) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(2))


def grain(picture: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, 14, (picture.height, picture.width, 3))
    return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))


def grey(picture: Image.Image) -> Image.Image:
    return picture.convert("L").convert("RGB")


def intruder(picture: Image.Image) -> Image.Image:
    copy = picture.copy()
    ImageDraw.Draw(copy).ellipse([-30, 120, 45, 240], fill=(240, 20, 200), outline=(0, 0, 0), width=5)
    return copy


def lay(*pictures: Image.Image) -> Laid:
    features = [extract_features(np.asarray(picture)) for picture in pictures]
    alignment = register_series(features)
    return features, alignment, difference_maps(features, alignment)


def sentence(first: Image.Image, second: Image.Image, p: float = 1.0) -> str | None:
    (text,) = sentences_of_pairs(*lay(first, second), [(0, 1, p)])
    return text


SPOILT: list[tuple[Image.Image, Draw, str, str]] = [
    (scene(), soft, "sharper", "softer"),
    (scene(), scaled(0.45), "brighter and better exposed", "darker and worse exposed"),
    (scene(), scaled(1.9), "more detail in the highlights", "less detail in the highlights"),
    (scene(), grain, "less noise", "more noise"),
    (scene(), grey, "richer colours", "paler colours"),
    (grey(scene()), scaled(1.2, 1.0, 0.7), "less of an orange cast", "more of an orange cast"),
    (scene(), lambda _: scene(3.0), "straighter horizon", "more tilted horizon"),
    (scene(), intruder, "less clutter at the left edge", "more clutter at the left edge"),
]


@pytest.mark.parametrize(("good", "spoil", "praise", "blame"), SPOILT, ids=[row[2] for row in SPOILT])
def test_what_was_spoilt_is_said_from_both_sides(
    good: Image.Image, spoil: Draw, praise: str, blame: str
) -> None:
    bad = spoil(good)
    of_good, of_bad = sentence(good, bad, 1.0), sentence(bad, good, 0.0)
    assert of_good is not None and praise in of_good
    assert of_bad is not None and blame in of_bad
    assert fault_of(of_good, first_wins=True) is None and fault_of(of_bad, first_wins=False) is None
    assert fault_of(praise, first_wins=False) is not None and fault_of(blame, first_wins=True) is not None


def test_a_sentence_is_short_and_one_line() -> None:
    laid = lay(scene(), soft(grain(scene())), scaled(1.7)(grey(scene())), intruder(scene(3)))
    pairs = [(a, b, p) for a in range(4) for b in range(4) if a != b for p in (0.0, 0.5, 1.0)]
    for text in sentences_of_pairs(*laid, pairs):
        assert text is not None and len(text.split(", ")) <= 2 and len(text.split()) <= 24
        assert re.fullmatch(r"[a-z, -]+", text)


def test_what_speaks_for_the_winner_leads_and_the_rest_follows_after_but() -> None:
    """The first is sharper and darker, and either may have won."""
    dark, blurred = scaled(0.45)(scene()), soft(scene())
    won, lost = sentence(dark, blurred, 0.9), sentence(dark, blurred, 0.1)
    assert won is not None and "sharper" in won.split(", ")[0] and "darker" not in won.split(", but ")[0]
    assert (
        lost is not None and "darker" in lost.split(", but ")[0] and "sharper" not in lost.split(", but ")[0]
    )


def test_a_pair_the_other_way_round_says_the_opposite() -> None:
    turned = {
        "sharper": "softer",
        "less smeared": "more smeared",
        "brighter": "darker",
        "better": "worse",
        "more": "less",
        "richer": "paler",
    }
    turned |= {"more tilted": "straighter", "fewer": "more"}
    turned |= {value: key for key, value in turned.items() if key not in ("fewer", "more tilted")}
    turned |= {"straighter": "more tilted"}
    words = re.compile(r"\b(" + "|".join(sorted(turned, key=len, reverse=True)) + r")\b")
    laid = lay(scene(), soft(scene()), scaled(0.5)(scene()), scene(3), grey(scene()), intruder(scene()))
    pairs = [(a, b, 0.8) for a in range(6) for b in range(6) if a != b]
    for p in (0.2, 0.5, 0.8):
        there = sentences_of_pairs(*laid, [(a, b, p) for a, b, _ in pairs])
        back = sentences_of_pairs(*laid, [(b, a, 1 - p) for a, b, _ in pairs])
        for one, other in zip(there, back, strict=True):
            assert one is not None and other == words.sub(lambda found: turned[found[0]], one)


def test_a_larger_difference_is_called_larger() -> None:
    degrees = [
        sentence(scene(), scene().filter(ImageFilter.GaussianBlur(radius))) or "" for radius in (0.7, 1.1, 4)
    ]
    assert [text.split("sharper")[0] for text in degrees] == ["slightly ", "", "far "]


def test_photos_that_hardly_differ_have_no_sentence() -> None:
    assert sentence(scene(), scene()) is None
    assert sentence(scene(), scaled(1.02)(scene())) is None


def test_sentences_are_the_same_every_time() -> None:
    assert len({sentence(scene(), grain(soft(scene()))) for _ in range(3)}) == 1


def test_texts_of_people_are_kept_and_the_rest_filled_in() -> None:
    features, alignment, maps = lay(scene(), soft(scene()), scene())
    places = np.array([[0, 1], [1, 2], [0, 2]])
    target = SeriesTarget(None, places[:, 0], places[:, 1], np.array([1.0, 0.0, 0.5]), {0: "as people said"})
    filled = with_measured_texts(target, features, alignment, maps)
    assert filled.texts[0] == "as people said" and "softer" in filled.texts[1] and 2 not in filled.texts
    assert target.texts == {0: "as people said"}


def test_a_series_without_pairs_stays_without_texts() -> None:
    nothing = np.zeros(0, np.int64)
    target = SeriesTarget(None, nothing, nothing, np.zeros(0), {})
    assert with_measured_texts(target, *lay(scene())).texts == {}
