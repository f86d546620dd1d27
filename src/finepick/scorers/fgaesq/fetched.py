"""What `finepick models fetch fgaesq` has put on this disk, and where; nothing here goes to the network."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

from finepick.errors import WeightsNotFoundError
from finepick.settings import Settings

MODEL = "fgaesq"
HOW_TO_FETCH = f"finepick models fetch {MODEL}"
RECORD = "fetched.json"


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """One file of the folder: `path` in `repository` at `commit`; `tag` is what the Hub knew its content by."""

    name: str
    repository: str
    path: str
    revision: str
    commit: str
    size: int
    sha256: str
    tag: str


@dataclass(frozen=True, slots=True)
class FetchedFiles:
    """A fetched model: the file of weights, and the folder that holds CLIP's tokenizer files."""

    folder: str
    files: tuple[FetchedFile, ...]

    @property
    def weights(self) -> str:
        """Path of the weights; a `.pt`, `.pth` or `.safetensors`."""
        return os.path.join(self.folder, self.files[0].name)

    @property
    def tokenizer(self) -> str:
        """Folder for `read_tokenizer`."""
        return self.folder

    @property
    def tokenizer_files(self) -> tuple[str, ...]:
        return tuple(os.path.join(self.folder, one.name) for one in self.files[1:])

    @property
    def commit(self) -> str:
        """The commit of the weights' repository that they are of."""
        return self.files[0].commit

    def to_json(self) -> str:
        return json.dumps({"files": [asdict(one) for one in self.files]}, indent=1) + "\n"


def fetched_folder(settings: Settings) -> str:
    return os.path.join(settings.models_folder, MODEL)


def fetched_files(settings: Settings) -> FetchedFiles | None:
    """What was fetched, if all of it is still here at its size; None otherwise. Contents are not read."""
    kept = read_record(fetched_folder(settings))
    if kept is None or not all(
        _is_whole(os.path.join(kept.folder, one.name), one.size) for one in kept.files
    ):
        return None
    return kept


def require_fetched(settings: Settings) -> FetchedFiles:
    """What was fetched. Raises WeightsNotFoundError where that is nothing, or not whole any more."""
    here = fetched_files(settings)
    if here is not None:
        return here
    folder = fetched_folder(settings)
    is_spoilt = os.path.exists(os.path.join(folder, RECORD))
    trouble = "are not whole any more" if is_spoilt else "are not on this disk"
    raise WeightsNotFoundError(
        f"the weights of '{MODEL}' {trouble} ({folder}); get them with: {HOW_TO_FETCH}", path=folder
    )


def read_record(folder: str) -> FetchedFiles | None:
    """What was once fetched into *folder*, weights first; None where nothing was, or the record is spoilt."""
    try:
        with open(os.path.join(folder, RECORD), encoding="utf-8") as file:
            rows = json.load(file)["files"]
        files = tuple(FetchedFile(**row) for row in rows)
        is_sound = all(_is_sound(one) for one in files)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return FetchedFiles(folder, files) if is_sound and len(files) > 1 else None


def _is_sound(one: FetchedFile) -> bool:
    texts = (one.name, one.repository, one.path, one.revision, one.commit, one.sha256, one.tag)
    is_plain = all(isinstance(text, str) for text in texts) and one.name == os.path.basename(one.name) != ""
    return is_plain and isinstance(one.size, int)


def _is_whole(path: str, size: int) -> bool:
    try:
        return os.path.isfile(path) and os.path.getsize(path) == size
    except OSError:
        return False
