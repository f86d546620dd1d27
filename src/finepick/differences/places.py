"""The cells of all frames of a series, laid over one another: what each frame shows in the same places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finepick.differences.maps import cell_centres, resample_map, sample_planes
from finepick.differences.registration import Alignment
from finepick.domain import FloatArray
from finepick.features.extraction import PhotoFeatures
from finepick.features.measurements import CHANNELS, salience

_REST = 0.25  # what a place counts at which no frame differs; one at which all differ counts 1.25
_LEAST_SHARED = 0.1


@dataclass(frozen=True, slots=True)
class Places:
    """Measured cells of n frames in the reference frame's geometry.

    cells: (n, rows, columns, channels), channels as in `measurements.CHANNELS`.
    seen: (n, rows, columns) whether a frame shows the place.
    weight: (rows, columns), sum 1: how much a place counts when the frames are compared.
    salience: (n, rows, columns) how much each frame's place stands out in that frame, mean 1.
    difference: (n, rows, columns) the difference maps, 0…1.
    """

    cells: NDArray[np.float32]
    seen: NDArray[np.bool_]
    weight: FloatArray
    salience: FloatArray
    difference: FloatArray

    def rearranged(self, order: NDArray[np.intp]) -> Places:
        """The same places for the frames in another order: frame i of it is frame order[i] of this one."""
        return Places(
            self.cells[order], self.seen[order], self.weight, self.salience[order], self.difference[order]
        )

    def mean(self, channel: str) -> FloatArray:
        """(n,) weighted mean of *channel* over the places that count."""
        values = self.cells[..., CHANNELS.index(channel)].astype(np.float64)
        return np.asarray(np.einsum("nrc,rc->n", values, self.weight))


def lay_cells(frames: Sequence[PhotoFeatures], alignment: Alignment, maps: Sequence[FloatArray]) -> Places:
    """Lays the measured cells of *frames* over the reference frame; weighs places by how much frames differ.

    A place counts by the root mean square of the difference maps there, and twice as much where something
    stands out. Only places that all frames show count, unless there are hardly any.
    """
    reference = frames[alignment.reference]
    rows, columns = reference.measurements.grid.shape[:2]
    points = cell_centres(rows, columns, _extent(reference))
    cells, differing, standing_out, seen = [], [], [], []
    for frame, transform, difference in zip(frames, alignment.transforms, maps, strict=True):
        grid = frame.measurements.grid
        there = points @ transform[:, :2].T + transform[:, 2]
        mass = salience(grid)
        planes = np.dstack([grid, resample_map(difference, *grid.shape[:2]), mass * mass.size])
        values, inside = sample_planes(planes, there, _extent(frame))
        cells.append(values[:, :-2])
        differing.append(values[:, -2])
        standing_out.append(values[:, -1])
        seen.append(inside)
    shape = (len(frames), rows, columns)
    shown = np.stack(seen).reshape(shape)
    out = np.stack(standing_out).reshape(shape).astype(np.float64)
    difference = np.stack(differing).reshape(shape).astype(np.float64)
    differs = np.sqrt((difference**2).mean(axis=0))
    weight = (_REST + differs) * (1.0 + np.minimum(out.mean(axis=0), 3.0) / 3.0)
    shared = shown.all(axis=0)
    if shared.mean() >= _LEAST_SHARED:
        weight = weight * shared
    return Places(np.stack(cells).reshape(*shape, -1), shown, weight / weight.sum(), out, difference)


def lay_planes(
    planes: Sequence[NDArray[np.float32]], frames: Sequence[PhotoFeatures], alignment: Alignment
) -> NDArray[np.float32]:
    """Planes (rows, columns, d) over the whole of each of n frames, at the same k places: (n, k, d).

    Places are the cells of the reference frame's planes that all frames show; all of its cells, if those are hardly
    any.
    """
    reference = alignment.reference
    rows, columns = planes[reference].shape[:2]
    points = cell_centres(rows, columns, _extent(frames[reference]))
    laid, shown = [], []
    for plane, frame, transform in zip(planes, frames, alignment.transforms, strict=True):
        values, inside = sample_planes(plane, points @ transform[:, :2].T + transform[:, 2], _extent(frame))
        laid.append(values)
        shown.append(inside)
    shared = np.all(shown, axis=0)
    stacked = np.stack(laid)
    return stacked[:, shared] if shared.mean() >= _LEAST_SHARED else stacked


def _extent(frame: PhotoFeatures) -> FloatArray:
    return np.array(frame.size) / max(frame.size)
