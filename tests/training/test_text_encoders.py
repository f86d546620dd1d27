"""Directions of sentences: the same everywhere, opposite for opposites, at right angles for different things."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from finepick.errors import WeightsError, WeightsNotFoundError
from finepick.scorers.fgaesq.phrase_list import PHRASES
from finepick.training.losses import ct_align
from finepick.training.objective import TextEncoder
from finepick.training.text_encoders import ClipTextEncoder, HashedTextEncoder
from tests.clip_tokenizer import vocabulary, write_whole


def cosine(one: str, other: str, *, d: int = 512) -> float:
    first, second = HashedTextEncoder(d)([one, other])
    return float(first @ second)


OPPOSITES = [
    ("sharper where they differ", "softer where they differ"),
    ("slightly less noise", "slightly more noise"),
    ("brighter and better exposed", "darker and worse exposed"),
    ("straighter horizon", "more tilted horizon"),
    ("less of an orange cast", "more of an orange cast"),
    (
        "richer colours, but far more clutter at the left edge",
        "paler colours, but far less clutter at the left edge",
    ),
    ("Sharper.", "not sharper"),
    ("sharper eyes", "the other has sharper eyes"),
    ("sharper than the other", "the other is sharper"),
]


@pytest.mark.parametrize(("one", "other"), OPPOSITES)
def test_opposites_are_opposite_directions(one: str, other: str) -> None:
    assert cosine(one, other) < -0.6


@pytest.mark.parametrize(("one", "other"), OPPOSITES[:6])
def test_what_templates_write_is_turned_round_exactly(one: str, other: str) -> None:
    first, second = HashedTextEncoder(96)([one, other])
    assert torch.equal(first, -second)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sharper", "crisper"),
        ("less noise", "cleaner"),
        ("noisier", "grainier"),
        ("less blurry", "sharper"),
        ("a sharper picture.", "Sharper picture"),
    ],
)
def test_the_same_in_other_words_is_the_same_direction(one: str, other: str) -> None:
    assert cosine(one, other) > 0.6


def test_different_qualities_are_about_at_right_angles() -> None:
    said = ["sharper", "brighter", "less noise", "richer colours", "more contrast", "straighter horizon"]
    assert all(abs(cosine(one, other)) < 0.2 for one, other in itertools.combinations(said, 2))


def test_most_pairs_of_the_released_kind_of_phrases_point_away_from_each_other() -> None:
    apart = [cosine(one.better, one.worse) for one in PHRASES]
    assert max(apart) < 0.95 and np.median(apart) < -0.1 and np.mean(np.array(apart) < 0) > 0.7


def test_a_slight_difference_turns_a_sentence_less_than_a_large_one() -> None:
    slight, large = (cosine(f"sharper, {much}less noise", "sharper") for much in ("slightly ", "far "))
    assert slight > large + 0.2


def test_directions_have_unit_length_and_sentences_that_say_nothing_have_none() -> None:
    encode: TextEncoder = HashedTextEncoder(40)
    found = encode(["sharper", "", "the", "more noise, less noise", "größer und 鮮明 🙂", "\ud800 broken"])
    lengths = torch.linalg.vector_norm(found, dim=1).tolist()
    assert found.shape == (6, 40) and found.dtype == torch.float32 and not found.requires_grad
    assert lengths == pytest.approx([1, 0, 0, 0, 1, 1], abs=1e-6)
    assert encode([]).shape == (0, 40)


def test_a_sentence_that_says_nothing_pulls_nowhere() -> None:
    first = torch.ones(1, 16, requires_grad=True)
    ct_align(first, torch.zeros(1, 16), HashedTextEncoder(16)([""])).backward()
    assert first.grad is not None and torch.equal(first.grad, torch.zeros(1, 16))


def test_another_seed_and_another_process_are_told_apart_and_agree() -> None:
    said = ["far sharper where they differ, but slightly darker and worse exposed"]
    here = HashedTextEncoder(33, seed=4)(said)
    assert not torch.allclose(here, HashedTextEncoder(33, seed=5)(said))
    code = (
        "from finepick.training.text_encoders import HashedTextEncoder;"
        f"print(HashedTextEncoder(33, seed=4)({said!r}).tolist())"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert there.strip() == str(here.tolist())


def test_directions_are_those_of_any_machine() -> None:
    """By hand: SHAKE-256 of "0 sharp" begins with the byte whose bits these are."""
    import hashlib

    bits = f"{hashlib.shake_256(b'0 sharp').digest(1)[0]:08b}"
    assert [value > 0 for value in HashedTextEncoder(8)(["sharper"])[0].tolist()] == [
        bit == "1" for bit in bits
    ]


def test_features_of_no_width_are_refused() -> None:
    with pytest.raises(ValueError, match="no directions"):
        HashedTextEncoder(0)


def clip_state(width: int = 64, embedding: int = 32, context: int = 12) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    block = "transformer.resblocks.0"
    shapes: dict[str, tuple[int, ...]] = {
        "token_embedding.weight": (len(vocabulary()), width),
        "positional_embedding": (context, width),
        "text_projection": (width, embedding),
        f"{block}.attn.in_proj_weight": (3 * width, width),
        f"{block}.attn.in_proj_bias": (3 * width,),
        f"{block}.attn.out_proj.weight": (width, width),
        f"{block}.attn.out_proj.bias": (width,),
        f"{block}.mlp.c_fc.weight": (4 * width, width),
        f"{block}.mlp.c_fc.bias": (4 * width,),
        f"{block}.mlp.c_proj.weight": (width, 4 * width),
        f"{block}.mlp.c_proj.bias": (width,),
        **{
            f"{name}.{kind}": (width,)
            for name in ("ln_final", f"{block}.ln_1", f"{block}.ln_2")
            for kind in ("weight", "bias")
        },
    }
    return {name: 0.2 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}


@pytest.mark.parametrize("prefix", ["", "clip_model."])
def test_clip_reads_sentences_and_does_not_learn(tmp_path: Path, prefix: str) -> None:
    weights = tmp_path / "clip.pt"
    torch.save({prefix + name: value for name, value in clip_state().items()}, weights)
    encode = ClipTextEncoder(str(weights), str(write_whole(tmp_path / "words")))
    found = encode(["sharper than the other", "more light", "sharper than the other"])
    assert found.shape == (3, encode.width) == (3, 32) and not found.requires_grad
    assert torch.allclose(found[0], found[2]) and not torch.allclose(found[0], found[1])
    assert encode([]).shape == (0, 32)


def test_clip_without_a_text_tower_or_a_tokenizer_is_refused(tmp_path: Path) -> None:
    weights = tmp_path / "clip.pt"
    torch.save({"visual.proj": torch.zeros(3)}, weights)
    with pytest.raises(WeightsError, match="holds no whole text tower"):
        ClipTextEncoder(str(weights), str(write_whole(tmp_path / "words")))
    torch.save(clip_state(), weights)
    with pytest.raises(WeightsNotFoundError, match="holds no tokenizer of CLIP"):
        ClipTextEncoder(str(weights), str(tmp_path))
