"""From a name or a file to a scorer: fetched weights, a checkpoint, our own safetensors, an exported network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from finepick.scorers.base import Scorer
from finepick.scorers.fgaesq.card import Card
from finepick.scorers.fgaesq.fetched import fetched_files, fetched_folder, require_fetched
from finepick.scorers.fgaesq.pairwise import PairwiseScorer
from finepick.scorers.fgaesq.runner import Runner
from finepick.scorers.fgaesq.scorer import FgaesqScorer
from finepick.scorers.fgaesq.tokens import Floats
from finepick.scorers.phrases import PhraseBank
from finepick.settings import load_settings

if TYPE_CHECKING:
    from finepick.scorers.fgaesq.checkpoint import LoadedModel
    from finepick.scorers.fgaesq.text import SentenceEncoder

Encode = Callable[[Sequence[str]], Floats]
"""n sentences → their embeddings, (n, d)."""


def load_fgaesq(path: str | None, device: str, pairing: str) -> Scorer:
    """The scorer with the weights in *path*, or with the fetched ones; *pairing* as for `load_scorer`.

    Raises WeightsNotFoundError, WeightsError, MissingExtraError, ScorerError where *device* is not there.
    """
    weights = require_fetched(load_settings()).weights if path is None else path
    runner, card, phrases, encode = (
        _exported(weights) if weights.lower().endswith(".onnx") else _learned(weights, device)
    )
    if pairing == "published":
        return PairwiseScorer(runner, temperature=card.temperature, phrases=phrases)
    return FgaesqScorer(
        runner,
        temperature=card.temperature,
        fine_blocks=card.fine_blocks,
        tokens=card.architecture.tokens,
        phrases=phrases,
        encode=encode,
    )


def _exported(path: str) -> tuple[Runner, Card, PhraseBank | None, None]:
    from finepick.scorers.fgaesq.onnx_runner import load_onnx_runner

    runner = load_onnx_runner(path)
    return runner, runner.card, runner.phrases, None


def _learned(path: str, device: str) -> tuple[Runner, Card, PhraseBank | None, Encode | None]:
    from finepick.scorers.fgaesq.checkpoint import card_of
    from finepick.scorers.fgaesq.torch_runner import LateRunner, find_device

    find_device(device)  # before the file is read, which takes a while
    model = load_with_phrases(path)
    here = fetched_files(load_settings())
    encode = None if here is None or not model.has_text_tower else _encoder(path, here.tokenizer)
    return LateRunner(model, device=device), card_of(model), model.phrases, encode


def _encoder(weights: str, tokenizer: str) -> Encode:
    """The text tower in *weights*, read when the first sentence comes."""

    @lru_cache(1)
    def encoder() -> SentenceEncoder:
        from finepick.scorers.fgaesq.checkpoint import read_text_state
        from finepick.scorers.fgaesq.sentences import read_tokenizer
        from finepick.scorers.fgaesq.text import SentenceEncoder, TextTower

        return SentenceEncoder(TextTower(read_text_state(weights), source=weights), read_tokenizer(tokenizer))

    return lambda texts: encoder().encode(texts)


def load_with_phrases(path: str | None) -> LoadedModel:
    """The model in *path*, or the fetched one, with the phrases that its text tower makes of ours, if it has one.

    Raises WeightsNotFoundError, WeightsError, MissingExtraError.
    """
    from finepick.scorers.fgaesq.checkpoint import load_model, read_text_state
    from finepick.scorers.fgaesq.phrase_store import obtain_bank

    model = load_model(require_fetched(load_settings()).weights if path is None else path)
    if model.phrases is not None or not model.has_text_tower:
        return model
    settings = load_settings()
    here = fetched_files(settings)
    phrases = obtain_bank(
        model.path,
        folder=fetched_folder(settings),
        fingerprint=model.fingerprint,
        state=lambda: read_text_state(model.path),
        tokenizer=None if here is None else here.tokenizer,
    )
    return replace(model, phrases=phrases)
