"""Every edit there is, in one table: name, family, what it does, and from which strength on it hurts.

How the measured thresholds were measured, and why the others are assumed as they are: docs/edits.md.
"""

from __future__ import annotations

from finepick.edits import clutter, colour, focus, geometry, noise, repairs, tone
from finepick.edits.base import Edit, Effect, Family, HurtsFrom, Measure
from finepick.errors import UnknownEditError

_TONE, _COLOUR, _FOCUS, _NOISE = Family.TONE, Family.COLOUR, Family.FOCUS, Family.NOISE
_GEOMETRY, _CLUTTER, _REPAIR = Family.GEOMETRY, Family.CLUTTER, Family.REPAIR


def _assumed(strength: float, why: str = "by eye, on sheets of a few photos") -> HurtsFrom:
    return HurtsFrom(strength, False, why)


def _measured(strength: float, why: str) -> HurtsFrom:
    return HurtsFrom(strength, True, why)


# fmt: off
EDITS: tuple[Edit, ...] = (
    Edit("underexposure", _TONE, "darkens, by up to 3.5 stops", tone.underexposure, _assumed(0.4)),
    Edit("overexposure", _TONE, "brightens, by up to 2.5 stops", tone.overexposure, _assumed(0.6)),
    Edit("low_contrast", _TONE, "lowers the contrast, down to a quarter", tone.low_contrast,
         _measured(0.34, "contrast of .75: liked less in 3 of 3 photos")),
    Edit("high_contrast", _TONE, "raises the contrast, up to threefold", tone.high_contrast,
         _assumed(0.6, "contrast of 1.5, strength .25, still gains in 1 of 3 photos")),
    Edit("dark_midtones", _TONE, "darkens the middle tones, up to gamma 2.5", tone.dark_midtones,
         _measured(0.45, "gamma of 1.5: liked less in 3 of 3 photos")),
    Edit("bright_midtones", _TONE, "brightens the middle tones, up to gamma 0.3", tone.bright_midtones,
         _assumed(0.8, "gamma of .5, strength .58, still gains in 1 of 3 photos, a dark one")),
    Edit("crushed_shadows", _TONE, "lets shadows run into black", tone.crushed_shadows, _assumed(0.8)),
    Edit("dull_highlights", _TONE, "turns highlights grey", tone.dull_highlights, _assumed(0.5)),
    Edit("clipping", _TONE, "burns out the highlights", tone.clipping, _assumed(0.6)),
    Edit("haze", _TONE, "puts haze before the scene", tone.haze, _assumed(0.4)),
    Edit("too_warm", _COLOUR, "yellow white balance, down to 2,900 K", colour.too_warm, _assumed(0.7)),
    Edit("too_cool", _COLOUR, "blue white balance, up to 20,500 K", colour.too_cool, _assumed(0.7)),
    Edit("colour_cast", _COLOUR, "light of one hue over everything", colour.colour_cast, _assumed(0.5)),
    Edit("desaturation", _COLOUR, "takes colour away, up to nine tenths", colour.desaturation, None, Effect.EITHER),
    Edit("oversaturation", _COLOUR, "raises the saturation, up to threefold", colour.oversaturation, _assumed(0.6)),
    Edit("channel_noise", _COLOUR, "blotches of colour, as at high ISO", colour.channel_noise, _assumed(0.3)),
    Edit("defocus", _FOCUS, "everything out of focus", focus.defocus,
         _measured(0.35, "the third of five levels of blur: liked less in 3 of 3 photos")),
    Edit("subject_blur", _FOCUS, "only the subject out of focus", focus.subject_blur, _assumed(0.4)),
    Edit("background_blur", _FOCUS, "only the background out of focus", focus.background_blur, None, Effect.EITHER),
    Edit("motion_blur", _FOCUS, "camera shake along a line", focus.motion_blur, _assumed(0.25)),
    Edit("oversharpening", _FOCUS, "sharpens until edges have halos", focus.oversharpening, _assumed(0.4)),
    Edit("shot_noise", _NOISE, "grain of too little light", noise.shot_noise, _assumed(0.3)),
    Edit("jpeg", _NOISE, "JPEG, down to quality 8", noise.jpeg,
         _measured(0.55, "the second of five levels of JPEG: liked less in 3 of 3 photos")),
    Edit("banding", _NOISE, "too few levels, down to 5 a channel", noise.banding, _assumed(0.6)),
    Edit("upscaling", _NOISE, "enlarged from up to 6 times smaller", noise.upscaling, _assumed(0.4)),
    Edit("tilt", _GEOMETRY, "tilts the horizon, up to 10°", geometry.tilt, _assumed(0.35), measure=Measure.AREA),
    Edit("perspective", _GEOMETRY, "makes parallel lines converge", geometry.perspective, _assumed(0.7),
         measure=Measure.SHIFT),
    Edit("subject_cut", _GEOMETRY, "the frame's edge cuts the subject", geometry.subject_cut, _assumed(0.7),
         measure=Measure.AREA),
    Edit("off_balance", _GEOMETRY, "crops the subject towards an edge", geometry.off_balance, _assumed(0.8),
         measure=Measure.AREA),
    Edit("too_loose", _GEOMETRY, "the subject small in its surroundings", geometry.too_loose, _assumed(0.8),
         measure=Measure.SHIFT),
    Edit("too_tight", _GEOMETRY, "crops to less than the subject", geometry.too_tight, _assumed(0.8),
         measure=Measure.AREA),
    Edit("intruder", _CLUTTER, "something reaches in from the border", clutter.intruder, _assumed(0.3)),
    Edit("lens_flare", _CLUTTER, "glow and reflections of a lamp", clutter.lens_flare, _assumed(0.4)),
    Edit("vignette", _CLUTTER, "dark corners, by up to 2.7 stops", clutter.vignette, _assumed(0.8)),
    Edit("dust", _CLUTTER, "specks of dust on the sensor", clutter.dust, _assumed(0.5)),
    Edit("auto_tone", _REPAIR, "sets black, white and the middle", repairs.auto_tone, None, Effect.BETTER),
    Edit("straighten", _REPAIR, "levels a leaning horizon", repairs.straighten, None, Effect.BETTER,
         measure=Measure.AREA),
    Edit("denoise", _REPAIR, "smooths noise, keeps edges", repairs.denoise, None, Effect.BETTER),
    Edit("thirds_recrop", _REPAIR, "recrops to the rule of thirds", repairs.thirds_recrop, None, Effect.BETTER,
         measure=Measure.AREA),
)
# fmt: on

_BY_NAME = {edit.name: edit for edit in EDITS}


def edit_names() -> tuple[str, ...]:
    """The names of all edits, by family."""
    return tuple(_BY_NAME)


def find_edit(name: str) -> Edit:
    """The edit called *name*. Raises UnknownEditError, which lists the known ones."""
    if name not in _BY_NAME:
        raise UnknownEditError(f"no edit is called '{name}'; there are {', '.join(_BY_NAME)}")
    return _BY_NAME[name]
