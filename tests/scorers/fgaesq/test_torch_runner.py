"""The runner: the network's own answers, whatever the batch, the threads and the precision."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra 'torch' is not installed")

from finepick.errors import ScorerError, UsageError, WeightsError  # noqa: E402
from finepick.scorers.fgaesq.batches import expected_scores  # noqa: E402
from finepick.scorers.fgaesq.checkpoint import LoadedModel, model_of, save_model  # noqa: E402
from finepick.scorers.fgaesq.drawn import drawn_tokens  # noqa: E402
from finepick.scorers.fgaesq.tokens import COARSE, FINE, PADDING, TOKENS  # noqa: E402
from finepick.scorers.fgaesq.torch_runner import (  # noqa: E402
    find_device,
    has_fast_bf16,
    load_torch_runner,
    pair_distance,
    runner_of,
)
from tests.scorers.fgaesq.small_models import (  # noqa: E402
    SMALL,
    distance,
    random_tokens,
    small_model,
    small_network,
    tensors_of,
)

needs_bf16 = pytest.mark.skipif(
    not has_fast_bf16(torch.device("cpu")), reason="this processor does not multiply bf16"
)


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def chaotic_model() -> LoadedModel:
    """Its attention hangs on the last digits, so that no bf16 can follow, and small differences count."""
    network = small_network()
    with torch.no_grad():
        for block in network.visual.transformer.resblocks:
            block.attn.in_proj_weight *= 100
    return model_of(network, temperature=0.01)


def test_the_runner_says_what_the_network_says() -> None:
    network, tokens = small_network(), [random_tokens(seed) for seed in range(3)]
    outputs = runner_of(model_of(network), precision="fp32").run(tokens)
    for row, photo in enumerate(tokens):
        with torch.inference_mode():
            features, logits = network(*tensors_of(photo))
        assert distance(outputs.features[row], features[0]) < 1e-5
        assert distance(outputs.logits[row], logits[0]) < 1e-5
        shares = torch.softmax(logits[0].double(), 0)
        expectation = sum((answer + 1) * float(share) for answer, share in enumerate(shares))
        assert abs(outputs.scores[row] - expectation) < 1e-4
    assert outputs.features.dtype == outputs.logits.dtype == np.float32
    assert outputs.scores.dtype == np.float64


def test_scores_lie_between_the_lowest_and_the_highest_answer() -> None:
    logits = np.array([[900.0] + [-900.0] * 9, [-900.0] * 9 + [900.0], [0.0] * 10], np.float32)
    np.testing.assert_allclose(expected_scores(logits), [1, 10, 5.5])


def test_no_photos_give_no_answers() -> None:
    outputs = runner_of(small_model(), precision="fp32").run([])
    assert outputs.features.shape == (0, SMALL.embedding)
    assert outputs.logits.shape == (0, 10) and outputs.scores.shape == (0,)


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_answers_do_not_depend_on_the_batch_or_the_threads(count: int) -> None:
    tokens = [random_tokens(seed, 40 + seed % 2) for seed in range(7)]
    runner = runner_of(small_model(), precision="fp32")
    wanted = runner.run(tokens)
    runner = _with_batches_of(runner, count)
    with threads(1 + count % 2):
        some = runner.run(tokens[::-1])
    np.testing.assert_allclose(some.features[::-1], wanted.features, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(some.scores[::-1], wanted.scores, rtol=0, atol=1e-4)


def _with_batches_of(runner: object, count: int) -> object:
    kind = type(runner)
    wider = type(kind.__name__, (kind,), {"batch_size": property(lambda self: count)})
    runner.__class__ = wider
    return runner


@needs_bf16
def test_bf16_is_used_where_its_verdicts_are_the_same() -> None:
    model, tokens = small_model(), [random_tokens(seed) for seed in range(6)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runner = runner_of(model)
    assert runner.precision == "bf16" and runner.device == "cpu"
    exact = runner_of(model, precision="fp32")
    assert pair_distance(runner.run(tokens), exact.run(tokens), 1.0) < 0.05
    assert not np.array_equal(runner.run(tokens).features, exact.run(tokens).features)


@needs_bf16
def test_bf16_is_left_alone_with_one_warning_where_verdicts_differ() -> None:
    with pytest.warns(RuntimeWarning, match="runs in fp32, which is slower: bf16 was tried and") as caught:
        runner = runner_of(chaotic_model())
    assert len(caught) == 1 and runner.precision == "fp32"
    tokens = [random_tokens(0)]
    exact = runner_of(chaotic_model(), precision="fp32").run(tokens)
    np.testing.assert_array_equal(runner.run(tokens).logits, exact.logits)


@needs_bf16
def test_a_low_temperature_makes_the_trial_stricter() -> None:
    assert runner_of(small_model()).precision == "bf16"
    with pytest.warns(RuntimeWarning, match="pair probabilities differ by"):
        assert runner_of(small_model(temperature=0.01)).precision == "fp32"


def test_a_model_is_not_changed_by_being_run() -> None:
    model = small_model()
    for precision in ("fp32", "bf16"):
        runner_of(model, precision=precision).run([random_tokens(0)])
    assert model_of(model.network()).fingerprint == model.fingerprint


def test_the_runner_of_a_file_knows_what_the_file_says(tmp_path: Path) -> None:
    path = str(tmp_path / "own.safetensors")
    save_model(model_of(small_network(), temperature=0.5, fine_blocks=9), path)
    runner = load_torch_runner(path, precision="fp32")
    assert (runner.card.temperature, runner.card.fine_blocks, runner.path) == (0.5, 9, path)
    assert runner.fingerprint == model_of(small_network(), temperature=0.5, fine_blocks=9).fingerprint
    assert runner.batch_size >= 1 and runner.phrases is None and not runner.has_text_tower


def test_answers_that_are_no_numbers_are_never_passed_on() -> None:
    network = small_network()
    with torch.no_grad():
        network.visual.proj *= 1e38
        network.iqa_head[0].weight *= 1e20
    with pytest.raises(ScorerError, match="not a number"):
        runner_of(model_of(network), precision="fp32").run([random_tokens(0)])


def test_networks_of_other_tokens_are_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "coarse.safetensors")
    save_model(model_of(small_network(0, replace(SMALL, patch=32))), path)
    with pytest.raises(WeightsError, match="made for other tokens"):
        load_torch_runner(path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(ScorerError, match="torch finds no device 'cuda' here"):
        runner_of(small_model(), device="cuda")


def test_words_that_mean_nothing_are_refused() -> None:
    with pytest.raises(UsageError, match="no device 'tpu'"):
        runner_of(small_model(), device="tpu")


@pytest.mark.parametrize("name", ["cpu:0", "cuda:", "cuda:x", "cuda:-1", "cuda:²", "auto:1", "mps:0", ""])
def test_what_no_device_is_called_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="there is no device"):
        find_device(name)


def test_one_gpu_of_several_can_be_named() -> None:
    count = torch.cuda.device_count()
    assert all(find_device(f"cuda:{number}").index == number for number in range(count))
    with pytest.raises(ScorerError, match=f"torch finds no device 'cuda:{count}' here"):
        find_device(f"cuda:{count}")
    with pytest.raises(UsageError, match="no precision 'fp8'"):
        load_torch_runner("nowhere.pt", precision="fp8")


def test_drawn_frames_are_whole_always_the_same_and_different_from_each_other() -> None:
    frames, again = drawn_tokens(4), drawn_tokens(4)
    for frame, other in zip(frames, again, strict=True):
        np.testing.assert_array_equal(frame.patches, other.patches)
        assert frame.patches.shape == (TOKENS, 3, 16, 16) and frame.rows.shape == (TOKENS, 14)
        assert [int((frame.marks == mark).sum()) for mark in (COARSE, FINE, PADDING)] == [426, 56, 29]
        np.testing.assert_allclose(frame.rows[:-29].sum(1), 1, atol=0.51)
        assert not frame.patches[-29:].any() and not frame.columns[-29:].any()
    assert len({frame.patches.tobytes() for frame in frames}) == 4


MEASURE = """
import sys
from finepick.scorers.fgaesq.drawn import drawn_tokens
from finepick.scorers.fgaesq.torch_runner import load_torch_runner
runner = load_torch_runner(sys.argv[1])
runner.run(drawn_tokens(4))
with open("/proc/self/status") as status:  # getrusage would count the memory of the process that started this one
    (most,) = (line.split()[1] for line in status if line.startswith("VmHWM"))
print(runner.precision, most)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much memory a process took at most")
def test_the_released_network_loads_and_runs_in_little_memory(released_checkpoint: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(released_checkpoint)], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    precision, kilobytes = done.stdout.split()
    assert precision == ("bf16" if has_fast_bf16(torch.device("cpu")) else "fp32")
    assert int(kilobytes) * 1024 < 1.2e9
