"""Previews for the report are made while photos are read, and are those that a second look would give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from finepick.settings import Settings
from finepick.workflows.library import Library


def photos_in(folder: Path) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(5)
    for i in range(3):
        coarse = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((400, 300)).save(folder / f"{i}.jpg")
    return folder


def settings_in(folder: Path) -> Settings:
    return Settings(cache_folder=str(folder / "cache"), models_folder=str(folder / "models"), workers=2)


def test_previews_kept_from_reading_are_those_of_a_second_look(tmp_path: Path) -> None:
    folder = photos_in(tmp_path / "photos")
    with Library(settings_in(tmp_path)) as library:
        photos = library.read([str(folder)]).photos
        expected = list(library.previews(photos))
    with Library(settings_in(tmp_path / "other"), keep_previews=True) as library:
        photos = library.read([str(folder)]).photos
        for photo in photos:
            Path(photo.path).unlink()
        assert list(library.previews(reversed(photos))) == expected[::-1]
    assert None not in expected


def test_photos_that_were_known_already_are_looked_at_again(tmp_path: Path) -> None:
    folder = photos_in(tmp_path / "photos")
    with Library(settings_in(tmp_path)) as library:
        library.read([str(folder / "1.jpg")])
    with Library(settings_in(tmp_path), keep_previews=True) as library:
        photos = library.read([str(folder)]).photos
        Path(photos[2].path).unlink()
        previews = list(library.previews(photos))
        assert all(preview is not None and preview[:2] == b"\xff\xd8" for preview in previews)
    with Library(settings_in(tmp_path)) as library:
        assert list(library.previews([photos[1], photos[2], photos[0]])) == [previews[1], None, previews[0]]
