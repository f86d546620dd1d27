"""The bank beside the weights: made once, of these weights and these phrases and no others."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from finepick.domain import Attribute  # noqa: E402
from finepick.errors import WeightsError, WeightsNotFoundError  # noqa: E402
from finepick.scorers.fgaesq.phrase_store import (  # noqa: E402
    bank_file,
    obtain_bank,
    read_bank,
    write_bank,
)
from finepick.scorers.fgaesq.sentences import read_tokenizer  # noqa: E402
from finepick.scorers.fgaesq.text import SentenceEncoder, TextTower  # noqa: E402
from finepick.scorers.phrases import SENTENCE, Phrase, PhraseBank  # noqa: E402
from tests.clip_tokenizer import vocabulary, write_parts  # noqa: E402
from tests.scorers.fgaesq.test_text import tensors, tiny_state  # noqa: E402

PHRASES = (
    Phrase(Attribute.MOMENT, "a happier smile", "a weaker smile"),
    Phrase(Attribute.OVERALL, "softer light", "harsher light"),
)


class Weights:
    """A file of weights with a text tower, that counts how often it is read."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "weights.pt")
        self.folder = str(folder / "models")
        self.tokenizer = str(write_parts(folder / "tokenizer"))
        self.state = tensors(tiny_state(words=len(vocabulary())))
        self.reads = 0

    def read(self) -> Mapping[str, Any]:
        self.reads += 1
        return self.state

    def bank(self, fingerprint: str = "f" * 64, phrases: tuple[Phrase, ...] = PHRASES) -> PhraseBank | None:
        return obtain_bank(
            self.path,
            folder=self.folder,
            fingerprint=fingerprint,
            state=self.read,
            tokenizer=self.tokenizer,
            phrases=phrases,
        )

    @property
    def kept(self) -> Path:
        return Path(bank_file(self.folder, "f" * 64))


@pytest.fixture
def weights(tmp_path: Path) -> Weights:
    return Weights(tmp_path)


def test_the_bank_holds_what_the_text_tower_says_of_each_sentence(weights: Weights) -> None:
    bank = weights.bank()
    assert bank is not None and bank.phrases == PHRASES
    encoder = SentenceEncoder(TextTower(weights.state), read_tokenizer(weights.tokenizer))
    expected = encoder.encode([SENTENCE.format("softer light")])[0]
    assert bank.better[1] == pytest.approx(expected / np.linalg.norm(expected), abs=1e-6)


def test_it_is_made_once_and_then_read(weights: Weights) -> None:
    first, second = weights.bank(), weights.bank()
    assert first is not None and second is not None and first.digest == second.digest
    assert weights.reads == 1 and weights.kept.is_file()
    assert os.listdir(weights.folder) == [f"phrases-{'f' * 16}.safetensors"]


def test_other_weights_or_other_phrases_have_another_bank(weights: Weights) -> None:
    weights.bank()
    weights.bank(fingerprint="e" * 64)
    assert weights.reads == 2
    other = weights.bank(fingerprint="e" * 64, phrases=PHRASES[:1])
    assert weights.reads == 3 and other is not None and other.phrases == PHRASES[:1]


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff" * 100, b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_a_damaged_bank_is_made_anew(weights: Weights, content: bytes) -> None:
    weights.bank()
    weights.kept.write_bytes(content)
    assert weights.bank() is not None and weights.reads == 2
    assert weights.bank() is not None and weights.reads == 2


def test_a_bank_that_was_cut_off_is_made_anew(weights: Weights) -> None:
    weights.bank()
    whole = weights.kept.read_bytes()
    weights.kept.write_bytes(whole[:-10])
    assert weights.bank() is not None and weights.reads == 2


def test_without_tokenizer_or_text_tower_there_is_none(weights: Weights) -> None:
    nothing = obtain_bank(
        weights.path, folder=weights.folder, fingerprint="f", state=weights.read, tokenizer=None
    )
    assert nothing is None and weights.reads == 0
    weights.state = {"clip_model.visual.proj": torch.zeros(3)}
    assert weights.bank() is None and not weights.kept.exists()


def test_a_missing_tokenizer_and_a_spoilt_text_tower_are_errors(weights: Weights) -> None:
    with pytest.raises(WeightsNotFoundError):
        obtain_bank(
            weights.path, folder=weights.folder, fingerprint="f", state=weights.read, tokenizer="/nowhere"
        )
    weights.state["text_projection"] = torch.full_like(weights.state["text_projection"], float("nan"))
    with pytest.raises(WeightsError, match=r"weights.pt cannot be used: .*without a direction"):
        weights.bank()


def test_where_it_cannot_be_kept_it_is_made_each_time(weights: Weights) -> None:
    weights.kept.mkdir(parents=True)
    assert weights.bank() is not None and weights.bank() is not None and weights.reads == 2


def test_a_bank_that_cannot_be_written_leaves_nothing_behind(weights: Weights, tmp_path: Path) -> None:
    bank = weights.bank()
    assert bank is not None
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x.phrases.safetensors").mkdir()
    with pytest.raises(OSError, match=r"x\.phrases"):
        write_bank(str(tmp_path / "full" / "x.phrases.safetensors"), bank, fingerprint="f")
    assert os.listdir(tmp_path / "full") == ["x.phrases.safetensors"]
    assert read_bank(str(tmp_path / "full" / "x.phrases.safetensors"), fingerprint="f") is None
