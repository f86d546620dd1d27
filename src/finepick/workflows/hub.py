"""The Hugging Face Hub: what lies in a repository, and its files, whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import quote, urlsplit

from finepick.errors import FetchError, MissingExtraError, OutputError, SettingsError
from finepick.exports.writing import could_not_write
from finepick.workflows.progress import Progress

try:
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
    from huggingface_hub.utils import build_hf_headers, get_session, logging  # type: ignore[attr-defined]
except ImportError as error:
    raise MissingExtraError("fetching models", extra="torch") from error

ASK_SECONDS = 5.0
READ_SECONDS = 20.0
MOST_TRIES = 5
_CHUNK = 1 << 20
_OK, _PARTIAL, _NOT_SATISFIABLE = 200, 206, 416

# The Hub's client is httpx under changing names; whatever it raises for the network is a child of this.
_TransportError: type[Exception] = HfHubHTTPError.__mro__[1]


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository. `sha256` and `git_sha1` (of a git blob): of its content, where the Hub tells."""

    path: str
    size: int | None
    sha256: str | None
    git_sha1: str | None

    @property
    def tag(self) -> str:
        """What its content is known by; empty where nothing is told."""
        return self.sha256 or self.git_sha1 or ""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository at one commit."""

    name: str
    revision: str
    commit: str
    files: Mapping[str, RemoteFile]


def open_hub(environment: Mapping[str, str] = os.environ) -> Hub:
    """The Hub that `HF_ENDPOINT` names. Raises SettingsError, and FetchError where `HF_HUB_OFFLINE` is set."""
    if constants.HF_HUB_OFFLINE or environment.get("HF_HUB_OFFLINE", "").upper() in (
        "1",
        "ON",
        "YES",
        "TRUE",
    ):
        raise _offline()
    constants.HF_HUB_DISABLE_TELEMETRY = True  # nobody is told who asks, and no list of anything is fetched
    # What matters is told by our own errors.
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    endpoint = (environment.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")
    try:
        parts = urlsplit(endpoint)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or any(letter.isspace() for letter in endpoint):
        raise SettingsError(
            f"HF_ENDPOINT is '{endpoint}', which is no address such as https://huggingface.co",
            key="HF_ENDPOINT",
        )
    return Hub(endpoint)


class Hub:
    """One server that speaks as the Hub does."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def repository(self, name: str, revision: str) -> Repository:
        """What lies in *name* at *revision*. One request, no second try. Raises FetchError."""
        what = f"{name} at revision '{revision}'"
        try:
            info = HfApi(endpoint=self.endpoint).model_info(
                name, revision=revision, files_metadata=True, timeout=ASK_SECONDS
            )
        except OfflineModeIsEnabled as error:
            raise _offline() from error
        except HfHubHTTPError as error:
            raise self._refused(error.response.status_code, what) from error
        except _TransportError as error:
            raise self._unreachable(error) from error
        except (ValueError, KeyError, TypeError) as error:
            raise self._not_a_hub() from error
        if not info.sha or info.siblings is None:
            raise self._not_a_hub()
        files = {
            one.rfilename: RemoteFile(
                one.rfilename, one.size, one.lfs.sha256 if one.lfs else None, None if one.lfs else one.blob_id
            )
            for one in info.siblings
        }
        return Repository(name, revision, info.sha, files)

    def download(self, repository: Repository, path: str, part: str, progress: Progress) -> str:
        """Bring the file *path* to the file *part*, going on from what *part* holds; returns its SHA-256.

        A connection that breaks is taken up again while it brings anything, five times at most. Raises
        FetchError where the server does not give the file, or what came is not what the Hub says it is (then
        *part* is removed), OutputError where *part* cannot be written.
        """
        file = repository.files[path]
        _check_room(part, file, repository)
        with _writing(part):
            if not file.tag:  # nothing to tell by whether what is there belongs to it
                _remove(part)
            progress.stage(f"fetching {os.path.basename(path)}, MB", (file.size or 0) // _CHUNK)
            meter = _Meter(progress)
            for attempt in range(MOST_TRIES):
                before = _size(part)
                try:
                    self._receive(repository, file, part, meter)
                    break
                except _TransportError as error:
                    if attempt == MOST_TRIES - 1 or _size(part) <= before:
                        raise self._broken_off(file, part) from error
                    time.sleep(0.5)
            return self._verified(file, part)

    def _receive(self, repository: Repository, file: RemoteFile, part: str, meter: _Meter) -> None:
        address = f"{self.endpoint}/{repository.name}/resolve/{repository.commit}/{quote(file.path)}"
        there = _size(part)
        if file.size is not None and there >= file.size and os.path.exists(part):
            return
        # Bytes as they are: a compressed answer could be neither measured nor resumed.
        headers = build_hf_headers() | {"Accept-Encoding": "identity"}
        if there:
            headers["Range"] = f"bytes={there}-"
        waits = (ASK_SECONDS, READ_SECONDS, READ_SECONDS, ASK_SECONDS)
        with get_session().stream("GET", address, headers=headers, timeout=waits) as response:
            if response.status_code == _NOT_SATISFIABLE and there:
                _remove(part)
                raise FetchError(
                    f"{self._host} does not go on with {file.path}; repeat the command to fetch it anew"
                )
            if response.status_code not in (_OK, _PARTIAL):
                raise self._refused(response.status_code, f"{file.path} of {repository.name}")
            goes_on = response.status_code == _PARTIAL and there > 0
            with open(part, "ab" if goes_on else "wb") as target:
                _pour(response.iter_raw(), target, file.size, meter)

    def _verified(self, file: RemoteFile, part: str) -> str:
        size = _size(part)
        sha256, sha1 = hashlib.sha256(), hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
        with open(part, "rb") as content:
            while chunk := content.read(_CHUNK):
                sha256.update(chunk)
                if file.git_sha1:
                    sha1.update(chunk)
        told = (
            (file.size, size, "bytes"),
            (file.sha256, sha256.hexdigest(), "as SHA-256"),
            (file.git_sha1, sha1.hexdigest(), "as git blob"),
        )
        for expected, found, unit in told:
            if expected is not None and expected != found:
                _remove(part)
                raise FetchError(
                    f"{file.path} came from {self._host} with {found} {unit} instead of {expected}; "
                    "nothing of it was kept, try again"
                )
        return sha256.hexdigest()

    @property
    def _host(self) -> str:
        return urlsplit(self.endpoint).netloc

    def _refused(self, status: int, what: str) -> FetchError:
        if status in (401, 403):
            why = "it does not exist, or needs an account that may read it ('hf auth login')"
        elif status == 404:
            why = "it does not exist there"
        elif status == 429:
            why = "too many requests; wait a while and try again"
        elif status >= 500:
            why = "the server is in trouble; try again later"
        else:
            why = "check HF_ENDPOINT and try again"
        return FetchError(f"{self._host} does not give {what} (it answers {status}): {why}")

    def _unreachable(self, error: Exception) -> FetchError:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        return FetchError(
            f"{self._host} cannot be reached ({reason}); check the connection and try again, "
            "or set HF_ENDPOINT to a mirror"
        )

    def _broken_off(self, file: RemoteFile, part: str) -> FetchError:
        kept = f"{_size(part) / 2**20:.1f} MB are kept, " if file.tag and _size(part) else ""
        return FetchError(
            f"the connection to {self._host} broke off in the middle of {file.path}; {kept}"
            "repeat the command to go on"
        )

    def _not_a_hub(self) -> FetchError:
        return FetchError(
            f"{self._host} answers, but not as the Hugging Face Hub does; check HF_ENDPOINT, "
            "and whether this network wants a login first"
        )


def _offline() -> FetchError:
    return FetchError("HF_HUB_OFFLINE is set, so nothing is fetched; unset it and try again")


class _Meter:
    """Tells *progress* of each MiB once, however often a download is taken up again."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._told = 0

    def reach(self, size: int) -> None:
        while size // _CHUNK > self._told:
            self._progress.step()
            self._told += 1


def _pour(chunks: Iterator[bytes], target: BinaryIO, size: int | None, meter: _Meter) -> None:
    """Append *chunks* to *target*, and stop where it grows beyond *size*: that is not the file that was meant."""
    for chunk in chunks:
        target.write(chunk)
        meter.reach(target.tell())
        if size is not None and target.tell() > size:
            return


def _check_room(part: str, file: RemoteFile, repository: Repository) -> None:
    try:
        free = shutil.disk_usage(os.path.dirname(part)).free
    except OSError:
        return
    needed = (file.size or 0) - _size(part)
    if needed > free:
        raise OutputError(
            f"{file.path} of {repository.name} needs {needed / 2**20:,.0f} MB more, and the disk has "
            f"{free / 2**20:,.0f} MB left; make room and try again",
            path=os.path.dirname(part),
        )


@contextlib.contextmanager
def _writing(part: str) -> Iterator[None]:
    try:
        yield
    except _TransportError:
        raise
    except OSError as error:
        raise could_not_write(part, error) from error


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except FileNotFoundError:
        return 0


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
