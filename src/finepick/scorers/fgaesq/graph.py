"""The network as an ONNX graph, node by node, with everything folded that can be worked out beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

try:
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as error:
    from finepick.errors import MissingExtraError

    raise MissingExtraError("exporting a model", extra="torch") from error

from finepick.scorers.fgaesq.architecture import Architecture
from finepick.scorers.fgaesq.tokens import FINE, PADDING, Floats

QUICK_GELU = 1.702
OPSET = 17
"""The first with LayerNormalization; every onnxruntime from 1.13 on runs it."""
IR_VERSION = 8

INPUTS = ("patches", "marks", "rows", "columns")
OUTPUTS = ("features", "logits")

State = Mapping[str, Floats]


def build_graph(state: State, architecture: Architecture, metadata: Mapping[str, str]) -> onnx.ModelProto:
    """An ONNX model that computes what `FgaesqNetwork` of *architecture* with the weights *state* does.

    Inputs: patches (n, t, 3, patch, patch) float, marks (n, t) int64, rows and columns (n, t, grid) float.
    Outputs: features (n, embedding), logits (n, answers), float. n and t are free.
    """
    size = {"patches": (3, architecture.patch, architecture.patch), "marks": ()}
    inputs = [
        helper.make_tensor_value_info(
            name,
            TensorProto.INT64 if name == "marks" else TensorProto.FLOAT,
            ["photos", "tokens", *size.get(name, (architecture.grid,))],
        )
        for name in INPUTS
    ]
    lengths = (architecture.embedding, architecture.answers)
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["photos", length])
        for name, length in zip(OUTPUTS, lengths, strict=True)
    ]
    model = helper.make_model(
        helper.make_graph([], "fgaesq", inputs, outputs),
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="finepick",
        ir_version=IR_VERSION,
    )
    helper.set_model_props(model, dict(metadata))
    # Weights go straight to where they stay: on the way through helper's lists they would be copied three times.
    _write_network(_Writer(model.graph), state, architecture)
    return model


class _Writer:
    """Adds nodes and constants to *graph*; every method returns the name of a result."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph
        self._shapes: dict[tuple[int, ...], str] = {}

    def constant(self, value: Floats) -> str:
        name = f"w{len(self._graph.initializer)}"
        array = np.ascontiguousarray(value, np.float32)
        self._graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    def integers(self, *values: int) -> str:
        """A list of integers (a shape, axes); each different one is written once."""
        if values not in self._shapes:
            self._shapes[values] = f"i{len(self._shapes)}"
            self._graph.initializer.append(
                numpy_helper.from_array(np.array(values, np.int64), self._shapes[values])
            )
        return self._shapes[values]

    def node(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        name = output or f"x{len(self._graph.node)}"
        self._graph.node.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def linear(self, x: str, weight: Floats, bias: Floats | None = None, output: str = "") -> str:
        """x · weightᵀ + bias; x: (…, inputs)."""
        if bias is None:
            return self.node("MatMul", x, self.constant(weight.T), output=output)
        product = self.node("MatMul", x, self.constant(weight.T))
        return self.node("Add", product, self.constant(bias), output=output)

    def norm(self, x: str, gain: Floats, shift: Floats) -> str:
        return self.node(
            "LayerNormalization", x, self.constant(gain), self.constant(shift), axis=-1, epsilon=1e-5
        )


def _write_network(writer: _Writer, state: State, architecture: Architecture) -> None:
    x = writer.norm(
        _embedded(writer, state, architecture), state["visual.ln_pre.weight"], state["visual.ln_pre.bias"]
    )
    reads_class = architecture.pooling == "class"
    for number in range(architecture.layers):
        prefix = f"visual.transformer.resblocks.{number}."
        block = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        is_last = number == architecture.layers - 1
        x = _block(writer, block, x, architecture, first_only=is_last and reads_class)
    if not reads_class:
        x = _mean_of_tokens(writer, x)
    x = writer.norm(x, state["visual.ln_post.weight"], state["visual.ln_post.bias"])
    x = writer.linear(x, state["visual.proj"].T)
    x = writer.node("Squeeze", x, writer.integers(1), output="features")
    for number in (0, 3):
        x = writer.node("Relu", _head_layer(writer, state, number, x))
    _head_layer(writer, state, 6, x, output="logits")


def _head_layer(writer: _Writer, state: State, number: int, x: str, output: str = "") -> str:
    weight, bias = (state[f"iqa_head.{number}.{part}"] for part in ("weight", "bias"))
    return writer.linear(x, weight, bias, output)


def _embedded(writer: _Writer, state: State, architecture: Architecture) -> str:
    """(n, 1 + t, width): as `FgaesqNetwork.embed` says it."""
    coarse, fine = state["scale_embedding"][0]
    positions = state["visual.positional_embedding"]
    weight = state["visual.conv1.weight"].reshape(architecture.width, -1)
    stemmed = _stemmed(writer, state, architecture)
    pixels = writer.linear(writer.node("Reshape", stemmed, writer.integers(0, 0, -1)), weight)
    marks = writer.node("Unsqueeze", "marks", writer.integers(-1))
    is_fine = writer.node("Equal", marks, writer.integers(FINE))
    is_padding = writer.node("Equal", marks, writer.integers(PADDING))
    scale = writer.node("Where", is_fine, writer.constant(fine), writer.constant(coarse))
    padding = writer.constant(state["mask_token"][0, 0] + coarse)
    content = writer.node("Where", is_padding, padding, writer.node("Add", pixels, scale))
    down = writer.node("Unsqueeze", "rows", writer.integers(-1))
    across = writer.node("Unsqueeze", "columns", writer.integers(-2))
    weights = writer.node("Reshape", writer.node("Mul", down, across), writer.integers(0, 0, -1))
    content = writer.node("Add", content, writer.linear(weights, positions[1:].T))
    leading = writer.constant((state["visual.class_embedding"] + positions[0])[None, None])
    photos = writer.node("Shape", "marks", start=0, end=1)
    shape = writer.node("Concat", photos, writer.integers(1, architecture.width), axis=0)
    return writer.node("Concat", writer.node("Expand", leading, shape), content, axis=1)


def _stemmed(writer: _Writer, state: State, architecture: Architecture) -> str:
    """Patches after the stem, where there is one: (n, t, …)."""
    if not architecture.stem:
        return "patches"
    x = writer.node("Reshape", "patches", writer.integers(-1, 3, architecture.patch, architecture.patch))
    for number in range(len(architecture.stem)):
        weight, bias = (state[f"visual.stem.{number}.{part}"] for part in ("weight", "bias"))
        inputs = (x, writer.constant(weight), writer.constant(bias))
        x = writer.node("Relu", writer.node("Conv", *inputs, strides=(2, 2), pads=(1, 1, 1, 1)))
    photos = writer.node("Shape", "marks")
    return writer.node("Reshape", x, writer.node("Concat", photos, writer.integers(-1), axis=0))


def _block(writer: _Writer, block: State, x: str, architecture: Architecture, *, first_only: bool) -> str:
    """One block; with *first_only* for the class token alone, (n, 1, width): the last one, if nobody reads more."""
    seen = writer.norm(x, block["ln_1.weight"], block["ln_1.bias"])
    if first_only:
        x, first = (_first_token(writer, name) for name in (x, seen))
    else:
        first = seen
    x = writer.node("Add", x, _attention(writer, block, first, seen, architecture))
    seen = writer.norm(x, block["ln_2.weight"], block["ln_2.bias"])
    # QuickGELU: x · sigmoid(1.702 x) = y · sigmoid(y) / 1.702 with y = 1.702 x; both factors are in the weights.
    wide = writer.linear(seen, QUICK_GELU * block["mlp.c_fc.weight"], QUICK_GELU * block["mlp.c_fc.bias"])
    wide = writer.node("Mul", wide, writer.node("Sigmoid", wide))
    return writer.node(
        "Add", x, writer.linear(wide, block["mlp.c_proj.weight"] / QUICK_GELU, block["mlp.c_proj.bias"])
    )


def _attention(writer: _Writer, block: State, asking: str, asked: str, architecture: Architecture) -> str:
    width, heads = architecture.width, architecture.heads
    weight, bias = block["attn.in_proj_weight"], block["attn.in_proj_bias"]
    scale = np.float32((width // heads) ** -0.5)
    orders = ((0, 2, 1, 3), (0, 2, 3, 1), (0, 2, 1, 3))
    parts = []
    for number, (source, order) in enumerate(zip((asking, asked, asked), orders, strict=True)):
        rows = slice(number * width, (number + 1) * width)
        factor = scale if number == 0 else np.float32(1)
        whole = writer.linear(source, factor * weight[rows], factor * bias[rows])
        split = writer.node("Reshape", whole, writer.integers(0, 0, heads, width // heads))
        parts.append(writer.node("Transpose", split, perm=order))
    query, key, value = parts
    weights = writer.node("Softmax", writer.node("MatMul", query, key), axis=-1)
    seen = writer.node("Transpose", writer.node("MatMul", weights, value), perm=(0, 2, 1, 3))
    seen = writer.node("Reshape", seen, writer.integers(0, 0, width))
    return writer.linear(seen, block["attn.out_proj.weight"], block["attn.out_proj.bias"])


def _mean_of_tokens(writer: _Writer, x: str) -> str:
    """(n, 1, width), the mean of tokens that are neither the class token nor padding."""
    nothing, one = writer.constant(np.zeros((), np.float32)), writer.constant(np.ones((), np.float32))
    shares = writer.node("Where", writer.node("Equal", "marks", writer.integers(PADDING)), nothing, one)
    count = writer.node("ReduceSum", shares, writer.integers(1), keepdims=1)
    shares = writer.node("Div", shares, writer.node("Max", count, one))
    tokens = writer.node("Slice", x, writer.integers(1), writer.integers(2**31 - 1), writer.integers(1))
    return writer.node("MatMul", writer.node("Unsqueeze", shares, writer.integers(1)), tokens)


def _first_token(writer: _Writer, x: str) -> str:
    return writer.node("Slice", x, writer.integers(0), writer.integers(1), writer.integers(1))
