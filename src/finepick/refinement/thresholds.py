"""Why a photo is left out of a series, and from which value on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum

from finepick.errors import UsageError


class Reason(StrEnum):
    """The four reasons for discard that FGAesthetics names."""

    INDISCERNIBLE = "indiscernible"
    DISSIMILAR = "dissimilar"
    EMPTY_SHOT = "empty_shot"
    DEFECT = "defect"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The paper names no values; these are ours, and how they were found stands in docs/refine.md.

    A photo is *indiscernible* from an earlier one where all of these hold: the two frames show the same view
    (`same_overlap`, intersection over union), structure there is the same (`same_ssim`), no place differs by more
    than `same_apart` (0…1, the strongest place of the difference map), nor does fine detail by more than
    `same_detail` (log2), nor brightness by more than `same_luma` (0…1).
    It is *dissimilar* where with no photo of the rest of its series it shares `scene_likeness` (of the
    descriptors, −1…1), or `scene_matches` key points that lie over one another. In a series of one prompt, whose
    pictures need not look alike, `prompt_likeness` decides (of picture and text, −1…1), where a model can tell.
    It is an *empty shot* where the spread of grey that neighbours share, once light that falls off is taken away,
    is below `least_structure` (0…1; grain has none), and a *defect* where it cannot be read, its mean is below
    `darkest` or over `brightest`, more than `most_clipped` of it is burnt out or drowned, or its short side is
    below `least_side` pixels.
    """

    same_overlap: float = 0.97
    same_ssim: float = 0.9
    same_apart: float = 0.6
    same_detail: float = 0.6
    same_luma: float = 0.01
    scene_likeness: float = 0.5
    scene_matches: float = 6
    prompt_likeness: float = 0.15
    least_structure: float = 0.002
    darkest: float = 0.02
    brightest: float = 0.98
    most_clipped: float = 0.85
    least_side: float = 128

    def changed(self, changes: Mapping[str, float]) -> Thresholds:
        """These with *changes*, by name. Raises UsageError for a name that there is not."""
        names = [field.name for field in fields(self)]
        for name in changes:
            if name not in names:
                raise UsageError(f"there is no threshold '{name}'; there are {', '.join(names)}")
        return replace(self, **changes)

    def as_dict(self) -> dict[str, float]:
        return asdict(self)
