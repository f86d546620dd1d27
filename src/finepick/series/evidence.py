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
from finepick.features.keypoints import (
    NOTHING_IN_COMMON,
    Keypoints,
    Similarity,
    fit_similarity,
    match,
    strongest,
)

MOMENT_SECONDS = 1.5
ACTION_SECONDS = 10.0
SITTING_SECONDS = 300.0
OUTING_SECONDS = 2 * 3600.0

_WORTH_A_LOOK = 3  # matches among 64 points: one unlike pair in forty has them, every pair with 8 inliers

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
        return self.features(index).descriptor.copy()  # not a view that keeps the other features alive

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


@dataclass(frozen=True, slots=True)
class Bars:
    """How much content has to prove, by nearness; round numbers, and moving one by a fifth changes little.

    Between unlike photos 4 inliers are rare, 8 have not been seen without a common object, and `in_place`
    stays below .25. Their likeness is above .4 in one pair of a hundred, above .65 in one of some thousands: two
    wide landscapes under one sky. *_spread: inliers × coverage. `bench/grouping.py` measures what each is
    worth.
    """

    moment_likeness: float = 0.65
    moment_inliers: float = 5
    moment_in_place: float = 0.25
    amid_likeness: float = 0.4
    action_likeness: float = 0.7
    action_inliers: float = 8
    action_in_place: float = 0.3
    weak_inliers: float = 8
    weak_spread: float = 3.0
    weak_in_place: float = 0.3
    weak_common_likeness: float = 0.25
    strong_inliers: float = 12
    strong_spread: float = 5
    strong_in_place: float = 0.4
    apart_likeness: float = 0.4
    apart_inliers: float = 24
    apart_coverage: float = 0.5
    remote_likeness: float = 0.95
    remote_inliers: float = 40
    remote_coverage: float = 0.7


BARS = Bars()


def judge_bond(near: Nearness, evidence: Evidence, bars: Bars = BARS) -> Bond:
    """Whether *evidence* is enough for two photos that are *near*.

    A weak bond of one moment is for a frame amid a burst: one that motion has smeared beyond recognition.
    """
    if near is Nearness.MOMENT:
        return _bond_of_moment(evidence, bars)
    if evidence.overlaid:
        return Bond.NONE
    if near is Nearness.ACTION:
        return Bond.STRONG if _meets_action(evidence, bars) else Bond.NONE
    if near is Nearness.UNKNOWN:
        return _bond_by_content(evidence, bars)
    if near is Nearness.APART:
        enough = evidence.inliers >= bars.apart_inliers and evidence.coverage >= bars.apart_coverage
        return Bond.STRONG if enough else Bond.NONE
    return Bond.STRONG if _is_same_picture(evidence, bars) else Bond.NONE


def is_hopeless(near: Nearness, likeness: float, bars: Bars = BARS) -> bool:
    """Spares a look at pairs too unlike at a glance for what `judge_bond` will ask of them."""
    if near is Nearness.REMOTE:
        return likeness < bars.remote_likeness
    return near is Nearness.APART and likeness < bars.apart_likeness


def is_certain(near: Nearness, likeness: float, bars: Bars = BARS) -> bool:
    """Spares a look at pairs of one moment that are alike enough at a glance for `judge_bond`."""
    return near is Nearness.MOMENT and likeness >= bars.moment_likeness


def _bond_of_moment(evidence: Evidence, bars: Bars) -> Bond:
    if (
        evidence.likeness >= bars.moment_likeness
        or evidence.inliers >= bars.moment_inliers
        or evidence.in_place >= bars.moment_in_place
    ):
        return Bond.STRONG
    return Bond.WEAK if evidence.likeness >= bars.amid_likeness else Bond.NONE


def _meets_action(evidence: Evidence, bars: Bars) -> bool:
    return (
        evidence.likeness >= bars.action_likeness
        or evidence.inliers >= bars.action_inliers
        or evidence.in_place >= bars.action_in_place
    )


def _bond_by_content(evidence: Evidence, bars: Bars) -> Bond:
    spread = evidence.inliers * evidence.coverage
    if evidence.inliers >= bars.strong_inliers and spread >= bars.strong_spread:
        return Bond.STRONG
    if evidence.in_place >= bars.strong_in_place:
        return Bond.STRONG
    if evidence.inliers >= bars.weak_inliers and spread >= bars.weak_spread:
        return Bond.WEAK
    return Bond.WEAK if evidence.in_place >= bars.weak_in_place else Bond.NONE


def _is_same_picture(evidence: Evidence, bars: Bars) -> bool:
    return (
        evidence.likeness >= bars.remote_likeness
        and evidence.inliers >= bars.remote_inliers
        and evidence.coverage >= bars.remote_coverage
        and _is_still(evidence.transform)
    )


class Examiner:
    """Looks at pairs of photos; keeps sketches (9 KB) of 4,096 of them and views (25 KB) of 1,024."""

    def __init__(self, lookup: FeatureLookup, descriptors: NDArray[np.float32]) -> None:
        self._lookup = lookup
        self._descriptors = descriptors
        self._views: OrderedDict[int, View] = OrderedDict()
        self._sketches: OrderedDict[int, Keypoints] = OrderedDict()

    def examine(self, first: int, second: int, *, thorough: bool) -> Evidence:
        """Evidence on a pair of photos; a *thorough* look compares them in place where key points fail."""
        likeness = float(self._descriptors[first] @ self._descriptors[second])
        found = self._fit(first, second)
        in_place, overlaid = 0.0, False
        still = found.inliers >= 5 and found.coverage < 0.6 and _is_still(found.transform)
        meagre = found.inliers < 12 or found.inliers * found.coverage < 5
        if still or (thorough and meagre and likeness >= 0.3):
            in_place = likeness_in_place(self._view(first), self._view(second))
            overlaid = still and in_place < 0.35
        return Evidence(likeness, found.inliers, found.coverage, in_place, overlaid, found.transform)

    def _fit(self, first: int, second: int) -> Similarity:
        if len(match(self._sketch(first), self._sketch(second))) < _WORTH_A_LOOK:
            return NOTHING_IN_COMMON
        a, b = self._lookup.features(first).keypoints, self._lookup.features(second).keypoints
        return fit_similarity(a, b, match(a, b))

    def _view(self, index: int) -> View:
        return _recall(self._views, index, 1024, lambda i: view(self._lookup.features(i)))

    def _sketch(self, index: int) -> Keypoints:
        return _recall(
            self._sketches, index, 4096, lambda i: strongest(self._lookup.features(i).keypoints, 16)
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
