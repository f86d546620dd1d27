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
    Bond,
    Examiner,
    FeatureLookup,
    Nearness,
    gap_seconds,
    judge_bond,
    nearness,
    stack_descriptors,
)
from finepick.series.sequences import split_sequences

GROUPING_VERSION = 1
"""Raised whenever a change here or in what this uses makes other series of the same photos."""

RULES = ("auto", "folder", "one", "single")

BURST_GAP_SECONDS = 3.0
_LEAST_COMMON_LIKENESS = 0.25
_LEAST_APART = 0.4
_LEAST_REMOTE = 0.9

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Node:
    """Photos of the same bytes; `index` of the one whose features stand for all."""

    index: int
    photo: Photo
    members: tuple[int, ...]


def group_photos(
    photos: Sequence[Photo], features: FeatureLookup, *, rule: str = "auto", progress: Progress | None = None
) -> tuple[Series, ...]:
    """*photos* as series, those of several photos first, each by time of capture, then path.

    rule: "auto" (time, content, prompt; brackets, panoramas and focus stacks are told apart), "folder" (one
    series a folder), "one" (all of them), "single" (each its own). Every photo is in exactly one series, and
    which one does not depend on the order or, beyond ties, the names of the photos. Features are looked at
    by "auto" only. *progress* is called with (pairs looked at, pairs to look at).

    Raises UsageError for another rule.
    """
    if rule == "one":
        series = (
            [Series(SeriesKind.SIMILAR if len(photos) > 1 else SeriesKind.SINGLE, in_order(photos))]
            if photos
            else []
        )
    elif rule == "single":
        series = [Series(SeriesKind.SINGLE, (photo,)) for photo in photos]
    elif rule == "folder":
        series = _by_folder(photos)
    elif rule == "auto":
        series = _automatically(photos, features, progress)
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
    photos: Sequence[Photo], features: FeatureLookup, progress: Progress | None
) -> list[Series]:
    series, rest = _by_prompt(photos, _nodes(photos))
    if not rest:
        return series
    descriptors = stack_descriptors(features, [node.index for node in rest])
    lookup = _Renumbered(features, [node.index for node in rest])
    for members in _components(rest, lookup, descriptors, progress):
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


def _components(
    nodes: Sequence[_Node], lookup: FeatureLookup, descriptors: NDArray[np.float32], progress: Progress | None
) -> list[list[int]]:
    """Places of *nodes* that are tied together, each component in ascending order."""
    metadata = [node.photo.metadata for node in nodes]
    examiner = Examiner(lookup, descriptors)
    forest = _Forest(len(nodes))
    in_time = neighbours_in_time(metadata)
    pairs = in_time + sorted(set(neighbours_in_content(descriptors)) - set(in_time))
    weak = _tie(forest, pairs, metadata, examiner, descriptors, progress)
    timeless = [i for i, data in enumerate(metadata) if data.taken_at is None]
    if timeless:
        pairs = crops(lookup, descriptors, np.array([forest.root(i) for i in range(len(nodes))]), timeless)
        weak += _tie(forest, pairs, metadata, examiner, descriptors, progress)
    _join_weakly(forest, sorted(weak), descriptors)
    return forest.trees()


def _tie(
    forest: _Forest,
    pairs: Sequence[tuple[int, int]],
    metadata: Sequence[Metadata],
    examiner: Examiner,
    descriptors: NDArray[np.float32],
    progress: Progress | None,
) -> list[tuple[float, int, int]]:
    """Joins pairs with a strong bond in *forest*; returns those with a weak one, to be sorted."""
    weak = []
    for done, (a, b) in enumerate(pairs):
        if progress is not None and done % 64 == 0:
            progress(done, len(pairs))
        if forest.root(a) == forest.root(b):
            continue
        near = nearness(metadata[a], metadata[b])
        if _is_hopeless(near, float(descriptors[a] @ descriptors[b])):
            continue
        evidence = examiner.examine(a, b)
        bond = judge_bond(near, evidence)
        if bond is Bond.STRONG:
            forest.join(a, b)
        elif bond is Bond.WEAK:
            weak.append((-round(evidence.inliers * evidence.coverage + 10 * evidence.in_place, 3), a, b))
    if progress is not None:
        progress(len(pairs), len(pairs))
    return weak


def _is_hopeless(near: Nearness, likeness: float) -> bool:
    """Spares a look at pairs that cannot reach what `judge_bond` will ask of them."""
    return (near is Nearness.REMOTE and likeness < _LEAST_REMOTE) or (
        near is Nearness.APART and likeness < _LEAST_APART
    )


def _join_weakly(
    forest: _Forest, weak: Sequence[tuple[float, int, int]], descriptors: NDArray[np.float32]
) -> None:
    """Joins what a weak bond connects if both sides are alike on the whole: one odd frame is no bridge."""
    for _, a, b in weak:
        left, right = forest.root(a), forest.root(b)
        if left == right:
            continue
        common = [descriptors[forest.tree(root)].mean(axis=0) for root in (left, right)]
        if float(common[0] @ common[1]) >= _LEAST_COMMON_LIKENESS:
            forest.join(a, b)


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
