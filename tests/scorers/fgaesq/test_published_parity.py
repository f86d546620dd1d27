"""The published tokenizer, and the networks behind it, against what the release computed.

Every case in the folder that FINEPICK_REFERENCE names is taken; without such a folder see `test_golden.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from finepick.scorers.fgaesq.published import align_pair, tokens_of_pair, tokens_of_single
from finepick.scorers.fgaesq.runner import Outputs
from finepick.scorers.fgaesq.tokens import PADDING, Tokens
from tests.scorers.fgaesq.literal_network import literal_outputs, network_state
from tests.scorers.fgaesq.recordings import (
    FOLDER,
    Array,
    PairCase,
    Recorded,
    SingleCase,
    pair_cases,
    single_cases,
)

PAIRS, SINGLES = pair_cases(), single_cases()
Run = Callable[[Sequence[Tokens]], Outputs]

pytestmark = pytest.mark.skipif(
    not PAIRS + SINGLES,
    reason=f"no recordings of the release in {FOLDER}; name their folder in FINEPICK_REFERENCE",
)
each_pair = pytest.mark.parametrize("case", PAIRS, ids=[case.name for case in PAIRS])
each_single = pytest.mark.parametrize("case", SINGLES, ids=[case.name for case in SINGLES])


def all_tokens() -> list[tuple[Recorded, Tokens]]:
    of_pairs = [
        (recorded, tokens)
        for case in PAIRS
        for recorded, tokens in zip(case.recorded, tokens_of_pair(*case.frames, case.choices), strict=True)
    ]
    return of_pairs + [(case.recorded, tokens_of_single(case.frame, case.choices)) for case in SINGLES]


@each_pair
def test_aligned_sizes_are_the_recorded_ones(case: PairCase) -> None:
    aligned = align_pair(*case.frames, case.choices.equal)
    assert (aligned.a.shape[:2], aligned.b.shape[:2]) == case.shapes


@each_pair
def test_differences_are_the_recorded_importance(case: PairCase) -> None:
    differences = align_pair(*case.frames, case.choices.equal).differences
    assert differences.shape == case.importance.shape
    np.testing.assert_allclose(differences, case.importance, rtol=0, atol=1e-5)


@each_pair
def test_drawn_fine_blocks_lie_in_the_more_different_half(case: PairCase) -> None:
    differences = align_pair(*case.frames, case.choices.equal).differences
    for photo, (height, width) in zip((case.choices.a, case.choices.b), case.shapes, strict=True):
        if abs(height * width / 1024 - len(differences)) > 0.1 * len(differences):
            continue  # blocks without counterpart got random importance, which nobody recorded
        middle = np.sort(differences)[::-1][len(differences) // 2 - 1]
        assert differences[list(photo.fine_blocks)].min() >= middle - 1e-6


@each_pair
def test_tokens_of_a_pair_are_the_recorded_ones(case: PairCase) -> None:
    for recorded, tokens in zip(case.recorded, tokens_of_pair(*case.frames, case.choices), strict=True):
        assert_same_tokens(recorded, tokens)


@each_single
def test_tokens_of_one_photo_are_the_recorded_ones(case: SingleCase) -> None:
    assert_same_tokens(case.recorded, tokens_of_single(case.frame, case.choices))


@pytest.mark.slow
def test_our_network_says_what_the_release_says() -> None:
    pytest.importorskip("torch", reason="the network needs the extra 'torch'")
    assert_same_outputs(our_network(), all_tokens())


def test_the_literal_network_says_what_the_release_says() -> None:
    """One photo with padding and one with fine tokens: what other tests compare with is right itself."""
    pytest.importorskip("torch", reason="the network needs the extra 'torch'")
    everything = all_tokens()
    is_padded = [bool((tokens.marks == PADDING).any()) for _, tokens in everything]
    chosen = {value: is_padded.index(value) for value in set(is_padded)}
    assert_same_outputs(literal_outputs, [everything[index] for index in chosen.values()])


def our_network() -> Run:
    """The runner that users get, in fp32, with the weights by rule."""
    import torch

    from finepick.scorers.fgaesq.architecture import Architecture
    from finepick.scorers.fgaesq.checkpoint import model_of
    from finepick.scorers.fgaesq.network import FgaesqNetwork
    from finepick.scorers.fgaesq.torch_runner import runner_of

    with torch.device("meta"):
        network = FgaesqNetwork(Architecture())
    state = {
        name.removeprefix("clip_model."): torch.from_numpy(np.array(value))
        for name, value in network_state().items()
    }
    network.load_state_dict(state, assign=True)
    return runner_of(model_of(network.eval()), precision="fp32").run


def assert_same_tokens(recorded: Recorded, tokens: Tokens) -> None:
    np.testing.assert_array_equal(tokens.marks, recorded.marks[1:])
    patches = with_class(tokens.patches, np.zeros((3, 16, 16), np.float32))
    close(patches.mean(axis=(2, 3)), recorded.patch_means)
    close(patches[recorded.pixel_rows], recorded.pixels)
    learned = network_state()["clip_model.visual.positional_embedding"]
    grid = learned[1:].reshape(14, 14, -1)
    positions = with_class(np.einsum("tr,tc,rcd->td", tokens.rows, tokens.columns, grid), learned[0])
    close(positions[:, :8], recorded.positions_first8)
    close(np.linalg.norm(positions, axis=1), recorded.positions_norm)
    assert not positions[1:][tokens.marks == PADDING].any()


def assert_same_outputs(run: Run, everything: Sequence[tuple[Recorded, Tokens]]) -> None:
    outputs = run([tokens for _, tokens in everything])
    for (recorded, _), feature, logits, score in zip(
        everything, outputs.features, outputs.logits, outputs.scores, strict=True
    ):
        assert distance(feature, recorded.feature) < 1e-4, recorded.name
        assert distance(logits, recorded.logits) < 1e-4, recorded.name
        assert score == pytest.approx(float(recorded.score[0]), abs=1e-3), recorded.name


def with_class(rows: Array, first: Array) -> Array:
    return np.concatenate([first[None], rows])


def close(found: Array, expected: Array) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def distance(found: Array, expected: Array) -> float:
    """Of the norm of what is expected."""
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
