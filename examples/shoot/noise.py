"""Chance with structure: tiles of fractal noise, smooth fields, rough outlines, and repeatable generators."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import fft, ndimage

FloatArray = NDArray[np.floating]


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """A generator for one purpose; the same words give the same numbers in any process."""
    words = [zlib.crc32(str(name).encode()) for name in names]
    return np.random.default_rng([seed, *words])


def fractal_tile(
    rng: np.random.Generator,
    side: int,
    *,
    slope: float = 1.6,
    longest: float = 1.0,
    shortest: float = 0.0,
    stretch: float = 1.0,
) -> FloatArray:
    """Noise that repeats without a seam: side × side, mean 0, deviation 1, amplitude falling as 1/f^slope.

    *longest* and *shortest* bound the waves it is made of, as shares of the tile; *stretch* > 1 draws the
    pattern out along x.
    """
    fy = fft.fftfreq(side, 1 / side)[:, None]
    fx = fft.rfftfreq(side, 1 / side)[None, :] * stretch
    frequency = np.hypot(fy, fx)
    frequency[0, 0] = 1
    amplitude = frequency**-slope
    amplitude[frequency < 1 / longest] = 0
    if shortest:
        amplitude *= np.exp(-((frequency * shortest) ** 2))
    amplitude[0, 0] = 0
    phase = rng.random(amplitude.shape)
    spectrum = amplitude * np.exp(2j * np.pi * phase) * rng.rayleigh(size=amplitude.shape)
    field = fft.irfft2(spectrum, s=(side, side))
    return ((field - field.mean()) / field.std()).astype(np.float32)


def look_up(tile: FloatArray, u: FloatArray, v: FloatArray) -> FloatArray:
    """*tile* at (u, v), where 1 is one tile; bilinear, repeating."""
    side = tile.shape[0]
    u, v = np.broadcast_arrays(u, v)
    found = ndimage.map_coordinates(
        tile, [v * side, u * side], order=1, mode="grid-wrap", prefilter=False, output=np.float32
    )
    return np.asarray(found, dtype=np.float32)


def smooth_field(rng: np.random.Generator, shape: tuple[int, int], cells: tuple[float, float]) -> FloatArray:
    """Slow random variation over a picture, deviation about 1; *cells* (down, across) set how slow."""
    lattice = rng.standard_normal((int(cells[0]) + 3, int(cells[1]) + 3), dtype=np.float32)
    return enlarge(lattice, shape)


def enlarge(plane: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """*plane* at another size, bicubic."""
    picture = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
    return np.asarray(picture.resize((shape[1], shape[0]), Image.Resampling.BICUBIC))


def outline(
    rng: np.random.Generator, x: FloatArray, *, wave: float, roughness: float = 0.5, octaves: int = 7
) -> FloatArray:
    """A rough line over *x*, deviation about 1: octaves from *wave* down, each *roughness* as high."""
    total = np.zeros_like(x, dtype=np.float32)
    height, power = 1.0, 0.0
    for octave in range(octaves):
        values = rng.standard_normal(512).astype(np.float32)
        place = x / wave * 2**octave + rng.random() * 512
        cell = np.floor(place)
        part = place - cell
        part = part * part * (3 - 2 * part)
        index = cell.astype(np.int64)
        total += height * (values[index % 512] * (1 - part) + values[(index + 1) % 512] * part)
        power += height**2
        height *= roughness
    return total / np.float32(np.sqrt(power * 0.7))


def smoothstep(low: float, high: float, value: FloatArray) -> FloatArray:
    """0 below *low*, 1 above *high*, an even curve between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
