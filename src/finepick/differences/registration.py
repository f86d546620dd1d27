"""Where the frames of a series overlap.

Key points say roughly how a frame lies over the reference; Gauss–Newton steps on locally normalised grey
(inverse compositional: Baker & Matthews, "Lucas–Kanade 20 years on", 2004) say it to a fraction of a pixel.
What moved between two frames is outvoted twice: as outliers among the key points, by Tukey weights after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finepick import kernels
from finepick.domain import FloatArray
from finepick.features.extraction import PhotoFeatures
from finepick.features.keypoints import Keypoints, fit_similarity, match, normalise_contrast, strongest

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]

_POINTS = 8  # in each of some 170 tiles
_STEPS = 6
_SETTLED = 3e-4  # frame units: a step of a twenty-fifth of a pixel is the last
_CLEAR = 0.8  # likeness at which frames that were laid on each other as they are need no key points
_LEAST_INLIERS = 6
_LEAST_LIKENESS = 0.35
_COMPARED_CLOSELY = 16
_SKETCH = 16  # key points of each level
_VIEW_POINTS = 8
_VIEW_NOISE = 4.0  # grey levels; in a dark frame less than that is noise
_WORTH_REFINING = 0.15
_WORTH_COMPARING = 0.2
_ELSEWHERE = 0.05
_TILES_PER_UNIT = 16
_LEAST_POINTS = 60
_LEAST_TILES = 20
_LEAST_ENERGY = 100.0  # of a tile's points around their mean, squared normalised grey levels
_LEAST_GRADIENT = 16.0  # squared, in normalised grey levels a pixel


@dataclass(frozen=True, slots=True)
class Alignment:
    """How the n frames of a series lie over their reference frame.

    reference: index of the reference frame (its transform is the identity).
    transforms: (n, 2, 3) float64; transform i takes a point of the reference frame, in frame units of the
        reference, to frame i, in frame units of frame i (pixels / long side, origin upper left).
    confidence: (n,) in [0, 1]; 0 = not registered, the transform then only centres and scales one frame on
        the other.
    """

    reference: int
    transforms: FloatArray
    confidence: FloatArray


@dataclass(frozen=True, slots=True)
class _Level:
    """A frame at one resolution: locally normalised grey around 0, and pixels per frame unit."""

    pixels: Floats
    scale: tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Target:
    """What the reference offers at one resolution: places with structure, and how their grey reacts to moves.

    points: (k, 2) float32, frame units. values: (k,) grey. jacobian: (k, 4) for scale, turn, shift x and y.
    """

    points: Floats
    values: Floats
    jacobian: Floats


def register_series(frames: Sequence[PhotoFeatures]) -> Alignment:
    """How each of *frames* lies over the one that is most like all the others.

    Turns up to about 15°, scales from .5 to 2 and frames that share a third of the view are found; a moving
    subject, blur and exposure do not matter as long as some of the surroundings can be recognised.
    """
    if not frames:
        return Alignment(0, np.empty((0, 2, 3)), np.empty(0))
    reference = most_central(frames)
    fits = [_centred_fit(frames[reference], frame) for frame in frames]
    confidence = np.zeros(len(frames))
    fits[reference], confidence[reference] = _identity(), 1.0
    ruler = _Ruler(frames[reference])
    for i, frame in enumerate(frames):
        if i != reference:
            found = ruler.register(frame, _starts(frames[reference], frame))
            if found is not None:
                fits[i], confidence[i] = found
    _register_by_way_of_others(frames, fits, confidence, ruler)
    return Alignment(reference, np.stack(fits), confidence)


def most_central(frames: Sequence[PhotoFeatures]) -> int:
    """Index of the frame that shares most with all the others; ties are settled by content.

    Up to sixteen frames are compared by key points, so that the middle of a sweep is found as well; more by
    their descriptors.
    """
    if len(frames) <= _COMPARED_CLOSELY:
        sketches = [strongest(frame.keypoints, _SKETCH) for frame in frames]
        common = np.zeros((len(frames), len(frames)))
        for i, j in combinations(range(len(frames)), 2):
            common[i, j] = common[j, i] = len(match(sketches[i], sketches[j])) ** 0.5
    else:
        vectors = np.stack([frame.descriptor for frame in frames]).astype(np.float64)
        common = vectors @ vectors.T
    centrality = np.sort(common, axis=1).sum(axis=1).round(6)
    best = np.flatnonzero(centrality == centrality.max()).tolist()
    return int(min(best, key=lambda i: frames[i].grey.tobytes()))


@dataclass(frozen=True, slots=True)
class View:
    """A small, locally normalised view of a frame, for `likeness_in_place`; some 25 KB.

    pixels: (rows, columns) int8, long side 128, 0 = the local mean. scale: pixels per frame unit.
    shape: width / height. places: (tiles, 8) flat indices of the strongest gradients of each tile that has as
    many. detail: (tiles, 8) float32, grey there around its mean, evened out. weights: (tiles,) how much each
    tile says of where it is, in [0, 1]: 0 for a straight edge, which looks the same all along, 1 where edges
    run every way.
    """

    pixels: NDArray[np.int8]
    scale: tuple[float, float]
    shape: float
    places: NDArray[np.int32]
    detail: Floats
    weights: Floats


def view(frame: PhotoFeatures) -> View:
    level = _level(frame, _VIEW_NOISE)
    across, down = _gradients(level.pixels)
    rows, columns, strength = _strongest_of_each_tile(across * across + down * down, _VIEW_POINTS)
    full = strength.min(axis=1, initial=np.inf) >= 2 * _LEAST_GRADIENT
    places = (rows * level.pixels.shape[1] + columns)[full]
    detail, energy = _around_zero(level.pixels.ravel()[places])
    steady = energy >= _LEAST_ENERGY
    places, detail, energy = places[steady], detail[steady], energy[steady]
    gx, gy = across.ravel()[places], down.ravel()[places]
    xx, yy, xy = ((one * other).sum(axis=1) for one, other in ((gx, gx), (gy, gy), (gx, gy)))
    weights = np.clip(4 * (xx * yy - xy * xy) / ((xx + yy) ** 2 + 1e-6), 0, 1)
    return View(
        pixels=level.pixels.astype(np.int8),
        scale=level.scale,
        shape=frame.size[0] / frame.size[1],
        places=places.astype(np.int32),
        detail=detail / energy[:, None] ** 0.25,
        weights=weights.astype(np.float32),
    )


def likeness_in_place(a: View, b: View) -> float:
    """How alike two frames are that were taken from one spot, −1…1, whatever the exposure of either.

    Correlation of fine detail at the well-structured places of one frame; the better of both directions
    counts, because what is clipped in one frame has structure in the other only. What they share a twentieth
    beside as well does not count, so lines of text are no likeness. A shift of a percent or two is undone.
    Unlike frames stay below about .25; frames of other shape or without structure score 0.
    """
    if abs(a.shape / b.shape - 1) > 0.02 or min(len(a.places), len(b.places)) < _LEAST_TILES:
        return 0.0
    return max(_likeness_seen_from(a, b), _likeness_seen_from(b, a))


def _likeness_seen_from(a: View, b: View) -> float:
    if a.pixels.shape == b.pixels.shape:
        standing = _likeness_of_detail(a, b.pixels.ravel()[a.places].astype(np.float32), None)
        if standing < _WORTH_REFINING:
            return standing
    rows, columns = np.divmod(a.places.ravel().astype(np.intp), a.pixels.shape[1])
    here, there = (_Level(each.pixels.astype(np.float32), each.scale) for each in (a, b))
    target = _target_at(here, rows, columns, *_gradients(here.pixels))

    def likeness(fit: FloatArray) -> float:
        values, inside = _sample(there, target.points, fit)
        whole = np.asarray(np.all(inside.reshape(a.places.shape), axis=1))
        return _likeness_of_detail(a, values.reshape(a.places.shape), whole)

    fit = max((_identity(), _refine(target, there, _identity(), 3)), key=likeness)
    best = likeness(fit)
    if best < _WORTH_COMPARING:
        return best
    return best - max(0.0, *(likeness(fit + shift) for shift in _shifts(_ELSEWHERE)))


def _shifts(distance: float) -> list[FloatArray]:
    """What to add to a transform to shift it by *distance* to the four sides."""
    steps = ((distance, 0), (-distance, 0), (0, distance), (0, -distance))
    return [np.array([[0, 0, x], [0, 0, y]]) for x, y in steps]


def _likeness_of_detail(seen_from: View, values: Floats, inside: NDArray[np.bool_] | None) -> float:
    """Weighted correlation of *values* (tiles, 8) with a view's own, in tiles that have structure in both.

    Within tiles, so that a shared horizon or border says nothing; each tile halfway to unit length, so that a
    few strong ones do not decide alone.
    """
    detail, energy = _around_zero(values)
    seen = energy >= _LEAST_ENERGY
    if inside is not None:
        seen &= inside
    if seen.sum() < max(_LEAST_TILES, len(seen) * 0.15):
        return 0.0
    weights = seen_from.weights * seen
    root = np.sqrt(np.maximum(energy, 1.0))
    both = np.einsum("tp,tp->t", seen_from.detail, detail) / np.sqrt(root)
    own = np.einsum("tp,tp->t", seen_from.detail, seen_from.detail)
    norm = float(weights @ own) * float(weights @ root)
    return float(weights @ both) / norm**0.5 if norm > 0 else 0.0


def _around_zero(grey: Floats) -> tuple[Floats, Floats]:
    """Tiles (rows) without their means, and the sum of squares of each."""
    centred = grey - grey.mean(axis=1, keepdims=True)
    return centred, np.einsum("tp,tp->t", centred, centred)


class _Ruler:
    """A reference frame, prepared once to lay many frames on it."""

    def __init__(self, reference: PhotoFeatures) -> None:
        self.reference = reference
        self._target = _target(_level(reference), _POINTS)

    def register(
        self, frame: PhotoFeatures, starts: Iterable[tuple[FloatArray, int]]
    ) -> tuple[FloatArray, float] | None:
        """The best of *starts* (transform, inliers), refined, with its confidence; None if none fits.

        No more of them are asked for than it takes to be sure.
        """
        level = _level(frame)
        best: tuple[FloatArray, float] | None = None
        for start, inliers in starts:
            refined = _refine(self._target, level, start, _STEPS)
            before, after = (_likeness(self._target, level, fit) for fit in (start, refined))
            fit, likeness = (refined, after) if after >= before else (start, before)
            confidence = _confidence(likeness, inliers)
            if confidence > 0 and (best is None or confidence > best[1]):
                best = fit, confidence
            if likeness >= _CLEAR or (inliers >= 2 * _LEAST_INLIERS and confidence > 0):
                break
        return best


def _starts(reference: PhotoFeatures, frame: PhotoFeatures) -> Iterator[tuple[FloatArray, int]]:
    """Transforms worth refining, the cheapest first."""
    yield _centred_fit(reference, frame), 0
    found = _by_keypoints(reference.keypoints, frame.keypoints)
    if found is not None:
        yield found
    if found is None or found[1] < 2 * _LEAST_INLIERS:
        shifted = _by_correlation(reference, frame)
        if shifted is not None:
            yield shifted, 0


def _by_keypoints(a: Keypoints, b: Keypoints) -> tuple[FloatArray, int] | None:
    similarity = fit_similarity(a, b, match(a, b))
    return (similarity.transform, similarity.inliers) if similarity.inliers >= 4 else None


def _by_correlation(reference: PhotoFeatures, frame: PhotoFeatures) -> FloatArray | None:
    """The centred fit, shifted to the peak of the phase correlation of both frames if these are of one shape."""
    if reference.grey.shape != frame.grey.shape or min(frame.grey.shape) < 16:
        return None
    a, b = (_level(each) for each in (reference, frame))
    window = np.outer(np.hanning(a.pixels.shape[0]), np.hanning(a.pixels.shape[1]))
    cross = np.fft.rfft2(b.pixels * window) * np.conj(np.fft.rfft2(a.pixels * window))
    peaks = np.fft.irfft2(cross / (np.abs(cross) + 1e-3 * np.abs(cross).max() + 1e-9), s=a.pixels.shape)
    y, x = np.unravel_index(int(peaks.argmax()), peaks.shape)
    rows, columns = peaks.shape
    shift_y, shift_x = (y + rows // 2) % rows - rows // 2, (x + columns // 2) % columns - columns // 2
    shifted = _centred_fit(reference, frame)
    shifted[:, 2] += shift_x / a.scale[0], shift_y / a.scale[1]
    return shifted


def _register_by_way_of_others(
    frames: Sequence[PhotoFeatures], fits: list[FloatArray], confidence: FloatArray, ruler: _Ruler
) -> None:
    """Lays frames that do not meet the reference on frames that do; fills *fits* and *confidence*."""
    if (confidence > 0).sum() < 2:
        return
    sketches = [strongest(frame.keypoints, _SKETCH) for frame in frames]
    fresh = np.flatnonzero(confidence > 0).tolist()
    while fresh:
        missing = np.flatnonzero(confidence == 0).tolist()
        found = {}
        for i in missing:
            common = {j: len(match(sketches[j], sketches[i])) for j in fresh}
            for j in sorted(fresh, key=lambda j: (-common[j], frames[j].grey.tobytes()))[:2]:
                bridge = _by_keypoints(frames[j].keypoints, frames[i].keypoints) if common[j] > 1 else None
                if bridge is not None and bridge[1] >= _LEAST_INLIERS:
                    start = _compose(bridge[0], fits[j])
                    sureness = 0.5 * float(confidence[j]) * _trust(bridge[1])
                    found[i] = ruler.register(frames[i], [(start, bridge[1])]) or (start, sureness)
                    break
        for i, (fit, sureness) in found.items():
            fits[i], confidence[i] = fit, sureness
        fresh = list(found)


def _level(frame: PhotoFeatures, noise: float = 1.4) -> _Level:
    picture = Image.fromarray(frame.grey)
    pixels = np.asarray(normalise_contrast(picture, noise=noise), dtype=np.float32) - 128
    width, height = picture.size
    unit = max(frame.size)
    return _Level(pixels, (width * unit / frame.size[0], height * unit / frame.size[1]))


def _target(level: _Level, per_tile: int) -> _Target:
    """The *per_tile* places of every tile with the strongest gradients; none where there is no structure."""
    across, down = _gradients(level.pixels)
    rows, columns, strength = _strongest_of_each_tile(across * across + down * down, per_tile)
    kept = strength >= _LEAST_GRADIENT
    return _target_at(level, rows[kept], columns[kept], across, down)


def _gradients(pixels: Floats) -> tuple[Floats, Floats]:
    across, down = np.zeros_like(pixels), np.zeros_like(pixels)
    across[:, 1:-1] = (pixels[:, 2:] - pixels[:, :-2]) / 2
    down[1:-1] = (pixels[2:] - pixels[:-2]) / 2
    return across, down


def _strongest_of_each_tile(strength: Floats, count: int) -> tuple[Indices, Indices, Floats]:
    """Rows, columns and strength, (tiles, count) each, sixteen tiles along the long side."""
    height, width = strength.shape
    tile = max(4, max(height, width) // _TILES_PER_UNIT)
    down, across = height // tile, width // tile
    whole = strength[: down * tile, : across * tile].reshape(down, tile, across, tile)
    blocks = whole.transpose(0, 2, 1, 3).reshape(down * across, tile * tile)
    count = min(count, tile * tile)
    best = np.argpartition(-blocks, count - 1, axis=1)[:, :count]
    tile_row, tile_column = np.divmod(np.arange(down * across), max(1, across))
    rows = tile_row[:, None] * tile + best // tile
    columns = tile_column[:, None] * tile + best % tile
    return rows, columns, np.take_along_axis(blocks, best, axis=1)


def _target_at(level: _Level, y: Indices, x: Indices, across: Floats, down: Floats) -> _Target:
    points = np.stack([(x + 0.5) / level.scale[0], (y + 0.5) / level.scale[1]], axis=1)
    gx, gy = across[y, x] * level.scale[0], down[y, x] * level.scale[1]
    px, py = points[:, 0], points[:, 1]
    jacobian = np.stack([gx * px + gy * py, gy * px - gx * py, gx, gy], axis=1)
    return _Target(points.astype(np.float32), level.pixels[y, x], jacobian.astype(np.float32))


def _sample(level: _Level, points: Floats, fit: FloatArray) -> tuple[Floats, NDArray[np.bool_]]:
    """Grey where *fit* takes *points*, between pixels, and which of them lie in the frame."""
    to_pixels = (fit * np.array(level.scale)[:, None]).astype(np.float32)
    if kernels.compiled is None:
        return _sample_in_numpy(level.pixels, points, to_pixels)
    values, inside = np.empty(len(points), np.float32), np.empty(len(points), np.bool_)
    kernels.compiled.sample_level(level.pixels, *level.pixels.shape, points, to_pixels, values, inside)
    return values, inside


def _sample_in_numpy(pixels: Floats, points: Floats, to_pixels: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    rows, columns = pixels.shape
    # Written out: a matrix product may round in another way on every processor.
    x, y = (row[0] * points[:, 0] + row[1] * points[:, 1] + row[2] - np.float32(0.5) for row in to_pixels)
    inside = (x >= 0) & (y >= 0) & (x <= columns - 1) & (y <= rows - 1)
    left = np.clip(x, 0, max(0, columns - 1.001)).astype(np.intp)
    top = np.clip(y, 0, max(0, rows - 1.001)).astype(np.intp)
    fx, fy = x - left.astype(np.float32), y - top.astype(np.float32)
    flat = pixels.ravel()
    corner = top * columns + left
    right, below = int(columns > 1), columns if rows > 1 else 0
    upper = flat[corner] * (1 - fx) + flat[corner + right] * fx
    lower = flat[corner + below] * (1 - fx) + flat[corner + below + right] * fx
    return np.asarray(upper * (1 - fy) + lower * fy), inside


def _refine(target: _Target, level: _Level, start: FloatArray, steps: int) -> FloatArray:
    """*start* after some Gauss–Newton steps that make the frame's grey equal the reference's."""
    fit = start
    for _ in range(steps):
        values, inside = _sample(level, target.points, fit)
        if inside.sum() < _LEAST_POINTS:
            return start
        error = values - target.values
        weights = _tukey(error, inside)
        weighted = target.jacobian * weights[:, None]
        normal = (weighted.T @ target.jacobian).astype(np.float64)
        normal[np.diag_indices(4)] *= 1 + 1e-4
        try:
            grow, turn, shift_x, shift_y = np.linalg.solve(normal, (weighted.T @ error).astype(np.float64))
        except np.linalg.LinAlgError:
            return start
        step = np.array([[1 + grow, -turn, shift_x], [turn, 1 + grow, shift_y]])
        if abs(grow) > 0.2 or abs(turn) > 0.2 or max(abs(shift_x), abs(shift_y)) > 0.2:
            return start
        fit = _compose(fit, _invert(step))
        if max(abs(grow), abs(turn), abs(shift_x), abs(shift_y)) < _SETTLED:
            break
    return fit


def _tukey(error: Floats, inside: NDArray[np.bool_]) -> Floats:
    """Tukey's biweight at three times the median error; nothing outside the frame counts."""
    misses = np.abs(error[inside])
    middle = len(misses) // 2
    reach = 3.0 * float(np.partition(misses, middle)[middle]) + 6.0
    weights = 1 - (error / reach) ** 2
    np.maximum(weights, 0, out=weights)
    weights *= weights
    weights[~inside] = 0
    return weights


def _likeness(target: _Target, level: _Level, fit: FloatArray) -> float:
    """Correlation of both frames' grey at the target's places; 0 where fewer than a quarter are seen."""
    if not len(target.points):
        return 0.0
    values, inside = _sample(level, target.points, fit)
    if inside.sum() < max(_LEAST_POINTS, len(inside) * 0.25):
        return 0.0
    a, b = target.values[inside].astype(np.float64), values[inside].astype(np.float64)
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm > 0 else 0.0


def _confidence(likeness: float, inliers: int) -> float:
    """0 below what chance reaches; towards 1 with likeness once registered and with agreeing key points."""
    founded = inliers >= _LEAST_INLIERS
    if likeness < (0.5 * _LEAST_LIKENESS if founded else _LEAST_LIKENESS):
        return 0.0
    return float(np.clip(max(likeness, 0.7 * _trust(inliers)), 0.05, 1.0))


def _trust(inliers: int) -> float:
    return min(1.0, inliers / 20)


def _identity() -> FloatArray:
    return np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def _centred_fit(reference: PhotoFeatures, frame: PhotoFeatures) -> FloatArray:
    """Centre on centre, the reference as large as fits into the frame."""
    here = np.array(reference.size) / max(reference.size)
    there = np.array(frame.size) / max(frame.size)
    scale = float((there / here).min())
    return np.array(
        [[scale, 0.0, (there[0] - scale * here[0]) / 2], [0.0, scale, (there[1] - scale * here[1]) / 2]]
    )


def _compose(outer: FloatArray, inner: FloatArray) -> FloatArray:
    """First *inner*, then *outer*."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def _invert(transform: FloatArray) -> FloatArray:
    inverse = np.linalg.inv(transform[:, :2])
    return np.column_stack([inverse, -inverse @ transform[:, 2]])
