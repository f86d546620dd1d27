"""Files that went wrong, as in every real folder: a cut-off photo, an empty one, and one that is none."""

from __future__ import annotations

from pathlib import Path

from shoot import files
from shoot.scenes import sunsets
from shoot.shot import Brief, Exposure, Shot, at, camera_file

CUT_OFF = camera_file(498)
EMPTY = camera_file(499)
NOTES = "notes.txt"


def write_mishaps(folder: Path, brief: Brief) -> int:
    """Write the three of them below *folder*; returns how many."""
    shot = Shot(CUT_OFF, at("18:59"), Exposure(1 / 60))
    whole = files.encode(shot, sunsets.render(brief, 0))
    for name, content in ((CUT_OFF, whole[: len(whole) * 2 // 5]), (EMPTY, b""), (NOTES, _notes())):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return 3


def _notes() -> bytes:
    return b"Lake evening: tripod stayed in the car. Ask about the boat.\n"
