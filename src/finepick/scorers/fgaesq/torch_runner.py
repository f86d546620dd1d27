"""Runs the network with torch: in bf16 where the machine has it and the answers stay the same."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

try:
    import torch
except ImportError as error:
    from finepick.errors import MissingExtraError

    raise MissingExtraError("running FGAesQ with torch", extra="torch") from error

import numpy as np

from finepick.errors import ScorerError, UsageError, WeightsError
from finepick.scorers.fgaesq.batches import Batch, batches, outputs_of, takes_tokens
from finepick.scorers.fgaesq.card import Card
from finepick.scorers.fgaesq.checkpoint import LoadedModel, card_of, load_model
from finepick.scorers.fgaesq.drawn import drawn_tokens
from finepick.scorers.fgaesq.folded import FoldedNetwork, Place
from finepick.scorers.fgaesq.network import FgaesqNetwork
from finepick.scorers.fgaesq.runner import Outputs
from finepick.scorers.fgaesq.tokens import Floats, Tokens
from finepick.scorers.phrases import PhraseBank

DEVICES = ("cpu", "cuda", "mps", "auto")
PRECISIONS = ("auto", "fp32", "bf16")
TOLERANCE = 0.02
"""How far P(x preferred over y) may lie from fp32's on the drawn frames for bf16 to be used."""

_TRIAL_FRAMES = 3
_GPU_BATCH = 32
_CPU_CAPABILITIES = ("amx_bf16", "avx512_bf16", "bf16", "arm_bf16")


class TorchRunner:
    """A `Runner`. Threads are torch's own: set them before with `torch.set_num_threads`.

    card, phrases, has_text_tower, path: as in `LoadedModel`. device, precision: where it runs, and as what.
    """

    def __init__(self, model: LoadedModel, network: FoldedNetwork, place: Place) -> None:
        self._network = network
        self._architecture = model.architecture
        self._fingerprint = model.fingerprint
        self.card: Card = card_of(model)
        self.phrases: PhraseBank | None = model.phrases
        self.has_text_tower = model.has_text_tower
        self.path = model.path
        self._place = place
        self.device = place.device.type
        self.precision = "bf16" if place.dtype == torch.bfloat16 else "fp32"

    @property
    def batch_size(self) -> int:
        """32 on a GPU. On a CPU a photo fills few threads by itself, and larger batches only leave the cache."""
        return _GPU_BATCH if self.device != "cpu" else max(1, min(8, torch.get_num_threads() // 4))

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def run(self, tokens: Sequence[Tokens]) -> Outputs:
        """See `Runner.run`. Raises ScorerError where the device fails or answers with what is not a number."""
        try:
            answers = [
                _answer(self._network, batch, self._place.device)
                for batch in batches(tokens, self.batch_size)
            ]
        except torch.OutOfMemoryError as error:
            raise ScorerError(
                f"the device '{self.device}' has too little memory; use --device cpu"
            ) from error
        return outputs_of(answers, self._architecture)


class LateRunner:
    """A `Runner` that gets *model* ready, as `runner_of` does, when the first photos come.

    That takes seconds, and a shoot that was judged before needs nothing but the fingerprint. Raises WeightsError,
    UsageError and ScorerError at once, as `runner_of` would.
    """

    def __init__(self, model: LoadedModel, *, device: str = "cpu") -> None:
        _check_tokens(model)
        find_device(device)
        self._model: LoadedModel | None = model
        self._device = device
        self._fingerprint = model.fingerprint
        self._runner: TorchRunner | None = None

    @property
    def is_ready(self) -> bool:
        return self._runner is not None

    @property
    def batch_size(self) -> int:
        return self._ready().batch_size

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def run(self, tokens: Sequence[Tokens]) -> Outputs:
        """See `TorchRunner.run`."""
        return self._ready().run(tokens)

    def _ready(self) -> TorchRunner:
        if self._runner is None:
            assert self._model is not None
            self._runner = runner_of(self._model, device=self._device)
            self._model = None  # the runner has what it needs of it
        return self._runner


def load_torch_runner(path: str, *, device: str = "cpu", precision: str = "auto") -> TorchRunner:
    """The model in *path*, ready to run.

    device: cpu, cuda (or cuda:1 …), mps, or auto for the first of cuda, mps and cpu that is there.
    precision: fp32, bf16, or auto: bf16 where the device has it and, on drawn frames, pair probabilities agree
    with fp32 within .02; else fp32, with a RuntimeWarning where it was that trial that failed.

    Raises WeightsError (see `load_model`), ScorerError where the device is not there.
    """
    if precision not in PRECISIONS:
        raise UsageError(f"there is no precision '{precision}'; use one of {', '.join(PRECISIONS)}")
    return runner_of(load_model(path), device=device, precision=precision)


def runner_of(model: LoadedModel, *, device: str = "cpu", precision: str = "auto") -> TorchRunner:
    """*model* ready to run, as `load_torch_runner` does it; keep no other hold of *model* to save memory."""
    _check_tokens(model)
    found = find_device(device)
    exact, fast = Place(found, torch.float32), Place(found, torch.bfloat16)
    with torch.inference_mode():
        if precision == "fp32" or (precision == "auto" and not has_fast_bf16(found)):
            return TorchRunner(model, FoldedNetwork(model.state, model.architecture, exact), exact)
        if precision == "bf16":
            return TorchRunner(model, FoldedNetwork(model.state, model.architecture, fast), fast)
        return _faster_if_equal(model, exact, fast)


def find_device(name: str) -> torch.device:
    """The device that *name* means (see `load_torch_runner`). Raises UsageError, ScorerError where it is not here."""
    kind, colon, number = name.partition(":")
    if kind not in DEVICES or (colon and not (kind == "cuda" and number.isdecimal() and number.isascii())):
        raise UsageError(f"there is no device '{name}'; use one of {', '.join(DEVICES)}")
    counts = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    if kind == "auto":
        return torch.device(next(known for known, count in counts.items() if count))
    if int(number or 0) >= counts[kind]:
        raise ScorerError(f"torch finds no device '{name}' here; use --device cpu")
    return torch.device(name)


def has_fast_bf16(device: torch.device) -> bool:
    """Whether *device* multiplies bf16 in hardware. Not said of MPS, where it was never measured."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and any(_cpu_capabilities().values())


def _check_tokens(model: LoadedModel) -> None:
    if not takes_tokens(model.architecture):
        raise WeightsError(
            f"{model.path or 'the model'} was made for other tokens than those of 16 × 16 pixels on a grid of "
            f"14 × 14 (it has {model.architecture.patch} and {model.architecture.grid}); choose another file",
            path=model.path or None,
        )


def _cpu_capabilities() -> dict[str, bool]:
    if hasattr(torch.cpu, "get_capabilities"):  # from torch 2.10 or so
        known = torch.cpu.get_capabilities()
        return {name: bool(known.get(name, False)) for name in _CPU_CAPABILITIES}
    probes = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return {name: bool(getattr(torch.cpu, name, bool)()) for name in probes}


def _faster_if_equal(model: LoadedModel, exact: Place, fast: Place) -> TorchRunner:
    tokens = drawn_tokens(_TRIAL_FRAMES)
    try:
        runner = TorchRunner(model, FoldedNetwork(model.state, model.architecture, fast), fast)
        distance = pair_distance(runner.run(tokens), _exact_outputs(model, tokens, exact), model.temperature)
        trouble = "" if distance <= TOLERANCE else f"pair probabilities differ by {distance:.3f}"
    except (RuntimeError, ScorerError) as error:
        trouble = str(error).partition("\n")[0]
    if not trouble:
        return runner
    warnings.warn(
        f"{model.path or 'the model'} runs in fp32, which is slower: bf16 was tried and {trouble}",
        RuntimeWarning,
        stacklevel=4,
    )
    return TorchRunner(model, FoldedNetwork(model.state, model.architecture, exact), exact)


def _exact_outputs(model: LoadedModel, tokens: Sequence[Tokens], place: Place) -> Outputs:
    """What the network itself says, nothing folded: a second opinion that needs no memory of its own."""
    network = model.network(copy=False).to(place.device)
    return outputs_of(
        [_answer(network, batch, place.device) for batch in batches(tokens, 1)], model.architecture
    )


def pair_distance(some: Outputs, others: Outputs, temperature: float) -> float:
    """The largest difference of P(x preferred over y) = sigmoid((s_x − s_y) / temperature) over all pairs."""
    first, second = (
        0.5 + 0.5 * np.tanh(np.subtract.outer(outputs.scores, outputs.scores) / (2 * temperature))
        for outputs in (some, others)
    )
    return float(np.abs(first - second).max(initial=0.0))


def _answer(
    network: FoldedNetwork | FgaesqNetwork, batch: Batch, device: torch.device
) -> tuple[Floats, Floats]:
    with torch.inference_mode():
        features, logits = network(*(torch.from_numpy(array).to(device) for array in batch))
    return features.float().cpu().numpy(), logits.float().cpu().numpy()
