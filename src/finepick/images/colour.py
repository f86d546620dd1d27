"""Any picture, whatever its kind of pixel, to an upright sRGB frame of the size asked for."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

BACKGROUND = (255, 255, 255)
"""What shows through where a picture is transparent: white, as on most pages that show pictures."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class UnclearPixelsError(ValueError):
    """Pixel values of which nothing says how bright they are."""


def to_srgb(
    picture: Image.Image, *, long_side: int, icc: bytes = b"", orientation: int = 1
) -> tuple[Image.Image, tuple[str, ...]]:
    """*picture* as upright sRGB (mode RGB, long side at most *long_side*), and notes on what was odd.

    Raises UnclearPixelsError for floating-point pixels outside of 0…1.
    """
    notes: list[str] = []
    plain = _fit(_plain(picture, notes), long_side)
    upright = _in_srgb(plain, icc, notes)
    turn = _TURNS.get(orientation)
    if turn is not None:
        upright = upright.transpose(turn)
    return upright, tuple(notes)


def _plain(picture: Image.Image, notes: list[str]) -> Image.Image:
    """*picture* as L, RGB or CMYK with 8 bits a channel, on the background where it is transparent."""
    mode = picture.mode
    if mode in ("L", "RGB") and "transparency" not in picture.info:
        return picture
    if mode == "CMYK":
        return picture
    if mode == "1":
        return picture.convert("L")
    if mode.startswith("I;16"):
        return Image.fromarray(_sixteen_to_eight(np.asarray(picture)))
    if mode == "I":
        return Image.fromarray(_thirty_two_to_eight(np.asarray(picture)))
    if mode == "F":
        return Image.fromarray(_unit_to_eight(np.asarray(picture)))
    if mode == "LAB":
        return _lab_to_rgb(picture)
    if mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        return _on_background(picture, notes)
    return picture.convert("RGB")


def _on_background(picture: Image.Image, notes: list[str]) -> Image.Image:
    if picture.mode == "La":
        picture = picture.convert("LA")
    with_alpha = picture if picture.mode == "RGBA" else picture.convert("RGBA")
    alpha = with_alpha.getchannel("A")
    darkest, _ = alpha.getextrema()
    if darkest == 255:
        return with_alpha.convert("RGB")
    notes.append("transparent in parts: judged on white")
    background = Image.new("RGB", picture.size, BACKGROUND)
    background.paste(with_alpha.convert("RGB"), mask=alpha)
    return background


def _sixteen_to_eight(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """round(v / 257), in whole numbers: 0 and 65535 become 0 and 255."""
    return ((values.astype(np.uint32) * 255 + 32895) >> 16).astype(np.uint8)


def _thirty_two_to_eight(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """32 bits without a sign, which Pillow stores with one, to 8; 16 bits kept in 32 are taken as those."""
    unsigned = values.astype(np.int32).view(np.uint32)
    if not unsigned.size or unsigned.max() <= 0xFFFF:
        return _sixteen_to_eight(unsigned)
    return np.rint(unsigned / 16843009.0).astype(np.uint8)


def _unit_to_eight(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    numbers = values.astype(np.float64)
    # A little overshoot is what resampling leaves behind.
    if not np.isfinite(numbers).all() or numbers.min() < -0.1 or numbers.max() > 1.1:
        raise UnclearPixelsError("floating-point pixels outside of 0…1: nothing says which value is white")
    return np.rint(np.clip(numbers, 0, 1) * 255).astype(np.uint8)


def _lab_to_rgb(picture: Image.Image) -> Image.Image:
    transform = ImageCms.buildTransform(ImageCms.createProfile("LAB"), _srgb(), "LAB", "RGB")
    converted = ImageCms.applyTransform(picture, transform)
    if converted is None:
        raise UnclearPixelsError("its Lab colours cannot be converted")
    return converted


def _fit(picture: Image.Image, long_side: int) -> Image.Image:
    """*picture* with its long side at most *long_side*; never larger than it was."""
    scale = long_side / max(picture.size)
    if scale >= 1:
        return picture
    width, height = (max(1, round(length * scale)) for length in picture.size)
    # Whole steps by averaging, as the JPEG decoder does, the rest with Hamming: no ringing, no jags at ratios
    # near 1, half the price of Lanczos.
    return picture.resize((width, height), Image.Resampling.HAMMING, reducing_gap=1.0)


def _in_srgb(picture: Image.Image, icc: bytes, notes: list[str]) -> Image.Image:
    if icc:
        try:
            transform = _transform(icc, picture.mode)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
            notes.append(f"its colour profile cannot be used: {error}")
        else:
            if transform is not None:
                return _apply(transform, picture)
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _apply(transform: ImageCms.ImageCmsTransform, picture: Image.Image) -> Image.Image:
    if transform.input_mode != "L":
        source = picture if picture.mode == transform.input_mode else picture.convert(transform.input_mode)
        return cast(Image.Image, ImageCms.applyTransform(source, transform))
    # Each of the 256 greys once: exact, and cheap without lcms' tables, which are coarse for one channel.
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    converted = cast(Image.Image, ImageCms.applyTransform(ramp, transform))
    return picture.convert("RGB").point([v for band in converted.split() for v in band.tobytes()])


_MODE_OF_SPACE = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}


@lru_cache(maxsize=16)
def _transform(icc: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The way from a profile to sRGB; None where it leads nowhere else. Raises ValueError for a misfit."""
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    space = profile.profile.xcolor_space.strip()
    input_mode = _MODE_OF_SPACE.get(space)
    if input_mode != mode and not (input_mode == "RGB" and mode == "L"):
        raise ValueError(f"it is made for {space} pictures")
    flags = ImageCms.Flags.NOOPTIMIZE if input_mode == "L" else ImageCms.Flags.NONE
    transform = ImageCms.buildTransform(profile, _srgb(), input_mode, "RGB", flags=flags)
    return None if input_mode == "RGB" and _changes_nothing(transform) else transform


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether a lattice of colours comes out as it went in, to one step of 255."""
    steps = np.arange(0, 256, 17, dtype=np.uint8)
    lattice = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 16, 3)
    converted = ImageCms.applyTransform(Image.fromarray(lattice), transform)
    return converted is not None and bool(np.abs(np.asarray(converted).astype(int) - lattice).max() <= 1)


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
