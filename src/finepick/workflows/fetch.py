"""Fetching a model from the Hub: whole, checked and remembered, or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finepick.errors import FetchError, OutputError, UsageError
from finepick.exports.writing import atomic_write, could_not_write, make_folder, sync_folder
from finepick.scorers.catalog import CHECKPOINTS, load_scorer
from finepick.scorers.fgaesq.fetched import (
    MODEL,
    RECORD,
    FetchedFile,
    FetchedFiles,
    fetched_folder,
    read_record,
)
from finepick.scorers.fgaesq.sentences import PART_FILES, WHOLE_FILE
from finepick.settings import Settings
from finepick.workflows.progress import NoProgress, Progress

if TYPE_CHECKING:
    from finepick.workflows.hub import Hub, Repository

WEIGHTS_REPOSITORY = "yzc002/FGAesQ"
TOKENIZER_REPOSITORY = "openai/clip-vit-base-patch16"

_WEIGHTS = "weights"
_LOCK = ".fetching.lock"


def fetch_model(
    name: str,
    settings: Settings,
    *,
    revision: str | None = None,
    file: str | None = None,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda message: None,
    warn: Callable[[str], None] = lambda message: None,
) -> FetchedFiles:
    """Bring the model *name* to `settings.models_folder`, and return what is there then.

    *revision*: a branch, tag or commit of its repository instead of the setting's; *file*: which file of
    weights, where there are several. What is here already and unchanged is not fetched again; a download that
    was cut off is taken up where it ended. *tell* hears what goes on, *warn* what has changed since the last time.
    Files take their places only when all of them have come and are what the Hub says they are.

    Raises UsageError or UnknownScorerError for a model that is not fetched, FetchError, SettingsError,
    OutputError, MissingExtraError.
    """
    if name != MODEL:
        load_scorer(name)
        raise UsageError(f"the model '{name}' comes with Finepick; there is nothing to fetch")
    from finepick.workflows.hub import open_hub

    folder = fetched_folder(settings)
    hub = open_hub()
    weights = hub.repository(WEIGHTS_REPOSITORY, revision or settings.fgaesq_revision)
    tokenizer = hub.repository(TOKENIZER_REPOSITORY, "main")
    before = read_record(folder)
    wanted = [
        _Wanted(weights, chosen := _choose_weights(weights, file, before), _local_name(chosen)),
        *(_Wanted(tokenizer, path, path) for path in _choose_tokenizer(tokenizer)),
    ]
    make_folder(folder)
    with _alone(folder):
        return _Fetch(hub, folder, before, progress or NoProgress(), tell, warn).run(wanted)


@dataclass(frozen=True, slots=True)
class _Wanted:
    repository: Repository
    path: str
    name: str

    @property
    def tag(self) -> str:
        return self.repository.files[self.path].tag


@dataclass(frozen=True, slots=True)
class _Fetch:
    hub: Hub
    folder: str
    before: FetchedFiles | None
    progress: Progress
    tell: Callable[[str], None]
    warn: Callable[[str], None]

    def run(self, wanted: Sequence[_Wanted]) -> FetchedFiles:
        arrived = [self._bring(one) for one in wanted]
        now = FetchedFiles(self.folder, tuple(file for file, _ in arrived))
        try:
            for file, part in arrived:
                if part is not None:
                    os.replace(part, os.path.join(self.folder, file.name))
            sync_folder(self.folder)
            atomic_write(os.path.join(self.folder, RECORD), now.to_json().encode())
            self._tidy(now)
        except OSError as error:
            raise could_not_write(self.folder, error) from error
        return now

    def _bring(self, one: _Wanted) -> tuple[FetchedFile, str | None]:
        """The file as it will be known, and the finished download that is to take its place, if there is one."""
        remote = one.repository.files[one.path]
        known = self._known(one.name)
        digest, part = (
            (known.sha256, None) if known and self._is_as_wanted(one, known) else self._download(one)
        )
        size = os.path.getsize(part or os.path.join(self.folder, one.name))
        return (
            FetchedFile(
                name=one.name,
                repository=one.repository.name,
                path=remote.path,
                revision=one.repository.revision,
                commit=one.repository.commit,
                size=size,
                sha256=digest,
                tag=remote.tag,
            ),
            part,
        )

    def _known(self, name: str) -> FetchedFile | None:
        """What was fetched for the same purpose; the weights come first, and may have another ending now."""
        if self.before is None:
            return None
        first, *others = self.before.files
        if name.startswith(_WEIGHTS):
            return first
        return next((known for known in others if known.name == name), None)

    def _is_as_wanted(self, one: _Wanted, known: FetchedFile) -> bool:
        """Whether the file that is here is the one that is wanted; where it was and is no more, say why."""
        if not one.tag:
            return False
        if known.tag != one.tag:
            is_other = known.path != one.path
            what = (
                f"not {known.path}, which was fetched before" if is_other else "changed since it was fetched"
            )
            self.warn(
                f"{one.path} of {one.repository.name} is {what} "
                f"(commit {known.commit[:12]}, now {one.repository.commit[:12]}); it is fetched anew"
            )
            return False
        found = _digest(os.path.join(self.folder, one.name))
        if found == known.sha256:
            self.tell(f"{one.name} is here already")
            return True
        what = "is gone" if found is None else "is not what was fetched: it was changed on this disk"
        self.warn(f"{os.path.join(self.folder, one.name)} {what}; it is fetched anew")
        return False

    def _download(self, one: _Wanted) -> tuple[str, str]:
        size = one.repository.files[one.path].size
        amount = f", {size / 2**20:,.1f} MB" if size is not None else ""
        self.tell(
            f"fetching {one.path} from {one.repository.name} (commit {one.repository.commit[:12]}{amount})"
        )
        part = os.path.join(self.folder, f".{one.name}.{one.tag[:16] or 'unknown'}.part")
        return self.hub.download(one.repository, one.path, part, self.progress), part

    def _tidy(self, now: FetchedFiles) -> None:
        """Remove what earlier fetches have left: files of other names, downloads that were given up."""
        current = {one.name for one in now.files}
        stale = {one.name for one in self.before.files} - current if self.before else set()
        for entry in os.listdir(self.folder):
            if entry in stale or (entry.startswith(".") and entry.endswith(".part")):
                os.unlink(os.path.join(self.folder, entry))


def _choose_weights(repository: Repository, file: str | None, before: FetchedFiles | None) -> str:
    """The repository's file of weights: the only one, the one that was asked for, or the same as last time."""
    found = sorted(path for path in repository.files if path.lower().endswith(CHECKPOINTS))
    where = f"{repository.name} (commit {repository.commit[:12]})"
    if file is not None:
        if file in found:
            return file
        raise FetchError(f"{where} has no file of weights called '{file}'; it has {_listed(found)}")
    if not found:
        raise FetchError(
            f"{where} has no file of weights ({', '.join(CHECKPOINTS)}); it has {_listed(list(repository.files))}"
        )
    last = before.files[0].path if before and before.files[0].repository == repository.name else None
    if len(found) == 1 or last not in found:
        if len(found) > 1:
            raise FetchError(f"{where} has several files of weights; name one with --file: {_listed(found)}")
        return found[0]
    return last


def _choose_tokenizer(repository: Repository) -> tuple[str, ...]:
    for names in ((WHOLE_FILE,), PART_FILES):
        if all(name in repository.files for name in names):
            return names
    raise FetchError(
        f"{repository.name} (commit {repository.commit[:12]}) has no tokenizer files "
        f"({WHOLE_FILE}, or {' and '.join(PART_FILES)})"
    )


def _local_name(path: str) -> str:
    """A name of our own: what a server calls a file is not what this disk must take."""
    return _WEIGHTS + os.path.splitext(path)[1].lower()


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:12]) or "no files at all"
    return f"{shown} and {len(names) - 12} more" if len(names) > 12 else shown


def _digest(path: str) -> str | None:
    total = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while chunk := file.read(1 << 20):
                total.update(chunk)
    except OSError:
        return None
    return total.hexdigest()


@contextlib.contextmanager
def _alone(folder: str) -> Iterator[None]:
    """Hold the folder while files come and take their places: two downloads must not write one file."""
    from filelock import FileLock, Timeout

    lock = FileLock(os.path.join(folder, _LOCK))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise OutputError(
            f"another finepick is fetching into {folder}; wait until it has finished", path=folder
        ) from None
    except OSError as error:
        raise could_not_write(folder, error) from error
    try:
        yield
    finally:
        lock.release()
