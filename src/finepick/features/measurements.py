"""What can be measured in a frame, as a whole and place by place.

Fine detail is read from strips of four neighbouring rows, four strips in every cell, which at 2,000 × 1,500
is every fourth row; a frame of up to 512 pixels is read whole. Slopes come from a small picture, long side about
500, colours and tilt from a tiny one, about 250.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

from finepick import kernels
from finepick.domain import FloatArray

Floats = NDArray[np.float32]
Shorts = NDArray[np.int16]

VALUES: tuple[str, ...] = (
    "sharpness",  # variance of the Laplacian (4 neighbours), grey levels²: Pech-Pacheco et al. 2000
    "fine_detail",  # log2 of 1 + the same less what noise alone would give, 20 σ² and a margin
    "sharpest_tenth",  # fine_detail of the sharpest tenth of the cells
    "mid_detail",  # log2 of 1 + mean squared slope of the half-size frame, (grey levels a pixel)²
    "motion",  # 0…1, how much fine detail is missing along one direction
    "motion_angle",  # radians, direction along which detail is missing (0 = horizontally, π/2 = vertically)
    "luma",  # mean luma, 0…1
    "mid_exposure",  # −|mean luma − ½|: 0 is best
    "contrast",  # standard deviation of luma, 0…1
    "range",  # between the 1st and the 99th percentile of luma, 0…1
    "entropy",  # of grey levels, bits, 0…8
    "colourfulness",  # Hasler & Süsstrunk 2003, M3
    "saturation",  # mean of max − min over red, green, blue, 0…1
    "cast_a",  # mean red–green opponent, 0…1 of full scale, + is red
    "cast_b",  # mean yellow–blue opponent, + is yellow
    "cast",  # cast of the greyest fifth of the cells: distance from neutral
    "clipped_high",  # share of pixels with luma ≥ 253
    "clipped_low",  # share of pixels with luma ≤ 2
    "noise",  # σ in grey levels, from flat cells: Immerkær 1996
    "blockiness",  # log2 of second differences on the 8 × 8 grid over those beside it; 0 = none
    "jpeg_size",  # bits per pixel of luma tiles coded as JPEG of quality 75
    "tilt",  # degrees by which the dominant near-horizontal line falls to the right (clockwise), −15…15
    "tilt_confidence",  # 0…1: how much one line stands out
    "salient_x",  # centre of what stands out, 0…1 of the width
    "salient_y",  # and of the height
    "salient_edge",  # what stands out in the outermost ring of cells over its fair share; above 1 = cut off
    "thirds",  # distance of that centre from the nearest of centre and thirds, in long sides
)
"""Names of the entries of `Measurements.values`, each with its meaning and unit in a comment."""

CHANNELS: tuple[str, ...] = (
    "sharpness",  # log2 of 1 + variance of the Laplacian less what noise alone would give
    "detail",  # log2(1 + mean squared slope of the half-size frame)
    "luma",  # mean, 0…1
    "contrast",  # standard deviation of luma, 0…1
    "saturation",  # mean, 0…1
    "a",  # mean red–green opponent, −1…1
    "b",  # mean yellow–blue opponent, −1…1
    "clipped_high",  # share of pixels, 0…1
    "clipped_low",  # share of pixels, 0…1
    "noise",  # mean response of the Immerkær filter as a σ in grey levels; texture counts as well
    "blockiness",  # as in VALUES, of this cell
)
"""Names of the channels of `Measurements.grid`."""

GRID_SIDE = 32
_STRIP_ROWS, _STRIPS_PER_CELL = 4, 4
_SLOPES_PER_CELL = 5
_LEAST_CELL = 12
_WHOLE_ROWS = _STRIP_ROWS * _STRIPS_PER_CELL  # cells of up to so many rows are read whole
_FULL_CELL = 16
_LAPLACIAN_NOISE = 20.0  # white noise of variance σ² gives the Laplacian 4² + 4 · 1² = 20 σ²
_NOISE_MARGIN = (
    1.5  # σ comes from the quietest cells; without a margin the others' noise would pass for detail
)
_IMMERKAER = math.sqrt(math.pi / 2) / 6.0
_CLIP_HIGH, _CLIP_LOW = 253, 2
_MOST_SUMMED = 258  # squares of luma that a float holds the exact sum of, in whatever order
_BLOCK = 8
_FULL = np.float32(255)
_TILE, _TILES = 128, 3
_MAX_TILT_DEGREES = 15.0


@dataclass(frozen=True, slots=True)
class Measurements:
    """What was measured: scalars by the names in VALUES, and about 32 cells on the long side.

    values: (len(VALUES),) float32. grid: (rows, columns, len(CHANNELS)) float32.
    """

    values: NDArray[np.float32]
    grid: NDArray[np.float32]

    def __getitem__(self, name: str) -> float:
        """The scalar called *name*. Raises KeyError."""
        try:
            return float(self.values[_VALUE_INDEX[name]])
        except KeyError:
            raise KeyError(f"no measurement is called '{name}'; there are {', '.join(VALUES)}") from None

    def channel(self, name: str) -> NDArray[np.float32]:
        """The grid channel called *name*, (rows, columns)."""
        return self.grid[..., CHANNELS.index(name)]


_VALUE_INDEX = {name: index for index, name in enumerate(VALUES)}


def measure(
    picture: Image.Image,
    small: Image.Image,
    tiny: Image.Image,
    *,
    luma_of_lines: NDArray[np.uint8] | None = None,
) -> Measurements:
    """Measurements of *picture* (RGB, full working size), with the help of itself averaged down twice.

    A pure function of the pixels; any size from 1 × 1 on works. *luma_of_lines*: of `lines_looked_at`, where the
    caller has it.
    """
    rows, columns = _grid_shape(picture.height, picture.width)
    fine = _fine(_strips(picture, rows) if luma_of_lines is None else luma_of_lines, rows, columns)
    coarse = _coarse(small, tiny, rows, columns)
    noise = _noise(fine)
    noise_alone = _NOISE_MARGIN * _LAPLACIAN_NOISE * noise * noise
    sharp = np.log2(1.0 + np.maximum(fine.laplacian - noise_alone, 0.0))
    block_cells, block = _blockiness(fine.profile, columns)
    grid = np.stack(
        [
            sharp,
            coarse.detail,
            coarse.luma,
            coarse.contrast,
            coarse.saturation,
            coarse.a,
            coarse.b,
            fine.clipped_high,
            fine.clipped_low,
            fine.immerkaer,
            block_cells,
        ],
        axis=-1,
    ).astype(np.float32)
    tilt, tilt_confidence = _tilt(coarse.tiny)
    values: dict[str, float] = {
        "sharpness": fine.variance,
        "fine_detail": math.log2(1.0 + max(fine.variance - noise_alone, 0.0)),
        "sharpest_tenth": _mean_of_top(sharp, 0.1),
        "noise": noise,
        "blockiness": block,
        "clipped_high": float(fine.clipped_high.mean()),
        "clipped_low": float(fine.clipped_low.mean()),
        "jpeg_size": _jpeg_size(picture),
        "tilt": tilt,
        "tilt_confidence": tilt_confidence,
        **_histogram_values(fine.histogram),
        **coarse.values,
        **_salience_values(grid),
    }
    return Measurements(np.array([values[name] for name in VALUES], dtype=np.float32), grid)


def lines_looked_at(width: int, height: int) -> NDArray[np.int32]:
    """Rows of a frame of this size that strips are made of: (lines, cell rows, places a cell); none for a low one."""
    rows = _grid_shape(height, width)[0]
    if -(-height // rows) <= _WHOLE_ROWS or width < 3:
        return np.empty((0, rows, _STRIPS_PER_CELL), np.int32)
    return _lines(height, rows)


def _lines(height: int, rows: int) -> NDArray[np.int32]:
    count = rows * _STRIPS_PER_CELL
    place = _first_line(count) + (np.arange(count) + 0.5) * (height / count)
    lines = np.floor(np.arange(_STRIP_ROWS)[:, None] + place).astype(np.int32)
    return lines.reshape(_STRIP_ROWS, rows, _STRIPS_PER_CELL)


def _first_line(count: int) -> float:
    """Of a strip, from its middle. Pillow takes the nearest line; a nudge keeps rounding from choosing between two."""
    return 0.25 / count - _STRIP_ROWS // 2


def _grid_shape(height: int, width: int) -> tuple[int, int]:
    long_side = max(height, width)
    cells = min(GRID_SIDE, long_side)
    return max(1, round(cells * height / long_side)), max(1, round(cells * width / long_side))


@dataclass(frozen=True, slots=True)
class _Fine:
    """What pixels and their neighbours say at full working size; cell arrays are rows × columns."""

    laplacian: Floats  # mean square
    variance: float  # of the Laplacian over the frame
    immerkaer: Floats
    clipped_high: Floats
    clipped_low: Floats
    profile: Floats  # cell rows × width: mean absolute horizontal second difference
    width: int
    histogram: FloatArray  # (256,) counts of luma


def _fine(strips: NDArray[np.uint8], rows: int, columns: int) -> _Fine:
    depth, per_cell, width = strips.shape[0] - 2, strips.shape[2], strips.shape[3]
    sums = _sums(strips)
    lines = depth * per_cell
    count = rows * lines * sums.laplacian.shape[1]

    def share(counts: NDArray[np.uint8]) -> Floats:
        return _across_cells(counts.astype(np.float32), columns) / np.float32(lines)

    return _Fine(
        laplacian=_across_cells(sums.laplacian, columns) / np.float32(lines),
        variance=max(float(sums.laplacian.sum(dtype=np.float64)) / count - (sums.total / count) ** 2, 0.0),
        immerkaer=_across_cells(sums.immerkaer, columns) * np.float32(_IMMERKAER / per_cell),
        clipped_high=share(sums.clipped_high),
        clipped_low=share(sums.clipped_low),
        profile=np.asarray(sums.second / per_cell, np.float32),
        width=width,
        histogram=sums.histogram,
    )


def _strips(picture: Image.Image, rows: int) -> NDArray[np.uint8]:
    """Luma of neighbouring lines at evenly spread places: (lines, cell rows, places a cell, width).

    Of each strip, the first and the last line are only neighbours. A low frame is read whole, as strips of
    three lines around every line; its border is repeated where it has less than three.
    """
    width, height = picture.size
    per_cell = -(-height // rows)
    if per_cell <= _WHOLE_ROWS:
        luma = np.asarray(picture.convert("L"))
        padded = np.pad(luma, 1, mode="edge") if min(luma.shape) < 3 else luma
        offset = (padded.shape[0] - height) // 2
        centres = ((np.arange(rows * per_cell) + 0.5) * (height / (rows * per_cell))).astype(np.intp) + offset
        centres = np.clip(centres, 1, padded.shape[0] - 2).reshape(rows, per_cell)
        return np.asarray(padded[np.stack([centres - 1, centres, centres + 1])])
    if width < 3:  # no pixel has a neighbour on both sides: repeat them
        return _strips(picture.resize((3, height), Image.Resampling.NEAREST), rows)
    pixels = kernels.pixels_in_place(picture)
    if kernels.compiled is not None and pixels is not None:
        strips = np.empty((_STRIP_ROWS, rows, _STRIPS_PER_CELL, width), np.uint8)
        kernels.compiled.luma_rows(pixels, height, width, _lines(height, rows), strips)
        return strips
    count = rows * _STRIPS_PER_CELL
    first = _first_line(count)
    lines = [
        picture.transform(
            (width, count),
            Image.Transform.EXTENT,
            (0, first + line, width, first + line + height),
            Image.Resampling.NEAREST,
        ).convert("L")
        for line in range(_STRIP_ROWS)
    ]
    return np.stack([np.asarray(line) for line in lines]).reshape(_STRIP_ROWS, rows, _STRIPS_PER_CELL, width)


@dataclass(frozen=True, slots=True)
class _Sums:
    """What the lines of a cell's strips add up to, column by column of pixels: cell rows × width, or two less.

    One line of each strip is enough for noise and blocks; everything else is of all inner lines.
    """

    laplacian: Floats  # squares
    total: int  # Σ laplacian of all columns, not squared
    immerkaer: Floats  # magnitudes, of one line
    second: Floats  # magnitudes of horizontal second differences, of one line
    clipped_high: NDArray[np.uint8]  # pixels
    clipped_low: NDArray[np.uint8]
    histogram: FloatArray  # (256,) counts of luma


def _sums(strips: NDArray[np.uint8]) -> _Sums:
    if kernels.compiled is None:
        return _sums_in_numpy(strips)
    rows, width = strips.shape[1], strips.shape[3]
    laplacian, immerkaer, second = np.empty((3, rows, max(0, width - 2)), np.float32)
    high, low = np.empty((2, rows, width), np.uint8)
    levels = np.empty(256, np.int64)
    total = kernels.compiled.strip_energies(
        np.ascontiguousarray(strips),
        strips.shape,
        _CLIP_HIGH,
        _CLIP_LOW,
        laplacian,
        immerkaer,
        second,
        high,
        low,
        levels,
    )
    return _Sums(laplacian, total, immerkaer, second, high, low, levels.astype(np.float64))


def _sums_in_numpy(strips: NDArray[np.uint8]) -> _Sums:
    levels = strips.astype(np.int16)
    twice = levels[1:-1] + levels[1:-1]
    vertical: Shorts = levels[:-2] + levels[2:]
    vertical -= twice
    horizontal = levels[1:-1, ..., :-2] + levels[1:-1, ..., 2:]
    horizontal -= twice[..., 1:-1]
    laplacian = vertical[..., 1:-1] + horizontal
    one = vertical[:1]
    mixed = one[..., :-2] + one[..., 2:]
    mixed -= one[..., 1:-1]
    mixed -= one[..., 1:-1]
    squares = laplacian.astype(np.float32)
    inner = strips[1:-1]
    return _Sums(
        laplacian=np.einsum("lrpw,lrpw->rw", squares, squares),
        # At most 16 lines of at most 4 · 255 each fit into 16 bits, which is six times as fast as 64.
        total=int(_over_lines(laplacian, np.int16).sum(dtype=np.int64)),
        immerkaer=_sum_of_magnitudes(mixed),
        second=_sum_of_magnitudes(horizontal[:1]),
        clipped_high=_over_lines((inner >= _CLIP_HIGH).view(np.uint8), np.uint8),
        clipped_low=_over_lines((inner <= _CLIP_LOW).view(np.uint8), np.uint8),
        histogram=_histogram(inner),
    )


def _over_lines(values: NDArray[Any], dtype: type[np.generic]) -> NDArray[Any]:
    """Sums (cell rows, width) over the lines of strips (lines, cell rows, places, width)."""
    return np.asarray(np.add.reduce(np.add.reduce(values, axis=0, dtype=dtype), axis=1, dtype=dtype))


def _sum_of_magnitudes(differences: Shorts) -> Floats:
    # At most 16 lines of at most 8 · 255 each: fits into 16 bits without a sign.
    magnitudes = np.abs(differences, out=differences).view(np.uint16)
    return _over_lines(magnitudes, np.uint16).astype(np.float32)


def _across_cells(rows: Floats, columns: int) -> Floats:
    """*rows* (n, width) averaged from left to right into (n, columns); a cell without pixels gets 0."""
    starts, counts = _cell_starts(rows.shape[1], columns)
    if len(starts) == columns:
        return np.asarray(np.add.reduceat(rows, starts, axis=1) / counts, np.float32)
    means = np.zeros((len(rows), columns), np.float32)
    means[:, starts * columns // rows.shape[1]] = rows
    return means


@lru_cache(maxsize=32)  # a shoot has few sizes
def _cell_starts(length: int, cells: int) -> tuple[NDArray[np.intp], Floats]:
    """First pixel of each of *cells* along *length* that has any, and how many it has."""
    cell = np.arange(length) * cells // length
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    return starts, np.diff(starts, append=length).astype(np.float32)


@lru_cache(maxsize=16)
def _membership(length: int, cells: int) -> Floats:
    """(cells, length): 1 where a pixel belongs to a cell. Down the rows, a product beats `reduceat`."""
    belongs = np.arange(length) * cells // length == np.arange(cells)[:, None]
    return np.asarray(belongs, np.float32)


@dataclass(frozen=True, slots=True)
class _Coarse:
    """What colours and slopes say at lower resolution; cell arrays are rows × columns."""

    luma: Floats
    contrast: Floats
    saturation: Floats
    a: Floats
    b: Floats
    detail: Floats
    tiny: NDArray[np.uint8]  # luma
    values: dict[str, float]


def _coarse(small: Image.Image, tiny: Image.Image, rows: int, columns: int) -> _Coarse:
    luma = np.asarray(tiny.convert("L"))
    grey = luma.astype(np.float32)
    rg, yb = _opponents(tiny)
    mean, square, a, b, saturation = _cell_means(tiny, luma, rows, columns)
    a, b, saturation = a / _FULL, b / _FULL, saturation / _FULL
    deviation = np.asarray(np.sqrt(np.maximum(square - mean * mean, 0.0)) / _FULL, np.float32)
    detail, (xx, yy, xy) = _detail(small, rows, columns)
    motion, angle = _motion(xx, yy, xy)
    values = {
        "mid_detail": math.log2(1.0 + xx + yy),
        "motion": motion,
        "motion_angle": angle,
        "contrast": math.sqrt(max(_mean_product(grey, grey) - float(grey.mean()) ** 2, 0.0)) / 255,
        "colourfulness": _colourfulness(rg, yb),
        "saturation": float(saturation.mean()),
        "cast_a": float(a.mean()),
        "cast_b": float(b.mean()),
        "cast": _cast(a, b, saturation, mean),
    }
    return _Coarse(mean / _FULL, deviation, saturation, a, b, np.log2(1.0 + detail), luma, values)


def _opponents(tiny: Image.Image) -> tuple[Floats, Floats]:
    """Red–green and yellow–blue of every pixel, in grey levels."""
    pixels = kernels.pixels_in_place(tiny)
    if kernels.compiled is None or pixels is None:
        red, green, blue = (np.asarray(band, np.int16) for band in tiny.split())
        return (red - green).astype(np.float32), (((red + green) >> 1) - blue).astype(np.float32)
    rg, yb = np.empty((2, tiny.height, tiny.width), np.float32)
    kernels.compiled.opponents(pixels, rg.size, rg, yb)
    return rg, yb


def _cell_means(tiny: Image.Image, luma: NDArray[np.uint8], rows: int, columns: int) -> Floats:
    """(5, rows, columns) means of luma, its square, red–green, yellow–blue and saturation, in grey levels."""
    height, width = luma.shape
    # A frame of a few pixels has fewer of them than the grid has cells: repeat them.
    down, across = _cell_starts(height, min(rows, height))[1], _cell_starts(width, min(columns, width))[1]
    pixels = kernels.pixels_in_place(tiny) if down.max() * across.max() <= _MOST_SUMMED else None
    if kernels.compiled is None or pixels is None:
        sums = _cell_sums_in_numpy(tiny, luma, len(down), len(across))
    else:
        sums = np.empty((5, len(down), len(across)), np.float32)
        kernels.compiled.cell_sums(pixels, luma, height, width, len(down), len(across), sums)
    means = sums / across / down[:, None]
    if means.shape[1:] == (rows, columns):
        return means
    return means[
        :, (np.arange(rows) * len(down) // rows)[:, None], np.arange(columns) * len(across) // columns
    ]


def _cell_sums_in_numpy(tiny: Image.Image, luma: NDArray[np.uint8], rows: int, columns: int) -> Floats:
    red, green, blue = (np.asarray(band, np.int16) for band in tiny.split())
    grey = luma.astype(np.float32)
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    down, starts = _membership(luma.shape[0], rows), _cell_starts(luma.shape[1], columns)[0]
    planes = grey, grey * grey, red - green, ((red + green) >> 1) - blue, spread
    return np.stack([np.add.reduceat(down @ plane.astype(np.float32), starts, axis=1) for plane in planes])


def _detail(small: Image.Image, rows: int, columns: int) -> tuple[Floats, tuple[float, float, float]]:
    """Mean squared slope of *small*'s green per cell, and the frame's structure tensor (xx, yy, xy)."""
    width, height = small.size
    per_cell = min(_SLOPES_PER_CELL, -(-height // rows))
    picked = ((np.arange(rows * per_cell) + 0.5) * (height / (rows * per_cell))).astype(np.int32)
    gx, gy = _slopes(small, picked)
    energy = gx * gx
    energy += gy * gy
    stacked = np.add.reduce(energy.reshape(rows, per_cell, width), axis=1)
    tensor = _mean_product(gx, gx), _mean_product(gy, gy), _mean_product(gx, gy)
    return _across_cells(stacked, columns) / np.float32(per_cell), tensor


def _slopes(small: Image.Image, rows: NDArray[np.int32]) -> tuple[Floats, Floats]:
    """Central differences of green at *rows*, in grey levels a pixel, 0 on the left and right border."""
    pixels = kernels.pixels_in_place(small)
    if kernels.compiled is None or pixels is None:
        return _slopes_in_numpy(np.asarray(small.getchannel("G")), rows)
    gx, gy = np.empty((2, len(rows), small.width), np.float32)
    kernels.compiled.slopes_at(pixels, small.height, small.width, rows, gx, gy)
    return gx, gy


def _slopes_in_numpy(grey: NDArray[np.uint8], rows: NDArray[np.int32]) -> tuple[Floats, Floats]:
    above, below = np.maximum(rows - 1, 0), np.minimum(rows + 1, grey.shape[0] - 1)
    here = grey[rows].astype(np.int16)
    gy = (grey[below].astype(np.int16) - grey[above]).astype(np.float32) * np.float32(0.5)
    gx = np.zeros_like(gy)
    gx[:, 1:-1] = (here[:, 2:] - here[:, :-2]) * np.float32(0.5)
    return gx, gy


def _mean_product(a: Floats, b: Floats) -> float:
    return float(np.dot(a.ravel(), b.ravel())) / a.size


def _motion(xx: float, yy: float, xy: float) -> tuple[float, float]:
    """Coherence of the structure tensor, and the direction in which slopes are weakest."""
    apart = math.hypot(xx - yy, 2 * xy)
    strongest = 0.5 * math.atan2(2 * xy, xx - yy)
    return apart / (xx + yy + 1.0), (strongest + math.pi / 2) % math.pi


def _colourfulness(rg: Floats, yb: Floats) -> float:
    """Hasler & Süsstrunk 2003: √(σ²rg + σ²yb) + 0.3 √(μ²rg + μ²yb)."""
    means = float(rg.mean()), float(yb.mean())
    squares = _mean_product(rg, rg) + _mean_product(yb, yb)
    mean = math.hypot(*means)
    return math.sqrt(max(squares - mean * mean, 0.0)) + 0.3 * mean


def _cast(a: Floats, b: Floats, saturation: Floats, luma: Floats) -> float:
    """How far the greyest fifth of the cells is from grey, black and white cells left out."""
    usable = ((luma > 20) & (luma < 245)).ravel()
    if not usable.any():
        return 0.0
    colour = saturation.ravel()[usable]
    count = max(1, colour.size // 5)
    greyest = np.argsort(colour, kind="stable")[:count]
    return math.hypot(float(a.ravel()[usable][greyest].mean()), float(b.ravel()[usable][greyest].mean()))


def _noise(fine: _Fine) -> float:
    """σ of the noise: the filter's response in the flattest tenth of the cells that are not clipped."""
    open_cells = (fine.clipped_high < 0.02) & (fine.clipped_low < 0.02)
    responses = fine.immerkaer
    side = fine.width // responses.shape[1]
    if side < _LEAST_CELL:  # the quietest of many tiny cells is quiet by chance: take neighbours together
        size = -(-_FULL_CELL // max(side, 1))
        padded = np.pad(responses, (size // 2, size - 1 - size // 2), mode="edge")
        responses = np.asarray(sliding_window_view(padded, (size, size)).mean(axis=(-2, -1)))
    chosen = responses[open_cells] if open_cells.any() else responses.ravel()
    return float(np.quantile(chosen, 0.1))


def _blockiness(profile: Floats, columns: int) -> tuple[Floats, float]:
    """Per cell and overall: log2 of second differences where 8 × 8 blocks meet, over those inside blocks.

    A JPEG that was decoded at half or quarter size has its blocks every 4 or 2 pixels, which eight phases see
    as well; one that was resized freely has none, and gets about 0.
    """
    rows, width = profile.shape
    if width < 4 * _BLOCK:
        return np.zeros((rows, columns), np.float32), 0.0
    logs = np.log2(profile + np.float32(0.25))
    phase = np.arange(width) % _BLOCK
    phases = np.bincount(phase, logs.sum(axis=0)) / (rows * np.bincount(phase))
    # Both pixels beside an edge see it; of the phases the upper two are edges, the middle is the inside.
    ordered = np.argsort(phases, kind="stable")
    inside, edges = ordered[: _BLOCK // 2], ordered[-2:]

    def mean_over(chosen: NDArray[np.intp]) -> Floats:
        counted = np.zeros(_BLOCK, np.float32)
        counted[chosen] = 1.0
        mask = counted[phase]
        share = np.maximum(_across_cells(mask[None], columns), np.float32(1e-6))
        return np.asarray(_across_cells(logs * mask, columns) / share, np.float32)

    cells = np.maximum(mean_over(edges) - mean_over(inside), 0.0)
    return cells, max(float(phases[edges].mean() - phases[inside].mean()), 0.0)


def _histogram(values: NDArray[np.uint8]) -> FloatArray:
    """(256,) counts of a plane; Pillow's are three times as fast as NumPy's.

    Four pixels are handed over as the bands of one, which Pillow counts apart: where neighbours are equal, as
    in a sky, no count then has to wait for the one before it.
    """
    whole = values.size // 4 * 4
    bands = np.array(Image.fromarray(values.reshape(-1)[:whole].reshape(1, -1, 4), "RGBA").histogram())
    rest = np.bincount(values.reshape(-1)[whole:], minlength=256)
    return np.asarray(bands.reshape(4, 256).sum(axis=0) + rest, np.float64)


def _histogram_values(counts: FloatArray) -> dict[str, float]:
    share = counts / counts.sum()
    some = share[share > 0]
    below = np.cumsum(share)
    low, high = (int(np.searchsorted(below, q)) for q in (0.01, 0.99))
    mean = float(share @ np.arange(256)) / 255
    return {
        "entropy": max(0.0, float(-(some * np.log2(some)).sum())),
        "luma": mean,
        "mid_exposure": -abs(mean - 0.5),
        "range": (min(high, 255) - low) / 255,
    }


def _jpeg_size(picture: Image.Image) -> float:
    """Bits per pixel of luma as a JPEG of quality 75: of all of it, or of 3 × 3 evenly spread tiles."""
    luma = _luma_of_tiles(picture) if min(picture.size) > _TILE * _TILES else picture.convert("L")
    target = io.BytesIO()
    luma.save(target, "JPEG", quality=75)
    return 8.0 * target.tell() / (luma.width * luma.height)


def _luma_of_tiles(picture: Image.Image) -> Image.Image:
    side = _TILE * _TILES
    lefts, tops = (
        [(length - _TILE) * place // (_TILES - 1) for place in range(_TILES)] for length in picture.size
    )
    pixels = kernels.pixels_in_place(picture)
    if kernels.compiled is None or pixels is None:
        tiles = Image.new("RGB", (side, side))
        for row, y in enumerate(tops):
            for column, x in enumerate(lefts):
                tiles.paste(picture.crop((x, y, x + _TILE, y + _TILE)), (column * _TILE, row * _TILE))
        return tiles.convert("L")
    whole = pixels.view(np.uint32)[..., 0]
    rows = [np.concatenate([whole[y : y + _TILE, x : x + _TILE] for x in lefts], axis=1) for y in tops]
    luma = np.empty((side, side), np.uint8)
    kernels.compiled.luma_rows(np.concatenate(rows), side, side, np.arange(side, dtype=np.int32), luma)
    return Image.fromarray(luma)


def _mean_of_top(cells: Floats, share: float) -> float:
    count = max(1, round(cells.size * share))
    return float(np.sort(cells, axis=None)[-count:].mean())


def _tilt(luma: NDArray[np.uint8]) -> tuple[float, float]:
    """Angle in degrees of the dominant near-horizontal line, + falling to the right; how sure that is, 0…1.

    A Hough vote of the steepest edges: an angle is worth the sum of squares of its histogram of offsets, so
    one long straight line beats many short ones; then a line is fitted to the points on the best one.
    """
    height, width = luma.shape
    if min(height, width) < 24:
        return 0.0, 0.0
    chosen, steep = _steep_points(luma, 3 * width)
    if chosen.size < width // 4:
        return 0.0, 0.0
    y, x = np.divmod(chosen, width)
    weights = np.minimum(steep.astype(np.float32) / 2, np.float32(30))
    x0, y0 = x - (width - 1) / 2, y.astype(np.float64)
    slopes = np.tan(np.radians(np.linspace(-_MAX_TILT_DEGREES, _MAX_TILT_DEGREES, 25)))
    votes = _hough_votes(x0, y0, weights, slopes, height)
    scores = (votes * votes).sum(axis=1)
    best = int(np.argmax(scores))
    offset = int(np.argmax(votes[best])) - height
    near = np.abs(y0 - slopes[best] * x0 - offset) < 3.0
    slope, length = _line_through(x0[near], y0[near], weights[near])
    share = float(weights[near].sum() / weights.sum())
    # A line counts when it spans the frame and holds well more than its share of the steep edges.
    spans = float(np.clip((length / width - 0.25) / 0.5, 0.0, 1.0))
    return math.degrees(math.atan(slope)), spans * float(np.clip((share - 0.1) / 0.4, 0.0, 1.0))


def _steep_points(luma: NDArray[np.uint8], most: int) -> tuple[NDArray[np.int64], Shorts]:
    """Flat indices, in order, of the steepest level edges, about *most* and no more, and how steep they are."""
    if kernels.compiled is not None:
        places, steep = np.empty(luma.size, np.int64), np.empty(luma.size, np.int16)
        count = kernels.compiled.steep_points(luma, *luma.shape, most, places, steep)
        return places[:count], steep[:count]
    steep = _steepness_of_level_edges(luma).ravel()
    chosen = np.flatnonzero(steep >= 6)
    at_least = np.bincount(steep[chosen] >> 1, minlength=256)[::-1].cumsum()[::-1]
    chosen = chosen[steep[chosen] >= 2 * int(np.argmax(at_least <= most))]
    return chosen, steep[chosen]


def _steepness_of_level_edges(grey: NDArray[np.uint8]) -> Shorts:
    """How much grey changes over two rows, without sign; 0 at both sides and where edges run too steeply."""
    levels = np.pad(grey.astype(np.int16), ((1, 1), (0, 0)), mode="edge")
    steep = np.zeros(grey.shape, np.int16)
    inner = steep[:, 1:-1]
    np.abs(levels[2:, 1:-1] - levels[:-2, 1:-1], out=inner)
    across = np.abs(levels[1:-1, 2:] - levels[1:-1, :-2])
    inner *= 20 * across <= 7 * inner  # .35: a little more than the tangent of the largest tilt
    return steep


def _hough_votes(
    x: FloatArray, y: FloatArray, weights: Floats, slopes: FloatArray, height: int
) -> FloatArray:
    """(slopes, offsets) weight of the points on each line, offsets 2 pixels wide, the first at −height."""
    bins = 3 * height
    if kernels.compiled is not None:
        votes = np.empty((len(slopes), bins), np.float64)
        kernels.compiled.hough_votes(x, y, weights, slopes, height, votes)
        return votes
    offsets = (y - slopes[:, None] * x + height).astype(np.int32)
    index = np.clip(offsets, 0, bins - 1) + np.arange(len(slopes), dtype=np.int32)[:, None] * bins
    flat = np.bincount(index.ravel(), np.tile(weights, len(slopes)), len(slopes) * bins)
    votes = np.asarray(flat, np.float64).reshape(-1, bins)
    votes[:, 1:] += votes[:, :-1].copy()  # a line may lie across two bins
    return votes


def _line_through(x: FloatArray, y: FloatArray, weights: Floats) -> tuple[float, float]:
    """Slope of the weighted least-squares line, and how many different columns its points fill."""
    share = weights / weights.sum()
    mean_x, mean_y = share @ x, share @ y
    spread = share @ (x - mean_x) ** 2
    slope = float(share @ ((x - mean_x) * (y - mean_y)) / spread) if spread > 1e-9 else 0.0
    return slope, float(np.unique(x).size)


def salience(grid: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much each cell stands out by detail and by colour unlike the edge's, (rows, columns), sum 1."""
    detail = grid[..., CHANNELS.index("detail")]
    colour = grid[..., [CHANNELS.index(name) for name in ("luma", "a", "b")]] * np.array(
        [1.0, 2.0, 2.0], np.float32
    )
    ring = _ring(detail.shape)
    away = np.sqrt(((colour - _median(colour[ring])) ** 2).sum(axis=-1))
    strong = np.maximum(detail - _median(detail.ravel()), 0.0) / (float(np.ptp(detail)) + 1.0)
    mass = (strong + 1.5 * away) ** 2
    total = float(mass.sum())
    return np.asarray(mass / total if total > 1e-9 else np.full(mass.shape, 1.0 / mass.size), np.float32)


def _median(values: Floats) -> Floats:
    """Along the first axis, as `np.median`, which takes three times as long over so few."""
    middle = len(values) // 2
    ordered = np.sort(values, axis=0)
    return np.asarray(ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)


def _ring(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The outermost cells."""
    ring = np.ones(shape, bool)
    ring[1:-1, 1:-1] = False
    return ring


def _salience_values(grid: NDArray[np.float32]) -> dict[str, float]:
    mass = salience(grid)
    rows, columns = mass.shape
    x = float(mass.sum(axis=0) @ ((np.arange(columns) + 0.5) / columns))
    y = float(mass.sum(axis=1) @ ((np.arange(rows) + 0.5) / rows))
    ring = _ring(mass.shape)
    aspect = np.array([columns, rows]) / max(columns, rows)
    places = np.array([[px, py] for px in (1 / 3, 1 / 2, 2 / 3) for py in (1 / 3, 1 / 2, 2 / 3)])
    distance = np.hypot(*((places - (x, y)) * aspect).T).min()
    return {
        "salient_x": x,
        "salient_y": y,
        "salient_edge": float(mass[ring].sum()) / float(ring.mean()),
        "thirds": float(distance),
    }
