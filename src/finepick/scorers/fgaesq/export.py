"""Writes the network as an ONNX file that the core runs without torch, after comparing the two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

try:
    import torch
except ImportError as error:
    from finepick.errors import MissingExtraError

    raise MissingExtraError("exporting a model", extra="torch") from error

from finepick.errors import FinepickError, OutputError
from finepick.scorers.fgaesq.batches import batches, outputs_of
from finepick.scorers.fgaesq.checkpoint import LoadedModel, card_of
from finepick.scorers.fgaesq.drawn import drawn_tokens
from finepick.scorers.fgaesq.graph import build_graph
from finepick.scorers.fgaesq.onnx_runner import load_onnx_runner, phrase_strings
from finepick.scorers.fgaesq.runner import Outputs
from finepick.scorers.fgaesq.tokens import Floats, Tokens
from finepick.scorers.fgaesq.weight_files import written_whole

TOLERANCE = 1e-4
"""How far outputs may lie from torch's, in parts of their norm."""

_TRIAL_FRAMES = 2
_SHORT = 100


def export_onnx(model: LoadedModel, out_path: str) -> None:
    """Write *model*'s network to *out_path*, with its card, fingerprint and phrases as metadata.

    What stands there is replaced only after the new file was loaded again and gave torch's outputs (1e-4 of
    their norm) on drawn frames. Raises OutputError where it does not, or where it cannot be written.
    """
    strings = card_of(model).as_strings() | {"fingerprint": model.fingerprint}
    if model.phrases is not None:
        strings |= phrase_strings(model.phrases)
    with written_whole(out_path) as temporary:
        _write(model, strings, temporary)
        _compare(model, temporary, out_path)


def _write(model: LoadedModel, strings: dict[str, str], path: str) -> None:
    state = {name: tensor.numpy() for name, tensor in model.state.items()}
    with open(path, "wb") as file:
        file.write(build_graph(state, model.architecture, strings).SerializeToString())


def _compare(model: LoadedModel, temporary: str, out_path: str) -> None:
    tokens = _trial_tokens()
    try:
        written = load_onnx_runner(temporary).run(tokens)
    except FinepickError as error:
        raise OutputError(
            f"did not write {out_path}: the exported network does not run ({error}); report this",
            path=out_path,
        ) from error
    wanted = _torch_outputs(model, tokens)
    apart = max(_apart(written.features, wanted.features), _apart(written.logits, wanted.logits))
    if not apart <= TOLERANCE:
        raise OutputError(
            f"did not write {out_path}: the exported network's answers differ from the model's by "
            f"{apart:.1e} of their norm, more than {TOLERANCE:.0e}; report this",
            path=out_path,
        )


def _trial_tokens() -> tuple[Tokens, ...]:
    """Drawn frames, and one with another number of tokens."""
    frames = drawn_tokens(_TRIAL_FRAMES)
    last = frames[-1]
    short = Tokens(last.patches[-_SHORT:], last.marks[-_SHORT:], last.rows[-_SHORT:], last.columns[-_SHORT:])
    return (*frames, short)


def _torch_outputs(model: LoadedModel, tokens: Sequence[Tokens]) -> Outputs:
    network = model.network(copy=False)
    answers = []
    with torch.inference_mode():
        for batch in batches(tokens, 1):
            features, logits = network(*(torch.from_numpy(array) for array in batch))
            answers.append((features.numpy(), logits.numpy()))
    return outputs_of(answers, model.architecture)


def _apart(some: Floats, others: Floats) -> float:
    """The largest distance of two rows, in parts of the second's norm."""
    norms = np.linalg.norm(others, axis=1)
    return float(np.max(np.linalg.norm(some - others, axis=1) / np.maximum(norms, 1e-30)))
