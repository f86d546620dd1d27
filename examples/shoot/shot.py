"""The nouns: what was ordered (Brief), what the camera noted (Exposure), and one photo to be made (Shot)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
DAY = datetime(2025, 9, 20)


@dataclass(frozen=True, slots=True)
class Brief:
    """What was ordered: the *seed* of all chance, the (width, height) in pixels, and how many sunsets."""

    seed: int = 0
    size: tuple[int, int] = (1600, 1200)
    count: int = 50


@dataclass(frozen=True, slots=True)
class Exposure:
    """How the camera stood: time in seconds, aperture, ISO, focal length in mm, correction in EV."""

    seconds: float = 1 / 250
    f_number: float = 8.0
    iso: int = 100
    focal_length: float = 35.0
    bias: float = 0.0
    auto_bracket: bool = False


@dataclass(frozen=True, slots=True)
class Shot:
    """One photo of the shoot.

    file: where it goes, relative to the shoot, with "/" between folders.
    taken, exposure: what goes into EXIF; None for pictures that no camera made.
    flaws: what was done to it, in words. quality: 1 is the best of its series; None where nobody can say.
    prompt: the text that a generated picture carries. jpeg_quality: for files that end in .jpg.
    orientation: the EXIF value; the scene renders the picture as it lies in the file.
    """

    file: str
    taken: datetime | None = None
    exposure: Exposure | None = None
    flaws: tuple[str, ...] = ()
    quality: int | None = None
    prompt: str | None = None
    jpeg_quality: int = 90
    orientation: int = 1


class Scene(Protocol):
    """What every module of `shoot.scenes` offers."""

    KIND: str
    """The kind of series that its shots are; "single" where they belong to nothing."""

    def plan(self, brief: Brief) -> Sequence[Shot]:
        """All shots of the scene, in the order in which they were taken."""
        ...

    def render(self, brief: Brief, index: int) -> Pixels:
        """The picture of shot *index*."""
        ...


def at(clock: str, seconds: float = 0.0) -> datetime:
    """The moment of the shoot's day at *clock* ("18:40"), *seconds* later."""
    hours, minutes = clock.split(":")
    return DAY + timedelta(hours=int(hours), minutes=int(minutes), seconds=round(seconds, 3))


def camera_file(number: int) -> str:
    """The camera's own name for its picture *number*."""
    return f"100EXMPL/DSC_{number:04d}.JPG"
