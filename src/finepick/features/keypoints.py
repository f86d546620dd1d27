"""Local features: places that can be found again in another photo of the same scene.

Corners (Shi & Tomasi, "Good features to track", 1994) on a pyramid of locally normalised grey, described by
histograms of gradient directions (Lowe, "Distinctive image features", 2004) under the Hellinger kernel
(Arandjelović & Zisserman, "Three things everyone should know", 2012). Descriptors are upright: photos of one
series are turned against each other by a few degrees at most, and uprightness tells unlike photos apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finepick import kernels
from finepick.domain import FloatArray

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]

DETECTION_SIDE = 250
POINTS_PER_LEVEL = (96, 56, 40, 28)
LEVEL_STEP = 2**-0.5
VECTOR_LENGTH = 128

_PATCH = 16
_RIM = _PATCH // 2 + 1
_CELLS = 4
_DIRECTIONS = 8
_LEAST_CORNER = (
    30.0  # of the corner response below, in normalised grey levels²; noise after JPEG stays under it
)
_QUANTUM = 512.0  # a vector of 128 root-normalised entries has a typical entry of .09


@dataclass(frozen=True, slots=True)
class Keypoints:
    """k places of one frame; positions and scales in frame units (pixels / long side).

    xy: (k, 2) float32; scale: (k,) float32; angle: (k,) float32, radians; vectors: (k, d) uint8.
    """

    xy: Floats
    scale: Floats
    angle: Floats
    vectors: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.xy)


@dataclass(frozen=True, slots=True)
class Similarity:
    """A similarity transform found between the key points of two frames, and how well it is founded.

    transform: (2, 3) float64, takes a point of frame a (frame units of a) to frame b (frame units of b).
    inliers: matches that agree with it. matches: all that were tried.
    coverage: share of the smaller of both frames' common area's sixteen tiles that hold an inlier, in [0, 1].
    pairs: (inliers, 2) indices into the key points of a and b.
    """

    transform: FloatArray
    inliers: int
    matches: int
    coverage: float
    pairs: Indices


NOTHING_IN_COMMON = Similarity(
    np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), 0, 0, 0.0, np.empty((0, 2), dtype=np.intp)
)


def detect_keypoints(picture: Image.Image) -> Keypoints:
    """Up to 220 key points of *picture*, strongest first inside each of four levels; none in a flat picture.

    Unaffected by brightness and contrast as long as nothing clips: grey is normalised place by place first.
    A picture that is grey already spares the conversion.
    """
    grey = picture if picture.mode == "L" else picture.convert("L")
    level = normalise_contrast(_shrink(grey, DETECTION_SIDE))
    found = [_nothing()]
    for place, count in enumerate(POINTS_PER_LEVEL):
        if place:
            size = (round(level.width * LEVEL_STEP), round(level.height * LEVEL_STEP))
            level = level.resize(size, Image.Resampling.BILINEAR) if min(size) else level
        if min(level.size) < 2 * _PATCH:
            break
        found.append(_examine(level, picture.size, count))
    return Keypoints(
        xy=np.concatenate([points.xy for points in found]),
        scale=np.concatenate([points.scale for points in found]),
        angle=np.concatenate([points.angle for points in found]),
        vectors=np.concatenate([points.vectors for points in found]),
    )


def normalise_contrast(grey: Image.Image, *, noise: float = 1.4) -> Image.Image:
    """*grey* ("L") with the mean and spread of a window of about a sixteenth of the long side taken out.

    128 is the local mean, 42 grey levels one local standard deviation: exposure, haze and vignetting vanish.
    *noise*, in grey levels, is what counts as structure half at most.
    """
    pixels = np.asarray(grey, dtype=np.float32)
    height, width = pixels.shape
    down, across = _smoother(height), _smoother(width)
    pixels = pixels - _smooth(pixels, down, across)
    squares = _smooth(pixels * pixels, down, across)
    if kernels.compiled is not None:
        evened = np.empty(pixels.shape, np.uint8)
        kernels.compiled.spread_evenly(pixels, squares, pixels.size, noise**2, evened)
        return Image.fromarray(evened)
    spread = np.sqrt(np.maximum(squares, 0) + noise**2)
    pixels *= 42.0 / spread
    pixels += 128.5
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def strongest(points: Keypoints, count: int) -> Keypoints:
    """The *count* strongest of every level of *points*: enough to see whether a closer look is worth it."""
    if not len(points):
        return points
    start = np.unique(points.scale, return_index=True)[1].tolist()
    ends = [*start[1:], len(points)]
    kept = np.concatenate([np.arange(a, min(a + count, b)) for a, b in zip(start, ends, strict=True)])
    return Keypoints(points.xy[kept], points.scale[kept], points.angle[kept], points.vectors[kept])


def match(a: Keypoints, b: Keypoints, *, ratio: float = 0.87) -> Indices:
    """Pairs (m, 2) of key points that are each other's nearest, clearly so, most alike first.

    *ratio*: the distance to the nearest over that to the next; only lower ones count, seen from both sides.
    """
    if len(a) < 2 or len(b) < 2:
        return np.empty((0, 2), dtype=np.intp)
    likeness = a.vectors.astype(np.float32) @ b.vectors.astype(np.float32).T
    likeness /= _QUANTUM**2  # all vectors are about that long
    if kernels.compiled is None:
        return _pair_mutual(likeness, ratio * ratio)
    pairs = np.empty((len(a), 2), np.int64)
    count = kernels.compiled.pair_mutual(likeness, *likeness.shape, ratio * ratio, pairs)
    return pairs[:count]


def _pair_mutual(likeness: Floats, most_apart: float) -> Indices:
    forward, backward = likeness.argmax(axis=1), likeness.argmax(axis=0)
    own = np.arange(len(likeness))
    mutual = np.flatnonzero(backward[forward] == own)
    best = likeness[mutual, forward[mutual]]
    rows = likeness[mutual].copy()
    rows[np.arange(len(mutual)), forward[mutual]] = -1
    columns = likeness[:, forward[mutual]].copy()
    columns[mutual, np.arange(len(mutual))] = -1
    second = np.maximum(rows.max(axis=1), columns.max(axis=0))
    clear = (1 - best) < most_apart * (1 - second)
    order = np.argsort(-best[clear], kind="stable")
    kept = mutual[clear][order]
    return np.stack([kept, forward[kept]], axis=1)


def fit_similarity(a: Keypoints, b: Keypoints, pairs: Indices, *, tolerance: float = 0.012) -> Similarity:
    """The similarity that most of the matched *pairs* agree with, within *tolerance* frame units.

    Every hypothesis comes from two matches; which two is settled by their likeness, so no chance is involved.
    Turns of more than 30° and scales outside 0.4…2.5 are not considered. No agreement: 0 inliers, identity.
    """
    if len(pairs) < 2:
        return replace(NOTHING_IN_COMMON, matches=len(pairs))
    here = _complex(a.xy[pairs[:, 0]])
    there = _complex(b.xy[pairs[:, 1]])
    first, second = _hypotheses(len(pairs))
    base = here[second] - here[first]
    usable = np.abs(base) > 0.04
    base, first, second = base[usable], first[usable], second[usable]
    turn = (there[second] - there[first]) / base
    size = np.abs(turn)
    plausible = (size > 0.4) & (size < 2.5) & (turn.real > 0.866 * size)
    turn, first = turn[plausible], first[plausible]
    if not len(turn):
        return replace(NOTHING_IN_COMMON, matches=len(pairs))
    shift = there[first] - turn * here[first]
    misses = _square(turn[:, None] * here + shift[:, None] - there)
    gain = np.maximum(1 - misses / tolerance**2, 0).sum(axis=1)
    winner = int(gain.argmax())
    alpha, beta = complex(turn[winner]), complex(shift[winner])
    inlier = misses[winner] < tolerance**2
    for _ in range(2):
        if inlier.sum() < 2:
            break
        alpha, beta = _least_squares(here[inlier], there[inlier])
        inlier = _square(alpha * here + beta - there) < tolerance**2
    if inlier.sum() < 2:
        return replace(NOTHING_IN_COMMON, matches=len(pairs))
    transform = np.array([[alpha.real, -alpha.imag, beta.real], [alpha.imag, alpha.real, beta.imag]])
    kept = pairs[inlier]
    return Similarity(transform, len(kept), len(pairs), _coverage(a.xy, b.xy, kept, transform), kept)


def _examine(level: Image.Image, size: tuple[int, int], count: int) -> Keypoints:
    """The *count* best corners of one pyramid *level* of a picture of *size*."""
    corners = _corners(np.asarray(level), count)
    y, x, vectors = corners.y, corners.x, corners.vectors
    (width, height), long_side = level.size, max(size)
    xy = np.stack([(x + 0.5) * (size[0] / width), (y + 0.5) * (size[1] / height)], axis=1) / long_side
    k = len(xy)
    return Keypoints(
        xy=xy.astype(np.float32),
        scale=np.full(k, _CELLS / max(level.size), dtype=np.float32),
        angle=np.zeros(k, dtype=np.float32),
        vectors=vectors,
    )


@dataclass(frozen=True, slots=True)
class _Corners:
    """Where k corners lie, in pixels and between them, and what their surroundings look like."""

    y: Floats
    x: Floats
    vectors: NDArray[np.uint8]


def _corners(level: NDArray[np.uint8], count: int) -> _Corners:
    if kernels.compiled is None:
        return _corners_in_numpy(level, count)
    height, width = level.shape
    response = np.empty(level.shape, np.float32)
    kernels.compiled.corner_response(level, height, width, response)
    rows, columns = np.empty((2, count), np.int64)
    y, x = np.empty((2, count), np.float32)
    k = kernels.compiled.find_peaks(
        response,
        height,
        width,
        _RIM,
        _LEAST_CORNER,
        count,
        _tile_side(level.shape, count),
        rows,
        columns,
        y,
        x,
    )
    responses = np.empty((_DIRECTIONS, k, _PATCH**2), np.float32)
    kernels.compiled.patch_responses(level, height, width, rows[:k], columns[:k], k, responses)
    return _Corners(y[:k], x[:k], _pool_responses(responses))


def _corners_in_numpy(level: NDArray[np.uint8], count: int) -> _Corners:
    across, down = _gradients(level.astype(np.float32))
    response = _corner_response(across, down)
    rows, columns = _peaks(response, count)
    y, x = _between_pixels(response, rows, columns)
    return _Corners(y, x, _pool_responses(_patch_responses(across, down, rows, columns)))


def _gradients(pixels: Floats) -> tuple[Floats, Floats]:
    """Central differences, zero on the rim."""
    across, down = np.zeros_like(pixels), np.zeros_like(pixels)
    np.subtract(pixels[:, 2:], pixels[:, :-2], out=across[:, 1:-1])
    np.subtract(pixels[2:], pixels[:-2], out=down[1:-1])
    return across, down


def _corner_response(across: Floats, down: Floats) -> Floats:
    """Determinant over trace of the structure tensor over 5 × 5 pixels, standing in for its smaller root."""
    response = np.zeros_like(across)
    xx, yy, xy = _spread(across * across), _spread(down * down), _spread(across * down)
    trace = xx + yy
    trace += 1e-3
    xx *= yy
    xy *= xy
    xx -= xy
    np.divide(xx, trace, out=response[2:-2, 2:-2])
    return response


def _spread(values: Floats) -> Floats:
    """Binomial smoothing, (1 4 6 4 1)/16 both ways, as sums of neighbours; two pixels of rim go."""
    for _ in range(4):
        values = values[1:] + values[:-1]
    for _ in range(4):
        values = values[:, 1:] + values[:, :-1]
    values *= 1 / 256
    return values


def _peaks(response: Floats, count: int) -> tuple[Indices, Indices]:
    """Rows and columns of the strongest local maxima, spread over the frame, strongest first."""
    rim = _RIM
    height, width = response.shape
    core = response[rim:-rim, rim:-rim]
    ridge = np.maximum(core, response[rim:-rim, rim - 1 : -rim - 1])
    np.maximum(ridge, response[rim:-rim, rim + 1 : width - rim + 1], out=ridge)
    np.maximum(ridge, response[rim - 1 : -rim - 1, rim:-rim], out=ridge)
    np.maximum(ridge, response[rim + 1 : height - rim + 1, rim:-rim], out=ridge)
    candidates = np.flatnonzero((core == ridge) & (core > _LEAST_CORNER))
    strength = core.ravel()[candidates]
    order = np.argsort(-strength, kind="stable")[: 12 * count]
    candidates = candidates[order]
    rows, columns = np.divmod(candidates, core.shape[1])
    rows, columns = rows + rim, columns + rim
    chosen = _fair_share(rows, columns, response.shape, count)
    return rows[chosen], columns[chosen]


def _fair_share(rows: Indices, columns: Indices, shape: tuple[int, ...], count: int) -> Indices:
    """Which *count* of the candidates (strongest first) to take: every tile's best before any tile's next."""
    tile = _tile_side(shape, count)
    tiles = (rows / tile).astype(np.intp) * 1024 + (columns / tile).astype(np.intp)
    by_tile = np.argsort(tiles, kind="stable")
    grouped = tiles[by_tile]
    start = np.r_[0, np.flatnonzero(np.diff(grouped)) + 1] if len(grouped) else np.empty(0, dtype=np.intp)
    place = np.empty(len(tiles), dtype=np.intp)
    place[by_tile] = np.arange(len(tiles)) - np.repeat(start, np.diff(np.r_[start, len(grouped)]))
    return np.argsort(place, kind="stable")[:count]


def _tile_side(shape: tuple[int, ...], count: int) -> float:
    """Of tiles that are half as many as the corners wanted."""
    return float(max(1.0, (shape[0] * shape[1] / count * 2) ** 0.5))


def _between_pixels(response: Floats, rows: Indices, columns: Indices) -> tuple[Floats, Floats]:
    """Peaks moved to the top of the parabola through their neighbours."""
    centre = response[rows, columns]
    moved = []
    for before, after in (
        (response[rows - 1, columns], response[rows + 1, columns]),
        (response[rows, columns - 1], response[rows, columns + 1]),
    ):
        bend = 2 * centre - before - after
        moved.append(np.clip(0.5 * (after - before) / np.maximum(bend, 1e-6), -0.5, 0.5))
    return rows.astype(np.float32) + moved[0], columns.astype(np.float32) + moved[1]


def _patch_responses(across: Floats, down: Floats, rows: Indices, columns: Indices) -> Floats:
    """How strongly the slopes run in 8 directions: (8, k, 256) for the 16 × 16 pixels around each of k places."""
    width = across.shape[1]
    offset = np.arange(_PATCH) - _PATCH // 2
    places = (rows * width + columns)[:, None] + (offset[:, None] * width + offset).ravel()
    east, south = across.ravel()[places], down.ravel()[places]
    length = east * east
    length += south * south
    length += 1e-6
    halved = 1 / np.sqrt(np.sqrt(length))  # so that the squares below grow with the gradient's length
    east *= halved
    south *= halved
    response = np.empty((_DIRECTIONS, len(rows), _PATCH**2), dtype=np.float32)
    for axis, along in enumerate((east, (east + south) * 0.70710678, south, (south - east) * 0.70710678)):
        np.maximum(along, 0, out=response[axis])
        np.minimum(along, 0, out=response[axis + 4])
    response *= response
    return response


def _pool_responses(response: Floats) -> NDArray[np.uint8]:
    """Histograms of gradient direction, (k, 128): 8 in each of 4 × 4 overlapping cells of a patch."""
    k = response.shape[1]
    if not k:
        return np.empty((0, VECTOR_LENGTH), np.uint8)
    pooled = response.reshape(_DIRECTIONS * k, -1) @ _cell_weights()
    vectors = pooled.reshape(_DIRECTIONS, k, -1).transpose(1, 0, 2).reshape(k, -1)
    vectors /= np.sqrt(np.einsum("kd,kd->k", vectors, vectors))[:, None] + 1e-6
    np.minimum(vectors, 0.2, out=vectors)
    vectors /= vectors.sum(axis=1, keepdims=True) + 1e-6
    quantised: NDArray[np.uint8] = np.minimum(np.sqrt(vectors) * _QUANTUM + 0.5, 255).astype(np.uint8)
    return quantised


@lru_cache(maxsize=1)
def _cell_weights() -> Floats:
    """(256, 16): how much each pixel of a patch counts in each cell; tents that overlap, faded to the rim."""
    place = np.arange(_PATCH) - _PATCH // 2  # the key point lies on a pixel
    centres = (np.arange(_CELLS) - (_CELLS - 1) / 2) * (_PATCH / _CELLS)
    tent = np.maximum(1 - np.abs(place[:, None] - centres) / (_PATCH / _CELLS), 0)
    fade = np.exp(-((place / (_PATCH * 0.6)) ** 2) / 2)[:, None]
    line = tent * fade
    weights = np.einsum("yi,xj->yxij", line, line).reshape(_PATCH**2, _CELLS**2)
    return np.asarray(weights, dtype=np.float32)


@lru_cache(maxsize=32)
def _smoother(length: int) -> tuple[Floats, Floats]:
    """Thin matrices (back up, down) whose product smooths *length* samples with tents 40 samples wide."""
    knots = max(2, round(length / (DETECTION_SIDE / 16)) + 1)
    place = (np.arange(length) + 0.5) / length * (knots - 1)
    tents = np.maximum(1 - np.abs(place[:, None] - np.arange(knots)), 0)
    return tents.astype(np.float32), (tents / tents.sum(axis=0)).T.astype(np.float32)


def _smooth(values: Floats, down: tuple[Floats, Floats], across: tuple[Floats, Floats]) -> Floats:
    knots = down[1] @ values @ across[1].T
    return np.asarray(down[0] @ knots @ across[0].T)


def _shrink(grey: Image.Image, side: int) -> Image.Image:
    scale = side / max(grey.size)
    if scale >= 1:
        return grey
    width, height = (max(1, round(length * scale)) for length in grey.size)
    if scale <= 0.5:
        grey = grey.reduce(round(1 / scale))
    if 0.9 * side <= max(grey.size) <= 1.1 * side:
        return grey  # near enough: resampling once more costs more than it gains
    return grey.resize((width, height), Image.Resampling.BILINEAR)


def _nothing() -> Keypoints:
    return Keypoints(
        np.empty((0, 2), np.float32),
        np.empty(0, np.float32),
        np.empty(0, np.float32),
        np.empty((0, VECTOR_LENGTH), np.uint8),
    )


def _complex(xy: Floats) -> NDArray[np.complex64]:
    return np.ascontiguousarray(xy).view(np.complex64)[:, 0]


def _square(values: NDArray[np.complex64]) -> Floats:
    return np.asarray(values.real**2 + values.imag**2)


@lru_cache(maxsize=256)
def _hypotheses(count: int) -> tuple[Indices, Indices]:
    """Pairs of matches to try, at most 240: among the likest all, then ever wider steps down the list."""
    first, second = np.triu_indices(count, 1)
    if len(first) > 240:
        rank = first + second
        near = np.argsort(rank, kind="stable")[:120]
        wide = np.linspace(0, len(first) - 1, 120).astype(np.intp)
        chosen = np.unique(np.r_[near, wide])
        first, second = first[chosen], second[chosen]
    return first, second


def _least_squares(here: NDArray[np.complex64], there: NDArray[np.complex64]) -> tuple[complex, complex]:
    """The complex α, β that minimise Σ|α·here + β − there|²."""
    a, b = here.astype(np.complex128), there.astype(np.complex128)
    a0, b0 = a.mean(), b.mean()
    spread = float((np.abs(a - a0) ** 2).sum())
    alpha = complex((np.conj(a - a0) * (b - b0)).sum() / spread) if spread > 1e-12 else 1 + 0j
    return alpha, complex(b0 - alpha * a0)


def _coverage(a: Floats, b: Floats, pairs: Indices, transform: FloatArray) -> float:
    """Share of 16 tiles, laid over all key points of *a* that *b* can see, that hold an inlier."""
    moved = a @ transform[:, :2].T + transform[:, 2]
    low, high = b.min(axis=0), b.max(axis=0)
    seen = a[((moved >= low) & (moved <= high)).all(axis=1)]
    if not len(seen):
        return 0.0
    low, high = seen.min(axis=0), seen.max(axis=0)
    extent = np.maximum(high - low, 1e-6)

    def tiles(points: Floats) -> set[int]:
        cell = np.clip((points - low) / extent * 4, 0, 3.999).astype(int)
        return set((cell[:, 1] * 4 + cell[:, 0]).tolist())

    populated = tiles(seen)
    return len(tiles(a[pairs[:, 0]]) & populated) / max(1, len(populated))
