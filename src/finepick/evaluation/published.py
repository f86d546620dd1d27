"""What the authors of FGAesQ printed, to stand beside one's own figures (CVPR 2026, arXiv 2603.03907).

Measured by them on the test part of FGAesthetics; figures of another data set are not comparable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

SOURCE = "arXiv 2603.03907, test part of FGAesthetics"
CATEGORIES = ("natural", "aigc", "cropping")
FINE_METRICS = ("pair_acc", "pair_f1", "s_acc", "s_srcc")
COARSE_METRICS = ("srcc", "plcc")


@dataclass(frozen=True, slots=True)
class PublishedMethod:
    """A row of their table: for each of `CATEGORIES` the four `FINE_METRICS`."""

    name: str
    figures: Mapping[str, tuple[float, float, float, float]]

    @property
    def pair(self) -> float:
        """Mean over categories of (Acc + F1) / 2."""
        return sum((acc + f1) / 2 for acc, f1, _, _ in self.figures.values()) / len(CATEGORIES)

    @property
    def series(self) -> float:
        """Mean over categories of (s-Acc + s-SRCC) / 2."""
        return sum((best + rho) / 2 for _, _, best, rho in self.figures.values()) / len(CATEGORIES)


def _method(name: str, *figures: tuple[float, float, float, float]) -> PublishedMethod:
    return PublishedMethod(name, MappingProxyType(dict(zip(CATEGORIES, figures, strict=True))))


FINE = (
    _method("NIMA", (0.589, 0.588, 0.493, 0.225), (0.566, 0.565, 0.379, 0.137), (0.655, 0.649, 0.272, 0.312)),
    _method(
        "MUSIQ", (0.607, 0.606, 0.487, 0.233), (0.535, 0.532, 0.344, 0.054), (0.731, 0.731, 0.375, 0.495)
    ),
    _method("VILA", (0.625, 0.625, 0.546, 0.296), (0.625, 0.624, 0.438, 0.245), (0.726, 0.726, 0.423, 0.443)),
    _method(
        "Charm", (0.672, 0.672, 0.602, 0.404), (0.616, 0.614, 0.448, 0.247), (0.707, 0.707, 0.381, 0.432)
    ),
    _method(
        "Q-Align (8.2 B)",
        (0.711, 0.711, 0.676, 0.496),
        (0.646, 0.646, 0.462, 0.310),
        (0.738, 0.739, 0.413, 0.487),
    ),
    _method(
        "Charm, fine-tuned",
        (0.723, 0.723, 0.670, 0.474),
        (0.620, 0.619, 0.478, 0.254),
        (0.755, 0.755, 0.467, 0.517),
    ),
    _method(
        "FGAesQ without DiffToken at inference",
        (0.773, 0.773, 0.720, 0.664),
        (0.688, 0.686, 0.517, 0.442),
        (0.764, 0.763, 0.483, 0.537),
    ),
    _method(
        "FGAesQ", (0.779, 0.779, 0.753, 0.729), (0.709, 0.707, 0.561, 0.482), (0.774, 0.773, 0.488, 0.590)
    ),
)

COARSE: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "AVA": (0.770, 0.781),
        "ICAA17K": (0.653, 0.674),
        "AADB": (0.562, 0.571),
        "TAD66K": (0.423, 0.455),
    }
)
"""FGAesQ's SRCC and PLCC on sets of photos rated one by one."""
