"""The frames of a series laid over one another, in an order that only their contents decide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finepick.differences.maps import difference_maps
from finepick.differences.registration import Alignment, register_series
from finepick.domain import FloatArray
from finepick.features.extraction import PhotoFeatures
from finepick.scorers.base import FrameSource
from finepick.scorers.utilities import canonical_order, share_duplicates


@dataclass(frozen=True, slots=True)
class Overlay:
    """n frames in canonical order, and what was found out by laying them over one another.

    order: frame of the series at each canonical place. place: the other way round.
    digests, features: of the frames, in canonical order. alignment, maps: theirs (`register_series`,
        `difference_maps`); frames of the same bytes share one map.
    """

    order: list[int]
    digests: list[str]
    features: list[PhotoFeatures]
    alignment: Alignment
    maps: list[FloatArray]

    @classmethod
    def of(cls, frames: FrameSource) -> Overlay:
        """Raises ImageError where a frame cannot be had."""
        digests = [frames.digest(index) for index in range(len(frames))]
        order = canonical_order(digests)
        features = [frames.features(index) for index in order]
        in_order = [digests[index] for index in order]
        alignment = register_series(features)
        return cls(
            order,
            in_order,
            features,
            alignment,
            share_duplicates(difference_maps(features, alignment), in_order),
        )

    @property
    def place(self) -> NDArray[np.intp]:
        return np.argsort(self.order)

    @property
    def maps_as_given(self) -> tuple[FloatArray, ...]:
        return tuple(self.maps[position] for position in self.place)

    @property
    def alignment_as_given(self) -> Alignment:
        place, alignment = self.place, self.alignment
        return Alignment(
            self.order[alignment.reference], alignment.transforms[place], alignment.confidence[place]
        )
