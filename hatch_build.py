"""Builds the kernels in C along with the package. Where that fails the package is pure Python and slower."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import sys_tags

_MODULE = "finepick.kernels._compiled"
_FOLDER = Path("src/finepick/kernels")
# Fused products and sums would change the last bits of results, which have to be those of NumPy.
_FLAGS = (
    ["/O2", "/std:c11"] if os.name == "nt" else ["-O3", "-std=c11", "-ffp-contract=off", "-fno-math-errno"]
)


class KernelsHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts the compiled module beside its sources, from where wheels and editable installs take it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        for old in Path(self.root, _FOLDER).glob("_compiled*"):
            old.unlink()
        if os.environ.get("FINEPICK_KERNELS") == "numpy":
            return
        try:
            _compile(self.root)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a compiler may do: it is optional
            self.app.display_warning(f"The kernels in C were not built, Finepick will be slower: {error}")
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"cp311-abi3-{_platform()}"
        build_data["artifacts"].append(f"{_FOLDER.as_posix()}/_compiled*")


def _compile(root: str) -> None:
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    os.chdir(root)
    sources = sorted(map(str, _FOLDER.glob("*.c")))
    module = Extension(_MODULE, sources, extra_compile_args=_FLAGS, py_limited_api=True)
    command = build_ext(Distribution({"package_dir": {"": "src"}, "ext_modules": [module]}))
    command.inplace = True
    with tempfile.TemporaryDirectory() as scratch:
        command.build_temp = scratch
        command.ensure_finalized()
        command.run()


def _platform() -> str:
    """Of this system, in the words of wheels; which "manylinux" it is must be said by whoever checked that."""
    return next(
        tag.platform
        for tag in sys_tags()
        if "manylinux" not in tag.platform and "musllinux" not in tag.platform
    )
