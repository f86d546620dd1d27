"""Comparison sentences from measurements, for pairs that nobody has described: how the first photo differs.

What can be measured is said by the same findings as the reasons people read, in few words that compare.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from finepick.differences.registration import Alignment
from finepick.domain import Attribute, FloatArray
from finepick.explanations.reasons import Finding, compare, explain_series
from finepick.features.extraction import PhotoFeatures
from finepick.scorers.utilities import judge_utilities
from finepick.training.targets import SeriesTarget

MOST_CLAUSES = 2

_SLIGHT, _LARGE = 0.3, 0.7
"""Strengths below and above which a difference is called slight and large."""

_CLAUSES: Mapping[Attribute, tuple[str, str]] = MappingProxyType(
    {
        Attribute.SHARPNESS: ("{much}sharper{where}", "{much}softer{where}"),
        Attribute.FOCUS_PLACE: (
            "{much}better focused on the subject",
            "{much}worse focused on the subject",
        ),
        Attribute.EXPOSURE: ("{much}{light} and better exposed", "{much}{light} and worse exposed"),
        Attribute.CLIPPING: ("{much}more detail in the {ends}", "{much}less detail in the {ends}"),
        Attribute.CONTRAST: ("{much}more contrast", "{much}less contrast"),
        Attribute.COLOUR: ("{much}richer colours", "{much}paler colours"),
        Attribute.COLOUR_CAST: ("{much}less of {tint} cast", "{much}more of {tint} cast"),
        Attribute.NOISE: ("{much}less noise", "{much}more noise"),
        Attribute.ARTEFACTS: ("{much}fewer compression blocks", "{much}more compression blocks"),
        Attribute.TILT: ("{much}straighter horizon", "{much}more tilted horizon"),
        Attribute.FRAMING: (
            "{much}less of the subject cut by the edges",
            "{much}more of the subject cut by the edges",
        ),
        Attribute.DISTRACTION: (
            "{much}less clutter at the {edge} edge",
            "{much}more clutter at the {edge} edge",
        ),
    }
)
"""What speaks for the first photo, and what against it."""

_SMEARED = (
    "{much}sharper and less smeared by movement{where}",
    "{much}softer and more smeared by movement{where}",
)
_PLACED = re.compile(r"at the (left|right|top|bottom) edge")
_TINTED = re.compile(r"\b(an? [a-z-]+) cast\b")


def sentences_of_pairs(
    features: Sequence[PhotoFeatures],
    alignment: Alignment,
    maps: Sequence[FloatArray],
    pairs: Sequence[tuple[int, int, float]],
) -> list[str | None]:
    """How the first photo of each of *pairs* (a, b, P(a ≻ b)) differs from the second; None where in nothing seen.

    *features*, *alignment* and *maps* of the n photos of a series, as `explain_series` takes them. What speaks
    for the winner leads, strongest first; one more thing may follow, after "but" where it speaks against. Where
    only the loser is better in what can be measured, that is what is said: a sentence is of the pictures.
    Said of (b, a, 1 − P) everything is turned round. Raises IndexError where a series has no such photo.
    """
    nothing_judged = judge_utilities(np.zeros(len(features)), temperature=1.0)
    evidence = explain_series(features, alignment, maps, nothing_judged).evidence
    return [_sentence(compare(evidence[a], evidence[b]), p) for a, b, p in pairs]


def with_measured_texts(
    target: SeriesTarget, features: Sequence[PhotoFeatures], alignment: Alignment, maps: Sequence[FloatArray]
) -> SeriesTarget:
    """*target*, whose pairs without a text have one wherever their photos measurably differ."""
    lacking = [number for number in range(len(target.a)) if number not in target.texts]
    pairs = [(int(target.a[number]), int(target.b[number]), float(target.p[number])) for number in lacking]
    sentences = sentences_of_pairs(features, alignment, maps, pairs) if pairs else []
    found = {number: text for number, text in zip(lacking, sentences, strict=True) if text is not None}
    return replace(target, texts={**target.texts, **found})


def _sentence(findings: Sequence[Finding], p: float) -> str | None:
    """*findings* come strongest first."""
    known = [finding for finding in findings if finding.attribute in _CLAUSES]
    if p != 0.5:
        known.sort(key=lambda finding: finding.is_better != (p > 0.5))  # stable: by strength within a side
    if not known:
        return None
    first, *others = known[:MOST_CLAUSES]
    joined = [f", {'' if one.is_better == first.is_better else 'but '}{clause_of(one)}" for one in others]
    return clause_of(first) + "".join(joined)


def clause_of(finding: Finding) -> str:
    """*finding* in few words that compare. Raises KeyError for one that is not measured."""
    said = finding.text
    smeared = finding.attribute == Attribute.SHARPNESS and "smeared" in said
    better, worse = _SMEARED if smeared else _CLAUSES[finding.attribute]
    edge, tint = _PLACED.search(said), _TINTED.search(said)
    return (better if finding.is_better else worse).format(
        much="slightly " if finding.strength < _SLIGHT else "far " if finding.strength > _LARGE else "",
        where=" where they differ" if "where the frames differ" in said else "",
        light="brighter" if "brighter" in said else "darker",
        ends="highlights" if "highlights" in said or "burnt out" in said else "shadows",
        tint=tint[1] if tint else "a colour",
        edge=edge[1] if edge else "nearest",
    )
