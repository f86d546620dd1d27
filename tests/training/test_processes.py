"""Several processes teach one network as one process would, and none waits for one that died."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import ImageFilter

torch = pytest.importorskip("torch", reason="the extra 'torch' is not installed")
pytest.importorskip("accelerate", reason="the extra 'train' is not installed")
psutil = pytest.importorskip("psutil", reason="accelerate brings psutil along")

from finepick.errors import UsageError  # noqa: E402
from finepick.scorers.fgaesq.checkpoint import load_model  # noqa: E402
from finepick.training.processes import Processes  # noqa: E402
from tests.command_line import run_command  # noqa: E402
from tests.contracts.scorer_contract import draw_scene  # noqa: E402

pytestmark = pytest.mark.slow

TOGETHER = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five series to learn from and one to validate on: each sharp, softer, softest."""
    folder = tmp_path_factory.mktemp("data")
    lines = []
    for seed in range(6):
        photos = []
        for number, amount in enumerate((0.0, 1.5, 4.0)):
            photos.append(f"{seed}-{number}.png")
            picture = draw_scene(200, 150, seed=seed).filter(ImageFilter.GaussianBlur(amount))
            picture.save(folder / photos[-1])
        split = "train" if seed < 5 else "val"
        row = {"series": str(seed), "split": split, "photos": photos, "scores": [4, 3, 1], "scale": [1, 5]}
        lines.append(json.dumps(row))
    (folder / "series.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = str(tmp_path_factory.mktemp("home"))
    return {**os.environ, "FINEPICK_HOME": home, "FINEPICK_WORKERS": "2", "OMP_NUM_THREADS": "1"}


def command(dataset: Path, out: Path, *launcher: str) -> list[str]:
    """Portions of two series, or of six photos: three a batch, two of them for the first process."""
    words = [sys.executable, *launcher, "-m", "finepick", "train", "fgaesq", "--recipe", "tiny", "--fp32"]
    words += ["--fine", str(dataset), "--coarse", str(dataset), "--out", str(out), "--portion", "6"]
    return [*words, "--coarse-epochs", "1", "--joint-epochs", "2", "--seed", "3"]


def run_alone(dataset: Path, out: Path, environment: dict[str, str]) -> None:
    done = run_command(command(dataset, out)[3:], cwd=None, environment=environment)
    assert done.code == 0, done.err


def run(words: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return done


def log_of(folder: Path) -> list[dict[str, float]]:
    with (folder / "log.csv").open(newline="") as file:
        return [{name: float(value or -1) for name, value in row.items()} for row in csv.DictReader(file)]


def averaged_gradients(folder: Path) -> torch.Tensor:
    """As the optimiser keeps them."""
    content = torch.load(folder / "checkpoint.pt", weights_only=True)
    return torch.cat([one["exp_avg"].flatten() for one in content["optimiser"]["state"].values()])


@pytest.fixture(scope="module")
def alone(dataset: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone") / "run"
    run_alone(dataset, folder, environment)
    return folder


@pytest.fixture(scope="module")
def together(
    dataset: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("together") / "run"
    return folder, run(command(dataset, folder, *TOGETHER), environment)


def test_two_processes_learn_what_one_does(
    alone: Path, together: tuple[Path, subprocess.CompletedProcess[str]]
) -> None:
    folder, _ = together
    for one, two in zip(log_of(alone), log_of(folder), strict=True):
        assert two == pytest.approx(one, rel=1e-3)
    gradients = averaged_gradients(alone)
    apart = averaged_gradients(folder) - gradients
    assert apart.norm() < 1e-3 * gradients.norm()
    models = [load_model(str(path / "model.safetensors")).state for path in (alone, folder)]
    for name, weight in models[0].items():
        torch.testing.assert_close(models[1][name], weight, atol=1e-3, rtol=0)


def test_one_process_alone_speaks_and_writes(
    together: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, done = together
    assert done.stdout == f"{folder}\n"
    epochs = [line.split()[0] for line in done.stderr.splitlines() if line.split()[:1] != ["epoch"]]
    assert [word for word in epochs if word.isdigit()] == ["0", "1", "2"]
    names = {"checkpoint.pt", "curves.png", "log.csv", "model.safetensors"}
    assert {path.name for path in folder.iterdir()} == names


def test_after_the_death_of_one_none_waits_and_two_or_one_go_on(
    alone: Path,
    together: tuple[Path, subprocess.CompletedProcess[str]],
    dataset: Path,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    killed = tmp_path / "killed"
    with subprocess.Popen(
        command(dataset, killed, *TOGETHER),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as launcher:
        while not (killed / "checkpoint.pt").exists():
            assert launcher.poll() is None
            time.sleep(0.02)
        trainers = psutil.Process(launcher.pid).children()
        assert len(trainers) == 2
        trainers[1].kill()
        _, said = launcher.communicate(timeout=60)
        assert launcher.returncode != 0 and "cli/__init__.py" not in said  # no traceback of ours
        gone, alive = psutil.wait_procs(trainers, timeout=10)
        assert len(gone) == 2 and not alive
    assert len(log_of(killed)) < 3
    shutil.copytree(killed, tmp_path / "by one")
    run(command(dataset, killed, *TOGETHER), environment)
    assert (killed / "log.csv").read_bytes() == (together[0] / "log.csv").read_bytes()
    run_alone(dataset, tmp_path / "by one", environment)
    for one, two in zip(log_of(alone), log_of(tmp_path / "by one"), strict=True):
        assert two == pytest.approx(one, rel=1e-3)


def test_what_goes_wrong_in_one_is_told_once(environment: dict[str, str], tmp_path: Path) -> None:
    words = command(tmp_path / "nothing", tmp_path / "run", *TOGETHER)
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0 and done.stdout == ""
    errors = [line for line in done.stderr.splitlines() if line.startswith("finepick: error: ")]
    assert sum(str(tmp_path / "nothing") in line for line in errors) == 1
    assert "cli/__init__.py" not in done.stderr


def test_what_cannot_train_together_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a Mac, whose one GPU several processes cannot share: they must not each train by themselves."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    with pytest.raises(UsageError, match="2 processes were started, which cannot train together"):
        Processes()
