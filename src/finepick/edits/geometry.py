"""Geometry: leaning, converging, cropped in the wrong place. Crops and tilts give smaller pictures.

Crops keep the pixels as they are. The crops of a chain lie inside one another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from finepick.domain import Frame
from finepick.edits.base import Prepared
from finepick.edits.subject import Subject, find_subject

_TILT_DEGREES = 10.0
_CONVERGENCE = 0.22  # of the side, at either end, at strength 1
_TO_THE_SUBJECT = 0.3  # the strength at which a cut has reached the subject
_CUT_AWAY = 0.65
_CROP_SIZES = 0.5, 0.7
_TIGHTEST, _LEAST_TIGHT = 0.22, 0.6
_SHRUNK = 0.65
_MARGIN = 0.08


@dataclass(frozen=True, slots=True)
class Crop:
    """A rectangle of a picture, 0…1 of its width and height."""

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0

    def towards(self, other: Crop, share: float) -> Crop:
        """The rectangle at *share*, 0…1, of the way to *other*."""
        return Crop(
            self.left + (other.left - self.left) * share,
            self.top + (other.top - self.top) * share,
            self.right + (other.right - self.right) * share,
            self.bottom + (other.bottom - self.bottom) * share,
        )

    def of(self, frame: Frame) -> Frame:
        """The pixels of *frame* in this rectangle, at least one."""
        top, bottom = _span(self.top, self.bottom, frame.shape[0])
        left, right = _span(self.left, self.right, frame.shape[1])
        return frame[top:bottom, left:right]

    @property
    def area(self) -> float:
        return (self.right - self.left) * (self.bottom - self.top)


def _span(low: float, high: float, length: int) -> tuple[int, int]:
    first = min(round(low * length), length - 1)
    return first, max(first + 1, round(high * length))


def tilt(frame: Frame, chance: np.random.Generator) -> Prepared:
    """The camera held askew: turned around the middle, and cut to what is full, in the same proportions."""
    sign = 1 if chance.random() < 0.5 else -1
    way = "clockwise" if sign > 0 else "anticlockwise"
    return Prepared(
        lambda strength: turned(frame, sign * _TILT_DEGREES * strength),
        lambda strength: f"tilts the horizon {_TILT_DEGREES * strength:.1f}° {way}",
    )


def turned(frame: Frame, degrees: float) -> Frame:
    """*frame* turned clockwise by *degrees* (−45…45), cut to the largest rectangle of its proportions that is full."""
    picture = Image.fromarray(frame).rotate(-degrees, Image.Resampling.BICUBIC)
    height, width = frame.shape[:2]
    angle = abs(np.radians(degrees))
    sine, cosine = np.sin(angle), np.cos(angle)
    share = min(width / (width * cosine + height * sine), height / (width * sine + height * cosine))
    # A pixel less: the outermost ones are half made of what lies outside.
    kept_width, kept_height = (max(1, int(side * share) - 1) for side in (width, height))
    left, top = (width - kept_width) // 2, (height - kept_height) // 2
    return np.asarray(picture.crop((left, top, left + kept_width, top + kept_height)))


def perspective(frame: Frame, chance: np.random.Generator) -> Prepared:
    """The camera held at a slant: parallel lines run together towards one side, which chance draws."""
    way = ("upwards", "downwards", "to the left", "to the right")[int(chance.integers(4))]
    picture = Image.fromarray(frame)

    def frame_at(strength: float) -> Frame:
        far, near = (0.0, 1.0), (_CONVERGENCE * strength, 1 - _CONVERGENCE * strength)
        # What is seen, from the upper left corner on, against the clock; the far side is seen whole.
        corners = {
            "upwards": [(far[0], 0.0), (near[0], 1.0), (near[1], 1.0), (far[1], 0.0)],
            "downwards": [(near[0], 0.0), (far[0], 1.0), (far[1], 1.0), (near[1], 0.0)],
            "to the left": [(0.0, far[0]), (0.0, far[1]), (1.0, near[1]), (1.0, near[0])],
            "to the right": [(0.0, near[0]), (0.0, near[1]), (1.0, far[1]), (1.0, far[0])],
        }[way]
        return np.asarray(_through_corners(picture, corners))

    return Prepared(
        frame_at, lambda s: f"makes lines converge {way}: one side {1 - 2 * _CONVERGENCE * s:.0%} as long"
    )


def subject_cut(frame: Frame, chance: np.random.Generator) -> Prepared:
    """The frame's edge cuts through what seems to be the subject; up to a strength of .3 it only comes near."""
    subject = find_subject(frame)
    x, y = subject.centre
    across = chance.random() < 0.5
    side = ("left" if x < 0.5 else "right") if across else ("top" if y < 0.5 else "bottom")
    near, far = _from_side(subject, side)
    place = f"at the {side}" if side in ("top", "bottom") else f"on the {side}"

    def lost_at(strength: float) -> float:
        ways = [0.0, near + 0.1 * (far - near), near + _CUT_AWAY * (far - near)]
        return float(np.interp(strength, [0.0, _TO_THE_SUBJECT, 1.0], ways))

    def words_at(strength: float) -> str:
        cut = (lost_at(strength) - near) / (far - near)
        return (
            f"cuts {cut:.0%} of the subject away {place}" if cut > 0 else f"crops {place}, up to the subject"
        )

    return Prepared(lambda strength: _without(side, lost_at(strength)).of(frame), words_at)


def off_balance(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Cropped so that the subject is pushed into the nearest corner, with empty space on the other sides."""
    subject = find_subject(frame)
    x, y = subject.centre
    size = float(np.clip(max(subject.right - subject.left, subject.bottom - subject.top), *_CROP_SIZES))
    left = subject.left if x < 0.5 else subject.right - size
    top = subject.top if y < 0.5 else subject.bottom - size
    corner = f"{'upper' if y < 0.5 else 'lower'} {'left' if x < 0.5 else 'right'}"
    target = _inside(left, top, size)
    return Prepared(
        lambda strength: Crop().towards(target, strength).of(frame),
        lambda strength: (
            f"crops so that the subject is pushed {strength:.0%} of the way into the {corner} corner"
        ),
    )


def too_tight(frame: Frame, chance: np.random.Generator) -> Prepared:
    """Cropped to less than the subject, in the same proportions."""
    subject = find_subject(frame)
    size = 0.7 * max(subject.right - subject.left, subject.bottom - subject.top)
    size = min(max(size, _TIGHTEST), _LEAST_TIGHT)
    x, y = subject.centre
    target = _inside(x - size / 2, y - size / 2, size)
    return Prepared(
        lambda strength: Crop().towards(target, strength).of(frame),
        lambda strength: f"crops too tightly: to {Crop().towards(target, strength).area:.0%} of the area",
    )


def too_loose(frame: Frame, chance: np.random.Generator) -> Prepared:
    """The subject shrinks and its surroundings are stretched to fill the frame: too far away, too much around."""
    subject = find_subject(frame)
    picture = Image.fromarray(frame)
    spans = [
        (max(_MARGIN, low), min(1 - _MARGIN, high))
        for low, high in ((subject.left, subject.right), (subject.top, subject.bottom))
    ]

    def frame_at(strength: float) -> Frame:
        across, down = (
            _squeezed(span, side, 1 - (1 - _SHRUNK) * strength)
            for span, side in zip(spans, picture.size, strict=True)
        )
        made = Image.new("RGB", picture.size)
        for target_x, source_x in across:
            for target_y, source_y in down:
                size = target_x[1] - target_x[0], target_y[1] - target_y[0]
                box = source_x[0], source_y[0], source_x[1], source_y[1]
                if min(size) > 0:
                    patch = picture.resize(size, Image.Resampling.BICUBIC, box=box)
                    made.paste(patch, (target_x[0], target_y[0]))
        return np.asarray(made)

    return Prepared(
        frame_at, lambda s: f"frames too loosely: the subject at {1 - (1 - _SHRUNK) * s:.0%} of its size"
    )


_Pieces = list[tuple[tuple[int, int], tuple[float, float]]]


def _squeezed(span: tuple[float, float], length: int, factor: float) -> _Pieces:
    """Three pieces of an axis of *length* pixels: where each comes to lie, and from where it is taken.

    What lies in *span* (0…1) becomes *factor* times as long; both margins grow by the same factor.
    """
    low, high = span
    inside = high - low
    growth = (1 - inside * factor) / (1 - inside)
    targets = [0, round(low * growth * length), round((low * growth + inside * factor) * length), length]
    sources = [0.0, low * length, high * length, float(length)]
    return [((targets[i], targets[i + 1]), (sources[i], sources[i + 1])) for i in range(3)]


def _from_side(subject: Subject, side: str) -> tuple[float, float]:
    """How far the near and the far end of *subject* are from *side* of the frame, 0…1."""
    return {
        "left": (subject.left, subject.right),
        "top": (subject.top, subject.bottom),
        "right": (1 - subject.right, 1 - subject.left),
        "bottom": (1 - subject.bottom, 1 - subject.top),
    }[side]


def _without(side: str, lost: float) -> Crop:
    return {
        "left": Crop(left=lost),
        "top": Crop(top=lost),
        "right": Crop(right=1 - lost),
        "bottom": Crop(bottom=1 - lost),
    }[side]


def _inside(left: float, top: float, size: float) -> Crop:
    """A crop of *size* in both directions, moved into the frame where it would stick out."""
    left, top = (float(np.clip(edge, 0, 1 - size)) for edge in (left, top))
    return Crop(left, top, left + size, top + size)


def _through_corners(picture: Image.Image, corners: list[tuple[float, float]]) -> Image.Image:
    """*picture* such that its points *corners* (0…1; upper left, lower left, lower right, upper right) are corners."""
    width, height = picture.size
    targets = [(0, 0), (0, height), (width, height), (width, 0)]
    rows, values = [], []
    for (x, y), (u, v) in zip(targets, corners, strict=True):
        u, v = u * width, v * height
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    coefficients = np.linalg.solve(np.array(rows, float), np.array(values, float))
    method = Image.Transform.PERSPECTIVE
    return picture.transform(picture.size, method, coefficients.tolist(), Image.Resampling.BICUBIC)
