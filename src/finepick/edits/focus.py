"""Focus: out of focus, here or there, shaken, sharpened too much. Blur adds up light, so it is linear."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from finepick.domain import Frame
from finepick.edits.base import Prepared
from finepick.edits.light import Floats, frame_of, light_of, rounded
from finepick.edits.subject import find_subject

_RADIUS = 0.012  # of the disc at strength 1, in long sides
# A disc with a hard rim turns fine patterns over at some radii, and would bring a stronger blur nearer to the source;
# lenses are not that perfect either.
_RIM = 0.4  # of the radius
_SHAKE = 0.04  # length of the way at strength 1, in long sides
_SHARPEN, _SHARPEN_SIGMA = 5.0, 1 / 700


def defocus(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Everything out of focus: every point of light becomes a disc, as behind a round aperture."""
    blurred = _disc_blur(frame)
    return Prepared(lambda strength: frame_of(blurred(strength)), _discs("the whole picture"))


def subject_blur(frame: Frame, chance: np.random.Generator) -> Prepared:
    """The subject out of focus, its surroundings as they were: focus has missed."""
    mask = find_subject(frame).mask(frame.shape)
    return Prepared(_blend(frame, mask), _discs("the subject"))


def background_blur(frame: Frame, chance: np.random.Generator) -> Prepared:
    """The surroundings out of focus, the subject as it was: a wider aperture. Often wanted."""
    mask = 1 - find_subject(frame).mask(frame.shape)
    return Prepared(_blend(frame, mask), _discs("the background"))


def motion_blur(frame: Frame, chance: np.random.Generator) -> Prepared:
    """The camera moved along a line, whose direction chance draws, while the shutter was open."""
    angle = chance.random() * np.pi
    reach = _SHAKE * max(frame.shape)
    spectrum = _Spectrum.of(light_of(frame), int(reach / 2) + 1)

    def words_at(strength: float) -> str:
        return f"shakes the camera along {np.degrees(angle):.0f}°, {_SHAKE * strength:.1%} of the long side"

    return Prepared(lambda s: frame_of(spectrum.filtered(_line(reach * s, angle))), words_at)


def oversharpening(frame: Frame, chance: np.random.Generator) -> Prepared:
    """An unsharp mask that is turned up until edges have halos; in sRGB, as editors do it."""
    levels = frame.astype(np.float32)
    sigma = max(1.0, _SHARPEN_SIGMA * max(frame.shape))
    detail = levels - ndimage.gaussian_filter(levels, (sigma, sigma, 0), mode="nearest", truncate=3)
    return Prepared(
        lambda strength: rounded(levels + np.float32(_SHARPEN * strength) * detail),
        lambda strength: f"sharpens too much: an unsharp mask of {_SHARPEN * strength:.0%}",
    )


def _discs(what: str) -> Callable[[float], str]:
    return lambda strength: (
        f"puts {what} out of focus: discs of {2 * _RADIUS * strength:.1%} of the long side"
    )


def _disc_blur(frame: Frame) -> Callable[[float], Floats]:
    """Linear light of *frame* out of focus, by strength."""
    radius = _RADIUS * max(frame.shape)
    spectrum = _Spectrum.of(light_of(frame), int(radius * (1 + _RIM / 2)) + 1)
    return lambda strength: spectrum.filtered(_disc(radius * strength))


def _blend(frame: Frame, mask: Floats) -> Callable[[float], Frame]:
    light = light_of(frame)
    blurred = _disc_blur(frame)

    def frame_at(strength: float) -> Frame:
        difference = blurred(strength) - light
        difference *= mask[..., None]
        difference += light
        return frame_of(difference)

    return frame_at


@dataclass(frozen=True, slots=True)
class _Spectrum:
    """The Fourier transform of a picture mirrored at its border, computed once for all kernels."""

    planes: NDArray[np.complex64]
    padded: tuple[int, int]
    reach: int
    size: tuple[int, int]

    @classmethod
    def of(cls, light: Floats, reach: int) -> _Spectrum:
        """Of *light* (H × W × 3), for kernels that reach at most *reach* pixels from their middle."""
        height, width = light.shape[:2]
        padded = (
            fft.next_fast_len(height + 2 * reach, real=True),
            fft.next_fast_len(width + 2 * reach, real=True),
        )
        rows, columns = padded[0] - height, padded[1] - width
        margins = ((0, 0), (reach, rows - reach), (reach, columns - reach))
        planes = np.pad(np.moveaxis(light, -1, 0), margins, mode="symmetric")
        return cls(fft.rfft2(planes), padded, reach, (height, width))

    def filtered(self, kernel: Floats) -> Floats:
        """The picture (H × W × 3) under *kernel*, whose sides are odd and whose sum is 1."""
        middle = kernel.shape[0] // 2, kernel.shape[1] // 2
        around = np.zeros(self.padded, np.float32)
        around[: kernel.shape[0], : kernel.shape[1]] = kernel
        around = np.roll(around, (-middle[0], -middle[1]), axis=(0, 1))
        planes = fft.irfft2(self.planes * fft.rfft2(around), s=self.padded, overwrite_x=True)
        height, width = self.size
        shown = planes[:, self.reach : self.reach + height, self.reach : self.reach + width]
        return np.ascontiguousarray(np.moveaxis(shown, 0, -1))


def _disc(radius: float) -> Floats:
    """A disc of *radius* pixels, sum 1, with a soft rim; below one pixel, part of the light stays in place."""
    y, x = _offsets(int(radius * (1 + _RIM / 2)) + 1)
    away = np.hypot(x, y)
    if radius >= 1:
        rim = max(1.0, _RIM * radius)
        return _whole(np.clip((radius + rim / 2 - away) / rim, 0, 1))
    smallest = np.clip(1.5 - away, 0, 1)
    return _whole((1 - radius) * (away == 0) + radius * smallest / smallest.sum())


def _line(length: float, angle: float) -> Floats:
    """A line of *length* pixels through the middle, a pixel wide, sum 1; a single pixel for length 0."""
    y, x = _offsets(int(length / 2) + 1)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return _whole(np.clip(length / 2 + 0.5 - np.abs(along), 0, 1) * np.clip(1 - np.abs(across), 0, 1))


def _offsets(reach: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    steps = np.arange(-reach, reach + 1, dtype=np.float64)
    return steps[:, None], steps[None]


def _whole(kernel: NDArray[np.float64]) -> Floats:
    return np.asarray(kernel / kernel.sum(), np.float32)
