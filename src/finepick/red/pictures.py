"""Pictures of a project: as they are kept, and small, as servers are shown them; made where photos are decoded."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finepick.chat.messages import PICTURE_SIDE, jpeg_of
from finepick.domain import Frame
from finepick.edits.pictures import encoded
from finepick.edits.recipes import follow_all, recipe_of
from finepick.images.reading import read_frame


def judged_files(
    frame: Frame, *, recipes: list[list[dict[str, Any]]], quality: int
) -> dict[str, NDArray[np.uint8]]:
    """A view (see `scorers.base.View`): for each of *recipes* (entries; an empty one leaves the frame as it is) the
    bytes "file 0" and so on, "shown 0" of the small one, "words 0" in UTF-8, and "change 0", one float64."""
    steps = [recipe_of(entries) if entries else () for entries in recipes]
    made: dict[str, NDArray[np.uint8]] = {}
    for number, edited in enumerate(follow_all(frame, steps)):
        made[f"file {number}"] = np.frombuffer(encoded(edited.frame, quality), np.uint8)
        made[f"shown {number}"] = np.frombuffer(jpeg_of(edited.frame), np.uint8)
        made[f"words {number}"] = np.frombuffer(edited.description.encode(), np.uint8)
        made[f"change {number}"] = np.array([change_of(frame, edited.frame)]).view(np.uint8)
    return made


def change_of(before: Frame, after: Frame) -> float:
    """Root mean square of the differences in grey levels; infinite between pictures of different sizes."""
    if before.shape != after.shape:
        return float("inf")
    difference = before.astype(np.float32) - after.astype(np.float32)
    return float(np.sqrt(np.mean(difference**2)))


def shown_path(path: str) -> str:
    """Where the small version of the picture at *path* lies."""
    return os.path.splitext(path)[0] + ".shown.jpg"


def shown_jpeg(path: str) -> bytes:
    """The small version of the picture at *path*, made where there is none. Raises ImageError."""
    try:
        with open(shown_path(path), "rb") as file:
            return file.read()
    except OSError:
        return jpeg_of(read_frame(path, long_side=PICTURE_SIDE))
