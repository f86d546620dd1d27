"""Frames, or their features, that already lie in memory, as a series."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from PIL import Image

from finepick.domain import Frame
from finepick.errors import ImageError, ScorerError, UnjudgedPhotoError
from finepick.features.extraction import PhotoFeatures, extract_features
from finepick.scorers.base import Arrays, Glance, View, glance_at, view_frame
from finepick.settings import WORKING_SIDE


class ArrayFrames:
    """A `FrameSource` over uint8 arrays H × W × 3, sRGB; features are computed once, when first asked for.

    Raises TypeError for another dtype and ValueError for another shape.
    """

    def __init__(self, arrays: Sequence[Frame]) -> None:
        self._arrays = [_checked(array, index) for index, array in enumerate(arrays)]
        self._features: dict[int, PhotoFeatures] = {}
        self._digests: dict[int, str] = {}
        self._glances: dict[tuple[int, Glance], Arrays] = {}

    def __len__(self) -> int:
        return len(self._arrays)

    def frame(self, index: int, long_side: int) -> Frame:
        array = self._arrays[index]
        height, width = array.shape[:2]
        if max(height, width) <= long_side:
            return array
        scale = long_side / max(height, width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        picture = Image.fromarray(array).resize(size, Image.Resampling.BOX, reducing_gap=2.0)
        return np.asarray(picture)

    def views(self, views: Iterable[View]) -> Iterator[Arrays]:
        return (view_frame(self.frame(view.index, view.long_side), view) for view in views)

    def features(self, index: int) -> PhotoFeatures:
        if index not in self._features:
            self._features[index] = extract_features(self.frame(index, WORKING_SIDE))
        return self._features[index]

    def glance(self, index: int, glance: Glance) -> Arrays:
        if (index, glance) not in self._glances:
            picture = Image.fromarray(self.frame(index, WORKING_SIDE))
            self._glances[index, glance] = glance_at(picture, glance.function, glance.arguments)
        return self._glances[index, glance]

    def digest(self, index: int) -> str:
        if index not in self._digests:
            array = self._arrays[index]
            hashed = hashlib.sha256(repr(array.shape).encode())
            hashed.update(np.ascontiguousarray(array).data)
            self._digests[index] = hashed.hexdigest()
        return self._digests[index]

    def known(self, key: str) -> bytes | None:
        return None

    def remember(self, key: str, blob: bytes) -> None:
        """Nothing: what lies in memory has no cache."""

    def lost(self, index: int, reason: str) -> ImageError:
        return UnjudgedPhotoError(reason, path=f"frame {index}")


class FeatureFrames:
    """A `FrameSource` over features, and what was seen of each photo alone, for scorers that want no pixels."""

    def __init__(
        self, features: Sequence[PhotoFeatures], digests: Sequence[str], glances: Sequence[Arrays] = ()
    ) -> None:
        self._features = features
        self._digests = digests
        self._glances = glances

    def __len__(self) -> int:
        return len(self._features)

    def frame(self, index: int, long_side: int) -> Frame:
        raise ScorerError("this model looks at pixels and is judged in one process only")

    def views(self, views: Iterable[View]) -> Iterator[Arrays]:
        raise ScorerError("this model looks at pixels and is judged in one process only")

    def features(self, index: int) -> PhotoFeatures:
        return self._features[index]

    def glance(self, index: int, glance: Glance) -> Arrays:
        return self._glances[index]

    def digest(self, index: int) -> str:
        return self._digests[index]

    def known(self, key: str) -> bytes | None:
        return None

    def remember(self, key: str, blob: bytes) -> None:
        """Nothing: readers have no cache."""

    def lost(self, index: int, reason: str) -> ImageError:
        return UnjudgedPhotoError(reason, path=f"frame {index}")


def _checked(array: Frame, index: int) -> Frame:
    if array.dtype != np.uint8:
        raise TypeError(f"frame {index} is {array.dtype}; give uint8 values from 0 to 255")
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise ValueError(f"frame {index} has the shape {array.shape}; give height × width × 3 (RGB)")
    return array
