"""Photos that are in two sets, though they should not: the same files, and the same pictures over again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from finepick.domain import Photo
from finepick.series.evidence import Bond, Examiner, Nearness, judge_bond, stack_descriptors
from finepick.workflows.library import FeaturesByPlace, Library

_WORTH_A_LOOK = 0.4  # likeness of descriptors; of two unlike pictures one pair in a hundred has it


def shown_in_both(
    library: Library, some: Sequence[Photo], others: Sequence[Photo]
) -> list[tuple[Photo, Photo]]:
    """Pairs of one of *some* and one of *others* that show one scene: equal bytes, or near-duplicates by content.

    Photos must have been read. Raises ImageError where the features of one cannot be had.
    """
    if not some or not others:
        return []
    features = FeaturesByPlace(library, [*some, *others])
    descriptors = stack_descriptors(features, range(len(some) + len(others)))
    likeness = descriptors[: len(some)] @ descriptors[len(some) :].T
    examiner = Examiner(features, descriptors)
    found = []
    for first, second in zip(*np.nonzero(likeness >= _WORTH_A_LOOK), strict=True):
        pair = some[first], others[second]
        evidence = examiner.examine(int(first), len(some) + int(second), thorough=True)
        same = pair[0].digest == pair[1].digest
        if same or judge_bond(Nearness.UNKNOWN, evidence) is Bond.STRONG:
            found.append(pair)
    return found
