"""Where each frame of a series differs from all the others.

All frames are laid over the reference frame; each is compared with the median of the others, place by place:
in grey after exposure is matched, in how much fine structure there is, in colour, and a little in brightness
itself. A place counts as different only where no pixel near it explains what is seen, so that a registration
that is a pixel off does not draw every edge.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finepick import kernels
from finepick.differences.registration import Alignment
from finepick.domain import FloatArray
from finepick.features.extraction import PhotoFeatures
from finepick.features.measurements import CHANNELS, GRID_SIDE

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

MAP_SIDE = 64
OUTSIDE = 0.2
"""What a map says where no other frame shows the place."""

_CANVAS_SIDE = 96
# Differences that count as one unit, each about three times what a second JPEG of the same frame shows.
_GREY_UNIT = 18.0
_STRUCTURE_UNIT = 0.45
_BRIGHTNESS_UNIT = 90.0
_FLAT = 4.0  # grey levels: structure below this is noise
# Channels of cells: how much counts as one unit, and how much cells that do not coincide may show.
_CELL_UNITS = {"a": (0.05, 0.01), "b": (0.05, 0.01), "detail": (1.5, 0.5)}
_CELLS = tuple(CHANNELS.index(name) for name in _CELL_UNITS)


def difference_maps(frames: Sequence[PhotoFeatures], alignment: Alignment) -> tuple[FloatArray, ...]:
    """One map per frame, in that frame's own geometry: (rows, columns) in [0, 1], 0 = like all the others.

    Rows × columns follow the frame's shape, long side 64. A single frame differs from nothing: zeros. Places
    that no other frame shows hold OUTSIDE.
    """
    if len(frames) < 2:
        return tuple(np.zeros(_map_shape(frame)) for frame in frames)
    canvas = _Canvas(_extent(frames[alignment.reference]), _CANVAS_SIDE)
    usable = _usable(alignment)[:, None, None]
    grey, seen = canvas.lay([frame.grey[..., None] for frame in frames], frames, alignment)
    grey = _smooth(grey[..., 0])
    others, overlap = _median_of_others(grey, seen & usable)
    overlap &= seen
    differences = _differences(grey, others, overlap)
    differences += canvas.enlarge(_cell_differences(canvas.coarser(), frames, alignment, usable))
    differing = 1.0 - np.exp(-differences)
    differing[~overlap] = OUTSIDE
    return tuple(
        canvas.pull(plane, frame, transform)
        for plane, frame, transform in zip(differing, frames, alignment.transforms, strict=True)
    )


def backed_maps(
    maps: Sequence[FloatArray],
    planes: Sequence[Floats],
    frames: Sequence[PhotoFeatures],
    alignment: Alignment,
) -> tuple[FloatArray, ...]:
    """*maps* of `difference_maps`, fainter where *planes* say that a frame looks like the rest all the same.

    *planes*: (rows, columns, d) over the whole of each frame; places look as different as these are apart. The
    strongest place of the series stays as strong.
    """
    if len(frames) < 2:
        return tuple(maps)
    canvas = _Canvas(_extent(frames[alignment.reference]), GRID_SIDE)
    laid, _ = canvas.lay(planes, frames, alignment)
    apart = np.sqrt(np.square(laid - laid.mean(axis=0)).sum(axis=3))
    apart /= max(float(apart.max()), 1e-9)
    weighed = [
        one * canvas.pull(plane, frame, transform)
        for one, plane, frame, transform in zip(maps, apart, frames, alignment.transforms, strict=True)
    ]
    before, after = (max(float(one.max()) for one in some) for some in (maps, weighed))
    return tuple(one * (before / after if after else 1.0) for one in weighed)


def resample_map(difference: FloatArray, rows: int, columns: int) -> FloatArray:
    """*difference* averaged (or repeated) to *rows* × *columns*, over the same frame."""
    if difference.shape == (rows, columns):
        return difference
    picture = Image.fromarray(np.asarray(difference, np.float32))
    return np.asarray(picture.resize((columns, rows), Image.Resampling.BOX), np.float64)


def cell_centres(rows: int, columns: int, extent: FloatArray) -> FloatArray:
    """(rows · columns, 2) points in frame units."""
    x = (np.arange(columns) + 0.5) * (extent[0] / columns)
    y = (np.arange(rows) + 0.5) * (extent[1] / rows)
    return np.stack(np.broadcast_arrays(x[None, :], y[:, None]), axis=-1).reshape(-1, 2)


def sample_planes(planes: NDArray[np.generic], points: FloatArray, extent: FloatArray) -> tuple[Floats, Mask]:
    """Values (k, d) of *planes* (h, w, d) at *points* (frame units), and which points lie inside."""
    rows, columns, depth = planes.shape
    across, down = columns / extent[0], rows / extent[1]
    if kernels.compiled is None:
        return _sample_planes_in_numpy(planes, points, across, down)
    values, inside = np.empty((len(points), depth), np.float32), np.empty(len(points), np.bool_)
    floats = np.ascontiguousarray(planes, np.float32)
    kernels.compiled.sample_planes(
        floats, rows, columns, depth, np.ascontiguousarray(points, np.float64), across, down, values, inside
    )
    return values, inside


def _sample_planes_in_numpy(
    planes: NDArray[np.generic], points: FloatArray, across: float, down: float
) -> tuple[Floats, Mask]:
    rows, columns, depth = planes.shape
    x = (points[:, 0] * across - 0.5).astype(np.float32)
    y = (points[:, 1] * down - 0.5).astype(np.float32)
    # Half a pixel of tolerance: the outermost centres of equal frames must count as inside.
    inside = (x > -1) & (y > -1) & (x < columns) & (y < rows)
    x, y = np.clip(x, 0, columns - 1), np.clip(y, 0, rows - 1)
    left, top = x.astype(np.int32), y.astype(np.int32)
    fx, fy = (x - left)[:, None], (y - top)[:, None]
    right, below = np.minimum(left + 1, columns - 1), np.minimum(top + 1, rows - 1)
    flat = planes.reshape(-1, depth).astype(np.float32)
    top, below = top * columns, below * columns
    # `take` is two to three times as fast as indexing, and products in place spare memory.
    upper, lower = flat.take(top + left, axis=0), flat.take(below + left, axis=0)
    upper += (flat.take(top + right, axis=0) - upper) * fx
    lower += (flat.take(below + right, axis=0) - lower) * fx
    lower -= upper
    lower *= fy
    upper += lower
    return upper, inside


def _map_shape(frame: PhotoFeatures) -> tuple[int, int]:
    width, height = frame.size
    scale = MAP_SIDE / max(width, height)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _usable(alignment: Alignment) -> Mask:
    """Frames that may stand for the others: those that were registered, if there are two."""
    registered = alignment.confidence > 0
    return registered if registered.sum() > 1 else np.ones(len(registered), bool)


class _Canvas:
    """The reference frame's geometry, on which all frames meet."""

    def __init__(self, extent: FloatArray, long_side: int) -> None:
        width, height = (max(1, round(float(length) * long_side)) for length in extent)
        self.rows, self.columns, self.extent = height, width, extent

    def coarser(self) -> _Canvas:
        """One with about a cell of the measured grid for each of its pixels."""
        return _Canvas(self.extent, GRID_SIDE)

    def lay(
        self, planes: Sequence[NDArray[np.generic]], frames: Sequence[PhotoFeatures], alignment: Alignment
    ) -> tuple[Floats, Mask]:
        """What *planes* (h, w, d), one a frame, show here: (n, rows, columns, d), and where they show it."""
        points = cell_centres(self.rows, self.columns, self.extent)
        shown, seen = [], []
        for plane, frame, transform in zip(planes, frames, alignment.transforms, strict=True):
            values, inside = sample_planes(
                plane, points @ transform[:, :2].T + transform[:, 2], _extent(frame)
            )
            shown.append(values.reshape(self.rows, self.columns, -1))
            seen.append(inside.reshape(self.rows, self.columns))
        return np.stack(shown), np.stack(seen)

    def enlarge(self, planes: Floats) -> Floats:
        """*planes* of a coarser canvas on this one, linear between the centres of their cells."""
        down = _tents(planes.shape[1], self.rows)
        return np.asarray(down.T @ planes @ _tents(planes.shape[2], self.columns), np.float32)

    def pull(self, plane: Floats, frame: PhotoFeatures, transform: FloatArray) -> FloatArray:
        """*plane* of the canvas as seen from *frame*."""
        rows, columns = _map_shape(frame)
        points = cell_centres(rows, columns, _extent(frame))
        inverse = np.linalg.inv(transform[:, :2])
        values, inside = sample_planes(plane[..., None], (points - transform[:, 2]) @ inverse.T, self.extent)
        result = np.where(inside, values[:, 0], OUTSIDE).astype(np.float64)
        return np.clip(result, 0.0, 1.0).reshape(rows, columns)


def _median_of_others(planes: Floats, counted: Mask) -> tuple[Floats, Mask]:
    """For each of n planes the median over the *counted* others, and where there is at least one.

    One sort serves all n: leaving a value out of a sorted column moves the middle by at most one place.
    """
    ordered = np.sort(np.where(counted, planes, np.float32(np.inf)), axis=0)
    if kernels.compiled is None:
        return _median_of_others_in_numpy(ordered, planes, counted)
    median, some = np.empty_like(planes), np.empty(planes.shape, np.bool_)
    kernels.compiled.median_of_others(ordered, planes, counted, len(planes), planes[0].size, median, some)
    return median, some


def _median_of_others_in_numpy(ordered: Floats, planes: Floats, counted: Mask) -> tuple[Floats, Mask]:
    n = len(planes)
    left = counted.sum(axis=0)[None] - counted  # how many others there are

    def without_itself(place: NDArray[np.intp]) -> Floats:
        """What stands at *place* among the others: the next where the value itself stands no later."""
        here, there = (
            np.take_along_axis(ordered, np.minimum(place + step, n - 1), axis=0) for step in (0, 1)
        )
        return np.where(counted & (planes <= here), there, here)

    middle = [without_itself(place) for place in (np.maximum(left - 1, 0) // 2, left // 2)]
    some = left > 0
    median = np.where(some, 0.5 * (np.where(some, middle[0], 0) + np.where(some, middle[1], 0)), planes)
    return np.asarray(median, np.float32), some


def _differences(grey: Floats, others: Floats, overlap: Mask) -> Floats:
    """Squared differences in units that count, summed over grey, structure and brightness."""
    matched = _match_exposure(grey, others, overlap)
    here, there = _local_spread(matched), _local_spread(others)
    structure = (here - there) / (here + there + _FLAT)
    return np.asarray(
        (_unexplained(matched, others) / _GREY_UNIT) ** 2
        + (structure / _STRUCTURE_UNIT) ** 2
        + (_unexplained(grey, others) / _BRIGHTNESS_UNIT) ** 2,
        np.float32,
    )


def _cell_differences(
    canvas: _Canvas, frames: Sequence[PhotoFeatures], alignment: Alignment, usable: Mask
) -> Floats:
    """Squared differences in colour and detail, cell by cell."""
    cells, seen = canvas.lay([frame.measurements.grid[..., _CELLS] for frame in frames], frames, alignment)
    counted = seen & usable
    total = np.zeros(seen.shape, np.float32)
    for plane, (unit, slack) in zip(np.moveaxis(cells, -1, 0), _CELL_UNITS.values(), strict=True):
        plane = np.ascontiguousarray(plane)
        apart = _unexplained(plane, _median_of_others(plane, counted)[0])
        total += (np.maximum(apart - np.float32(slack), 0) / np.float32(unit)) ** 2
    return total


def _tents(count: int, length: int) -> Floats:
    """(count, length): weights of *count* cells at *length* places, linear between the cells' centres."""
    place = np.clip((np.arange(length) + 0.5) * (count / length) - 0.5, 0, count - 1)
    return np.asarray(np.maximum(1 - np.abs(place - np.arange(count)[:, None]), 0), np.float32)


def _extent(frame: PhotoFeatures) -> FloatArray:
    return np.array(frame.size) / max(frame.size)


def _match_exposure(grey: Floats, others: Floats, overlap: Mask) -> Floats:
    """*grey* with the mean and spread of *others* over their overlap; gains stay between ½ and 2."""
    weight = overlap / np.maximum(overlap.sum(axis=(1, 2), keepdims=True), 1)

    def moments(planes: Floats) -> tuple[Floats, Floats]:
        mean = (planes * weight).sum(axis=(1, 2), keepdims=True)
        return mean, np.sqrt((((planes - mean) ** 2) * weight).sum(axis=(1, 2), keepdims=True))

    (mean, spread), (goal, goal_spread) = moments(grey), moments(others)
    gain = np.clip((goal_spread + 1.0) / (spread + 1.0), 0.5, 2.0)
    return np.asarray((grey - mean) * gain + goal, np.float32)


def _unexplained(a: Floats, b: Floats) -> Floats:
    """How far each value lies outside what the 3 × 3 neighbourhood of the other plane holds, both ways."""
    if kernels.compiled is None:
        return _unexplained_in_numpy(a, b)
    apart = np.empty_like(a)
    kernels.compiled.unexplained(a, b, *a.shape, apart)
    return apart


def _unexplained_in_numpy(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.maximum(_outside(a, b), _outside(b, a)), np.float32)


def _outside(a: Floats, b: Floats) -> Floats:
    above = a - _extreme(b, np.maximum)
    below = _extreme(b, np.minimum) - a
    return np.asarray(np.maximum(np.maximum(above, below), 0), np.float32)


def _extreme(planes: Floats, choose: np.ufunc) -> Floats:
    """3 × 3 maximum or minimum of every plane."""
    across = planes.copy()
    choose(across[..., 1:], planes[..., :-1], out=across[..., 1:])
    choose(across[..., :-1], planes[..., 1:], out=across[..., :-1])
    down = across.copy()
    choose(down[:, 1:], across[:, :-1], out=down[:, 1:])
    choose(down[:, :-1], across[:, 1:], out=down[:, :-1])
    return np.asarray(down)


def _local_spread(planes: Floats) -> Floats:
    """What a blur takes away, averaged nearby: about the standard deviation over 5 × 5 pixels."""
    fine = np.abs(planes - _smooth(_smooth(planes)))
    return _smooth(_smooth(fine)) * np.float32(2.0)


def _smooth(planes: Floats) -> Floats:
    """3 × 3 binomial blur of every plane, borders repeated."""
    if kernels.compiled is None:
        return _smooth_in_numpy(planes)
    smoothed = np.empty(planes.shape, np.float32)
    kernels.compiled.smooth(np.ascontiguousarray(planes), *planes.shape, smoothed)
    return smoothed


def _smooth_in_numpy(planes: Floats) -> Floats:
    across = planes * np.float32(0.5)
    across[..., 1:] += planes[..., :-1] * np.float32(0.25)
    across[..., :-1] += planes[..., 1:] * np.float32(0.25)
    across[..., 0] += planes[..., 0] * np.float32(0.25)
    across[..., -1] += planes[..., -1] * np.float32(0.25)
    down = across * np.float32(0.5)
    down[:, 1:] += across[:, :-1] * np.float32(0.25)
    down[:, :-1] += across[:, 1:] * np.float32(0.25)
    down[:, 0] += across[:, 0] * np.float32(0.25)
    down[:, -1] += across[:, -1] * np.float32(0.25)
    return np.asarray(down)
