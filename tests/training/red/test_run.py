"""`finepick train red` as people run it: through all stages, killed in the middle, and the result put to use."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import finepick
from finepick.datasets.judged_edits import JudgedEdit, write_judged_edits
from finepick.errors import FinepickError, UsageError, WeightsError
from finepick.scorers.frames import ArrayFrames
from finepick.settings import load_settings
from finepick.workflows.library import Library
from finepick.workflows.train_red import RedRequest, _pairs, fit_card, train_red
from tests.contracts.scorer_contract import assert_same, permuted

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]  # on a machine that others use, too

STEPS = {"see": 6, "rate": 24, "agree": 2}


def scene(number: int, name: str) -> Image.Image:
    rng = np.random.default_rng(number)
    picture = Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).resize((96, 96))
    return picture.point((lambda v: 150 + 0.4 * v) if name == "bright" else (lambda v: 0.3 * v))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("red")


@pytest.fixture(scope="module")
def edits(home: Path) -> Path:
    """Four scenes, each bright and dark; the bright one is better, and it is said why."""
    folder = home / "edits"
    folder.mkdir()
    lines = []
    for number in range(4):
        for name in ("bright", "dark"):
            scene(number, name).save(folder / f"{number}-{name}.png")
        pair = {"a": 0, "b": 1, "p": 1.0, "text": "Brighter, with more light."}
        photos = [f"{number}-bright.png", f"{number}-dark.png"]
        lines.append(json.dumps({"series": str(number), "split": "train", "photos": photos, "pairs": [pair]}))
    (folder / "series.jsonl").write_text("\n".join(lines))
    return folder


def words(edits: Path, run: Path) -> list[str]:
    options = {"see-epochs": 6, "rate-epochs": 24, "agree-passes": 1, "answers": 2, "checkpoint-steps": 12}
    listed = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return ["train", "red", str(edits), "--out", str(run), "--most-tokens", "40", *listed]


def environment(home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "FINEPICK_HOME": str(home / "state"),
        "FINEPICK_WORKERS": "1",
        "OMP_NUM_THREADS": "1",
    }


def killed_once(words: list[str], home: Path, is_time: Callable[[], bool]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "finepick", *words], env=environment(home), stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 900
    while not is_time():
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[1]
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.fixture(scope="module")
def run(home: Path, edits: Path) -> Path:
    """A run that was killed with −9 in its second stage, and then went on."""
    run = home / "run"
    samples = run / "samples"
    killed_once(words(edits, run), home, (samples / "rate-000012.html").exists)
    assert (run / "see").is_dir() and not (run / "rate").exists()
    done = subprocess.run(
        [sys.executable, "-m", "finepick", *words(edits, run), "--json"],
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["path"] == str(run / "agree")
    assert done.stderr == ""
    return run


@pytest.fixture(scope="module")
def judge(run: Path, home: Path) -> Path:
    """The model that came of it, asked for likelier words than it was taught with: it is small."""
    folder = home / "judge"
    shutil.copytree(run / "agree", folder)
    card = json.loads((folder / "red-aes.json").read_text())
    (folder / "red-aes.json").write_text(json.dumps({**card, "temperature": 0.3}))
    return folder


def test_every_step_is_in_the_log_once_however_often_it_was_killed(run: Path) -> None:
    with open(run / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))

    for stage, steps in STEPS.items():
        told = [int(row["step"]) for row in rows if row["stage"] == stage and row["loss"]]
        assert told == list(range(1, steps + 1))
    assert all(float(row["reward"]) > 0.8 for row in rows if row["reward"])
    losses = [float(row["loss"]) for row in rows if row["stage"] == "rate" and row["loss"]]
    assert losses[-1] < 0.1 < losses[0]


def test_each_stage_leaves_a_model_with_its_card_and_nothing_half_done(run: Path) -> None:
    cards = {stage: json.loads((run / stage / "red-aes.json").read_text()) for stage in STEPS}

    assert {stage: card["ask"] for stage, card in cards.items()} == {
        "see": "compare", "rate": "rate", "agree": "rate",
    }  # fmt: skip
    assert all(card["pixels"] == 4096 and card["most_tokens"] == 40 for card in cards.values())
    assert not [path for path in run.iterdir() if path.name.startswith(".")]
    assert not list((run / "checkpoints").iterdir())
    assert not list(run.rglob("*.bin"))


def test_samples_show_photo_answer_and_what_was_to_be_said(run: Path) -> None:
    pages = sorted(path.name for path in (run / "samples").iterdir() if not path.name.startswith("."))
    last = (run / "samples" / "rate-000024.html").read_text()

    assert pages == [
        "agree-000002.html", "index.html", "rate-000012.html", "rate-000024.html", "see-000006.html",
    ]  # fmt: skip
    assert last.count("data:image/jpeg;base64,") == 4
    assert "&lt;think&gt;" in last and "<think>" not in last
    assert "a rating of 69" in last and "it was to say" in last


def test_the_result_picks_the_better_one_and_says_why(judge: Path, home: Path) -> None:
    unseen = [home / "dark.png", home / "bright.png"]
    for path in unseen:
        scene(40, path.stem).save(path)

    ranking = finepick.rank(unseen, model=finepick.load_scorer(str(judge), device="cpu"))

    assert ranking.order == (1, 0) and ranking.scores is not None and ranking.scores[1] > 60
    assert ranking.why[1][0].text.startswith("the model says: Beside another version")
    assert "righter, with more light" in ranking.why[1][0].text


def test_the_result_keeps_what_a_scorer_promises(judge: Path) -> None:
    scorer = finepick.load_scorer(str(judge), device="cpu")
    frames = [
        np.asarray(scene(number, name)) for number, name in ((20, "bright"), (21, "dark"), (22, "dark"))
    ]
    torch.manual_seed(1)
    before = torch.get_rng_state()

    judged = scorer.judge(ArrayFrames(frames))

    assert torch.equal(before, torch.get_rng_state())
    for order in ([2, 0, 1], [1, 0, 2]):
        assert_same(permuted(judged, order), scorer.judge(ArrayFrames([frames[i] for i in order])))
    assert scorer.judge(ArrayFrames(frames[:1])).fine[0] == judged.fine[0]
    again = finepick.load_scorer(str(judge), device="cpu")
    assert again.info == scorer.info and len(again.info.fingerprint) == 64


def test_a_scale_is_fitted_on_few_rated_photos_and_never_on_test(judge: Path, home: Path) -> None:
    rated = home / "rated"
    rated.mkdir()
    rows = ["file,score,low,high,split"]
    for number in range(30, 36):
        for name, score in (("bright", 4.0), ("dark", 2.0)):
            scene(number, name).save(rated / f"{number}-{name}.png")
            rows.append(f"{number}-{name}.png,{score},1,5,train")
    rows.append("nowhere.png,1,1,5,test")
    (rated / "coarse.csv").write_text("\n".join(rows))
    model = home / "scaled"
    shutil.copytree(judge, model)

    with Library(load_settings()) as library:
        assert fit_card(library, str(model), [str(rated)], device="cpu") == 12

    scorer = finepick.load_scorer(str(model), device="cpu")
    coarse = scorer.coarse(ArrayFrames([np.asarray(scene(50, "bright")), np.asarray(scene(50, "dark"))]))
    assert coarse is not None and coarse == pytest.approx([7.75, 3.25], abs=0.6)
    assert scorer.info.fingerprint != finepick.load_scorer(str(judge), device="cpu").info.fingerprint


def test_another_command_in_the_same_folder_is_refused(run: Path, edits: Path) -> None:
    with Library(load_settings()) as library, pytest.raises(UsageError, match="other options or data"):
        train_red(library, RedRequest((str(edits),), str(run), options={"seed": 1}))


def test_a_damaged_model_is_named(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run / "agree", tmp_path / "cut")
    with open(tmp_path / "cut" / "model.safetensors", "r+b") as file:
        file.truncate(1000)

    with pytest.raises(WeightsError, match=r"the model in '.*cut' cannot be loaded: .*; is it whole"):
        finepick.load_scorer(str(tmp_path / "cut"), device="cpu").judge(
            ArrayFrames([np.zeros((9, 9, 3), np.uint8)])
        )


@pytest.mark.parametrize(
    ("request_of", "told"),
    [
        ({"recipe": "huge"}, "unknown recipe 'huge'; use one of tiny, 24gb, h200, 8gpu"),
        ({"recipe": "h200"}, "the recipe 'h200' begins with a model; name its folder with --model"),
        ({"stages": ("sea", "rate")}, "unknown stage 'sea'; use some of see, rate, agree"),
        ({"model": "nowhere"}, r"there is no model in 'nowhere' \(no config.json\)"),
        ({"pairs": ("EMPTY",)}, "there is no data set here that is known"),
        ({"pairs": ("TEST",)}, "nothing to learn from: no pairs in the split 'train'"),
        ({"pairs": ("GONE",)}, "0-bright.png"),
        ({"options": {"pairs_at_once": 99}}, "4 pairs do not fill one batch of 99"),
    ],
)
def test_bad_input_is_told_before_anything_is_taught(
    request_of: dict[str, Any], told: str, edits: Path, tmp_path: Path
) -> None:
    row = json.loads((edits / "series.jsonl").read_text().splitlines()[0])
    for name in ("EMPTY", "TEST", "GONE"):
        (tmp_path / name).mkdir()
    (tmp_path / "TEST" / "series.jsonl").write_text(json.dumps({**row, "split": "test"}))
    (tmp_path / "GONE" / "series.jsonl").write_text(json.dumps(row))
    pairs = tuple(str(tmp_path / name) for name in request_of.pop("pairs", ())) or (str(edits),)

    with Library(load_settings()) as library, pytest.raises(FinepickError, match=told):
        train_red(library, RedRequest(pairs=pairs, folder=str(tmp_path / "run"), **request_of))

    assert not (tmp_path / "run" / "see").exists()


def test_what_red_build_wrote_is_read_with_what_it_says_of_either_picture(tmp_path: Path) -> None:
    def jpeg(name: str) -> bytes:
        scene(1, name).save(tmp_path / "x.jpg")
        return (tmp_path / "x.jpg").read_bytes()

    (tmp_path / "project" / "dataset").mkdir(parents=True)
    row = JudgedEdit(
        id="7", split="train", chain="c", source=jpeg("bright"), edited=jpeg("dark"), difference=-0.5,
        agreement=1.0, answers=4, text="Darker.", thought="Much darker.", thought_of_source="Far brighter.",
        thought_kind="template", dimensions=("light",), editor="controlled", family="tone", edit="x",
        strength=0.5, recipe="[]", description="", verdicts="[]", source_sha256="0",
    )  # fmt: skip
    write_judged_edits(str(tmp_path / "project" / "dataset" / "train.parquet"), [row])

    [pair] = _pairs([str(tmp_path / "project")], str(tmp_path / "run"))

    assert (pair.difference, pair.text, pair.other_text) == (-0.5, "Much darker.", "Far brighter.")
    assert Path(pair.a).read_bytes() == row.edited and Path(pair.b).read_bytes() == row.source
