"""Files of weights: every layout that is read, and every way in which a file can be bad."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import re
import struct
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra 'torch' is not installed")

from safetensors.torch import save_file  # noqa: E402

from finepick.domain import Attribute  # noqa: E402
from finepick.errors import OutputError, WeightsError, WeightsNotFoundError  # noqa: E402
from finepick.scorers.fgaesq.architecture import Architecture  # noqa: E402
from finepick.scorers.fgaesq.checkpoint import (  # noqa: E402
    initialise_from_clip,
    load_model,
    model_of,
    read_text_state,
    save_model,
)
from finepick.scorers.phrases import Phrase, PhraseBank  # noqa: E402
from tests.released_weights import released_state  # noqa: E402
from tests.scorers.fgaesq.small_models import (  # noqa: E402
    SMALL,
    released_layout,
    small_model,
    small_network,
    text_tower,
)

State = dict[str, Any]


def saved(state: object, path: Path) -> str:
    torch.save(state, path)
    return str(path)


def refusal(path: str | Path) -> str:
    """What is said when *path* is refused; the message names the file, and so does the error."""
    with pytest.raises(WeightsError) as caught:
        load_model(str(path))
    assert str(path) in caught.value.message and caught.value.path == str(path)
    return caught.value.message


def bank() -> PhraseBank:
    phrases = (
        Phrase(Attribute.SHARPNESS, "the eyes are sharper", "the eyes are softer"),
        Phrase(Attribute.EXPOSURE, "brighter – “just right”", "too dark"),
    )
    vectors = np.random.default_rng(0).normal(size=(2, 2, SMALL.embedding)).astype(np.float32)
    return PhraseBank(phrases, *(vectors / np.linalg.norm(vectors, axis=2, keepdims=True)))


def test_the_released_file_is_read_in_full_size(released_checkpoint: Path) -> None:
    model = load_model(str(released_checkpoint))
    assert model.architecture == Architecture()
    assert (model.temperature, model.fine_blocks, model.phrases) == (1.0, 14, None)
    assert model.has_text_tower and len(model.state) == 160
    for name in ("visual.transformer.resblocks.7.mlp.c_fc.weight", "iqa_head.3.bias", "mask_token"):
        released = f"clip_model.{name}" if name.startswith("visual.") else name
        np.testing.assert_array_equal(model.state[name].numpy(), released_state(released)[released])
    text = read_text_state(str(released_checkpoint))
    assert text["token_embedding.weight"].shape == (49408, 512) and len(text) == 150


@pytest.mark.parametrize("ending", ["pt", "pth", "anything", "safetensors"])
def test_a_small_network_in_the_released_layout_is_read(tmp_path: Path, ending: str) -> None:
    path, state = tmp_path / f"weights.{ending}", released_layout()
    if ending == "safetensors":
        save_file({name: tensor.clone() for name, tensor in state.items()}, path)
    else:
        saved(state, path)
    model = load_model(str(path))
    assert model.architecture == SMALL and model.has_text_tower and model.path == str(path)
    wanted = small_network().state_dict()
    assert all(torch.equal(model.state[name], wanted[name]) for name in wanted)
    assert model.fingerprint == small_model().fingerprint


def test_torchs_older_file_format_is_read(tmp_path: Path) -> None:
    path = tmp_path / "old.pth"
    torch.save(released_layout(), path, _use_new_zipfile_serialization=False)
    assert load_model(str(path)).fingerprint == small_model().fingerprint


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    state = {name: tensor.to(dtype) for name, tensor in released_layout().items()}
    model = load_model(saved(state, tmp_path / "half.pt"))
    assert torch.equal(model.state["visual.proj"], state["proj"].float())


def test_aliases_may_be_missing_or_stand_alone(tmp_path: Path) -> None:
    whole = released_layout()
    without = saved(released_layout(aliases=False), tmp_path / "without.pt")
    only = {
        name: tensor
        for name, tensor in whole.items()
        if not name.startswith(("clip_model.visual.transformer", "clip_model.visual.proj"))
    }
    for path in (without, saved(only, tmp_path / "only.pt")):
        assert load_model(path).fingerprint == small_model().fingerprint


def test_an_alias_that_says_something_else_is_refused(tmp_path: Path) -> None:
    state = released_layout()
    state["ln_post.bias"] = state["ln_post.bias"] + 1
    assert "two different things of ln_post.bias" in refusal(saved(state, tmp_path / "torn.pt"))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda s: s.pop("iqa_head.6.bias"), "missing: iqa_head.6.bias"),
        (lambda s: s.pop("mask_token"), "missing: mask_token"),
        (lambda s: s.pop("clip_model.visual.conv1.weight"), "missing: visual.conv1.weight"),
        (
            lambda s: s.update({"iqa_head.3.weight": torch.zeros(12, 25)}),
            "misshapen: iqa_head.3.weight [12, 25] instead of [12, 24]",
        ),
        (
            lambda s: s.update({"scale_embedding": torch.zeros(1, 3, 128)}),
            "misshapen: scale_embedding [1, 3, 128] instead of [1, 2, 128]",
        ),
        (
            lambda s: s.update({"clip_model.visual.adapter.weight": torch.zeros(2)}),
            "unknown: visual.adapter.weight",
        ),
        (
            lambda s: s.update({"mask_token": torch.zeros(1, 1, 128, dtype=torch.int32)}),
            "misshapen: mask_token [1, 1, 128] of int32 instead of [1, 1, 128]",
        ),
        (lambda s: s["mask_token"].fill_(float("nan")), "not numbers (mask_token)"),
        (
            lambda s: s["clip_model.visual.ln_pre.bias"].select(0, 5).fill_(float("-inf")),
            "not numbers (visual.ln_pre.bias)",
        ),
    ],
)
def test_spoilt_parts_are_listed(tmp_path: Path, spoil: Callable[[State], object], said: str) -> None:
    state = {name: tensor.clone() for name, tensor in released_layout(aliases=False).items()}
    spoil(state)
    assert said in refusal(saved(state, tmp_path / "spoilt.pt"))


def test_a_missing_block_is_listed_with_its_parts(tmp_path: Path) -> None:
    state = {name: t for name, t in released_layout(aliases=False).items() if ".resblocks.1." not in name}
    message = refusal(saved(state, tmp_path / "gap.pt"))
    assert "missing: visual.transformer.resblocks.1.ln_1.weight" in message


def test_the_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    state = {"layer1.0.conv1.weight": torch.zeros(64, 64, 3, 3), "fc.weight": torch.zeros(1000, 512)}
    message = refusal(saved(state, tmp_path / "resnet.pt"))
    assert "missing: " in message and "more" in message
    save_file(state, tmp_path / "resnet.safetensors")
    assert "missing: " in refusal(tmp_path / "resnet.safetensors")


def test_a_tensor_that_claims_more_numbers_than_it_has_is_refused(tmp_path: Path) -> None:
    state = released_layout(aliases=False)
    state["iqa_head.0.weight"] = torch.zeros(1).expand(60000, 60000)
    state["iqa_head.0.bias"] = torch.zeros(1).expand(60000)
    assert "iqa_head.0.weight" in refusal(saved(state, tmp_path / "wide.pt"))


class _Bomb:
    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (f"open({str(self._marker)!r}, 'w').close()",)


@pytest.mark.parametrize("kind", ["zip", "old", "pickle", "beside"])
def test_code_in_a_file_is_never_run(tmp_path: Path, kind: str) -> None:
    marker, path = tmp_path / "marker", tmp_path / "bomb.pt"
    bomb = _Bomb(marker)
    if kind == "pickle":
        path.write_bytes(pickle.dumps(bomb))
    elif kind == "beside":
        torch.save(released_layout() | {"extra": bomb}, path)
    else:
        torch.save(bomb, path, _use_new_zipfile_serialization=kind == "zip")
    assert "runs no code out of files" in refusal(path)
    with pytest.raises(WeightsError):
        read_text_state(str(path))
    assert not marker.exists()
    pickle.loads(pickle.dumps(bomb))  # it is a real one
    assert marker.exists()


def _no_weights_at_all(folder: Path) -> dict[str, str]:
    """Name of a file made in *folder* → what is said of it."""
    (folder / "empty.pt").touch()
    (folder / "words.pt").write_text("not weights\n" * 10)
    (folder / "short.pt").write_bytes(b"\x08")
    (folder / "lfs.pt").write_text("version https://git-lfs.example/spec/v1\noid sha256:0\nsize 1\n")
    (folder / "folder.pt").mkdir()
    torch.save({"state_dict": released_layout(), "epoch": 3}, folder / "training.pt")
    torch.save([1, 2], folder / "list.pt")
    with zipfile.ZipFile(folder / "office.pt", "w") as archive:
        archive.writestr("word/document.xml", "<xml/>")
    with zipfile.ZipFile(folder / "script.pt", "w") as archive:
        archive.writestr("script/constants.pkl", b"")
        archive.writestr("script/data.pkl", b"")
    with zipfile.ZipFile(folder / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data.pkl", b"\0" * 1_000_000)
    (folder / "header.safetensors").write_bytes(struct.pack("<Q", 90_000_000) + b"{" + b" " * 100)
    return {
        "empty.pt": "is empty",
        "words.pt": "is not a file of weights",
        "short.pt": "is not a file of weights",
        "lfs.pt": "only a pointer",
        "folder.pt": "is a folder",
        "training.pt": "not a bare state dict (it holds 'epoch', 'state_dict')",
        "list.pt": "not a bare state dict",
        "office.pt": "not one of weights",
        "script.pt": "TorchScript archive",
        "bomb.pt": "is compressed",
        "header.safetensors": "damaged or cut off",
    }


def test_files_that_hold_no_weights_are_refused_by_name(tmp_path: Path) -> None:
    for name, said in _no_weights_at_all(tmp_path).items():
        assert said in refusal(tmp_path / name), name


def test_a_file_that_is_not_there_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFoundError, match="there is no file"):
        load_model(str(tmp_path / "nothing.pt"))


def test_a_safetensors_file_whose_length_begins_like_a_pickle_is_read(tmp_path: Path) -> None:
    from safetensors.torch import save

    plain = save({name: tensor.clone() for name, tensor in released_layout(text=False).items()})
    length = int.from_bytes(plain[:8], "little")
    longer = length + (0x80 - length) % 256  # spaces may follow the header
    padded = longer.to_bytes(8, "little") + plain[8 : 8 + length].ljust(longer) + plain[8 + length :]
    (tmp_path / "odd.safetensors").write_bytes(padded)
    assert padded[0] == 0x80
    assert load_model(str(tmp_path / "odd.safetensors")).fingerprint == small_model().fingerprint


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes with names")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pt")
    assert "is not a file" in refusal(tmp_path / "pipe.pt")


@pytest.mark.parametrize("layout", ["zip", "old", "safetensors"])
def test_cut_and_altered_files_are_refused_or_read_but_never_anything_else(
    tmp_path: Path, layout: str
) -> None:
    whole, path = _file_bytes(layout), tmp_path / "damaged"
    generator = np.random.default_rng(5)
    cuts = [whole[: int(at)] for at in generator.integers(1, len(whole), 12)] + [whole[:-1]]
    for content in cuts:
        path.write_bytes(content)
        refusal(path)
    for _ in range(60):
        spoilt = bytearray(whole)
        beginning = generator.integers(0, 2)  # headers and directories are more interesting than numbers
        for _ in range(4):
            at = int(generator.integers(0, 3000)) if beginning else -int(generator.integers(1, 3000))
            spoilt[at] = int(generator.integers(0, 256))
        path.write_bytes(spoilt)
        with contextlib.suppress(WeightsError):
            load_model(str(path))


def _file_bytes(layout: str) -> bytes:
    if layout == "safetensors":
        from safetensors.torch import save

        return save({name: tensor.clone() for name, tensor in released_layout().items()})
    content = io.BytesIO()
    torch.save(released_layout(), content, _use_new_zipfile_serialization=layout == "zip")
    return content.getvalue()


def test_a_saved_model_comes_back_whole(tmp_path: Path) -> None:
    model = replace(
        model_of(small_network(), temperature=0.37, fine_blocks=20, phrases=bank()), has_text_tower=False
    )
    path = str(tmp_path / "own – model.safetensors")
    save_model(model, path)
    back = load_model(path)
    assert (back.architecture, back.fingerprint) == (model.architecture, model.fingerprint)
    assert (back.temperature, back.fine_blocks, back.has_text_tower) == (0.37, 20, False)
    assert all(torch.equal(back.state[name], model.state[name]) for name in model.state)
    assert back.phrases is not None and back.phrases.phrases == bank().phrases
    np.testing.assert_array_equal(back.phrases.better, bank().better)
    np.testing.assert_array_equal(back.phrases.worse, bank().worse)
    assert os.listdir(tmp_path) == ["own – model.safetensors"]


@pytest.mark.skipif(sys.platform != "linux", reason="names are text here")
def test_names_that_are_not_text_do_no_harm(tmp_path: Path) -> None:
    odd = os.path.join(str(tmp_path), os.fsdecode(b"w\xff\xe4"))
    saved_path = saved(released_layout(), tmp_path / "plain.pt")
    os.rename(saved_path, odd + ".pt")
    assert load_model(odd + ".pt").fingerprint == small_model().fingerprint
    save_model(small_model(), odd + ".safetensors")
    assert load_model(odd + ".safetensors").fingerprint == small_model().fingerprint


def test_the_fingerprint_changes_with_everything_that_decides_a_score() -> None:
    network = small_network()
    prints = {model_of(network).fingerprint, model_of(small_network(1)).fingerprint}
    prints.add(model_of(network, temperature=2.0).fingerprint)
    prints.add(model_of(network, fine_blocks=13).fingerprint)
    prints.add(model_of(small_network(0, replace(SMALL, heads=4))).fingerprint)
    with torch.no_grad():
        network.iqa_head[6].bias[9] += 1e-6
    prints.add(model_of(network).fingerprint)
    assert len(prints) == 6
    assert model_of(small_network(), phrases=bank()).fingerprint == model_of(small_network()).fingerprint
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in prints)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("kind", "red-aes", "of the kind 'red-aes'"),
        ("format_version", "2", "another version of Finepick"),
        ("architecture", "{}", "does not describe its model"),
        ("architecture", "[" * 100000, "does not describe its model"),
        ("architecture", '{"width": 128}', "does not describe its model"),
        ("temperature", "nan", "does not describe its model"),
        ("temperature", "0", "does not describe its model"),
        ("fine_blocks", "-1", "does not describe its model"),
        ("phrases", '[{"attribute": "charm", "better": "a", "worse": "b"}]', "does not describe its model"),
        (
            "phrases",
            '[{"attribute": "noise", "better": "a", "worse": "b"}]',
            "missing: phrases.better, phrases.worse",
        ),
    ],
)
def test_a_spoilt_description_is_refused(tmp_path: Path, key: str, value: str, said: str) -> None:
    from finepick.scorers.fgaesq.checkpoint import card_of

    path = tmp_path / "own.safetensors"
    state = {name: tensor.clone() for name, tensor in released_layout(aliases=False, text=False).items()}
    save_file(state, path, metadata=card_of(small_model()).as_strings())
    assert load_model(str(path)).fingerprint == small_model().fingerprint
    save_file(state, path, metadata=card_of(small_model()).as_strings() | {key: value})
    assert said in refusal(path)


def test_a_model_is_not_saved_where_there_is_no_place(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="could not write"):
        save_model(small_model(), str(tmp_path / "no" / "folder.safetensors"))
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError, match="it is a folder"):
        save_model(small_model(), str(tmp_path / "taken"))
    assert os.listdir(tmp_path) == ["taken"] and os.listdir(tmp_path / "taken") == []


def test_training_a_network_leaves_the_model_alone() -> None:
    model = small_model()
    network = model.network()
    with torch.no_grad():
        for weight in network.parameters():
            weight.zero_()
    assert model.fingerprint == small_model().fingerprint == model_of(model.network()).fingerprint


def openai_file(folder: Path) -> str:
    visual = {
        name: t.half() for name, t in small_network().state_dict().items() if name.startswith("visual.")
    }
    numbers = {"input_resolution": torch.tensor(224), "vocab_size": torch.tensor(50)}
    return saved(visual | text_tower() | numbers, folder / "clip.pt")


def test_clip_is_a_beginning_and_the_rest_is_drawn(tmp_path: Path) -> None:
    path = openai_file(tmp_path)
    model, again, other = (initialise_from_clip(path, seed=seed, head=(24, 12)) for seed in (1, 1, 2))
    assert model.architecture == SMALL
    visual = small_network().state_dict()
    for name, tensor in model.state.items():
        if name.startswith("visual."):
            assert torch.equal(tensor, visual[name].half().float())
    assert model.fingerprint == again.fingerprint != other.fingerprint
    assert all(model.state[name].any() for name in ("scale_embedding", "mask_token", "iqa_head.3.weight"))
    assert "missing: scale_embedding, mask_token, iqa_head.0.weight" in refusal(path)


def test_a_beginning_without_a_visual_tower_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"missing: visual\.class_embedding"):
        initialise_from_clip(saved(text_tower(), tmp_path / "text.pt"), seed=0)


def test_the_text_tower_is_found_in_both_layouts_and_is_not_the_visual_one(tmp_path: Path) -> None:
    released = saved(released_layout(), tmp_path / "released.pt")
    for path in (released, openai_file(tmp_path)):
        text = read_text_state(path)
        assert set(text) == set(text_tower())
        assert all(torch.equal(text[name], tensor) for name, tensor in text_tower().items())


def test_a_file_without_text_tower_says_so(tmp_path: Path) -> None:
    path = saved(released_layout(text=False), tmp_path / "visual.pt")
    assert not load_model(path).has_text_tower
    with pytest.raises(WeightsError, match=r"holds no whole text tower \(missing: token_embedding"):
        read_text_state(path)
