"""Finepick picks the best of a series of near-identical pictures and says why.

>>> import finepick
>>> result = finepick.pick("holiday/")            # doctest: +SKIP
>>> for ranking in result:                        # doctest: +SKIP
...     print(ranking.kind, ranking.best.path)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from finepick.api import (
        best_of,
        calibrate,
        compare,
        evaluate,
        load_scorer,
        open_project,
        pick,
        rank,
        refine,
        score,
    )
    from finepick.domain import (
        Attribute,
        Metadata,
        Photo,
        PickResult,
        Ranking,
        Reason,
        ScoreResult,
        SeriesKind,
        Skipped,
        Verdict,
    )
    from finepick.errors import FinepickError
    from finepick.evaluation.results import Evaluation
    from finepick.project.store import Project
    from finepick.scorers.base import Judgement, Scorer
    from finepick.workflows.calibration import ProjectCalibration
    from finepick.workflows.refine import Refined

_HOMES = {
    "Attribute": "finepick.domain",
    "Evaluation": "finepick.evaluation.results",
    "FinepickError": "finepick.errors",
    "Judgement": "finepick.scorers.base",
    "Metadata": "finepick.domain",
    "Photo": "finepick.domain",
    "PickResult": "finepick.domain",
    "Project": "finepick.project.store",
    "ProjectCalibration": "finepick.workflows.calibration",
    "Ranking": "finepick.domain",
    "Reason": "finepick.domain",
    "Refined": "finepick.workflows.refine",
    "ScoreResult": "finepick.domain",
    "Scorer": "finepick.scorers.base",
    "SeriesKind": "finepick.domain",
    "Skipped": "finepick.domain",
    "Verdict": "finepick.domain",
    "best_of": "finepick.api",
    "calibrate": "finepick.api",
    "compare": "finepick.api",
    "evaluate": "finepick.api",
    "load_scorer": "finepick.api",
    "open_project": "finepick.api",
    "pick": "finepick.api",
    "rank": "finepick.api",
    "refine": "finepick.api",
    "score": "finepick.api",
}

__all__ = [
    "Attribute",
    "Evaluation",
    "FinepickError",
    "Judgement",
    "Metadata",
    "Photo",
    "PickResult",
    "Project",
    "ProjectCalibration",
    "Ranking",
    "Reason",
    "Refined",
    "ScoreResult",
    "Scorer",
    "SeriesKind",
    "Skipped",
    "Verdict",
    "best_of",
    "calibrate",
    "compare",
    "evaluate",
    "load_scorer",
    "open_project",
    "pick",
    "rank",
    "refine",
    "score",
]


def __getattr__(name: str) -> object:
    """Public names load when first touched, so that importing the package costs next to nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'finepick' has no attribute '{name}'")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
