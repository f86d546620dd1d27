"""Sentences become the ids that CLIP's published byte-pair encoding gives them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from finepick.errors import WeightsError, WeightsNotFoundError
from finepick.scorers.fgaesq.sentences import SentenceTokenizer, read_tokenizer
from tests.clip_tokenizer import END, START, plain_ids, vocabulary, whole_document, write_parts, write_whole

SENTENCES = [
    "sharper than the other photo",
    "Sharper  eyes,\n calmer\tbackground!",
    "it's the light; they're in 2026",
    "more light in the other",
    "a café – ÉTÉ, naïve 東京 😀",
    "",
    "   ",
    "'",
    "...!?'s",
    "x" * 40,
]


@pytest.fixture(params=[write_whole, write_parts], ids=["tokenizer.json", "vocab.json and merges.txt"])
def tokenizer(request: pytest.FixtureRequest, tmp_path: Path) -> SentenceTokenizer:
    write: Callable[[Path], Path] = request.param
    return read_tokenizer(str(write(tmp_path)))


@pytest.mark.parametrize("text", SENTENCES)
def test_ids_are_those_of_plain_byte_pair_encoding(tokenizer: SentenceTokenizer, text: str) -> None:
    assert tokenizer.ids([text], length=77)[0].tolist() == plain_ids(text)


def test_pairs_are_joined_at_all(tokenizer: SentenceTokenizer) -> None:
    known = vocabulary()
    (row,) = tokenizer.ids(["sharper than"], length=77)
    assert row.tolist() == [known[START], known["sharper</w>"], known["than</w>"], known[END]]


def test_blanks_capitals_and_entities_do_not_matter(tokenizer: SentenceTokenizer) -> None:
    plain, other = tokenizer.ids(
        ["light & shade in the other", "  LIGHT&nbsp;&amp;amp; shade\n\n in the OTHER "], length=77
    )
    assert plain.tolist() == other.tolist()


@pytest.mark.parametrize("length", [2, 3, 10, 77])
def test_a_long_text_is_cut_and_keeps_its_end(tokenizer: SentenceTokenizer, length: int) -> None:
    text = "q w z " * 60
    (row,) = tokenizer.ids([text], length=length)
    assert row.tolist() == [*plain_ids(text)[: length - 1], vocabulary()[END]]
    assert len(row) == length


def test_rows_are_filled_up_with_noughts(tokenizer: SentenceTokenizer) -> None:
    short, long = tokenizer.ids(["light", "q w z"], length=77)
    assert short.tolist() == [*plain_ids("light"), *[0] * (len(long) - len(plain_ids("light")))]
    assert tokenizer.ids([], length=77).shape == (0, 0)


def without(*path: str) -> dict[str, object]:
    document = json.loads(json.dumps(whole_document()))
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return document


def renamed(old: str, new: str) -> dict[str, object]:
    return json.loads(json.dumps(whole_document()).replace(old, new))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[]",
        json.dumps(without("model")).encode(),
        json.dumps(without("model", "vocab")).encode(),
        json.dumps(renamed("<|startoftext|>", "<s>")).encode(),
    ],
    ids=["empty", "cut off", "bytes", "a list", "no model", "no vocabulary", "another model's"],
)
def test_spoilt_files_are_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(WeightsError, match=r"tokenizer\.json is not") as caught:
        read_tokenizer(str(tmp_path))
    assert caught.value.path == str(tmp_path / "tokenizer.json")


def test_an_end_token_that_is_not_the_last_word_is_refused(tmp_path: Path) -> None:
    """The text tower finds the end by its id, which is the largest."""
    document = whole_document()
    document["added_tokens"].append(  # type: ignore[attr-defined]
        {**document["added_tokens"][0], "id": len(vocabulary()), "content": "<|more|>"}  # type: ignore[index]
    )
    (tmp_path / "tokenizer.json").write_text(json.dumps(document))
    with pytest.raises(WeightsError, match="not its last word"):
        read_tokenizer(str(tmp_path))


@pytest.mark.parametrize("there", [[], ["vocab.json"], ["merges.txt"]])
def test_where_files_are_missing_the_way_to_get_them_is_told(tmp_path: Path, there: list[str]) -> None:
    for name in there:
        (tmp_path / name).write_text("{}")
    with pytest.raises(WeightsNotFoundError, match="finepick models fetch fgaesq"):
        read_tokenizer(str(tmp_path))
