"""How surely two photos show one scene, and how sure one has to be, given when they were taken."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from finepick.differences.registration import View, likeness_in_place, view
from finepick.domain import FloatArray, Metadata
from finepick.features.extraction import PhotoFeatures
from finepick.features.keypoints import NOTHING_IN_COMMON, Keypoints, fit_similarity, match, strongest

MOMENT_SECONDS = 1.5
ACTION_SECONDS = 10.0
SITTING_SECONDS = 300.0
OUTING_SECONDS = 2 * 3600.0

_WORTH_A_LOOK = 2  # matches among 64 points: one unlike pair in ten has them, every pair with 8 inliers

Value = TypeVar("Value")


class FeatureLookup(Protocol):
    """Features of the photos that are grouped, by their place in the sequence of photos."""

    def descriptor(self, index: int) -> NDArray[np.float32]:
        """Asked for once per photo and then kept in memory."""
        ...

    def features(self, index: int) -> PhotoFeatures:
        """Asked for often; expected to come from a cache that does not grow with the number of photos."""
        ...


class CachedFeatures:
    """A `FeatureLookup` over any way to load features, that keeps the *capacity* photos used last."""

    def __init__(self, load: Callable[[int], PhotoFeatures], *, capacity: int = 256) -> None:
        self._load = load
        self._capacity = capacity
        self._kept: OrderedDict[int, PhotoFeatures] = OrderedDict()

    def descriptor(self, index: int) -> NDArray[np.float32]:
        return self.features(index).descriptor

    def features(self, index: int) -> PhotoFeatures:
        return _recall(self._kept, index, self._capacity, self._load)


class Nearness(Enum):
    """What the files say of two photos before anyone looks at them: how much content has to prove.

    MOMENT: one camera, fractions of a second apart, or one burst id. ACTION: one camera, seconds apart.
    UNKNOWN: one camera, minutes apart, or no time known. APART: one camera within hours, other cameras within
    minutes, or other prompts. REMOTE: all else; only the same picture over again is one series.
    """

    MOMENT = 0
    ACTION = 1
    UNKNOWN = 2
    APART = 3
    REMOTE = 4


class Bond(Enum):
    NONE = 0
    WEAK = 1
    STRONG = 2


@dataclass(frozen=True, slots=True)
class Evidence:
    """likeness: of the descriptors, −1…1. inliers, coverage: of the key points (see `Similarity`).

    in_place: likeness where both frames lie on each other as they are. overlaid: what matches lies in exactly
    the same place in both while the rest differs, like the frame of a window or a watermark.
    """

    likeness: float
    inliers: int
    coverage: float
    in_place: float
    overlaid: bool
    transform: FloatArray


def nearness(a: Metadata, b: Metadata) -> Nearness:
    """How near two photos are by what their files say; the same either way round."""
    if a.prompt and b.prompt and a.prompt != b.prompt:
        return Nearness.APART
    same_camera = a.camera is not None and a.camera == b.camera
    if same_camera and a.burst_id is not None and a.burst_id == b.burst_id:
        return Nearness.MOMENT
    gap = gap_seconds(a.taken_at, b.taken_at)
    if gap is None:
        return Nearness.UNKNOWN
    if a.camera != b.camera:
        return Nearness.APART if gap <= OUTING_SECONDS else Nearness.REMOTE
    for limit, answer in (
        (MOMENT_SECONDS, Nearness.MOMENT),
        (ACTION_SECONDS, Nearness.ACTION),
        (SITTING_SECONDS, Nearness.UNKNOWN),
        (OUTING_SECONDS, Nearness.APART),
    ):
        if gap <= limit + _shutter_seconds(a, b):
            return answer
    return Nearness.REMOTE


def gap_seconds(a: datetime | None, b: datetime | None) -> float | None:
    """Seconds between two times by the camera's clock, None where one is unknown."""
    if a is None or b is None:
        return None
    return abs((a.replace(tzinfo=None) - b.replace(tzinfo=None)).total_seconds())


def judge_bond(near: Nearness, evidence: Evidence) -> Bond:
    """Whether *evidence* is enough for two photos that are *near*.

    The numbers are round on purpose. Between unlike photos 4 inliers are rare and 8 have not been seen
    without a common object; `bench/grouping.py` shows what moving each by a fifth changes.
    """
    spread_inliers = evidence.inliers * evidence.coverage
    if near is Nearness.MOMENT:
        enough = evidence.likeness >= 0.25 or evidence.inliers >= 5 or evidence.in_place >= 0.2
        return Bond.STRONG if enough else Bond.NONE
    if near is Nearness.ACTION:
        enough = evidence.likeness >= 0.7 or evidence.inliers >= 8 or evidence.in_place >= 0.25
        return Bond.STRONG if enough and not evidence.overlaid else Bond.NONE
    if evidence.overlaid:
        return Bond.NONE
    if near is Nearness.UNKNOWN:
        if (evidence.inliers >= 12 and spread_inliers >= 5) or evidence.in_place >= 0.35:
            return Bond.STRONG
        weak = (evidence.inliers >= 8 and spread_inliers >= 2.5) or evidence.in_place >= 0.25
        return Bond.WEAK if weak else Bond.NONE
    if near is Nearness.APART:
        return Bond.STRONG if evidence.inliers >= 24 and evidence.coverage >= 0.5 else Bond.NONE
    same = evidence.inliers >= 40 and evidence.coverage >= 0.7 and evidence.likeness >= 0.95
    return Bond.STRONG if same and _is_still(evidence.transform) else Bond.NONE


class Examiner:
    """Looks at pairs of photos; keeps small views of the *capacity* photos used last."""

    def __init__(
        self, lookup: FeatureLookup, descriptors: NDArray[np.float32], *, capacity: int = 512
    ) -> None:
        self._lookup = lookup
        self._descriptors = descriptors
        self._capacity = capacity
        self._views: OrderedDict[int, View] = OrderedDict()
        self._sketches: OrderedDict[int, Keypoints] = OrderedDict()

    def examine(self, first: int, second: int) -> Evidence:
        """Evidence on a pair of photos; they are compared in place where key points say too little."""
        likeness = float(self._descriptors[first] @ self._descriptors[second])
        a, b = self._lookup.features(first), self._lookup.features(second)
        if len(match(self._sketch(first), self._sketch(second))) >= _WORTH_A_LOOK:
            found = fit_similarity(a.keypoints, b.keypoints, match(a.keypoints, b.keypoints))
        else:
            found = NOTHING_IN_COMMON
        in_place, overlaid = 0.0, False
        still = found.inliers >= 5 and _is_still(found.transform)
        meagre = found.inliers < 12 or found.inliers * found.coverage < 5
        if (still and found.coverage < 0.6) or (meagre and likeness >= 0.3):
            in_place = likeness_in_place(self._view(first), self._view(second))
            overlaid = still and found.coverage < 0.6 and in_place < 0.2
        return Evidence(likeness, found.inliers, found.coverage, in_place, overlaid, found.transform)

    def _view(self, index: int) -> View:
        return _recall(self._views, index, self._capacity, lambda i: view(self._lookup.features(i)))

    def _sketch(self, index: int) -> Keypoints:
        return _recall(
            self._sketches, index, self._capacity, lambda i: strongest(self._lookup.features(i).keypoints, 16)
        )


def stack_descriptors(lookup: FeatureLookup, indices: Sequence[int]) -> NDArray[np.float32]:
    """Descriptors of the photos at *indices*, one row each."""
    return np.stack([lookup.descriptor(index) for index in indices]).astype(np.float32, copy=False)


def _recall(kept: OrderedDict[int, Value], index: int, capacity: int, make: Callable[[int], Value]) -> Value:
    """What *kept* holds at *index*, or else makes; beyond *capacity* the entry unused for longest goes."""
    value = kept.pop(index) if index in kept else make(index)
    kept[index] = value
    if len(kept) > capacity:
        kept.popitem(last=False)
    return value


def _is_still(transform: FloatArray) -> bool:
    """Whether a transform moves nothing by more than half a percent of the long side."""
    return bool(np.abs(transform - np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])).max() < 0.005)


def _shutter_seconds(a: Metadata, b: Metadata) -> float:
    """The longer exposure: the camera cannot take the next photo before it is over."""
    return max(a.exposure_seconds or 0.0, b.exposure_seconds or 0.0)
