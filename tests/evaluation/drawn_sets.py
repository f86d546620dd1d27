"""A small drawn data set: each series a scene, sharp, soft and softer, as people would order it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import ImageFilter

from tests.conftest import save_photo, scene


def draw_set(folder: Path, *, series: int = 4, size: tuple[int, int] = (160, 120), **row: Any) -> Path:
    """A folder with `series.jsonl`; series are of categories natural and aigc in turn, photos best first."""
    lines = []
    for number in range(series):
        picture = scene(number, size)
        photos = []
        for step, radius in enumerate((0.0, 1.2, 2.5)):
            name = f"{number:03d}-{step}.png"
            save_photo(picture.filter(ImageFilter.GaussianBlur(radius)) if radius else picture, folder / name)
            photos.append(name)
        lines.append(
            {
                "series": f"s{number}",
                "category": ["natural", "aigc"][number % 2],
                "split": "test",
                "photos": photos,
                "pairs": None,
                "ranks": None,
                "scores": [4.5, 3.0, 1.5],
                "scale": [1, 5],
                **row,
            }
        )
    (folder / "series.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder
