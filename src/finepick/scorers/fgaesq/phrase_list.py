"""What can be said of two photos beside one another: pairs of opposite comparative phrases.

Each completes "the model sees …" and, for the text tower, "… than in the other photo".
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from finepick.domain import Attribute
from finepick.scorers.phrases import Phrase

_PAIRS: Mapping[Attribute, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        Attribute.SHARPNESS: (
            ("sharper, crisper detail", "blurrier, softer detail"),
            ("sharper eyes and facial features", "softer, blurrier eyes and facial features"),
            ("a more sharply frozen movement", "a more smeared, shaky movement"),
        ),
        Attribute.FOCUS_PLACE: (
            ("a main subject more clearly in focus", "a main subject further out of focus"),
            ("focus closer to the eyes", "focus further from the eyes"),
            (
                "a subject that stands out more clearly from a softer background",
                "a subject that is less sharp, before a sharper background",
            ),
        ),
        Attribute.EXPOSURE: (
            ("a better lit, brighter subject", "a darker, more underexposed subject"),
            ("a better balanced exposure", "a more overexposed, washed-out picture"),
        ),
        Attribute.CLIPPING: (
            ("more detail left in the bright sky", "a more blown-out, emptier sky"),
            ("more detail left in the shadows", "more shadows lost to plain black"),
        ),
        Attribute.CONTRAST: (
            ("stronger contrast and deeper tones", "flatter contrast and weaker tones"),
            ("a clearer, less hazy view", "a hazier, greyer view"),
        ),
        Attribute.COLOUR: (
            ("richer, more vivid colours", "duller, more faded colours"),
            ("more harmonious colours", "more clashing, garish colours"),
            ("more natural skin tones", "less natural skin tones"),
        ),
        Attribute.COLOUR_CAST: (
            ("cleaner, more neutral whites", "whites more tinted by a colour cast"),
            ("a truer, more natural white balance", "a stronger, less natural tint"),
        ),
        Attribute.NOISE: (
            ("smoother, cleaner dark areas", "grainier, noisier dark areas"),
            ("less grain over the whole picture", "more grain over the whole picture"),
        ),
        Attribute.ARTEFACTS: (
            ("fewer compression artefacts", "more visible compression blocks"),
            ("cleaner edges with fewer halos", "harsher edges with more halos"),
            ("better formed hands and faces", "more distorted, misshapen hands and faces"),
        ),
        Attribute.TILT: (
            ("a straighter, more level horizon", "a more tilted, crooked horizon"),
            ("straighter upright lines", "more slanted, leaning upright lines"),
        ),
        Attribute.FRAMING: (
            ("a better placed main subject", "a more awkwardly placed main subject"),
            ("more of the subject inside the frame", "more of the subject cut off by the frame"),
            ("better balanced space around the subject", "more cramped space around the subject"),
            ("a closer, more engaging view of the subject", "a more distant, less engaging view"),
            ("a more pleasing viewpoint", "a less flattering viewpoint"),
        ),
        Attribute.DISTRACTION: (
            ("a calmer, less cluttered background", "a busier, more cluttered background"),
            ("fewer distracting objects at the edges", "more distracting objects at the edges"),
            ("fewer strangers behind the subject", "more strangers behind the subject"),
            ("a clearer view of the subject", "a subject more hidden by things in front of it"),
        ),
        Attribute.MOMENT: (
            ("a warmer, more natural expression", "a stiffer, more awkward expression"),
            ("eyes that are more open", "eyes that are more nearly shut"),
            ("a happier, brighter smile", "a weaker, more strained smile"),
            ("a livelier, more expressive gesture", "a duller, clumsier gesture"),
            ("a more graceful, relaxed pose", "a stiffer, more awkward pose"),
            ("a better timed, more decisive moment", "a less exciting, badly timed moment"),
            ("faces turned more towards the camera", "faces turned further from the camera"),
        ),
        Attribute.OVERALL: (
            ("a stronger, more balanced composition", "a weaker, less balanced composition"),
            ("a simpler, clearer composition", "a messier, more confusing composition"),
            ("softer, more flattering light", "harsher, less flattering light"),
            ("warmer, more atmospheric light", "flatter, duller light"),
            ("a more striking, emotional mood", "a blander, emptier mood"),
            ("a stronger sense of depth", "a flatter, weaker sense of depth"),
            ("a more interesting story", "a less interesting story"),
        ),
    }
)

PHRASES: tuple[Phrase, ...] = tuple(
    Phrase(attribute, better, worse) for attribute, pairs in _PAIRS.items() for better, worse in pairs
)
"""In the order of the attributes; changing a word makes a new bank, which is encoded anew."""
