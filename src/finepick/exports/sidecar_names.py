"""Which sidecar a photo has, told by what lies in its folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from finepick.domain import Photo
from finepick.exports.copies import name_key
from finepick.images.formats import JPEG_EXTENSIONS, RAW_EXTENSIONS, extension_of, has_picture_extension


@dataclass(frozen=True, slots=True)
class Folder:
    """The names in a folder, also as a file system sees them that tells neither case nor accents apart."""

    names: frozenset[str]
    by_key: Mapping[str, tuple[str, ...]]
    pictures_by_stem: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, names: Iterable[str]) -> Folder:
        by_key: dict[str, tuple[str, ...]] = {}
        pictures: dict[str, tuple[str, ...]] = {}
        ordered = sorted(names)
        for name in ordered:
            key, stem = name_key(name), name_key(os.path.splitext(name)[0])
            by_key[key] = (*by_key.get(key, ()), name)
            if has_picture_extension(name):
                pictures[stem] = (*pictures.get(stem, ()), name)
        return cls(frozenset(ordered), by_key, pictures)

    def existing(self, name: str) -> str | None:
        """*name* as it is spelt here; None where there is no such file."""
        same = self.by_key.get(name_key(name), ())
        return name if name in same else next(iter(same), None)


def choose_sidecar(photo: Photo, name: str, folder: Folder) -> tuple[str, str | None]:
    """The name of the sidecar of *photo*, called *name* in *folder*, and of the other one if it has two."""
    stem = os.path.splitext(name)[0]
    appended, plain = f"{name}.xmp", f"{stem}.xmp"
    there = folder.existing(appended)
    if not _owns_stem(name, stem, folder):
        return there or appended, None
    there_plain = folder.existing(plain)
    if there and there_plain:
        return (there_plain, there) if _is_raw(photo) else (there, there_plain)
    return there or there_plain or (plain if _is_raw(photo) else appended), None


def _owns_stem(name: str, stem: str, folder: Folder) -> bool:
    """Whether IMG.xmp can only be meant for the photo *name*, alone or as one of a RAW and its JPEG."""
    if any(has_picture_extension(same) for same in folder.by_key.get(name_key(stem), ())):
        return False  # "IMG.CR3.jpg" beside "IMG.CR3": IMG.CR3.xmp is the latter's
    sharing = {*folder.pictures_by_stem.get(name_key(stem), ()), name}
    raws = sum(extension_of(same) in RAW_EXTENSIONS for same in sharing)
    jpegs = sum(extension_of(same) in JPEG_EXTENSIONS for same in sharing)
    return len(sharing) == 1 or (len(sharing), raws, jpegs) == (2, 1, 1)


def _is_raw(photo: Photo) -> bool:
    return photo.metadata.format.lower() == "raw" or extension_of(photo.path) in RAW_EXTENSIONS
