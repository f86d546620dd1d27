"""Photos cut in torch, many at once: the tokens that one photo gets in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="the extra 'torch' is not installed")

from finepick.scorers.fgaesq.tokens import assemble, normalise  # noqa: E402
from finepick.training.cutting import cut  # noqa: E402


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
