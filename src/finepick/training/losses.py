"""What a network is taught with: tensors in, one scalar out, all differentiable and on the device of their input.

Notation: s are scores, higher is better; P is how likely people prefer the first photo of a pair over the second.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def emd(logits: Tensor, target: Tensor) -> Tensor:
    """Squared earth mover's distance between answers: mean over photos and bins of (CDF − CDF*)².

    logits: (n, k), of the k ordered answers. target: (n, k), distributions that sum to 1. The loss of NIMA
    (Talebi & Milanfar 2018, eq. 1 with r = 2, without the root), which FGAesQ takes for coarse data (L_EMD).
    """
    distance = functional.softmax(logits, dim=-1).cumsum(-1) - target.cumsum(-1)
    return distance.square().mean()


def list_mle(scores: Tensor, ranks: Tensor) -> Tensor:
    """Negative log-likelihood of the annotated order, a photo: RankReg, read as a list of images.

    scores: (n,). ranks: (n,), 1 = best. Plackett–Luce: −1/n Σᵢ [sᵢ − log Σ_{j: rankⱼ ≥ rankᵢ} exp sⱼ] (Xia et
    al. 2008). Photos of equal rank stand in each other's denominators, so their order does not matter.
    """
    behind = ranks[None, :] >= ranks[:, None]
    rivals = scores[None, :].expand(len(scores), -1).masked_fill(~behind, -torch.inf)
    return (torch.logsumexp(rivals, dim=1) - scores).mean()


def bradley_terry(scores: Tensor, a: Tensor, b: Tensor, p: Tensor) -> Tensor:
    """Cross-entropy of the annotated P(a ≻ b) against sigmoid(s_a − s_b): RankReg, read as a list of pairs.

    scores: (n,). a, b: (m,) places in it. p: (m,) in [0, 1].
    """
    return functional.binary_cross_entropy_with_logits(scores[a] - scores[b], p.to(scores.dtype))


def ct_align(first: Tensor, second: Tensor, text: Tensor) -> Tensor:
    """1 − cos(E_v(x) − E_v(y), E_t(T)), mean over pairs: CTAlign.

    first, second: (m, d), features of the two photos. text: (m, d), what the sentence says of the first against
    the second, from a text tower that does not learn.
    """
    return (1 - functional.cosine_similarity(first - second, text, dim=-1)).mean()


def margin_ranking(scores: Tensor, a: Tensor, b: Tensor, p: Tensor, *, margin: float = 0.5) -> Tensor:
    """max(0, margin − (s_winner − s_loser)), mean over the pairs that have a winner (p ≠ ½); 0 where none has."""
    side = torch.sign(p - 0.5)
    lacking = functional.relu(margin - side * (scores[a] - scores[b]))
    decided = side != 0
    return (lacking * decided).sum() / decided.sum().clamp(min=1)


def fidelity(scores: Tensor, a: Tensor, b: Tensor, p: Tensor) -> Tensor:
    """1 − √(P P̂) − √((1 − P)(1 − P̂)), mean over pairs, with P̂ = sigmoid(s_a − s_b) (Tsai et al. 2007).

    Bounded by 1, so that single wrong labels pull less than in a cross-entropy.
    """
    gap = scores[a] - scores[b]
    # √P̂ by way of the logarithm: the gradient stays finite where P̂ is all but 0 or 1.
    won, lost = (torch.exp(functional.logsigmoid(sign * gap) / 2) for sign in (1, -1))
    p = p.to(scores.dtype)
    return (1 - p.sqrt() * won - (1 - p).sqrt() * lost).mean()
