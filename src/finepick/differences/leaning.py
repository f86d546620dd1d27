"""How far each frame of a series leans: from its lines, and from how the frames are turned to one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finepick.differences.registration import Alignment
from finepick.domain import FloatArray
from finepick.features.extraction import PhotoFeatures

_TRUSTED_LINE = 0.6
_MAJORITY = 0.6
_LEAST_CONFIDENCE = 0.5


@dataclass(frozen=True, slots=True)
class Leaning:
    """degrees: (n,) from level, + falling to the right. sureness: 0…1 that a person would see it so."""

    degrees: FloatArray
    sureness: float


def lean_of_series(frames: Sequence[PhotoFeatures], alignment: Alignment) -> Leaning:
    """Between registered frames the difference is their turn against each other, which is known to a tenth.

    What is level is known from a line that stands out (a horizon); else, in series of three or more, most
    frames are taken to be held level. A frame that was not registered has its own
    line to go by, or else counts as leaning like the others.
    """
    registered = alignment.confidence >= _LEAST_CONFIDENCE
    matrices = alignment.transforms[:, :, :2]
    turns = np.degrees(np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0]))
    usual = float(np.median(turns[registered])) if registered.any() else 0.0
    turns = np.where(registered, turns, usual)
    lines = np.array([frame.measurements["tilt"] for frame in frames])
    trust = np.array([frame.measurements["tilt_confidence"] for frame in frames])
    line_trust = float(np.median(trust))
    if line_trust >= _TRUSTED_LINE or len(frames) < 3:
        if len(frames) == 2 and registered.all() and abs(lines[0] - lines[1] - turns[0] + turns[1]) > 1.0:
            return Leaning(turns - usual, 0.0)  # the two frames' lines are not the same line
        level = float(np.median((lines - turns)[registered])) if registered.any() else 0.0
        return Leaning(np.where(registered, turns + level, lines), line_trust)
    return Leaning(turns - usual, _MAJORITY if registered.sum() >= 3 else 0.0)
