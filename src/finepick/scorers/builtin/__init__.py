"""The model in the wheel: a small network that was taught, and measurements, blended. docs/builtin.md is the guide."""

from finepick.scorers.builtin.scorer import BuiltinScorer

__all__ = ["BuiltinScorer"]
