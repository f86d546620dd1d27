"""What two frames of a series have in common once they lie over one another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finepick.differences.maps import cell_centres, difference_maps, sample_planes
from finepick.differences.registration import Alignment, register_series
from finepick.domain import FloatArray
from finepick.features.extraction import PhotoFeatures
from finepick.features.keypoints import fit_similarity, match

_SPREAD = 1.5
_STEADY = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_LEAST_SEEN = 0.05


@dataclass(frozen=True, slots=True)
class PairMeasures:
    """Of two frames; the same either way round.

    likeness: of the descriptors, −1…1. matches: key points that lie over one another. overlap: intersection over
    union of the two frames as they lie over the scene, 0 where they do not. ssim: structural similarity where both
    see the scene, −1…1. apart: the strongest place of their difference map, 0…1. detail: how far fine detail is
    apart, log2. luma: how far mean luma is, 0…1.
    """

    likeness: float
    matches: int
    overlap: float
    ssim: float
    apart: float
    detail: float
    luma: float


def measure_pair(a: PhotoFeatures, b: PhotoFeatures) -> PairMeasures:
    """What *a* and *b* have in common."""
    matches = fit_similarity(a.keypoints, b.keypoints, match(a.keypoints, b.keypoints)).inliers
    alignment = register_series([a, b])
    overlap, ssim = _over_one_another(a, b, alignment)
    lies = overlap > 0
    apart = max(float(one.max()) for one in difference_maps([a, b], alignment)) if lies else 1.0
    return PairMeasures(
        likeness=float(a.descriptor.astype(np.float64) @ b.descriptor),
        matches=matches,
        overlap=overlap,
        ssim=ssim,
        apart=apart,
        detail=abs(a.measurements["fine_detail"] - b.measurements["fine_detail"]),
        luma=abs(a.measurements["luma"] - b.measurements["luma"]),
    )


def structural_similarity(a: FloatArray, b: FloatArray, seen: NDArray[np.bool_]) -> float:
    """The mean of SSIM over the places of two grey planes (h, w), 0…255, around which both are *seen*; 0 for none.

    Wang, Bovik, Sheikh & Simoncelli, "Image quality assessment: from error visibility to structural similarity"
    (2004): Gaussian windows of 1.5 pixels, K₁ = .01, K₂ = .03.
    """
    from scipy.ndimage import gaussian_filter  # slow to import, and nothing else here wants it

    def mean(plane: FloatArray) -> FloatArray:
        return np.asarray(gaussian_filter(plane, _SPREAD, truncate=3.5, mode="nearest"))

    whole = mean(seen.astype(np.float64)) > 0.999
    if not whole.any():
        return 0.0
    x, y = np.where(seen, a, 0.0), np.where(seen, b, 0.0)
    mx, my = mean(x), mean(y)
    vx, vy, vxy = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    c1, c2 = _STEADY
    ssim = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    return float(ssim[whole].mean())


def _over_one_another(a: PhotoFeatures, b: PhotoFeatures, alignment: Alignment) -> tuple[float, float]:
    """Intersection over union, and SSIM in the intersection; (0, 0) where the frames do not lie on each other."""
    frames, other = (a, b), 1 - alignment.reference
    if alignment.confidence[other] <= 0:
        return 0.0, 0.0
    here, there, transform = frames[alignment.reference], frames[other], alignment.transforms[other]
    rows, columns = here.grey.shape
    points = cell_centres(rows, columns, _extent(here)) @ transform[:, :2].T + transform[:, 2]
    values, inside = sample_planes(there.grey[..., None], points, _extent(there))
    area, other_area = float(np.prod(_extent(here))), float(np.prod(_extent(there)))
    common = area * float(inside.mean())
    other_area /= abs(float(np.linalg.det(transform[:, :2])))
    if common < _LEAST_SEEN * min(area, other_area):
        return 0.0, 0.0
    seen = inside.reshape(rows, columns)
    ssim = structural_similarity(
        here.grey.astype(np.float64), values.reshape(rows, columns).astype(np.float64), seen
    )
    return min(1.0, common / (area + other_area - common)), ssim


def _extent(frame: PhotoFeatures) -> FloatArray:
    return np.array(frame.size) / max(frame.size)
