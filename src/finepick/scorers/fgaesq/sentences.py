"""Sentences as the numbers that CLIP's text tower reads: byte-pair encoding with CLIP's published files."""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finepick.errors import MissingExtraError, WeightsError, WeightsNotFoundError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

WHOLE_FILE = "tokenizer.json"
PART_FILES = ("vocab.json", "merges.txt")
"""Either the one file or both parts will do; they say the same."""

START, END = "<|startoftext|>", "<|endoftext|>"

# How the published tokenizer cuts a line into words before it looks for pairs.
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
_END_OF_WORD = "</w>"


class SentenceTokenizer:
    """Sentences → ids, with CLIP's clean-up before and its start and end tokens around."""

    def __init__(self, tokenizer: Tokenizer, *, source: str) -> None:
        start, end = tokenizer.token_to_id(START), tokenizer.token_to_id(END)
        if start is None or end is None:
            raise WeightsError(
                f"{source} is not CLIP's tokenizer: it knows no {START} and {END}", path=source
            )
        self.largest_id = max(tokenizer.get_vocab(with_added_tokens=True).values())
        if end != self.largest_id:
            raise WeightsError(f"{source} is not CLIP's tokenizer: {END} is not its last word", path=source)
        self._tokenizer = tokenizer
        self._start, self._end = start, end
        self.source = source

    def ids(self, texts: Sequence[str], *, length: int) -> NDArray[np.int64]:
        """(n, m) ids of n texts, m as the longest needs and at most *length*; zeros after the end token.

        A text that is too long loses its end, never its end token.
        """
        cleaned = [_clean(text) for text in texts]
        found = self._tokenizer.encode_batch(cleaned, add_special_tokens=False)
        rows = [[self._start, *one.ids[: length - 2], self._end] for one in found]
        ids = np.zeros((len(rows), max(map(len, rows), default=0)), np.int64)
        for row, values in zip(ids, rows, strict=True):
            row[: len(values)] = values
        return ids


def read_tokenizer(folder: str) -> SentenceTokenizer:
    """The tokenizer whose files lie in *folder*: `tokenizer.json`, else `vocab.json` with `merges.txt`.

    Raises WeightsNotFoundError where neither is there, WeightsError where they cannot be used,
    MissingExtraError without the package tokenizers.
    """
    whole = os.path.join(folder, WHOLE_FILE)
    parts = tuple(os.path.join(folder, name) for name in PART_FILES)
    if not os.path.isfile(whole) and not all(map(os.path.isfile, parts)):
        raise WeightsNotFoundError(
            f"{folder} holds no tokenizer of CLIP ({WHOLE_FILE}, or {' with '.join(PART_FILES)}); "
            "get it with: finepick models fetch fgaesq",
            path=folder,
        )
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingExtraError("reading sentences with CLIP", extra="torch") from error
    source = whole if os.path.isfile(whole) else parts[0]
    try:
        tokenizer = Tokenizer.from_file(whole) if source == whole else _from_parts(*parts)
    except Exception as error:
        raise WeightsError(
            f"{source} is not a tokenizer of CLIP: {error}; fetch it again with: finepick models fetch fgaesq",
            path=source,
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return SentenceTokenizer(tokenizer, source=source)


def _from_parts(vocabulary: str, merges: str) -> Tokenizer:
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(
        models.BPE.from_file(
            vocabulary,
            merges,
            unk_token=END,
            continuing_subword_prefix="",
            end_of_word_suffix=_END_OF_WORD,
            fuse_unk=False,
        )
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.add_special_tokens([AddedToken(START, special=True), AddedToken(END, special=True)])
    return tokenizer


def _clean(text: str) -> str:
    """*text* as CLIP reads it: entities resolved (twice, as in training), one blank between words, small letters."""
    return " ".join(html.unescape(html.unescape(text)).split()).lower()
