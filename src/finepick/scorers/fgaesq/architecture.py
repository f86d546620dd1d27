"""The shape of a network of the FGAesQ kind; the published one unless told otherwise."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from finepick.scorers.fgaesq.tokens import TOKENS

POOLINGS = ("class", "mean")


@dataclass(frozen=True, slots=True)
class Architecture:
    """Sizes. The defaults are those of the release: CLIP ViT-B/16 with a head of three layers.

    stem: channels of convolutions (3 × 3, stride 2, then ReLU) that each patch goes through, by itself, before
    it is embedded; none in the release. tokens: how many the network reads beside the class token. pooling: what
    the feature is made of, one of `POOLINGS`: the class token, as in the release, or the mean of all other tokens
    but padding, which learns sooner where there are few pictures.
    """

    width: int = 768
    layers: int = 12
    heads: int = 12
    patch: int = 16
    grid: int = 14
    embedding: int = 512
    head: tuple[int, int] = (256, 64)
    answers: int = 10
    stem: tuple[int, ...] = ()
    tokens: int = TOKENS
    pooling: str = POOLINGS[0]

    @property
    def embedded(self) -> tuple[int, int]:
        """Channels, and pixels a side, of what is left of a patch when it is embedded."""
        return (self.stem[-1] if self.stem else 3), self.patch >> len(self.stem)

    def as_dict(self) -> dict[str, object]:
        return asdict(self)
