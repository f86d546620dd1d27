"""What an edit is: a name, a family, what it does at which strength, and from where on it hurts.

An edit meets a photo in two steps. `Edit.prepare` draws everything that is left to chance and looks for what it
needs to know of the photo; no strength is known then. `Prepared.frame_at` makes the picture of any strength. So
the pictures of a chain show the same dust, the same noise and the same crop, only stronger.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from finepick.domain import Frame

ENGINE = 1
"""Raised whenever a change below alters what an edit makes of a photo; recipes say which one made them."""


_LEAST = 1e-6  # weaker is as good as nothing; edits need not mind division by next to nothing


class Family(StrEnum):
    """What an edit is about."""

    TONE = "tone"
    COLOUR = "colour"
    FOCUS = "focus"
    NOISE = "noise"
    GEOMETRY = "geometry"
    CLUTTER = "clutter"
    REPAIR = "repair"


class Effect(StrEnum):
    """What a strong edit does to a photo; `EITHER` way depends on the photo, and is for judges."""

    WORSE = "worse"
    BETTER = "better"
    EITHER = "either"


class Measure(StrEnum):
    """In what a stronger edit is farther from the source."""

    PIXELS = "pixels"  # root mean square of the differences, in grey levels
    AREA = "area"  # share of the source's area that is lost
    SHIFT = "shift"  # mean way that what is shown has moved, in long sides


@dataclass(frozen=True, slots=True)
class HurtsFrom:
    """The strength from which on a label by construction holds, and how that is known.

    measured: on human judgements (docs/edits.md); False = assumed. why: on what, in a few words.
    """

    strength: float
    measured: bool
    why: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """An edit made ready for one photo: frame and words at any strength above 0, up to 1."""

    frame_at: Callable[[float], Frame]
    words_at: Callable[[float], str]


Prepare = Callable[[Frame, np.random.Generator], Prepared]


@dataclass(frozen=True, slots=True)
class Edit:
    """One controlled edit.

    about: what it does, up to which size, in a line. effect: of a strong one. hurts_from: None where nothing is
    labelled by construction. measure: in what a stronger one is farther from the source.
    """

    name: str
    family: Family
    about: str
    recipe: Prepare
    hurts_from: HurtsFrom | None = None
    effect: Effect = Effect.WORSE
    measure: Measure = Measure.PIXELS

    def prepare(self, frame: Frame, *, seed: int = 0) -> Prepared:
        """This edit made ready for *frame* (H × W × 3, uint8, sRGB), which stays as it is.

        A pure function of frame and seed. Strength 0 is the frame itself, and so is anything below a millionth.
        Raises ValueError for anything that is no frame, for a negative seed and, later, for a strength outside 0…1.
        """
        _check(frame, seed)
        # By name: two edits of one seed must not put their dust and their noise in the same places.
        made = self.recipe(frame, np.random.default_rng([seed, *self.name.encode("ascii")]))

        def frame_at(strength: float) -> Frame:
            if checked(strength) < _LEAST:
                return frame.copy()
            return np.ascontiguousarray(made.frame_at(strength))

        def words_at(strength: float) -> str:
            return "changes nothing" if checked(strength) < _LEAST else made.words_at(strength)

        return Prepared(frame_at, words_at)


def checked(strength: float) -> float:
    """*strength*. Raises ValueError outside 0…1."""
    if not 0 <= strength <= 1:
        raise ValueError(f"a strength lies from 0 to 1, not {strength}")
    return strength


def _check(frame: Frame, seed: int) -> None:
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or not frame.size:
        raise ValueError(
            f"a frame is height × width × 3 of uint8, not {' × '.join(map(str, frame.shape))} of {frame.dtype}"
        )
    if seed < 0:
        raise ValueError(f"a seed is a whole number from 0 on, not {seed}")
