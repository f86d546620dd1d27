"""Partners in one batch: what the sampler promises, and what a data loader on several devices makes of it."""

from __future__ import annotations

import pytest
from accelerate.data_loader import BatchSamplerShard
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import BatchSampler

from finepick.training.red.partners import PartnerSampler

sizes = st.tuples(
    st.integers(1, 20), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3)
)


@given(sizes, st.integers(0, 99))
def test_every_batch_holds_whole_pairs(size: tuple[int, int, int, int, int], seed: int) -> None:
    pairs, answers, at_once, repeats, passes = size
    if pairs < at_once:
        with pytest.raises(ValueError, match="do not fill"):
            PartnerSampler(
                pairs, answers=answers, pairs_at_once=at_once, repeats=repeats, passes=passes, seed=seed
            )
        return
    sampler = PartnerSampler(
        pairs, answers=answers, pairs_at_once=at_once, repeats=repeats, passes=passes, seed=seed
    )

    rows = list(sampler)

    assert len(rows) == len(sampler) and rows == list(sampler)
    batch = 2 * answers * at_once
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        assert all(part.count(row) == part.count(row ^ 1) == answers for row in part)
    once = [rows[start : start + batch] for start in range(0, len(rows), batch * repeats)]
    seen = [row for part in once for row in part]
    assert max(seen.count(row) for row in set(seen)) <= answers * passes  # no pair twice in a pass


def test_each_pass_has_another_order() -> None:
    sampler = PartnerSampler(12, answers=1, pairs_at_once=12, repeats=1, passes=2, seed=3)

    first, second = list(sampler)[:24], list(sampler)[24:]

    assert sorted(first) == sorted(second) == list(range(24)) and first != second


@pytest.mark.parametrize("devices", [1, 2, 4])
def test_on_several_devices_partners_lie_on_the_same_one(devices: int) -> None:
    answers, at_once = 4, 2
    sampler = PartnerSampler(
        16, answers=answers, pairs_at_once=at_once * devices, repeats=3, passes=1, seed=0
    )
    own = 2 * answers * at_once
    batches = BatchSampler(sampler, batch_size=own, drop_last=False)

    for device in range(devices):
        for part in BatchSamplerShard(batches, num_processes=devices, process_index=device):
            assert all(part.count(row) == part.count(row ^ 1) == answers for row in part)
