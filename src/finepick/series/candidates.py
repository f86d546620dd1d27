"""Pairs of photos worth a closer look: neighbours in time, neighbours in content, and crops of each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from finepick.domain import Metadata
from finepick.features.descriptor import outline, outline_windows
from finepick.series.evidence import ACTION_SECONDS, SITTING_SECONDS, FeatureLookup, gap_seconds

NEIGHBOURS = 8
CLOSE_NEIGHBOURS = 3
LEAST_LIKENESS = 0.2
CROPS = 3
LEAST_CROP_LIKENESS = 0.5
_ROWS_AT_ONCE = 512


def neighbours_in_time(metadata: Sequence[Metadata]) -> list[tuple[int, int]]:
    """Pairs of one camera's photos: the next within five minutes, the next but one within seconds.

    Photos of one burst id are chained whatever their times say.
    """
    pairs: set[tuple[int, int]] = set()
    by_camera: dict[str | None, list[int]] = defaultdict(list)
    by_burst: dict[tuple[str | None, str], list[int]] = defaultdict(list)
    for index, data in enumerate(metadata):
        if data.taken_at is not None:
            by_camera[data.camera].append(index)
        if data.burst_id is not None:
            by_burst[data.camera, data.burst_id].append(index)
    for members in by_camera.values():
        members.sort(key=lambda i: (metadata[i].taken_at.replace(tzinfo=None), i))  # type: ignore[union-attr]
        for step, limit in ((1, SITTING_SECONDS), (2, ACTION_SECONDS)):
            for a, b in zip(members, members[step:], strict=False):
                gap = gap_seconds(metadata[a].taken_at, metadata[b].taken_at)
                if gap is not None and gap <= limit:
                    pairs.add((min(a, b), max(a, b)))
    for members in by_burst.values():
        pairs.update(pairwise(members))
    return sorted(pairs)


def neighbours_in_content(
    descriptors: NDArray[np.float32],
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Each photo with the three most like it at a glance, and with the next five, if alike at all."""
    count = len(descriptors)
    nearest = min(NEIGHBOURS, count - 1)
    close: set[tuple[int, int]] = set()
    others: set[tuple[int, int]] = set()
    for start in range(0, count if nearest > 0 else 0, _ROWS_AT_ONCE):
        likeness = descriptors[start : start + _ROWS_AT_ONCE] @ descriptors.T
        rows = np.arange(len(likeness))[:, None]
        likeness[rows[:, 0], start + rows[:, 0]] = -2
        best = np.argpartition(-likeness, nearest - 1, axis=1)[:, :nearest]
        best = np.take_along_axis(best, np.argsort(-likeness[rows, best], axis=1, kind="stable"), axis=1)
        for row, rank in zip(*np.nonzero(likeness[rows, best] >= LEAST_LIKENESS), strict=True):
            a, b = start + int(row), int(best[row, rank])
            (close if rank < CLOSE_NEIGHBOURS else others).add((min(a, b), max(a, b)))
    return sorted(close), sorted(others - close)


def crops(
    lookup: FeatureLookup, descriptors: NDArray[np.float32], group: NDArray[np.intp], places: Sequence[int]
) -> list[tuple[int, int]]:
    """Each of the photos at *places* with the three of other groups most like one of its windows."""
    wholes = outline(descriptors)
    pairs: set[tuple[int, int]] = set()
    for place in places:
        likeness = (outline_windows(lookup.features(place).grey) @ wholes.T).max(axis=0)
        likeness[group == group[place]] = -2
        count = min(CROPS, len(likeness) - 1)
        for other in np.argpartition(-likeness, count - 1)[:count] if count > 0 else ():
            if likeness[other] >= LEAST_CROP_LIKENESS:
                pairs.add((min(place, int(other)), max(place, int(other))))
    return sorted(pairs)
