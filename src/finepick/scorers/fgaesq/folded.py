"""The network for inference alone: the same outputs as `FgaesqNetwork`, in less time and memory.

What can be worked out beforehand is folded into the weights: the gains of LayerNorms, attention's scale and
QuickGELU's factor. Where only the class token is read the last block is run for it alone.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass

try:
    import torch
    from torch import Tensor
    from torch.nn import functional
except ImportError as error:
    from finepick.errors import MissingExtraError

    raise MissingExtraError("running FGAesQ with torch", extra="torch") from error

from finepick.scorers.fgaesq.architecture import Architecture
from finepick.scorers.fgaesq.network import QUICK_GELU, mean_of_tokens
from finepick.scorers.fgaesq.tokens import FINE, PADDING, TOKENS

State = Mapping[str, Tensor]

_ONEDNN = ("_reorder_linear_weight", "_linear_pointwise", "_is_mkldnn_bf16_supported")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the network runs and in which precision."""

    device: torch.device
    dtype: torch.dtype

    @property
    def packs(self) -> bool:
        """Whether weights are laid out beforehand as oneDNN wants them.

        In bf16 that saves 5 %; in fp32 it gets oneDNN's products in place of MKL's, which on AMD take twice as
        long. fp32 is left alone elsewhere than on x86, where nobody tried it; bf16 is tried on loading anyway.
        """
        if self.device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
            return False
        if not all(hasattr(torch.ops.mkldnn, name) for name in _ONEDNN):
            return False
        if self.dtype == torch.bfloat16:
            return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
        return platform.machine().lower() in ("x86_64", "amd64")


class FoldedNetwork:
    """An `FgaesqNetwork` of *architecture* with the weights *state*, in evaluation mode, at *place*.

    *state* is copied: it can be let go of afterwards.
    """

    def __init__(self, state: State, architecture: Architecture, place: Place) -> None:
        visual = {name.removeprefix("visual."): tensor for name, tensor in state.items()}
        positions = visual["positional_embedding"]
        self._place = place
        self._stem = [
            tuple(
                visual[f"stem.{number}.{part}"].to(place.device, place.dtype, copy=True)
                for part in ("weight", "bias")
            )
            for number in range(len(architecture.stem))
        ]
        self._patches = _Linear(visual["conv1.weight"].flatten(1), None, place)
        self._positions = _Linear(positions[1:].T, None, place)
        # Row 0 and 1: coarse and fine. Padding is the mask token with the coarse scale embedding.
        self._scales = state["scale_embedding"][0].to(place.device, copy=True)
        self._padding = (state["mask_token"][0, 0] + state["scale_embedding"][0, 0]).to(place.device)
        self._class_token = (visual["class_embedding"] + positions[0]).to(place.device)
        self._norm_before = _Norm(visual, "ln_pre", place)
        blocks = [_part(visual, f"transformer.resblocks.{number}.") for number in range(architecture.layers)]
        reads_all = architecture.pooling == "mean"
        whole = blocks if reads_all else blocks[:-1]
        self._blocks = [_Block(block, architecture.heads, place) for block in whole]
        self._last = None if reads_all else _LastBlock(blocks[-1], architecture.heads, place)
        self._norm_after = _Norm(visual, "ln_post", place)
        exact = Place(place.device, torch.float32)
        self._projection = _Linear(visual["proj"].T, None, exact)
        self._head = [
            _Linear(state[f"iqa_head.{number}.weight"], state[f"iqa_head.{number}.bias"], exact)
            for number in (0, 3, 6)
        ]

    def __call__(
        self, patches: Tensor, marks: Tensor, rows: Tensor, columns: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Features and logits, float32, as `FgaesqNetwork.forward` has them; arguments on its device, float32."""
        x = self._norm_before(self._embed(patches, marks, rows, columns))
        for block in self._blocks:
            x = block(x)
        pooled = mean_of_tokens(x, marks) if self._last is None else self._last(x)
        features = self._projection(self._norm_after(pooled))
        first, second, third = self._head
        return features, third(torch.relu(second(torch.relu(first(features)))))

    def _embed(self, patches: Tensor, marks: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        dtype = self._place.dtype
        marks = marks.unsqueeze(-1)
        pixels = self._patches(self._stemmed(patches.to(dtype)).flatten(2))
        weights = rows.unsqueeze(-1) * columns.unsqueeze(-2)
        content = pixels + torch.where(marks == FINE, self._scales[1], self._scales[0])
        content = torch.where(marks == PADDING, self._padding, content)
        content += self._positions(weights.flatten(2).to(dtype))
        return torch.cat([self._class_token.expand(len(content), 1, -1), content], dim=1)

    def _stemmed(self, patches: Tensor) -> Tensor:
        if not self._stem:
            return patches
        x = patches.flatten(0, 1)
        for weight, bias in self._stem:
            x = torch.relu_(functional.conv2d(x, weight, bias, stride=2, padding=1))
        return x.view(*patches.shape[:2], *x.shape[1:])


class _Block:
    """x + attention(norm(x)), then x + mlp(norm(x)). x: (n, t, width) float32, and stays so."""

    def __init__(self, state: State, heads: int, place: Place) -> None:
        self._place = place
        self._attention = _Attention(state, heads, place)
        self._mlp = _Mlp(state, place)

    def __call__(self, x: Tensor) -> Tensor:
        x += self._attention(_normalised(x, self._place.dtype))
        x += self._mlp(_normalised(x, self._place.dtype))
        return x


class _LastBlock:
    """What `_Block` says of the first token: (n, t, width) in, (n, width) out."""

    def __init__(self, state: State, heads: int, place: Place) -> None:
        width = state["ln_1.weight"].numel()
        weight, bias = _joint_projection(state, heads)
        self._heads, self._place = heads, place
        # One row at a time gains nothing from packed weights.
        self._query = _Linear(weight[:width], bias[:width], place, pack=False)
        self._key_value = _Linear(weight[width:], bias[width:], place)
        self._out = _Linear(state["attn.out_proj.weight"], state["attn.out_proj.bias"], place, pack=False)
        self._mlp = _Mlp(state, place, pack=False)

    def __call__(self, x: Tensor) -> Tensor:
        read = _normalised(x, self._place.dtype)
        n, t, width = x.shape
        query = self._query(read[:, :1]).view(n, 1, self._heads, -1).transpose(1, 2)
        key, value = self._key_value(read).view(n, t, 2, self._heads, -1).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value, scale=1.0)
        first = x[:, 0] + self._out(seen.reshape(n, width))
        first += self._mlp(_normalised(first, self._place.dtype))
        return first


class _Attention:
    def __init__(self, state: State, heads: int, place: Place) -> None:
        self._heads, self._place = heads, place
        self._joint = _Linear(*_joint_projection(state, heads), place)
        self._out = _Linear(state["attn.out_proj.weight"], state["attn.out_proj.bias"], place)

    def __call__(self, x: Tensor) -> Tensor:
        n, t, width = x.shape
        joint = self._joint(x).view(n, t, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
        if self._place.device.type == "cpu":
            return self._out(_attend_on_cpu(joint))
        query, key, value = joint
        seen = functional.scaled_dot_product_attention(query, key, value, scale=1.0)
        return self._out(seen.transpose(1, 2).reshape(n, t, width))


class _Mlp:
    """Linear, QuickGELU, linear: x · sigmoid(1.702 x) = silu(1.702 x) / 1.702, both factors in the weights."""

    def __init__(self, state: State, place: Place, *, pack: bool = True) -> None:
        weight, bias = _after_norm(state, "ln_2", state["mlp.c_fc.weight"], state["mlp.c_fc.bias"])
        self._widen = _Linear(QUICK_GELU * weight, QUICK_GELU * bias, place, pack=pack)
        self._narrow = _Linear(
            state["mlp.c_proj.weight"] / QUICK_GELU, state["mlp.c_proj.bias"], place, pack=pack
        )

    def __call__(self, x: Tensor) -> Tensor:
        return self._narrow(self._widen.with_silu(x))


class _Linear:
    """x · weightᵀ + bias in the place's own precision."""

    def __init__(self, weight: Tensor, bias: Tensor | None, place: Place, *, pack: bool = True) -> None:
        self._weight = weight.to(place.device, place.dtype, copy=True, memory_format=torch.contiguous_format)
        self._bias = None if bias is None else bias.to(place.device, place.dtype, copy=True)
        self._is_packed = pack and place.packs
        if self._is_packed:
            self._weight = torch.ops.mkldnn._reorder_linear_weight(self._weight, TOKENS + 1)

    def __call__(self, x: Tensor) -> Tensor:
        if self._is_packed:
            return _packed_linear(x, self._weight, self._bias, "none")
        return functional.linear(x, self._weight, self._bias)

    def with_silu(self, x: Tensor) -> Tensor:
        if self._is_packed:
            return _packed_linear(x, self._weight, self._bias, "swish")
        return functional.silu(functional.linear(x, self._weight, self._bias), inplace=True)


class _Norm:
    def __init__(self, state: State, name: str, place: Place) -> None:
        self._weight = state[f"{name}.weight"].to(place.device, copy=True)
        self._bias = state[f"{name}.bias"].to(place.device, copy=True)

    def __call__(self, x: Tensor) -> Tensor:
        return functional.layer_norm(x, self._weight.shape, self._weight, self._bias)


def _part(state: State, prefix: str) -> State:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def _normalised(x: Tensor, dtype: torch.dtype) -> Tensor:
    """A LayerNorm whose gains are in the weights that follow."""
    return functional.layer_norm(x, x.shape[-1:]).to(dtype)


def _after_norm(state: State, norm: str, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Weight and bias of a linear layer with the gains of the LayerNorm before it."""
    return weight * state[f"{norm}.weight"], bias + weight @ state[f"{norm}.bias"]


def _joint_projection(state: State, heads: int) -> tuple[Tensor, Tensor]:
    """Weight and bias of queries, keys and values, with the gains of `ln_1` and the scale of attention."""
    weight, bias = _after_norm(state, "ln_1", state["attn.in_proj_weight"], state["attn.in_proj_bias"])
    width = weight.shape[1]
    weight[:width] *= (width // heads) ** -0.5
    bias[:width] *= (width // heads) ** -0.5
    return weight, bias


def _attend_on_cpu(joint: Tensor) -> Tensor:
    """(n, t, width) from queries, keys and values (3, n, heads, t, width of a head), already scaled.

    Plain products: torch's fused attention takes three times as long on a CPU in bf16 (`bench/fgaesq_network.py`).
    """
    _, n, heads, t, width = joint.shape
    query, key, value = joint.flatten(1, 2).contiguous() if n == 1 else joint.contiguous().flatten(1, 2)
    weights = torch.bmm(query, key.transpose(1, 2))
    torch.softmax(weights, dim=-1, out=weights)
    seen = torch.bmm(weights, value).view(n, heads, t, width)
    return seen.transpose(1, 2).reshape(n, t, heads * width)


def _packed_linear(x: Tensor, weight: Tensor, bias: Tensor | None, activation: str) -> Tensor:
    result: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, activation, [], "")
    return result
