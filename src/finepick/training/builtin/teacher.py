"""The teacher's general eye: a quantised MobileNet, read from TFLite, asked by ONNX Runtime.

Its layers are taken over one to one as quantised convolutions with the same eight-bit weights, so that its maps, and
not only its last answer, can be had, many pictures at a time. Read with `ai-edge-litert`, and only while a student is
taught: the teacher is never shipped.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finepick.domain import FloatArray
from finepick.errors import MissingExtraError, WeightsError

SIDE = 224
"""The side of the square pictures that the teacher was made for, in pixels."""

HINT_LAYERS = (6, 10, 22, 26)
"""Layers whose maps, of cells 4, 8, 16 and 32 pixels wide, the student's stages follow. The last is the embedding."""

PERCEPT_LAYERS = (4, 6, 8, 10, 12, 22, 26)
"""Layers whose maps are compared to say how different two pictures look."""

_OPSET = 17

Pictures = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Map:
    """What one layer puts out: a name, and its eight-bit numbers times *scale* are the values."""

    name: str
    scale: float


class Teacher:
    """Pictures (n, 3, rows, columns) of uint8, sides multiples of 32, to maps of its layers.

    The mean over the map of the last layer is what the original, which takes 224 × 224, calls the embedding (1,024).
    """

    def __init__(self, model: bytes, maps: list[_Map]) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._maps = maps

    def maps(self, pictures: Pictures, layers: tuple[int, ...]) -> list[NDArray[np.float32]]:
        """The maps (n, channels, rows, columns) of *layers*, which count from 0."""
        wanted = [self._maps[layer] for layer in layers]
        made = self._session.run([known.name for known in wanted], {"pictures": pictures})
        return [
            np.multiply(values, np.float32(known.scale), dtype=np.float32)
            for known, values in zip(wanted, made, strict=True)
        ]


def distances(maps: Sequence[NDArray[np.float32]], group: int) -> FloatArray:
    """How different the views of each group look, (n / group, group, group), in the eye of a network.

    log(1 + 2 d) of d, the sum over *maps* (layers; n views each) of the mean squared distance of cells whose channels
    are scaled to length 1 (Zhang et al., LPIPS, CVPR 2018, equation 1, with equal weights).
    """
    total = np.zeros((len(maps[0]) // group, group, group))
    for layer in maps:
        cells = layer / (np.sqrt(np.square(layer).sum(axis=1, keepdims=True)) + 1e-3)
        cells = cells.reshape(-1, group, layer[0].size)
        places = layer[0, 0].size
        for first in range(group):
            total[:, first] += np.square(cells - cells[:, first : first + 1]).sum(axis=2) / places
    return np.log1p(2 * total)


def damage(frames: Pictures, teacher: Teacher) -> FloatArray:
    """How far *frames* (n, rows, columns, 3) of uint8 look from the first of them, (n,), see `distances`.

    The mean over the whole, squeezed, and two corners as they are, where the frames are large enough.
    """
    rows, columns = frames.shape[1:3]
    views = [[Image.fromarray(one).resize((SIDE, SIDE), Image.Resampling.BOX) for one in frames]]
    if min(rows, columns) >= SIDE:
        for left, top in ((0, 0), (columns - SIDE, rows - SIDE)):
            box = (left, top, left + SIDE, top + SIDE)
            views.append([Image.fromarray(one).crop(box) for one in frames])
    found = []
    for view in views:
        pictures = np.stack([np.asarray(one) for one in view]).transpose(0, 3, 1, 2)
        maps = teacher.maps(np.ascontiguousarray(pictures), PERCEPT_LAYERS)
        found.append(distances(maps, len(frames))[0, 0])
    return np.asarray(np.mean(found, axis=0))


def read_teacher(path: str) -> Teacher:
    """The teacher in the TFLite file *path*. Raises MissingExtraError, WeightsError."""
    try:
        module = importlib.import_module("ai_edge_litert.interpreter")
    except ImportError:
        raise MissingExtraError("reading the teacher", extra="train") from None
    try:
        plain = module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        interpreter = module.Interpreter(path, experimental_op_resolver_type=plain)
        interpreter.allocate_tensors()
        model, maps = _translated(interpreter)
    except (ValueError, RuntimeError, KeyError, IndexError) as error:
        raise WeightsError(
            f"'{path}' is no quantised MobileNet in TFLite, so it cannot teach: {error}"
        ) from None
    return Teacher(model, maps)


def _translated(interpreter: Any) -> tuple[bytes, list[_Map]]:
    from onnx import TensorProto, helper

    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    steps = interpreter._get_ops_details()  # the only way to a model's wiring; there is no public one
    steps = [step for step in steps if step["op_name"] in ("CONV_2D", "DEPTHWISE_CONV_2D")]
    if not steps:
        raise ValueError("it holds no convolutions")
    nodes, constants, outputs, maps = [], [], [], []
    names = {int(steps[0]["inputs"][0]): "pictures"}
    for number, step in enumerate(steps):
        source, kernel, bias = (tensors[int(index)] for index in step["inputs"])
        target = tensors[int(step["outputs"][0])]
        depthwise = step["op_name"].startswith("DEPTHWISE")
        weight = interpreter.get_tensor(kernel["index"])
        # out, rows, columns, in; of a depthwise one: 1, rows, columns, out
        weight = np.ascontiguousarray(weight.transpose((3, 0, 1, 2) if depthwise else (0, 3, 1, 2)))
        stride = int(source["shape"][1]) // int(target["shape"][1])
        reach = weight.shape[-1] // 2
        first = reach if stride == 1 else 0  # with stride 2 on an even side TensorFlow pads the far side only
        told = {
            "x": source["quantization"],
            "w": kernel["quantization"],
            "y": target["quantization"],
        }
        for side, (scale, zero) in told.items():
            constants.append(helper.make_tensor(f"{side} scale {number}", TensorProto.FLOAT, [], [scale]))
            constants.append(helper.make_tensor(f"{side} zero {number}", TensorProto.UINT8, [], [zero]))
        constants.append(_constant(f"weight {number}", weight))
        constants.append(_constant(f"bias {number}", interpreter.get_tensor(bias["index"])))
        name = f"map {number}"
        inputs = [names[int(source["index"])], f"x scale {number}", f"x zero {number}"]
        inputs += [f"weight {number}", f"w scale {number}", f"w zero {number}"]
        inputs += [f"y scale {number}", f"y zero {number}", f"bias {number}"]
        nodes.append(
            helper.make_node(
                "QLinearConv",
                inputs,
                [name],
                strides=[stride, stride],
                pads=[first, first, reach, reach],
                group=len(weight) if depthwise else 1,
            )
        )
        outputs.append(helper.make_tensor_value_info(name, TensorProto.UINT8, None))
        maps.append(_Map(name, float(told["y"][0])))
        names[int(target["index"])] = name
    pictures = helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", 3, "rows", "columns"])
    graph = helper.make_graph(nodes, "teacher", [pictures], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=8)
    return model.SerializeToString(), maps


def _constant(name: str, values: NDArray[Any]) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(values, name)
