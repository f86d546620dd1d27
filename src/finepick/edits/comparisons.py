"""How two strengths of one edit differ, in plain words that compare: what a pair's text says of its first picture."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_SLIGHT, _LARGE = 0.2, 0.5
"""Strengths apart below and above which a difference is called slight and large."""

# fmt: off
_STRONGER_WEAKER: Mapping[str, tuple[str, str]] = MappingProxyType({
    "underexposure": ("darker and more underexposed", "brighter and less underexposed"),
    "overexposure": ("brighter and more overexposed", "darker and less overexposed"),
    "low_contrast": ("less contrast", "more contrast"),
    "high_contrast": ("harsher, with more contrast", "less harsh, with less contrast"),
    "dark_midtones": ("darker middle tones", "brighter middle tones"),
    "bright_midtones": ("brighter and more washed-out", "darker and less washed-out"),
    "crushed_shadows": ("less detail in the shadows", "more detail in the shadows"),
    "dull_highlights": ("duller, greyer highlights", "livelier, whiter highlights"),
    "clipping": ("less detail in the highlights", "more detail in the highlights"),
    "haze": ("hazier", "clearer"),
    "too_warm": ("more of a yellow cast", "less of a yellow cast"),
    "too_cool": ("more of a blue cast", "less of a blue cast"),
    "colour_cast": ("more of a colour cast", "less of a colour cast"),
    "oversaturation": ("more garish colours", "less garish colours"),
    "channel_noise": ("more colour noise", "less colour noise"),
    "defocus": ("blurrier", "sharper"),
    "subject_blur": ("blurrier subject", "sharper subject"),
    "motion_blur": ("softer and more smeared by movement", "sharper and less smeared by movement"),
    "oversharpening": ("more halos at the edges", "fewer halos at the edges"),
    "shot_noise": ("more noise", "less noise"),
    "jpeg": ("more compression blocks", "fewer compression blocks"),
    "banding": ("more banding", "less banding"),
    "upscaling": ("softer, with less detail", "sharper, with more detail"),
    "tilt": ("more tilted horizon", "straighter horizon"),
    "perspective": ("more slanted lines", "straighter lines"),
    "subject_cut": ("more of the subject cut by the edges", "less of the subject cut by the edges"),
    "off_balance": ("worse placed subject", "better placed subject"),
    "too_loose": ("smaller subject, in a more distant view", "larger subject, in a closer view"),
    "too_tight": ("more cramped around the subject", "less cramped around the subject"),
    "intruder": ("more clutter at the edge", "less clutter at the edge"),
    "lens_flare": ("more lens flare", "less lens flare"),
    "vignette": ("darker corners", "brighter corners"),
    "dust": ("more specks of dust", "fewer specks of dust"),
})
"""Of the picture with more of the edit, and of the one with less. For every edit with a label by construction."""
# fmt: on


def comparison(edit: str, strength: float, other: float) -> str:
    """How a picture with *strength* of *edit* differs from one with *other* of it: "far more tilted horizon".

    Raises KeyError for an edit without a label by construction, ValueError where the strengths are the same.
    """
    if strength == other:
        raise ValueError(f"two pictures with the same strength {strength} of {edit} do not differ")
    stronger, weaker = _STRONGER_WEAKER[edit]
    apart = abs(strength - other)
    much = "slightly " if apart < _SLIGHT else "far " if apart > _LARGE else ""
    return much + (stronger if strength > other else weaker)
