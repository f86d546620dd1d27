"""Batches: whole series, mirrored as a whole, in portions that add up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="the extra 'torch' is not installed")

from finepick.datasets.records import LabelledSeries  # noqa: E402
from finepick.scorers.fgaesq.series import Plan, view_tokens  # noqa: E402
from finepick.scorers.frames import ArrayFrames  # noqa: E402
from finepick.training.augmentation import flipped_view, view_flipped  # noqa: E402
from finepick.training.batches import prepare_batches  # noqa: E402
from finepick.training.examples import Examples, prepare_examples  # noqa: E402
from finepick.training.schedule import Batch, Kind  # noqa: E402
from finepick.training.targets import series_target  # noqa: E402
from tests.contracts.scorer_contract import draw_burst, draw_scene  # noqa: E402


@pytest.fixture(scope="module")
def examples() -> Examples:
    frames = [frame for seed in range(3) for frame in draw_burst(3, seed=seed)]
    target = series_target(LabelledSeries("s", ("a", "b", "c"), ranks=(1, 2, 3)))
    series = [(range(3 * i, 3 * i + 3), target) for i in range(3)]
    return prepare_examples(
        ArrayFrames(frames), series, [(i, np.eye(10)[i]) for i in range(9)], fine_blocks=4, tokens=60
    )


def test_a_mirrored_photo_has_its_fine_blocks_mirrored() -> None:
    frame = np.asarray(draw_scene(256, 192))
    plan = Plan(6, 8, (0, 9, 47), tokens=60)
    view = flipped_view(plan, 3)
    there = view_flipped(frame, **view.arguments)
    here = view_tokens(frame[:, ::-1].copy(), rows=6, columns=8, fine=[7, 14, 40], tokens=60)
    assert view.index == 3 and view.function == "finepick.training.augmentation:view_flipped"
    assert all((there[name] == here[name]).all() for name in here)


@given(st.integers(1, 12), st.booleans())
def test_portions_are_whole_series_and_their_weights_add_up(most: int, flip: bool) -> None:
    frames = [frame for seed in range(2) for frame in draw_burst(2, seed=seed, width=64, height=48)]
    target = series_target(LabelledSeries("s", ("a", "b"), ranks=(1, 2)))
    examples = prepare_examples(
        ArrayFrames(frames), [((0, 1), target), ((2, 3), target)], [], fine_blocks=1, tokens=200
    )
    batch = Batch(Kind.FINE, (1, 0), 5)
    [prepared] = prepare_batches(examples, [batch], most_photos=most, flip=flip)
    assert sum(portion.weight for portion in prepared.portions) == pytest.approx(1)
    assert [count for portion in prepared.portions for count, _ in portion.series] == [2, 2]
    assert all(len(portion.patches) <= max(most, 2) for portion in prepared.portions)


def test_the_photos_of_a_series_are_mirrored_together_or_not_at_all(examples: Examples) -> None:
    plain, turned = 0, 0
    for seed in range(12):
        [flipped] = prepare_batches(examples, [Batch(Kind.FINE, (1,), seed)], most_photos=9, flip=True)
        [as_it_is] = prepare_batches(examples, [Batch(Kind.FINE, (1,), seed)], most_photos=9, flip=False)
        same = [
            torch.equal(one, other)
            for one, other in zip(flipped.portions[0].patches, as_it_is.portions[0].patches, strict=True)
        ]
        assert len(set(same)) == 1
        plain, turned = plain + same[0], turned + (not same[0])
    assert plain and turned


def test_the_same_batch_is_the_same_tensors(examples: Examples) -> None:
    batch = Batch(Kind.COARSE, (4, 2, 7), 11)
    one, other = (next(prepare_batches(examples, [batch], most_photos=2, flip=True)) for _ in range(2))
    assert [len(portion.patches) for portion in one.portions] == [2, 1]
    for first, second in zip(one.portions, other.portions, strict=True):
        assert torch.equal(first.patches, second.patches) and torch.equal(first.columns, second.columns)
    shares = torch.cat([portion.shares for portion in one.portions if portion.shares is not None])
    assert shares.argmax(dim=1).tolist() == [4, 2, 7]


@given(st.integers(1, 9), st.integers(1, 4), st.sampled_from(Kind))
def test_the_shares_of_all_processes_are_the_batch(
    examples: Examples, most: int, count: int, kind: Kind
) -> None:
    members = (4, 2, 7, 0, 8) if kind is Kind.COARSE else (2, 0, 1)
    batch = Batch(kind, members, 11)
    shares = [
        next(prepare_batches(examples, [batch], most_photos=most, flip=True, index=index, count=count))
        for index in range(count)
    ]
    portions = [portion for share in shares for portion in share.portions]
    assert sum(portion.weight for portion in portions) == pytest.approx(1)
    assert len({portion.seed for portion in portions}) == len(portions)
    assert len(portions) >= min(count, 3)  # nobody stands about while others have more than one portion
    whole = next(
        prepare_batches(examples, [batch], most_photos=max(len(one.patches) for one in portions), flip=True)
    )
    alone = {portion.seed: portion.patches for portion in whole.portions}
    if len(alone) == len(portions):  # cut at the same places
        assert all(torch.equal(alone[portion.seed], portion.patches) for portion in portions)


def test_measured_differences_become_sentences_where_they_are_asked_for() -> None:
    frames = draw_burst(4, width=480, height=320)[::3]
    target = series_target(LabelledSeries("s", ("a", "b"), ranks=(1, 2)))
    silent, told = (
        prepare_examples(
            ArrayFrames(frames), [((0, 1), target)], [], fine_blocks=4, tokens=60, describe=describe
        )
        for describe in (False, True)
    )
    assert not silent.series[0].target.texts
    assert "sharper" in told.series[0].target.texts[0]
