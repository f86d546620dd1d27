"""The stages on a tiny model: rewards rise on what can be learned, and a stage goes on where it was."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from finepick.scorers.red_aes.answers import rating_text, read_rating
from finepick.scorers.red_aes.local import Sampling, sample_answers
from finepick.scorers.red_aes.model_folder import LoadedModel
from finepick.training.red.lessons import lesson_of
from finepick.training.red.recipes import TINY, Recipe
from finepick.training.red.stages import WHOLE, Watch, agree, imitate, last_checkpoint, prepared
from finepick.training.red.tiny import tiny_model

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

QUICK = replace(TINY, portion=16, sft_batch=16, answers=8, pairs_at_once=2, most_tokens=16, seed=5)
PROMPT = "Rate it."
LOW, HIGH = 31, 69


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    return draw_files(tmp_path)


def draw_files(folder: Path) -> dict[str, str]:
    """Eight scenes, each once bright and once dark."""
    rng = np.random.default_rng(0)
    found = {}
    for number in range(8):
        scene = Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).resize((64, 64))
        for name, change in (("bright", lambda v: 150 + 0.4 * v), ("dark", lambda v: 0.3 * v)):
            path = folder / f"{number}-{name}.jpg"
            scene.point(change).save(path)
            found[path.stem] = str(path)
    return found


def answered(picture: str, value: float) -> dict[str, Any]:
    said = rating_text("Light.", value)
    return {
        "prompt": [{"role": "user", "content": PROMPT}],
        "completion": [{"role": "assistant", "content": said}],
        "images": [picture],
    }


def partners(number: int) -> list[dict[str, Any]]:
    """The bright one is the better one."""
    prompt = [{"role": "user", "content": PROMPT}]
    bright, dark = 2 * number, 2 * number + 1
    return [
        {
            "prompt": prompt,
            "images": [f"{number}-bright"],
            "photo": bright,
            "partner": dark,
            "difference": 1.0,
        },
        {
            "prompt": prompt,
            "images": [f"{number}-dark"],
            "photo": dark,
            "partner": bright,
            "difference": -1.0,
        },
    ]


def new_model() -> LoadedModel:
    texts = [PROMPT, rating_text("Light.", LOW), rating_text("Light.", HIGH)]
    return prepared(tiny_model(texts, seed=1), QUICK)


def gaps_of(model: LoadedModel, files: dict[str, str]) -> list[float]:
    """How much higher each bright scene is rated than the dark one."""
    means = {name: np.mean(ratings_of(model, path)) for name, path in files.items()}
    return [float(means[f"{number}-bright"] - means[f"{number}-dark"]) for number in range(8)]


def ratings_of(model: LoadedModel, picture: str) -> list[float]:
    with open(picture, "rb") as file:
        shown = [file.read()]
    model.network.eval()
    answers = sample_answers(model, PROMPT, shown, seeds=range(8), sampling=Sampling(most_tokens=16))
    return [read_rating(answer).value for answer in answers]


@pytest.fixture(scope="module")
def rates_at_random(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    """Weights that know the form of an answer and nothing of what is better."""
    folder = tmp_path_factory.mktemp("random")
    files = draw_files(folder)
    model = new_model()
    lesson = lesson_of([answered(picture, value) for picture in files for value in (LOW, HIGH)], files)
    imitate(model, lesson, QUICK, str(folder / "rate"), rate=3e-3, epochs=40, watch=Watch())
    return model.network.state_dict()


def test_the_reward_rises_from_a_model_that_rates_at_random(
    files: dict[str, str], tmp_path: Path, rates_at_random: dict[str, torch.Tensor]
) -> None:
    model = new_model()
    model.network.load_state_dict(rates_at_random)
    assert abs(np.mean(gaps_of(model, files))) < 10
    told: list[float] = []
    watch = Watch(lambda step, steps, values: told.extend(values[k] for k in ("reward",) if k in values))

    rows = [row for number in range(8) for row in partners(number)]
    recipe = replace(QUICK, agree_rate=1e-3, agree_passes=6, tau=None)
    agree(model, lesson_of(rows, files), recipe, str(tmp_path / "agree"), watch=watch)

    assert len(told) == 6 * 8 // 2
    assert np.mean(told[:4]) < 1.8 and np.mean(told[-8:]) > 1.9  # of 2; 1.71 is what equal ratings earn
    assert min(gaps_of(model, files)) > 20


@pytest.mark.parametrize(("stage", "rank"), [("imitate", 0), ("imitate", 4), ("agree", 0), ("agree", 4)])
def test_a_stage_goes_on_bit_for_bit(
    stage: str,
    rank: int,
    files: dict[str, str],
    tmp_path: Path,
    rates_at_random: dict[str, torch.Tensor],
) -> None:
    recipe = replace(QUICK, checkpoint_steps=2, pairs_at_once=1, answers=4, agree_rate=1e-2, agree_passes=1)
    recipe = replace(recipe, lora_rank=rank, kl=0.02 if rank else 0.0)

    def taught(folder: Path) -> dict[str, torch.Tensor]:
        model = new_model()
        model.network.load_state_dict(rates_at_random)
        torch.manual_seed(3)  # adapters begin at random
        model = prepared(model, recipe)
        begun.update({name: tensor.clone() for name, tensor in model.network.state_dict().items()})
        teach(stage, model, files, recipe, str(folder))
        return model.network.state_dict()

    begun: dict[str, torch.Tensor] = {}
    whole = taught(tmp_path / "whole")
    for step in (2, 4):
        shutil.copytree(tmp_path / "whole" / f"checkpoint-{step}", tmp_path / "cut" / f"checkpoint-{step}")
    (tmp_path / "cut" / "checkpoint-4" / WHOLE).unlink()  # killed while it was written
    on = taught(tmp_path / "cut")

    assert all(torch.equal(whole[name], on[name]) for name in whole)
    assert any(not torch.equal(whole[name], tensor) for name, tensor in begun.items())


def teach(stage: str, model: LoadedModel, files: dict[str, str], recipe: Recipe, folder: str) -> None:
    if stage == "imitate":
        rows = [
            answered(picture, HIGH if "bright" in picture else LOW) for picture in files for _ in range(4)
        ]
        imitate(model, lesson_of(rows, files), recipe, folder, rate=3e-3, epochs=1, watch=Watch())
    else:
        rows = [row for number in range(4) for row in partners(number)]
        agree(model, lesson_of(rows, files), recipe, folder, watch=Watch())


def test_a_checkpoint_that_a_kill_cut_short_is_not_gone_on_from(tmp_path: Path) -> None:
    for step in (5, 10, 20, 100):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "model.safetensors").write_bytes(b"x")
    for step in (5, 20):
        (tmp_path / f"checkpoint-{step}" / WHOLE).touch()

    assert last_checkpoint(str(tmp_path)) == str(tmp_path / "checkpoint-20")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-20", "checkpoint-5"]
    assert last_checkpoint(str(tmp_path / "nowhere")) is None


def test_adapters_are_all_that_learns_and_are_all_that_is_written(
    files: dict[str, str], tmp_path: Path
) -> None:
    recipe = replace(QUICK, lora_rank=4, freeze_vision=True)
    model = prepared(tiny_model([PROMPT, rating_text("Light.", LOW)], seed=1), recipe)

    learning = [name for name, weight in model.network.named_parameters() if weight.requires_grad]

    assert learning and all("lora_" in name and "language_model" in name for name in learning)


def test_a_frozen_vision_tower_stays_as_it_is(files: dict[str, str], tmp_path: Path) -> None:
    model = prepared(
        tiny_model([PROMPT, rating_text("Light.", LOW)], seed=1), replace(QUICK, freeze_vision=True)
    )

    frozen = {name for name, weight in model.network.named_parameters() if not weight.requires_grad}

    assert frozen and all("vision_tower" in name for name in frozen)
    assert not [n for n, w in model.network.named_parameters() if "vision_tower" in n and w.requires_grad]


def test_samples_depend_on_nothing_but_their_own_seed(files: dict[str, str]) -> None:
    model = new_model()
    model.network.eval()
    with open(files["0-dark"], "rb") as file:
        shown = [file.read()]
    sampling = Sampling(temperature=1.0, most_tokens=12)
    before = torch.get_rng_state()

    together = sample_answers(model, PROMPT, shown, seeds=[3, 1, 2], sampling=sampling)
    alone = [sample_answers(model, PROMPT, shown, seeds=[seed], sampling=sampling)[0] for seed in (3, 1, 2)]

    assert together == alone and len(set(together)) == 3
    assert torch.equal(before, torch.get_rng_state())
    likeliest = sample_answers(
        model, PROMPT, shown, seeds=[1, 2], sampling=replace(sampling, temperature=0.0)
    )
    assert likeliest[0] == likeliest[1]


def test_words_are_drawn_by_their_odds(files: dict[str, str]) -> None:
    """Gumbel-max against the softmax that the network itself gives."""
    model = new_model()
    model.network.eval()
    with open(files["0-dark"], "rb") as file:
        shown = [file.read()]
    processor = model.processor
    picture = Image.open(files["0-dark"])
    inputs = processor(images=[picture], text=["<user><image>" + PROMPT + "<assistant>"], return_tensors="pt")
    with torch.no_grad():
        odds = model.network(**inputs).logits[0, -1]
    odds[processor.tokenizer.convert_tokens_to_ids("<image>")] = -torch.inf
    wanted = torch.softmax(odds, 0).double().numpy()

    drawn = sample_answers(
        model, PROMPT, shown, seeds=range(600), sampling=Sampling(temperature=1.0, most_tokens=1)
    )

    tokens = [processor.decode([n], skip_special_tokens=True) for n in range(len(wanted))]
    likely = [n for n in np.argsort(-wanted)[:3] if tokens.count(tokens[n]) == 1]
    assert likely
    for n in likely:
        share = drawn.count(tokens[n]) / len(drawn)
        assert abs(share - wanted[n]) < 4 * np.sqrt(wanted[n] * (1 - wanted[n]) / len(drawn)) + 1e-3
