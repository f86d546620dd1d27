"""Which scorers there are, by name; each is imported only when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType

from finepick.errors import ScorerError, UnknownScorerError
from finepick.scorers.base import Scorer

DEFAULT_SCORER = "measured"

SCORERS: Mapping[str, str] = MappingProxyType(
    {
        "measured": "finepick.scorers.measured:MeasuredScorer",
        "sharpness": "finepick.scorers.sharpness:SharpnessScorer",
        "measurement": "finepick.scorers.single:MeasurementScorer",
    }
)
"""Name → "module:Class". A class is made without arguments, or, for `measurement:NAME`, from NAME."""

_DESCRIPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "measured": "many measurements, compared within the series where its frames differ (the default)",
        "sharpness": "variance of the Laplacian of the whole frame, the floor that other cullers use",
    }
)

_NOT_YET = ("builtin", "fgaesq", "red-aes")
_WEIGHT_FILES = (".onnx", ".safetensors", ".pt")


def scorer_names() -> dict[str, str]:
    """Every name that `load_scorer` takes, with a line on what it does, the default first."""
    from finepick.scorers.single import MEASUREMENTS

    single = {f"measurement:{name}": known.description for name, known in MEASUREMENTS.items()}
    return {**_DESCRIPTIONS, **single}


def load_scorer(name: str, *, device: str = "cpu") -> Scorer:
    """The scorer called *name*; *device* is for models that have a choice, today's all run on the CPU.

    Raises UnknownScorerError where there is no such name, ScorerError where this version cannot use it.
    """
    if name in _NOT_YET:
        raise ScorerError(
            f"the model '{name}' is not part of this version of Finepick; "
            f"use one of {', '.join(_DESCRIPTIONS)}"
        )
    if name.lower().endswith(_WEIGHT_FILES):
        raise ScorerError(
            f"this version of Finepick cannot use weight files such as '{name}' yet; "
            f"use one of {', '.join(_DESCRIPTIONS)}",
            path=name,
        )
    family, separator, argument = name.partition(":")
    if family not in SCORERS or (separator and name not in scorer_names()) or name == "measurement":
        known = ", ".join(scorer_names())
        raise UnknownScorerError(f"there is no model called '{name}'; known are {known}")
    module, _, class_name = SCORERS[family].partition(":")
    scorer_class = getattr(importlib.import_module(module), class_name)
    scorer: Scorer = scorer_class(argument) if separator else scorer_class()
    return scorer


def is_loadable_elsewhere(scorer: Scorer) -> bool:
    """Whether another process gets the very same scorer by its name."""
    try:
        return load_scorer(scorer.info.name).info == scorer.info
    except ScorerError:
        return False
