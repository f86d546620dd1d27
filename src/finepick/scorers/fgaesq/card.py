"""What a file of weights says of itself, in strings: the same words in safetensors and in ONNX files."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from finepick.domain import Attribute
from finepick.errors import WeightsError
from finepick.scorers.fgaesq.architecture import POOLINGS, Architecture
from finepick.scorers.fgaesq.tokens import TOKENS
from finepick.scorers.phrases import Phrase

KIND = "fgaesq"
FORMAT_VERSION = 1
PUBLISHED_FINE_BLOCKS = 14

_LARGEST_SIZE = 65536
_MOST_LAYERS = 256


@dataclass(frozen=True, slots=True)
class Card:
    """temperature: P(x preferred over y) = sigmoid((s_x − s_y) / temperature). fine_blocks: how many blocks of
    32 px the network was taught to see at native resolution. phrases: those whose embeddings the file holds.
    """

    architecture: Architecture
    temperature: float = 1.0
    fine_blocks: int = PUBLISHED_FINE_BLOCKS
    phrases: tuple[Phrase, ...] = ()

    def as_strings(self) -> dict[str, str]:
        return {
            "kind": KIND,
            "format_version": str(FORMAT_VERSION),
            "architecture": json.dumps(self.architecture.as_dict()),
            "temperature": repr(float(self.temperature)),
            "fine_blocks": str(self.fine_blocks),
            "phrases": json.dumps([asdict(phrase) for phrase in self.phrases]),
        }


def read_card(strings: Mapping[str, str], path: str) -> Card | None:
    """The card in *strings*, or None where they are not Finepick's. Raises WeightsError for a spoilt card, for
    one of another kind of model, and for one that a newer version wrote."""
    if "kind" not in strings or "format_version" not in strings:
        return None
    if strings["kind"] != KIND:
        raise WeightsError(
            f"{path} holds a model of the kind '{strings['kind']}', not '{KIND}'; choose another file",
            path=path,
        )
    if strings["format_version"] != str(FORMAT_VERSION):
        raise WeightsError(
            f"{path} was written by another version of Finepick (format {strings['format_version']}, "
            f"this one reads {FORMAT_VERSION}); update Finepick",
            path=path,
        )
    try:
        return Card(
            _architecture(json.loads(strings["architecture"])),
            _within(float(strings["temperature"]), 1e-6, 1e6),
            int(_within(int(strings["fine_blocks"]), 0, TOKENS // 4)),
            tuple(_phrase(phrase) for phrase in json.loads(strings["phrases"])),
        )
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise WeightsError(
            f"{path} does not describe its model as Finepick does ({error}); fetch or export it again",
            path=path,
        ) from error


def check_sizes(architecture: Architecture) -> None:
    """Raises ValueError where no network can have these sizes, or none that anybody could run."""
    if architecture.pooling not in POOLINGS:
        raise ValueError(f"pooling: {architecture.pooling!r} is not one of {', '.join(POOLINGS)}")
    sizes = {name: value for name, value in architecture.as_dict().items() if name != "pooling"}
    for name, value in sizes.items():
        for size in value if isinstance(value, tuple) else (value,):
            if not (type(size) is int and 1 <= size <= _LARGEST_SIZE):
                raise ValueError(f"{name}: {size!r} is not a size")
    if architecture.patch % 2 ** len(architecture.stem):
        raise ValueError(f"stem: {len(architecture.stem)} halvings of {architecture.patch} pixels")
    if architecture.layers > _MOST_LAYERS:
        raise ValueError(f"layers: {architecture.layers} are more than {_MOST_LAYERS}")
    if architecture.width % architecture.heads:
        raise ValueError(f"width: {architecture.width} cannot be shared by {architecture.heads} heads")


def _architecture(sizes: Mapping[str, Any]) -> Architecture:
    first, second = sizes["head"]
    architecture = Architecture(**{**sizes, "head": (first, second), "stem": tuple(sizes["stem"])})
    check_sizes(architecture)
    return architecture


def _phrase(entry: Mapping[str, str]) -> Phrase:
    if not (isinstance(entry["better"], str) and isinstance(entry["worse"], str)):
        raise ValueError("a phrase that is not text")
    return Phrase(Attribute(entry["attribute"]), entry["better"], entry["worse"])


def _within(value: float, low: float, high: float) -> float:
    if not (math.isfinite(value) and low <= value <= high):
        raise ValueError(f"{value} is not between {low} and {high}")
    return value
