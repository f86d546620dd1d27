"""A model that speaks, behind a real server: it likes fine detail, and says so."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from finepick.scorers.red_aes.prompts import compare_prompt
from tests.chat_server import Asked, Reply


def detail_of(jpeg: bytes) -> float:
    """Mean step from pixel to pixel, of 255."""
    pixels = np.asarray(Image.open(io.BytesIO(jpeg)).convert("L"), np.float64)
    return float(np.abs(np.diff(pixels, axis=1)).mean()) if pixels.shape[1] > 1 else 0.0


def speaks(asked: Asked) -> Reply:
    """A rating of one picture, or a verdict on two; a little different for each seed."""
    scatter = asked.document["seed"] % 3
    if len(asked.pictures) == 1:
        value = min(98, int(8 * detail_of(asked.pictures[0]))) + scatter
        return rated(value, f"Detail for {value} of them.")
    assert asked.words == compare_prompt()
    first, second = map(detail_of, asked.pictures)
    gap = first - second
    if abs(gap) < 1e-9:
        return verdict("similar", 0)
    strength = 1 + int(abs(gap) > 1) + int(abs(gap) > 3 and scatter > 0)
    return verdict("first" if gap > 0 else "second", strength, "Crisper." if gap > 0 else "Softer.")


def rated(value: float, thought: str = "Fine.") -> Reply:
    return Reply(f"<think>{thought}</think>\n<rating>{value}</rating>")


def verdict(winner: str, strength: int, thought: str = "Fine.") -> Reply:
    return Reply(f"<think>{thought}</think>\n<verdict>{winner}</verdict>\n<strength>{strength}</strength>")


def card_at(folder: Path, address: str, **options: Any) -> Path:
    """A card that names the server at *address*."""
    path = folder / "judge.json"
    path.write_text(json.dumps({"endpoint": address, "model": "made", "samples": 3, **options}))
    return path
