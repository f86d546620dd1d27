"""A picture file's bytes, read once and within limits, and what a decoder makes of them."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field

from PIL import Image

from finepick.errors import DamagedImageError, ImageError, ImageTooLargeError
from finepick.images.finding import OPEN_FLAGS
from finepick.images.limits import ReadLimits

CUT_OFF = "cut off: the file ends in the middle of the picture"


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes of one file on their way to a frame of at most `long_side`; `path` is for messages."""

    path: str
    data: bytes = field(repr=False)
    long_side: int
    limits: ReadLimits

    def require_size(self, width: int, height: int) -> None:
        """Raises ImageTooLargeError, before anything is decoded, where a picture would be over the limits."""
        if width < 1 or height < 1:
            raise self.damaged(f"damaged: its header says {width} × {height} pixels")
        if width * height > self.limits.max_pixels:
            raise ImageTooLargeError(
                f"too large: {width} × {height} pixels, {width * height / 1e6:,.0f} million; "
                f"the limit is {self.limits.max_pixels / 1e6:,.0f} million",
                path=self.path,
            )
        if max(width, height) > self.limits.max_side:
            raise ImageTooLargeError(
                f"too large: {width} × {height} pixels; "
                f"the limit is {self.limits.max_side:,} pixels on the long side",
                path=self.path,
            )

    def damaged(self, reason: str) -> DamagedImageError:
        return DamagedImageError(reason, path=self.path)

    def cut_off(self) -> DamagedImageError:
        return self.damaged(CUT_OFF)


@dataclass(frozen=True, slots=True)
class Details:
    """What a file holds beside its pixels, still packed.

    `exif` is a TIFF structure without the prefix that some formats put before it, or empty; `exif_below` its
    EXIF directory where a format keeps that apart. `orientation` is the EXIF number (1…8) of the turn that is
    still to be made.
    """

    exif: bytes = b""
    exif_below: bytes = b""
    xmp: bytes = b""
    icc: bytes = b""
    texts: Mapping[str, str] = field(default_factory=dict)
    frames: int = 1
    orientation: int = 1
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decoded:
    """Pixels as they are stored, perhaps at a fraction; `size`: (width, height) of the whole picture."""

    picture: Image.Image
    size: tuple[int, int]
    details: Details


def read_bytes(path: str, limits: ReadLimits) -> bytes:
    """All bytes of the file at *path*.

    Raises ImageTooLargeError over the limit, DamagedImageError for an empty file, ImageError where it cannot
    be read at all.
    """
    try:
        descriptor = os.open(path, OPEN_FLAGS)
        with open(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ImageError("not a file", path=path)
            if status.st_size > limits.max_bytes:
                raise ImageTooLargeError(
                    f"too large: {status.st_size / 1e6:,.0f} MB; the limit is "
                    f"{limits.max_bytes / 1e6:,.0f} MB",
                    path=path,
                )
            data = file.read()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise ImageError("the file is no longer there", path=path) from None
    except PermissionError:
        raise ImageError("the file may not be opened: permission denied", path=path) from None
    except MemoryError:
        raise ImageTooLargeError("too large for the memory that is free", path=path) from None
    except OSError as error:
        if error.errno == errno.EIO:
            raise ImageError("the file cannot be read: the disk reports an error", path=path) from None
        raise ImageError(f"the file cannot be read: {error.strerror or error}", path=path) from None
    if not data:
        raise DamagedImageError("the file is empty", path=path)
    return data


def animation_note(frames: int) -> tuple[str, ...]:
    """The note that a moving picture gets, none for a still one."""
    return (f"animated: the first of {frames} frames",) if frames > 1 else ()
