"""Who judges, as asked for on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finepick.scorers.base import Scorer


@dataclass(frozen=True, slots=True)
class Judge:
    """What `--model`, `--device` and `--pairing` say; no model is the default one."""

    model: str
    device: str
    pairing: str

    def load(self) -> Scorer:
        """Raises UnknownScorerError, ScorerError, WeightsError, MissingExtraError."""
        from finepick.scorers.catalog import DEFAULT_SCORER, load_scorer

        return load_scorer(self.model or DEFAULT_SCORER, device=self.device, pairing=self.pairing)
