"""Weights in the layout of the released checkpoint, made by a rule, so that no real ones are needed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

CLIP_WIDTH, CLIP_LAYERS, TEXT_WIDTH, TEXT_LAYERS, EMBEDDING = 768, 12, 512, 12, 512


def released_shapes() -> dict[str, tuple[int, ...]]:
    """The 310 parameters of the released state dict, without its aliases."""
    shapes: dict[str, tuple[int, ...]] = {
        "scale_embedding": (1, 2, CLIP_WIDTH),
        "mask_token": (1, 1, CLIP_WIDTH),
        "clip_model.positional_embedding": (77, TEXT_WIDTH),
        "clip_model.text_projection": (TEXT_WIDTH, EMBEDDING),
        "clip_model.logit_scale": (),
        "clip_model.token_embedding.weight": (49408, TEXT_WIDTH),
        "clip_model.visual.class_embedding": (CLIP_WIDTH,),
        "clip_model.visual.positional_embedding": (197, CLIP_WIDTH),
        "clip_model.visual.proj": (CLIP_WIDTH, EMBEDDING),
        "clip_model.visual.conv1.weight": (CLIP_WIDTH, 3, 16, 16),
    }
    for name in ("visual.ln_pre", "visual.ln_post"):
        shapes |= _norm(f"clip_model.{name}", CLIP_WIDTH)
    shapes |= _norm("clip_model.ln_final", TEXT_WIDTH)
    for layer in range(CLIP_LAYERS):
        shapes |= _block(f"clip_model.visual.transformer.resblocks.{layer}", CLIP_WIDTH)
    for layer in range(TEXT_LAYERS):
        shapes |= _block(f"clip_model.transformer.resblocks.{layer}", TEXT_WIDTH)
    for place, (outputs, inputs) in {0: (256, 512), 3: (64, 256), 6: (10, 64)}.items():
        shapes[f"iqa_head.{place}.weight"] = (outputs, inputs)
        shapes[f"iqa_head.{place}.bias"] = (outputs,)
    return shapes


def released_state(names: str = "") -> dict[str, np.ndarray[Any, Any]]:
    """Every parameter whose name starts with *names*, float32, by the rule."""
    return {
        name: _by_rule(name, shape) for name, shape in released_shapes().items() if name.startswith(names)
    }


def released_aliases() -> Iterator[tuple[str, str]]:
    """(alias, name it stands for): the visual parts that the release lists a second time at top level."""
    for name in released_shapes():
        for part in ("proj", "ln_pre.", "transformer.", "ln_post."):
            if name.startswith(f"clip_model.visual.{part}"):
                yield name.removeprefix("clip_model.visual."), name


def write_released_checkpoint(path: Path) -> Path:
    """A file in the released layout: a bare state dict, aliases sharing their storage; some 600 MB."""
    import torch

    state = {name: torch.from_numpy(np.array(value)) for name, value in released_state().items()}
    state |= {alias: state[name] for alias, name in released_aliases()}
    torch.save(state, path)
    return path


def _by_rule(name: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    drawn = np.asarray(generator.standard_normal(shape, dtype=np.float32) * np.float32(_spread(name)))
    is_norm = any(f"{part}.weight" in name for part in ("ln_1", "ln_2", "ln_pre", "ln_post", "ln_final"))
    return drawn + np.float32(1) if is_norm else drawn


def _spread(name: str) -> float:
    if name.startswith("iqa_head.") or name == "scale_embedding":
        return 0.2
    if name == "clip_model.visual.positional_embedding":
        return 0.1
    return 0.055 if name.endswith("in_proj_weight") else 0.04


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _block(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {
        f"{name}.attn.in_proj_weight": (3 * width, width),
        f"{name}.attn.in_proj_bias": (3 * width,),
        f"{name}.attn.out_proj.weight": (width, width),
        f"{name}.attn.out_proj.bias": (width,),
        **_norm(f"{name}.ln_1", width),
        f"{name}.mlp.c_fc.weight": (4 * width, width),
        f"{name}.mlp.c_fc.bias": (4 * width,),
        f"{name}.mlp.c_proj.weight": (width, 4 * width),
        f"{name}.mlp.c_proj.bias": (width,),
        **_norm(f"{name}.ln_2", width),
    }
