"""Arrays ↔ bytes: how features and judgements travel between processes and rest in the cache.

Layout: magic, CRC-32 of the rest, length of a JSON list of [name, dtype, shape], that list, then the arrays'
bytes one after the other. Nothing is unpickled, so a file that somebody else wrote can do no harm.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finepick.features.extraction import PhotoFeatures
from finepick.features.keypoints import Keypoints
from finepick.features.measurements import Measurements

_MAGIC = b"FPA1"
_HEAD = struct.Struct("<4sI")
_LENGTH = struct.Struct("<I")
_DTYPES = {"u1": np.uint8, "i4": np.int32, "f4": np.float32, "f8": np.float64}
_CODES = {np.dtype(kind): code for code, kind in _DTYPES.items()}


def pack_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Bytes that `unpack_arrays` turns back into the same arrays (uint8, int32, float32 or float64)."""
    index = [[name, _CODES[array.dtype], list(array.shape)] for name, array in arrays.items()]
    head = json.dumps(index, separators=(",", ":")).encode()
    body = b"".join(
        [_LENGTH.pack(len(head)), head, *(np.ascontiguousarray(array).tobytes() for array in arrays.values())]
    )
    return _HEAD.pack(_MAGIC, zlib.crc32(body)) + body


def unpack_arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """The arrays (read-only views of *data*) that `pack_arrays` was given.

    Raises ValueError for anything that `pack_arrays` did not write.
    """
    if len(data) < _HEAD.size + _LENGTH.size:
        raise ValueError("too short for packed arrays")
    magic, checksum = _HEAD.unpack_from(data)
    body = memoryview(data)[_HEAD.size :]
    if magic != _MAGIC or zlib.crc32(body) != checksum:
        raise ValueError("not packed arrays, or damaged ones")
    offset = _LENGTH.size + _LENGTH.unpack_from(body)[0]
    arrays: dict[str, NDArray[Any]] = {}
    for name, code, shape in json.loads(bytes(body[_LENGTH.size : offset])):
        count = math.prod(shape)
        dtype = np.dtype(_DTYPES[code])
        arrays[name] = np.frombuffer(body, dtype, count, offset).reshape(shape)
        offset += count * dtype.itemsize
    return arrays


def pack_features(features: PhotoFeatures) -> bytes:
    """*features* as bytes, for `unpack_features`."""
    points, measured = features.keypoints, features.measurements
    return pack_arrays(
        {
            "size": np.array(features.size, np.int32),
            "descriptor": features.descriptor,
            "xy": points.xy,
            "scale": points.scale,
            "angle": points.angle,
            "vectors": points.vectors,
            "values": measured.values,
            "grid": measured.grid,
            "grey": features.grey,
        }
    )


def unpack_features(data: bytes) -> PhotoFeatures:
    """The features in *data*. Raises ValueError where it holds anything else."""
    arrays = unpack_arrays(data)
    try:
        return PhotoFeatures(
            size=(int(arrays["size"][0]), int(arrays["size"][1])),
            grey=arrays["grey"],
            descriptor=arrays["descriptor"],
            keypoints=Keypoints(arrays["xy"], arrays["scale"], arrays["angle"], arrays["vectors"]),
            measurements=Measurements(arrays["values"], arrays["grid"]),
        )
    except KeyError as error:
        raise ValueError(f"packed arrays without {error}") from error
