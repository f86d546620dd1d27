"""The loop: it learns, it goes on where it was, and it keeps the best."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

torch = pytest.importorskip("torch", reason="the extra 'torch' is not installed")
pytest.importorskip("accelerate", reason="the extra 'train' is not installed")

from finepick.datasets.records import LabelledSeries  # noqa: E402
from finepick.errors import UsageError, WeightsError  # noqa: E402
from finepick.scorers.fgaesq.architecture import Architecture  # noqa: E402
from finepick.scorers.fgaesq.checkpoint import LoadedModel, load_model, model_of, save_model  # noqa: E402
from finepick.scorers.fgaesq.network import FgaesqNetwork  # noqa: E402
from finepick.scorers.frames import ArrayFrames  # noqa: E402
from finepick.training.examples import Examples, prepare_examples  # noqa: E402
from finepick.training.loop import Row, TrainOptions, Validation, train  # noqa: E402
from finepick.training.objective import Objective  # noqa: E402
from finepick.training.targets import series_target  # noqa: E402
from tests.conftest import Finepick  # noqa: E402
from tests.contracts.scorer_contract import draw_scene  # noqa: E402

pytestmark = pytest.mark.slow

SMALL = Architecture(width=64, layers=1, heads=1, embedding=32, head=(16, 8), stem=(8, 16), tokens=60)
OPTIONS = TrainOptions(
    learning_rate=2e-3,
    weight_decay=0.0,
    average=0.9,
    coarse_epochs=1,
    joint_epochs=3,
    fine_images=6,
    coarse_images=6,
    portion=4,
    bf16=False,
    checkpoint_steps=2,
)


def blurred(seed: int, amount: float) -> np.ndarray:
    scene = draw_scene(200, 150, seed=seed)
    return np.asarray(scene.filter(ImageFilter.GaussianBlur(amount)))


@pytest.fixture(scope="module")
def examples() -> Examples:
    """Series of a sharp and two ever more blurred frames; the sharper, the better rated."""
    frames = [blurred(seed, amount) for seed in range(6) for amount in (0.0, 1.5, 4.0)]
    shares = np.eye(10)[[8, 5, 2] * 6]
    series = [
        (range(3 * i, 3 * i + 3), series_target(LabelledSeries(str(i), ("a", "b", "c"), ranks=(1, 2, 3))))
        for i in range(6)
    ]
    return prepare_examples(ArrayFrames(frames), series, list(enumerate(shares)), fine_blocks=4, tokens=60)


def network(seed: int = 0) -> FgaesqNetwork:
    made = FgaesqNetwork(SMALL)
    made.start_afresh(seed)
    return made


def run(
    examples: Examples,
    folder: Path,
    options: TrainOptions = OPTIONS,
    *,
    on_step: Callable[[Row], None] = lambda row: None,
    validate: Callable[[LoadedModel], Validation] | None = None,
) -> tuple[LoadedModel, list[Row]]:
    log: list[Row] = []

    def on_epoch(rows: list[Row]) -> None:
        log[:] = [dict(row) for row in rows]

    folder.mkdir(exist_ok=True)
    model = train(
        network(),
        examples,
        Objective(),
        options,
        str(folder),
        card={"fine_blocks": 4},
        validate=validate,
        on_step=on_step,
        on_epoch=on_epoch,
    )
    return model, log


def test_it_learns_what_it_is_shown(examples: Examples, tmp_path: Path) -> None:
    options = replace(OPTIONS, coarse_epochs=2, joint_epochs=25, learning_rate=1e-3)
    _, log = run(examples, tmp_path / "run", options)
    first, last = log[2], log[-1]
    assert last["fine_rank"] < 0.6 * first["fine_rank"]  # type: ignore[operator]
    assert last["coarse_emd"] < 0.7 * log[0]["coarse_emd"]  # type: ignore[operator]


def test_a_run_that_was_stopped_ends_as_one_that_was_not(examples: Examples, tmp_path: Path) -> None:
    whole, log = run(examples, tmp_path / "whole")
    steps = iter((3, 5, 8))
    stop = [next(steps)]

    def interrupt(row: Row) -> None:
        if row["step"] == stop[0]:
            stop[0] = next(steps, 10**6)
            raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            run(examples, tmp_path / "stopped", on_step=interrupt)
    pieces, pieced_log = run(examples, tmp_path / "stopped")
    assert pieced_log == log
    assert pieces.fingerprint == whole.fingerprint
    assert load_model(str(tmp_path / "stopped" / "model.safetensors")).fingerprint == whole.fingerprint


def test_a_finished_run_is_not_repeated(examples: Examples, tmp_path: Path) -> None:
    first, _ = run(examples, tmp_path / "run")
    taken: list[Row] = []
    again, _ = run(examples, tmp_path / "run", on_step=taken.append)
    assert not taken and again.fingerprint == first.fingerprint


def test_another_run_in_the_same_folder_is_refused(examples: Examples, tmp_path: Path) -> None:
    run(examples, tmp_path / "run", replace(OPTIONS, joint_epochs=1))
    with pytest.raises(UsageError, match="another folder"):
        run(examples, tmp_path / "run", replace(OPTIONS, joint_epochs=1, seed=1))


def test_a_damaged_checkpoint_is_told_of(examples: Examples, tmp_path: Path) -> None:
    run(examples, tmp_path / "run", replace(OPTIONS, joint_epochs=0))
    path = tmp_path / "run" / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(WeightsError, match=r"checkpoint\.pt is damaged"):
        run(examples, tmp_path / "run", replace(OPTIONS, joint_epochs=0))


def test_the_best_epoch_is_kept_and_patience_ends_the_run(examples: Examples, tmp_path: Path) -> None:
    scores = iter([0.1, 0.5, 0.9, 0.3, 0.2, 0.1, 0.0, 0.0, 0.0])
    seen: list[str] = []

    def validate(model: LoadedModel) -> Validation:
        seen.append(model.fingerprint)
        return Validation(next(scores))

    options = replace(OPTIONS, joint_epochs=8, patience=2)
    model, log = run(examples, tmp_path / "run", options, validate=validate)
    assert [row["score"] for row in log] == [0.1, 0.5, 0.9, 0.3, 0.2]
    assert model.fingerprint == seen[2]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    lines = []
    for seed in range(8):
        photos = []
        for number, amount in enumerate((0.0, 1.5, 4.0)):
            photos.append(f"{seed}-{number}.png")
            Image.fromarray(blurred(seed, amount)).save(folder / photos[-1])
        split = "train" if seed < 6 else "val"
        row = {"series": str(seed), "split": split, "photos": photos, "scores": [4, 3, 1], "scale": [1, 5]}
        lines.append(json.dumps(row))
    (folder / "series.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def start(tmp_path: Path) -> Path:
    path = tmp_path / "start.safetensors"
    save_model(model_of(network(4), fine_blocks=14), str(path))
    return path


def words_for(dataset: Path, start: Path, out: Path) -> list[str]:
    words = ["train", "fgaesq", "--recipe", "tiny", "--quiet", "--start", str(start)]
    words += ["--fine", str(dataset), "--coarse", str(dataset), "--out", str(out)]
    return [*words, "--coarse-epochs", "1", "--joint-epochs", "2", "--fp32", "--seed", "3"]


def test_a_run_begins_with_the_model_it_is_given(
    finepick: Finepick, dataset: Path, start: Path, tmp_path: Path
) -> None:
    model = load_model(str(start))
    words = [*words_for(dataset, start, tmp_path / "run"), "--coarse-epochs", "0", "--joint-epochs", "0"]
    done = finepick(*words)
    assert done.code == 0, done.err
    untaught = load_model(str(tmp_path / "run" / "model.safetensors"))
    assert untaught.architecture == SMALL
    assert all(torch.equal(untaught.state[name], tensor) for name, tensor in model.state.items())
    words[-1] = "1"
    assert finepick(*words).code == 0
    save_model(model_of(network(5), fine_blocks=14), str(start))
    other = finepick(*words)
    assert other.code == 2 and "another beginning" in other.err


def test_a_run_that_was_killed_gives_the_same_curve(
    finepick: Finepick, dataset: Path, start: Path, tmp_path: Path
) -> None:
    done = finepick(*words_for(dataset, start, tmp_path / "whole"))
    assert done.code == 0, done.err
    words = words_for(dataset, start, tmp_path / "killed")
    killed = subprocess.Popen([sys.executable, "-m", "finepick", *words])
    while not (tmp_path / "killed" / "checkpoint.pt").exists():
        assert killed.poll() is None
        time.sleep(0.05)
    killed.kill()
    killed.wait()
    log = tmp_path / "killed" / "log.csv"
    assert not log.exists() or len(log.read_text().splitlines()) < 4  # in the middle
    again = finepick(*words)
    assert again.code == 0, again.err
    logs = [(tmp_path / name / "log.csv").read_bytes() for name in ("whole", "killed")]
    assert logs[0] == logs[1]
    rows = list(csv.DictReader(logs[0].decode().splitlines()))
    assert len(rows) == 3 and {"fine_rank", "coarse_emd", "pair_acc", "s_srcc", "srcc"} <= rows[-1].keys()
    models = [load_model(str(tmp_path / name / "model.safetensors")) for name in ("whole", "killed")]
    assert models[0].fingerprint == models[1].fingerprint
    assert (tmp_path / "whole" / "curves.png").stat().st_size > 5000
