"""A small vocabulary in the layout of CLIP's published tokenizer files, and a plain encoder to compare with."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

START, END = "<|startoftext|>", "<|endoftext|>"
PAIRS = [
    *("s h", "sh a", "sha r", "shar p", "e r</w>", "sharp er</w>", "e r", "t h", "th e", "the r</w>"),
    *("i n</w>", "t h</w>", "th a", "tha n</w>", "the </w>", "th e</w>", "o t", "ot her</w>", "h er</w>"),
    *("m o", "r e</w>", "mo re</w>", "l i", "li gh", "g h", "gh t</w>", "li ght</w>", "l igh", "' s</w>"),
]


def byte_letters() -> dict[int, str]:
    """The printable letter that stands for each byte: itself where it can be seen, else one from 256 up."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in seen]
    return {byte: chr(byte) for byte in seen} | {byte: chr(256 + i) for i, byte in enumerate(hidden)}


def merges() -> list[tuple[str, str]]:
    """Those of `PAIRS` whose both halves exist by then, as in any learned list."""
    known = set(byte_letters().values()) | {f"{letter}</w>" for letter in byte_letters().values()}
    chosen = []
    for pair in PAIRS:
        left, right = pair.split(" ")
        if {left, right} <= known and left + right not in known:
            chosen.append((left, right))
            known.add(left + right)
    return chosen


def vocabulary() -> dict[str, int]:
    letters = list(byte_letters().values())
    words = [*letters, *(f"{letter}</w>" for letter in letters), *(a + b for a, b in merges()), START, END]
    return {word: number for number, word in enumerate(words)}


def write_parts(folder: Path) -> Path:
    """`vocab.json` and `merges.txt`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary()), encoding="utf-8")
    lines = ["#version: 0.2", *(f"{a} {b}" for a, b in merges()), ""]
    (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    return folder


def write_whole(folder: Path) -> Path:
    """`tokenizer.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(whole_document()), encoding="utf-8")
    return folder


def whole_document() -> dict[str, object]:
    known = vocabulary()
    added = {"special": True, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    words = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    return {
        "version": "1.0",
        "truncation": {"max_length": 20, "stride": 0, "strategy": "LongestFirst", "direction": "Right"},
        "padding": None,
        "added_tokens": [{"id": known[word], "content": word, **added} for word in (START, END)],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "NFC"},
                {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
                {"type": "Lowercase"},
            ],
        },
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": words}, "behavior": "Removed", "invert": True},
                {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True},
            ],
        },
        "post_processor": {
            "type": "RobertaProcessing",
            "sep": [END, known[END]],
            "cls": [START, known[START]],
            "trim_offsets": False,
            "add_prefix_space": False,
        },
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": END,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>",
            "fuse_unk": False,
            "vocab": known,
            "merges": [f"{a} {b}" for a, b in merges()],
        },
    }


def plain_ids(text: str) -> list[int]:
    """Byte-pair encoding as it is described, pair by pair: the earliest learned pair is joined everywhere."""
    known, rank = vocabulary(), {pair: number for number, pair in enumerate(merges())}
    ids = [known[START]]
    for word in plain_words(" ".join(text.split()).lower()):
        parts = [byte_letters()[byte] for byte in word.encode()]
        parts[-1] += "</w>"
        while pairs := [pair for pair in itertools.pairwise(parts) if pair in rank]:
            left, right = min(pairs, key=lambda pair: rank[pair])
            joined: list[str] = []
            for part in parts:
                if joined and joined[-1] == left and part == right:
                    joined[-1] = left + right
                else:
                    joined.append(part)
            parts = joined
        ids += [known[part] for part in parts]
    return [*ids, known[END]]


def plain_words(text: str) -> list[str]:
    """Runs of letters, single digits, runs of everything else; the English endings after ' are words."""
    words: list[str] = []
    place = 0
    while place < len(text):
        ending = next(
            (e for e in ("'re", "'ve", "'ll", "'s", "'t", "'m", "'d") if text.startswith(e, place)), ""
        )
        if ending:
            words.append(ending)
            place += len(ending)
        elif text[place].isspace():
            place += 1
        else:
            stop = place + 1
            while stop < len(text) and _kind(text[stop]) == _kind(text[place]) != "digit":
                stop += 1
            words.append(text[place:stop])
            place = stop
    return words


def _kind(letter: str) -> str:
    if letter.isspace():
        return "blank"
    return "letter" if letter.isalpha() else "digit" if letter.isnumeric() else "other"
