"""The schedule: whole series, each once an epoch; fine and coarse by turns; decided by the seed alone."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from finepick.training.schedule import Kind, Schedule

SIZES = st.lists(st.integers(2, 12), min_size=1, max_size=40)


@given(SIZES, st.integers(1, 30))
def test_a_joint_epoch_shows_every_series_once_and_whole(sizes: list[int], most: int) -> None:
    schedule = Schedule(sizes, photos=0, coarse_epochs=0, joint_epochs=2, fine_images=most)
    for epoch in schedule.epochs():
        assert sorted(number for batch in epoch for number in batch.members) == list(range(len(sizes)))
        for batch in epoch:
            assert batch.kind is Kind.FINE
            assert len(batch.members) == 1 or sum(sizes[number] for number in batch.members) <= most


@given(SIZES, st.integers(1, 50))
def test_fine_and_coarse_batches_alternate(sizes: list[int], photos: int) -> None:
    epochs = Schedule(
        sizes, photos, coarse_epochs=1, joint_epochs=2, fine_images=16, coarse_images=8
    ).epochs()
    assert len(epochs) == 3 and {batch.kind for batch in epochs[0]} == {Kind.COARSE}
    for epoch in epochs[1:]:
        assert epoch[0].kind is Kind.FINE
        assert all(one.kind is not other.kind for one, other in pairwise(epoch))


@given(st.integers(1, 60), st.integers(1, 30))
def test_coarse_photos_come_round_evenly(photos: int, series: int) -> None:
    epochs = Schedule([3] * series, photos, coarse_epochs=2, fine_images=3, coarse_images=7).epochs()
    seen = Counter(n for epoch in epochs for b in epoch if b.kind is Kind.COARSE for n in b.members)
    counts = [seen[number] for number in range(photos)]
    assert max(counts) - min(counts) <= 1
    assert [len(epoch) for epoch in epochs[:2]] == [-(-photos // 7)] * 2


def test_without_series_joint_epochs_are_coarse() -> None:
    epochs = Schedule([], photos=10, coarse_epochs=1, joint_epochs=2, coarse_images=4).epochs()
    assert [[batch.kind for batch in epoch] for epoch in epochs] == [[Kind.COARSE] * 3] * 3


def test_the_seed_and_nothing_else_decides() -> None:
    one, same, other = (Schedule([2, 3, 4, 5], 20, fine_images=5, seed=seed).epochs() for seed in (1, 1, 2))
    assert one == same != other
    assert one[-1] != one[-2]
