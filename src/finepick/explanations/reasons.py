"""Why one frame rather than another: measured differences as sentences a photographer would say.

Each aspect compares two frames and says something only where the difference is large enough to be seen. What
is said of (a, b) is what is said of (b, a) with the direction turned round.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finepick.differences.leaning import Leaning, lean_of_series
from finepick.differences.maps import resample_map
from finepick.differences.places import Places, lay_cells
from finepick.differences.registration import Alignment
from finepick.domain import Attribute, FloatArray, Reason
from finepick.explanations.phrases import Saying, Words, words_of
from finepick.features.extraction import PhotoFeatures
from finepick.features.measurements import Measurements, salience
from finepick.scorers.base import Judgement, Thoughts

EXPLANATIONS_VERSION = 2
"""Raised whenever a change here or in `differences` alters what is said."""

BETTER, WORSE = "better", "worse"
MOST_REASONS = 5
MOST_LETTERS = 240

_TIE = 0.05
_BEYOND_MEASURING = frozenset(
    {
        Attribute.MOMENT,
        Attribute.OVERALL,
        Attribute.FRAMING,
        Attribute.DISTRACTION,
        Attribute.FOCUS_PLACE,
    }
)
"""Of what measurements tell little or nothing; of the rest, a model is not believed against them."""
_MIDDLE_LUMA = 0.46
_HALF = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one frame, in places that it shares with the frames it is compared with.

    sharpness (log2), salience (mean 1; −1 where the frame does not show the place) and difference (0…1) are
    (rows, columns), half precision: an explainer lives as long as its ranking, and there may be thousands.
    """

    measurements: NDArray[np.float32]
    sharpness: _HALF
    salience: _HALF
    difference: _HALF
    lean_degrees: float
    lean_sureness: float

    def __getitem__(self, name: str) -> float:
        return Measurements(self.measurements, np.empty((0, 0, 0), np.float32))[name]


@dataclass(frozen=True, slots=True)
class Finding:
    """One measured difference: *strength* in [0, 1], and its sentence, said of the frame that is compared."""

    attribute: Attribute
    is_better: bool
    strength: float
    text: str

    def against(self, path: str) -> Reason:
        return Reason(self.attribute, BETTER if self.is_better else WORSE, self.strength, path, self.text)


def compare_features(
    a: PhotoFeatures,
    b: PhotoFeatures,
    *,
    map_a: FloatArray | None = None,
    map_b: FloatArray | None = None,
    versus: str = "",
) -> tuple[Reason, ...]:
    """In what *a* differs from *b*, strongest first, taking place for place what lies in the same spot.

    Frames that lie differently are better compared by `explain_series`, which knows how. Empty where nothing
    differs enough to be seen.
    """
    shape = a.measurements.grid.shape[:2]
    findings = compare(_evidence(a, map_a, shape), _evidence(b, map_b, shape))
    return tuple(finding.against(versus) for finding in findings)


def explain_series(
    features: Sequence[PhotoFeatures],
    alignment: Alignment,
    maps: Sequence[FloatArray],
    judgement: Judgement,
) -> Explainer:
    """The explainer of a judged series; *alignment* and *maps* as the registration and the maps gave them.

    The judgement's places are taken where it has them; they must then be of the same alignment and maps.
    """
    if len(features) < 2:
        return Explainer((), judgement.preference, judgement.fine)
    places = judgement.places or lay_cells(features, alignment, maps)
    leaning = lean_of_series(features, alignment)
    seen_by_all = np.asarray(places.seen.all(axis=0))
    evidence = tuple(
        _placed_evidence(frame, places, seen_by_all, leaning, index) for index, frame in enumerate(features)
    )
    words, thoughts = None, judgement.thoughts
    if judgement.phrases is not None and judgement.embeddings is not None:
        words = words_of(judgement.phrases, judgement.embeddings)
    return Explainer(evidence, judgement.preference, judgement.fine, words, thoughts)


@dataclass(frozen=True, slots=True)
class Explainer:
    """Says why, for any two frames of one judged series; small enough to keep.

    What the model itself says (`thoughts`) comes first, then what is measured; `words`, where the model has
    them, fill in what cannot be measured.
    """

    evidence: tuple[Evidence, ...]
    preference: FloatArray
    fine: FloatArray
    words: Words | None = None
    thoughts: Thoughts | None = None

    def between(self, i: int, j: int, path_j: str) -> tuple[Reason, ...]:
        """In what frame *i* differs from frame *j*: what speaks for the verdict first, strongest first.

        Never empty for two different frames; what speaks against the verdict follows, and says so by its
        direction. Raises IndexError where there is no such frame.
        """
        if i == j:
            return ()
        measured = compare(self.evidence[i], self.evidence[j])
        findings = (
            measured if self.words is None else self._with_words(measured, self.words.between(i, j), i, j)
        )
        spoken = self._spoken(i, j)
        return tuple(finding.against(path_j) for finding in [*spoken, *self._in_line(findings, i, j, spoken)])

    def per_photo(self, order: Sequence[int], paths: Sequence[str]) -> tuple[tuple[Reason, ...], ...]:
        """Every frame's reasons, as given to the scorer, against the best; the best's, against the second.

        *order* is best first; at most five reasons each.
        """
        if len(order) < 2:
            return tuple(() for _ in order)
        best, second = order[0], order[1]
        rivals = [second if index == best else best for index in range(len(order))]
        return tuple(
            self.between(index, rival, paths[rival])[:MOST_REASONS] for index, rival in enumerate(rivals)
        )

    def _with_words(
        self, measured: Sequence[Finding], sayings: Sequence[Saying], i: int, j: int
    ) -> list[Finding]:
        """*measured* with what the model says of other things; of the whole, it never speaks against itself."""
        lead = float(self.preference[i, j]) - 0.5
        is_settled = abs(lead) >= _TIE
        taken = {finding.attribute for finding in measured}
        seen = [
            Finding(said.attribute, said.is_better, said.strength, f"the model sees {said.words}")
            for said in sayings
            if said.attribute in _BEYOND_MEASURING - taken
            and not (said.attribute == Attribute.OVERALL and is_settled and said.is_better != (lead > 0))
        ]
        return sorted([*measured, *seen], key=lambda finding: (-finding.strength, finding.attribute))

    def _spoken(self, i: int, j: int) -> list[Finding]:
        """What the model itself said of frame *i*, where it says why: that decided, so it comes first."""
        if self.thoughts is None:
            return []
        lead = float(self.preference[i, j]) - 0.5
        row = self.thoughts[i]
        said = row[j] if len(row) > 1 else row[0]
        strength = round(min(1.0, abs(2 * lead)), 3)
        is_better = lead > 0 or (lead == 0 and i < j)
        return (
            [Finding(Attribute.OVERALL, is_better, strength, f"the model says: {_brief(said)}")]
            if said
            else []
        )

    def _in_line(
        self, findings: Sequence[Finding], i: int, j: int, spoken: Sequence[Finding]
    ) -> list[Finding]:
        lead = float(self.preference[i, j]) - 0.5
        wins = lead > 0 or (lead == 0 and i < j)
        if not findings:
            if spoken:
                return []
            return [_overall(wins, lead, where=_spot(self.evidence[i], self.evidence[j]))]
        if abs(lead) < _TIE:
            return list(findings)
        supporting = [finding for finding in findings if finding.is_better == wins]
        opposing = [finding for finding in findings if finding.is_better != wins]
        if not supporting and not spoken:
            supporting = [_overall(wins, lead, despite=True)]
        return [*supporting, *opposing]


def _brief(said: str) -> str:
    """As many whole sentences of *said* as fit into `MOST_LETTERS`; of one that is longer, its beginning."""
    if len(said) <= MOST_LETTERS:
        return said
    end = max(said.rfind(mark, 0, MOST_LETTERS) for mark in (". ", "! ", "? "))
    if end > 0:
        return said[: end + 1]
    return said[:MOST_LETTERS].rsplit(" ", 1)[0] + " …"


def _overall(wins: bool, lead: float, *, despite: bool = False, where: str = "") -> Finding:
    strength = round(min(1.0, abs(2 * lead)), 3)
    if abs(lead) < _TIE:
        text = f"differs only {where}: too close to call" if where else "hardly differs: too close to call"
    elif despite:
        text = (
            "better on the whole, by small things together"
            if wins
            else "weaker on the whole, by small things together"
        )
    else:
        text = (
            "slightly better, but in nothing that stands out"
            if wins
            else "slightly weaker, but in nothing that stands out"
        )
    return Finding(Attribute.OVERALL, wins, strength, text)


def _spot(a: Evidence, b: Evidence) -> str:
    """Where two frames that are alike elsewhere differ, in words; empty where there is no such place."""
    differing = np.maximum(a.difference, b.difference).astype(np.float64)
    strong = differing > 0.5
    return _place_of(differing * strong) if strong.sum() >= 2 and strong.mean() < 0.1 else ""


def compare(a: Evidence, b: Evidence) -> list[Finding]:
    """Every aspect in which *a* visibly differs from *b*, strongest first."""
    found = [finding for aspect in _ASPECTS for finding in aspect(a, b)]
    return sorted(found, key=lambda finding: (-finding.strength, finding.attribute))


def _evidence(frame: PhotoFeatures, difference: FloatArray | None, shape: tuple[int, int]) -> Evidence:
    grid = frame.measurements.grid
    sharp = frame.measurements.channel("sharpness")
    mass = salience(grid) * grid[..., 0].size
    there = np.zeros(shape) if difference is None else resample_map(difference, *shape)
    return Evidence(
        frame.measurements.values,
        _half(resample_map(np.asarray(sharp, np.float64), *shape)),
        _half(resample_map(np.asarray(mass, np.float64), *shape)),
        _half(there),
        frame.measurements["tilt"],
        frame.measurements["tilt_confidence"],
    )


def _placed_evidence(
    frame: PhotoFeatures, places: Places, seen_by_all: NDArray[np.bool_], leaning: Leaning, index: int
) -> Evidence:
    sharp = np.where(
        seen_by_all, places.cells[index, ..., 0], 0
    )  # where not all can be compared, nothing is said
    return Evidence(
        frame.measurements.values,
        _half(sharp),
        _half(np.where(places.seen[index], places.salience[index], -1.0)),
        _half(places.difference[index] * places.seen[index]),
        float(leaning.degrees[index]),
        leaning.sureness,
    )


def _half(plane: NDArray[np.floating]) -> _HALF:
    return np.asarray(plane, np.float16)


def _saturating(amount: float, scale: float) -> float:
    """0…1, about .63 at *scale*."""
    return round(1.0 - math.exp(-abs(amount) / scale), 3)


# --- aspects: each gives at most one finding; `a` is the frame that is spoken of ---


def _sharpness(a: Evidence, b: Evidence) -> Iterable[Finding]:
    """Fine detail where the frames differ; a just visible loss is about half a step of log2 variance."""
    here, there = a.sharpness.astype(np.float64), b.sharpness.astype(np.float64)
    lively = np.maximum(here, there)
    weight = (0.25 + np.maximum(a.difference, b.difference)) * lively
    if float(weight.sum()) <= 0:
        return
    steps = float((weight * (here - there)).sum() / weight.sum())
    if abs(steps) < 0.5:
        return
    times = 2 ** (abs(steps) / 2)  # of amplitude: the Laplacian's variance is its square
    differing = float(np.maximum(a.difference, b.difference).astype(np.float64).mean())
    where = " where the frames differ" if 0.01 < differing < 0.35 else ""
    blurred = b if steps > 0 else a
    sharper = a if steps > 0 else b
    smeared = blurred["motion"] - sharper["motion"] > 0.15
    if steps > 0:
        text = f"{_much(times)}sharper: {_times(times)} the fine detail{where}"
        text += "; the other is smeared by movement" if smeared else ""
    else:
        text = "smeared by movement" if smeared else f"{_much(times)}softer"
        text += f": the other has {_times(times)} the fine detail{where}"
    yield Finding(Attribute.SHARPNESS, steps > 0, _saturating(steps, 2.5), text)


def _much(times: float) -> str:
    return "a little " if times < 1.35 else "much " if times >= 2.75 else ""


def _times(times: float) -> str:
    if times < 1.35:
        return f"about {round((times - 1) * 20) * 5} % more of"
    if times < 1.75:
        return "about one and a half times"
    if times < 2.5:
        return "about twice"
    return f"about {min(round(times), 10)} times"


def _focus_place(a: Evidence, b: Evidence) -> Iterable[Finding]:
    """Whether focus lies on what stands out: sharper there and softer elsewhere than the other frame."""
    gain = a.sharpness.astype(np.float64) - b.sharpness.astype(np.float64)
    stands_out = 0.5 * (a.salience.astype(np.float64) + b.salience.astype(np.float64))
    lively = np.maximum(a.sharpness, b.sharpness) > 3.0
    subject, rest = lively & (stands_out > 1.5), lively & (stands_out < 0.7)
    if subject.sum() < 6 or rest.sum() < 20:
        return
    on_subject, on_rest = float(gain[subject].mean()), float(gain[rest].mean())
    if on_subject * on_rest >= 0 or min(abs(on_subject), abs(on_rest)) < 0.4:
        return
    place = _place_of(np.where(subject, stands_out, 0.0))
    better = on_subject > 0
    text = (
        f"focus sits on the subject {place}, not on what is around it"
        if better
        else f"focus has slipped off the subject {place} to what is around it"
    )
    yield Finding(Attribute.FOCUS_PLACE, better, _saturating(on_subject - on_rest, 2.5), text)


def _exposure(a: Evidence, b: Evidence) -> Iterable[Finding]:
    """Better is the one whose mean is nearer the middle, if the two are a quarter of a stop apart."""
    stops = 2.2 * math.log2((a["luma"] + 0.01) / (b["luma"] + 0.01))
    nearer = abs(b["luma"] - _MIDDLE_LUMA) - abs(a["luma"] - _MIDDLE_LUMA)
    if abs(stops) < 0.25 or abs(nearer) < 0.035:
        return
    shift = f"{_stops(abs(stops))} {'brighter' if stops > 0 else 'darker'}"
    if nearer > 0:
        text = f"{shift}, and better exposed for it"
    elif abs(nearer) > 0.12:
        text = f"{shift}, {'washed out beside' if stops > 0 else 'too dark beside'} the other"
    else:
        text = f"{shift}, a little too {'bright' if stops > 0 else 'dark'}"
    yield Finding(Attribute.EXPOSURE, nearer > 0, _saturating(nearer, 0.15), text)


def _stops(stops: float) -> str:
    if stops < 0.4:
        return "a third of a stop"
    if stops < 0.75:
        return "half a stop"
    if stops < 1.3:
        return "about a stop"
    if stops < 1.75:
        return "a stop and a half"
    return f"{round(stops)} stops"


def _clipping(a: Evidence, b: Evidence) -> Iterable[Finding]:
    """One finding, of highlights or of shadows, whichever differ more; highlights weigh double."""
    high = b["clipped_high"] - a["clipped_high"]
    low = b["clipped_low"] - a["clipped_low"]
    of_highlights = abs(high) * 2 >= abs(low)
    less = high if of_highlights else low
    if abs(less) < (0.008 if of_highlights else 0.02):
        return
    share = _percent(
        max(a["clipped_high"], b["clipped_high"])
        if of_highlights
        else max(a["clipped_low"], b["clipped_low"])
    )
    parts, verb = ("highlights", "burns out") if of_highlights else ("shadows", "loses to black")
    lost = "burnt out" if of_highlights else "plain black"
    text = (
        f"{parts} keep detail; the other {verb} {share} of the frame"
        if less > 0
        else f"{share} of the frame is {lost}"
    )
    yield Finding(Attribute.CLIPPING, less > 0, _saturating(less, 0.06 if of_highlights else 0.15), text)


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:.0f} %" if percent >= 1.5 else f"{percent:.1f} %"


def _contrast(a: Evidence, b: Evidence) -> Iterable[Finding]:
    more = math.log2((a["contrast"] + 0.01) / (b["contrast"] + 0.01))
    if abs(more) < 0.15:
        return
    much = "clearly " if abs(more) > 0.5 else "a little " if abs(more) < 0.25 else ""
    text = f"{much}more contrast" if more > 0 else f"{much}flatter, with less contrast"
    yield Finding(Attribute.CONTRAST, more > 0, _saturating(more, 0.8), text)


def _colour(a: Evidence, b: Evidence) -> Iterable[Finding]:
    more = math.log2((a["colourfulness"] + 4) / (b["colourfulness"] + 4))
    if abs(more) < 0.2:
        return
    much = "clearly " if abs(more) > 0.6 else ""
    text = f"{much}richer colours" if more > 0 else f"{much}paler colours"
    yield Finding(Attribute.COLOUR, more > 0, _saturating(more, 1.2), text)


def _colour_cast(a: Evidence, b: Evidence) -> Iterable[Finding]:
    less = b["cast"] - a["cast"]
    if abs(less) < 0.025 or min(a["cast"], b["cast"]) > 0.035:  # no greys in either: light, not a cast
        return
    tinted, clean = (b, a) if less > 0 else (a, b)
    tint = _tint(tinted["cast_a"] - clean["cast_a"], tinted["cast_b"] - clean["cast_b"])
    text = f"truer greys; the other has {tint} cast" if less > 0 else f"{tint} cast over the picture"
    yield Finding(Attribute.COLOUR_CAST, less > 0, _saturating(less, 0.08), text)


def _tint(red: float, yellow: float) -> str:
    """Name of the direction (red–green, yellow–blue)."""
    names = ("a red", "an orange", "a yellow", "a yellow-green", "a green", "a cyan", "a blue", "a magenta")
    return names[round(math.degrees(math.atan2(yellow, red)) / 45) % 8]


def _noise(a: Evidence, b: Evidence) -> Iterable[Finding]:
    quieter = math.log2((b["noise"] + 0.5) / (a["noise"] + 0.5))
    if abs(quieter) < 0.4 or max(a["noise"], b["noise"]) < 1.5:
        return
    ratio = 2 ** abs(quieter)
    text = f"cleaner: {_share(ratio)} the noise" if quieter > 0 else f"noisier: {_times(ratio)} the noise"
    yield Finding(Attribute.NOISE, quieter > 0, _saturating(quieter, 1.8), text)


def _share(ratio: float) -> str:
    return "about two thirds of" if ratio < 1.75 else "about half" if ratio < 2.6 else "a fraction of"


def _artefacts(a: Evidence, b: Evidence) -> Iterable[Finding]:
    fewer = b["blockiness"] - a["blockiness"]
    if abs(fewer) < 0.35 or max(a["blockiness"], b["blockiness"]) < 0.9:
        return
    text = "fewer compression blocks" if fewer > 0 else "compression shows as blocks"
    yield Finding(Attribute.ARTEFACTS, fewer > 0, _saturating(fewer, 1.0), text)


def _tilt(a: Evidence, b: Evidence) -> Iterable[Finding]:
    """Only where there is something to tell by; beyond 8° the lean is meant, or the line no horizon."""
    here, there = a.lean_degrees, b.lean_degrees
    sure = min(a.lean_sureness, b.lean_sureness)
    straighter = abs(there) - abs(here)
    if sure < 0.45 or abs(straighter) < 0.6 or max(abs(here), abs(there)) > 8:
        return
    best, worst = (here, there) if straighter > 0 else (there, here)
    lean = f"{abs(worst):.0f}° to the {'right' if worst > 0 else 'left'}" if abs(worst) >= 1 else "a little"
    if straighter > 0:
        text = "the horizon is level" if abs(best) < 0.6 else f"the horizon leans less ({abs(best):.1f}°)"
        text += f"; the other leans {lean}"
    else:
        text = f"the horizon leans {lean}"
    yield Finding(
        Attribute.TILT, straighter > 0, round(_saturating(straighter, 2.0) * min(1.0, sure / 0.5), 3), text
    )


def _framing(a: Evidence, b: Evidence) -> Iterable[Finding]:
    """Whether what stands out keeps clear of the frame's edge."""
    clearer = b["salient_edge"] - a["salient_edge"]
    if abs(clearer) < 0.3 or max(a["salient_edge"], b["salient_edge"]) < 0.9:
        return
    text = (
        "what matters keeps clear of the edges"
        if clearer > 0
        else "more of what catches the eye is cut by the edges"
    )
    yield Finding(Attribute.FRAMING, clearer > 0, _saturating(clearer, 0.9), text)


def _distraction(a: Evidence, b: Evidence) -> Iterable[Finding]:
    """Something at an edge of one frame that stands out there and is not in the other."""
    ours, theirs = _intrusions(a, b), _intrusions(b, a)
    worst_ours, worst_theirs = max(ours.values()), max(theirs.values())
    if abs(worst_ours - worst_theirs) < 0.6 or max(worst_ours, worst_theirs) < 0.9:
        return
    better = worst_theirs > worst_ours
    intrusions = theirs if better else ours
    edge = max(intrusions, key=lambda name: intrusions[name])
    text = (
        f"nothing intrudes at the {edge} edge, as it does in the other"
        if better
        else f"something enters at the {edge} edge"
    )
    yield Finding(Attribute.DISTRACTION, better, _saturating(worst_theirs - worst_ours, 2.5), text)


def _intrusions(a: Evidence, b: Evidence) -> dict[str, float]:
    """Per edge of *a*: how much its strongest spot stands out and differs, that does not stand out in *b*."""
    both = (a.salience >= 0) & (b.salience >= 0) & (a.difference > 0.4)
    excess = np.maximum(a.salience.astype(np.float64) - b.salience.astype(np.float64), 0.0) * both
    spot = np.minimum(excess, 6.0) * a.difference.astype(np.float64)
    depth = max(1, round(max(spot.shape) / 16))
    edges = {"left": spot[:, :depth], "right": spot[:, -depth:], "top": spot[:depth], "bottom": spot[-depth:]}
    return {name: _strongest_spot(strip) for name, strip in edges.items()}


def _strongest_spot(strip: FloatArray) -> float:
    """Mean of the strongest four cells, so that one cell alone says little."""
    strongest = np.sort(strip, axis=None)[-4:]
    return float(strongest.mean()) if strongest.size else 0.0


def _place_of(mass: FloatArray) -> str:
    """Where the middle of *mass* lies, in words."""
    total = float(mass.sum())
    rows, columns = mass.shape
    x = float(mass.sum(axis=0) @ ((np.arange(columns) + 0.5) / columns)) / total
    y = float(mass.sum(axis=1) @ ((np.arange(rows) + 0.5) / rows)) / total
    across = "left" if x < 0.38 else "right" if x > 0.62 else ""
    down = "upper" if y < 0.36 else "lower" if y > 0.64 else ""
    if not across and not down:
        return "in the centre"
    if not across:
        return "in the upper part" if down == "upper" else "in the lower part"
    return f"at the {down} {across}" if down else f"on the {across}"


_ASPECTS: tuple[Callable[[Evidence, Evidence], Iterable[Finding]], ...] = (
    _sharpness,
    _focus_place,
    _exposure,
    _clipping,
    _contrast,
    _colour,
    _colour_cast,
    _noise,
    _artefacts,
    _tilt,
    _framing,
    _distraction,
)
