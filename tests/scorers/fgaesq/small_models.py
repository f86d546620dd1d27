"""Small networks with drawn weights, tokens at random, and what a file in the released layout holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from finepick.scorers.fgaesq.architecture import Architecture
from finepick.scorers.fgaesq.checkpoint import LoadedModel, model_of
from finepick.scorers.fgaesq.network import FgaesqNetwork
from finepick.scorers.fgaesq.tokens import COARSE, FINE, PADDING, Tokens

SMALL = Architecture(width=128, layers=3, heads=2, embedding=32, head=(24, 12))
ALIASED = ("proj", "ln_pre.", "transformer.", "ln_post.")


def small_network(seed: int = 0, architecture: Architecture = SMALL) -> FgaesqNetwork:
    """Every weight drawn, gains and biases too, so that none can be forgotten unnoticed."""
    network = FgaesqNetwork(architecture)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            is_gain = ".ln_" in name and name.endswith("weight")
            weight.normal_(mean=1.0 if is_gain else 0.0, std=0.12, generator=generator)
    return network.eval()


def small_model(seed: int = 0, **values: Any) -> LoadedModel:
    return replace(model_of(small_network(seed)), **values) if values else model_of(small_network(seed))


def random_tokens(seed: int, count: int = 40) -> Tokens:
    """*count* tokens: coarse, fine and, at the end, padding."""
    generator = np.random.default_rng(seed)
    marks = generator.choice(np.array([COARSE, FINE], np.int8), count)
    marks[-count // 5 :] = PADDING
    real = (marks != PADDING)[:, None]
    return Tokens(
        (generator.normal(size=(count, 3, 16, 16)) * real[..., None, None]).astype(np.float32),
        marks,
        (generator.dirichlet(np.ones(14), count) * real).astype(np.float32),
        (generator.dirichlet(np.ones(14), count) * real).astype(np.float32),
    )


def released_layout(seed: int = 0, *, aliases: bool = True, text: bool = True) -> dict[str, torch.Tensor]:
    """A small network's weights by the names of the release, with a text tower one layer deep."""
    state = small_network(seed).state_dict()
    file = {f"clip_model.{name}" if name.startswith("visual.") else name: state[name] for name in state}
    if text:
        file |= {f"clip_model.{name}": tensor for name, tensor in text_tower().items()}
    if aliases:
        visual = {name.removeprefix("visual."): tensor for name, tensor in state.items()}
        file |= {name: tensor for name, tensor in visual.items() if name.startswith(ALIASED)}
    return {name: tensor.detach() for name, tensor in file.items()}


def text_tower() -> dict[str, torch.Tensor]:
    shapes = {
        "token_embedding.weight": (50, 16),
        "positional_embedding": (8, 16),
        "text_projection": (16, 32),
        "ln_final.weight": (16,),
        "ln_final.bias": (16,),
        "transformer.resblocks.0.ln_1.weight": (16,),
    }
    generator = torch.Generator().manual_seed(1)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def tensors_of(tokens: Tokens) -> tuple[torch.Tensor, ...]:
    """One photo as the network takes it: (1, t, …)."""
    arrays = (tokens.patches, tokens.marks, tokens.rows, tokens.columns)
    return tuple(torch.from_numpy(array)[None] for array in arrays)


def distance(some: Any, others: Any) -> float:
    """In parts of the second's norm."""
    first, second = np.asarray(some, np.float64), np.asarray(others, np.float64)
    return float(np.linalg.norm(first - second) / np.linalg.norm(second))
