"""Folders with a multimodal language model: weights, tokenizer and processor, as transformers writes them.

A folder of adapters (LoRA) names the folder of the model that they belong to; they stay beside its weights, where
nothing of them is rounded away.
"""

from __future__ import annotations

import hashlib
import json
import os

from finepick.errors import WeightsError, WeightsNotFoundError

_CONFIG, _ADAPTERS = "config.json", "adapter_config.json"
_DECISIVE = (".safetensors", ".bin", ".json", ".jinja", ".model", ".txt")
_OURS = "red-aes.json"


def base_of(folder: str) -> str:
    """The folder with the weights: *folder*, or, where that holds adapters, the one they belong to.

    Raises WeightsNotFoundError, WeightsError.
    """
    if os.path.isfile(os.path.join(folder, _ADAPTERS)):
        try:
            with open(os.path.join(folder, _ADAPTERS), encoding="utf-8") as file:
                base = str(json.load(file)["base_model_name_or_path"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WeightsError(f"'{folder}' does not say what its adapters belong to", path=folder) from error
        if not os.path.isfile(os.path.join(base, _CONFIG)):
            raise WeightsNotFoundError(
                f"the adapters in '{folder}' belong to the model in '{base}', which is not there (any more)",
                path=folder,
            )
        return base
    if not os.path.isfile(os.path.join(folder, _CONFIG)):
        raise WeightsNotFoundError(
            f"there is no model in '{folder}' (no {_CONFIG}); name the folder of a Qwen-VL-like model, fetched "
            "whole beforehand",
            path=folder,
        )
    return folder


def digest_of_folder(folder: str) -> str:
    """SHA-256 over every file that decides what the model in *folder* says, its base included.

    Raises WeightsNotFoundError, WeightsError.
    """
    told = hashlib.sha256()
    for place in dict.fromkeys((folder, base_of(folder))):
        try:
            for name in sorted(os.listdir(place)):
                path = os.path.join(place, name)
                if name.endswith(_DECISIVE) and name != _OURS and os.path.isfile(path):
                    with open(path, "rb") as file:
                        told.update(f"{name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
        except OSError as error:
            raise WeightsError(
                f"the model in {place} cannot be read: {error.strerror}", path=place
            ) from error
    return told.hexdigest()
