"""What can judge here, where its weights lie, and how they leave as another file."""

from __future__ import annotations

import importlib.resources
import os
from dataclasses import asdict, dataclass

from finepick.errors import UsageError, WeightsNotFoundError
from finepick.scorers.catalog import CHECKPOINTS, DEFAULT_SCORER, load_scorer, scorer_names
from finepick.scorers.fgaesq.fetched import MODEL, fetched_files, require_fetched
from finepick.scorers.red_aes.card import find_card, usual_place
from finepick.settings import Settings, load_settings

RED_AES = "red-aes"

_EXPORT_ENDINGS = (".onnx", ".safetensors")


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model that this version knows; `is_here`: it can judge now, without a download."""

    name: str
    description: str
    is_here: bool
    is_default: bool

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def list_models_here(settings: Settings | None = None) -> list[KnownModel]:
    """Every model by name: the default first, then those that have learned."""
    settings = settings or load_settings()
    learned = {MODEL: fetched_files(settings) is not None, RED_AES: usual_place(settings) is not None}
    names = scorer_names()
    ordered = sorted(names, key=lambda name: (name != DEFAULT_SCORER, name not in learned, ":" in name))
    return [
        KnownModel(name, names[name], learned.get(name, True), name == DEFAULT_SCORER) for name in ordered
    ]


def weights_path(name: str, settings: Settings | None = None) -> str:
    """The file that holds what the model called *name* has learned.

    Raises UnknownScorerError, and WeightsNotFoundError for a model that has learned nothing or is not here.
    """
    if name == MODEL:
        return require_fetched(settings or load_settings()).weights
    if name == RED_AES:
        place = usual_place(settings or load_settings())
        if place is None:
            raise WeightsNotFoundError("there is no red-aes model here; teach one with 'finepick train red'")
        return find_card(place)
    load_scorer(name)
    shipped = importlib.resources.files("finepick.scorers")
    weights = shipped / "builtin" / "builtin.onnx" if name == "builtin" else shipped / f"{name}.json"
    if not weights.is_file():
        raise WeightsNotFoundError(f"the model '{name}' has no weights: it is a formula")
    return str(weights)


def export_model(name: str, out: str) -> None:
    """Write the model called *name*, or in the file *name*, to *out*: `.onnx`, or our own `.safetensors`.

    Raises UsageError for another model or ending, or where *out* is the file that is read; WeightsError,
    WeightsNotFoundError, OutputError, MissingExtraError.
    """
    ending = os.path.splitext(out)[1].lower()
    is_file = name.lower().endswith(CHECKPOINTS)
    if name != MODEL and not is_file:
        raise UsageError(f"only {MODEL}, or a file of its weights, can be exported, not '{name}'")
    if ending not in _EXPORT_ENDINGS:
        raise UsageError(f"a model is exported to {' or '.join(_EXPORT_ENDINGS)}, not to '{out}'")
    if is_file and os.path.exists(name) and os.path.exists(out) and os.path.samefile(name, out):
        raise UsageError(f"'{out}' is the file that is read; choose another name")
    from finepick.scorers.fgaesq.checkpoint import save_model
    from finepick.scorers.fgaesq.export import export_onnx
    from finepick.scorers.fgaesq.loading import load_with_phrases

    model = load_with_phrases(name if is_file else None)
    (export_onnx if ending == ".onnx" else save_model)(model, out)
