"""Finepick picks the best of a series of near-identical pictures and says why."""

__version__ = "0.1.0"
