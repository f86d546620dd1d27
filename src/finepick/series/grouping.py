"""Which photos belong together: by time and content, by prompt, by folder, or as the user says."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from finepick.domain import Metadata, Photo, Series, SeriesKind
from finepick.errors import UsageError
from finepick.features.extraction import PhotoFeatures
from finepick.series.candidates import crops, neighbours_in_content, neighbours_in_time
from finepick.series.evidence import (
    BARS,
    Bars,
    Bond,
    Examiner,
    FeatureLookup,
    Nearness,
    gap_seconds,
    is_certain,
    is_hopeless,
    judge_bond,
    nearness,
    stack_descriptors,
)
from finepick.series.sequences import split_sequences

GROUPING_VERSION = 3
"""Raised whenever a change here or in what this uses makes other series of the same photos."""

RULES = ("auto", "folder", "one", "single")

BURST_GAP_SECONDS = 3.0

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Node:
    """Photos of the same bytes; `index` of the one whose features stand for all."""

    index: int
    photo: Photo
    members: tuple[int, ...]


def group_photos(
    photos: Sequence[Photo],
    features: FeatureLookup,
    *,
    rule: str = "auto",
    bars: Bars = BARS,
    progress: Progress | None = None,
) -> tuple[Series, ...]:
    """*photos* as series, those of several photos first, each by time of capture, then path.

    rule: "auto" (time, content, prompt; brackets, panoramas and focus stacks are told apart), "folder" (one
    series a folder), "one" (all of them), "single" (each its own). Every photo is in exactly one series, and
    which one does not depend on the order or, beyond ties, the names of the photos. Features are looked at
    by "auto" only. *bars*: how much content has to prove. *progress* is called with (pairs looked at, pairs
    to look at); the second number may grow.

    Raises UsageError for another rule.
    """
    if rule == "one":
        kind = SeriesKind.SIMILAR if len(photos) > 1 else SeriesKind.SINGLE
        series = [Series(kind, in_order(photos))] if photos else []
    elif rule == "single":
        series = [Series(SeriesKind.SINGLE, (photo,)) for photo in photos]
    elif rule == "folder":
        series = _by_folder(photos)
    elif rule == "auto":
        series = _automatically(photos, features, bars, progress)
    else:
        raise UsageError(f"there is no rule '{rule}' for grouping; choose one of {', '.join(RULES)}")
    return tuple(sorted(series, key=lambda s: (len(s.photos) == 1, _order_key(s.photos[0]))))


def in_order(photos: Iterable[Photo]) -> tuple[Photo, ...]:
    """Photos by time of capture, those without one last, then by path."""
    return tuple(sorted(photos, key=_order_key))


def _order_key(photo: Photo) -> tuple[datetime, str]:
    return (photo.metadata.taken_at or datetime.max).replace(tzinfo=None), photo.path


def _by_folder(photos: Sequence[Photo]) -> list[Series]:
    folders: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos:
        folders[os.path.dirname(photo.path)].append(photo)
    return [
        Series(SeriesKind.FOLDER if len(members) > 1 else SeriesKind.SINGLE, in_order(members))
        for members in folders.values()
    ]


def _automatically(
    photos: Sequence[Photo], features: FeatureLookup, bars: Bars, progress: Progress | None
) -> list[Series]:
    series, rest = _by_prompt(photos, _nodes(photos))
    if not rest:
        return series
    descriptors = stack_descriptors(features, [node.index for node in rest])
    lookup = _Renumbered(features, [node.index for node in rest])
    for members in _components(rest, lookup, descriptors, bars, progress):
        for kind, places in split_sequences(
            [rest[i].photo for i in members], _Renumbered(lookup, members).features
        ):
            together = [photos[k] for place in places for k in rest[members[place]].members]
            series.append(Series(kind or _kind(together), in_order(together)))
    return series


def _nodes(photos: Sequence[Photo]) -> list[_Node]:
    """Photos by content, in an order that depends on what the files hold and not on where they lie."""
    by_digest: dict[str, list[int]] = defaultdict(list)
    for index, photo in enumerate(photos):
        by_digest[photo.digest].append(index)
    nodes = [_Node(members[0], photos[members[0]], tuple(members)) for members in by_digest.values()]
    return sorted(nodes, key=lambda node: (_order_key(node.photo)[0], node.photo.digest))


def _by_prompt(photos: Sequence[Photo], nodes: Sequence[_Node]) -> tuple[list[Series], list[_Node]]:
    """Series of one prompt each, and the photos that share theirs with no other."""
    prompts: dict[str, list[_Node]] = defaultdict(list)
    for node in nodes:
        if node.photo.metadata.prompt:
            prompts[node.photo.metadata.prompt].append(node)
    shared = {prompt: members for prompt, members in prompts.items() if len(members) > 1}
    series = [
        Series(SeriesKind.PROMPT, in_order(photos[i] for node in members for i in node.members))
        for members in shared.values()
    ]
    return series, [node for node in nodes if node.photo.metadata.prompt not in shared]


def _kind(photos: Sequence[Photo]) -> SeriesKind:
    if len(photos) == 1:
        return SeriesKind.SINGLE
    ordered = in_order(photos)
    cameras = {photo.metadata.camera for photo in ordered}
    gaps = [gap_seconds(a.metadata.taken_at, b.metadata.taken_at) for a, b in pairwise(ordered)]
    close = all(gap is not None and gap <= BURST_GAP_SECONDS for gap in gaps)
    return SeriesKind.BURST if close and len(cameras) == 1 else SeriesKind.SIMILAR


class _Weaver:
    """Ties photos to each other, pair by pair; what is tied already is not looked at again."""

    def __init__(
        self,
        metadata: Sequence[Metadata],
        lookup: FeatureLookup,
        descriptors: NDArray[np.float32],
        bars: Bars,
        progress: Progress | None,
    ) -> None:
        self.forest = _Forest(len(metadata))
        self._metadata = metadata
        self._descriptors = descriptors
        self._bars = bars
        self._examiner = Examiner(lookup, descriptors)
        self._weak: list[tuple[float, int, int]] = []
        self._progress = progress
        self._done = 0

    def tie(self, pairs: Sequence[tuple[int, int]], *, thorough: bool) -> None:
        """Joins the pairs with a strong bond; those with a weak one wait for `finish`."""
        total = self._done + len(pairs)
        for a, b in pairs:
            if self._progress is not None and self._done % 64 == 0:
                self._progress(self._done, total)
            self._done += 1
            if self.forest.root(a) != self.forest.root(b):
                self._look_at(a, b, thorough)
        if self._progress is not None:
            self._progress(self._done, total)

    def _look_at(self, a: int, b: int, thorough: bool) -> None:
        near = nearness(self._metadata[a], self._metadata[b])
        likeness = float(self._descriptors[a] @ self._descriptors[b])
        if is_hopeless(near, likeness, self._bars):
            return
        if is_certain(near, likeness, self._bars):
            self.forest.join(a, b)
            return
        evidence = self._examiner.examine(a, b, thorough=thorough)
        bond = judge_bond(near, evidence, self._bars)
        if bond is Bond.STRONG:
            self.forest.join(a, b)
        elif bond is Bond.WEAK:
            firmness = evidence.inliers * evidence.coverage + 10 * evidence.in_place
            self._weak.append((-round(firmness, 3), a, b))

    def finish(self) -> list[list[int]]:
        """The sets of photos that are tied, by weak bonds as well where these hold."""
        for _, a, b in sorted(self._weak):
            if self.forest.root(a) != self.forest.root(b) and self._holds(a, b):
                self.forest.join(a, b)
        return self.forest.trees()

    def _holds(self, a: int, b: int) -> bool:
        """Whether a weak bond may join the sets of its photos.

        Of one moment: if a photo was taken amid the others. Else: if the sets are alike on the whole, so that
        one odd frame makes no bridge between unlike series.
        """
        left, right = (self.forest.tree(self.forest.root(place)) for place in (a, b))
        if nearness(self._metadata[a], self._metadata[b]) is Nearness.MOMENT:
            return self._is_amid(a, right) or self._is_amid(b, left)
        one, other = (self._descriptors[tree].mean(axis=0) for tree in (left, right))
        return float(one @ other) >= self._bars.weak_common_likeness

    def _is_amid(self, place: int, tree: Sequence[int]) -> bool:
        """Whether photos of *tree* were taken the moment before and the moment after the one at *place*.

        Nobody turns a camera away and back that fast.
        """
        own = self._metadata[place]
        near = [self._metadata[i] for i in tree if nearness(own, self._metadata[i]) is Nearness.MOMENT]
        times = [data.taken_at.replace(tzinfo=None) for data in near if data.taken_at is not None]
        if own.taken_at is None or not times:
            return False
        return min(times) < own.taken_at.replace(tzinfo=None) < max(times)


def _components(
    nodes: Sequence[_Node],
    lookup: FeatureLookup,
    descriptors: NDArray[np.float32],
    bars: Bars,
    progress: Progress | None,
) -> list[list[int]]:
    """Places of *nodes* that are tied together, each component in ascending order."""
    metadata = [node.photo.metadata for node in nodes]
    weaver = _Weaver(metadata, lookup, descriptors, bars, progress)
    in_time = neighbours_in_time(metadata)
    close, others = neighbours_in_content(descriptors)
    weaver.tie(in_time + sorted(set(close) - set(in_time)), thorough=True)
    weaver.tie(sorted(set(others) - set(in_time)), thorough=False)
    timeless = [i for i, data in enumerate(metadata) if data.taken_at is None]
    if timeless:
        group = np.array([weaver.forest.root(i) for i in range(len(nodes))])
        weaver.tie(crops(lookup, descriptors, group, timeless), thorough=False)
    return weaver.finish()


class _Forest:
    """Disjoint sets of the numbers below *count*; the root of a set is its least number."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))
        self._tree = [[i] for i in range(count)]

    def root(self, i: int) -> int:
        while self._parent[i] != i:
            self._parent[i] = self._parent[self._parent[i]]
            i = self._parent[i]
        return i

    def join(self, a: int, b: int) -> None:
        a, b = sorted((self.root(a), self.root(b)))
        if a != b:
            self._parent[b] = a
            self._tree[a] += self._tree[b]
            self._tree[b] = []

    def tree(self, root: int) -> list[int]:
        return sorted(self._tree[root])

    def trees(self) -> list[list[int]]:
        return [sorted(tree) for tree in self._tree if tree]


class _Renumbered:
    """A lookup for some of the photos, by their place among these."""

    def __init__(self, lookup: FeatureLookup, indices: Sequence[int]) -> None:
        self._lookup = lookup
        self._indices = indices

    def descriptor(self, index: int) -> NDArray[np.float32]:
        return self._lookup.descriptor(self._indices[index])

    def features(self, index: int) -> PhotoFeatures:
        return self._lookup.features(self._indices[index])
