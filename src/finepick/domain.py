"""The nouns: photo, metadata, series, reason, ranking, result. Frozen values, no I/O.

A *photo* is a file, known by the digest of its bytes; a *frame* is its pixels; a *series* is photos of the
same moment; a *ranking* is a series with one model's verdict.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
ByteArray = NDArray[np.uint8]
Frame = NDArray[np.uint8]
"""Pixels of a photo: height × width × 3, sRGB, upright."""


class SeriesKind(StrEnum):
    """How a series was found; brackets, panoramas and focus stacks are kept whole."""

    BURST = "burst"
    SIMILAR = "similar"
    PROMPT = "prompt"
    FOLDER = "folder"
    SINGLE = "single"
    BRACKET = "bracket"
    PANORAMA = "panorama"
    FOCUS_STACK = "focus_stack"

    @property
    def is_kept_whole(self) -> bool:
        return self in (SeriesKind.BRACKET, SeriesKind.PANORAMA, SeriesKind.FOCUS_STACK)


class Attribute(StrEnum):
    """What a reason can be about."""

    SHARPNESS = "sharpness"
    FOCUS_PLACE = "focus_place"
    EXPOSURE = "exposure"
    CLIPPING = "clipping"
    CONTRAST = "contrast"
    COLOUR = "colour"
    COLOUR_CAST = "colour_cast"
    NOISE = "noise"
    ARTEFACTS = "artefacts"
    TILT = "tilt"
    FRAMING = "framing"
    DISTRACTION = "distraction"
    MOMENT = "moment"
    OVERALL = "overall"


class Stage(StrEnum):
    """Where a photo was lost."""

    FIND = "find"
    READ = "read"
    JUDGE = "judge"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a photo's file says about how it came to be; None where it says nothing.

    `width` and `height` are those of the whole picture in pixels, upright. `taken_at` is the camera's own
    clock, without a zone, with fractions of a second. `exposure_value` (EV at ISO 100) can be had from
    `exposure_seconds`, `f_number` and `iso`. `rating` (−1…5) and `label` are a human's, embedded in the file.
    """

    format: str
    width: int
    height: int
    frames: int = 1
    taken_at: datetime | None = None
    camera: str | None = None
    lens: str | None = None
    exposure_seconds: float | None = None
    f_number: float | None = None
    iso: float | None = None
    exposure_bias: float | None = None
    auto_bracket: bool = False
    focal_length_mm: float | None = None
    focus_distance_m: float | None = None
    burst_id: str | None = None
    software: str | None = None
    prompt: str | None = None
    rating: int | None = None
    label: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def exposure_value(self) -> float | None:
        """EV at ISO 100: log2(N²/t) − log2(ISO/100); None unless time, aperture and ISO are all known."""
        if not (self.exposure_seconds and self.f_number and self.iso):
            return None
        return float(np.log2(self.f_number**2 / self.exposure_seconds) - np.log2(self.iso / 100))

    def to_json(self) -> str:
        """This as ASCII JSON; equal values give equal texts."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.taken_at is not None:
            values["taken_at"] = self.taken_at.isoformat()
        return json.dumps(values)

    @classmethod
    def from_json(cls, text: str | bytes) -> Metadata | None:
        """What `to_json` was called on; None where another version, with other fields, wrote *text*."""
        values = json.loads(text)
        if list(values) != [field.name for field in fields(cls)]:
            return None
        if values["taken_at"] is not None:
            values["taken_at"] = datetime.fromisoformat(values["taken_at"])
        values["notes"] = tuple(values["notes"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture file. `path` is spelt as the user spelt it; `companions` are the JPEG beside a RAW."""

    path: str
    digest: str
    metadata: Metadata
    companions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A photo that could not be used, where it was lost, and why, in a sentence."""

    path: str
    stage: Stage
    reason: str


@dataclass(frozen=True, slots=True)
class Series:
    """Photos that belong together; `kind` says how that was found out. In order of capture, then of path."""

    kind: SeriesKind
    photos: tuple[Photo, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """One measured way in which a photo is better or worse than another.

    `strength` lies in [0, 1]; `versus` is the path of the other photo; `text` is a sentence for people.
    """

    attribute: Attribute
    direction: str
    strength: float
    versus: str
    text: str


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Who judged. `fingerprint`: SHA-256 over weights and preprocessing."""

    name: str
    version: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """A series with one model's verdict; every array is in the order of `photos`.

    `scores` (n) is comparable inside this series only, `coarse` (n, 1…10) everywhere, `p_best` (n) sums to 1,
    `preference` (n × n) holds P(row preferred over column). All four are None for a set that is kept whole.
    """

    kind: SeriesKind
    photos: tuple[Photo, ...]
    order: tuple[int, ...]
    keep: tuple[bool, ...]
    scores: FloatArray | None = None
    coarse: FloatArray | None = None
    p_best: FloatArray | None = None
    preference: FloatArray | None = None
    too_close: bool = False
    why: tuple[tuple[Reason, ...], ...] = ()
    id: str = "s0001"
    _explain: Callable[[int, int], tuple[Reason, ...]] | None = field(default=None, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.photos)

    def rearranged(self, order: Sequence[int]) -> Ranking:
        """The same ranking with its photos in another order: photo i of it is photo order[i] of this one."""
        place = {old: new for new, old in enumerate(order)}
        rows = np.asarray(order, np.intp)
        explain = self._explain
        return replace(
            self,
            photos=tuple(self.photos[i] for i in order),
            order=tuple(place[i] for i in self.order),
            keep=tuple(self.keep[i] for i in order),
            scores=None if self.scores is None else self.scores[rows],
            coarse=None if self.coarse is None else self.coarse[rows],
            p_best=None if self.p_best is None else self.p_best[rows],
            preference=None if self.preference is None else self.preference[np.ix_(rows, rows)],
            why=tuple(self.why[i] for i in order) if self.why else (),
            _explain=None if explain is None else lambda i, j: explain(order[i], order[j]),
        )

    @property
    def is_ranked(self) -> bool:
        return self.scores is not None

    @property
    def best(self) -> Photo | None:
        """The likeliest best photo; None where the set is kept whole."""
        return self.photos[self.order[0]] if self.is_ranked else None

    def probability(self, i: int, j: int) -> float:
        """Calibrated probability that photo *i* is preferred over photo *j*.

        Raises ValueError where the set is not ranked, IndexError where there is no such photo.
        """
        if self.preference is None:
            raise ValueError(f"a {self.kind} is kept whole and not ranked")
        return float(self.preference[i, j])

    def reasons(self, i: int, j: int) -> tuple[Reason, ...]:
        """In what photo *i* measurably differs from photo *j*, strongest first. Raises IndexError."""
        if not (0 <= i < len(self) and 0 <= j < len(self)):
            raise IndexError(f"there are photos 0 to {len(self) - 1}, not {i} and {j}")
        if self._explain is None:
            return ()
        return self._explain(i, j)


@dataclass(frozen=True, slots=True)
class Counts:
    photos: int
    series: int
    skipped: int
    ignored: int


@dataclass(frozen=True, slots=True)
class PickResult:
    """What `pick` found: rankings, series of several photos first in the order of capture, and what was skipped."""

    series: tuple[Ranking, ...]
    skipped: tuple[Skipped, ...]
    ignored: int
    model: ModelInfo

    def __iter__(self) -> Iterator[Ranking]:
        return iter(self.series)

    @property
    def counts(self) -> Counts:
        photos = sum(len(ranking) for ranking in self.series)
        return Counts(photos, len(self.series), len(self.skipped), self.ignored)

    @property
    def keeps(self) -> Iterable[Photo]:
        """Photos to keep, series by series, best first."""
        return (ranking.photos[i] for ranking in self.series for i in ranking.order if ranking.keep[i])


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which of two photos; `winner` is "a", "b" or "tie" (|p_a − ½| < .05)."""

    a: str
    b: str
    winner: str
    p_a: float
    reasons: tuple[Reason, ...]
    model: ModelInfo


@dataclass(frozen=True, slots=True)
class CoarseScore:
    """A photo's coarse score, 1…10, comparable across series; None where the model has none."""

    path: str
    coarse: float | None


@dataclass(frozen=True, slots=True)
class ScoreResult:
    photos: tuple[CoarseScore, ...]
    skipped: tuple[Skipped, ...]
    ignored: int
    model: ModelInfo
