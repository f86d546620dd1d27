"""A series in; out what speaks for and against every photo of it: measures, thresholds, reasons."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from finepick.domain import FloatArray
from finepick.features.extraction import PhotoFeatures
from finepick.refinement.emptiness import structure
from finepick.refinement.pairs import PairMeasures, measure_pair
from finepick.refinement.thresholds import Reason, Thresholds

COMPARED_CLOSELY = 16
"""In longer series a photo is compared with so many others only, those most like it at a glance."""

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Finding:
    """One measure of one photo of a series.

    partner: the photo of the series that it was compared with, if it was. reason: why the photo is left out,
    where this is what speaks against it; None where it passes.
    """

    photo: int
    measure: str
    value: float
    threshold: float
    partner: int | None = None
    reason: Reason | None = None


def examine_series(
    frames: Sequence[PhotoFeatures | None],
    thresholds: Thresholds,
    *,
    is_prompt: bool = False,
    prompt_likeness: FloatArray | None = None,
    kept: Collection[int] = (),
) -> tuple[Finding, ...]:
    """What was found of each of *frames*; None = a photo that cannot be read.

    Of two that cannot be told apart the earlier stays. is_prompt: the pictures answer one prompt and need not look
    alike; prompt_likeness: (n,) how like the text each is, where a model can tell. kept: photos that a person
    decided to keep; they have no reason against them, and others are measured by them first.
    """
    findings: list[Finding] = []
    sound: dict[int, PhotoFeatures] = {}
    for photo, frame in enumerate(frames):
        own = [Finding(photo, "readable", 0.0, 1.0, None, Reason.DEFECT)] if frame is None else []
        own += _alone(photo, frame, thresholds) if frame is not None else []
        findings += own
        if frame is not None and (photo in kept or not any(one.reason for one in own)):
            sound[photo] = frame
    pairs = _measured(sound)
    strangers = (
        _off_prompt(sound, prompt_likeness, thresholds) if is_prompt else _strangers(sound, pairs, thresholds)
    )
    findings += strangers
    lost = {one.photo for one in strangers if one.reason and one.photo not in kept}
    findings += _doubles([photo for photo in sound if photo not in lost], pairs, thresholds, kept)
    return tuple(replace(one, reason=None) if one.photo in kept else one for one in findings)


def _alone(photo: int, frame: PhotoFeatures, limits: Thresholds) -> list[Finding]:
    """What one frame says by itself."""
    luma, clipped = (
        frame.measurements["luma"],
        frame.measurements["clipped_high"] + frame.measurements["clipped_low"],
    )
    checks = [
        ("short side", float(min(frame.size)), limits.least_side, min(frame.size) < limits.least_side),
        ("darkness", luma, limits.darkest, luma < limits.darkest),
        ("brightness", luma, limits.brightest, luma > limits.brightest),
        ("clipped", clipped, limits.most_clipped, clipped > limits.most_clipped),
    ]
    found = [
        Finding(photo, name, value, limit, None, Reason.DEFECT if fails else None)
        for name, value, limit, fails in checks
    ]
    seen = structure(frame.grey)
    is_empty = seen < limits.least_structure and not any(one.reason for one in found)
    found.append(
        Finding(
            photo, "structure", seen, limits.least_structure, None, Reason.EMPTY_SHOT if is_empty else None
        )
    )
    return found


def _measured(sound: Mapping[int, PhotoFeatures]) -> dict[Pair, PairMeasures]:
    """Every pair of a short series, by numbers ascending; of a long one, each photo with those most like it."""
    wanted = list(combinations(sound, 2))
    if len(sound) > COMPARED_CLOSELY:
        photos = list(sound)
        vectors = np.stack([sound[photo].descriptor for photo in photos]).astype(np.float64)
        likeness = vectors @ vectors.T
        np.fill_diagonal(likeness, -2.0)
        nearest = np.argsort(-likeness, axis=1, kind="stable")[:, : COMPARED_CLOSELY - 1]
        chosen = {
            (photos[min(i, int(j))], photos[max(i, int(j))]) for i, row in enumerate(nearest) for j in row
        }
        wanted = sorted(chosen)
    return {pair: measure_pair(sound[pair[0]], sound[pair[1]]) for pair in wanted}


def _strangers(
    sound: Mapping[int, PhotoFeatures], pairs: Mapping[Pair, PairMeasures], limits: Thresholds
) -> list[Finding]:
    """Photos of another scene than more than half show; where no scene has that many, nobody is a stranger."""
    if len(sound) < 2:
        return []
    home = _largest_group(
        list(sound), [pair for pair, measures in pairs.items() if _is_one_scene(measures, limits)]
    )
    has_home = 2 * len(home) > len(sound)
    found = []
    for photo in sound:
        others = [
            (partner, measures)
            for pair, measures in pairs.items()
            if photo in pair and (partner := pair[0] + pair[1] - photo) in home
        ]
        if not others:
            continue
        reason = Reason.DISSIMILAR if has_home and photo not in home else None
        for name, limit in (("likeness", limits.scene_likeness), ("matches", limits.scene_matches)):
            partner, measures = max(others, key=lambda one: (getattr(one[1], name), -one[0]))
            found.append(Finding(photo, name, float(getattr(measures, name)), limit, partner, reason))
    return found


def _is_one_scene(measures: PairMeasures, limits: Thresholds) -> bool:
    return measures.likeness >= limits.scene_likeness or measures.matches >= limits.scene_matches


def _largest_group(photos: Sequence[int], bonds: Sequence[Pair]) -> set[int]:
    """The photos that *bonds* join to one another, directly or by way of others: the largest such group."""
    group = {photo: {photo} for photo in photos}
    for a, b in bonds:
        if group[a] is not group[b]:
            joined = group[a] | group[b]
            group.update(dict.fromkeys(joined, joined))
    return max(group.values(), key=lambda one: (len(one), -min(one)))


def _off_prompt(
    sound: Mapping[int, PhotoFeatures], likeness: FloatArray | None, limits: Thresholds
) -> list[Finding]:
    if likeness is None:
        return []
    limit = limits.prompt_likeness
    return [
        Finding(
            photo,
            "prompt likeness",
            float(likeness[photo]),
            limit,
            None,
            Reason.DISSIMILAR if likeness[photo] < limit else None,
        )
        for photo in sound
    ]


def _doubles(
    photos: Sequence[int],
    pairs: Mapping[Pair, PairMeasures],
    limits: Thresholds,
    kept: Collection[int],
) -> list[Finding]:
    """Photos that cannot be told from one that stays; each is measured by the one that it resembles most."""
    found: list[Finding] = []
    staying: list[int] = []
    for photo in sorted(photos, key=lambda one: (one not in kept, one)):
        near = [
            (other, pairs[min(pair), max(pair)]) for other in staying if _known(pair := (photo, other), pairs)
        ]
        if near:
            partner, measures = max(
                near, key=lambda one: (is_indiscernible(one[1], limits), one[1].ssim, -one[0])
            )
            is_double = is_indiscernible(measures, limits) and photo not in kept
            reason = Reason.INDISCERNIBLE if is_double else None
            found += [
                Finding(photo, name, value, limit, partner, reason)
                for name, value, limit in (
                    ("overlap", measures.overlap, limits.same_overlap),
                    ("ssim", measures.ssim, limits.same_ssim),
                    ("apart", measures.apart, limits.same_apart),
                    ("detail", measures.detail, limits.same_detail),
                    ("luma", measures.luma, limits.same_luma),
                )
            ]
            if is_double:
                continue
        staying.append(photo)
    return found


def _known(pair: Pair, pairs: Mapping[Pair, PairMeasures]) -> bool:
    return (min(pair), max(pair)) in pairs


def is_indiscernible(measures: PairMeasures, limits: Thresholds) -> bool:
    """Whether nobody could tell the two photos apart."""
    return (
        measures.overlap >= limits.same_overlap
        and measures.ssim >= limits.same_ssim
        and measures.apart <= limits.same_apart
        and measures.detail <= limits.same_detail
        and measures.luma <= limits.same_luma
    )
