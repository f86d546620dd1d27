"""What ours is timed against computes what the published recipe computes."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from finepick.scorers.fgaesq.published import PairChoices, PhotoChoices, align_pair, tokens_of_pair
from tests.conftest import ROOT
from tests.scorers.fgaesq.drawn import drawn
from tests.scorers.fgaesq.literal_network import literal_outputs, network_state


@pytest.fixture
def baseline(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    pytest.importorskip("torch", reason="the published recipe needs the extra 'torch'")
    monkeypatch.setattr(sys, "path", [str(ROOT / "bench"), *sys.path])
    import fgaesq_literal

    return fgaesq_literal


SIZES = [
    ((700, 500), (520, 520)),
    ((960, 640), (960, 640)),
    ((200, 150), (150, 180)),
    ((300, 220), (307, 222)),
]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("seed", [0, 1, 4])
def test_its_tokens_are_ours_under_the_same_choices(
    baseline: ModuleType, sizes: tuple[tuple[int, int], tuple[int, int]], seed: int
) -> None:
    import torch

    a, b = drawn(1, *sizes[0]), drawn(2, *sizes[1])
    grid = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 5, 14, 14)).astype(np.float32))
    pictures = Image.fromarray(a), Image.fromarray(b)
    theirs = baseline.literal_tokens(*pictures, grid, random.Random(seed), baseline.Stopwatch())
    choices = choices_of(theirs, seed)
    for literal, ours in zip(theirs, tokens_of_pair(a, b, choices), strict=True):
        np.testing.assert_array_equal(literal.marks, ours.marks)
        np.testing.assert_allclose(literal.patches, ours.patches, rtol=0, atol=1e-5)
        positions = np.einsum("tr,tc,drc->td", ours.rows, ours.columns, grid[0].numpy())
        np.testing.assert_allclose(literal.positions, positions, rtol=0, atol=1e-4)
    pair = align_pair(a, b, choices.equal)
    planes = [
        baseline.whole_blocks(baseline.levels(Image.fromarray(frame)), 32) for frame in (pair.a, pair.b)
    ]
    np.testing.assert_allclose(baseline.importance(*planes), pair.differences, rtol=0, atol=1e-6)


def test_its_scores_are_ours_under_the_same_choices(baseline: ModuleType, tmp_path: Path) -> None:
    a, b = drawn(1, 500, 420), drawn(2, 500, 420)
    paths = [str(tmp_path / name) for name in ("a.png", "b.png")]
    for path, frame in zip(paths, (a, b), strict=True):
        Image.fromarray(frame).save(path)
    scores = baseline.rank_series_literally(paths, network_state(), seed=3)
    grid = baseline._position_grid(network_state())
    drawing, watch = random.Random(3), baseline.Stopwatch()
    theirs = baseline.literal_tokens(*map(baseline.decode, paths), grid, drawing, watch)
    ours = literal_outputs(tokens_of_pair(a, b, choices_of(theirs, 3)))
    np.testing.assert_allclose(scores, ours.scores, rtol=0, atol=1e-4)
    assert set(watch.seconds) == {"alignment", "importance", "tokens"}


def choices_of(theirs: tuple, seed: int) -> PairChoices:  # type: ignore[type-arg]
    equal = random.Random(seed).choice(("width", "height"))
    a, b = (PhotoChoices(one.fine_blocks, one.kept) for one in theirs)
    return PairChoices(equal, a, b)
