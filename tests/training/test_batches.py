"""Batches: whole series, mirrored as a whole, in portions that add up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="the extra 'torch' is not installed")

from finepick.datasets.records import LabelledSeries  # noqa: E402
from finepick.scorers.fgaesq.series import plan_photo, view_tokens, viewed_tokens  # noqa: E402
from finepick.scorers.frames import ArrayFrames  # noqa: E402
from finepick.scorers.overlay import Overlay  # noqa: E402
from finepick.training.augmentation import Augmentation  # noqa: E402
from finepick.training.batches import PreparedBatch, prepare_batches  # noqa: E402
from finepick.training.examples import Examples, prepare_examples  # noqa: E402
from finepick.training.pictures import Pictures  # noqa: E402
from finepick.training.schedule import Batch, Kind  # noqa: E402
from finepick.training.targets import series_target  # noqa: E402
from tests.contracts.scorer_contract import draw_burst  # noqa: E402

PLAIN = Augmentation(flip=False)


@pytest.fixture(scope="module")
def examples() -> Examples:
    frames = [frame for seed in range(3) for frame in draw_burst(3, seed=seed)]
    target = series_target(LabelledSeries("s", ("a", "b", "c"), ranks=(1, 2, 3)))
    series = [(range(3 * i, 3 * i + 3), target) for i in range(3)]
    return prepare_examples(
        ArrayFrames(frames), series, [(i, np.eye(10)[i]) for i in range(9)], fine_blocks=4, tokens=60
    )


def prepared(
    examples: Examples,
    *batches: Batch,
    most_photos: int = 9,
    augmentation: Augmentation = PLAIN,
    **share: int,
) -> list[PreparedBatch]:
    pictures = Pictures(examples.frames)
    return list(
        prepare_batches(
            examples, pictures, batches, most_photos=most_photos, augmentation=augmentation, **share
        )
    )


@settings(deadline=None)
@given(st.integers(1, 12), st.booleans())
def test_portions_are_whole_series_and_their_weights_add_up(most: int, flip: bool) -> None:
    frames = [frame for seed in range(2) for frame in draw_burst(2, seed=seed, width=64, height=48)]
    target = series_target(LabelledSeries("s", ("a", "b"), ranks=(1, 2)))
    examples = prepare_examples(
        ArrayFrames(frames), [((0, 1), target), ((2, 3), target)], [], fine_blocks=1, tokens=200
    )
    batch = Batch(Kind.FINE, (1, 0), 5)
    [one] = prepared(examples, batch, most_photos=most, augmentation=Augmentation(flip))
    assert sum(portion.weight for portion in one.portions) == pytest.approx(1)
    assert [count for portion in one.portions for count, _ in portion.series] == [2, 2]
    assert all(len(portion.cuts.patches) <= max(most, 2) for portion in one.portions)


def test_the_photos_of_a_series_are_mirrored_together_or_not_at_all(examples: Examples) -> None:
    plain, turned = 0, 0
    for seed in range(12):
        batch = Batch(Kind.FINE, (1,), seed)
        [flipped] = prepared(examples, batch, augmentation=Augmentation())
        [as_it_is] = prepared(examples, batch)
        same = [
            torch.equal(one, other)
            for one, other in zip(
                flipped.portions[0].cuts.patches, as_it_is.portions[0].cuts.patches, strict=True
            )
        ]
        assert len(set(same)) == 1
        plain, turned = plain + same[0], turned + (not same[0])
    assert plain and turned


def test_photos_that_are_not_touched_are_cut_as_the_scorer_cuts_them(examples: Examples) -> None:
    [one] = prepared(examples, Batch(Kind.FINE, (1,), 0), Batch(Kind.COARSE, (4,), 0))[:1]
    overlay = Overlay.of(ArrayFrames([examples.frames.frame(index, 2048) for index in (3, 4, 5)]))
    maps = overlay.maps_as_given
    for number in range(3):
        photo = overlay.features[overlay.place[number]]
        plan = plan_photo(photo, maps[number], fine_blocks=4, tokens=60)
        frame = examples.frames.frame(3 + number, plan.view(0).long_side)
        there = viewed_tokens(view_tokens(frame, **plan.view(0).arguments))
        here = one.portions[0].cuts
        assert np.allclose(here.patches[number], there.patches, atol=1e-5)
        assert (here.marks[number].numpy() == there.marks).all()
        assert np.allclose(here.rows[number], there.rows) and np.allclose(here.columns[number], there.columns)


def test_parts_of_photos_have_fewer_tokens_and_come_from_everywhere(examples: Examples) -> None:
    whole = prepared(examples, Batch(Kind.COARSE, tuple(range(9)), 1))[0].portions[0].cuts
    counts = set()
    for seed in range(6):
        batch = Batch(Kind.COARSE, tuple(range(9)), seed)
        [one] = prepared(examples, batch, augmentation=Augmentation(False, 2))
        marks = one.portions[0].cuts.marks
        counts |= {int((row != 9).sum()) for row in marks}
    most = int((whole.marks[0] != 9).sum())
    assert max(counts) == most and min(counts) < most and len(counts) > 3


def test_the_same_batch_is_the_same_tensors(examples: Examples) -> None:
    batch = Batch(Kind.COARSE, (4, 2, 7), 11)
    augmentation = Augmentation(True, 1)
    one, other = (prepared(examples, batch, most_photos=2, augmentation=augmentation)[0] for _ in range(2))
    assert [len(portion.cuts.patches) for portion in one.portions] == [2, 1]
    for first, second in zip(one.portions, other.portions, strict=True):
        assert torch.equal(first.cuts.patches, second.cuts.patches)
        assert torch.equal(first.cuts.columns, second.cuts.columns)
    shares = torch.cat([portion.shares for portion in one.portions if portion.shares is not None])
    assert shares.argmax(dim=1).tolist() == [4, 2, 7]


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(1, 4), st.sampled_from(Kind))
def test_the_shares_of_all_processes_are_the_batch(
    examples: Examples, most: int, count: int, kind: Kind
) -> None:
    both = Augmentation(True, 2)
    members = (4, 2, 7, 0, 8) if kind is Kind.COARSE else (2, 0, 1)
    batch = Batch(kind, members, 11)
    shares = [
        prepared(examples, batch, most_photos=most, augmentation=both, index=index, count=count)[0]
        for index in range(count)
    ]
    portions = [portion for share in shares for portion in share.portions]
    assert sum(portion.weight for portion in portions) == pytest.approx(1)
    assert len({portion.seed for portion in portions}) == len(portions)
    assert len(portions) >= min(count, 3)  # nobody stands about while others have more than one portion
    longest = max(len(one.cuts.patches) for one in portions)
    [whole] = prepared(examples, batch, most_photos=longest, augmentation=both)
    alone = {portion.seed: portion.cuts.patches for portion in whole.portions}
    if len(alone) == len(portions):  # cut at the same places
        assert all(torch.equal(alone[portion.seed], portion.cuts.patches) for portion in portions)


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
