"""Pictures that are already in memory: the best of a list, without files, processes or cache."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from finepick.domain import Frame
from finepick.images.reading import frame_from_image, read_photo
from finepick.scorers.base import Scorer
from finepick.scorers.frames import ArrayFrames
from finepick.settings import WORKING_SIDE

Picture = Image.Image | np.ndarray[Any, Any] | str | os.PathLike[str]


def best_indices(pictures: Sequence[Picture], scorer: Scorer, k: int) -> list[int]:
    """Indices of the *k* best of *pictures*, best first; ties in the order given.

    Raises ValueError for no pictures, k < 1, or an array that is not uint8 H × W × 3, TypeError for anything else that
    is not a picture, ImageError for a path that cannot be read.
    """
    if not len(pictures):
        raise ValueError("best_of needs at least one picture")
    if k < 1:
        raise ValueError(f"k is {k}; ask for at least one")
    judgement = scorer.judge(ArrayFrames([frame_of(picture) for picture in pictures]))
    order = np.argsort(-judgement.fine, kind="stable")
    return [int(i) for i in order[:k]]


def frame_of(picture: Picture) -> Frame:
    """The frame of a PIL image, an array (uint8, H × W × 3, RGB), or a path, at most `WORKING_SIDE` long."""
    if isinstance(picture, str | os.PathLike):
        return read_photo(os.fsdecode(picture), long_side=WORKING_SIDE).frame
    if isinstance(picture, Image.Image):
        return frame_from_image(picture, long_side=WORKING_SIDE)
    if not isinstance(picture, np.ndarray):
        raise TypeError(f"a picture is a PIL image, a uint8 array or a path, not {type(picture).__name__}")
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(
            f"an array must be uint8, H × W × 3 and not empty, not {picture.dtype} {picture.shape}"
        )
    return frame_from_image(Image.fromarray(picture), long_side=WORKING_SIDE)
