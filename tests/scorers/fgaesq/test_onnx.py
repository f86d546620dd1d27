"""Exported files: the same answers with the core alone, or none at all."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra 'torch' is not installed")
onnx = pytest.importorskip("onnx", reason="the extra 'torch' is not installed")

from onnx import TensorProto, helper  # noqa: E402

from finepick.domain import Attribute  # noqa: E402
from finepick.errors import OutputError, WeightsError, WeightsNotFoundError  # noqa: E402
from finepick.scorers.fgaesq.checkpoint import model_of, save_model  # noqa: E402
from finepick.scorers.fgaesq.export import export_onnx  # noqa: E402
from finepick.scorers.fgaesq.onnx_runner import load_onnx_runner  # noqa: E402
from finepick.scorers.phrases import Phrase, PhraseBank  # noqa: E402
from tests.scorers.fgaesq.small_models import (  # noqa: E402
    SMALL,
    distance,
    random_tokens,
    small_model,
    small_network,
    tensors_of,
)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "small.onnx"
    export_onnx(small_model(), str(path))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        load_onnx_runner(str(path))
    assert str(path) in caught.value.message and caught.value.path == str(path)
    return caught.value.message


def test_the_exported_network_says_what_the_network_says(exported: Path) -> None:
    tokens = [random_tokens(seed, 30 + 5 * seed) for seed in range(3)]
    outputs = load_onnx_runner(str(exported)).run(tokens)
    for row, photo in enumerate(tokens):
        with torch.inference_mode():
            features, logits = small_network()(*tensors_of(photo))
        assert distance(outputs.features[row], features[0]) < 1e-5
        assert distance(outputs.logits[row], logits[0]) < 1e-5


def test_the_file_is_valid_onnx_and_takes_any_number_of_photos(exported: Path) -> None:
    onnx.checker.check_model(str(exported), full_check=True)
    import onnxruntime

    session = onnxruntime.InferenceSession(str(exported), providers=["CPUExecutionProvider"])
    assert [put.shape[:2] for put in session.get_inputs()] == [["photos", "tokens"]] * 4
    several = [tensors_of(random_tokens(seed)) for seed in range(3)]
    patches, marks, rows, columns = (torch.cat(parts).numpy() for parts in zip(*several, strict=True))
    named = {"patches": patches, "marks": marks.astype(np.int64), "rows": rows, "columns": columns}
    features, _ = session.run(["features", "logits"], named)
    alone = load_onnx_runner(str(exported)).run([random_tokens(seed) for seed in range(3)])
    np.testing.assert_allclose(features, alone.features, rtol=1e-4, atol=1e-5)


CORE_ALONE = """
import sys
for name in ("torch", "onnx", "safetensors", "tokenizers", "huggingface_hub"):
    sys.modules[name] = None
import numpy as np
from finepick.scorers.fgaesq.drawn import drawn_tokens
from finepick.scorers.fgaesq.onnx_runner import load_onnx_runner
runner = load_onnx_runner(sys.argv[1], threads=1)
print(runner.fingerprint, *runner.run(drawn_tokens(2)).scores)
"""


def test_the_core_runs_it_without_torch(exported: Path) -> None:
    from finepick.scorers.fgaesq.drawn import drawn_tokens
    from finepick.scorers.fgaesq.torch_runner import runner_of

    done = subprocess.run(
        [sys.executable, "-c", CORE_ALONE, exported], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    fingerprint, *scores = done.stdout.split()
    assert fingerprint == small_model().fingerprint
    wanted = runner_of(small_model(), precision="fp32").run(drawn_tokens(2)).scores
    np.testing.assert_allclose([float(score) for score in scores], wanted, rtol=0, atol=1e-3)


def test_everything_beside_the_weights_travels_with_them(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(2, 1, SMALL.embedding)).astype(np.float32)
    bank = PhraseBank((Phrase(Attribute.COLOUR, "warmer “light”", "colder"),), *vectors)
    model = model_of(small_network(), temperature=0.25, fine_blocks=7, phrases=bank)
    export_onnx(model, str(tmp_path / "with.onnx"))
    runner = load_onnx_runner(str(tmp_path / "with.onnx"))
    assert (runner.card.temperature, runner.card.fine_blocks) == (0.25, 7)
    assert runner.card.architecture == SMALL and runner.fingerprint == model.fingerprint
    assert runner.phrases is not None and runner.phrases.phrases == bank.phrases
    np.testing.assert_array_equal(runner.phrases.better, bank.better)
    np.testing.assert_array_equal(runner.phrases.worse, bank.worse)


def test_no_photos_give_no_answers(exported: Path) -> None:
    assert load_onnx_runner(str(exported)).run([]).features.shape == (0, SMALL.embedding)


def test_what_does_not_compute_the_same_is_not_written(tmp_path: Path) -> None:
    network = small_network()
    with torch.no_grad():  # what matters drowns in a large number that the first norm takes out again
        network.scale_embedding += 1e5
        network.visual.class_embedding += 1e5
    target = tmp_path / "chaos.onnx"
    target.write_bytes(b"what stood here before")
    with pytest.raises(OutputError, match=r"answers differ from the model's by .* more than 1e-04"):
        export_onnx(model_of(network), str(target))
    assert target.read_bytes() == b"what stood here before"
    assert os.listdir(tmp_path) == ["chaos.onnx"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="could not write"):
        export_onnx(small_model(), str(tmp_path / "no" / "folder.onnx"))
    assert os.listdir(tmp_path) == []


def _foreign(path: Path) -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "foreign", [x], [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))


def test_files_that_are_no_exported_network_are_refused_by_name(tmp_path: Path, exported: Path) -> None:
    whole = exported.read_bytes()
    (tmp_path / "empty.onnx").touch()
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "words.onnx").write_text("not a network\n" * 50)
    _foreign(tmp_path / "foreign.onnx")
    save_model(small_model(), str(tmp_path / "weights.onnx"))
    generator = np.random.default_rng(1)
    for number, cut in enumerate(generator.integers(1, len(whole), 10)):
        (tmp_path / f"cut{number}.onnx").write_bytes(whole[: int(cut)])
    said = {
        "empty.onnx": "is empty",
        "folder.onnx": "is a folder",
        "foreign.onnx": "not a model that Finepick",
    }
    for name in sorted(os.listdir(tmp_path)):
        assert said.get(name, "") in refusal(tmp_path / name)
    with pytest.raises(WeightsNotFoundError):
        load_onnx_runner(str(tmp_path / "nothing.onnx"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kind", "red-aes"),
        ("fingerprint", "z" * 64),
        ("architecture", "{}"),
        ("phrases", '[{"attribute": 1}]'),
    ],
)
def test_a_spoilt_description_is_refused(tmp_path: Path, exported: Path, key: str, value: str) -> None:
    model = onnx.load(str(exported))
    for entry in model.metadata_props:
        entry.value = value if entry.key == key else entry.value
    onnx.save(model, str(tmp_path / "spoilt.onnx"))
    refusal(tmp_path / "spoilt.onnx")


def test_another_network_behind_the_same_description_is_refused(tmp_path: Path, exported: Path) -> None:
    from finepick.scorers.fgaesq.checkpoint import card_of
    from finepick.scorers.fgaesq.graph import build_graph

    other = model_of(small_network(0, replace(SMALL, embedding=16)))
    strings = card_of(small_model()).as_strings() | {"fingerprint": "0" * 64}
    state = {name: tensor.numpy() for name, tensor in other.state.items()}
    onnx.save(build_graph(state, other.architecture, strings), str(tmp_path / "other.onnx"))
    assert "not the model that it says it is" in refusal(tmp_path / "other.onnx")


@pytest.mark.skipif(sys.platform != "linux", reason="names are text here")
def test_names_that_are_not_text_do_no_harm(tmp_path: Path) -> None:
    odd = os.path.join(str(tmp_path), os.fsdecode(b"w\xff\xe4.onnx"))
    export_onnx(small_model(), odd)
    assert load_onnx_runner(odd).fingerprint == small_model().fingerprint
