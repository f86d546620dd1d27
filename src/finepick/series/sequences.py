"""Sets that are meant to be merged, not chosen from: exposure brackets, panoramas, focus stacks.

Precision comes first: what is taken for such a set is not ranked, so a doubtful one stays a burst.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from finepick.differences.registration import likeness_in_place, register_series, view
from finepick.domain import FloatArray, Metadata, Photo, SeriesKind
from finepick.features.extraction import PhotoFeatures
from finepick.features.keypoints import Similarity, fit_similarity, match
from finepick.features.measurements import CHANNELS
from finepick.series.evidence import gap_seconds

Features = Callable[[int], PhotoFeatures]
Run = list[int]

BRACKET_GAP_SECONDS = 2.0
STACK_GAP_SECONDS = 5.0
PANORAMA_GAP_SECONDS = 8.0
PANNING_SECONDS = 0.4
_LEAST_PANORAMA_GAP_SECONDS = 0.15  # nobody turns and settles faster; spares a look at bursts
LONGEST_STACK = 200

_SAME_LEVEL = 0.2  # EV; a third of a stop is the smallest step that cameras offer
_FOCUS_CHANGE = 1.5  # of log2 variance of the Laplacian: the contrast of detail changes by two thirds


def split_sequences(photos: Sequence[Photo], features: Features) -> list[tuple[SeriesKind | None, Run]]:
    """Indices of *photos* (one group, in order of capture) by set, None for those that are to be chosen from.

    Photos that do not know when or with which camera they were taken are never taken for a set.
    """
    left = list(range(len(photos)))
    found: list[tuple[SeriesKind | None, Run]] = []
    if len(photos) < 2 or any(p.metadata.taken_at is None or p.metadata.camera is None for p in photos):
        return [(None, left)]
    for kind, look in (
        (SeriesKind.BRACKET, _brackets),
        (SeriesKind.FOCUS_STACK, _focus_stacks),
        (SeriesKind.PANORAMA, _panoramas),
    ):
        sets = look(photos, left, features)
        found += [(kind, members) for members in sets]
        taken = {i for members in sets for i in members}
        left = [i for i in left if i not in taken]
    if left:
        found.append((None, left))
    return found


def _brackets(photos: Sequence[Photo], candidates: Run, features: Features) -> list[Run]:
    """Runs of photos within seconds whose exposures are all different, by steps that a photographer sets."""
    sets = []
    start = 0
    while start < len(candidates):
        run = _different_exposures(photos, candidates[start:])
        if _is_bracket([photos[i].metadata for i in run]) and _stand_still(run, photos, features):
            sets.append(run)
            start += len(run)
        else:
            start += 1
    return sets


def _different_exposures(photos: Sequence[Photo], candidates: Run) -> Run:
    """The longest run from the first candidate on in which no exposure comes twice."""
    run = candidates[:1]
    for i in candidates[1:]:
        before, data = photos[run[-1]].metadata, photos[i].metadata
        levels = _levels([photos[k].metadata for k in [*run, i]])
        if (
            levels is None
            or not _follows(before, data, BRACKET_GAP_SECONDS)
            or before.auto_bracket != data.auto_bracket
            or float(np.abs(levels[:-1] - levels[-1]).min()) < _SAME_LEVEL
        ):
            break
        run = [*run, i]
    return run


def _levels(metadata: Sequence[Metadata]) -> FloatArray | None:
    """Exposure of each photo in EV, from settings or else from the correction; None where one is unknown."""
    settings = [data.exposure_value for data in metadata]
    if all(level is not None for level in settings):
        return np.array(settings, dtype=np.float64)
    corrections = [data.exposure_bias for data in metadata]
    if all(level is not None for level in corrections):
        return -np.array(corrections, dtype=np.float64)
    return None


def _is_bracket(metadata: Sequence[Metadata]) -> bool:
    """Whether the exposures are those of a bracket: what the camera says, else three or more even steps."""
    levels = _levels(metadata)
    if len(metadata) < 2 or levels is None:
        return False
    ordered = np.sort(levels)
    if all(data.auto_bracket for data in metadata):
        return bool(ordered[-1] - ordered[0] >= 0.6)
    steps = np.diff(ordered)
    even = len(steps) >= 2 and steps.min() >= 0.6 and steps.max() - steps.min() <= 0.4
    apertures = {data.f_number for data in metadata}
    return bool(even and len(apertures) == 1)


def _stand_still(run: Run, photos: Sequence[Photo], features: Features) -> bool:
    """Whether a run shows one view; a camera that says it bracketed is believed."""
    if all(photos[i].metadata.auto_bracket for i in run):
        return True
    return all(_same_view(features(a), features(b)) for a, b in pairwise(run))


def _same_view(a: PhotoFeatures, b: PhotoFeatures) -> bool:
    found = _fit(a, b)
    if found.inliers >= 8:
        shift = _shift(found.transform, a)
        size = float(np.hypot(found.transform[0, 0], found.transform[1, 0]))
        return bool(np.abs(shift).max() < 0.08 and 0.9 < size < 1.1)
    return likeness_in_place(view(a), view(b)) >= 0.25


def _focus_stacks(photos: Sequence[Photo], candidates: Run, features: Features) -> list[Run]:
    sets = []
    for run in _runs(photos, candidates, _continues_stack):
        long_enough = 3 <= len(run) <= LONGEST_STACK
        if long_enough and _may_be_stack([photos[i].metadata for i in run], len(run)):
            frames = [features(i) for i in run]
            if _focus_wanders(frames) and _is_static(frames):
                sets.append(run)
    return sets


def _continues_stack(before: Metadata, after: Metadata) -> bool:
    levels = _levels([before, after])
    same_exposure = levels is None or abs(float(levels[1] - levels[0])) <= 0.35
    return _follows(before, after, STACK_GAP_SECONDS) and same_exposure and before.f_number == after.f_number


def _may_be_stack(metadata: Sequence[Metadata], count: int) -> bool:
    """Where the files know the focus distance it must move one way; else four frames are needed."""
    distances = [data.focus_distance_m for data in metadata]
    if any(distance is None for distance in distances):
        return count >= 4
    steps = np.diff(np.array(distances, dtype=np.float64))
    return bool((steps > 0).all() or (steps < 0).all())


def _is_static(frames: Sequence[PhotoFeatures]) -> bool:
    """Whether nothing but the focus changes: every frame lies on the first, but for breathing of the lens."""
    alignment = register_series(frames)
    sizes = np.hypot(alignment.transforms[:, 0, 0], alignment.transforms[:, 1, 0])
    shifts = np.array(
        [_shift(transform, frame) for transform, frame in zip(alignment.transforms, frames, strict=True)]
    )
    return bool(
        (alignment.confidence > 0).all()
        and (np.abs(np.log(sizes)) < 0.16).all()
        and (np.abs(shifts) < 0.04).all()
    )


def _focus_wanders(frames: Sequence[PhotoFeatures]) -> bool:
    """Whether places become sharp one after the other: each place once, most frames the sharpest somewhere.

    Judged by the cells with detail whose sharpness changes much; in an ordinary burst few do, and in one
    whose focus hunts the same frames win everywhere. Each cell goes with its neighbours: alone it changes also
    because a shake moves other lines of the photo into it.
    """
    if "sharpness" not in CHANNELS or len({frame.measurements.grid.shape for frame in frames}) != 1:
        return False
    channel = CHANNELS.index("sharpness")
    sharpness = np.stack([_with_neighbours(frame.measurements.grid[..., channel]) for frame in frames])
    peak = sharpness.max(axis=0)
    detailed = peak >= max(float(np.median(peak)), 3.0)
    changing = detailed & (peak - sharpness.min(axis=0) >= _FOCUS_CHANGE)
    if changing.sum() < max(12, 0.3 * detailed.sum()):
        return False
    curves = sharpness[:, changing]
    winner = curves.argmax(axis=0)
    shares = np.bincount(winner, minlength=len(frames)) / len(winner)
    if (shares >= 0.03).sum() < max(3, 0.6 * len(frames)) or _effective_number(shares) < 0.65 * len(frames):
        return False
    grid = frames[0].measurements.grid.shape[:2]
    return _share_of_single_peaks(curves, winner) >= 0.7 and _is_smooth(winner, changing.reshape(grid))


def _with_neighbours(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every cell averaged with the eight around it, flat."""
    rows, columns = (np.arange(-1, length + 1).clip(0, length - 1) for length in cells.shape)
    padded = cells[rows[:, None], columns]
    down = padded[:-2] + padded[1:-1] + padded[2:]
    return np.asarray((down[:, :-2] + down[:, 1:-1] + down[:, 2:]) / np.float32(9)).ravel()


def _effective_number(shares: NDArray[np.float64]) -> float:
    """e to the entropy of *shares*: how many frames win places, as if all those won equally many.

    In a burst with one sharp frame that frame wins most of them.
    """
    won = shares[shares > 0]
    return float(np.exp(-(won * np.log(won)).sum()))


def _is_smooth(winner: NDArray[np.intp], places: NDArray[np.bool_]) -> bool:
    """Whether neighbouring *places* become sharp at about the same time, as depth changes slowly.

    Where the camera or the subject moved, whichever frame is sharpest differs from cell to cell.
    """
    when = np.full(places.shape, np.nan)
    when[places] = winner
    beside = np.concatenate([np.abs(np.diff(when, axis=axis)).ravel() for axis in (0, 1)])
    beside = beside[~np.isnan(beside)]
    by_chance = float(np.abs(winner[:, None] - winner).mean())
    return len(beside) >= 12 and float(beside.mean()) <= 0.5 * by_chance


def _share_of_single_peaks(curves: NDArray[np.float32], winner: NDArray[np.intp]) -> float:
    """Share of the change along the curves (frames × places) that climbs to the peak and falls after it."""
    steps = np.diff(curves, axis=0)
    before = np.arange(len(steps))[:, None] < winner
    wanted = np.where(before, np.maximum(steps, 0), np.maximum(-steps, 0))
    return float(wanted.sum() / max(np.abs(steps).sum(), 1e-6))


def _panoramas(photos: Sequence[Photo], candidates: Run, features: Features) -> list[Run]:
    """Runs in which the camera turned on by a good part of the view each time, until all was new."""
    sets = []
    for run in _runs(photos, candidates, _continues_panorama):
        if len(run) < 3:
            continue
        steps = _steps(run, features)
        start = 0
        while start < len(steps):
            end = _end_of_sweep(steps, start)
            members = run[start : end + 1]
            if _is_sweep(steps[start:end]) and _is_unhurried([photos[i].metadata for i in members]):
                sets.append(members)
                start = end + 1
            else:
                start += 1
    return sets


def _continues_panorama(before: Metadata, after: Metadata) -> bool:
    same_lens = before.focal_length_mm == after.focal_length_mm
    same_shape = (before.width, before.height) == (after.width, after.height)
    gap = gap_seconds(before.taken_at, after.taken_at)
    unhurried = gap is not None and gap >= _LEAST_PANORAMA_GAP_SECONDS
    return unhurried and _follows(before, after, PANORAMA_GAP_SECONDS) and same_lens and same_shape


def _step(a: PhotoFeatures, b: PhotoFeatures) -> tuple[int, float] | None:
    """Axis and share of the view by which the camera turned between two frames, None for anything else."""
    found = _fit(a, b)
    size = float(np.hypot(found.transform[0, 0], found.transform[1, 0]))
    turn = abs(float(np.arctan2(found.transform[1, 0], found.transform[0, 0])))
    if found.inliers < 10 or not 0.85 < size < 1.18 or turn > 0.14:
        return None
    shift = _shift(found.transform, a)
    axis = int(np.abs(shift).argmax())
    along, across = float(shift[axis]), abs(float(shift[1 - axis]))
    return (axis, along) if 0.2 <= abs(along) <= 0.85 and across <= 0.15 else None


def _steps(run: Run, features: Features) -> list[tuple[int, float] | None]:
    """The steps of *run*, None for those that no sweep can hold: it takes two, so one of any pair says a lot."""
    found: dict[int, tuple[int, float] | None] = {}
    for i in (*range(1, len(run) - 1, 2), *range(0, len(run) - 1, 2)):
        if i % 2 or found.get(i - 1) or found.get(i + 1):
            found[i] = _step(features(run[i]), features(run[i + 1]))
    return [found.get(i) for i in range(len(run) - 1)]


def _end_of_sweep(steps: Sequence[tuple[int, float] | None], start: int) -> int:
    """Where the sweep that begins with *start* ends: the axis, the direction and the pace stay."""
    first = steps[start]
    end = start
    while first is not None and end < len(steps):
        step = steps[end]
        if step is None or step[0] != first[0] or not 0.4 <= step[1] / first[1] <= 2.5:
            break
        end += 1
    return end


def _is_sweep(steps: Sequence[tuple[int, float] | None]) -> bool:
    """Whether first and last frame share a tenth of the view at most, over three frames or more."""
    return len(steps) >= 2 and abs(sum(step[1] for step in steps if step is not None)) >= 0.9


def _is_unhurried(metadata: Sequence[Metadata]) -> bool:
    """A camera that follows its subject shoots fast; who takes a panorama turns, settles and shoots."""
    whole = gap_seconds(metadata[0].taken_at, metadata[-1].taken_at)
    bursts = {data.burst_id for data in metadata} - {None}
    return whole is not None and whole / (len(metadata) - 1) >= PANNING_SECONDS and not bursts


def _runs(
    photos: Sequence[Photo], candidates: Run, continues: Callable[[Metadata, Metadata], bool]
) -> list[Run]:
    runs: list[Run] = []
    for i in candidates:
        if runs and continues(photos[runs[-1][-1]].metadata, photos[i].metadata):
            runs[-1].append(i)
        else:
            runs.append([i])
    return runs


def _follows(before: Metadata, after: Metadata, seconds: float) -> bool:
    """Whether *after* was taken by the same camera within *seconds* of the end of *before*."""
    gap = gap_seconds(before.taken_at, after.taken_at)
    exposure = max(before.exposure_seconds or 0.0, after.exposure_seconds or 0.0)
    return before.camera == after.camera and gap is not None and gap <= seconds + exposure


def _fit(a: PhotoFeatures, b: PhotoFeatures) -> Similarity:
    return fit_similarity(a.keypoints, b.keypoints, match(a.keypoints, b.keypoints))


def _shift(transform: FloatArray, frame: PhotoFeatures) -> FloatArray:
    """By how much a transform moves the middle of *frame*, as a share of its width and height."""
    extent = np.array(frame.size) / max(frame.size)
    centre = extent / 2
    return np.asarray((transform[:, :2] @ centre + transform[:, 2] - centre) / extent)
