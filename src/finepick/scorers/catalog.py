"""Which scorers there are, by name; each is imported only when it is asked for."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from types import MappingProxyType

from finepick.errors import ScorerError, UnknownScorerError, UsageError
from finepick.scorers.base import Scorer

DEFAULT_SCORER = "builtin"

SCORERS: Mapping[str, str] = MappingProxyType(
    {
        "builtin": "finepick.scorers.builtin:BuiltinScorer",
        "measured": "finepick.scorers.measured:MeasuredScorer",
        "sharpness": "finepick.scorers.sharpness:SharpnessScorer",
        "measurement": "finepick.scorers.single:MeasurementScorer",
    }
)
"""Name → "module:Class". A class is made without arguments, or, for `measurement:NAME`, from NAME."""

WEIGHTED: Mapping[str, str] = MappingProxyType(
    {
        "fgaesq": "finepick.scorers.fgaesq.loading:load_fgaesq",
        "red-aes": "finepick.scorers.red_aes.loading:load_red_aes",
    }
)
"""Name → "module:function" of models whose weights are fetched or given as a file, a folder or a card.

The function is called with the file (None = the usual one), the device and the pairing.
"""

CHECKPOINTS = (".safetensors", ".pt", ".pth")
WEIGHT_FILES = (".onnx", *CHECKPOINTS)
PAIRINGS = ("series", "published")

_DESCRIPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "builtin": "a small network that was taught, and measurements (the default)",
        "measured": "many measurements, compared within the series where its frames differ",
        "sharpness": "variance of the Laplacian of the whole frame, the floor that other cullers use",
        "fgaesq": "the network of FGAesQ (CVPR 2026) with its published weights, see 'finepick models fetch'",
        "red-aes": "a multimodal language model that says why, then rates: taught here by 'finepick train red', "
        "or behind a server",
    }
)
_DEVICES = ("auto", "cpu", "cuda", "mps")


def scorer_names() -> dict[str, str]:
    """Every name that `load_scorer` takes, with a line on what it does, the default first."""
    from finepick.scorers.single import MEASUREMENTS

    single = {f"measurement:{name}": known.description for name, known in MEASUREMENTS.items()}
    return {**_DESCRIPTIONS, **single}


def load_scorer(name: str, *, device: str = "auto", pairing: str = "series") -> Scorer:
    """The scorer called *name*, or the one whose weights lie in the file *name*.

    Args:
        device: "auto", "cpu", "cuda" (or "cuda:1" …) or "mps", for models that have a choice.
        pairing: "series" (all photos at once) or "published" (`fgaesq` alone: every pair, as its authors do).

    Raises UnknownScorerError where there is no such name, ScorerError where this version cannot use it,
    WeightsError for a file that holds no such weights, MissingExtraError, UsageError.
    """
    if device.partition(":")[0] not in _DEVICES:
        raise UsageError(f"unknown device '{device}'; use one of {', '.join(_DEVICES)}")
    if pairing not in PAIRINGS:
        raise UsageError(f"unknown pairing '{pairing}'; use one of {', '.join(PAIRINGS)}")
    if name in WEIGHTED:
        return _named(WEIGHTED[name])(None, device, pairing)
    if name.lower().endswith(".onnx"):
        made: Scorer | None = _named("finepick.scorers.builtin.loading:load_if_ours")(name)
        if made is not None and pairing == "series":
            return made
    if name.lower().endswith(WEIGHT_FILES):
        return _named(WEIGHTED["fgaesq"])(name, device, pairing)
    family, separator, argument = name.partition(":")
    if family not in SCORERS and (name.lower().endswith(".json") or os.path.isdir(name)):
        return _named(WEIGHTED["red-aes"])(name, device, pairing)
    if pairing != "series":
        raise UsageError(f"--pairing {pairing} goes with fgaesq, not with '{name}'")
    if family not in SCORERS or (separator and name not in scorer_names()) or name == "measurement":
        raise _unknown(name)
    make = _named(SCORERS[family])
    return make(argument) if separator else make()


def _unknown(name: str) -> UnknownScorerError:
    if os.path.basename(name) != name or os.path.exists(name):
        return UnknownScorerError(
            f"'{name}' is no file of weights; their names end in {', '.join(WEIGHT_FILES[:-1])} "
            f"or {WEIGHT_FILES[-1]}; a red-aes model is a folder, or a card that ends in .json"
        )
    return UnknownScorerError(f"there is no model called '{name}'; known are {', '.join(scorer_names())}")


def _named(home: str) -> Callable[..., Scorer]:
    module, _, name = home.partition(":")
    made: Callable[..., Scorer] = getattr(importlib.import_module(module), name)
    return made


def is_loadable_elsewhere(scorer: Scorer) -> bool:
    """Whether another process gets the very same scorer by its name, for next to nothing."""
    if scorer.info.name in WEIGHTED:
        return False
    try:
        return load_scorer(scorer.info.name).info == scorer.info
    except ScorerError:
        return False
