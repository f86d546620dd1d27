"""Where two frames differ, as a picture: both side by side under a veil that opens where they differ."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from finepick.domain import FloatArray, Frame

_MARGIN, _GAP, _LEGEND = 24, 16, 56
_INK, _SOFT_INK, _PAPER = (232, 232, 236), (150, 150, 158), (24, 24, 28)
# Dark violet over orange to pale yellow: even steps of lightness, told apart with any colour vision.
_HEAT = np.array(
    [
        [28, 16, 68],
        [79, 18, 123],
        [129, 37, 129],
        [181, 54, 122],
        [229, 80, 100],
        [251, 135, 97],
        [254, 194, 135],
        [252, 253, 191],
    ],
    np.float64,
)
_FAINTEST = 0.12  # differences below this are what two exposures of one thing show


def draw_difference(
    frame_a: Frame,
    frame_b: Frame,
    map_a: FloatArray,
    map_b: FloatArray,
    *,
    names: tuple[str, str] = ("A", "B"),
    long_side: int = 900,
) -> Image.Image:
    """Both frames side by side, grey and dimmed where they agree, glowing where they differ, with a legend.

    Frames are H × W × 3 uint8, maps (rows, columns) in [0, 1] over the same frame. Each frame becomes at most
    *long_side* pixels long.
    """
    panels = [_panel(frame_a, map_a, long_side), _panel(frame_b, map_b, long_side)]
    height = max(panel.height for panel in panels)
    width = sum(panel.width for panel in panels) + _GAP + 2 * _MARGIN
    title = 34
    picture = Image.new("RGB", (width, height + title + _LEGEND + 2 * _MARGIN), _PAPER)
    brush = ImageDraw.Draw(picture)
    left = _MARGIN
    for panel, name in zip(panels, names, strict=True):
        brush.text((left, _MARGIN - 2), _fitting(name, panel.width, 20), fill=_INK, font=_font(20))
        picture.paste(panel, (left, _MARGIN + title + (height - panel.height) // 2))
        left += panel.width + _GAP
    _draw_legend(picture, brush, _MARGIN + title + height + 20)
    return picture


def heat(difference: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Colours (…, 3) of differences 0…1, from dark violet to pale yellow."""
    place = np.clip(difference, 0.0, 1.0) * (len(_HEAT) - 1)
    lower = np.minimum(place.astype(np.intp), len(_HEAT) - 2)
    share = (place - lower)[..., None]
    return np.asarray(np.rint(_HEAT[lower] * (1 - share) + _HEAT[lower + 1] * share), np.uint8)


def overlay(frame: Frame, difference: FloatArray) -> Image.Image:
    """*frame* at its own size: dim and grey where nothing differs, coloured and ringed where it does."""
    height, width = frame.shape[:2]
    plane = Image.fromarray(np.asarray(difference, np.float32))
    smooth = np.asarray(plane.resize((width, height), Image.Resampling.BICUBIC), np.float64)
    strength = np.clip((smooth - _FAINTEST) / (1 - _FAINTEST), 0.0, 1.0)
    luma = np.asarray(Image.fromarray(frame).convert("L"), np.float64)[..., None]
    open_here = np.sqrt(strength)[..., None]
    base = (14 + 0.5 * luma) * (1 - open_here) + frame * open_here
    opacity = 0.3 * open_here + 0.35 * open_here * (1 - open_here)
    opacity = np.maximum(opacity, 0.9 * _rim(strength)[..., None])
    veiled = base * (1 - opacity) + heat(strength) * opacity
    return Image.fromarray(np.clip(veiled, 0, 255).astype(np.uint8))


def _rim(strength: FloatArray) -> FloatArray:
    """0…1: a line where *strength* passes one half, a few pixels wide."""
    inside = Image.fromarray(np.where(strength > 0.5, 255, 0).astype(np.uint8))
    wide = 3 if max(inside.size) < 1200 else 5
    edge = np.asarray(inside.filter(ImageFilter.MaxFilter(wide)), np.float64) - np.asarray(inside)
    softened = Image.fromarray(edge.astype(np.uint8)).filter(ImageFilter.BoxBlur(0.6))
    return np.asarray(softened, np.float64) / 255


def _panel(frame: Frame, difference: FloatArray, long_side: int) -> Image.Image:
    picture = Image.fromarray(frame)
    scale = long_side / max(picture.size)
    if scale < 1 or max(picture.size) < 320:
        scale = min(scale, 320 / max(picture.size)) if scale > 1 else scale
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    return overlay(np.asarray(picture), difference)


def _draw_legend(picture: Image.Image, brush: ImageDraw.ImageDraw, top: int) -> None:
    length = min(260, picture.width - 2 * _MARGIN)
    ramp = heat(np.linspace(0, 1, length))[None].repeat(12, axis=0)
    picture.paste(Image.fromarray(ramp), (_MARGIN, top))
    brush.text((_MARGIN, top + 18), "alike", fill=_SOFT_INK, font=_font(14))
    word = "differs"
    room = brush.textlength(word, font=_font(14))
    brush.text((_MARGIN + length - room, top + 18), word, fill=_SOFT_INK, font=_font(14))


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _fitting(name: str, width: int, size: int) -> str:
    """*name*, its beginning left out where it is too long; what no font can show becomes a box."""
    shown = name.encode("utf-8", "replace").decode("utf-8").replace("\n", " ")
    font = _font(size)
    if font.getlength(shown) <= width:
        return shown
    while len(shown) > 1 and font.getlength("…" + shown) > width:
        shown = shown[1:]
    return "…" + shown
