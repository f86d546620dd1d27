"""Who answers and how it is asked: `red-aes.json`, in a model's folder or by itself."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from finepick.errors import WeightsError, WeightsNotFoundError
from finepick.scorers.red_aes.pictures import PIXELS
from finepick.settings import Settings

CARD = "red-aes.json"
ASKS = ("rate", "compare")


@dataclass(frozen=True, slots=True)
class Card:
    """How a model is asked.

    ask: "rate" (each photo alone) or "compare" (each two photos, both ways). samples: answers to each question.
    temperature, most_tokens: as in `local.Sampling`. pixels: of a photo, at most. shift, slope: of
    `ratings.Scale`. endpoint, model: address of an OpenAI-compatible server and the model's name there; empty
    where the weights lie beside the card. at_once: requests to a server at a time. timeout_seconds: for each.
    """

    ask: str = "rate"
    samples: int = 4
    temperature: float = 1.0
    most_tokens: int = 512
    pixels: int = PIXELS
    shift: float = 0.0
    slope: float = 1.0
    endpoint: str = ""
    model: str = ""
    at_once: int = 8
    timeout_seconds: float = 120.0

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"


def find_card(path: str) -> str:
    """The card that *path* means: itself, or the one in that folder. Raises WeightsNotFoundError."""
    card = os.path.join(path, CARD) if os.path.isdir(path) else path
    if not os.path.isfile(card):
        raise WeightsNotFoundError(
            f"there is no {CARD} in '{path}'; name a folder that 'finepick train red' made, or a card of your own",
            path=path,
        )
    return card


def usual_place(settings: Settings) -> str | None:
    """The folder or card that the name `red-aes` means; None where there is none."""
    beside_others = os.path.join(settings.models_folder, "red-aes")
    return settings.red_aes or (beside_others if os.path.isdir(beside_others) else None)


def read_card(path: str) -> Card:
    """The card in the file *path*; what it does not say is as usual. Raises WeightsError, naming what is wrong."""
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(
            f"{path} is no card of a model: {error}; see docs/red-training.md", path=path
        ) from error
    if not isinstance(document, dict):
        raise _wrong(path, "it holds no object")
    unknown = sorted(document.keys() - {field.name for field in fields(Card)})
    if unknown:
        raise _wrong(path, f"'{unknown[0]}' is unknown; known are {', '.join(f.name for f in fields(Card))}")
    return _checked(
        replace(Card(), **{name: _typed(path, name, value) for name, value in document.items()}), path
    )


def _typed(path: str, name: str, value: Any) -> Any:
    usual = getattr(Card(), name)
    if isinstance(usual, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(usual):
        raise _wrong(path, f"'{name}' is {value!r}, not like {usual!r}")
    return value


def _checked(card: Card, path: str) -> Card:
    bounds = {
        "samples": (1, 64),
        "temperature": (0, 5),
        "most_tokens": (8, 8192),
        "pixels": (1024, 4_194_304),
        "slope": (1e-6, 1e6),
        "shift": (-100, 100),
        "at_once": (1, 256),
        "timeout_seconds": (0.01, 3600),
    }
    if card.ask not in ASKS:
        raise _wrong(path, f"'ask' is '{card.ask}'; use one of {', '.join(ASKS)}")
    for name, (low, high) in bounds.items():
        if not low <= getattr(card, name) <= high:
            raise _wrong(path, f"'{name}' is {getattr(card, name)}, not from {low} to {high}")
    return card


def _wrong(path: str, what: str) -> WeightsError:
    return WeightsError(f"{path}: {what}; see docs/red-training.md", path=path)
