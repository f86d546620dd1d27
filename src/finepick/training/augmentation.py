"""Photos seen otherwise: mirrored, or a part of them. What is beautiful stays so, more or less."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finepick.domain import FloatArray, Frame
from finepick.scorers.fgaesq.tokens import BLOCK


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What may be done to photos at random. flip: mirror every second one. crop: blocks of 32 pixels that a part
    may have less than the photo, in each direction."""

    flip: bool = True
    crop: int = 0

    def draw(self, rng: np.random.Generator) -> Glance:
        """One way to look at a photo, or at all photos of a series: they must stay comparable."""
        mirrored = self.flip and rng.random() < 0.5
        fewer = rng.integers(0, self.crop + 1, 2).tolist() if self.crop else [0, 0]
        place = rng.random(2).tolist() if self.crop else [0.0, 0.0]
        return Glance(mirrored, *fewer, *place)


@dataclass(frozen=True, slots=True)
class Glance:
    """How a photo is looked at. fewer_rows, fewer_columns: blocks left out, never more than leave half of them.
    top, left: where the part lies, as a share of the room there is."""

    mirrored: bool = False
    fewer_rows: int = 0
    fewer_columns: int = 0
    top: float = 0.0
    left: float = 0.0

    def at(self, picture: Frame, importance: FloatArray) -> tuple[Frame, FloatArray]:
        """The part of *picture* (whole blocks) and how important its blocks are, from the photo's (rows, columns)."""
        rows, columns = importance.shape
        part_rows = max(rows - self.fewer_rows, -(-rows // 2))
        part_columns = max(columns - self.fewer_columns, -(-columns // 2))
        top = round(self.top * (rows - part_rows) * BLOCK)
        left = round(self.left * (columns - part_columns) * BLOCK)
        part = picture[top : top + part_rows * BLOCK, left : left + part_columns * BLOCK]
        here = _slid(_slid(importance, top / BLOCK, part_rows).T, left / BLOCK, part_columns).T
        return (part[:, ::-1], here[:, ::-1]) if self.mirrored else (part, here)


def _slid(rows: FloatArray, start: float, count: int) -> FloatArray:
    """*count* rows from *start* on, mixed of two where that lies between them."""
    whole = int(start)
    share = start - whole
    if not share:
        return rows[whole : whole + count]
    return (1 - share) * rows[whole : whole + count] + share * rows[whole + 1 : whole + 1 + count]
