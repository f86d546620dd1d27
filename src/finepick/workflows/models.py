"""What can judge here, and where its weights lie."""

from __future__ import annotations

import importlib.resources
from dataclasses import asdict, dataclass

from finepick.errors import WeightsNotFoundError
from finepick.scorers.catalog import DEFAULT_SCORER, load_scorer, scorer_names


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model that this version knows; `is_here`: it can judge now, without a download."""

    name: str
    description: str
    is_here: bool
    is_default: bool

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def list_models_here() -> list[KnownModel]:
    """Every model by name, the default first."""
    return [
        KnownModel(name, description, True, name == DEFAULT_SCORER)
        for name, description in scorer_names().items()
    ]


def weights_path(name: str) -> str:
    """The file that holds what the model called *name* has learned.

    Raises UnknownScorerError, and WeightsNotFoundError for a model that has learned nothing.
    """
    load_scorer(name)
    weights = importlib.resources.files("finepick.scorers") / f"{name}.json"
    if not weights.is_file():
        raise WeightsNotFoundError(f"the model '{name}' has no weights: it is a formula")
    return str(weights)
