"""The floor: the frame with the largest variance of the Laplacian wins."""

from __future__ import annotations

import numpy as np

from finepick.domain import FloatArray, ModelInfo
from finepick.scorers.base import FrameSource, Judgement
from finepick.scorers.utilities import judge_utilities, model_info

_TEMPERATURE = 1.0  # twice the variance: odds of e to 1


class SharpnessScorer:
    """Variance of the Laplacian of luma (Pech-Pacheco et al. 2000), as its logarithm to the base 2."""

    @property
    def info(self) -> ModelInfo:
        return model_info("sharpness", "1", _TEMPERATURE)

    def judge(self, frames: FrameSource) -> Judgement:
        variances = [frames.features(index).measurements["sharpness"] for index in range(len(frames))]
        return judge_utilities(np.log2(1.0 + np.array(variances)), temperature=_TEMPERATURE)

    def coarse(self, frames: FrameSource) -> FloatArray | None:
        """None: sharpness says too little about photos of different scenes."""
        return None
