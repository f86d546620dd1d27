"""Generative editors through `diffusers`: a photo and an instruction in, a photo out. Nothing is fetched."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from PIL import Image

from finepick.domain import Frame
from finepick.errors import (
    DamagedImageError,
    MissingExtraError,
    UsageError,
    WeightsError,
    WeightsNotFoundError,
)

_DARKEST = 2.0  # mean level of a picture that a safety checker has blacked out


class Editor(Protocol):
    """name: what recipes say; another name for whatever may edit otherwise."""

    @property
    def name(self) -> str: ...

    def edit(self, frame: Frame, instruction: str, *, strength: float, seed: int) -> Frame:
        """*frame* edited as told, at its own size; *strength* 0…1. Raises ImageError where nothing came of it."""
        ...


@dataclass(frozen=True, slots=True)
class _Kind:
    """A family of pipelines: its class in `diffusers`, and how strength is turned into what it takes."""

    pipeline: str
    options: Callable[[float], dict[str, Any]]


KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        # Brooks et al. 2023: the picture's own guidance holds it back, 1 … 2; 7.5 is the authors' for the text.
        "instruct-pix2pix": _Kind(
            "StableDiffusionInstructPix2PixPipeline",
            lambda strength: {"image_guidance_scale": 2.0 - strength, "guidance_scale": 7.5},
        ),
        "qwen-image-edit": _Kind(
            "QwenImageEditPipeline",
            lambda strength: {"true_cfg_scale": 1.5 + 3.5 * strength, "negative_prompt": " "},
        ),
        "flux-kontext": _Kind(
            "FluxKontextPipeline", lambda strength: {"guidance_scale": 1.5 + 2.5 * strength}
        ),
    }
)
"""What `--editor KIND=FOLDER` takes. How strong an instruction is followed is ours, by guidance."""


class DiffusersEditor:
    """A pipeline of *kind* with the weights in *folder*, as `save_pretrained` writes them."""

    def __init__(
        self,
        kind: str,
        folder: str,
        *,
        steps: int = 28,
        device: str = "auto",
        options: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """*options* go to the pipeline as they are. Raises MissingExtraError, WeightsNotFoundError, WeightsError."""
        self.name = f"{kind}={folder}"
        self._kind = KINDS[kind]
        self._steps = steps
        self._options = options
        self._pipeline = _loaded(self._kind, folder, device)

    def edit(self, frame: Frame, instruction: str, *, strength: float, seed: int) -> Frame:
        import torch

        picture = Image.fromarray(frame)
        made = self._pipeline(
            image=picture,
            prompt=instruction,
            num_inference_steps=self._steps,
            generator=torch.Generator("cpu").manual_seed(seed),  # the same noise on every device
            **self._kind.options(strength),
            **self._options,
        ).images[0]
        edited = np.asarray(made.convert("RGB").resize(picture.size, Image.Resampling.LANCZOS))
        if edited.mean() < _DARKEST < frame.mean():
            raise DamagedImageError("the editor gave a black picture", path=self.name)
        return edited


def editor_named(words: str, *, device: str = "auto") -> DiffusersEditor:
    """The editor that "KIND=FOLDER" means. Raises UsageError, and like `DiffusersEditor`."""
    kind, equals, folder = words.partition("=")
    if kind not in KINDS or not equals or not folder:
        raise UsageError(f"--editor takes KIND=FOLDER, KIND one of {', '.join(KINDS)}, not '{words}'")
    return DiffusersEditor(kind, folder, device=device)


def _loaded(kind: _Kind, folder: str, device: str) -> Any:
    if not os.path.isfile(os.path.join(folder, "model_index.json")):
        raise WeightsNotFoundError(
            f"there is no pipeline of diffusers in '{folder}'; name the folder that holds its model_index.json",
            path=folder,
        )
    try:
        import diffusers
        import torch
    except ImportError as error:
        raise MissingExtraError("A generative editor", extra="generate") from error
    where = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    kept = torch.bfloat16 if where.startswith("cuda") else torch.float32
    try:
        pipeline = getattr(diffusers, kind.pipeline).from_pretrained(
            folder, torch_dtype=kept, local_files_only=True
        )
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, ImportError, AttributeError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise WeightsError(f"'{folder}' cannot be used as {kind.pipeline}: {said}", path=folder) from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(where)
