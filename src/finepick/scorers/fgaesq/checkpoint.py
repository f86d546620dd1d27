"""Weights: the released layout, OpenAI's CLIP as a beginning, and Finepick's own safetensors files."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

try:
    import torch
    from safetensors.torch import save
    from torch import Tensor
except ImportError as error:
    from finepick.errors import MissingExtraError

    raise MissingExtraError("reading weights", extra="torch") from error

import numpy as np

from finepick.errors import WeightsError
from finepick.scorers.fgaesq.architecture import Architecture
from finepick.scorers.fgaesq.card import KIND, PUBLISHED_FINE_BLOCKS, Card, check_sizes, read_card
from finepick.scorers.fgaesq.network import FgaesqNetwork
from finepick.scorers.fgaesq.weight_files import StateFile, open_state, written_whole
from finepick.scorers.phrases import PhraseBank

_CLIP = "clip_model."
_VISUAL = "visual."
_OWN_PARTS = ("iqa_head.", "scale_embedding", "mask_token")
_ALIASES = ("ln_pre.", "transformer.", "ln_post.")
_TEXT_PARTS = ("token_embedding.weight", "positional_embedding", "text_projection", "ln_final.weight")
_TEXT_NAMES = (*_TEXT_PARTS, "ln_final.bias", "transformer.", "logit_scale")
_HEAD_WIDTH = 64
"""CLIP's rule: a head of attention is 64 wide."""
_LISTED = 12
_ALIGNED = 16
"""Each tensor begins at a multiple of 64 bytes, as vector instructions like it."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A network's weights and what goes with them.

    state: by the names of `FgaesqNetwork`, float32, contiguous, on the CPU. fingerprint: SHA-256 over all that
    decides a score (weights, architecture, temperature, fine_blocks). temperature, fine_blocks: see `Card`.
    phrases: kept with the model, or None. has_text_tower: whether `read_text_state` finds one in the file.
    path: where it came from, "" for a network that has no file yet.
    """

    architecture: Architecture
    state: Mapping[str, Tensor]
    fingerprint: str
    temperature: float = 1.0
    fine_blocks: int = PUBLISHED_FINE_BLOCKS
    phrases: PhraseBank | None = None
    has_text_tower: bool = False
    path: str = ""

    def network(self, *, copy: bool = True) -> FgaesqNetwork:
        """A network with these weights, in evaluation mode.

        With *copy* it can be trained and leaves `state` alone; without, it shares its memory and is to be run
        only.
        """
        with torch.device("meta"):
            network = FgaesqNetwork(self.architecture)
        weights = {name: tensor.clone() if copy else tensor for name, tensor in self.state.items()}
        network.load_state_dict(weights, strict=True, assign=True)
        return network.eval()


def load_model(path: str) -> LoadedModel:
    """The model in *path*: the released checkpoint (.pt, .pth, .safetensors), or a file of `save_model`.

    Raises WeightsNotFoundError; WeightsError where the file is damaged, holds something else, or lacks parts
    (it lists them).
    """
    file = open_state(path)
    card = read_card(file.metadata, path)
    found = _network_tensors(file)
    architecture = card.architecture if card else _inferred(found, path)
    state = _checked(found, network_shapes(architecture), path)
    temperature = card.temperature if card else 1.0
    fine_blocks = card.fine_blocks if card else PUBLISHED_FINE_BLOCKS
    return LoadedModel(
        architecture,
        state,
        _fingerprint(state, architecture, temperature, fine_blocks),
        temperature,
        fine_blocks,
        _phrase_bank(file, card) if card and card.phrases else None,
        set(_TEXT_PARTS) <= set(_text_tensors(file)),
        path,
    )


def save_model(model: LoadedModel, path: str) -> None:
    """Write *model* to *path* (safetensors; without a text tower). Raises OutputError."""
    tensors = {_released_name(name): tensor for name, tensor in model.state.items()}
    if model.phrases is not None:
        tensors["phrases.better"] = torch.from_numpy(np.ascontiguousarray(model.phrases.better))
        tensors["phrases.worse"] = torch.from_numpy(np.ascontiguousarray(model.phrases.worse))
    content = save(tensors, metadata=card_of(model).as_strings())
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        file.write(content)


def model_of(
    network: FgaesqNetwork,
    *,
    temperature: float = 1.0,
    fine_blocks: int = PUBLISHED_FINE_BLOCKS,
    phrases: PhraseBank | None = None,
) -> LoadedModel:
    """*network* as it is now, as a value. Raises WeightsError where a weight is not a number."""
    state = _checked(network.state_dict(), network_shapes(network.architecture), "the network")
    fingerprint = _fingerprint(state, network.architecture, temperature, fine_blocks)
    return LoadedModel(network.architecture, state, fingerprint, temperature, fine_blocks, phrases)


def initialise_from_clip(
    path: str, *, seed: int, head: tuple[int, int] = (256, 64), answers: int = 10
) -> LoadedModel:
    """CLIP's visual tower from *path* (OpenAI's names, saved as a state dict), the rest drawn with *seed*.

    A beginning for training: head, scale embedding and mask token have learned nothing. Raises WeightsError.
    """
    file = open_state(path)
    found = {name: tensor for name, tensor in _network_tensors(file).items() if name.startswith(_VISUAL)}
    architecture = _inferred_tower(found, path, head, answers)
    shapes = network_shapes(architecture)
    visual_shapes = {name: shape for name, shape in shapes.items() if name.startswith(_VISUAL)}
    network = FgaesqNetwork(architecture)
    network.start_beginnings(torch.Generator().manual_seed(seed))
    network.load_state_dict(_checked(found, visual_shapes, path), strict=False)
    return model_of(network)


def read_text_state(path: str) -> dict[str, Tensor]:
    """The text tower in *path*, by OpenAI's names (`token_embedding.weight`, `transformer.…`), float32.

    Raises WeightsError where there is none.
    """
    found = _text_tensors(open_state(path))
    missing = [name for name in _TEXT_PARTS if name not in found]
    missing += [] if any(name.startswith("transformer.") for name in found) else ["transformer.resblocks.…"]
    if missing:
        raise WeightsError(
            f"{path} holds no whole text tower (missing: {_listed(missing)}); "
            "use the released checkpoint or a CLIP state dict",
            path=path,
        )
    return _checked(found, {name: tuple(tensor.shape) for name, tensor in found.items()}, path)


def network_shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """Name and shape of every weight of `FgaesqNetwork`."""
    with torch.device("meta"):
        network = FgaesqNetwork(architecture)
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def card_of(model: LoadedModel) -> Card:
    phrases = model.phrases.phrases if model.phrases is not None else ()
    return Card(model.architecture, model.temperature, model.fine_blocks, phrases)


def _released_name(name: str) -> str:
    return _CLIP + name if name.startswith(_VISUAL) else name


def _network_tensors(file: StateFile) -> dict[str, Tensor]:
    """The network's tensors by its own names, from whichever of a tensor's names the file has."""
    tensors, prefix = file.tensors, _prefix(file)
    visual = prefix + _VISUAL
    found = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(visual)}
    found |= {name: tensor for name, tensor in tensors.items() if name.startswith(_OWN_PARTS)}
    aliases = [name for name in tensors if prefix and (name == "proj" or name.startswith(_ALIASES))]
    contradictions = [
        name
        for name in aliases
        if not _is_same(found.setdefault(_VISUAL + name, tensors[name]), tensors[name])
    ]
    if contradictions:
        raise WeightsError(
            f"{file.path} says two different things of {_listed(contradictions)}; fetch it again",
            path=file.path,
        )
    return found


def _text_tensors(file: StateFile) -> dict[str, Tensor]:
    """The text tower's tensors by OpenAI's names; none where the file has none."""
    prefix = _prefix(file)
    found = {
        name.removeprefix(prefix): tensor for name, tensor in file.tensors.items() if name.startswith(prefix)
    }
    return {name: tensor for name, tensor in found.items() if name.startswith(_TEXT_NAMES)}


def _prefix(file: StateFile) -> str:
    """What stands before CLIP's own names: nothing in OpenAI's files, where `transformer.…` is the text tower's;
    in the release that name is an alias of the visual one."""
    return _CLIP if any(name.startswith(_CLIP) for name in file.tensors) else ""


def _is_same(first: Tensor, second: Tensor) -> bool:
    return (first.data_ptr() == second.data_ptr() and first.shape == second.shape) or torch.equal(
        first, second
    )


def _inferred(found: Mapping[str, Tensor], path: str) -> Architecture:
    published = Architecture()
    sizes = {0: published.head[0], 3: published.head[1], 6: published.answers}
    first, second, answers = (
        _dimensions(found, f"iqa_head.{place}.weight", (size, 0))[0] for place, size in sizes.items()
    )
    return _inferred_tower(found, path, (first, second), answers)


def _inferred_tower(
    found: Mapping[str, Tensor], path: str, head: tuple[int, int], answers: int
) -> Architecture:
    """Sizes as the tensors have them; the published ones where a tensor is missing, so that it gets listed."""
    default = Architecture()
    width, _, patch, _ = _dimensions(found, "visual.conv1.weight", (default.width, 3, default.patch, 0))
    positions, _ = _dimensions(found, "visual.positional_embedding", (default.grid**2 + 1, 0))
    _, embedding = _dimensions(found, "visual.proj", (0, default.embedding))
    numbers = (re.match(r"visual\.transformer\.resblocks\.(\d{1,9})\.", name) for name in found)
    layers = 1 + max((int(number[1]) for number in numbers if number), default=default.layers - 1)
    heads, grid = width // _HEAD_WIDTH, math.isqrt(max(positions - 1, 0))
    architecture = Architecture(width, layers, heads, patch, grid, embedding, head, answers)
    try:
        check_sizes(architecture)
    except ValueError as error:
        raise WeightsError(
            f"{path} does not hold a vision transformer of CLIP's kind ({error}); choose another file",
            path=path,
        ) from error
    return architecture


def _dimensions(found: Mapping[str, Tensor], name: str, default: tuple[int, ...]) -> tuple[int, ...]:
    shape = tuple(found[name].shape) if name in found else ()
    return shape if len(shape) == len(default) else default


def _checked(
    found: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]], path: str
) -> dict[str, Tensor]:
    """Exactly the tensors that *shapes* asks for, as float32 of their own memory. Raises WeightsError."""
    missing = [name for name in shapes if name not in found]
    wrong = [
        f"{name} {_looks(found[name])} instead of {list(shape)}"
        for name, shape in shapes.items()
        if name in found and (tuple(found[name].shape) != shape or not _is_plain(found[name]))
    ]
    surplus = [name for name in found if name not in shapes]
    troubles = [
        f"{what}: {_listed(names)}"
        for what, names in (("missing", missing), ("misshapen", wrong), ("unknown", surplus))
        if names
    ]
    if troubles:
        raise WeightsError(
            f"{path} does not hold this network ({'; '.join(troubles)}); "
            "use the released checkpoint or a file that Finepick wrote",
            path=path,
        )
    state = _copied({name: found[name] for name in shapes})
    spoilt = [name for name, tensor in state.items() if not _is_finite(tensor)]
    if spoilt:
        raise WeightsError(
            f"{path} holds weights that are not numbers ({_listed(spoilt)}); fetch it again", path=path
        )
    return state


def _looks(tensor: Tensor) -> str:
    kind = "" if tensor.is_floating_point() else f" of {str(tensor.dtype).removeprefix('torch.')}"
    return f"{list(tensor.shape)}{kind}"


def _is_plain(tensor: Tensor) -> bool:
    """Whether *tensor* has its numbers in memory of their own, and they are real ones."""
    if tensor.layout != torch.strided or not tensor.is_floating_point():
        return False
    return tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()


def _copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same as float32, so that the file may go away, in one piece of memory: the system gets that back
    when the model is let go of, while of many small pieces the process would keep most."""
    places, total = {}, 0
    for name, tensor in tensors.items():
        places[name] = total
        total += -(-tensor.numel() // _ALIGNED) * _ALIGNED
    memory = torch.zeros(total)
    return {
        name: memory[places[name] : places[name] + tensor.numel()].view(tensor.shape).copy_(tensor.detach())
        for name, tensor in tensors.items()
    }


def _is_finite(tensor: Tensor) -> bool:
    return not tensor.numel() or bool(torch.isfinite(torch.stack(torch.aminmax(tensor))).all())


def _fingerprint(
    state: Mapping[str, Tensor], architecture: Architecture, temperature: float, fine_blocks: int
) -> str:
    digest = hashlib.sha256()
    sizes = architecture.as_dict() | {"kind": KIND, "temperature": temperature, "fine_blocks": fine_blocks}
    digest.update(json.dumps(sizes, sort_keys=True).encode())
    for name in sorted(state):
        digest.update(f"{name} {list(state[name].shape)}\n".encode())
        digest.update(np.ascontiguousarray(state[name].numpy(), "<f4").data)
    return digest.hexdigest()


def _phrase_bank(file: StateFile, card: Card) -> PhraseBank:
    shape = (len(card.phrases), card.architecture.embedding)
    names = ("phrases.better", "phrases.worse")
    found = {name: file.tensors[name] for name in names if name in file.tensors}
    vectors = _checked(found, dict.fromkeys(names, shape), file.path)
    better, worse = (vectors[name].numpy() for name in names)
    return PhraseBank(card.phrases, better, worse)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
