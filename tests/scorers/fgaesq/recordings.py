"""What the published release computed, where a folder with its recordings is at hand."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from finepick.domain import Frame
from finepick.scorers.fgaesq.published import PairChoices, PhotoChoices
from tests.conftest import ROOT

FOLDER = Path(os.environ.get("FINEPICK_REFERENCE") or ROOT.parent / "shared" / "reference" / "fgaesq")

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Recorded:
    """What was recorded of one photo: its tokens, the class token first, and what the network said."""

    name: str

    def __getattr__(self, what: str) -> Array:
        return _arrays()[f"{self.name}_{what}"]

    @property
    def pixel_rows(self) -> Array:
        return _arrays()[f"{self.name}_pixel_rows"].astype(np.intp)


@dataclass(frozen=True)
class PairCase:
    """Two photos that were compared, with what was drawn."""

    name: str
    choices: PairChoices
    shapes: tuple[tuple[int, int], tuple[int, int]]

    @property
    def frames(self) -> tuple[Frame, Frame]:
        return _frame(f"{self.name}_a.png"), _frame(f"{self.name}_b.png")

    @property
    def importance(self) -> Array:
        return _arrays()[f"{self.name}_importance"]

    @property
    def recorded(self) -> tuple[Recorded, Recorded]:
        return Recorded(f"{self.name}_a"), Recorded(f"{self.name}_b")


@dataclass(frozen=True)
class SingleCase:
    """One photo that was judged alone, with what was drawn."""

    name: str
    photo: str
    choices: PhotoChoices

    @property
    def frame(self) -> Frame:
        return _frame(self.photo)

    @property
    def recorded(self) -> Recorded:
        return Recorded(self.name if f"{self.name}_marks" in _arrays() else f"{self.name}_alone")


def pair_cases() -> list[PairCase]:
    return [_pair(case) for case in _cases() if "photo" not in case]


def single_cases() -> list[SingleCase]:
    return [
        SingleCase(
            case["name"],
            case["photo"],
            _choices(case["fine_blocks"], case["kept_tokens_before_drop_numbering"]),
        )
        for case in _cases()
        if "photo" in case
    ]


def _pair(case: dict[str, Any]) -> PairCase:
    choices = map(_choices, case["fine_blocks"], case["kept_tokens_before_drop_numbering"])
    first, second = ((height, width) for _, height, width in case["aligned_shapes_chw"])
    return PairCase(case["name"], PairChoices(case["equal_dimension"], *choices), (first, second))


def _choices(fine_blocks: list[int], kept: list[int]) -> PhotoChoices:
    return PhotoChoices(tuple(fine_blocks), tuple(kept) or None)


def _cases() -> Iterator[dict[str, Any]]:
    path = FOLDER / "cases.json"
    if path.is_file():
        yield from json.loads(path.read_text())["cases"]


@lru_cache(maxsize=1)
def _arrays() -> dict[str, Array]:
    with np.load(FOLDER / "tokens_and_outputs.npz") as arrays:
        return dict(arrays)


def _frame(name: str) -> Frame:
    with Image.open(FOLDER / name) as picture:
        return np.asarray(picture.convert("RGB"))
