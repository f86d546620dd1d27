"""CLIP's text tower, which FGAesQ keeps from its training: sentences in, embeddings beside those of photos out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from finepick.errors import MissingExtraError, WeightsError
from finepick.scorers.fgaesq.sentences import SentenceTokenizer
from finepick.scorers.fgaesq.tokens import Floats

try:
    import torch
    from torch import Tensor
    from torch.nn import functional
except ImportError as error:
    raise MissingExtraError("reading sentences with CLIP", extra="torch") from error

PREFIX = "clip_model."
"""Before every name in a checkpoint of FGAesQ; absent in CLIP's own."""

_HEAD_WIDTH = 64
_MOST_NAMES_TOLD = 6
_BATCH = 16


class TextTower:
    """The tower with its weights, as float32.

    A transformer of `width` / 64 heads in which no token sees those after it; the embedding is read at the
    end token, which has the largest id of all (Radford et al. 2021, section 2.4).
    """

    def __init__(self, state: Mapping[str, Tensor], *, source: str = "the weights") -> None:
        """*state* has OpenAI's names, with or without `PREFIX`; what is not of the text tower is ignored.

        Raises WeightsError, naming the parts, where one is missing or has another shape.
        """
        prefix = _prefix_of(state)
        own = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        expected = _expected_shapes(own, source)
        _check(own, expected, source)
        self._weights = {name: own[name].detach().to("cpu", torch.float32) for name in expected}
        self.layers = _count_layers(own)
        self.vocabulary, self.width = self._weights["token_embedding.weight"].shape
        self.context = len(self._weights["positional_embedding"])

    @property
    def embedding(self) -> int:
        """Numbers of an embedding; d of `Judgement.embeddings`."""
        return int(self._weights["text_projection"].shape[1])

    def embed(self, ids: NDArray[np.int64]) -> Floats:
        """(n, d) float32 embeddings, not of unit length, of *ids* (n, m), m ≤ `context`."""
        with torch.inference_mode():
            return np.asarray(self._forward(torch.from_numpy(ids)).numpy())

    def _forward(self, ids: Tensor) -> Tensor:
        x = (
            self._weights["token_embedding.weight"][ids]
            + self._weights["positional_embedding"][: ids.shape[1]]
        )
        for layer in range(self.layers):
            block = f"transformer.resblocks.{layer}"
            x = x + self._attend(self._norm(x, f"{block}.ln_1"), f"{block}.attn")
            hidden = self._linear(self._norm(x, f"{block}.ln_2"), f"{block}.mlp.c_fc")
            hidden = hidden * torch.sigmoid(1.702 * hidden)  # QuickGELU
            x = x + self._linear(hidden, f"{block}.mlp.c_proj")
        last = x[torch.arange(len(ids)), ids.argmax(dim=1)]
        return self._norm(last, "ln_final") @ self._weights["text_projection"]

    def _attend(self, x: Tensor, name: str) -> Tensor:
        count, length, width = x.shape
        joined = functional.linear(
            x, self._weights[f"{name}.in_proj_weight"], self._weights[f"{name}.in_proj_bias"]
        )
        split = joined.view(count, length, 3, width // _HEAD_WIDTH, _HEAD_WIDTH).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(split[0], split[1], split[2], is_causal=True)
        return self._linear(seen.transpose(1, 2).reshape(count, length, width), f"{name}.out_proj")

    def _norm(self, x: Tensor, name: str) -> Tensor:
        return functional.layer_norm(
            x, x.shape[-1:], self._weights[f"{name}.weight"], self._weights[f"{name}.bias"], 1e-5
        )

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return functional.linear(x, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])


class SentenceEncoder:
    """Text tower and tokenizer together. Raises WeightsError where they do not belong to each other."""

    def __init__(self, tower: TextTower, tokenizer: SentenceTokenizer) -> None:
        if tokenizer.largest_id >= tower.vocabulary:
            raise WeightsError(
                f"{tokenizer.source} knows {tokenizer.largest_id + 1} words, the text tower {tower.vocabulary}: "
                "they do not belong together",
                path=tokenizer.source,
            )
        self._tower, self._tokenizer = tower, tokenizer

    def encode(self, texts: Sequence[str]) -> Floats:
        """(n, d) float32 embeddings of n *texts* (none included), not of unit length; 512 numbers in CLIP."""
        if not texts:
            return np.empty((0, self._tower.embedding), np.float32)
        return np.concatenate(list(self._batches(texts)))

    def _batches(self, texts: Sequence[str]) -> Iterator[Floats]:
        for start in range(0, len(texts), _BATCH):
            ids = self._tokenizer.ids(texts[start : start + _BATCH], length=self._tower.context)
            yield self._tower.embed(ids)


def has_text_tower(state: Mapping[str, object]) -> bool:
    """Whether *state* holds a text tower at all; files that were made smaller do not."""
    return f"{_prefix_of(state)}token_embedding.weight" in state


def _prefix_of(state: Mapping[str, object]) -> str:
    # Where the prefix is in use, names without it are other things: there, `transformer.*` is the visual one.
    return PREFIX if any(name.startswith(PREFIX) for name in state) else ""


def _count_layers(own: Mapping[str, Tensor]) -> int:
    start = "transformer.resblocks."
    numbers = {name.removeprefix(start).split(".")[0] for name in own if name.startswith(start)}
    return max((int(number) + 1 for number in numbers if number.isdecimal()), default=0)


def _expected_shapes(own: Mapping[str, Tensor], source: str) -> dict[str, tuple[int, ...]]:
    tables = {name: own.get(name) for name in ("token_embedding.weight", "text_projection")}
    missing = [name for name, table in tables.items() if table is None or table.ndim != 2]
    layers = _count_layers(own)
    if missing or not layers:
        names = ", ".join(missing) or "transformer.resblocks.0"
        raise WeightsError(f"{source} holds no text tower of CLIP: {names} is missing")
    (vocabulary, width), (_, embedding) = (own[name].shape for name in tables)
    if width % _HEAD_WIDTH:
        raise WeightsError(f"{source} holds a text tower of width {width}, which is not one of CLIP's")
    positions = own.get("positional_embedding")
    context = len(positions) if positions is not None and positions.ndim == 2 else 77
    shapes: dict[str, tuple[int, ...]] = {
        "token_embedding.weight": (vocabulary, width),
        "positional_embedding": (context, width),
        "text_projection": (width, embedding),
        "ln_final.weight": (width,),
        "ln_final.bias": (width,),
    }
    for layer in range(layers):
        shapes |= _block_shapes(f"transformer.resblocks.{layer}", width)
    return shapes


def _block_shapes(block: str, width: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        f"{block}.attn.in_proj_weight": (3 * width, width),
        f"{block}.attn.in_proj_bias": (3 * width,),
    }
    for norm in ("ln_1", "ln_2"):
        shapes |= {f"{block}.{norm}.weight": (width,), f"{block}.{norm}.bias": (width,)}
    linears = {
        "attn.out_proj": (width, width),
        "mlp.c_fc": (4 * width, width),
        "mlp.c_proj": (width, 4 * width),
    }
    for name, (outputs, inputs) in linears.items():
        shapes |= {f"{block}.{name}.weight": (outputs, inputs), f"{block}.{name}.bias": (outputs,)}
    return shapes


def _check(own: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]], source: str) -> None:
    wrong = [
        f"{name} (missing)" if name not in own else f"{name} ({tuple(own[name].shape)} instead of {shape})"
        for name, shape in expected.items()
        if name not in own or tuple(own[name].shape) != shape
    ]
    if wrong:
        more = f" and {len(wrong) - _MOST_NAMES_TOLD} more" if len(wrong) > _MOST_NAMES_TOLD else ""
        raise WeightsError(
            f"{source} cannot be used: parts of the text tower are missing or of another shape: "
            f"{', '.join(wrong[:_MOST_NAMES_TOLD])}{more}"
        )
