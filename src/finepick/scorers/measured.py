"""Many measurements, compared within the series and most of all where its frames differ.

The utility of a frame is a weighted sum of a dozen readings; the odds that one frame is preferred over
another are e to the difference of their utilities over a temperature (Bradley & Terry 1952). Weights and
temperature lie in `measured.json`, written by `bench/fit_measured.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np

from finepick.differences.leaning import Leaning, lean_of_series
from finepick.differences.places import Places, lay_cells
from finepick.differences.registration import Alignment
from finepick.domain import FloatArray, ModelInfo
from finepick.features.extraction import PhotoFeatures
from finepick.features.measurements import Measurements
from finepick.scorers.base import FrameSource, Judgement
from finepick.scorers.overlay import Overlay
from finepick.scorers.utilities import judge_utilities, model_info, tie_duplicates

READINGS: tuple[str, ...] = (
    "detail",  # fine detail where the frames differ, log2
    "mid_detail",  # detail at half size there, log2
    "sharpest",  # fine detail of the sharpest tenth of the frame, log2
    "contrast",  # spread of luma, log2
    "entropy",  # of grey levels, bits
    "colour",  # colourfulness, log2
    "exposure",  # mean luma too far from the middle, negative
    "burnt",  # √ share of burnt-out pixels, negative
    "blocked",  # √ share of pixels without shadow detail, negative
    "cast",  # how far the greyest cells are from grey, negative
    "noise",  # log2 σ, negative
    "blocks",  # visible JPEG blocks, negative
    "tilt",  # degrees, as far as there is a line to tell, negative
    "cut",  # what stands out at the frame's edge, negative
)
"""What a frame is judged by, one column each of `read_series`; for those called negative less is worse."""

COARSE_READINGS: tuple[str, ...] = (
    "fine_detail",
    "sharpest_tenth",
    "mid_detail",
    "contrast",
    "entropy",
    "colourfulness",
    "saturation",
    "luma",
    "mid_exposure",
    "clipped_high",
    "noise",
    "blockiness",
    "jpeg_size",
    "salient_edge",
)
"""Measurements of one photo that its coarse score is a linear map of."""

_MIDDLE_LUMA, _LUMA_SLACK = 0.46, 0.06
_NATURAL_BLOCKINESS = 0.6  # a good JPEG shows about as much
_NO_GREYS = 0.08
_MOST_TILT_DEGREES = 4.0  # lines that lean more are no worse, or are meant to
_WEIGHTS_FILE = "measured.json"


def read_series(features: Sequence[PhotoFeatures], places: Places, leaning: Leaning) -> FloatArray:
    """Readings of the n frames of a series, (n, len(READINGS)), columns as in READINGS."""
    values = [frame.measurements for frame in features]
    noise = np.array([value["noise"] for value in values])
    columns: dict[str, FloatArray] = {
        "detail": places.mean("sharpness"),
        "mid_detail": places.mean("detail"),
        "sharpest": _column(values, "sharpest_tenth"),
        "contrast": np.log2(0.02 + _column(values, "contrast")),
        "entropy": _column(values, "entropy"),
        "colour": np.log2(4.0 + _column(values, "colourfulness")),
        "exposure": -np.maximum(np.abs(_column(values, "luma") - _MIDDLE_LUMA) - _LUMA_SLACK, 0.0),
        "burnt": -np.sqrt(_column(values, "clipped_high")),
        "blocked": -np.sqrt(_column(values, "clipped_low")),
        "cast": -_visible_cast(values),
        "noise": -np.log2(0.5 + noise),
        "blocks": -np.maximum(_column(values, "blockiness") - _NATURAL_BLOCKINESS, 0.0),
        "tilt": -np.minimum(np.abs(leaning.degrees), _MOST_TILT_DEGREES) * leaning.sureness,
        "cut": -_column(values, "salient_edge"),
    }
    return np.stack([columns[name] for name in READINGS], axis=1)


def is_near(alignment: Alignment) -> bool:
    """Whether all frames of a series could be laid over one another: bursts and edits, not mere likeness."""
    return bool((alignment.confidence > 0).all())


def _column(values: Sequence[Measurements], name: str) -> FloatArray:
    return np.array([value[name] for value in values], np.float64)


def _visible_cast(values: Sequence[Measurements]) -> FloatArray:
    """Casts count where some frame shows that the scene has greys; a sunset has none."""
    casts = _column(values, "cast")
    return np.asarray(casts * np.clip((_NO_GREYS - casts.min()) / (_NO_GREYS / 2), 0.0, 1.0))


@dataclass(frozen=True, slots=True)
class Weights:
    """What was fitted. `readings` (len(READINGS)), `coarse` (len(COARSE_READINGS)) and its intercept.

    A difference in utility says more where the frames show the same view than where only their subject is the
    same: `near` and `apart` are the temperatures of the two kinds of series.
    """

    readings: FloatArray
    near: float
    apart: float
    coarse: FloatArray
    coarse_intercept: float

    @classmethod
    def from_document(cls, document: Mapping[str, object]) -> Weights:
        """Raises KeyError where a weight is missing: files and code of different versions do not mix."""
        readings, coarse, temperatures = (document[name] for name in ("readings", "coarse", "temperatures"))
        assert isinstance(readings, dict) and isinstance(coarse, dict) and isinstance(temperatures, dict)
        return cls(
            np.array([readings[name] for name in READINGS], np.float64),
            float(temperatures["near"]),
            float(temperatures["apart"]),
            np.array([coarse[name] for name in COARSE_READINGS], np.float64),
            float(coarse["intercept"]),
        )


@lru_cache(maxsize=1)
def _shipped_document() -> dict[str, object]:
    text = resources.files("finepick.scorers").joinpath(_WEIGHTS_FILE).read_text(encoding="utf-8")
    document: dict[str, object] = json.loads(text)
    return document


class MeasuredScorer:
    """Judges by measurements; `weights` are the shipped ones unless given."""

    def __init__(self, weights: Weights | None = None) -> None:
        self._weights = weights or Weights.from_document(_shipped_document())

    @property
    def info(self) -> ModelInfo:
        weights = self._weights
        facts = [
            weights.readings.tolist(),
            [weights.near, weights.apart],
            weights.coarse.tolist(),
            weights.coarse_intercept,
            [_MIDDLE_LUMA, _LUMA_SLACK, _NATURAL_BLOCKINESS, _NO_GREYS, _MOST_TILT_DEGREES],
        ]
        return model_info("measured", "1", facts)

    def judge(self, frames: FrameSource) -> Judgement:
        overlay = Overlay.of(frames)
        features, alignment, place = overlay.features, overlay.alignment, overlay.place
        places = lay_cells(features, alignment, overlay.maps)
        readings = read_series(features, places, lean_of_series(features, alignment))
        utilities = tie_duplicates(readings @ self._weights.readings, overlay.digests)
        return judge_utilities(
            utilities[place],
            temperature=self._weights.near if is_near(alignment) else self._weights.apart,
            coarse=self._coarse(features)[place],
            difference=overlay.maps_as_given,
            alignment=overlay.alignment_as_given,
            places=places.rearranged(place),
        )

    def coarse(self, frames: FrameSource) -> FloatArray | None:
        """Rough: measurements say little about which of two photos of different scenes people like better."""
        return self._coarse([frames.features(index) for index in range(len(frames))])

    def _coarse(self, features: Sequence[PhotoFeatures]) -> FloatArray:
        values = np.array([[photo.measurements[name] for name in COARSE_READINGS] for photo in features])
        if not len(values):
            return np.empty(0)
        return np.clip(values @ self._weights.coarse + self._weights.coarse_intercept, 1.0, 10.0)
