"""What a lens and a hand do to light: blur by distance, shake, glow around lamps, vignette, tilt and pan."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from shoot.light import Light
from shoot.noise import enlarge
from shoot.view import View

FloatArray = NDArray[np.floating]


def soften(planes: FloatArray, sigma: float) -> FloatArray:
    """Gaussian blur of the last two axes; wide blurs are done at a reduced size, where nobody can tell."""
    if sigma < 0.05:
        return planes
    flat = planes.reshape(-1, *planes.shape[-2:])
    return np.stack([_soften_plane(plane, sigma) for plane in flat]).reshape(planes.shape)


def _soften_plane(plane: FloatArray, sigma: float) -> FloatArray:
    factor = int(sigma // 4)
    if factor < 2 or min(plane.shape) < 4 * factor:
        return ndimage.gaussian_filter(plane, sigma, truncate=3, mode="nearest")
    small = ndimage.gaussian_filter(_reduce(plane, factor), sigma / factor, truncate=3, mode="nearest")
    return enlarge(small, plane.shape)


def _reduce(plane: FloatArray, factor: int) -> FloatArray:
    height, width = (max(1, round(length / factor)) for length in plane.shape)
    picture = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
    return np.asarray(picture.resize((width, height), Image.Resampling.BOX))


def defocus(planes: FloatArray, radius: float) -> FloatArray:
    """Blur by an open iris: the mean over a disc of *radius* pixels, so that points of light become discs."""
    if radius < 0.4:
        return planes
    flat = planes.reshape(-1, *planes.shape[-2:])
    return np.stack([_defocus_plane(plane, radius) for plane in flat]).reshape(planes.shape)


def _defocus_plane(plane: FloatArray, radius: float) -> FloatArray:
    factor = max(1, int(radius // 6))
    small = _reduce(plane, factor) if factor > 1 else plane
    reach = radius / factor
    half = int(np.ceil(reach))
    offsets = np.arange(-half, half + 1)
    widths = np.sqrt(np.maximum(reach**2 - offsets**2, 0))
    padded = np.pad(small, half + 1, mode="edge")
    # A disc is a stack of horizontal bars: running sums make each bar one subtraction.
    sums = np.cumsum(padded, axis=1, dtype=np.float64)
    height, width = small.shape
    total = np.zeros(small.shape)
    weight = 0.0
    for offset, reach_x in zip(offsets, widths, strict=True):
        bar = round(float(reach_x))
        rows = sums[half + 1 + offset : half + 1 + offset + height]
        right = rows[:, half + 1 + bar : half + 1 + bar + width]
        left = rows[:, half - bar : half - bar + width]
        total += right - left
        weight += 2 * bar + 1
    result = (total / weight).astype(np.float32)
    return enlarge(result, plane.shape) if factor > 1 else result


def shake(light: Light, path: list[tuple[float, float]]) -> Light:
    """Mean of *light* along a *path* of (dx, dy) in pixels: what a moving hand smears."""
    steps = [(round(dx), round(dy)) for dx, dy in path]
    reach = max(1, *(abs(step) for pair in steps for step in pair))
    padded = np.pad(light, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    height, width = light.shape[1:]
    total = np.zeros_like(light)
    for dx, dy in steps:
        total += padded[:, reach - dy : reach - dy + height, reach - dx : reach - dx + width]
    return total / np.float32(len(steps))


def hand_path(rng: np.random.Generator, length: float) -> list[tuple[float, float]]:
    """A slightly bent stroke of *length* pixels, with a point about every pixel."""
    angle, bend = rng.uniform(0, np.pi), rng.uniform(-0.9, 0.9)
    steps = int(np.clip(round(length), 4, 32)) + 1
    along = np.linspace(-0.5, 0.5, steps)
    directions = angle + bend * along
    return [
        (float(length * t * np.cos(a)), float(length * t * np.sin(a)))
        for t, a in zip(along, directions, strict=True)
    ]


def glow(light: Light, view: View, *, strength: float = 0.06, reach: float = 0.03) -> Light:
    """*light* with the veil that bright parts spread in a lens."""
    factor = max(1, int(reach * view.scale / 6))
    small = np.stack([_reduce(plane, factor) for plane in np.minimum(light, 12)])
    sigma = reach * view.scale / factor
    veil = 0.7 * soften(small, sigma) + 0.3 * soften(small, 3.5 * sigma)
    return light * np.float32(1 - strength) + np.stack(
        [enlarge(plane, view.shape) for plane in veil]
    ) * np.float32(strength)


def vignette(light: Light, strength: float = 0.22) -> Light:
    """*light*, falling off towards the corners."""
    height, width = light.shape[1:]
    y = (np.arange(height, dtype=np.float32) - (height - 1) / 2)[:, None] / height * 2
    x = (np.arange(width, dtype=np.float32) - (width - 1) / 2)[None, :] / width * 2
    return light * (1 - np.float32(strength) * ((x * x + y * y) / 2) ** 1.5)


def reframe(
    light: Light,
    source: View,
    target: View,
    *,
    degrees: float = 0.0,
    shift: tuple[float, float] = (0.0, 0.0),
    zoom: float = 1.0,
) -> Light:
    """*light* of *source* as seen by *target*, its camera turned by *degrees*, moved by *shift* units."""
    angle = np.deg2rad(degrees)
    step = source.scale / (target.scale * zoom)
    cos, sin = np.cos(angle) * step, np.sin(angle) * step
    middle_x = (target.left + target.width / target.scale / 2 + shift[0] - source.left) * source.scale
    middle_y = (target.top + target.height / target.scale / 2 + shift[1] - source.top) * source.scale
    half_x, half_y = target.width / 2, target.height / 2
    matrix = (
        cos,
        -sin,
        middle_x - cos * half_x + sin * half_y,
        sin,
        cos,
        middle_y - sin * half_x - cos * half_y,
    )
    size = (target.width, target.height)
    # Taken as logarithms, so that the sharp edge of a light source does not ring.
    seen = [
        Image.fromarray(plane).transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
        for plane in np.log1p(light)
    ]
    return np.expm1(np.stack([np.asarray(plane) for plane in seen])).clip(0)
