"""What the model is shown of a photo: the whole of it, small, without name and metadata; in training the same."""

from __future__ import annotations

import io
import math

import numpy as np
from PIL import Image

from finepick.domain import Frame
from finepick.scorers.base import Arrays, View

PIXELS = 262_144
"""At most, as in the field's reference settings: 512 × 512."""

_QUALITY = 95


def picture_view(index: int, pixels: int = PIXELS) -> View:
    """Asks for photo *index* as the model is shown it, a JPEG under "jpeg"."""
    # The long side of a panorama may be several times that of a square with as many pixels.
    return View(index, 4 * math.isqrt(pixels), f"{__name__}:shrunk_jpeg", {"pixels": pixels})


def shrunk_jpeg(frame: Frame, pixels: int) -> Arrays:
    """*frame* (H × W × 3) with at most *pixels* pixels as the bytes of a JPEG, colours in full resolution."""
    height, width = frame.shape[:2]
    scale = min(1.0, math.sqrt(pixels / (height * width)))
    picture = Image.fromarray(frame)
    if scale < 1:
        size = max(1, math.floor(width * scale)), max(1, math.floor(height * scale))
        picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    return {"jpeg": np.frombuffer(buffer.getvalue(), np.uint8)}
