"""Photos cut in torch, many at once: the tokens that one photo gets in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="the extra 'torch' is not installed")

from finepick.scorers.fgaesq.tokens import assemble, normalise  # noqa: E402
from finepick.training.cutting import cut, thinned  # noqa: E402


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=4),
    st.integers(0, 4),
    st.integers(0, 2**32 - 1),
)
def test_they_are_cut_as_each_by_itself(grids: list[tuple[int, int]], count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pictures = [rng.integers(0, 256, (32 * r, 32 * c, 3), np.uint8) for r, c in grids]
    fine = [sorted(rng.permutation(r * c)[:count].tolist()) for r, c in grids]
    together = cut(pictures, fine, tokens=40)
    for number, (picture, blocks) in enumerate(zip(pictures, fine, strict=True)):
        alone = assemble(normalise(picture), np.array(blocks, np.intp), tokens=40)
        assert np.allclose(together.patches[number], alone.patches, atol=2e-5)
        assert (together.marks[number].numpy() == alone.marks).all()
        assert (together.rows[number].numpy() == alone.rows).all()
        assert (together.columns[number].numpy() == alone.columns).all()


def test_more_tokens_than_there_is_room_for_are_refused() -> None:
    with pytest.raises(ValueError, match="5 tokens are more than the 4"):
        cut([np.zeros((32, 64, 3), np.uint8)], [[1]], tokens=4)


def test_a_share_of_the_tokens_is_left_out_and_the_others_stay_as_they_are() -> None:
    rng = np.random.default_rng(0)
    whole = cut([rng.integers(0, 256, (64, 96, 3), np.uint8) for _ in range(3)], [[0], [3], [5]], tokens=12)
    torch.manual_seed(1)
    some = thinned(whole, 0.5)
    assert some.marks.shape == (3, 6)
    for photo in range(3):
        places = [
            next(k for k in range(12) if torch.equal(whole.patches[photo, k], patch))
            for patch in some.patches[photo]
        ]
        assert len(set(places)) >= 4  # the three tokens of padding are the same
        for name in ("marks", "rows", "columns"):
            assert torch.equal(getattr(some, name)[photo], getattr(whole, name)[photo][places])


def test_which_are_left_out_depends_on_the_generator_alone_and_differs_from_photo_to_photo() -> None:
    rng = np.random.default_rng(0)
    whole = cut([rng.integers(0, 256, (128, 128, 3), np.uint8)] * 2, [[], []], tokens=16)
    torch.manual_seed(1)
    first = thinned(whole, 0.25)
    torch.manual_seed(1)
    assert torch.equal(thinned(whole, 0.25).patches, first.patches)
    assert not torch.equal(first.patches[0], first.patches[1])


def test_nothing_left_out_costs_no_draw_and_at_least_one_token_stays() -> None:
    whole = cut([np.zeros((64, 64, 3), np.uint8)], [[]], tokens=4)
    state = torch.get_rng_state()
    assert thinned(whole, 0.0) is whole
    assert torch.equal(torch.get_rng_state(), state)
    assert thinned(whole, 0.99).marks.shape == (1, 1)
