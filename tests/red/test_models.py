"""Models on this machine: a local judge, generative editors, as tiny random ones built on the spot."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from finepick.errors import UsageError, WeightsError, WeightsNotFoundError
from finepick.red.editors import DiffusersEditor, editor_named
from finepick.red.judges import Showing
from finepick.red.local import LocalJudge
from finepick.red.planning import instructions
from finepick.red.records import Asked, Choice, JudgeAnswer, Order, Verdict, Why
from tests.conftest import scene
from tests.red.made import photos_in
from tests.red.test_building import run

pytest.importorskip("transformers", reason="a local judge needs the extra 'mllm'")
pytestmark = pytest.mark.filterwarnings("ignore")  # of libraries that are not ours

from tests.red.tiny_models import (  # noqa: E402
    taught_to_say,
    tiny_flux_kontext,
    tiny_instruct_pix2pix,
    tiny_llava,
)

ANSWER = '{"better": "A", "strength": 2}'


@pytest.fixture(scope="module")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "llava"
    tiny_llava(folder)
    return folder


@pytest.fixture
def showing(tmp_path: Path) -> Showing:
    paths = [str(tmp_path / f"{number}.jpg") for number in (1, 2)]
    for number, path in enumerate(paths):
        scene(number, (200, 140)).save(path)
    return Showing(Asked(1, Order.SOURCE_FIRST), *paths)


def test_what_a_random_model_babbles_is_no_verdict(llava: Path, showing: Showing) -> None:
    [[answer]] = LocalJudge(str(llava), turns=1).ask([showing])

    assert isinstance(answer, JudgeAnswer) and answer.verdict is None and answer.trouble


@pytest.mark.slow
def test_a_model_that_was_taught_to_answer_is_a_judge_and_its_bias_keeps_nothing(
    tmp_path: Path, showing: Showing
) -> None:
    folder = tmp_path / "model"
    tiny_llava(folder)
    pictures = [Image.open(path) for path in (showing.first, showing.second)]
    assert taught_to_say(folder, ANSWER, pictures) < 0.02
    judge = LocalJudge(str(folder), turns=1)

    [[answer]] = judge.ask([showing])
    built = run(
        tmp_path / "set", photos_in(tmp_path / "photos", 1), judges=(f"local:{folder}",), repeats=1, edits=2
    )

    assert isinstance(answer, JudgeAnswer) and answer.verdict == Verdict(Choice.FIRST, 2)
    assert list(judge.ask([showing])) == [[answer]]  # the same question has the same answer
    assert built.counts["kept"] == 0 and built.rejects[Why.TURNED_ROUND] >= 3


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFoundError, match=r"there is no model in"):
        LocalJudge(str(tmp_path), turns=1)
    (tmp_path / "config.json").write_text('{"model_type": "no_such_thing"}')
    with pytest.raises(WeightsError, match=r"cannot be used as a judge"):
        LocalJudge(str(tmp_path), turns=1)


@pytest.mark.parametrize(
    ("kind", "make"), [("instruct-pix2pix", tiny_instruct_pix2pix), ("flux-kontext", tiny_flux_kontext)]
)
def test_a_generative_editor_gives_a_picture_of_the_same_size_and_the_same_again(
    tmp_path: Path, kind: str, make: object
) -> None:
    pytest.importorskip("diffusers", reason="generative editors need the extra 'generate'")
    make(tmp_path)  # type: ignore[operator]
    # Kontext takes every picture to a megapixel, of which this tiny one makes a quarter of a million tokens.
    small = {"_auto_resize": False, "height": 32, "width": 48, "max_area": 32 * 48, "max_sequence_length": 32}
    editor = DiffusersEditor(kind, str(tmp_path), steps=2, options=small if kind == "flux-kontext" else {})
    frame = np.asarray(scene(3, (96, 64)))

    made = [
        editor.edit(frame, instructions()[0].text, strength=strength, seed=seed)
        for strength, seed in ((0.5, 1), (0.5, 1), (0.5, 2))
    ]

    assert made[0].shape == frame.shape and made[0].dtype == np.uint8
    assert np.array_equal(made[0], made[1]) and not np.array_equal(made[0], made[2])


def test_qwen_image_edit_is_built_where_torchvision_is() -> None:
    pytest.importorskip("torchvision", reason="the processor of Qwen2.5-VL wants torchvision")
    pytest.fail("torchvision is here: build a tiny Qwen-Image-Edit and try it, as the other two are")


def test_a_random_editor_draws_another_scene_which_is_rejected_and_kept(tmp_path: Path) -> None:
    pytest.importorskip("diffusers", reason="generative editors need the extra 'generate'")
    tiny_instruct_pix2pix(tmp_path / "model")

    built = run(
        tmp_path / "set",
        photos_in(tmp_path / "photos", 1, (200, 140)),
        editors=(f"instruct-pix2pix={tmp_path / 'model'}",),
        edits=1,
        steps=1,
        until="edits",
    )

    assert built.counts["edits"] == 2 and built.rejects[Why.OTHER_SCENE] == 1


@pytest.mark.parametrize("words", ["paint=x", "instruct-pix2pix", "flux-kontext="])
def test_an_editor_has_a_kind_and_a_folder(words: str) -> None:
    with pytest.raises(UsageError, match=r"--editor takes KIND=FOLDER"):
        editor_named(words)


def test_a_pipeline_of_another_kind_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("diffusers", reason="generative editors need the extra 'generate'")
    (tmp_path / "model_index.json").write_text('{"_class_name": "NoSuchPipeline"}')
    with pytest.raises(WeightsError, match=r"cannot be used as FluxKontextPipeline"):
        editor_named(f"flux-kontext={tmp_path}")
    with pytest.raises(WeightsNotFoundError, match=r"no pipeline of diffusers"):
        editor_named(f"flux-kontext={os.path.join(tmp_path, 'nothing')}")
