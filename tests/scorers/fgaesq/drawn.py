"""Pictures drawn with whole numbers only, so that they are the same wherever they are drawn."""

from __future__ import annotations

import numpy as np

from finepick.domain import Frame


def drawn(seed: int, width: int, height: int) -> Frame:
    """Slopes, waves of squares, boxes, and grain: (height, width, 3)."""
    y, x = np.mgrid[:height, :width]
    planes = [x * (3 + seed) // 7 + y * c // 3 + (x // 13 % 2) * (y // (11 + c) % 2) * 70 for c in range(3)]
    picture = np.stack(planes, axis=-1) % 256
    picture[height // 4 : height // 2, width // 5 : width // 2 + seed * 5] = (240, 20 + seed, 90)
    grain = (x * 7919 + y * 104729 + seed * 611953 + x * y * 31) % 23
    return np.asarray(np.clip(picture + grain[..., None] - 11, 0, 255), np.uint8)
