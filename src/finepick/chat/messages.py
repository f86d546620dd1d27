"""What is sent and what comes back: texts and pictures for a model to see, JSON out of its answer."""

from __future__ import annotations

import base64
import io
import json
import re
from typing import Any

from PIL import Image

from finepick.domain import Frame

PICTURE_SIDE = 512

PICTURE_TOKENS = 350
"""About what a picture of 512 pixels counts: (512 · 384) / 750, or one for every 28 × 28 pixels; servers differ."""

_FENCE = re.compile(r"```(?:json)?\s*(\{.*\})\s*```", re.DOTALL)


def said(text: str) -> dict[str, Any]:
    """*text* as a part of a message."""
    return {"type": "text", "text": text}


def shown(jpeg: bytes) -> dict[str, Any]:
    """The picture *jpeg* as a part of a message."""
    data = base64.b64encode(jpeg).decode("ascii")
    return {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}}


def asked(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """*parts* as what the user says, and nothing else: a whole conversation."""
    return [{"role": "user", "content": parts}]


def jpeg_of(frame: Frame) -> bytes:
    """*frame* (H × W × 3) as a JPEG with a long side of at most `PICTURE_SIDE` pixels."""
    picture = Image.fromarray(frame)
    picture.thumbnail((PICTURE_SIDE, PICTURE_SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def object_in(content: str) -> dict[str, Any]:
    """The JSON object that an answer is, with or without a code fence. Raises ValueError for anything else."""
    fenced = _FENCE.fullmatch(content.strip())
    try:
        document = json.loads(fenced[1] if fenced else content)
    except RecursionError as error:
        raise ValueError("it is nested without end") from error
    if not isinstance(document, dict):
        raise ValueError("it is not an object")
    return document
