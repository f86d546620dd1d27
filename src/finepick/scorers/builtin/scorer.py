"""What a taught network saw of each photo, and measurements, blended and compared within the series.

Three kinds of series, a blend and a temperature each, written by `finepick train builtin`: versions of one picture are
judged most of all where they differ, and by how far they look from the likely best; frames of a burst where they
differ; frames that only share a subject as wholes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from finepick.differences.leaning import lean_of_series
from finepick.differences.maps import backed_maps
from finepick.differences.places import Places, lay_cells, lay_planes
from finepick.domain import FloatArray, ModelInfo
from finepick.errors import WeightsError
from finepick.scorers import measured
from finepick.scorers.base import Arrays, FrameSource, Glance, Judgement
from finepick.scorers.builtin import eye
from finepick.scorers.overlay import Overlay
from finepick.scorers.utilities import judge_utilities, model_info, share_duplicates, tie_duplicates

READINGS: tuple[str, ...] = (*eye.READINGS, *measured.READINGS)
"""What a blend is a weighted sum of, one column each of `read_series`."""


_STILL = 0.005


class Kind(StrEnum):
    """What the frames of a series have in common.

    VERSIONS: every place of the picture, to half a percent of its long side (edits, exports, a camera that stood
    still). BURST: they lie over one another once they are moved. APART: only a subject.
    """

    VERSIONS = "versions"
    BURST = "burst"
    APART = "apart"


@dataclass(frozen=True, slots=True)
class Blend:
    """weights: (len(READINGS),). temperature: by how much utilities differ for odds of e to 1.

    call: the probability of being better than the second from which on the best is called.
    pull: what looking different from the likely best costs; doubt: by how much weighted readings differ for odds of
    e to 1 that one frame rather than another is that best.
    """

    weights: FloatArray
    temperature: float
    call: float
    pull: float = 0.0
    doubt: float = 1.0

    def utilities(self, readings: FloatArray, distances: Callable[[], FloatArray]) -> FloatArray:
        """(n,) of frames with *readings* (n, len(READINGS)) and *distances* (n, n), asked for if they count.

        What hurts a picture takes it away from how it would look at its best. Nobody knows which frame shows that, so
        the distance is the one expected under the odds that readings alone give.
        """
        own = np.asarray(readings @ self.weights)
        if not self.pull:
            return own
        odds = np.exp((own - own.max()) / self.doubt)
        return np.asarray(own - self.pull * (distances() @ (odds / odds.sum())))

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Blend:
        """Readings that are not named weigh nothing. Raises KeyError, ValueError."""
        weights = np.zeros(len(READINGS))
        for name, weight in document["readings"].items():
            weights[READINGS.index(name)] = weight
        numbers = {name: float(document[name]) for name in ("temperature", "call", "pull", "doubt")}
        return cls(weights, **numbers)

    def to_document(self) -> dict[str, Any]:
        named = {name: float(w) for name, w in zip(READINGS, self.weights, strict=True) if w}
        return {
            "readings": named,
            "temperature": self.temperature,
            "call": self.call,
            "pull": self.pull,
            "doubt": self.doubt,
        }


@dataclass(frozen=True, slots=True)
class Blends:
    """of: for each kind of series. coarse: slope and intercept that put what the network calls beauty into 1…10."""

    of: Mapping[Kind, Blend]
    coarse: tuple[float, float]

    @classmethod
    def from_json(cls, text: str) -> Blends:
        """Raises WeightsError where *text* was written by another version."""
        try:
            document = json.loads(text)
            return cls(
                {kind: Blend.from_document(document[kind]) for kind in Kind},
                (float(document["coarse"]["slope"]), float(document["coarse"]["intercept"])),
            )
        except (KeyError, ValueError, TypeError) as error:
            raise WeightsError(
                f"this network's blends are of another version of Finepick ({error})"
            ) from None

    def to_json(self) -> str:
        slope, intercept = self.coarse
        return json.dumps(
            {
                **{str(kind): self.of[kind].to_document() for kind in Kind},
                "coarse": {"slope": slope, "intercept": intercept},
            },
            indent=1,
        )


@dataclass(frozen=True, slots=True)
class SeriesReadings:
    """What is known of the n frames of a series before they are compared, in canonical order (see `Overlay`).

    readings: (n, len(READINGS)), columns as there.
    """

    overlay: Overlay
    places: Places
    glances: list[Arrays]
    readings: FloatArray

    @property
    def kind(self) -> Kind:
        alignment = self.overlay.alignment
        if not measured.is_near(alignment):
            return Kind.APART
        moved = np.abs(alignment.transforms - np.eye(2, 3)).max()
        return Kind.VERSIONS if moved < _STILL else Kind.BURST

    def difference_maps(self) -> list[FloatArray]:
        """Where frames differ, in pixels and in the network's eye; frames of the same bytes share one map."""
        overlay = self.overlay
        percepts = [one["percept"] for one in self.glances]
        backed = backed_maps(overlay.maps, percepts, overlay.features, overlay.alignment)
        return share_duplicates(backed, overlay.digests)

    def distances(self) -> FloatArray:
        """How different frames look in the network's eye, (n, n): log(1 + 2 d), d the median over places of the
        squared distance of percepts; the median, so that what moved through the picture does not count."""
        percepts = [one["percept"] for one in self.glances]
        laid = lay_planes(percepts, self.overlay.features, self.overlay.alignment)
        apart = [np.median(np.square(laid - one).sum(axis=2), axis=1) for one in laid]
        both = np.asarray(apart, np.float64)
        return np.log1p(both + both.T)  # 2 d, and symmetric to the last bit


def read_series(frames: FrameSource, glance: Glance) -> SeriesReadings:
    """Raises ImageError where a frame cannot be had."""
    overlay = Overlay.of(frames)
    features, alignment = overlay.features, overlay.alignment
    places = lay_cells(features, alignment, overlay.maps)
    glances = [frames.glance(index, glance) for index in overlay.order]
    readings = np.column_stack(
        [
            np.stack([one["readings"] for one in glances]).astype(np.float64),
            measured.read_series(features, places, lean_of_series(features, alignment)),
        ]
    )
    return SeriesReadings(overlay, places, glances, readings)


class BuiltinScorer:
    """The model that comes with Finepick.

    Args:
        network: a file that `finepick train builtin` wrote; the one in the wheel unless given.
        name: what it is called.

    Raises WeightsError.
    """

    def __init__(self, network: str = "", *, name: str = "builtin") -> None:
        known = eye.opened(network)
        self._name = name
        self._blends = Blends.from_json(known.facts["blends"])
        self.glance = eye.glance(network)

    @property
    def info(self) -> ModelInfo:
        return model_info(self._name, "1", [self.glance.version, measured.MeasuredScorer().info.fingerprint])

    def judge(self, frames: FrameSource) -> Judgement:
        seen = read_series(frames, self.glance)
        overlay, place = seen.overlay, seen.overlay.place
        blend = self._blends.of[seen.kind]
        utilities = tie_duplicates(blend.utilities(seen.readings, seen.distances), overlay.digests)
        maps = seen.difference_maps()
        return judge_utilities(
            utilities[place],
            temperature=blend.temperature,
            call=blend.call,
            coarse=self._coarse(seen.glances)[place],
            difference=tuple(maps[position] for position in place),
            alignment=overlay.alignment_as_given,
            places=seen.places.rearranged(place),
        )

    def coarse(self, frames: FrameSource) -> FloatArray:
        """What people would call each photo's beauty, (n,) in 1…10."""
        return self._coarse([frames.glance(index, self.glance) for index in range(len(frames))])

    def _coarse(self, glances: Sequence[Arrays]) -> FloatArray:
        slope, intercept = self._blends.coarse
        beauty = np.array(
            [glance["readings"][eye.READINGS.index("beauty")] for glance in glances], np.float64
        )
        return np.clip(beauty * slope + intercept, 1.0, 10.0)
