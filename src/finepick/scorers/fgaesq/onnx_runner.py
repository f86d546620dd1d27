"""Runs an exported network with onnxruntime alone: the core needs no torch."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as runtime

from finepick.errors import ScorerError, WeightsError
from finepick.scorers.fgaesq.batches import Batch, batches, outputs_of, takes_tokens
from finepick.scorers.fgaesq.card import Card, read_card
from finepick.scorers.fgaesq.opening import damaged, read_beginning
from finepick.scorers.fgaesq.runner import Outputs
from finepick.scorers.fgaesq.tokens import Floats, Tokens
from finepick.scorers.phrases import PhraseBank

_INPUTS = ["patches", "marks", "rows", "columns"]
_OUTPUTS = ["features", "logits"]
_SILENT = 4
_HEXADECIMAL = frozenset("0123456789abcdef")
_ERRORS = tuple(
    getattr(runtime, name)
    for name in (
        *(
            "EPFail",
            "EngineError",
            "Fail",
            "InvalidArgument",
            "InvalidGraph",
            "InvalidProtobuf",
            "ModelLoaded",
        ),
        *("NoModel", "NoSuchFile", "NotImplemented", "RuntimeException"),
    )
    if hasattr(runtime, name)
)
"""What onnxruntime raises, by itself; they have nothing in common but their name."""


class OnnxRunner:
    """A `Runner`, in fp32 on the CPU. card, phrases, path: as in `LoadedModel`."""

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        card: Card,
        fingerprint: str,
        phrases: PhraseBank | None,
        path: str,
    ) -> None:
        self._session = session
        self._fingerprint = fingerprint
        self.card = card
        self.phrases = phrases
        self.path = path

    @property
    def batch_size(self) -> int:
        """One photo fills the processor, and larger batches only leave the cache."""
        return 1

    @property
    def fingerprint(self) -> str:
        """That of the model this file was exported from."""
        return self._fingerprint

    def run(self, tokens: Sequence[Tokens]) -> Outputs:
        """See `Runner.run`. Raises ScorerError where onnxruntime fails."""
        return outputs_of([self._answer(batch) for batch in batches(tokens, 1)], self.card.architecture)

    def _answer(self, batch: Batch) -> tuple[Floats, Floats]:
        named = dict(zip(_INPUTS, (batch.patches, batch.marks.astype(np.int64), *batch[2:]), strict=True))
        try:
            features, logits = self._session.run(_OUTPUTS, named)
        except _ERRORS as error:
            raise ScorerError(f"onnxruntime could not run {self.path} ({error}); export it again") from error
        return np.asarray(features, np.float32), np.asarray(logits, np.float32)


def load_onnx_runner(path: str, *, threads: int = 0) -> OnnxRunner:
    """The network in *path*, a file that `models export` wrote; *threads*: onnxruntime's own choice where 0.

    Raises WeightsNotFoundError; WeightsError where the file is damaged, or no model of this kind.
    """
    read_beginning(path)
    session = _session(path, threads)
    strings = session.get_modelmeta().custom_metadata_map
    card = read_card(strings, path)
    names = [put.name for put in session.get_inputs()], [put.name for put in session.get_outputs()]
    if card is None or names != (_INPUTS, _OUTPUTS) or not takes_tokens(card.architecture):
        raise WeightsError(
            f"{path} is not a model that Finepick exported; use a file that 'finepick models export' wrote",
            path=path,
        )
    _check_outputs(session, card, path)
    fingerprint = strings.get("fingerprint", "")
    if len(fingerprint) != 64 or not set(fingerprint) <= _HEXADECIMAL:
        raise damaged(path)
    return OnnxRunner(session, card, fingerprint, read_phrase_bank(strings, card, path), path)


def phrase_strings(bank: PhraseBank) -> dict[str, str]:
    """The vectors of *bank* as strings for an ONNX file."""
    vectors = {"phrases.better": bank.better, "phrases.worse": bank.worse}
    return {
        name: base64.b64encode(np.ascontiguousarray(value, "<f4").tobytes()).decode()
        for name, value in vectors.items()
    }


def read_phrase_bank(strings: Mapping[str, str], card: Card, path: str) -> PhraseBank | None:
    """What `phrase_strings` wrote, or None where the card names no phrases. Raises WeightsError."""
    if not card.phrases:
        return None
    shape = (len(card.phrases), card.architecture.embedding)
    try:
        better, worse = (
            np.frombuffer(base64.b64decode(strings[name], validate=True), "<f4")
            .reshape(shape)
            .astype(np.float32)
            for name in ("phrases.better", "phrases.worse")
        )
    except (KeyError, ValueError, binascii.Error) as error:
        raise damaged(path) from error
    if not (np.isfinite(better).all() and np.isfinite(worse).all()):
        raise damaged(path)
    return PhraseBank(card.phrases, better, worse)


def _session(path: str, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _SILENT
    options.intra_op_num_threads = threads
    try:
        path.encode()
        source: str | bytes = path
    except UnicodeEncodeError:  # onnxruntime takes only names that are text
        with open(path, "rb") as file:
            source = file.read()
    try:
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except (*_ERRORS, RuntimeError, ValueError, OSError, MemoryError) as error:
        raise WeightsError(
            f"{path} is damaged, or not an ONNX model that this onnxruntime can run; export it again",
            path=path,
        ) from error


def _check_outputs(session: onnxruntime.InferenceSession, card: Card, path: str) -> None:
    lengths = [put.shape[-1] for put in session.get_outputs() if put.shape]
    if lengths != [card.architecture.embedding, card.architecture.answers]:
        raise WeightsError(f"{path} is not the model that it says it is; export it again", path=path)
