"""Phrases and their bank: said well, packed whole, refused when spoilt."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import numpy as np
import pytest

from finepick.domain import Attribute
from finepick.features.packing import pack_arrays, unpack_arrays
from finepick.scorers.fgaesq.phrase_list import PHRASES
from finepick.scorers.phrases import Phrase, PhraseBank, digest_of, make_bank

COMPARES = re.compile(r"\b(more|less|fewer|better|further|harsher|\w+er|\w+ier)\b")

TWO = (
    Phrase(Attribute.MOMENT, "a happier smile", "a weaker smile"),
    Phrase(Attribute.OVERALL, "softer light", "harsher light"),
)


def bank() -> PhraseBank:
    rng = np.random.default_rng(1)
    return make_bank(TWO, lambda texts: rng.normal(size=(len(texts), 8)).astype(np.float32))


def test_the_list_has_pairs_for_every_attribute_and_no_sentence_twice() -> None:
    assert 30 <= len(PHRASES) <= 60
    assert {phrase.attribute for phrase in PHRASES} == set(Attribute)
    sentences = [text for phrase in PHRASES for text in (phrase.better, phrase.worse)]
    assert len(sentences) == len(set(sentences))


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: phrase.better)
def test_every_phrase_compares_and_fits_into_a_sentence(phrase: Phrase) -> None:
    for text in (phrase.better, phrase.worse):
        assert COMPARES.search(text), text
        assert text == text.strip().rstrip(".") and text.isascii() and text[0].islower()
        assert " than " not in text.replace("that is less", ""), "the sentence for the text tower adds it"
        assert len(text) < 65


def test_better_and_worse_embeddings_belong_to_their_sentences_and_have_unit_length() -> None:
    asked: list[str] = []

    def encode(texts: list[str]) -> np.ndarray:
        asked.extend(texts)
        return np.array([[len(text), 3.0, text.count("s")] for text in texts], np.float32)

    made = make_bank(TWO, encode)  # type: ignore[arg-type]
    assert asked == [
        "a happier smile than in the other photo",
        "a weaker smile than in the other photo",
        "softer light than in the other photo",
        "harsher light than in the other photo",
    ]
    expected = encode(["harsher light than in the other photo"])[0]
    assert made.worse[1] == pytest.approx(expected / np.sqrt((expected**2).sum()), abs=1e-6)
    assert np.linalg.norm(made.better, axis=1) == pytest.approx(1, abs=1e-6)
    assert made.better.dtype == made.worse.dtype == np.float32


@pytest.mark.parametrize("spoilt", [0.0, np.nan, np.inf])
def test_embeddings_without_a_direction_are_refused(spoilt: float) -> None:
    with pytest.raises(ValueError, match="without a direction"):
        make_bank(TWO, lambda texts: np.full((len(texts), 4), spoilt, np.float32))


def test_a_bank_comes_back_from_arrays_and_from_bytes() -> None:
    whole = bank()
    for back in (
        PhraseBank.from_arrays(whole.to_arrays()),
        PhraseBank.from_arrays(unpack_arrays(pack_arrays(whole.to_arrays()))),
    ):
        assert back.phrases == whole.phrases and back.digest == whole.digest
        assert (back.better == whole.better).all() and (back.worse == whole.worse).all()


def without(name: str) -> Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]:
    return lambda arrays: {key: value for key, value in arrays.items() if key != name}


def changed(name: str, value: np.ndarray) -> Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]:
    return lambda arrays: {**arrays, name: value}


SPOILT = {
    "no list": without("phrases.list"),
    "no better": without("phrases.better"),
    "a list that is no JSON": changed("phrases.list", np.frombuffer(b"[[", np.uint8)),
    "a list of numbers": changed("phrases.list", np.frombuffer(b"[1, 2]", np.uint8)),
    "an unknown attribute": changed("phrases.list", np.frombuffer(b'[["charm", "a", "b"]]', np.uint8)),
    "a row too few": changed("phrases.worse", np.zeros((1, 8), np.float32)),
    "another width": changed("phrases.worse", np.zeros((2, 7), np.float32)),
    "flat": changed("phrases.better", np.zeros(16, np.float32)),
    "doubles": changed("phrases.better", np.zeros((2, 8))),
    "not finite": changed("phrases.better", np.full((2, 8), np.nan, np.float32)),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT.keys())
def test_arrays_that_are_no_bank_are_refused(
    spoil: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]],
) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - what is wrong differs; that it is one kind of error matters
        PhraseBank.from_arrays(spoil(bank().to_arrays()))


def test_any_change_of_a_phrase_changes_the_digest_of_the_list() -> None:
    other = Phrase(Attribute.FRAMING, "a happier smile", "a weaker smile")
    lists = [TWO, TWO[::-1], TWO[:1], (other, TWO[1]), (Phrase(TWO[0].attribute, "x", "y"), TWO[1]), ()]
    assert all(digest_of(a) != digest_of(b) for a, b in itertools.combinations(lists, 2))
    assert digest_of(TWO) == digest_of(list(TWO))
