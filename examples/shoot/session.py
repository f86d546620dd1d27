"""The whole shoot: its scenes, rendered by a few processes, and the truth about them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

from shoot import files, mishaps
from shoot.pool import in_processes
from shoot.shot import Brief, Scene, Shot

SCENES = (
    "sunsets",
    "heron",
    "panorama",
    "focus_stack",
    "bracket",
    "exported",
    "generated",
    "singles",
    "mishaps",
)

# Frames of a scene share layers, so a process takes a few of them at a time.
FRAMES_A_JOB = 9

Job = tuple[str, range]


def scene(name: str) -> Scene:
    return import_module(f"shoot.scenes.{name}")


def render_shoot(
    folder: Path, brief: Brief, *, only: Sequence[str] = SCENES, workers: int = 2, truth: Path | None = None
) -> int:
    """Write all shots of the scenes in *only* below *folder*; returns how many files there are.

    *truth* is written as JSON lines, one a series. Raises OSError where a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plans = {name: scene(name).plan(brief) for name in only if name != "mishaps"}
    jobs = [
        (name, range(start, min(start + FRAMES_A_JOB, len(shots))))
        for name, shots in plans.items()
        for start in range(0, len(shots), FRAMES_A_JOB)
    ]
    written = sum(in_processes(partial(_render_job, brief, folder), jobs, workers))
    if "mishaps" in only:
        written += mishaps.write_mishaps(folder, brief)
    if truth is not None:
        lines = [
            json.dumps(record)
            for name, shots in plans.items()
            for record in _records(name, scene(name).KIND, shots)
        ]
        truth.parent.mkdir(parents=True, exist_ok=True)
        truth.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return written


def _render_job(brief: Brief, folder: Path, job: Job) -> int:
    name, frames = job
    module = scene(name)
    shots = module.plan(brief)
    for index in frames:
        files.write(shots[index], module.render(brief, index), folder)
    return len(frames)


def _records(name: str, kind: str, shots: Sequence[Shot]) -> Iterable[dict[str, object]]:
    if kind == "single":
        for shot in shots:
            yield _record(Path(shot.file).stem, kind, [shot])
    else:
        yield _record(name, kind, shots)


def _record(series: str, kind: str, shots: Sequence[Shot]) -> dict[str, object]:
    return {
        "series": series,
        "kind": kind,
        "files": [shot.file for shot in shots],
        "flaws": [list(shot.flaws) for shot in shots],
        "quality": [shot.quality for shot in shots],
    }
