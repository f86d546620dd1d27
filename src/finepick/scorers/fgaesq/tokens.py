"""What the network reads of one photo, and the arithmetic both tokenizers share; numpy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

COARSE, FINE, PADDING = 0, 1, 9
TOKENS = 511
"""Beside the class token, which is the network's own."""

PATCH = 16
BLOCK = 32
POSITION_GRID = 14

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_DEVIATION = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, slots=True)
class Tokens:
    """One photo as the network reads it (t = 511 tokens; the class token is not among them).

    patches: (t, 3, 16, 16) float32, normalised pixels; padding is zeros.
    marks: (t,) int8, COARSE, FINE or PADDING.
    rows, columns: (t, 14) float32, how the network's 14 × 14 grid of positions is to be interpolated at the
        token's place: position = Σ rows[t, r] · columns[t, c] · grid[r, c]. Zeros for padding.
    """

    patches: Floats
    marks: NDArray[np.int8]
    rows: Floats
    columns: Floats
