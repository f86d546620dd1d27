"""Every benchmark, one after the other: `make bench`. Each can be run alone; its first lines say how."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
RUNS = (
    ("pick.py", "--count", "1000"),
    ("pick.py", "--memory"),
    ("report.py",),
    ("grouping.py",),
    ("measured.py",),
    ("edits.py",),
    ("edit_thresholds.py",),
    ("refine.py",),
    ("preferences.py", "--seeds", "20"),
    ("fgaesq_network.py",),
    ("fgaesq.py",),
    ("red_gpu.py", "--size", "tiny", "--device", "cpu", "--pairs", "2", "--side", "112", "--steps", "2"),
    ("annotate.py",),
    ("overview.py",),
    ("fuzz.py", "--count", "5000"),
    ("learning.py", "--only", "full"),
    ("red_build.py",),
    ("builtin.py", "--split", "val"),
    ("hurt.py",),
    ("boosting.py",),
)


def main() -> None:
    failed = []
    for name, *words in RUNS:
        print(f"\n== {name} {' '.join(words)}", flush=True)
        if subprocess.run([sys.executable, HERE / name, *words]).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
