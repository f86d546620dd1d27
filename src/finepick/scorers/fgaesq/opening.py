"""What is asked of any file of weights before anybody looks into it."""

from __future__ import annotations

import os
import stat

from finepick.errors import WeightsError, WeightsNotFoundError

_ENOUGH = 64


def read_beginning(path: str) -> tuple[bytes, int]:
    """The first 64 bytes of *path* and its size. Raises WeightsNotFoundError, and WeightsError where it is no
    file that can be read, or an empty one."""
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise WeightsError(f"{path} is a folder; name the file of weights in it", path=path)
        if not stat.S_ISREG(status.st_mode):
            raise WeightsError(f"{path} is not a file; name a file of weights", path=path)
        with open(path, "rb") as file:
            beginning = file.read(_ENOUGH)
    except FileNotFoundError as error:
        raise WeightsNotFoundError(f"there is no file {path}; check the name", path=path) from error
    except (OSError, ValueError) as error:
        raise WeightsError(f"cannot read {path} ({error}); check its permissions", path=path) from error
    if not beginning:
        raise WeightsError(f"{path} is empty; fetch it again", path=path)
    return beginning, status.st_size


def damaged(path: str) -> WeightsError:
    return WeightsError(f"{path} is damaged or cut off; fetch or copy it again", path=path)
