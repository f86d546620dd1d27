"""The installed wheel, in a clean environment with only the core, does the main job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.mark.slow
def test_the_wheel_alone_picks(tmp_path: Path, shoot: Path, own_state: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    wheels, clean = tmp_path / "wheels", tmp_path / "clean"
    _run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", wheels, ROOT],
        environment,
    )
    [wheel] = wheels.glob("finepick-*.whl")
    venv.create(clean, with_pip=False)
    python = clean / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [sys.executable, "-m", "pip", "--python", python]
    _run([*pip, "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel], environment)

    out = _run(
        [python, "-m", "finepick", "pick", shoot, "--json", "--out", tmp_path / "out"], environment, tmp_path
    )
    installed = _run([*pip, "list", "--format", "json"], environment)

    assert any(Path(series["best"] or "").name == "burst_2.jpg" for series in json.loads(out)["series"])
    assert (tmp_path / "out" / "report.html").is_file()
    names = {entry["name"].lower() for entry in json.loads(installed)}
    assert not names & {"torch", "opencv-python", "scikit-image", "pandas", "pyarrow", "rawpy", "pytest"}
    size = wheel.stat().st_size
    assert size < 2_000_000 + 12 * 2**20, f"the wheel has grown to {size:,} bytes"


def _run(words: list[str | Path], environment: dict[str, str], cwd: Path | None = None) -> str:
    done = subprocess.run(
        list(map(str, words)), capture_output=True, text=True, env=environment, cwd=cwd, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
