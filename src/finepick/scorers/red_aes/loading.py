"""From the name `red-aes`, a folder or a card to the scorer."""

from __future__ import annotations

import os

from finepick.chat.client import endpoint_of
from finepick.errors import UsageError, WeightsNotFoundError
from finepick.scorers.red_aes.asking import Asker
from finepick.scorers.red_aes.card import Card, find_card, read_card, usual_place
from finepick.scorers.red_aes.endpoint import EndpointAsker
from finepick.scorers.red_aes.scorer import RedAesScorer
from finepick.settings import RED_AES_VARIABLE, load_settings


def load_red_aes(path: str | None, device: str, pairing: str) -> RedAesScorer:
    """The scorer whose card lies at *path*, a file or its folder; None = the one that settings name.

    Raises WeightsNotFoundError, WeightsError, MissingExtraError, UsageError, ScorerError.
    """
    if pairing != "series":
        raise UsageError(
            f"--pairing {pairing} goes with fgaesq, not with red-aes; its card says how it is asked"
        )
    place = find_card(path if path is not None else _usual())
    card = read_card(place)
    return RedAesScorer(_asker(card, os.path.dirname(place), device), card)


def _usual() -> str:
    place = usual_place(load_settings())
    if place is None:
        raise WeightsNotFoundError(
            "there is no red-aes model here: teach one with 'finepick train red' and name its folder in "
            f"{RED_AES_VARIABLE} (or with --model), or name a card there that says which server to ask, see "
            "docs/red-training.md"
        )
    return place


def _asker(card: Card, folder: str, device: str) -> Asker:
    if card.endpoint:
        extra = {"temperature": card.temperature, "max_tokens": card.most_tokens}
        endpoint = endpoint_of(card.endpoint, card.model, extra=extra)
        return EndpointAsker(endpoint, at_once=card.at_once, timeout_seconds=card.timeout_seconds)
    from finepick.scorers.red_aes.local import LocalAsker, Sampling

    return LocalAsker(folder, Sampling(card.temperature, card.most_tokens), device=device)
