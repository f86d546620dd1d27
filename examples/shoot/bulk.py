"""Many photos fast, for measuring."""
from __future__ import annotations
from pathlib import Path
from shoot.shot import Brief


def render_bulk(folder: Path, brief: Brief, *, photos: int, workers: int = 2) -> int:
    raise NotImplementedError
