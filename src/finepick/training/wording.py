"""What a comparison sentence says, clause by clause: of which quality more, of which less.

"Sharper, but with more noise at the left edge" is + sharp, + noise. Written for sentences of one line about the
first of two photos; a handful of rules and lists of words, no grammar.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_AXES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "sharp": (
            "sharper sharp sharply sharpened sharpest crisper crisp clearer clear clearly clarity focused "
            "tack-sharp",
            "softer soft blurrier blurry blurred blur blurring blurrily fuzzier fuzzy smeared smear shaky shakier "
            "unsharp defocused unfocused hazier hazy foggier murkier",
        ),
        "bright": ("brighter bright lighter brightly", "darker dark dimmer dim gloomier gloomy"),
        "good": (
            "better superior nicer finer improved improving well",
            "worse inferior poorer poor poorly badly",
        ),
        "exposed": (
            "well-exposed",
            "underexposed overexposed washed-out washed blown blown-out burnt clipped",
        ),
        "contrast": ("contrast contrasty contrastier punchier punchy", "flatter flat"),
        "rich": (
            "richer rich livelier lively vivid vibrant saturated colourful colorful deeper brilliant",
            "paler pale duller dull drab drabber faded muted lifeless desaturated blander bland",
        ),
        "neutral": ("neutral truer true accurate", ""),
        "tint": ("tinted tint cast tinge", ""),
        "noise": ("noisier noisy noise grainier grainy grain", "cleaner clean smoother smooth"),
        "artefacts": ("artefacts artifacts blocky blockier blocks pixelated banding halos", ""),
        "level": (
            "level straighter straight upright",
            "tilted tilt crooked slanted slanting lopsided leaning",
        ),
        "placed": ("placed centred centered", "misplaced"),
        "balanced": ("balanced harmonious balance cohesive", "unbalanced imbalanced"),
        "clutter": (
            "clutter cluttered busier busy messier messy distracting distraction distractions intrusive intruding "
            "chaotic clashing garish confusing",
            "calmer calm tidier tidy simpler uncluttered",
        ),
        "natural": (
            "natural relaxed graceful candid warmer warm genuine",
            "stiffer stiff awkward awkwardly clumsier clumsy artificial unnatural strained misshapen distorted "
            "distortion",
        ),
        "open": ("open", "shut closed blinking squinting"),
        "pleasing": (
            "pleasing flattering appealing attractive engaging striking interesting expressive beautiful happier "
            "prettier atmospheric compelling dynamic decisive dramatic elegant impactful exciting",
            "unflattering unappealing boring uglier ugly harsher harsh empty emptier",
        ),
        "detail": ("detail detailed details texture textured", "featureless"),
        "near": ("closer close nearer near tighter", "further farther far distant"),
        "large": ("larger bigger wider fuller taller longer greater", "smaller narrower thinner shorter"),
        "high": ("higher", "lower"),
        "cold": ("cooler colder bluer", "yellower redder"),
        "cut": ("cut cropped obstructed obscured hidden blocked crowded cramped", "unobstructed"),
        "depth": ("depth three-dimensional", ""),
        "isolated": ("separated isolated separation prominent distinct defined", "indistinct"),
        "visible": ("visible", ""),
        "smoothly": ("softly smoothly creamier", ""),
    }
)
"""Words for much and for little of a quality."""

GOODNESS: Mapping[str, int] = MappingProxyType(
    {
        **dict.fromkeys(("sharp", "good", "exposed", "contrast", "rich", "neutral", "level", "placed"), 1),
        **dict.fromkeys(("balanced", "natural", "open", "pleasing", "detail", "depth", "isolated"), 1),
        **dict.fromkeys(("noise", "tint", "artefacts", "clutter", "cut"), -1),
    }
)
"""Whether people want more (+1) or less (−1) of a quality; of the others it cannot be said."""

_QUALITIES: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        word: (side, axis)
        for axis, (much, little) in _AXES.items()
        for side, words in ((1, much), (-1, little))
        for word in words.split()
    }
)


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


_AMOUNTS = {
    **dict.fromkeys(_words("more stronger additional increased"), 1),
    **dict.fromkeys(_words("less fewer weaker reduced decreased"), -1),
}
_NEGATIONS = _words("not no never without lacks lacking loses isn't doesn't hardly nor")
_OF_THE_OTHER = _words("other second latter")
_DEGREES = {
    **dict.fromkeys(_words("slightly little bit somewhat marginally subtly"), 0.5),
    **dict.fromkeys(_words("much far considerably significantly noticeably clearly substantially"), 1.5),
}
_SILENT = _words(
    "a an the and or of in on at to for with by from as is are was were be been it its this that which their they",
    "there has have had shows show showing feels looks appears appearing photo photos picture image shot frame",
    "version first one while but also very quite overall so making make makes giving gives both where when up",
    "compared beside against",
)
# Where the softness, or the dark, is what one wants, or nothing to do with sharpness.
_SOFT_IS_FINE = _words("background backdrop light lighting lit bokeh shadows transition transitions tones")
_COMPARATIVES = frozenset(word for word in _QUALITIES if word.endswith("er")) - {"clutter"}
_OTHER_COMPARATIVES = _words(
    "more less fewer better worse than further farther busier earlier fresher gentler subtler starker bolder",
    "cosier cozier heavier quieter rougher steadier steeper stricter sweeter thicker sunnier moodier greener",
    "whiter blacker greyer grayer broader clumsier fainter firmer fiercer friendlier grander looser neater newer",
    "older plainer purer quicker slower softer stronger weaker wilder younger",
)

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_BREAK = re.compile(
    r"[.!?;:,—–]|\b(?:and|with|but|while|whereas|although|though|yet|however)\b", re.IGNORECASE
)
_COMPARED_WITH = re.compile(r"\b(?:than|compared|unlike|instead)\b.*", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Clause:
    """sign: +1 = the first photo has more of it, −1 = less. degree: ½ "slightly", 1, 1½ "far".

    words: what it is about, qualities by the name of their axis, others as written, small letters.
    """

    sign: int
    degree: float
    words: tuple[str, ...]


def clauses_of(text: str) -> tuple[Clause, ...]:
    """What *text* says, in order; clauses that say nothing are left out.

    A clause with no comparing word goes on in the direction of the one before ("sharper eyes and facial
    features"); one whose subject is the other photo is turned round.
    """
    found: list[Clause] = []
    for part in _BREAK.split(_unfold(text)):
        words = [word.lower() for word in _WORD.findall(_COMPARED_WITH.sub("", part))]
        clause = _clause(words, before=found[-1].sign if found else 1)
        if clause.words:
            found.append(clause)
    return tuple(found)


def goodness_of(clause: Clause) -> int:
    """+1 where the clause speaks for the first photo, −1 where against it, 0 where that cannot be said."""
    qualities = [word for word in clause.words if GOODNESS.get(word)]
    if "sharp" in qualities and clause.sign < 0 and _SOFT_IS_FINE.intersection(clause.words):
        return 0
    good = clause.sign * sum(GOODNESS[word] for word in qualities)
    return (good > 0) - (good < 0)


def comparing_words(text: str) -> list[str]:
    """The words of *text* that compare ("sharper", "more"), in order."""
    words = [word.lower() for word in _WORD.findall(text)]
    return [word for word in words if word in _COMPARATIVES or word in _OTHER_COMPARATIVES]


def _unfold(text: str) -> str:
    return text.replace("’", "'").replace("out of focus", "defocused").replace("in focus", "focused")


def _clause(words: list[str], *, before: int) -> Clause:
    # Of qualities, the first decides: in "cleaner dark areas" the dark is no second comparison.
    sign, is_signed, has_quality, degree, about = 1, False, False, 1.0, list[str]()
    for word in words:
        side, name = _QUALITIES.get(word, (0, word))
        if word in _DEGREES and not about:
            degree = _DEGREES[word]
        elif word in _AMOUNTS or word in _NEGATIONS or word in _OF_THE_OTHER:
            sign, is_signed = sign * _AMOUNTS.get(word, -1), True
        elif side:
            sign, is_signed, has_quality = sign if has_quality else sign * side, True, True
            about.append(name)
        elif word not in _SILENT:
            about.append(name)
    return Clause(sign if is_signed else before, degree, tuple(about))
