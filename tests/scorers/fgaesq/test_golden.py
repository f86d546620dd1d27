"""Figures of photos that are drawn here, from an implementation that agreed with the release's recordings.

`python -m tests.scorers.fgaesq.test_golden` in the root writes them anew: only where the parity test passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finepick.scorers.fgaesq.published import (
    PairChoices,
    PhotoChoices,
    Side,
    align_pair,
    draw_choices,
    draw_single,
    tokens_of_pair,
    tokens_of_single,
)
from finepick.scorers.fgaesq.tokens import Tokens
from tests.scorers.fgaesq.drawn import drawn
from tests.scorers.fgaesq.literal_network import literal_outputs

GOLDEN = Path(__file__).with_name("golden.npz")
SIZES = {
    "aspect": ((700, 500), (520, 520)),  # blocks without counterpart; b drops tokens
    "large": ((960, 640), (960, 640)),  # both drop tokens
    "tiny": ((200, 150), (150, 180)),  # enlarged by two factors; other widths
}
ALONE = {"large": (960, 640), "medium": (640, 448), "small": (300, 220)}
THROUGH_THE_NETWORK = ("aspect_b", "small_alone")

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Golden:
    arrays: dict[str, Array]

    def photo(self, name: str) -> PhotoChoices:
        kept = tuple(map(int, self.arrays[f"{name}_kept"]))
        return PhotoChoices(tuple(map(int, self.arrays[f"{name}_fine_blocks"])), kept or None)

    def pair(self, name: str) -> PairChoices:
        equal: Side = "width" if self.arrays[f"{name}_equal_width"] else "height"
        return PairChoices(equal, self.photo(f"{name}_a"), self.photo(f"{name}_b"))


@pytest.fixture(scope="module")
def golden() -> Golden:
    with np.load(GOLDEN) as arrays:
        return Golden(dict(arrays))


@pytest.mark.parametrize("name", SIZES)
def test_tokens_of_pairs_are_what_they_were(name: str, golden: Golden) -> None:
    a, b = photos(name)
    choices = golden.pair(name)
    differences = align_pair(a, b, choices.equal).differences
    np.testing.assert_allclose(differences, golden.arrays[f"{name}_importance"], rtol=0, atol=1e-6)
    for side, tokens in zip("ab", tokens_of_pair(a, b, choices), strict=True):
        assert_as_before(f"{name}_{side}", tokens, golden)


@pytest.mark.parametrize("name", ALONE)
def test_tokens_of_photos_alone_are_what_they_were(name: str, golden: Golden) -> None:
    tokens = tokens_of_single(drawn(1, *ALONE[name]), golden.photo(f"{name}_alone"))
    assert_as_before(f"{name}_alone", tokens, golden)


@pytest.mark.parametrize("name", SIZES)
def test_what_is_drawn_from_a_seed_stays_the_same(name: str, golden: Golden) -> None:
    a, b = photos(name)
    choices = golden.pair(name)
    pair = align_pair(a, b, choices.equal)
    assert draw_choices(pair, choices.equal, np.random.default_rng(1)) == choices


def test_the_network_says_what_it_said(golden: Golden) -> None:
    pytest.importorskip("torch", reason="the network needs the extra 'torch'")
    a, b = photos("aspect")
    tokens = [
        tokens_of_pair(a, b, golden.pair("aspect"))[1],
        tokens_of_single(drawn(1, *ALONE["small"]), golden.photo("small_alone")),
    ]
    outputs = literal_outputs(tokens)
    for name, feature, score in zip(THROUGH_THE_NETWORK, outputs.features, outputs.scores, strict=True):
        expected = golden.arrays[f"{name}_feature"]
        assert np.linalg.norm(feature - expected) < 1e-4 * np.linalg.norm(expected)
        assert score == pytest.approx(float(golden.arrays[f"{name}_score"]), abs=1e-3)


def photos(name: str) -> tuple[Array, Array]:
    first, second = SIZES[name]
    return drawn(1, *first), drawn(2, *second)


def assert_as_before(name: str, tokens: Tokens, golden: Golden) -> None:
    for what, value in facts(tokens).items():
        np.testing.assert_allclose(value, golden.arrays[f"{name}_{what}"], rtol=0, atol=1e-5, err_msg=what)


def facts(tokens: Tokens) -> dict[str, Array]:
    """Pixels by their means, and a corner of each; places by what a ramp over the learned grid gives there."""
    ramp = np.linspace(-1, 1, 14, dtype=np.float32) ** 3
    return {
        "marks": tokens.marks,
        "patch_means": tokens.patches.mean(axis=(2, 3)),
        "corners": tokens.patches[:, 0, 1, 2],
        "places": np.stack([tokens.rows @ ramp, tokens.columns @ ramp]),
    }


def write() -> None:
    arrays = dict(_golden_arrays())
    np.savez_compressed(GOLDEN, **arrays)
    print(f"{GOLDEN.name}: {GOLDEN.stat().st_size} bytes")


def _golden_arrays() -> Iterator[tuple[str, Array]]:
    found: dict[str, Tokens] = {}
    for name, equal in zip(SIZES, ("width", "height", "height"), strict=True):
        a, b = photos(name)
        pair = align_pair(a, b, equal)
        choices = draw_choices(pair, equal, np.random.default_rng(1))
        yield f"{name}_equal_width", np.array(equal == "width")
        yield f"{name}_importance", pair.differences.astype(np.float32)
        found[f"{name}_a"], found[f"{name}_b"] = tokens_of_pair(a, b, choices)
        yield from _choice_arrays(f"{name}_a", choices.a)
        yield from _choice_arrays(f"{name}_b", choices.b)
    for name, size in ALONE.items():
        frame = drawn(1, *size)
        alone = draw_single(frame, np.random.default_rng(1))
        found[f"{name}_alone"] = tokens_of_single(frame, alone)
        yield from _choice_arrays(f"{name}_alone", alone)
    for name, tokens in found.items():
        for what, value in facts(tokens).items():
            yield f"{name}_{what}", value
    outputs = literal_outputs([found[name] for name in THROUGH_THE_NETWORK])
    for name, feature, score in zip(THROUGH_THE_NETWORK, outputs.features, outputs.scores, strict=True):
        yield f"{name}_feature", feature
        yield f"{name}_score", np.array(score)


def _choice_arrays(name: str, choices: PhotoChoices) -> Iterator[tuple[str, Array]]:
    yield f"{name}_fine_blocks", np.array(choices.fine_blocks, np.int16)
    yield f"{name}_kept", np.array(choices.kept or (), np.int16)


if __name__ == "__main__":
    write()
