"""A stem that learns faster: its answers are normalised while it is taught, and afterwards it is a plain one again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from finepick.scorers.fgaesq.network import FgaesqNetwork

State = Mapping[str, Tensor]

_EPSILON = 1e-5
_SHARE = 0.1
"""Of what a step has seen, in what is remembered."""


class NormalisedConvolution(nn.Module):
    """A convolution, then batch normalisation (Ioffe & Szegedy 2015): each channel's mean 0, its spread 1, over
    all patches of a portion, then a learned gain and shift.

    What is remembered of means and variances, for when the network is not taught, changes once a step, by
    `settle`: it depends neither on the order of a batch's portions nor on which process had which.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        channels, like = convolution.out_channels, convolution.weight
        self.convolution = convolution
        self.gain, self.shift = nn.Parameter(like.new_ones(channels)), nn.Parameter(like.new_zeros(channels))
        self.register_buffer("mean", like.new_zeros(channels))
        self.register_buffer("variance", like.new_ones(channels))
        self._seen = like.new_zeros(2 * channels + 1)  # sums of means and variances, and of how many portions

    def forward(self, x: Tensor) -> Tensor:
        y = self.convolution(x)
        if not self.training:
            return functional.batch_norm(y, self.mean, self.variance, self.gain, self.shift, eps=_EPSILON)
        normalised, mean, inverse = torch.native_batch_norm(
            y, self.gain, self.shift, None, None, True, 0.0, _EPSILON
        )
        with torch.no_grad():
            self._seen += torch.cat([mean, inverse**-2 - _EPSILON, mean.new_ones(1)]).float()
        return normalised

    @torch.no_grad()
    def settle(self, summed: Callable[[Tensor], Tensor] = lambda own: own) -> None:
        """Remember what was seen since the last time; *summed* adds up what all processes have seen."""
        seen = summed(self._seen)
        if seen[-1]:
            mean, variance = (seen[:-1] / seen[-1]).chunk(2)
            self.mean.lerp_(mean, _SHARE)
            self.variance.lerp_(variance, _SHARE)
        self._seen = torch.zeros_like(self._seen)


def normalise_stem(network: FgaesqNetwork) -> None:
    """Put a normalisation behind each convolution of the stem of *network*."""
    stem = network.visual.stem
    for number, convolution in enumerate(stem):
        if isinstance(convolution, nn.Conv2d):
            stem[number] = NormalisedConvolution(convolution)


def settle_stem(network: FgaesqNetwork, summed: Callable[[Tensor], Tensor] = lambda own: own) -> None:
    """`settle` every normalisation of the stem."""
    for layer in network.visual.stem:
        if isinstance(layer, NormalisedConvolution):
            layer.settle(summed)


def folded(state: State) -> dict[str, Tensor]:
    """*state* with the stem's normalisations, by what they remember, in its convolutions: the state of a plain
    network that answers the same. One without normalisations comes back as it is."""
    ends = ("gain", "shift", "mean", "variance", "convolution.weight", "convolution.bias")
    places = [name.removesuffix("variance") for name in state if name.endswith(".variance")]
    taught = {f"{place}{end}" for place in places for end in ends}
    plain = {name: tensor for name, tensor in state.items() if name not in taught}
    for place in places:
        gain, shift, mean, variance, weight, bias = (state[f"{place}{end}"] for end in ends)
        factor = gain * torch.rsqrt(variance + _EPSILON)
        plain[f"{place}weight"] = weight * factor[:, None, None, None]
        plain[f"{place}bias"] = (bias - mean) * factor + shift
    return plain
