"""A multimodal language model from its folder into memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

try:
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor
except ImportError as error:
    from finepick.errors import MissingExtraError

    raise MissingExtraError("running a multimodal language model", extra="mllm") from error

from finepick.errors import WeightsError
from finepick.scorers.red_aes.weight_folders import base_of


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """network: any image-text-to-text model of transformers. processor: what makes its inputs."""

    network: Any
    processor: Any


def load_model_folder(folder: str, *, dtype: torch.dtype, to_teach: bool = False) -> LoadedModel:
    """The model in *folder*, from this disk alone; code that lies beside it is not run.

    to_teach: whether its adapters, if it has some, can learn. Raises WeightsNotFoundError where there is no model,
    WeightsError where it cannot be used.
    """
    base = base_of(folder)
    try:
        processor = AutoProcessor.from_pretrained(folder, local_files_only=True)  # type: ignore[no-untyped-call]
        network = AutoModelForImageTextToText.from_pretrained(base, dtype=dtype, local_files_only=True)
        if base != folder:
            from peft import PeftModel

            network = PeftModel.from_pretrained(network, folder, is_trainable=to_teach)
    except ImportError as error:
        wanted = "torchvision" if "orchvision" in str(error) else "a package"
        raise WeightsError(
            f"the model in '{folder}' needs {wanted} that is not installed: {_first_line(error)}", path=folder
        ) from error
    except Exception as error:
        raise WeightsError(
            f"the model in '{folder}' cannot be loaded: {_first_line(error)}; is it whole, and does it take "
            "pictures?",
            path=folder,
        ) from error
    if getattr(network.config, "image_token_id", None) is None:
        raise WeightsError(f"the model in '{folder}' takes no pictures; name another", path=folder)
    return LoadedModel(network, processor)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
