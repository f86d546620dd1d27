"""Networks that `finepick train builtin` wrote, as scorers."""

from __future__ import annotations

import os

from finepick.scorers.builtin.eye import opened_if_ours
from finepick.scorers.builtin.scorer import BuiltinScorer


def load_if_ours(network: str) -> BuiltinScorer | None:
    """The scorer of the file *network*, or None where it is a network of another kind, or none at all."""
    path = os.path.abspath(network)
    return BuiltinScorer(path, name=network) if opened_if_ours(path) is not None else None
