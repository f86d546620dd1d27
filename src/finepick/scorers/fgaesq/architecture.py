"""The shape of a network of the FGAesQ kind; the published one unless told otherwise."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Architecture:
    """Sizes. The defaults are those of the release: CLIP ViT-B/16 with a head of three layers."""

    width: int = 768
    layers: int = 12
    heads: int = 12
    patch: int = 16
    grid: int = 14
    embedding: int = 512
    head: tuple[int, int] = (256, 64)
    answers: int = 10

    def as_dict(self) -> dict[str, object]:
        return asdict(self)
