"""The seam between tokens and whatever runs the network: torch, or an exported file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from finepick.domain import FloatArray
from finepick.scorers.fgaesq.tokens import Floats, Tokens


@dataclass(frozen=True, slots=True)
class Outputs:
    """What the network says of n photos.

    features: (n, 512) float32. logits: (n, 10) float32. scores: (n,) float64, the expectation over 1…10.
    """

    features: Floats
    logits: Floats
    scores: FloatArray


class Runner(Protocol):
    """A network that is ready to run.

    batch_size: how many photos it likes to be given at once. fingerprint: SHA-256 over everything learned.
    """

    @property
    def batch_size(self) -> int: ...

    @property
    def fingerprint(self) -> str: ...

    def run(self, tokens: Sequence[Tokens]) -> Outputs:
        """Outputs for any number of photos (none included); the result of one does not depend on the others
        (1e-4 in fp32)."""
        ...
