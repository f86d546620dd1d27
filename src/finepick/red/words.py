"""What each controlled edit visibly does, in words: said of the edited picture, and of its source.

These are facts by construction, not guesses of a model; {much} is filled from the edit's strength.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from finepick.domain import Attribute
from finepick.edits.base import Family
from finepick.red.records import Dimension

_SLIGHT, _LARGE = 0.35, 0.75


@dataclass(frozen=True, slots=True)
class EditWords:
    """In which dimension, and how it is said of the edited picture and of the source."""

    dimension: Dimension
    of_edit: str
    of_source: str


_L, _C, _K, _F = Dimension.LIGHT, Dimension.COLOUR, Dimension.COMPOSITION, Dimension.FOCUS

# fmt: off
_WORDS: Mapping[str, EditWords] = MappingProxyType({
    "underexposure": EditWords(_L, "{much}darker all over", "{much}brighter all over"),
    "overexposure": EditWords(_L, "{much}brighter all over", "{much}darker all over"),
    "low_contrast": EditWords(_L, "{much}flatter, with less contrast", "{much}more contrast"),
    "high_contrast": EditWords(_L, "{much}harsher light", "{much}gentler light"),
    "dark_midtones": EditWords(_L, "{much}darker middle tones", "{much}brighter middle tones"),
    "bright_midtones": EditWords(_L, "{much}brighter middle tones", "{much}darker middle tones"),
    "crushed_shadows": EditWords(_L, "{much}less detail in the shadows", "{much}more detail in the shadows"),
    "dull_highlights": EditWords(_L, "{much}greyer, duller highlights", "{much}brighter, livelier highlights"),
    "clipping": EditWords(_L, "{much}less detail in the highlights", "{much}more detail in the highlights"),
    "haze": EditWords(_L, "{much}hazier air before the scene", "{much}clearer air before the scene"),
    "too_warm": EditWords(_C, "{much}yellower", "{much}less yellow"),
    "too_cool": EditWords(_C, "{much}bluer", "{much}less blue"),
    "colour_cast": EditWords(_C, "{much}more of a colour cast", "{much}less of a colour cast"),
    "desaturation": EditWords(_C, "{much}paler colours", "{much}richer colours"),
    "oversaturation": EditWords(_C, "{much}more garish colours", "{much}calmer colours"),
    "channel_noise": EditWords(_F, "{much}more blotches of colour noise", "{much}less colour noise"),
    "defocus": EditWords(_F, "{much}blurrier everywhere", "{much}sharper everywhere"),
    "subject_blur": EditWords(_F, "{much}blurrier on the subject", "{much}sharper on the subject"),
    "background_blur": EditWords(_F, "a {much}softer background", "a {much}sharper background"),
    "motion_blur": EditWords(_F, "{much}more smeared by movement", "{much}less smeared by movement"),
    "oversharpening": EditWords(_F, "{much}more halos along edges", "{much}fewer halos along edges"),
    "shot_noise": EditWords(_F, "{much}more grain", "{much}less grain"),
    "jpeg": EditWords(_F, "{much}more compression blocks", "{much}fewer compression blocks"),
    "banding": EditWords(_F, "{much}more banding in smooth areas", "{much}less banding in smooth areas"),
    "upscaling": EditWords(_F, "{much}less detail, as if enlarged", "{much}more detail"),
    "tilt": EditWords(_K, "{much}more tilted", "{much}straighter"),
    "perspective": EditWords(_K, "lines that lean {much}more", "{much}straighter lines"),
    "subject_cut": EditWords(_K, "{much}more of the subject cut off", "{much}less of the subject cut off"),
    "off_balance": EditWords(_K, "{much}less balanced, the subject pushed to one side", "{much}more balanced"),
    "too_loose": EditWords(_K, "a {much}smaller subject in empty surroundings", "a {much}larger subject"),
    "too_tight": EditWords(_K, "{much}more cramped, cropped into the subject", "{much}less cramped"),
    "intruder": EditWords(_K, "{much}more clutter, where something reaches in from the border",
                          "{much}less clutter at the border"),
    "lens_flare": EditWords(_L, "{much}more distracting flare", "{much}less distracting flare"),
    "vignette": EditWords(_L, "{much}darker corners", "{much}brighter corners"),
    "dust": EditWords(_F, "{much}more distracting specks of dust", "{much}fewer specks of dust"),
    "auto_tone": EditWords(_L, "a {much}fuller range of tones", "a {much}narrower range of tones"),
    "straighten": EditWords(_K, "a {much}straighter horizon", "a {much}more tilted horizon"),
    "denoise": EditWords(_F, "{much}less noise", "{much}more noise"),
    "thirds_recrop": EditWords(_K, "a {much}more balanced place for the subject, on the thirds",
                               "a {much}less balanced place for the subject"),
})
# fmt: on

DIMENSION_OF: Mapping[Attribute, Dimension] = MappingProxyType(
    {
        Attribute.SHARPNESS: _F,
        Attribute.FOCUS_PLACE: _F,
        Attribute.NOISE: _F,
        Attribute.ARTEFACTS: _F,
        Attribute.EXPOSURE: _L,
        Attribute.CLIPPING: _L,
        Attribute.CONTRAST: _L,
        Attribute.COLOUR: _C,
        Attribute.COLOUR_CAST: _C,
        Attribute.TILT: _K,
        Attribute.FRAMING: _K,
        Attribute.DISTRACTION: _K,
        Attribute.MOMENT: Dimension.STORY,
    }
)
"""Of what can be measured, or said by a model: what it is about."""

_TOPICS: Mapping[str, frozenset[Dimension]] = MappingProxyType(
    {
        Family.TONE: frozenset({_L, _C}),
        Family.COLOUR: frozenset({_C, _L}),
        Family.FOCUS: frozenset({_F}),
        Family.NOISE: frozenset({_F, _C}),
        Family.GEOMETRY: frozenset({_K, Dimension.SUBJECT, Dimension.STORY}),
        Family.CLUTTER: frozenset({_K, _L, Dimension.SUBJECT, Dimension.STORY}),
    }
)


def words_of_edit(name: str, strength: float) -> EditWords | None:
    """What the controlled edit *name* does at *strength*; None for other edits."""
    words = _WORDS.get(name)
    if words is None:
        return None
    much = "slightly " if strength < _SLIGHT else "far " if strength > _LARGE else ""
    return EditWords(words.dimension, words.of_edit.format(much=much), words.of_source.format(much=much))


def topics_of(family: str, name: str) -> frozenset[Dimension]:
    """What words about an edit have to speak of, at least of one of them."""
    own = _WORDS.get(name)
    known = _TOPICS.get(family, frozenset(Dimension))
    return (
        known if own is None else known | {own.dimension} if family in _TOPICS else frozenset({own.dimension})
    )
