"""Networks with a stem of convolutions and another number of tokens: the same in every runner and file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra 'torch' is not installed")

from finepick.errors import WeightsError  # noqa: E402
from finepick.scorers.fgaesq.architecture import POOLINGS, Architecture  # noqa: E402
from finepick.scorers.fgaesq.card import check_sizes  # noqa: E402
from finepick.scorers.fgaesq.checkpoint import load_model, model_of, save_model  # noqa: E402
from finepick.scorers.fgaesq.export import export_onnx  # noqa: E402
from finepick.scorers.fgaesq.loading import load_fgaesq  # noqa: E402
from finepick.scorers.fgaesq.network import FgaesqNetwork, mean_of_tokens  # noqa: E402
from finepick.scorers.fgaesq.onnx_runner import load_onnx_runner  # noqa: E402
from finepick.scorers.fgaesq.tokens import COARSE, FINE, PADDING  # noqa: E402
from finepick.scorers.fgaesq.torch_runner import runner_of  # noqa: E402
from finepick.scorers.frames import ArrayFrames  # noqa: E402
from tests.contracts.scorer_contract import draw_burst  # noqa: E402
from tests.scorers.fgaesq.small_models import distance, random_tokens, tensors_of  # noqa: E402

STEMMED = Architecture(width=128, layers=2, heads=2, embedding=32, head=(24, 12), stem=(8, 16), tokens=150)


def stemmed_network(pooling: str = "class") -> FgaesqNetwork:
    network = FgaesqNetwork(replace(STEMMED, pooling=pooling))
    network.start_afresh(3)
    torch.nn.init.normal_(network.iqa_head[-1].weight, generator=torch.Generator().manual_seed(3))
    return network.eval()


def test_the_stem_is_a_convolution_of_each_patch_by_itself() -> None:
    network, tokens = stemmed_network(), random_tokens(1)
    first, second = network.visual.stem
    patch = torch.from_numpy(tokens.patches[5:6])
    by_hand = torch.relu(second(torch.relu(first(patch))))
    together = network.visual.stemmed(torch.from_numpy(tokens.patches)[None])
    assert by_hand.shape[1:] == (16, 4, 4) and torch.allclose(together[0, 5], by_hand[0], atol=1e-6)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_every_runner_says_what_the_network_says(tmp_path: Path, pooling: str) -> None:
    network = stemmed_network(pooling)
    model = model_of(network)
    save_model(model, str(tmp_path / "stemmed.safetensors"))
    export_onnx(model, str(tmp_path / "stemmed.onnx"))
    read = load_model(str(tmp_path / "stemmed.safetensors"))
    assert read.architecture == network.architecture and read.fingerprint == model.fingerprint
    tokens = random_tokens(2)
    with torch.inference_mode():
        features, logits = network(*tensors_of(tokens))
    for runner in (runner_of(read, precision="fp32"), load_onnx_runner(str(tmp_path / "stemmed.onnx"))):
        outputs = runner.run([tokens])
        assert distance(outputs.features, features) < 1e-4 and distance(outputs.logits, logits) < 1e-4


def test_photos_are_cut_into_as_many_tokens_as_the_network_reads(tmp_path: Path) -> None:
    save_model(model_of(stemmed_network(), fine_blocks=6), str(tmp_path / "stemmed.safetensors"))
    scorer = load_fgaesq(str(tmp_path / "stemmed.safetensors"), "cpu", "series")
    judged = scorer.judge(ArrayFrames(draw_burst(3, width=480, height=320)))
    assert np.isfinite(judged.fine).all() and len(set(judged.fine)) == 3


def test_a_stem_that_leaves_nothing_of_a_patch_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = tmp_path / "stemmed.safetensors"
    save_model(model_of(stemmed_network()), str(path))
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        words = dict(file.metadata())
    words["architecture"] = words["architecture"].replace("[8, 16]", "[8, 16, 16, 16, 16]")
    save_file(load_file(path), tmp_path / "spoilt.safetensors", metadata=words)
    with pytest.raises(WeightsError, match="stem"):
        load_model(str(tmp_path / "spoilt.safetensors"))


def test_a_mean_of_tokens_leaves_out_padding_and_the_class_token() -> None:
    x = torch.tensor([[[100.0], [1.0], [2.0], [50.0]], [[100.0], [4.0], [50.0], [50.0]]])
    marks = torch.tensor([[COARSE, FINE, PADDING], [FINE, PADDING, PADDING]])
    assert mean_of_tokens(x, marks).tolist() == [[1.5], [4.0]]


def test_nothing_but_padding_has_the_mean_nought() -> None:
    assert mean_of_tokens(torch.ones(1, 3, 1), torch.full((1, 2), PADDING)).tolist() == [[0.0]]


def test_unknown_pooling_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"pooling: 'max' is not one of class, mean"):
        check_sizes(replace(STEMMED, pooling="max"))
