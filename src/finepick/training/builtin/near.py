"""Series of one photo and what edits left of it: what they read like, and how much the teacher finds them hurt."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image

from finepick.domain import FloatArray, Frame
from finepick.scorers.base import Arrays
from finepick.scorers.builtin.eye import glance
from finepick.scorers.builtin.scorer import read_series
from finepick.scorers.frames import ArrayFrames
from finepick.training.builtin.damage import edited_frames
from finepick.training.builtin.teacher import DAMAGE_LAYERS, SIDE, Teacher, damage_of, read_teacher


def edited_series(frame: Frame, *, seed: list[int], teacher: str, network: str) -> Arrays:
    """A view (see `scorers.base.View`): "readings" (n, …) of *frame* and its edited versions by the network in the file
    *network*, "damage" (n,) in the eye of the teacher in the file *teacher*, and whether they "are near" (1,)."""
    frames = edited_frames(frame, seed)
    seen = read_series(ArrayFrames(frames), glance(network))
    return {
        "readings": seen.as_given,
        "damage": _damage(frames, _teacher(teacher)),
        "are near": np.array([seen.are_near], np.uint8),
    }


@lru_cache(maxsize=1)
def _teacher(path: str) -> Teacher:
    return read_teacher(path)


def _damage(frames: list[Frame], teacher: Teacher) -> FloatArray:
    """The mean over the whole, squeezed, and two corners as they are, where the frames are large enough."""
    rows, columns = frames[0].shape[:2]
    views = [[Image.fromarray(one).resize((SIDE, SIDE), Image.Resampling.BOX) for one in frames]]
    if min(rows, columns) >= SIDE:
        for left, top in ((0, 0), (columns - SIDE, rows - SIDE)):
            box = (left, top, left + SIDE, top + SIDE)
            views.append([Image.fromarray(one).crop(box) for one in frames])
    damages = []
    for view in views:
        pictures = np.stack([np.asarray(one) for one in view]).transpose(0, 3, 1, 2)
        damages.append(damage_of(teacher.maps(np.ascontiguousarray(pictures), DAMAGE_LAYERS), len(frames))[0])
    return np.asarray(np.mean(damages, axis=0))
