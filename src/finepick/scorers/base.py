"""The seam that every model sits behind: a whole series in, one judgement out."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from finepick.differences.places import Places
from finepick.differences.registration import Alignment
from finepick.domain import FloatArray, Frame, ModelInfo
from finepick.errors import ImageError
from finepick.features.extraction import PhotoFeatures
from finepick.scorers.phrases import PhraseBank

if TYPE_CHECKING:
    from PIL import Image

Arrays = dict[str, NDArray[Any]]
Thoughts = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class View:
    """What is wanted of photo *index*: what a function makes of its frame, where the frame is decoded.

    long_side: the frame's long side at most, in pixels.
    function: "module:name" below `finepick`, called with the frame and *arguments*; it returns named arrays.
    arguments: anything that JSON can say.
    """

    index: int
    long_side: int
    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Glance:
    """What a scorer wants to have seen of every photo alone, before any series is judged.

    It is made where the photo is decoded for its features anyway, and remembered by content.

    function: "module:name" below `finepick`, called with the photo as a PIL image (RGB, at the working size); it
        returns named arrays.
    version: changes whenever the arrays of any photo may.
    arguments: what else it is called with, anything that JSON can say.
    """

    function: str
    version: str
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)


class FrameSource(Protocol):
    """The n frames of one series, read lazily, so that a series of 200 does not lie in memory at once."""

    def __len__(self) -> int: ...

    def frame(self, index: int, long_side: int) -> Frame:
        """Pixels of photo *index*, long side at most *long_side*. Raises ImageError."""
        ...

    def views(self, views: Iterable[View]) -> Iterator[Arrays]:
        """What *views* ask for, in their order and read ahead of it, on several cores where there are.

        Raises ImageError where a photo cannot be read any more.
        """
        ...

    def features(self, index: int) -> PhotoFeatures:
        """Features of photo *index*; cheap, they are cached by content."""
        ...

    def glance(self, index: int, glance: Glance) -> Arrays:
        """What *glance* asks for of photo *index*; cheap, it is remembered by content. Raises ImageError."""
        ...

    def digest(self, index: int) -> str:
        """SHA-256 of the bytes of photo *index*: what caches and tie-breaks may depend on, not its name."""
        ...

    def known(self, key: str) -> bytes | None:
        """What a scorer remembered under *key*, a SHA-256; None where it did not, or nothing is remembered."""
        ...

    def remember(self, key: str, blob: bytes) -> None:
        """Keep *blob* under *key*, where there is a cache: for answers that were dear."""
        ...

    def lost(self, index: int, reason: str) -> ImageError:
        """What to raise where photo *index* is sound but cannot be judged, for *reason*, a sentence."""
        ...


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a scorer says of the n frames of one series; all arrays have n rows, in the order given.

    fine: (n,) comparable inside this series, higher is better.
    coarse: (n,) comparable everywhere, 1…10, or None.
    preference: (n, n) calibrated P(row preferred over column); P + Pᵀ = 1, ½ on the diagonal.
    too_close: the best frame is not known well enough to be called.
    embeddings: (n, d) float32 or None. difference: n maps (rows, columns) in [0, 1], or None.
    alignment, places: how the frames, and their cells, lie over one another, where the scorer found that out.
    phrases: what differences of the embeddings can be read with, where the model knows words.
    thoughts: what the model says in words, n rows: of a frame by itself (one text), or beside each of the n
        frames (n texts, "" where it said nothing); None where it says nothing at all.
    """

    fine: FloatArray
    coarse: FloatArray | None
    preference: FloatArray
    too_close: bool = False
    embeddings: NDArray[np.float32] | None = None
    difference: tuple[FloatArray, ...] | None = None
    alignment: Alignment | None = None
    places: Places | None = None
    phrases: PhraseBank | None = None
    thoughts: Thoughts | None = None


class Scorer(Protocol):
    """Judgements depend on the frames of the series and nothing else: no state, clock, names or order."""

    @property
    def info(self) -> ModelInfo: ...

    def judge(self, frames: FrameSource) -> Judgement: ...

    def coarse(self, frames: FrameSource) -> FloatArray | None:
        """Coarse scores (n,) in 1…10 of photos each judged alone, or None where the model has none."""
        ...


@runtime_checkable
class BatchScorer(Scorer, Protocol):
    """A scorer that judges many series faster than one after the other, in the one process that holds it."""

    def judge_all(self, series: Iterable[FrameSource]) -> Iterator[Judgement | ImageError]:
        """The judgement of each of *series*, in their order, or what was wrong with one of its photos."""
        ...


@runtime_checkable
class GlancingScorer(Scorer, Protocol):
    """A scorer that judges series by what it saw of each photo alone."""

    @property
    def glance(self) -> Glance: ...


def glance_of(scorer: Scorer) -> Glance | None:
    """What *scorer* wants to have seen of every photo, if anything."""
    return scorer.glance if isinstance(scorer, GlancingScorer) else None


@runtime_checkable
class TextScorer(Scorer, Protocol):
    """A scorer whose model reads sentences, too."""

    def likeness(self, frames: FrameSource, texts: Sequence[str]) -> FloatArray:
        """How like each of t *texts* each of n frames is, (n, t), −1…1: of embeddings, each photo by itself.

        Raises ScorerError where what reads sentences is not on this disk.
        """
        ...


def view_frame(frame: Frame, view: View) -> Arrays:
    """What *view* asks for, made of *frame*. Raises LookupError where there is no such function of ours."""
    made: Arrays = _ours(view.function)(frame, **view.arguments)
    return made


def glance_at(picture: Image.Image, function: str, arguments: Mapping[str, Any]) -> Arrays:
    """What the glance *function* makes of *picture*. Raises LookupError where there is no such function of ours."""
    made: Arrays = _ours(function)(picture, **arguments)
    return made


def _ours(function: str) -> Callable[..., Arrays]:
    module, _, name = function.partition(":")
    if module.partition(".")[0] != "finepick":
        raise LookupError(f"photos are looked at by functions of finepick, not by '{function}'")
    found: Callable[..., Arrays] = getattr(importlib.import_module(module), name)
    return found


def best_probabilities(preference: FloatArray) -> FloatArray:
    """P(best of the series) for each frame, (n,), summing to 1, from an (n, n) preference matrix.

    The softmax of the mean log odds of a row; exact (Luce's choice axiom) where the matrix is Bradley–Terry.
    """
    clipped = np.clip(preference, 1e-9, 1 - 1e-9)
    strength = np.log(clipped / (1 - clipped)).mean(axis=1) if len(clipped) > 1 else np.zeros(1)
    weights = np.exp(strength - strength.max())
    return np.asarray(weights / weights.sum())
