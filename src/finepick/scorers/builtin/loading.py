"""Networks that `finepick train builtin` wrote, as scorers."""

from __future__ import annotations

import os

from finepick.scorers.builtin.scorer import BuiltinScorer

_END = 1 << 16
_MARK = b"blends"


def load_if_ours(network: str) -> BuiltinScorer | None:
    """The scorer of the file *network*, or None where it is a network of another kind, or none at all.

    Facts about a network stand at the end of its file; nothing else is read of one that is not ours, which may be
    large. Raises WeightsError for one of ours that cannot be used.
    """
    path = os.path.abspath(network)
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _END))
            if _MARK not in file.read():
                return None
    except OSError:
        return None  # whoever reads it next says what is wrong with it
    return BuiltinScorer(path, name=network)
