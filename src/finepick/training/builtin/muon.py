"""An optimiser for weights that are matrices: every step turns all directions of the momentum by the same amount.

Muon: K. Jordan and others, 2024; its scale is that of Liu et al., Muon is scalable for LLM training, 2025, section 2.2,
so that rates and decay suit AdamW's as well. `torch.optim.Muon` does the same for weights of two dimensions only; those
of convolutions are taken here as matrices of outputs by inputs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_TURNS = 5


class Muon(torch.optim.Optimizer):
    """Weights of two and more dimensions. rate, decay: as of AdamW. momentum: Nesterov's."""

    def __init__(
        self, params: Iterable[Tensor], rate: float, *, decay: float, momentum: float = 0.95
    ) -> None:
        super().__init__(params, {"lr": rate, "weight_decay": decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """*closure* is not asked."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["momentum"] = torch.zeros_like(weight)
                momentum = state["momentum"].mul_(group["momentum"]).add_(weight.grad)
                ahead = weight.grad.add(momentum, alpha=group["momentum"]).flatten(1)
                turned = orthogonal(ahead).reshape(weight.shape)
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(turned, alpha=-group["lr"] * 0.2 * max(ahead.shape) ** 0.5)


def orthogonal(matrix: Tensor) -> Tensor:
    """*matrix* (m, n) with all its singular values near 1 (.7 to 1.2), by five steps of Newton and Schulz's in bf16."""
    across = matrix.shape[0] > matrix.shape[1]
    made = (matrix.T if across else matrix).bfloat16()
    made = made / (made.norm() + 1e-7)
    a, b, c = _COEFFICIENTS
    for _ in range(_TURNS):
        square = made @ made.T
        made = a * made + (b * square + c * square @ square) @ made
    turned: Tensor = (made.T if across else made).float()
    return turned
