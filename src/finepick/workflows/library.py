"""The photos of this run: found, read once, remembered; asked for features, pixels and thumbnails."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from finepick.batch.messages import Reply, Request
from finepick.batch.pool import ReaderPool
from finepick.domain import Frame, Metadata, Photo, Skipped, Stage
from finepick.errors import (
    DamagedImageError,
    DatasetError,
    ImageError,
    NothingReadableError,
    PathVanishedError,
    UnjudgedPhotoError,
)
from finepick.features.extraction import PhotoFeatures
from finepick.features.packing import unpack_arrays, unpack_features
from finepick.images.finding import Found, FoundFile, companions_of, find_photos
from finepick.scorers.base import Arrays, Glance, View
from finepick.settings import WORKING_SIDE, Settings
from finepick.store.database import Cache
from finepick.store.records import CachedPhoto
from finepick.store.spool import Spool
from finepick.workflows.progress import NoProgress, Progress

_FEATURES_IN_MEMORY = 512


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading: photos in the order found, what was skipped, how many other files were ignored."""

    photos: tuple[Photo, ...]
    skipped: tuple[Skipped, ...]
    ignored: int


class Library:
    """Access to photos through reader processes and the cache; a context manager.

    Args:
        fresh: do not believe what the cache says of these photos; read them again and remember that.
        keep_previews: make previews of the photos that are read, since they will be asked for.
        warn: told once, in a sentence, what went wrong without stopping the work.
        readers: a pool that may have been started already; closed with the library.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        fresh: bool = False,
        keep_previews: bool = False,
        progress: Progress | None = None,
        warn: Callable[[str], None] | None = None,
        readers: ReaderPool | None = None,
    ) -> None:
        self.settings = settings
        self.fresh = fresh
        self.progress = progress or NoProgress()
        self.warn = warn or _python_warning
        self.cache = Cache.open(settings.cache_folder, warn=self.warn)
        self._pool = readers or ReaderPool.of(settings)
        self._renewed: set[str] = set()  # studies made in this run, which even a fresh run may believe
        self._lock = threading.Lock()
        self.ask_all = self._pool.ask_all
        self._recent: OrderedDict[str, PhotoFeatures] = OrderedDict()
        self._keep_previews = keep_previews
        self._previews = Spool(settings.cache_folder)
        self._descriptors: dict[str, NDArray[np.float32]] = {}  # of the photos read in this run

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.close()
        self._previews.close()
        self.cache.prune()  # what was not used for longest, where the cache has grown too large
        self.cache.close()

    def read(
        self, paths: Sequence[str], *, leave_out: Iterable[str] = (), glance: Glance | None = None
    ) -> Reading:
        """Find the photos below *paths*, but not in the folders *leave_out*, and read those not yet known.

        *glance*: what else is wanted of those that are read, so that they need not be decoded again for it.

        Raises PathNotFoundError, PathVanishedError where a named path went away, and NothingReadableError.
        """
        self.progress.stage("finding photos", 0)
        found = find_photos(paths, leave_out=leave_out)
        facts = {} if self.fresh else self._known(found.files)
        files = list(found.files)
        lost = self._read_into(facts, [file for file in files if file.path not in facts], glance)
        # A JPEG whose RAW is lost is a photo of its own.
        orphans = [companion for file in files if file.path in lost for companion in companions_of(file)]
        files += orphans
        lost |= self._read_into(facts, orphans, glance)
        skipped = tuple(sorted((*found.skipped, *lost.values()), key=lambda one: one.path))
        photos = tuple(
            Photo(file.path, *facts[file.path], file.companions) for file in files if file.path in facts
        )
        _complain_if_gone(paths, skipped)
        if not photos:
            raise NothingReadableError(_nothing(paths, found, skipped), path=paths[0] if paths else None)
        return Reading(photos, skipped, found.ignored)

    def read_all(self, paths: Sequence[str]) -> dict[str, Photo]:
        """Every one of *paths*, which are photos, by its path: where labels hang on them nothing may be left out.

        Raises DatasetError where one cannot be read, and like `read`.
        """
        wanted = list(dict.fromkeys(paths))
        reading = self.read(wanted)
        if reading.skipped:
            first = reading.skipped[0]
            raise DatasetError(
                f"{len(reading.skipped)} photos cannot be read, the first is '{first.path}' ({first.reason}); "
                "mend or remove them, with their labels",
                path=first.path,
            )
        photos = {photo.path: photo for photo in reading.photos}
        missing = [path for path in wanted if path not in photos]
        if missing:
            raise DatasetError(f"'{missing[0]}' is not a picture; mend or remove it", path=missing[0])
        return photos

    def features(self, photo: Photo) -> PhotoFeatures:
        """Features of *photo*: from memory, the cache, or the file. Raises ImageError. For any thread."""
        with self._lock:
            known = self._recent.get(photo.digest)
        known = known or self._stored(photo) or self._read_again(photo)
        self._keep(photo.digest, known)
        return known

    def descriptor(self, photo: Photo) -> NDArray[np.float32]:
        """Its descriptor alone, from memory where it was read in this run. Raises ImageError."""
        known = self._descriptors.get(photo.digest)
        # A copy: unpacked arrays are views that keep all of a photo's features alive, half a gigabyte for 5,000.
        return self.features(photo).descriptor.copy() if known is None else known

    def frame(self, photo: Photo, long_side: int) -> Frame:
        """Pixels of *photo*, at most *long_side* long. Raises ImageError."""
        reply = self._answer(Request("frame", photo.path, long_side, photo.digest))
        return np.frombuffer(reply.blobs[0], np.uint8).reshape(reply.facts["shape"])

    def views(self, photos: Sequence[Photo], views: Iterable[View]) -> Iterator[Arrays]:
        """What *views* ask for of *photos*, in their order, made where photos are decoded. Raises ImageError."""
        requests = (_view_request(photos[view.index], view) for view in views)
        for request, reply in self._pool.ask_in_order(requests):
            if reply.error is not None:
                raise DamagedImageError(reply.error, path=request.path)
            yield unpack_arrays(reply.blobs[0])

    def glance(self, photo: Photo, glance: Glance) -> bytes:
        """What *glance* asks for of *photo*, packed: remembered, or made of the file. Raises ImageError."""
        key = _glance_key(photo.digest, glance)
        blob = self.study(key)
        if blob is None:
            [blob] = self._answer(_glance_request(photo, glance)).blobs
            self.remember_study(key, "glance", blob)
        return blob

    def glance_at_all(self, photos: Iterable[Photo], glance: Glance) -> None:
        """Remember what *glance* asks for of those *photos* where it is not known, on all cores at once.

        What goes wrong goes wrong again where that is asked for.
        """
        keys = {_glance_key(photo.digest, glance): photo for photo in photos}
        unknown = [photo for key, photo in keys.items() if self.study(key) is None]
        if unknown:
            self.progress.stage("looking at photos", len(unknown))
        for request, reply in self._pool.ask_all(_glance_request(photo, glance) for photo in unknown):
            if reply.error is None:
                self.remember_study(_glance_key(request.digest, glance), "glance", reply.blobs[0])
            self.progress.step()

    def study(self, key: str) -> bytes | None:
        """What was remembered under *key*; in a fresh run, what this run has remembered."""
        return None if self.fresh and key not in self._renewed else self.cache.study(key)

    def remember_study(self, key: str, kind: str, blob: bytes) -> None:
        self.cache.remember_study(key, kind, blob)
        self._renewed.add(key)

    def thumbnail(self, photo: Photo) -> bytes | None:
        """A JPEG of *photo* about 320 pixels long; None where the cache lost it."""
        return self.cache.thumbnail(photo.digest)

    def previews(self, photos: Iterable[Photo]) -> Iterator[bytes | None]:
        """A JPEG of each photo at the working size, in their order; None where it cannot be read any more."""
        photos = list(photos)
        replies = self._pool.ask_in_order(
            Request("preview", photo.path, WORKING_SIDE, photo.digest)
            for photo in photos
            if photo.digest not in self._previews
        )
        for photo in photos:
            if photo.digest in self._previews:
                yield self._previews.get(photo.digest)
            else:
                _, reply = next(replies)
                yield reply.blobs[0] if reply.error is None else None

    def _read_into(
        self, facts: dict[str, tuple[str, Metadata]], files: Sequence[FoundFile], glance: Glance | None
    ) -> dict[str, Skipped]:
        """Add digest and metadata of *files* to *facts*, by path; those that could not be read, by path."""
        lost = {}
        for file, known in self._examine(files, glance):
            if isinstance(known, str):
                lost[file.path] = Skipped(file.path, Stage.READ, known)
            else:
                facts[file.path] = (known.digest, known.metadata)
        return lost

    def _known(self, files: Sequence[FoundFile]) -> dict[str, tuple[str, Metadata]]:
        digests = self.cache.digests_of([(file.path, file.size, file.mtime_ns) for file in files])
        metadata = self.cache.metadata_of(dict.fromkeys(digests.values()))
        return {path: (digest, metadata[digest]) for path, digest in digests.items() if digest in metadata}

    def _examine(
        self, files: Sequence[FoundFile], glance: Glance | None
    ) -> Iterator[tuple[FoundFile, CachedPhoto | str]]:
        """What is now known of each file, or why it could not be read, as they come."""
        self.progress.stage("reading photos", len(files))
        by_path = {file.path: file for file in files}
        verb = "examine for report" if self._keep_previews else "examine"
        function, arguments = (glance.function, dict(glance.arguments)) if glance else ("", {})
        requests = (
            Request(verb, file.path, WORKING_SIDE, function=function, arguments=arguments) for file in files
        )
        for request, reply in self._pool.ask_all(requests):
            file = by_path[request.path]
            known = self._remember(file, reply, glance) if reply.error is None else reply.error
            self.progress.step()
            yield file, known

    def _remember(self, file: FoundFile, reply: Reply, glance: Glance | None) -> CachedPhoto:
        features_blob, thumbnail, *others = reply.blobs
        photo = CachedPhoto(reply.facts["digest"], _metadata(reply), features_blob, thumbnail)
        self.cache.remember_photo(file.path, file.size, file.mtime_ns, photo)
        if glance:
            self.remember_study(_glance_key(photo.digest, glance), "glance", others.pop())
        for blob in others:
            self._previews.put(photo.digest, blob)
        features = unpack_features(features_blob)
        self._descriptors[photo.digest] = features.descriptor.copy()
        self._keep(photo.digest, features)
        return photo

    def _keep(self, digest: str, features: PhotoFeatures) -> None:
        with self._lock:
            self._recent[digest] = features
            self._recent.move_to_end(digest)
            if len(self._recent) > _FEATURES_IN_MEMORY:
                self._recent.popitem(last=False)

    def _stored(self, photo: Photo) -> PhotoFeatures | None:
        for _, blob in self.cache.features_of([photo.digest]):
            try:
                return unpack_features(blob)
            except ValueError:
                return None
        return None

    def _read_again(self, photo: Photo) -> PhotoFeatures:
        reply = self._answer(Request("examine", photo.path, WORKING_SIDE, photo.digest))
        return unpack_features(reply.blobs[0])

    def _answer(self, request: Request) -> Reply:
        reply = self._pool.ask(request)
        if reply.error is not None:
            raise DamagedImageError(reply.error, path=request.path)
        return reply


class FeaturesByPlace:
    """Features of *photos* by their place, for grouping (a `FeatureLookup`)."""

    def __init__(self, library: Library, photos: Sequence[Photo]) -> None:
        self._library = library
        self._photos = photos

    def descriptor(self, index: int) -> NDArray[np.float32]:
        return self._library.descriptor(self._photos[index])

    def features(self, index: int) -> PhotoFeatures:
        return self._library.features(self._photos[index])


class SeriesFrames:
    """The frames of one series, for a scorer (a `FrameSource`)."""

    def __init__(self, library: Library, photos: Sequence[Photo]) -> None:
        self.library = library
        self._photos = photos

    def __len__(self) -> int:
        return len(self._photos)

    def frame(self, index: int, long_side: int) -> Frame:
        return self.library.frame(self._photos[index], long_side)

    def views(self, views: Iterable[View]) -> Iterator[Arrays]:
        return self.library.views(self._photos, views)

    def features(self, index: int) -> PhotoFeatures:
        return self.library.features(self._photos[index])

    def glance(self, index: int, glance: Glance) -> Arrays:
        return unpack_arrays(self.library.glance(self._photos[index], glance))

    def digest(self, index: int) -> str:
        return self._photos[index].digest

    def known(self, key: str) -> bytes | None:
        return self.library.study(key)

    def remember(self, key: str, blob: bytes) -> None:
        self.library.remember_study(key, "answer", blob)

    def lost(self, index: int, reason: str) -> ImageError:
        return UnjudgedPhotoError(reason, path=self._photos[index].path)


def _view_request(photo: Photo, view: View) -> Request:
    return Request(
        "view",
        photo.path,
        view.long_side,
        photo.digest,
        function=view.function,
        arguments=dict(view.arguments),
    )


def _glance_request(photo: Photo, glance: Glance) -> Request:
    return Request(
        "glance",
        photo.path,
        WORKING_SIDE,
        photo.digest,
        function=glance.function,
        arguments=dict(glance.arguments),
    )


def _glance_key(digest: str, glance: Glance) -> str:
    return hashlib.sha256(f"glance\n{glance.version}\n{digest}".encode()).hexdigest()


def _complain_if_gone(paths: Sequence[str], skipped: Sequence[Skipped]) -> None:
    """An unplugged disk must not look like a folder of bad photos."""
    for path in paths:
        if _is_gone(path):
            raise PathVanishedError(
                f"'{path}' went away while its photos were being read ({len(skipped)} lost); "
                "plug the disk in again and repeat: what was read is remembered",
                path=path,
            )


def _is_gone(path: str) -> bool:
    try:
        os.lstat(path)
    except OSError as error:
        return error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.ENXIO, errno.EIO)
    return False


def _nothing(paths: Sequence[str], found: Found, skipped: Sequence[Skipped]) -> str:
    where = f"'{paths[0]}'" if len(paths) == 1 else f"the {len(paths)} paths given"
    if skipped:
        first = skipped[0]
        return f"no photo in {where} could be read ({len(skipped)} skipped; the first, '{first.path}': {first.reason})"
    others = f" (but {found.ignored} other file{'s' if found.ignored != 1 else ''})" if found.ignored else ""
    return f"no photo in {where}{others}; name a folder with pictures, or pictures"


def _metadata(reply: Reply) -> Metadata:
    metadata = Metadata.from_json(reply.facts["metadata"])
    assert metadata is not None, "readers are of our own version"
    return metadata


def _python_warning(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=3)
