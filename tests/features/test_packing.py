"""Packed arrays come back as they were, and nothing else is believed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from finepick.features.extraction import extract_features
from finepick.features.packing import pack_arrays, pack_features, unpack_arrays, unpack_features

arrays = st.one_of(
    *(
        hnp.arrays(kind, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5))
        for kind in (np.uint8, np.int32, np.float32, np.float64)
    )
)


@given(st.dictionaries(st.text(max_size=8), arrays, max_size=4))
def test_arrays_come_back_bit_for_bit(given_arrays: dict[str, np.ndarray]) -> None:
    back = unpack_arrays(pack_arrays(given_arrays))

    assert list(back) == list(given_arrays)
    for name, array in given_arrays.items():
        assert back[name].dtype == array.dtype
        assert back[name].shape == array.shape
        assert back[name].tobytes() == array.tobytes()


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_one_changed_byte_is_noticed(position: int, change: int) -> None:
    data = bytearray(pack_arrays({"a": np.arange(50, dtype=np.float32), "b": np.zeros((3, 4), np.uint8)}))
    data[position % len(data)] ^= change

    with pytest.raises(ValueError, match="packed arrays"):
        unpack_arrays(bytes(data))


@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="packed arrays"):
        unpack_arrays(data)


def test_features_survive_packing() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    features = extract_features(frame)

    back = unpack_features(pack_features(features))

    assert back.size == features.size == (400, 300)
    np.testing.assert_array_equal(back.grey, features.grey)
    np.testing.assert_array_equal(back.descriptor, features.descriptor)
    np.testing.assert_array_equal(back.keypoints.vectors, features.keypoints.vectors)
    np.testing.assert_array_equal(back.keypoints.xy, features.keypoints.xy)
    np.testing.assert_array_equal(back.measurements.grid, features.measurements.grid)
    np.testing.assert_array_equal(back.measurements.values, features.measurements.values)


def test_packed_arrays_that_are_no_features_are_refused() -> None:
    with pytest.raises(ValueError, match="without 'size'"):
        unpack_features(pack_arrays({"a": np.zeros(3)}))
