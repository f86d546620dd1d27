"""What the network sees of one photo: a few readings, and maps of how much each part speaks for it.

Runs on ONNX Runtime with one thread, where the photo is decoded; readers work side by side.
"""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finepick.domain import Frame
from finepick.errors import WeightsError
from finepick.scorers.base import Arrays, Glance
from finepick.scorers.builtin.texture import texture

EYE_VERSION = 2
"""Raised whenever a change here alters what the same network says of a photo."""

SIDE = 384
"""The network sees a photo at about as many pixels as a square of this side has."""

STEP = 64
"""Both sides of what it sees are multiples of this: it looks a second time at half the length."""

LONGEST = 1024
"""No side is longer: a narrow panorama is squeezed rather than looked at through a slit."""

READINGS = ("quality", "beauty", "soundness")
"""What the network puts into numbers, for the whole photo; higher is better."""

_NETWORK = "builtin.onnx"
_OUTPUTS = ("readings", "quality", "percept")


def look(picture: Image.Image, *, network: str = "") -> Arrays:
    """A glance (see `scorers.base.Glance`) at *picture* (RGB): "readings" (len(READINGS),), and two maps over the
    whole photo: "quality" (rows, columns), and "percept" (rows, columns, channels), whose squared distance says how
    different two photos look in a place.

    *network*: a file; the one in the wheel unless given. Raises WeightsError.
    """
    return opened(network).look(picture)


def glance(network: str = "") -> Glance:
    """What to ask of every photo so that `look` answers. Raises WeightsError."""
    version = f"{EYE_VERSION} {opened(network).digest}"
    return Glance(f"{__name__}:look", version, {"network": network} if network else {})


class Eye:
    """One network, ready to look. Raises WeightsError where *model* is none of ours."""

    def __init__(self, model: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise WeightsError(
                f"this is no network that can be run ({error}); make or fetch it again"
            ) from error
        facts: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        if "blends" not in facts:
            raise WeightsError("this network was not written by 'finepick train builtin'")
        self.facts = facts
        self.digest = hashlib.sha256(model).hexdigest()

    def look(self, picture: Image.Image) -> Arrays:
        """See `look`."""
        view, counted = shown(picture)
        made = self._session.run(list(_OUTPUTS), {"picture": view, "texture": counted})
        return {name: np.asarray(values, np.float32) for name, values in zip(_OUTPUTS, made, strict=True)}


def shown(picture: Image.Image) -> tuple[Frame, NDArray[np.float32]]:
    """What the network is shown of *picture* (RGB): pixels (rows, columns, 3), and its texture."""
    small = _reduced(picture)
    view = small.resize(view_size(*picture.size), Image.Resampling.BICUBIC)
    return np.asarray(view), texture(small)


def view_size(width: int, height: int) -> tuple[int, int]:
    """Width and height, in pixels, at which the network sees a photo of *width* × *height*.

    The photo's shape as nearly as multiples of `STEP` allow, and about SIDE² pixels.
    """
    shape = np.sqrt(width / height)
    return _stepped(SIDE * shape), _stepped(SIDE / shape)


def _stepped(length: float) -> int:
    return int(np.clip(round(length / STEP), 1, LONGEST // STEP)) * STEP


def _reduced(picture: Image.Image) -> Image.Image:
    """*picture* averaged down by a whole number, no side below what anybody here looks at."""
    factor = min(picture.size) // 512
    return picture.reduce(factor) if factor > 1 else picture


def opened(network: str) -> Eye:
    """The eye with the network in the file *network*; "" = the one in the wheel. Raises WeightsError."""
    if not network:
        return _opened("", 0, 0)
    try:
        facts = os.stat(network)
        return _opened(network, facts.st_mtime_ns, facts.st_size)
    except OSError as error:
        raise WeightsError(f"cannot read {network} ({error}); check its permissions", path=network) from None


@lru_cache(maxsize=2)
def _opened(network: str, changed_ns: int, size: int) -> Eye:
    """Opened once, until the file is another."""
    if not network:
        return Eye(resources.files("finepick.scorers.builtin").joinpath(_NETWORK).read_bytes())
    with open(network, "rb") as file:
        return Eye(file.read())
