"""What a network learns from: photos as they will be cut, with what people said of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from finepick.domain import FloatArray, Frame
from finepick.errors import ImageError
from finepick.features.extraction import PhotoFeatures
from finepick.scorers.base import Arrays, FrameSource, Glance, View
from finepick.scorers.fgaesq.series import block_importance, plan_grid
from finepick.scorers.overlay import Overlay
from finepick.training.targets import SeriesTarget
from finepick.training.texts import with_measured_texts

_NOWHERE = np.zeros((1, 1))
"""A difference map that says nothing."""


@dataclass(frozen=True, slots=True)
class Sight:
    """How a photo is cut. importance: (rows, columns) of its blocks, by `block_importance`; the *fine_blocks* most
    important ones are cut in four."""

    importance: FloatArray
    fine_blocks: int


@dataclass(frozen=True, slots=True)
class SeriesExample:
    """A series: *photos* are its places in `Examples.frames`, *sights* say how each is cut."""

    photos: tuple[int, ...]
    sights: tuple[Sight, ...]
    target: SeriesTarget


@dataclass(frozen=True, slots=True)
class PhotoExample:
    """A photo by itself. target: (10,), shares of the answers 1…10."""

    photo: int
    sight: Sight
    target: FloatArray


@dataclass(frozen=True, slots=True)
class Examples:
    """Everything that is learned from; *frames* holds the photos of all series and those rated one by one.

    tokens: how many each photo is given, padding included.
    """

    frames: FrameSource
    tokens: int
    series: tuple[SeriesExample, ...] = ()
    photos: tuple[PhotoExample, ...] = ()

    @property
    def texts_digest(self) -> str:
        """Of what is said of all pairs."""
        texts = [sorted(one.target.texts.items()) for one in self.series]
        return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def prepare_examples(
    frames: FrameSource,
    series: Sequence[tuple[Sequence[int], SeriesTarget]],
    photos: Sequence[tuple[int, FloatArray]],
    *,
    fine_blocks: int,
    tokens: int,
    difftoken: bool = True,
    describe: bool = False,
) -> Examples:
    """Examples of *frames*: series by the places of their photos, and photos with their distributions.

    Without *difftoken* fine tokens go where a photo has detail, whatever its neighbours show. With *describe*
    pairs that nobody has described get a sentence of what can be measured. Raises ImageError.
    """

    def sight(photo: PhotoFeatures, difference: FloatArray) -> Sight:
        rows, columns = plan_grid(*photo.size, fine_blocks=fine_blocks, tokens=tokens)
        return Sight(block_importance(photo, difference, rows, columns), fine_blocks)

    def example(places: Sequence[int], target: SeriesTarget) -> SeriesExample:
        overlay = Overlay.of(_Part(frames, places))
        features = [overlay.features[position] for position in overlay.place]
        maps = overlay.maps_as_given
        if describe:
            target = with_measured_texts(target, features, overlay.alignment_as_given, maps)
        shown = maps if difftoken else [_NOWHERE] * len(maps)
        sights = tuple(sight(photo, difference) for photo, difference in zip(features, shown, strict=True))
        return SeriesExample(tuple(places), sights, target)

    return Examples(
        frames=frames,
        tokens=tokens,
        series=tuple(example(places, target) for places, target in series),
        photos=tuple(
            PhotoExample(photo, sight(frames.features(photo), _NOWHERE), target) for photo, target in photos
        ),
    )


class _Part:
    """Some frames of a larger source, as a series of their own."""

    def __init__(self, whole: FrameSource, places: Sequence[int]) -> None:
        self._whole = whole
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def frame(self, index: int, long_side: int) -> Frame:
        return self._whole.frame(self._places[index], long_side)

    def views(self, views: Iterable[View]) -> Iterator[Arrays]:
        return self._whole.views(
            View(self._places[view.index], view.long_side, view.function, view.arguments) for view in views
        )

    def features(self, index: int) -> PhotoFeatures:
        return self._whole.features(self._places[index])

    def glance(self, index: int, glance: Glance) -> Arrays:
        return self._whole.glance(self._places[index], glance)

    def digest(self, index: int) -> str:
        return self._whole.digest(self._places[index])

    def known(self, key: str) -> bytes | None:
        return self._whole.known(key)

    def remember(self, key: str, blob: bytes) -> None:
        self._whole.remember(key, blob)

    def lost(self, index: int, reason: str) -> ImageError:
        return self._whole.lost(self._places[index], reason)
