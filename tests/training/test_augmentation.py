"""Parts and mirror images of photos: the pixels and the importance of their blocks stay together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finepick.training.augmentation import Augmentation, Glance


def blocks_of(importance: np.ndarray) -> np.ndarray:
    """A picture whose blocks are as bright as they are important."""
    return np.repeat(np.repeat(importance[..., None], 32, 0), 32, 1).astype(np.uint8).repeat(3, 2)


@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 2**32 - 1), st.integers(0, 9), st.booleans())
def test_importance_lies_where_its_pixels_lie(r: int, c: int, seed: int, crop: int, flip: bool) -> None:
    rng = np.random.default_rng(seed)
    importance = rng.permutation(r * c).reshape(r, c) * 4.0
    glance = Augmentation(flip, crop).draw(rng)
    part, here = glance.at(blocks_of(importance), importance)
    assert part.shape == (32 * here.shape[0], 32 * here.shape[1], 3)
    assert 2 * here.shape[0] >= r and 2 * here.shape[1] >= c
    means = part[..., 0].reshape(here.shape[0], 32, here.shape[1], 32).mean((1, 3))
    assert np.allclose(means, here, atol=1e-9)


def test_a_plain_glance_changes_nothing() -> None:
    importance = np.arange(6.0).reshape(2, 3)
    part, here = Augmentation(flip=False).draw(np.random.default_rng(0)).at(blocks_of(importance), importance)
    assert (part == blocks_of(importance)).all() and (here == importance).all()


def test_a_mirrored_photo_is_mirrored_and_its_importance_with_it() -> None:
    importance = np.arange(6.0).reshape(2, 3)
    part, here = Glance(mirrored=True).at(blocks_of(importance), importance)
    assert (part == blocks_of(importance)[:, ::-1]).all()
    assert here.tolist() == [[2, 1, 0], [5, 4, 3]]


@pytest.mark.parametrize(("place", "expected"), [(0.0, 0.0), (1.0, 2.0), (0.5, 1.0)])
def test_a_part_lies_anywhere_in_the_photo(place: float, expected: float) -> None:
    importance = np.array([[0.0, 1.0, 2.0, 3.0]])
    _, here = Glance(fewer_columns=2, left=place).at(blocks_of(importance), importance)
    assert here[0, 0] == expected and here.shape == (1, 2)
