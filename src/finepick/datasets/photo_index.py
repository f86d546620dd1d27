"""Which photos lie in the folder of a published data set, found by names that are spelt in many ways."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from finepick.datasets.files import Place, listed, shown
from finepick.datasets.records import Remark

EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")

_NUMBERED = re.compile(r"(\d{1,9})-(\d{1,6})", re.ASCII)


@dataclass(slots=True)
class PhotoIndex:
    """The photos below *folder*, by name and by the numbers in names like 000009-01.jpg.

    What is missing, or there more than once, becomes a remark; a folder without photos is one remark, not
    thousands. *preferred*: parts of paths, in the order of preference, where a name is there several times.
    """

    folder: str
    preferred: Sequence[str] = ()
    remarks: list[Remark] = field(default_factory=list)
    _by_stem: dict[str, list[str]] = field(default_factory=dict)
    _by_number: dict[int, dict[int, list[str]]] = field(default_factory=dict)
    _folders: set[str] = field(default_factory=set)
    _missed: set[str] = field(default_factory=set)
    _told_of_none: bool = False

    def __post_init__(self) -> None:
        for path in _photos_below(self.folder):
            stem = os.path.splitext(os.path.basename(path))[0]
            self._by_stem.setdefault(stem.casefold(), []).append(path)
            if match := _NUMBERED.fullmatch(stem):
                self._by_number.setdefault(int(match[1]), {}).setdefault(int(match[2]), []).append(path)
                self._folders.update(path.casefold().split("/")[:-1])

    @property
    def is_empty(self) -> bool:
        return not self._by_stem

    def find(self, name: str, place: Place, *, default: str | None = None) -> str:
        """The path of the photo called *name* (with or without folders before it); *default* where there is none.

        Case and extension may differ; one that has the same is preferred.
        """
        head, extension = os.path.splitext(name)
        if extension.lower() not in EXTENSIONS:
            head = name
        found = [
            path
            for path in self._by_stem.get(os.path.basename(head).casefold(), [])
            if _ends_with(os.path.splitext(path)[0].casefold(), head.casefold())
        ]
        exact = [path for path in found if _ends_with(path, name)]
        return self._one_of(exact or found, name, place) or (default or name)

    def find_numbered(self, number: int, index: int, place: Place, *, near: str = "", default: str) -> str:
        """The path of photo *index* of series *number*; *default* where there is none.

        Where a folder is called *near*, only photos below it are looked at: numbers may mean something else elsewhere.
        """
        found = self._of_series(number, near).get(index, [])
        return self._one_of(found, os.path.basename(default), place) or default

    def indices_of(self, number: int, *, near: str = "") -> set[int]:
        """The indices of the photos there are of series *number*, labelled or not."""
        return set(self._of_series(number, near))

    def _of_series(self, number: int, near: str) -> dict[int, list[str]]:
        found = self._by_number.get(number, {})
        if near not in self._folders:
            return found
        nearby = {
            index: [path for path in paths if near in path.casefold().split("/")[:-1]]
            for index, paths in found.items()
        }
        return {index: paths for index, paths in nearby.items() if paths}

    def _one_of(self, found: list[str], name: str, place: Place) -> str | None:
        if not found:
            self._miss(name, place)
            return None
        for part in self.preferred:
            if chosen := [path for path in found if part in path]:
                found = chosen
                break
        best = min(found, key=lambda path: (path.count("/"), path))
        if len(found) > 1:
            text = f"'{shown(name)}' could be {listed(sorted(found))}; {best} is taken"
            self.remarks.append(Remark("several_photos", str(place), text))
        return best

    def _miss(self, name: str, place: Place) -> None:
        if name in self._missed:
            return
        self._missed.add(name)
        if not self.is_empty:
            self.remarks.append(Remark("missing_photo", str(place), f"there is no photo '{shown(name)}'"))
        elif not self._told_of_none:
            self._told_of_none = True
            text = "there are labels here but no photos; paths are those of the published layout"
            self.remarks.append(Remark("no_photos", self.folder, text))


def _ends_with(path: str, tail: str) -> bool:
    return path == tail or path.endswith("/" + tail)


def _photos_below(folder: str) -> list[str]:
    """Paths relative to *folder*, with "/" between their parts; links are followed, each real folder once."""
    found: list[str] = []
    seen: set[str] = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        below = os.path.relpath(root, folder).replace(os.sep, "/")
        start = "" if below == "." else below + "/"
        found.extend(
            start + name
            for name in sorted(names)
            if name.lower().endswith(EXTENSIONS) and not name.startswith(".")
        )
    return found


def find_label_files(
    folder: str, pattern: re.Pattern[str], *, depth: int = 3, preferred: str = ""
) -> dict[str, str]:
    """The files at most *depth* folders below *folder* whose lower-case name matches *pattern*: name → path.

    One that lies in a folder called *preferred* wins over others of its name. Raises DatasetError where one
    name is there twice otherwise.
    """
    found: dict[str, str] = {}
    for root, folders, names in os.walk(folder):
        below = os.path.relpath(root, folder)
        level = 0 if below == os.curdir else below.count(os.sep) + 1
        folders[:] = sorted(folders) if level < depth else []
        for name in sorted(names):
            if not pattern.fullmatch(name.lower()):
                continue
            other = found.get(name.lower())
            if other is not None and os.path.basename(os.path.dirname(other)) == preferred:
                continue
            if other is not None and os.path.basename(root) != preferred:
                raise Place(folder).error(
                    f"{name} is there twice, as {other} and {os.path.join(root, name)}",
                    "keep one of them",
                )
            found[name.lower()] = os.path.join(root, name)
    return found
