"""What a portion of a batch costs: L = δ · (λ · L_align + L_rank) + (1 − δ) · L_EMD (section 3 of the paper)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from finepick.training.batches import Portion
from finepick.training.losses import bradley_terry, ct_align, emd, fidelity, list_mle, margin_ranking

ALIGN_WEIGHT = 10.0
"""λ, as published."""

RANK_LOSSES = ("pairs", "list", "margin", "fidelity")

TextEncoder = Callable[[Sequence[str]], Tensor]
"""Sentences → (n, d), d as the network's features; it does not learn."""


@dataclass(frozen=True, slots=True)
class Objective:
    """rank: which loss teaches the order of a series, one of `RANK_LOSSES`; None = none. align: whether
    differences are drawn towards what `encode` says of the pairs' texts. coarse: whether ratings are learned."""

    rank: str | None = "pairs"
    align: bool = True
    coarse: bool = True
    align_weight: float = ALIGN_WEIGHT
    encode: TextEncoder | None = None
    _texts: dict[str, Tensor] = field(default_factory=dict)

    def losses(self, features: Tensor, logits: Tensor, portion: Portion) -> dict[str, Tensor]:
        """The loss of *portion* by its parts, unweighted by its share of the batch; "total" is their sum."""
        features, logits = features.float(), logits.float()
        parts: dict[str, Tensor] = {}
        if portion.shares is not None:
            if self.coarse:
                parts["emd"] = emd(logits, portion.shares.to(logits.device))
        else:
            scores = expected_score(logits)
            if self.rank is not None:
                parts["rank"] = self._rank_loss(scores, portion)
            if self.align and self.encode is not None:
                aligned = self._align_loss(features, portion)
                if aligned is not None:
                    parts["align"] = self.align_weight * aligned
        # The head takes part in every loss, if with nothing: what one portion learns must not decide which
        # weights a step moves, as its batch may be spread over processes.
        return {**parts, "total": sum(parts.values(), logits.sum() * 0)}

    def _rank_loss(self, scores: Tensor, portion: Portion) -> Tensor:
        losses, start = [], 0
        for count, target in portion.series:
            own, start = scores[start : start + count], start + count
            a, b = (torch.as_tensor(values, device=scores.device) for values in (target.a, target.b))
            p = torch.as_tensor(target.p, dtype=scores.dtype, device=scores.device)  # MPS knows no float64
            if self.rank == "list" and target.ranks is not None:
                losses.append(list_mle(own, torch.as_tensor(target.ranks, device=scores.device)))
            elif self.rank == "margin":
                losses.append(margin_ranking(own, a, b, p))
            elif self.rank == "fidelity":
                losses.append(fidelity(own, a, b, p))
            else:  # "pairs"; and where only some pairs are known there is no list
                losses.append(bradley_terry(own, a, b, p))
        return torch.stack(losses).mean()

    def _align_loss(self, features: Tensor, portion: Portion) -> Tensor | None:
        first, second, texts, start = [], [], [], 0
        for count, target in portion.series:
            for number, text in target.texts.items():
                first.append(start + int(target.a[number]))
                second.append(start + int(target.b[number]))
                texts.append(text)
            start += count
        if not texts:
            return None
        return ct_align(features[first], features[second], self._encoded(texts).to(features.device))

    def _encoded(self, texts: Sequence[str]) -> Tensor:
        assert self.encode is not None
        unknown = [text for text in dict.fromkeys(texts) if text not in self._texts]
        if unknown:
            self._texts.update(zip(unknown, self.encode(unknown), strict=True))
        return torch.stack([self._texts[text] for text in texts])


def expected_score(logits: Tensor) -> Tensor:
    """(n,), the expectation over the answers 1, 2, … of softmax(logits (n, answers))."""
    answers = torch.arange(1, logits.shape[-1] + 1, device=logits.device, dtype=logits.dtype)
    return logits.softmax(-1) @ answers
