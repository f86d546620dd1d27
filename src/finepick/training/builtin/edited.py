"""Photos that edits have hurt, in groups: a part of a photo as it is, and as several edits leave it.

How different they look is not said here: the teacher says it (`teacher.distances`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finepick.domain import Frame
from finepick.edits import EDITS, Edit, Family, Measure, find_edit

SIDE = 256
"""The side of the parts, in pixels."""

EDITED = 4
"""Edited parts in a group, after the untouched one."""

_FAMILIES = (Family.TONE, Family.COLOUR, Family.FOCUS, Family.NOISE, Family.CLUTTER)
_MILD = (Family.FOCUS, Family.NOISE)
_LEAST = 0.05

SEVERAL, CHAIN, TONES = 0.5, 0.3, 0.2
"""Shares of groups of several edits, of one edit at rising strengths, and of contrast and gamma at once."""

Parts = NDArray[np.uint8]


def hurting_edits() -> tuple[Edit, ...]:
    """Edits that hurt and leave everything where it is, so that the part can be compared with itself."""
    return tuple(
        edit
        for edit in EDITS
        if edit.hurts_from and edit.family in _FAMILIES and edit.measure is Measure.PIXELS
    )


def edited_parts(frame: Frame, seed: Sequence[int]) -> Parts:
    """(1 + EDITED, SIDE, SIDE, 3): a part of *frame* that *seed* draws, untouched and edited. A pure function."""
    chance = np.random.default_rng(list(seed))
    shown = _part(frame.shape[:2], chance)
    return np.stack([np.asarray(shown(Image.fromarray(one))) for one in _edited_frames(frame, chance)])


def edited_frames(frame: Frame, seed: Sequence[int]) -> Parts:
    """(1 + EDITED, rows, columns, 3): *frame* untouched and edited, and all of them made smaller by the same amount, up
    to a half, seven times in ten. A pure function."""
    chance = np.random.default_rng(list(seed))
    made = _edited_frames(frame, chance)
    if chance.random() < 0.7:
        scale = 0.5 + 0.5 * chance.random()
        size = max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale))
        made = [np.asarray(Image.fromarray(one).resize(size, Image.Resampling.BICUBIC)) for one in made]
    return np.stack(made)


def _edited_frames(frame: Frame, chance: np.random.Generator) -> list[Frame]:
    edits = hurting_edits()
    kind = chance.random()
    part = frame
    made = [part]
    if kind < SEVERAL:
        for index in chance.choice(len(edits), EDITED, replace=False):
            made.append(_edited(part, edits[index], _strength(edits[index], chance), chance))
        if chance.random() < 0.5:
            edit = edits[chance.integers(len(edits))]
            made[-1] = _edited(made[-1], edit, _strength(edit, chance), chance)
    elif kind < SEVERAL + CHAIN:
        edit = edits[chance.integers(len(edits))]
        ready = edit.prepare(part, seed=int(chance.integers(2**31)))
        low = _weakest(edit)
        places = (np.arange(EDITED) + chance.random(EDITED)) / EDITED
        made += [ready.frame_at(float(low + (1 - low) * place)) for place in places]
    else:
        for _ in range(EDITED):
            contrast = find_edit(("low_contrast", "high_contrast")[chance.integers(2)])
            gamma = find_edit(("dark_midtones", "bright_midtones")[chance.integers(2)])
            once = _edited(part, contrast, float(chance.random() * 0.8), chance)
            made.append(_edited(once, gamma, float(chance.random() * 0.8), chance))
    return made


def edited_view(frame: Frame, *, seed: list[int]) -> dict[str, Parts]:
    """A view (see `scorers.base.View`): "parts", `edited_parts` of *frame*."""
    return {"parts": edited_parts(frame, seed)}


def edited_whole(frame: Frame, *, seed: list[int]) -> dict[str, Parts]:
    """A view: "frames", `edited_frames` of *frame*."""
    return {"frames": edited_frames(frame, seed)}


def _part(size: tuple[int, int], chance: np.random.Generator) -> Callable[[Image.Image], Image.Image]:
    """What cuts the same square out of every picture of *size* (rows, columns): the whole one time in four, squeezed,
    else a part.

    Pictures are edited first and made smaller then, by up to a half: so are most that people meet.
    """
    height, width = size
    box = (0, 0, width, height)
    if chance.random() >= 0.25:
        side = int(min(SIDE * (1 + chance.random()), height, width))
        left, top = int(chance.integers(width - side + 1)), int(chance.integers(height - side + 1))
        box = (left, top, left + side, top + side)
    mirrored = chance.random() < 0.5

    def shown(picture: Image.Image) -> Image.Image:
        cut = picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box)
        return cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else cut

    return shown


def _weakest(edit: Edit) -> float:
    assert edit.hurts_from is not None
    return _LEAST if edit.family in _MILD else edit.hurts_from.strength


def _strength(edit: Edit, chance: np.random.Generator) -> float:
    low = _weakest(edit)
    return float(low + (1 - low) * chance.random())


def _edited(part: Frame, edit: Edit, strength: float, chance: np.random.Generator) -> Frame:
    return edit.prepare(part, seed=int(chance.integers(2**31))).frame_at(strength)
