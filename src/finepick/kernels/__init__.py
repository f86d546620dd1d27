"""Passes over pixels in C, where this installation has them; what they compute is defined in NumPy elsewhere.

The module in C is optional: `compiled` is None where it could not be built, or where FINEPICK_KERNELS is "numpy".
Whoever uses it has the same thing in NumPy beside it, with the same numbers to the last bit.
"""

from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_VERSION = 2
"""Of `module.c`: a module built from another version, and left lying about, is not used."""


def _load() -> ModuleType | None:
    if os.environ.get("FINEPICK_KERNELS") == "numpy":
        return None
    try:
        found = import_module("finepick.kernels._compiled")
    except ImportError:
        return None
    return found if found.VERSION == _VERSION else None


compiled = _load()


def pixels_in_place(picture: Image.Image) -> NDArray[np.uint8] | None:
    """The pixels of *picture* (RGB) where Pillow has them: (height, width, 4), the fourth without meaning.

    No copy is made, and none may be written to. None without compiled kernels, and where Pillow holds the picture
    in several blocks.
    """
    if compiled is None or picture.mode != "RGB":
        return None
    try:
        schema, array = picture.__arrow_c_array__()
        address = compiled.address_of_pixels(schema, array, picture.width * picture.height)
    except ValueError:
        return None
    return np.asarray(_Exported(array, address, (picture.height, picture.width, 4)))


def picture_to_fill(size: tuple[int, int]) -> Image.Image | None:
    """A picture (RGB) of *size* whose pixels hold anything: for those who write every one of them.

    Pillow sets a new picture to black, which costs a twentieth of decoding a photo into it. None without compiled
    kernels.
    """
    if compiled is None:
        return None
    return Image.fromarrow(_Memory(size[0] * size[1]), "RGB", size)


class _Memory:
    """Memory for *count* pixels, as Pillow takes it."""

    def __init__(self, count: int) -> None:
        assert compiled is not None
        self._capsules = compiled.new_pixels(count)

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        schema, array = self._capsules
        return schema, array


class _Exported:
    """What NumPy needs to look at memory of others; holds on to *owner* for as long."""

    def __init__(self, owner: object, address: int, shape: tuple[int, ...]) -> None:
        self._owner = owner
        self.__array_interface__: dict[str, Any] = {
            "version": 3,
            "typestr": "|u1",
            "shape": shape,
            "data": (address, True),
        }
