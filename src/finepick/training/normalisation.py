"""A stem that learns faster: its answers are normalised while it is taught, and afterwards it is a plain one again."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from finepick.scorers.fgaesq.network import FgaesqNetwork

State = Mapping[str, Tensor]


class NormalisedConvolution(nn.Module):
    """A convolution, then batch normalisation (Ioffe & Szegedy 2015): each channel's mean 0, its spread 1, over
    all patches of a portion, then a learned gain and shift."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.convolution = convolution
        self.norm = nn.BatchNorm2d(convolution.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.norm(self.convolution(x))
        return result


def normalise_stem(network: FgaesqNetwork) -> None:
    """Put a normalisation behind each convolution of the stem of *network*."""
    stem = network.visual.stem
    for number, convolution in enumerate(stem):
        if isinstance(convolution, nn.Conv2d):
            stem[number] = NormalisedConvolution(convolution)


def folded(state: State) -> dict[str, Tensor]:
    """*state* with the stem's normalisations, by what they learned of means and spreads, in its convolutions: the
    state of a plain network that answers the same. One without normalisations comes back as it is."""
    plain = {name: tensor for name, tensor in state.items() if not _is_normalised(name)}
    for name in state:
        if not name.endswith(".norm.running_var"):
            continue
        place = name.removesuffix("norm.running_var")
        norm = {part: state[f"{place}norm.{part}"] for part in ("weight", "bias", "running_mean")}
        gain = norm["weight"] * torch.rsqrt(state[name] + nn.BatchNorm2d(1).eps)
        weight, bias = (state[f"{place}convolution.{part}"] for part in ("weight", "bias"))
        plain[f"{place}weight"] = weight * gain[:, None, None, None]
        plain[f"{place}bias"] = (bias - norm["running_mean"]) * gain + norm["bias"]
    return plain


def _is_normalised(name: str) -> bool:
    return name.startswith("visual.stem.") and (".norm." in name or ".convolution." in name)
