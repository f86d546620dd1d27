"""Marks and scores in XMP sidecars, for the programs that photographers go on with.

Which file: the sidecar that is there, IMG.EXT.xmp or IMG.xmp, whatever the case of its letters; where there
is none, IMG.xmp for a RAW and IMG.EXT.xmp for anything else; where there are both, the one of these two that
we would have made. A RAW and its JPEG are one photo with one sidecar, the RAW's. Photos that share a stem
otherwise get IMG.EXT.xmp, and an IMG.xmp beside them is left alone, because it cannot be told whose it is.
A sidecar that is a link is refused: replacing it would cut it off from its place, following it would write
somewhere that nobody named.

Which values: for keeps `xmp:Label` Green, `xmpDM:pick` 1, `digiKam:PickLabel` 3; for the others nothing, or,
with `rejects`, pick −1, PickLabel 1 and `xmp:Rating` −1; other ratings by the map; and scores in a namespace
of our own, in every sidecar that we write. A later run updates our marks or takes them back.

Whose value: a human's rating, label or pick stays, each as a whole, be it in the sidecar, in the photo's
other sidecar or in the photo itself. Where a human has spoken, what is left there of ours goes, and a mark
of ours that a human has cleared is not put back. `marks` tells a human's from ours.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from finepick.domain import ModelInfo, PickResult, Ranking
from finepick.errors import SidecarError, UsageError
from finepick.exports.marks import KEEP_LABEL, Elsewhere, HumanMark, Marks, merge_marks
from finepick.exports.packet import FINEPICK, XMP, Packet, Property
from finepick.exports.sidecar_names import Folder, choose_sidecar
from finepick.exports.writing import reason_of, removed_on_failure, rename_to_new, stage, sync_folder

BACKUP_SUFFIX = ".finepick-backup"
MAX_BYTES = 64 << 20

_METADATA_DATE = Property(XMP, "MetadataDate")
_SCORES = ("Series", "Rank", "Score", "PBest", "Coarse", "Model", "Fingerprint")
_ATTEMPTS = 5
_OUR_NAMESPACE = tuple(FINEPICK.encode(encoding) for encoding in ("ascii", "utf-16-le", "utf-16-be"))


@dataclass(frozen=True, slots=True)
class XmpOptions:
    """What `--xmp` is to do.

    rejects: mark the photos that are not kept as well. ratings: as `parse_ratings` gives them. overwrite: let
    our marks take the place of a human's.
    """

    rejects: bool = False
    ratings: Mapping[str, int] = field(default_factory=dict)
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class PlannedSidecar:
    """What the sidecar of one photo is to say; `refusal` says why it cannot.

    scores: values by their name in our namespace. embedded: marks in the photo itself, a human's. other: the
    photo's second sidecar, where there are two; only read.
    """

    photo: str
    sidecar: str
    marks: Marks = field(default_factory=Marks)
    scores: Mapping[str, str] = field(default_factory=dict)
    embedded: Marks = field(default_factory=Marks)
    other: str | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A sidecar that was left alone, and why, in words for people."""

    photo: str
    sidecar: str
    reason: str


@dataclass(frozen=True, slots=True)
class XmpReport:
    """Sidecars written, sidecars that said it all already, those refused, and what humans keep, by photo."""

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    refused: tuple[Refused, ...]
    human: tuple[tuple[str, HumanMark], ...]


def parse_ratings(text: str) -> dict[str, int]:
    """The map behind `--xmp-ratings`, such as "best=5,keep=4,rest=2" or "1=5,2=4,3=3".

    `best` is the best photo of a series of several, a number the photo of that rank there, `keep` any photo
    to keep, `rest` any other. The first that applies counts: number, best, keep, rest. Ratings: 1 to 5.
    Raises UsageError.
    """
    ratings: dict[str, int] = {}
    for part in text.split(","):
        key, _, value = (piece.strip().lower() for piece in part.partition("="))
        is_rank = key.isascii() and key.isdigit() and key == str(int(key)) and key != "0"
        if key not in ("best", "keep", "rest") and not is_rank:
            raise _bad_ratings(text, f"'{key}' is none of best, keep, rest or a rank such as 1")
        if key in ratings:
            raise _bad_ratings(text, f"'{key}' is there twice")
        if value not in ("1", "2", "3", "4", "5"):
            raise _bad_ratings(text, f"'{value}' is not a rating from 1 to 5")
        ratings[key] = int(value)
    return ratings


def plan_sidecars(
    result: PickResult,
    options: XmpOptions,
    *,
    neighbours: Callable[[str], Sequence[str]] = os.listdir,
) -> list[PlannedSidecar]:
    """What the sidecars of *result* are to say, photo by photo; *neighbours* lists a folder. Only looks."""
    folders: dict[str, Folder | str] = {}
    plans = []
    claims: dict[str, str] = {}
    for ranking in result:
        for index, photo in enumerate(ranking.photos):
            parent = os.path.dirname(photo.path) or os.curdir
            if parent not in folders:
                folders[parent] = _list(parent, neighbours)
            plan = _plan(ranking, index, options, result.model, folders[parent])
            claim = os.path.join(os.path.realpath(parent), os.path.basename(plan.sidecar).casefold())
            first = claims.setdefault(claim, photo.path)
            if first != photo.path and plan.refusal is None:
                plan = PlannedSidecar(photo.path, plan.sidecar, refusal=f"it is that of {first} as well")
            plans.append(plan)
    return plans


def write_sidecars(
    plans: Sequence[PlannedSidecar],
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    overwrite: bool = False,
    advance: Callable[[], object] = lambda: None,
) -> XmpReport:
    """Bring the sidecars up to date with *plans*; *advance* is called after each photo.

    A sidecar that must not be touched is refused with a reason, and the others go on. Photos are never
    written to. *clock* gives `xmp:MetadataDate`. *overwrite* is that of `XmpOptions`.
    """
    written: list[str] = []
    unchanged: list[str] = []
    refused: list[Refused] = []
    human: list[tuple[str, HumanMark]] = []
    for plan in plans:
        try:
            outcome = _bring_up_to_date(plan, clock, overwrite)
        except SidecarError as error:
            refused.append(Refused(plan.photo, plan.sidecar, error.message))
        else:
            human += [(plan.photo, mark) for mark in outcome.human]
            if outcome.is_written is not None:
                (written if outcome.is_written else unchanged).append(plan.sidecar)
        advance()
    for folder in sorted({os.path.dirname(path) for path in written}):
        sync_folder(folder)
    return XmpReport(tuple(written), tuple(unchanged), tuple(refused), tuple(human))


def _list(parent: str, neighbours: Callable[[str], Sequence[str]]) -> Folder | str:
    try:
        return Folder.of(neighbours(parent))
    except OSError as error:
        return f"its folder cannot be read, {reason_of(error)}"


def _plan(
    ranking: Ranking, index: int, options: XmpOptions, model: ModelInfo, folder: Folder | str
) -> PlannedSidecar:
    photo = ranking.photos[index]
    parent, spelt = os.path.split(photo.path)
    if isinstance(folder, str):
        return PlannedSidecar(photo.path, f"{photo.path}.xmp", refusal=folder)
    name = folder.existing(spelt)
    if name is None:
        return PlannedSidecar(photo.path, f"{photo.path}.xmp", refusal="the photo is not there any more")
    sidecar, other = choose_sidecar(photo, name, folder)
    return PlannedSidecar(
        photo=photo.path,
        sidecar=os.path.join(parent, sidecar),
        marks=_wanted_marks(ranking, index, options),
        scores=_scores(ranking, index, model),
        embedded=Marks(photo.metadata.rating, photo.metadata.label),
        other=os.path.join(parent, other) if other else None,
    )


def _wanted_marks(ranking: Ranking, index: int, options: XmpOptions) -> Marks:
    if ranking.keep[index]:
        return Marks(_rating(ranking, index, options.ratings), KEEP_LABEL, 1)
    if options.rejects:
        return Marks(-1, None, -1)
    return Marks(_rating(ranking, index, options.ratings))


def _rating(ranking: Ranking, index: int, ratings: Mapping[str, int]) -> int | None:
    keys = ["keep" if ranking.keep[index] else "rest"]
    if ranking.is_ranked and len(ranking) > 1:
        rank = ranking.order.index(index) + 1
        keys = [str(rank), *(["best"] if rank == 1 else []), *keys]
    return next((ratings[key] for key in keys if key in ratings), None)


def _scores(ranking: Ranking, index: int, model: ModelInfo) -> dict[str, str]:
    if not ranking.is_ranked:
        return {}
    numbers = {"Score": ranking.scores, "PBest": ranking.p_best, "Coarse": ranking.coarse}
    texts = {name: f"{values[index]:.6g}" for name, values in numbers.items() if values is not None}
    return {
        "Series": ranking.id,
        "Rank": str(ranking.order.index(index) + 1),
        **texts,
        "Model": f"{model.name} {model.version}",
        "Fingerprint": model.fingerprint,
    }


def _bad_ratings(text: str, what: str) -> UsageError:
    return UsageError(f"the ratings '{text}' make no sense, {what}; write them like best=5,keep=4,rest=2")


@dataclass(frozen=True, slots=True)
class _Outcome:
    """`is_written`: None where the sidecar was none of our business."""

    is_written: bool | None
    human: tuple[HumanMark, ...] = ()


@dataclass(frozen=True, slots=True)
class _Original:
    """A sidecar as it was read; None for its state where there was none."""

    raw: bytes
    state: tuple[int, int, int] | None
    mode: int | None = None
    mtime_ns: int | None = None


def _bring_up_to_date(plan: PlannedSidecar, clock: Callable[[], datetime], overwrite: bool) -> _Outcome:
    if plan.refusal is not None:
        raise SidecarError(plan.refusal, path=plan.sidecar)
    for _ in range(_ATTEMPTS):
        original = _read(plan.sidecar)
        is_touched = _mentions_us(original.raw)
        if not plan.marks.say_something and not is_touched:
            return _Outcome(None)
        packet = Packet.parse(original.raw) if original.state else Packet.empty()
        human = merge_marks(plan.marks, packet, _elsewhere(plan), overwrite=overwrite)
        _put_scores(packet, plan.scores)
        if not packet.is_changed:
            return _Outcome(False, human)
        packet.set(_METADATA_DATE, _timestamp(clock()))
        try:
            if _replace(plan.sidecar, original, packet.to_bytes(), is_first_touch=not is_touched):
                return _Outcome(True, human)
        except OSError as error:
            raise SidecarError(f"it cannot be written, {reason_of(error)}", path=plan.sidecar) from error
    raise SidecarError("another program keeps changing it", path=plan.sidecar)


def _elsewhere(plan: PlannedSidecar) -> Elsewhere:
    if plan.other is None:
        return Elsewhere(plan.embedded)
    try:
        return Elsewhere(plan.embedded, Packet.parse(_read(plan.other).raw))
    except SidecarError:  # what cannot be read says nothing
        return Elsewhere(plan.embedded)


def _put_scores(packet: Packet, scores: Mapping[str, str]) -> None:
    for name in _SCORES:
        if name in scores:
            packet.set(Property(FINEPICK, name), scores[name])
        else:
            packet.remove(Property(FINEPICK, name))


def _timestamp(now: datetime) -> str:
    return (now if now.tzinfo else now.astimezone()).isoformat(timespec="seconds")


def _mentions_us(raw: bytes) -> bool:
    """Whether we have written to this sidecar before; cheaper than parsing it."""
    return any(namespace in raw for namespace in _OUR_NAMESPACE)


def _read(path: str) -> _Original:
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            raise SidecarError("it is a link; nothing is written through links", path=path)
        if not stat.S_ISREG(status.st_mode):
            raise SidecarError("it is not a file", path=path)
        if status.st_size > MAX_BYTES:
            raise SidecarError("it is too large to be a sidecar", path=path)
        with open(path, "rb") as file:
            raw = file.read()
    except FileNotFoundError:
        return _Original(b"", None)
    except OSError as error:
        raise SidecarError(f"it cannot be read, {reason_of(error)}", path=path) from error
    return _Original(raw, _state(status), stat.S_IMODE(status.st_mode), status.st_mtime_ns)


def _replace(path: str, original: _Original, content: bytes, *, is_first_touch: bool) -> bool:
    """Put *content* in the place of *original*; False where that is not what is there any more."""
    if original.mode is not None and not original.mode & stat.S_IWUSR:
        raise SidecarError("it is write-protected", path=path)
    if original.state is not None and is_first_touch:
        _back_up(path, original)
    temporary = stage(path, content, mode=original.mode)
    with removed_on_failure(temporary):
        try:
            if original.state is None:
                rename_to_new(temporary, path)
                return True
            if _state(os.lstat(path)) == original.state:
                os.replace(temporary, path)
                return True
        except (FileExistsError, FileNotFoundError):
            pass
    os.unlink(temporary)
    return False


def _back_up(path: str, original: _Original) -> None:
    """Keep *original* beside the sidecar, unless an earlier backup is there."""
    backup = path + BACKUP_SUFFIX
    if os.path.lexists(backup):
        return
    temporary = stage(backup, original.raw, mode=original.mode, mtime_ns=original.mtime_ns)
    with removed_on_failure(temporary):
        try:
            rename_to_new(temporary, backup)
        except FileExistsError:
            os.unlink(temporary)


def _state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns
