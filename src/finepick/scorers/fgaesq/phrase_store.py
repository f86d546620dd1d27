"""The bank of phrases of one model: encoded once by its text tower, then kept among the models."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from finepick.errors import MissingExtraError, WeightsError
from finepick.scorers.fgaesq.phrase_list import PHRASES
from finepick.scorers.phrases import Phrase, PhraseBank, digest_of, make_bank

if TYPE_CHECKING:
    from torch import Tensor


def bank_file(folder: str, fingerprint: str) -> str:
    """Where in *folder* the bank of the model with this *fingerprint* is kept."""
    return os.path.join(folder, f"phrases-{fingerprint[:16]}.safetensors")


def obtain_bank(
    weights: str,
    *,
    folder: str,
    fingerprint: str,
    state: Callable[[], Mapping[str, Tensor]],
    tokenizer: str | None,
    phrases: Sequence[Phrase] = PHRASES,
) -> PhraseBank | None:
    """The bank of the file *weights* with this *fingerprint*: the one kept in *folder*, else made now and kept.

    *state* gives the weights, by OpenAI's names, and is asked only where the bank must be made; *tokenizer* is
    the folder of CLIP's tokenizer files. None where there is no tokenizer, or no text tower in the weights:
    then the model judges, and says nothing. Raises WeightsError where text tower or tokenizer are spoilt.
    """
    path = bank_file(folder, fingerprint)
    kept = read_bank(path, fingerprint=fingerprint, phrases=phrases)
    if kept is not None or tokenizer is None:
        return kept
    bank = encode_bank(state(), tokenizer, phrases, source=weights)
    if bank is not None:
        with contextlib.suppress(OSError):  # a folder that cannot be written: it is made anew the next time
            os.makedirs(folder, exist_ok=True)
            write_bank(path, bank, fingerprint=fingerprint)
    return bank


def encode_bank(
    state: Mapping[str, Tensor], tokenizer: str, phrases: Sequence[Phrase] = PHRASES, *, source: str
) -> PhraseBank | None:
    """The bank of *phrases* by the text tower in *state*; None where it holds none. Raises WeightsError."""
    from finepick.scorers.fgaesq.sentences import read_tokenizer
    from finepick.scorers.fgaesq.text import SentenceEncoder, TextTower, has_text_tower

    if not has_text_tower(state):
        return None
    encoder = SentenceEncoder(TextTower(state, source=source), read_tokenizer(tokenizer))
    try:
        return make_bank(phrases, encoder.encode)
    except ValueError as error:
        raise WeightsError(f"{source} cannot be used: {error}", path=source) from error


def read_bank(path: str, *, fingerprint: str, phrases: Sequence[Phrase] = PHRASES) -> PhraseBank | None:
    """The bank in the file *path*; None where it is of other weights, of other phrases, damaged or not there."""
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise MissingExtraError("reading kept phrases", extra="torch") from error
    if not os.path.isfile(path):
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            if file.metadata() != _notes(fingerprint, phrases):
                return None
            bank = PhraseBank.from_arrays({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except (SafetensorError, OSError, ValueError):
        return None
    return bank if bank.phrases == tuple(phrases) else None


def write_bank(path: str, bank: PhraseBank, *, fingerprint: str) -> None:
    """Keep *bank* in the file *path*, all of it or nothing. Raises OSError."""
    from safetensors.numpy import save

    content = save(bank.to_arrays(), metadata=_notes(fingerprint, bank.phrases))
    temporary = os.path.join(os.path.dirname(path), f".finepick-{secrets.token_hex(8)}.part")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _notes(fingerprint: str, phrases: Sequence[Phrase]) -> dict[str, str]:
    return {"kind": "finepick phrases 1", "fingerprint": fingerprint, "phrases": digest_of(phrases)}
