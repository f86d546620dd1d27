"""Photos edited by a recipe: pictures with their recipes beside them, chains, a before/after sheet."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from finepick.domain import Frame, Photo, Skipped, Stage
from finepick.edits.base import ENGINE
from finepick.edits.recipes import Recipe, entries_of, recipe_of, scaled
from finepick.edits.sheets import Row, draw_row, stack_rows
from finepick.errors import ImageError, OutputError, RecipeError, UsageError
from finepick.exports.documents import Document, document, to_json
from finepick.exports.manifest import safe_name
from finepick.exports.writing import atomic_write, could_not_write, make_folder
from finepick.scorers.base import View
from finepick.settings import WORKING_SIDE
from finepick.workflows.library import Library

MOST_LINKS = 64
_AT_ONCE = 8  # pictures of one photo that a reader makes before it is asked again
_LOSSLESS, _LOSSY = (".png",), (".jpg", ".jpeg")
_OTHER_PICTURES = (".tif", ".tiff", ".webp", ".gif", ".bmp", ".heic", ".avif", ".jpe", ".jxl")
_QUALITY = 95
_MOST_RECIPE_BYTES = 16 << 20
_MOST_ROWS = 100
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class EditRequest:
    """What to make of every photo.

    recipe: its steps. links: how many pictures, with all strengths from 1/links of the recipe's up; None = one.
    out: a file (.png, .jpg) for one picture, else a folder; None = no picture. sheet: a .png. quality: of JPEGs, 1…100,
    None = PNG, or 95 where *out* is a .jpg. source: SHA-256 that the photo must have, None = any.
    """

    recipe: Recipe
    links: int | None = None
    out: str | None = None
    sheet: str | None = None
    quality: int | None = None
    long_side: int = WORKING_SIDE
    source: str | None = None

    def __post_init__(self) -> None:
        if not self.recipe:
            raise UsageError("nothing to do; name an edit with --edit, or a recipe with --recipe")
        if self.out is None and self.sheet is None:
            raise UsageError(
                "nowhere to go; name a picture or folder with --out, or a sheet with --sheet FILE.png"
            )
        if self.sheet is not None and not self.sheet.lower().endswith(".png"):
            raise UsageError(f"--sheet takes a file that ends in .png, not '{self.sheet}'")
        if self.out is not None and self.out.lower().endswith(_LOSSLESS) and self.quality is not None:
            raise UsageError("a PNG has no quality; name a .jpg, or leave out --quality")
        if self.out is not None and self.out.lower().endswith(_OTHER_PICTURES):
            raise UsageError(
                f"edited pictures are .png or .jpg; let --out name one, or a folder, not '{self.out}'"
            )
        if self.out is not None and self.sheet is not None and _is_same_name(self.out, self.sheet):
            raise UsageError("--out and --sheet name the same file; choose another one")
        if self.out == "":
            raise UsageError("--out takes a file or a folder, not an empty name")

    @property
    def recipes(self) -> list[Recipe]:
        """One for each picture of a photo."""
        if self.links is None:
            return [self.recipe]
        return [scaled(self.recipe, (link + 1) / self.links) for link in range(self.links)]

    @property
    def seconds_at_once(self) -> float:
        """See `seconds_to_edit`: of what a reader is asked for at once."""
        return seconds_to_edit(min(self.links or 1, _AT_ONCE), self.long_side)

    @property
    def is_one_file(self) -> bool:
        return self.out is not None and self.out.lower().endswith(_LOSSLESS + _LOSSY)

    @property
    def jpeg_quality(self) -> int | None:
        if self.quality is None and self.is_one_file and not str(self.out).lower().endswith(_LOSSLESS):
            return _QUALITY
        return self.quality


@dataclass(frozen=True, slots=True)
class EditedPicture:
    """What was made: where it lies (None where only a sheet was asked for), of what, by which recipe, in words."""

    path: str | None
    source: Photo
    recipe: Recipe
    description: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class EditResult:
    pictures: tuple[EditedPicture, ...]
    skipped: tuple[Skipped, ...]
    ignored: int


def seconds_to_edit(pictures: int, long_side: int) -> float:
    """How much longer than reading a photo may take before its reader is ended, for so many pictures of it.

    Some twenty times what a machine needs that has nothing else to do.
    """
    return 10.0 * pictures * (long_side / WORKING_SIDE) ** 2


def edit_photos(library: Library, paths: Sequence[str], request: EditRequest) -> EditResult:
    """Every photo below *paths* edited as *request* says, with the recipe as JSON beside each picture.

    Originals are never written, nor is anything replaced that holds something else. Raises like `Library.read`;
    UsageError where several pictures would go to one file, RecipeError where the recipe belongs to another photo,
    OutputError.
    """
    reading = library.read(paths, leave_out=_to_leave_out(request, paths))
    _check(request, reading.photos)
    pictures: list[EditedPicture] = []
    lost: list[Skipped] = []
    rows: list[Image.Image] = []
    library.progress.stage("editing", len(reading.photos))
    for photo in reading.photos:
        try:
            made = list(_edited(library, photo, request))
            if request.sheet is not None:
                rows.append(draw_row(_row(library, photo, made, request.long_side)))
        except ImageError as error:
            lost.append(Skipped(photo.path, Stage.READ, error.reason))
        else:
            for picture in made:
                _write(picture, request)
            pictures += [_without_content(picture) for picture in made]
        library.progress.step()
    if request.sheet is not None and rows:
        _write_sheet(rows, request.sheet)
    return EditResult(tuple(pictures), (*reading.skipped, *lost), reading.ignored)


def edit_document(result: EditResult) -> Document:
    """The JSON document of `edit`: pictures in the order of the photos given or found, then of strength."""
    pictures = [
        {
            "path": picture.path,
            "source": picture.source.path,
            "sha256": picture.source.digest,
            "recipe": entries_of(picture.recipe),
            "description": picture.description,
        }
        for picture in result.pictures
    ]
    skipped = [
        {"path": lost.path, "stage": str(lost.stage), "reason": lost.reason} for lost in result.skipped
    ]
    counts = {"pictures": len(pictures), "skipped": len(skipped), "ignored": result.ignored}
    return document(engine=ENGINE, pictures=pictures, skipped=skipped, counts=counts)


@dataclass(frozen=True, slots=True)
class RecipeFile:
    """What a file says: the recipe, and where it says so, what it takes to make the very same picture again."""

    recipe: Recipe
    source: str | None = None
    long_side: int | None = None
    quality: int | None = None

    def quality_for(self, out: str | None) -> int | None:
        """The quality to write *out* with; a PNG has none."""
        return None if out is None or out.lower().endswith(_LOSSLESS) else self.quality


def read_recipe(path: str) -> RecipeFile:
    """What the file *path* says: the list of steps, or the document that lies beside an edited picture.

    Raises RecipeError.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(_MOST_RECIPE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RecipeError(f"{path} cannot be read, {reason.lower()}; check the name", path=path) from error
    try:
        if len(content) > _MOST_RECIPE_BYTES:
            raise ValueError
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RecipeError(
            f"{path}: this is not JSON; name the .json beside an edited picture", path=path
        ) from error
    if not isinstance(found, dict):
        return RecipeFile(recipe_of(found, path=path))
    source = found.get("source")
    source = source if isinstance(source, dict) else {}
    return RecipeFile(
        recipe_of(found.get("recipe"), path=path),
        source["sha256"] if isinstance(source.get("sha256"), str) else None,
        _whole(source.get("long_side"), most=100_000),
        _whole(found.get("quality"), most=100),
    )


def _whole(value: object, *, most: int) -> int | None:
    """*value* where it is a whole number from 1 to *most*."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most else None


def _to_leave_out(request: EditRequest, paths: Sequence[str]) -> list[str]:
    """The folder that is written to, where it lies below what is read: its pictures are none to edit again."""
    if request.out is None or request.is_one_file or any(_lies_in(path, request.out) for path in paths):
        return []
    return [request.out]


def _check(request: EditRequest, photos: Sequence[Photo]) -> None:
    count = len(photos) * (request.links or 1)
    if request.is_one_file and count > 1:
        raise UsageError(f"{count} pictures do not go into one file; let --out name a folder")
    if request.sheet is not None and len(photos) > _MOST_ROWS:
        raise UsageError(f"a sheet has room for {_MOST_ROWS} photos, not for {len(photos)}; name fewer")
    for photo in photos:
        if request.source is not None and photo.digest != request.source:
            raise RecipeError(
                f"the recipe is for another photo than {photo.path}; name that one, or take 'source' out of the recipe "
                "to follow it with any photo",
                path=photo.path,
            )
        for target in (request.out, request.sheet):
            if target is not None and _is_same(target, photo.path):
                raise UsageError(
                    f"'{target}' is the photo itself; originals are not written, choose another name"
                )
        if request.out is not None and not request.is_one_file and _lies_in(photo.path, request.out):
            raise UsageError(f"'{request.out}' is the folder of the originals; choose another one")


def _edited(library: Library, photo: Photo, request: EditRequest) -> Iterator[EditedPicture]:
    recipes = request.recipes
    portions = [recipes[start : start + _AT_ONCE] for start in range(0, len(recipes), _AT_ONCE)]
    views = [
        view_of(0, portion, long_side=request.long_side, quality=request.jpeg_quality) for portion in portions
    ]
    for portion, made in zip(portions, library.views([photo], views), strict=True):
        for number, recipe in enumerate(portion):
            yield EditedPicture(
                _path(photo, recipe, request),
                photo,
                recipe,
                made[f"words {number}"].tobytes().decode(),
                made[f"file {number}"].tobytes(),
            )


def view_of(index: int, recipes: Sequence[Recipe], *, long_side: int, quality: int | None) -> View:
    """What a reader is asked for to make the pictures of *recipes* of photo *index*."""
    arguments = {"recipes": [entries_of(recipe) for recipe in recipes], "quality": quality}
    return View(index, long_side, "finepick.edits.pictures:edited_files", arguments)


def _path(photo: Photo, recipe: Recipe, request: EditRequest) -> str | None:
    if request.out is None or request.is_one_file:
        return request.out
    stem = os.path.splitext(safe_name(photo))[0]
    extension = ".png" if request.jpeg_quality is None else ".jpg"
    return os.path.join(request.out, f"{stem}-{_label(recipe)}{extension}")


def _label(recipe: Recipe) -> str:
    """A short name for *recipe*, another one for every other recipe."""
    if len(recipe) > _MOST_NAMED:
        return "recipe-" + hashlib.sha256(json.dumps(entries_of(recipe)).encode()).hexdigest()[:8]
    names, strengths = (
        "+".join(words) for words in zip(*((s.edit, f"{s.strength:.4g}") for s in recipe), strict=True)
    )
    seeds = "+".join(str(step.seed) for step in recipe)
    return f"{names}-{strengths}" + (f"-{seeds}" if any(step.seed for step in recipe) else "")


def _write(picture: EditedPicture, request: EditRequest) -> None:
    if picture.path is None:
        return
    folder = os.path.dirname(picture.path)
    if folder:
        make_folder(folder)
    files = {
        picture.path: picture.content,
        os.path.splitext(picture.path)[0] + ".json": _recipe_document(picture, request),
    }
    missing = [path for path, content in files.items() if not _holds(path, content)]
    for path in missing:
        atomic_write(path, files[path])


def _recipe_document(picture: EditedPicture, request: EditRequest) -> bytes:
    source = {
        "name": os.path.basename(picture.source.path),
        "sha256": picture.source.digest,
        "long_side": request.long_side,
    }
    content = document(
        engine=ENGINE,
        source=source,
        recipe=entries_of(picture.recipe),
        description=picture.description,
        quality=request.jpeg_quality,
    )
    return (to_json(content) + "\n").encode("ascii")


def _holds(path: str, content: bytes) -> bool:
    """Whether *path* holds just *content*; False where nothing is there. Raises OutputError for anything else."""
    try:
        if not os.path.lexists(path):
            return False
        with open(path, "rb") as file:
            if file.read(len(content) + 1) == content:
                return True
    except OSError as error:
        raise could_not_write(path, error) from error
    raise OutputError(f"{path} is there already and holds something else; choose another name", path=path)


def _row(library: Library, photo: Photo, pictures: Sequence[EditedPicture], long_side: int) -> Row:
    before = library.frame(photo, long_side)
    frames = [_opened(picture.content) for picture in pictures]
    captions = [f"{_strengths(picture.recipe)}: {picture.description}" for picture in pictures]
    return Row([before, *frames], [os.path.basename(photo.path), *captions])


def _strengths(recipe: Recipe) -> str:
    return ", ".join(f"{step.edit} {step.strength:.3g}" for step in recipe)


def _opened(content: bytes) -> Frame:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def _without_content(picture: EditedPicture) -> EditedPicture:
    return EditedPicture(picture.path, picture.source, picture.recipe, picture.description, b"")


def _write_sheet(rows: Sequence[Image.Image], path: str) -> None:
    file = io.BytesIO()
    stack_rows(rows).save(file, "PNG")
    if not _holds(path, file.getvalue()):
        atomic_write(path, file.getvalue())


def _lies_in(path: str, folder: str) -> bool:
    inside, outside = os.path.realpath(path), os.path.realpath(folder)
    return inside == outside or inside.startswith(os.path.join(outside, ""))


def _is_same_name(a: str, b: str) -> bool:
    return os.path.abspath(a) == os.path.abspath(b)


def _is_same(a: str, b: str) -> bool:
    try:
        return os.path.samefile(a, b)
    except (OSError, ValueError):
        return False
