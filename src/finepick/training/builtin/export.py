"""The taught network with its readings as an ONNX file: half-precision weights, whole photo in, few numbers out."""

from __future__ import annotations

import io
import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from finepick.scorers.builtin.eye import READINGS, STEP
from finepick.scorers.builtin.texture import COUNT
from finepick.training.builtin.heads import CLOSER, Heads
from finepick.training.builtin.network import Seen, Student

_OPSET = 17


class Looks(nn.Module):
    """Pictures (n, 3, rows, columns) in 0…1 to what the network sees of them twice: close, and at half the size."""

    def __init__(self, student: Student) -> None:
        super().__init__()
        self.student = student

    def forward(self, pictures: Tensor) -> tuple[Seen, Seen]:
        return self.student(pictures), self.student(functional.avg_pool2d(pictures, 2))


def cell_features(seen: Seen) -> Tensor:
    """What a reading is linear in, of every cell (n, channels, rows, columns): the embedding, and means and mean
    squares of the finer stages over the cell."""
    made = [seen.embedding]
    for place in (1, 2):
        stage = seen.stages[place].float()
        made += [functional.avg_pool2d(one, 2 ** (3 - place)) for one in (stage, stage * stage)]
    return torch.cat([one.float() for one in made], dim=1)


class Judge(nn.Module):
    """A picture (rows, columns, 3) of uint8 and its texture to its readings (len(READINGS),), and maps of quality and
    percept.

    What a photo's texture says of its quality is spread evenly over the map.
    """

    def __init__(self, student: Student, heads: Heads) -> None:
        super().__init__()
        self.looks = Looks(student)
        self.heads = nn.ParameterDict(
            {name: nn.Parameter(torch.from_numpy(values)) for name, values in heads.arrays().items()}
        )

    def forward(self, picture: Tensor, texture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        close, whole = self.looks(picture.to(torch.float32).permute(2, 0, 1)[None] / 255)
        features = cell_features(close), cell_features(whole)
        maps = [self._map(name, *features, texture) for name in READINGS]
        readings = torch.stack([one.mean() for one in maps])
        return readings, maps[0][0, 0], close.percept[0].permute(1, 2, 0)

    def _map(self, name: str, close: Tensor, whole: Tensor, texture: Tensor) -> Tensor:
        """A reading of every cell, whose mean over the map is the reading of the photo."""
        near = functional.conv2d(close, self.heads[f"{name} close"][None, :, None, None])
        far = functional.conv2d(whole, self.heads[f"{name} whole"][None, :, None, None])
        everywhere = (texture * self.heads[f"{name} texture"]).sum() + self.heads[f"{name} intercept"]
        read: Tensor = near + functional.interpolate(far, scale_factor=float(CLOSER)) + everywhere
        return read


def exported(student: Student, heads: Heads, facts: dict[str, str]) -> bytes:
    """The ONNX file, with *facts* as its metadata. Batch norms are folded into convolutions."""
    judge = Judge(student.float().cpu().folded(), heads).eval()
    file = io.BytesIO()
    names = ["readings", "quality", "percept"]
    axes = {"picture": {0: "rows", 1: "columns"}}
    axes |= {name: {0: f"{name} rows", 1: f"{name} columns"} for name in names[1:]}
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # torch would rather be exported by its newer way, which needs onnxscript's
        torch.onnx.export(
            judge,
            (torch.zeros(2 * STEP, 3 * STEP, 3, dtype=torch.uint8), torch.zeros(COUNT)),
            file,  # type: ignore[arg-type]
            input_names=["picture", "texture"],
            output_names=names,
            dynamic_axes=axes,
            opset_version=_OPSET,
            dynamo=False,
        )
    return with_facts(_halved(file.getvalue()), facts)


def with_facts(model: bytes, facts: dict[str, str]) -> bytes:
    """*model* with *facts* as its metadata, instead of what it had."""
    import onnx
    from onnx import helper

    loaded = onnx.load_from_string(model)
    helper.set_model_props(loaded, facts)
    serialized: bytes = loaded.SerializeToString()
    return serialized


def _halved(model: bytes) -> bytes:
    """*model* with every large constant kept in half precision and widened when it is loaded."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    loaded = onnx.load_from_string(model)
    kept, widened = [], []
    for constant in loaded.graph.initializer:
        values: NDArray[np.float32] = numpy_helper.to_array(constant)
        if values.dtype != np.float32 or values.size < 4096:
            kept.append(constant)
            continue
        name = f"{constant.name} half"
        kept.append(numpy_helper.from_array(values.astype(np.float16), name))
        widened.append(helper.make_node("Cast", [name], [constant.name], to=TensorProto.FLOAT))
    nodes = [*widened, *loaded.graph.node]
    del loaded.graph.initializer[:], loaded.graph.node[:]
    loaded.graph.initializer.extend(kept)
    loaded.graph.node.extend(nodes)
    onnx.checker.check_model(loaded)
    serialized: bytes = loaded.SerializeToString()
    return serialized


assert READINGS == ("quality", "beauty", "soundness")
