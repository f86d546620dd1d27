"""One measurement as a scorer: the baselines that every model must beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from finepick.domain import FloatArray, ModelInfo
from finepick.features.extraction import PhotoFeatures
from finepick.scorers.base import FrameSource, Judgement
from finepick.scorers.utilities import judge_utilities, model_info


@dataclass(frozen=True, slots=True)
class SingleMeasurement:
    """A measurement turned so that higher is better; *temperature* is about its spread within a series."""

    value: str
    description: str
    temperature: float
    sign: float = 1.0
    logarithmic: bool = False

    def utility(self, features: PhotoFeatures) -> float:
        value = features.measurements[self.value]
        return self.sign * float(np.log2(1.0 + value) if self.logarithmic else value)


MEASUREMENTS: Mapping[str, SingleMeasurement] = MappingProxyType(
    {
        "sharpness": SingleMeasurement("sharpness", "variance of the Laplacian", 1.0, logarithmic=True),
        "sharpest_tenth": SingleMeasurement("sharpest_tenth", "fine detail of the sharpest tenth", 1.0),
        "contrast": SingleMeasurement("contrast", "spread of luma", 0.05),
        "entropy": SingleMeasurement("entropy", "entropy of grey levels", 0.3),
        "colourfulness": SingleMeasurement("colourfulness", "colourfulness (Hasler and Süsstrunk)", 12.0),
        "saturation": SingleMeasurement("saturation", "mean saturation", 0.08),
        "jpeg_size": SingleMeasurement("jpeg_size", "bits that a JPEG needs", 0.4),
        "mid_exposure": SingleMeasurement("mid_exposure", "mean luma near the middle", 0.08),
        "clipping": SingleMeasurement("clipped_high", "few burnt-out highlights", 0.03, sign=-1.0),
        "noise": SingleMeasurement("noise", "little noise", 1.5, sign=-1.0),
        "blockiness": SingleMeasurement("blockiness", "few JPEG blocks", 0.6, sign=-1.0),
    }
)
"""What `measurement:NAME` takes."""


class MeasurementScorer:
    """Ranks by one measurement of the whole frame, the largest first."""

    def __init__(self, name: str) -> None:
        """Raises KeyError for a name that is not in `MEASUREMENTS`."""
        self._measurement = MEASUREMENTS[name]
        self._name = f"measurement:{name}"

    @property
    def info(self) -> ModelInfo:
        known = self._measurement
        return model_info(self._name, "1", [known.value, known.temperature, known.sign, known.logarithmic])

    def judge(self, frames: FrameSource) -> Judgement:
        utilities = [self._measurement.utility(frames.features(index)) for index in range(len(frames))]
        return judge_utilities(np.array(utilities), temperature=self._measurement.temperature)

    def coarse(self, frames: FrameSource) -> FloatArray | None:
        """None: one measurement says too little about photos of different scenes."""
        return None
