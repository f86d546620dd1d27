"""Before and after, side by side, with captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from finepick.domain import Frame

_MARGIN, _GAP = 20, 14
_FONT_SIZE, _LINE, _MOST_LINES = 15, 20, 3
_INK, _PAPER = (232, 232, 236), (24, 24, 28)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a sheet: pictures and as many captions."""

    frames: Sequence[Frame]
    captions: Sequence[str]


def draw_sheet(rows: Sequence[Row], *, panel: int = 360) -> Image.Image:
    """*rows* under one another; each picture at most *panel* pixels long, its caption of up to three lines below.

    All pictures of a row are shown at one scale, so that a crop looks as small as it is. Raises ValueError for no
    row, an empty one, or one with more or fewer captions.
    """
    return stack_rows([draw_row(row, panel=panel) for row in rows])


def draw_row(row: Row, *, panel: int = 360) -> Image.Image:
    """One row of a sheet, for `stack_rows`. Raises ValueError."""
    if not len(row.frames) == len(row.captions) > 0:
        raise ValueError(f"{len(row.frames)} pictures and {len(row.captions)} captions make no row")
    scale = min(1.0, panel / max(max(frame.shape[:2]) for frame in row.frames))
    pictures = [_scaled(frame, scale) for frame in row.frames]
    columns = [max(picture.width, panel // 2) for picture in pictures]
    texts = [_wrapped(text, column) for text, column in zip(row.captions, columns, strict=True)]
    high = max(picture.height for picture in pictures)
    width = sum(columns) + _GAP * (len(columns) - 1)
    drawn = Image.new("RGB", (width, high + 8 + _LINE * max(len(lines) for lines in texts)), _PAPER)
    brush = ImageDraw.Draw(drawn)
    left = 0
    for picture, lines, column in zip(pictures, texts, columns, strict=True):
        drawn.paste(picture, (left, high - picture.height))
        for number, line in enumerate(lines):
            brush.text((left, high + 6 + number * _LINE), line, fill=_INK, font=_font())
        left += column + _GAP
    return drawn


def stack_rows(rows: Sequence[Image.Image]) -> Image.Image:
    """Rows of `draw_row` as one sheet. Raises ValueError where there is none."""
    if not rows:
        raise ValueError("a sheet has at least one row")
    width = 2 * _MARGIN + max(row.width for row in rows)
    height = 2 * _MARGIN + sum(row.height for row in rows) + _GAP * (len(rows) - 1)
    sheet = Image.new("RGB", (width, height), _PAPER)
    top = _MARGIN
    for row in rows:
        sheet.paste(row, (_MARGIN, top))
        top += row.height + _GAP
    return sheet


def _scaled(frame: Frame, scale: float) -> Image.Image:
    picture = Image.fromarray(frame)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(size, Image.Resampling.LANCZOS) if scale < 1 else picture


def _wrapped(text: str, width: int) -> list[str]:
    """*text* in at most three lines of *width* pixels; what does not fit ends in dots."""
    font = _font()
    lines = [""]
    for word in text.encode("utf-8", "replace").decode().split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    if len(lines) > _MOST_LINES:
        lines = lines[:_MOST_LINES]
        lines[-1] += "…"
    return [_cut(line, width) for line in lines]


def _cut(line: str, width: int) -> str:
    font = _font()
    if font.getlength(line) <= width:
        return line
    while len(line) > 1 and font.getlength(line + "…") > width:
        line = line[:-1]
    return line + "…"


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(_FONT_SIZE)
