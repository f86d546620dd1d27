"""Local features: places that can be found again in another photo of the same scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True, slots=True)
class Keypoints:
    """k places of one frame; positions and scales in frame units (pixels / long side).

    xy: (k, 2) float32; scale: (k,) float32; angle: (k,) float32, radians; vectors: (k, d) uint8.
    """

    xy: NDArray[np.float32]
    scale: NDArray[np.float32]
    angle: NDArray[np.float32]
    vectors: NDArray[np.uint8]


def detect_keypoints(picture: Image.Image) -> Keypoints:
    raise NotImplementedError
