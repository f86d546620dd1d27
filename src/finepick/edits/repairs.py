"""Repairs: what an editor's buttons do. Whether they help depends on the photo, so nothing is labelled here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from finepick.domain import Frame
from finepick.edits.base import Prepared
from finepick.edits.geometry import Crop, turned
from finepick.edits.light import LEVELS, LUMA, Floats, luma_of, rounded, through
from finepick.edits.subject import find_subject
from finepick.features.extraction import extract_features

_CLIPPED_PERCENT = 0.5
_BLACKEST, _WHITEST = 0.15, 0.8
_MIDDLE, _GAMMAS = 0.46, (1 / 1.6, 1.15)
_LEAST_CONFIDENCE, _LEAST_TILT = 0.3, 0.3
_SMALLEST_RECROP = 0.8


def auto_tone(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Black and white points at the half-percentiles of luma, and a gamma that brings the median near the middle.

    Black moves by at most .15, white by at most .2, gamma from 1/1.6 to 1.15: night stays night, and snow snow.
    """
    luma = luma_of(frame) / np.float32(255)
    low, middle, high = (
        float(q) for q in np.percentile(luma, [_CLIPPED_PERCENT, 50, 100 - _CLIPPED_PERCENT])
    )
    low, high = min(low, _BLACKEST), max(high, _WHITEST)
    middle = float(np.clip((middle - low) / (high - low), 0.02, 0.98))
    gamma = float(np.clip(np.log(_MIDDLE) / np.log(middle), *_GAMMAS))

    def frame_at(strength: float) -> Frame:
        black, white = low * strength, 1 + (high - 1) * strength
        return through(frame, np.clip((LEVELS - black) / (white - black), 0, 1) ** gamma**strength)

    def words_at(strength: float) -> str:
        return (
            f"sets black at {low * strength:.0%}, white at {1 + (high - 1) * strength:.0%} "
            f"and gamma to {gamma**strength:.2f}"
        )

    return Prepared(frame_at, words_at)


def straighten(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Turned so that the dominant line near the horizontal becomes level; left alone where there is none."""
    measured = extract_features(frame).measurements
    degrees = measured["tilt"]
    if measured["tilt_confidence"] < _LEAST_CONFIDENCE or abs(degrees) < _LEAST_TILT:
        return Prepared(lambda strength: frame, lambda strength: "finds no leaning horizon; changes nothing")
    way = "anticlockwise" if degrees > 0 else "clockwise"
    return Prepared(
        lambda strength: turned(frame, -degrees * strength),
        lambda strength: f"straightens by {abs(degrees) * strength:.1f}° {way}",
    )


def denoise(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Guided filter (He, Sun, Tang 2013) of luma by itself, and of colour by luma, as strong as the noise measured.

    Edges stay; what is flat within twice the noise becomes smooth. Colour is smoothed over a larger window.
    """
    noise = max(extract_features(frame).measurements["noise"], 1.0)
    size = max(1, round(max(frame.shape) / 512))
    luma = luma_of(frame)
    smooth = _guided(luma, luma, 2 * size + 1, (2.0 * noise) ** 2)
    clean = np.empty(frame.shape, np.float32)
    clean[..., 0] = _guided(frame[..., 0] - luma, luma, 4 * size + 1, (2.0 * noise) ** 2)
    clean[..., 2] = _guided(frame[..., 2] - luma, luma, 4 * size + 1, (2.0 * noise) ** 2)
    clean[..., 1] = -(LUMA[0] * clean[..., 0] + LUMA[2] * clean[..., 2]) / LUMA[1]
    clean += smooth[..., None]
    levels = frame.astype(np.float32)
    change = clean - levels
    return Prepared(
        lambda strength: rounded(levels + np.float32(strength) * change),
        lambda strength: f"takes away {strength:.0%} of the noise, {noise:.1f} grey levels",
    )


def thirds_recrop(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Cropped, in the same proportions, so that the subject's middle comes to lie on the nearest of the thirds."""
    subject = find_subject(frame)
    x, y = subject.centre
    third_x, third_y = (1 / 3 if place < 0.5 else 2 / 3 for place in (x, y))
    size = 1.0
    while size > _SMALLEST_RECROP and not _fits(x, third_x, size, y, third_y):
        size -= 0.01
    left, top = (float(np.clip(p - t * size, 0, 1 - size)) for p, t in ((x, third_x), (y, third_y)))
    target = Crop(left, top, left + size, top + size)
    return Prepared(
        lambda strength: Crop().towards(target, strength).of(frame),
        lambda strength: (
            f"recrops to {Crop().towards(target, strength).area:.0%} of the area, the subject on a third"
        ),
    )


def _fits(x: float, third_x: float, size: float, y: float, third_y: float) -> bool:
    return all(0 <= p - t * size <= 1 - size for p, t in ((x, third_x), (y, third_y)))


def _guided(plane: Floats, guide: Floats, window: int, epsilon: float) -> Floats:
    """*plane* smoothed where *guide* is flat: in every window a + b · guide, by least squares with a ridge."""

    def mean(values: NDArray[np.floating]) -> Floats:
        return np.asarray(ndimage.uniform_filter(values, window, mode="nearest"), np.float32)

    guide_mean, plane_mean = mean(guide), mean(plane)
    slope = (mean(guide * plane) - guide_mean * plane_mean) / (
        mean(guide * guide) - guide_mean * guide_mean + np.float32(epsilon)
    )
    return mean(slope) * guide + mean(plane_mean - slope * guide_mean)
