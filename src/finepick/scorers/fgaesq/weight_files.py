"""Files of tensors, opened without ever running what they hold, and written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import secrets
import struct
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

try:
    import torch
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load
    from torch import Tensor
except ImportError as error:
    from finepick.errors import MissingExtraError

    raise MissingExtraError("reading weights", extra="torch") from error

from finepick.errors import OutputError, WeightsError
from finepick.scorers.fgaesq.opening import damaged, read_beginning

_LONGEST_HEADER = 100_000_000  # the safetensors format's own limit
_DAMAGE = (
    *(RuntimeError, EOFError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError),
    *(AssertionError, MemoryError, OSError, ImportError, struct.error, zipfile.BadZipFile),
)
"""What torch's readers may raise for a file that is damaged or made to harm."""


@dataclass(frozen=True, slots=True)
class StateFile:
    """Named tensors that still lie in the file (mapped where possible), and the file's own description."""

    path: str
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]


def open_state(path: str) -> StateFile:
    """The tensors of a safetensors file or of a state dict saved by torch, told apart by their first bytes.

    Nothing in the file is run. Raises WeightsNotFoundError, and WeightsError for anything else that is wrong.
    """
    beginning, size = read_beginning(path)
    length = int.from_bytes(beginning[:8], "little")  # before the others: its first byte can be any
    if beginning[8:9] == b"{" and length < _LONGEST_HEADER:
        if length + 8 > size:
            raise damaged(path)
        return _open_safetensors(path)
    if beginning.startswith(b"PK\x03\x04"):
        return _open_archive(path)
    if beginning.startswith(b"\x80"):
        return StateFile(path, _state(path, _unpickled(path, mapped=False)), {})
    if beginning.startswith(b"version https://git-lfs"):
        raise WeightsError(
            f"{path} is only a pointer to the weights, as Git leaves it without LFS; fetch the file itself",
            path=path,
        )
    raise WeightsError(
        f"{path} is not a file of weights; Finepick reads .safetensors files and state dicts saved by torch",
        path=path,
    )


@contextlib.contextmanager
def written_whole(path: str) -> Iterator[str]:
    """A temporary name beside *path*; what the block wrote there takes the name *path* where it succeeds.

    Otherwise nothing is left behind. Raises OutputError where the disk does not allow it.
    """
    temporary = os.path.join(os.path.dirname(path), f".finepick-{secrets.token_hex(8)}.part")
    try:
        if os.path.isdir(path):
            raise IsADirectoryError("it is a folder")
        try:
            yield temporary
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"could not write {path}: {reason}; choose another place", path=path) from error


def _open_archive(path: str) -> StateFile:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except _DAMAGE as error:
        raise damaged(path) from error
    names = {member.filename.rpartition("/")[2] for member in members}
    if "constants.pkl" in names:
        raise WeightsError(
            f"{path} is a TorchScript archive, which cannot be opened without running the code in it; "
            "save its state_dict() with torch, or as safetensors, and use that",
            path=path,
        )
    if "data.pkl" not in names:
        raise WeightsError(f"{path} is an archive, but not one of weights; choose another file", path=path)
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):  # torch never does that
        raise WeightsError(f"{path} is compressed; Finepick does not unpack weights", path=path)
    # torch maps files by names of its own encoding, so other names are read into memory instead.
    return StateFile(path, _state(path, _unpickled(path, mapped=path.isascii())), {})


def _unpickled(path: str, *, mapped: bool) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd files, which are refused by what is in them
            if mapped:
                return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
            with open(path, "rb") as file:
                return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} is damaged, or holds more than weights, and Finepick runs no code out of files; "
            "fetch it again, or save the state_dict() alone",
            path=path,
        ) from error
    except _DAMAGE as error:
        raise damaged(path) from error


def _state(path: str, loaded: object) -> dict[str, Tensor]:
    entries = dict(loaded) if isinstance(loaded, dict) else {}
    tensors = {name: value for name, value in entries.items() if isinstance(value, Tensor)}
    if not tensors or not all(isinstance(name, str) for name in tensors):
        found = ", ".join(sorted(repr(name) for name in entries)[:5])
        raise WeightsError(
            f"{path} is not a bare state dict ({f'it holds {found}' if found else 'it holds no tensors'}); "
            "save the network's state_dict() alone",
            path=path,
        )
    return tensors


def _open_safetensors(path: str) -> StateFile:
    try:
        if not path.isascii():  # safetensors, too, maps only files whose names it can spell
            return _read_safetensors(path)
        with safe_open(path, framework="pt") as file:
            names = file.keys()  # a list: the file itself is no mapping
            return StateFile(path, {name: file.get_tensor(name) for name in names}, file.metadata() or {})
    except (SafetensorError, *_DAMAGE) as error:
        raise damaged(path) from error


def _read_safetensors(path: str) -> StateFile:
    with open(path, "rb") as file:
        content = file.read()
    tensors = load(content)  # checks the header as well
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return StateFile(path, tensors, header.get("__metadata__", {}))
