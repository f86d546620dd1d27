"""The text tower computes what CLIP's does, and refuses weights that are not CLIP's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from finepick.errors import WeightsError  # noqa: E402
from finepick.scorers.fgaesq.phrase_list import PHRASES  # noqa: E402
from finepick.scorers.fgaesq.sentences import read_tokenizer  # noqa: E402
from finepick.scorers.fgaesq.text import SentenceEncoder, TextTower, has_text_tower  # noqa: E402
from tests.clip_tokenizer import vocabulary, write_whole  # noqa: E402
from tests.released_weights import released_state  # noqa: E402

State = dict[str, np.ndarray[Any, Any]]
TEXT_PARTS = ("token_embedding", "positional_embedding", "text_projection", "transformer.", "ln_final")


def tensors(state: State) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.array(value)) for name, value in state.items()}


@pytest.fixture(scope="module")
def released() -> State:
    """The text tower of the released layout, full size."""
    return {
        name: value for part in TEXT_PARTS for name, value in released_state(f"clip_model.{part}").items()
    }


def tiny_state(*, width: int = 128, layers: int = 2, words: int = 600, context: int = 77) -> State:
    rng = np.random.default_rng(5)
    shapes: dict[str, tuple[int, ...]] = {
        "token_embedding.weight": (words, width),
        "positional_embedding": (context, width),
        "text_projection": (width, 32),
        "ln_final.weight": (width,),
        "ln_final.bias": (width,),
    }
    for layer in range(layers):
        block = f"transformer.resblocks.{layer}"
        shapes |= {
            f"{block}.attn.in_proj_weight": (3 * width, width),
            f"{block}.attn.in_proj_bias": (3 * width,),
            f"{block}.attn.out_proj.weight": (width, width),
            f"{block}.attn.out_proj.bias": (width,),
            f"{block}.mlp.c_fc.weight": (4 * width, width),
            f"{block}.mlp.c_fc.bias": (4 * width,),
            f"{block}.mlp.c_proj.weight": (width, 4 * width),
            f"{block}.mlp.c_proj.bias": (width,),
            **{
                f"{block}.{norm}.{kind}": (width,) for norm in ("ln_1", "ln_2") for kind in ("weight", "bias")
            },
        }
    return {name: (0.2 * rng.normal(size=shape)).astype(np.float32) for name, shape in shapes.items()}


def plain_embedding(state: State, ids: list[int]) -> np.ndarray:
    """One sentence through the tower, head by head and place by place, in float64."""
    w = {name.removeprefix("clip_model."): value.astype(np.float64) for name, value in state.items()}
    width = w["token_embedding.weight"].shape[1]
    x = w["token_embedding.weight"][ids] + w["positional_embedding"][: len(ids)]

    def norm(rows: np.ndarray, name: str) -> np.ndarray:
        centred = rows - rows.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
        return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]

    layer = 0
    while f"transformer.resblocks.{layer}.ln_1.weight" in w:
        block = f"transformer.resblocks.{layer}"
        into = (
            norm(x, f"{block}.ln_1") @ w[f"{block}.attn.in_proj_weight"].T + w[f"{block}.attn.in_proj_bias"]
        )
        seen = np.zeros_like(x)
        for head in range(width // 64):
            q, k, v = (into[:, part * width + head * 64 :][:, :64] for part in range(3))
            for place in range(len(ids)):
                logits = k[: place + 1] @ q[place] / 8.0
                weights = np.exp(logits - logits.max())
                seen[place, head * 64 : head * 64 + 64] = weights @ v[: place + 1] / weights.sum()
        x = x + seen @ w[f"{block}.attn.out_proj.weight"].T + w[f"{block}.attn.out_proj.bias"]
        hidden = norm(x, f"{block}.ln_2") @ w[f"{block}.mlp.c_fc.weight"].T + w[f"{block}.mlp.c_fc.bias"]
        hidden = hidden / (1 + np.exp(-1.702 * hidden))
        x = x + hidden @ w[f"{block}.mlp.c_proj.weight"].T + w[f"{block}.mlp.c_proj.bias"]
        layer += 1
    return norm(x[-1:], "ln_final")[0] @ w["text_projection"]


def gap(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def test_the_full_tower_agrees_with_a_plain_one(released: State) -> None:
    tower = TextTower(tensors(released))
    assert (tower.layers, tower.width, tower.context, tower.vocabulary) == (12, 512, 77, 49408)
    rng = np.random.default_rng(0)
    sentences = [[49406, *rng.integers(0, 49406, count).tolist(), 49407] for count in (5, 12, 75)]
    ids = np.zeros((3, 77), np.int64)
    for row, sentence in zip(ids, sentences, strict=True):
        row[: len(sentence)] = sentence
    found = tower.embed(ids)
    assert found.shape == (3, 512) and found.dtype == np.float32
    for row, sentence in zip(found, sentences, strict=True):
        assert gap(row, plain_embedding(released, sentence)) < 2e-6


@pytest.mark.parametrize(("width", "layers"), [(64, 1), (128, 3), (192, 2)])
def test_towers_of_other_sizes_agree_too(width: int, layers: int) -> None:
    state = tiny_state(width=width, layers=layers)
    tower = TextTower(tensors(state))
    sentence = [597, 3, 77, 41, 41, 598]
    assert gap(tower.embed(np.array([sentence]))[0], plain_embedding(state, sentence)) < 2e-6


def test_words_after_the_end_do_not_matter(tmp_path: Path) -> None:
    tower = TextTower(tensors(tiny_state()))
    short = np.array([[597, 3, 598]])
    long = np.array([[597, 3, 598, 0, 0, 55, 17]])
    assert np.abs(tower.embed(short) - tower.embed(long)).max() < 1e-5


@pytest.fixture
def encoder(tmp_path: Path) -> SentenceEncoder:
    state = tiny_state(words=len(vocabulary()))
    return SentenceEncoder(TextTower(tensors(state)), read_tokenizer(str(write_whole(tmp_path))))


def test_an_embedding_does_not_depend_on_its_neighbours(encoder: SentenceEncoder) -> None:
    texts = [phrase.better for phrase in PHRASES]
    together = encoder.encode(texts)
    assert together.shape == (len(PHRASES), 32)
    for k in (0, 15, 16, len(texts) - 1):
        assert gap(encoder.encode([texts[k]])[0], together[k]) < 1e-5
    assert encoder.encode([]).shape == (0, 32)


def test_different_sentences_have_different_embeddings(encoder: SentenceEncoder) -> None:
    better, worse = encoder.encode(["more light in the other", "less light in the other"])
    assert gap(better, worse) > 0.01


def test_names_with_and_without_prefix_are_the_same_weights() -> None:
    bare = tiny_state()
    ids = np.array([[597, 8, 598]])
    prefixed = {f"clip_model.{name}": value for name, value in bare.items()}
    # In a released checkpoint these two are aliases of the visual tower.
    prefixed |= {
        "transformer.resblocks.0.ln_1.weight": np.zeros(768, np.float32),
        "proj": np.zeros((768, 512)),
    }
    assert (TextTower(tensors(bare)).embed(ids) == TextTower(tensors(prefixed)).embed(ids)).all()


def test_half_precision_weights_are_read_as_floats() -> None:
    state = {name: value.astype(np.float16) for name, value in tiny_state().items()}
    exact = {name: value.astype(np.float32) for name, value in state.items()}
    ids = np.array([[597, 8, 598]])
    assert (TextTower(tensors(state)).embed(ids) == TextTower(tensors(exact)).embed(ids)).all()


def test_missing_and_misshapen_parts_are_listed() -> None:
    state = tiny_state()
    del state["transformer.resblocks.1.mlp.c_fc.bias"]
    state["positional_embedding"] = np.zeros((77, 100), np.float32)
    with pytest.raises(WeightsError) as caught:
        TextTower(tensors(state), source="model.pt")
    assert caught.value.message == (
        "model.pt cannot be used: parts of the text tower are missing or of another shape: "
        "positional_embedding ((77, 100) instead of (77, 128)), transformer.resblocks.1.mlp.c_fc.bias (missing)"
    )


def test_a_long_list_of_missing_parts_is_cut() -> None:
    state = {name: value for name, value in tiny_state().items() if ".bias" not in name}
    with pytest.raises(WeightsError, match=r"ln_final.bias \(missing\), .* and 5 more$"):
        TextTower(tensors(state))


@pytest.mark.parametrize("part", ["token_embedding.weight", "text_projection", "transformer.resblocks"])
def test_a_file_without_a_text_tower_is_told_apart(part: str) -> None:
    state = {name: value for name, value in tiny_state().items() if not name.startswith(part)}
    with pytest.raises(WeightsError, match="holds no text tower of CLIP"):
        TextTower(tensors(state))


def test_whether_there_is_a_text_tower_can_be_asked() -> None:
    bare = tiny_state()
    assert has_text_tower(bare) and has_text_tower({f"clip_model.{name}": 0 for name in bare})
    assert not has_text_tower({}) and not has_text_tower(
        {"clip_model.visual.proj": 0, "token_embedding.weight": 0}
    )


def test_a_width_that_clip_has_not_is_refused() -> None:
    with pytest.raises(WeightsError, match="width 100"):
        TextTower(tensors(tiny_state(width=100)))


def test_a_tokenizer_with_more_words_than_the_tower_is_refused(tmp_path: Path) -> None:
    tower = TextTower(tensors(tiny_state(words=100)))
    with pytest.raises(WeightsError, match="do not belong together"):
        SentenceEncoder(tower, read_tokenizer(str(write_whole(tmp_path))))
