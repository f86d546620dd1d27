"""The network written down literally, one photo at a time in fp32, to compare others with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from finepick.scorers.fgaesq.runner import Outputs
from finepick.scorers.fgaesq.tokens import FINE, PADDING, Tokens
from tests.released_weights import released_state

WIDTH, LAYERS, HEADS = 768, 12, 12
NETWORK_PARTS = ("clip_model.visual.", "iqa_head.", "scale_embedding", "mask_token")


@lru_cache(maxsize=1)
def network_state() -> dict[str, np.ndarray[Any, Any]]:
    """Weights by rule of everything but the text tower, by their released names."""
    return {name: value for part in NETWORK_PARTS for name, value in released_state(part).items()}


def literal_outputs(
    tokens: Sequence[Tokens], state: Mapping[str, np.ndarray[Any, Any]] | None = None
) -> Outputs:
    """What the released network, with the weights by rule unless given others, says of photos."""
    network = LiteralNetwork(network_state() if state is None else state)
    features, logits, scores = zip(*map(network, tokens), strict=True)
    return Outputs(np.stack(features), np.stack(logits), np.array(scores))


class LiteralNetwork:
    """*state* by released names; called with the tokens of one photo: feature, logits and score."""

    def __init__(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        import torch

        self._state = {
            name: torch.from_numpy(np.array(value, np.float32))
            for name, value in state.items()
            if name.startswith(NETWORK_PARTS)
        }

    def __call__(self, tokens: Tokens) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], float]:
        import torch

        grid = self._visual("positional_embedding")[1:].reshape(14, 14, WIDTH)
        rows, columns = torch.from_numpy(tokens.rows), torch.from_numpy(tokens.columns)
        positions = torch.einsum("tr,tc,rcd->td", rows, columns, grid)
        patches = torch.from_numpy(np.ascontiguousarray(tokens.patches))
        feature, logits, score = self.judge(patches, torch.from_numpy(tokens.marks), positions)
        return feature.numpy(), logits.numpy(), score

    def judge(self, patches: Any, marks: Any, positions: Any) -> tuple[Any, Any, float]:
        """Feature, logits, score of t tokens: (t, 3, 16, 16), (t,), (t, 768), without the class token."""
        import torch

        with torch.inference_mode():
            feature = self._feature(self._embedded(patches, marks, positions))
            logits = self._logits(feature)
            score = (logits.double().softmax(0) * torch.arange(1, 11)).sum()
        return feature, logits, float(score)

    def _feature(self, embedded: Any) -> Any:
        x = self._norm(embedded, "ln_pre")
        for layer in range(LAYERS):
            block = f"transformer.resblocks.{layer}"
            x = x + self._attended(self._norm(x, f"{block}.ln_1"), f"{block}.attn")
            hidden = self._linear(self._norm(x, f"{block}.ln_2"), f"{block}.mlp.c_fc")
            x = x + self._linear(hidden * (1.702 * hidden).sigmoid(), f"{block}.mlp.c_proj")
        return self._norm(x[0], "ln_post") @ self._visual("proj")

    def _embedded(self, patches: Any, marks: Any, positions: Any) -> Any:
        """(1 + t, 768): class token, then all others, before the first norm."""
        import torch

        x = torch.nn.functional.conv2d(patches, self._visual("conv1.weight")).flatten(1)
        x[marks == PADDING] = self._state["mask_token"][0, 0]
        x = x + self._state["scale_embedding"][0][(marks == FINE).long()] + positions
        leading = self._visual("class_embedding") + self._visual("positional_embedding")[0]
        return torch.cat([leading[None], x])

    def _attended(self, x: Any, name: str) -> Any:
        import torch

        functional = torch.nn.functional
        joint = functional.linear(
            x, self._visual(f"{name}.in_proj_weight"), self._visual(f"{name}.in_proj_bias")
        )
        heads = (part.reshape(1, len(x), HEADS, -1).transpose(1, 2) for part in joint.chunk(3, 1))
        seen = functional.scaled_dot_product_attention(*heads)
        return self._linear(seen[0].transpose(0, 1).flatten(1), f"{name}.out_proj")

    def _logits(self, feature: Any) -> Any:
        x = feature
        for place in (0, 3, 6):
            x = self._state[f"iqa_head.{place}.weight"] @ x + self._state[f"iqa_head.{place}.bias"]
            x = x.relu() if place < 6 else x
        return x

    def _linear(self, x: Any, name: str) -> Any:
        import torch

        return torch.nn.functional.linear(x, self._visual(f"{name}.weight"), self._visual(f"{name}.bias"))

    def _norm(self, x: Any, name: str) -> Any:
        import torch

        weight, bias = self._visual(f"{name}.weight"), self._visual(f"{name}.bias")
        return torch.nn.functional.layer_norm(x, (WIDTH,), weight, bias)

    def _visual(self, name: str) -> Any:
        return self._state[f"clip_model.visual.{name}"]
