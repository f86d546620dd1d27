"""The network against arithmetic written down a second time in numpy, and the laws it must obey."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra 'torch' is not installed")

from finepick.scorers.fgaesq.architecture import Architecture  # noqa: E402
from finepick.scorers.fgaesq.checkpoint import network_shapes  # noqa: E402
from finepick.scorers.fgaesq.folded import FoldedNetwork, Place  # noqa: E402
from finepick.scorers.fgaesq.network import FgaesqNetwork  # noqa: E402
from finepick.scorers.fgaesq.tokens import FINE, PADDING, Tokens  # noqa: E402
from tests.released_weights import released_shapes  # noqa: E402
from tests.scorers.fgaesq.small_models import (  # noqa: E402
    SMALL,
    distance,
    random_tokens,
    small_network,
    tensors_of,
)

Numbers = np.ndarray[Any, np.dtype[np.float64]]
EXACT = Place(torch.device("cpu"), torch.float32)


def said(network: Any, tokens: Tokens) -> tuple[Numbers, Numbers]:
    with torch.inference_mode():
        features, logits = network(*tensors_of(tokens))
    return features[0].double().numpy(), logits[0].double().numpy()


def written_down(state: Mapping[str, Any], tokens: Tokens, heads: int) -> tuple[Numbers, Numbers]:
    """Section 1 of the paper's spec in float64, token by token where that is the plainest way."""
    w = {name: tensor.numpy().astype(np.float64) for name, tensor in state.items()}

    def norm(x: Numbers, name: str) -> Numbers:
        centred = x - x.mean(-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
        return centred / spread * w[f"{name}.weight"] + w[f"{name}.bias"]

    def attend(x: Numbers, name: str) -> Numbers:
        q, k, v = np.split(x @ w[f"{name}.in_proj_weight"].T + w[f"{name}.in_proj_bias"], 3, axis=1)
        size, seen = q.shape[1] // heads, []
        for head in range(heads):
            part = slice(head * size, (head + 1) * size)
            products = q[:, part] @ k[:, part].T / math.sqrt(size)
            share = np.exp(products - products.max(1, keepdims=True))
            seen.append(share / share.sum(1, keepdims=True) @ v[:, part])
        return np.concatenate(seen, 1) @ w[f"{name}.out_proj.weight"].T + w[f"{name}.out_proj.bias"]

    def mlp(x: Numbers, name: str) -> Numbers:
        hidden = x @ w[f"{name}.c_fc.weight"].T + w[f"{name}.c_fc.bias"]
        hidden = hidden / (1 + np.exp(-1.702 * hidden))
        return hidden @ w[f"{name}.c_proj.weight"].T + w[f"{name}.c_proj.bias"]

    positions = w["visual.positional_embedding"]
    rows = [w["visual.class_embedding"] + positions[0]]
    for patch, mark, down, across in zip(
        tokens.patches, tokens.marks, tokens.rows, tokens.columns, strict=True
    ):
        content = (w["visual.conv1.weight"] * patch).sum((1, 2, 3))
        if mark == PADDING:
            content = w["mask_token"][0, 0]
        place = sum(down[r] * across[c] * positions[1 + 14 * r + c] for r in range(14) for c in range(14))
        rows.append(content + w["scale_embedding"][0, 1 if mark == FINE else 0] + place)
    x = norm(np.stack(rows), "visual.ln_pre")
    for layer in range(SMALL.layers):
        block = f"visual.transformer.resblocks.{layer}"
        x = x + attend(norm(x, f"{block}.ln_1"), f"{block}.attn")
        x = x + mlp(norm(x, f"{block}.ln_2"), f"{block}.mlp")
    feature = norm(x[0], "visual.ln_post") @ w["visual.proj"]
    answer = feature
    for place in (0, 3, 6):
        answer = w[f"iqa_head.{place}.weight"] @ answer + w[f"iqa_head.{place}.bias"]
        answer = np.maximum(answer, 0) if place < 6 else answer
    return feature, answer


@pytest.mark.parametrize("seed", [0, 1])
def test_the_network_computes_what_the_paper_says(seed: int) -> None:
    network, tokens = small_network(seed), random_tokens(seed)
    features, logits = said(network, tokens)
    wanted = written_down(network.state_dict(), tokens, SMALL.heads)
    assert distance(features, wanted[0]) < 1e-5
    assert distance(logits, wanted[1]) < 1e-5


@pytest.mark.parametrize("seed", [0, 1])
def test_the_folded_network_computes_the_same(seed: int) -> None:
    network, tokens = small_network(seed), random_tokens(seed)
    folded = FoldedNetwork(network.state_dict(), SMALL, EXACT)
    for some, others in zip(said(folded, tokens), said(network, tokens), strict=True):
        assert distance(some, others) < 1e-5


def test_names_and_shapes_are_those_of_the_release() -> None:
    parts = ("clip_model.visual.", "iqa_head.", "scale_embedding", "mask_token")
    released = {
        name.removeprefix("clip_model."): shape
        for name, shape in released_shapes().items()
        if name.startswith(parts)
    }
    assert network_shapes(Architecture()) == released
    assert round(sum(math.prod(shape) for shape in released.values()) / 1e6, 1) == 86.3


def test_the_order_of_tokens_does_not_matter() -> None:
    network, tokens = small_network(), random_tokens(3)
    order = np.random.default_rng(0).permutation(len(tokens.marks))
    shuffled = Tokens(tokens.patches[order], tokens.marks[order], tokens.rows[order], tokens.columns[order])
    assert distance(said(network, shuffled)[0], said(network, tokens)[0]) < 1e-5


def test_pixels_of_padding_are_never_seen() -> None:
    network, tokens = small_network(), random_tokens(4)
    noise = tokens.patches + 5 * (tokens.marks == PADDING)[:, None, None, None].astype(np.float32)
    np.testing.assert_array_equal(said(network, replace(tokens, patches=noise))[0], said(network, tokens)[0])


def test_padding_takes_part_in_attention() -> None:
    network, tokens = small_network(), random_tokens(5)
    real = tokens.marks != PADDING
    without = Tokens(tokens.patches[real], tokens.marks[real], tokens.rows[real], tokens.columns[real])
    assert distance(said(network, without)[0], said(network, tokens)[0]) > 1e-3


def test_padding_has_the_scale_of_coarse_tokens() -> None:
    network, tokens = small_network(), random_tokens(6)
    nothing_fine = replace(tokens, marks=np.where(tokens.marks == FINE, 0, tokens.marks).astype(np.int8))
    before = said(network, nothing_fine)[0]
    with torch.no_grad():
        network.scale_embedding[0, 1] *= -2  # adding a number to all would be lost in the norm that follows
    np.testing.assert_array_equal(said(network, nothing_fine)[0], before)
    assert distance(said(network, tokens)[0], said(small_network(), tokens)[0]) > 1e-3


def test_dropout_is_for_training_alone() -> None:
    network, inputs = small_network(), tensors_of(random_tokens(7))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network.train()
        assert not torch.equal(network(*inputs)[1], network(*inputs)[1])
        network.eval()
        assert torch.equal(network(*inputs)[1], network(*inputs)[1])


def test_every_weight_can_be_trained() -> None:
    network = small_network()
    features, logits = network(*tensors_of(random_tokens(8)))
    (features.square().sum() + logits.square().sum()).backward()
    still = [
        name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()
    ]
    assert still == []


def test_a_fresh_network_depends_on_its_seed_alone() -> None:
    states = []
    for seed in (1, 1, 2):
        network = FgaesqNetwork(SMALL)
        network.start_afresh(seed)
        states.append(network.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(states[0]["visual.proj"], states[2]["visual.proj"])
    still_zero = [
        name for name, tensor in states[0].items() if not tensor.any() and not name.endswith("bias")
    ]
    assert still_zero == ["iqa_head.6.weight"]  # so that every answer is as likely as the next
