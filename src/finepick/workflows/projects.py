"""A project is filled: with series from photos or a manifest, with votes from elsewhere."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from finepick.datasets.files import Place
from finepick.datasets.manifest import is_manifest, read_manifest
from finepick.datasets.records import LabelledSeries
from finepick.datasets.votes import Vote, read_votes
from finepick.domain import Ranking, Skipped, Stage
from finepick.errors import NothingReadableError, UsageError
from finepick.images.finding import OPEN_FLAGS
from finepick.preferences.next_pair import POLICIES
from finepick.project.records import GoldPair, Kind, NewAnswer, NewPhoto, NewSeries, Outcome, Role
from finepick.project.store import Added, Project, is_project
from finepick.scorers.catalog import DEFAULT_SCORER, load_scorer
from finepick.workflows.library import Library
from finepick.workflows.pick import PickOptions, pick_photos
from finepick.workflows.progress import NoProgress, Progress

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Filled:
    """What came into a project: series and photos that are new, votes that are new, and what was odd."""

    series: int = 0
    photos: int = 0
    votes: int = 0
    known_votes: int = 0
    gold: int = 0
    moved: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    def __add__(self, other: Filled) -> Filled:
        return Filled(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


def open_or_create(folder: str, *, database: str | None = None, name: str | None = None) -> Project:
    """The project in *folder*, made where there is none. Raises UsageError where *database* is another than its."""
    if not is_project(folder):
        return Project.create(folder, database=database, name=name)
    project = Project.open(folder)
    if database is not None and project.where != database:
        project.close()
        raise UsageError(f"the project in '{folder}' lies in {project.where}, not in {database}")
    return project


def add_gold(project: Project, votes: Sequence[Vote]) -> Filled:
    """Let *votes* be known answers: asked now and then, to see how far people are right.

    Raises UsageError for a vote about photos that the project does not have.
    """
    members = {(series.name, member.name): member for series in project.series() for member in series.members}
    pairs = []
    for vote in votes:
        try:
            first, second = (
                members[_kept_text(vote.series), _kept_text(name)] for name in (vote.first, vote.second)
            )
        except KeyError as error:
            raise UsageError(
                f"{vote.place}: there is no photo '{error.args[0][1]}' in a series '{error.args[0][0]}' of this project"
            ) from error
        pairs.append(GoldPair(first.series, first.id, second.id, Outcome(vote.outcome)))
    project.set_gold(pairs)
    return Filled(gold=len(pairs))


def own_sources(project: Project) -> list[str]:
    """The project's own folder, where a manifest lies in it whose series are not in the project yet."""
    return [project.folder] if is_manifest(project.folder) and not project.series() else []


def change_plan(project: Project, changes: Mapping[str, Any]) -> None:
    """Let the *changes* hold from now on. Raises UsageError for a policy that there is not."""
    policy = changes.get("policy")
    if policy is not None and policy not in POLICIES:
        raise UsageError(f"there is no policy '{policy}'; there are {', '.join(POLICIES)}")
    plan = replace(project.plan, **changes)
    if plan != project.plan:
        project.change_plan(plan)


def fill_project(
    project: Project,
    sources: Sequence[str],
    library: Library,
    *,
    group: str = "auto",
    progress: Progress | None = None,
) -> Filled:
    """Add *sources* to *project*: files of votes, folders with a manifest, photos and folders of photos.

    Photos are put into series as `pick` does with *group*. Raises PathNotFoundError, DatasetError,
    NothingReadableError where there is not one series of two photos.
    """
    filled = Filled()
    photos = []
    for source in sources:
        if os.path.isdir(source) and is_manifest(source):
            filled += add_manifest(project, source, progress=progress)
        elif os.path.isfile(source) and source.lower().endswith((".csv", ".json", ".jsonl", ".tsv")):
            filled += add_votes(project, read_votes(source))
        else:
            photos.append(source)
    if photos:
        filled += add_photos(project, library, photos, group=group)
    return filled


def add_photos(project: Project, library: Library, paths: Sequence[str], *, group: str = "auto") -> Filled:
    """Add the series among the photos below *paths*; sets that are kept whole and single photos stay out."""
    result = pick_photos(library, paths, scorer=load_scorer(DEFAULT_SCORER), options=PickOptions(group=group))
    rankings = [ranking for ranking in result if ranking.is_ranked and len(ranking) > 1]
    if not rankings:
        raise NothingReadableError(
            f"there is no series of two photos or more among these {result.counts.photos}; "
            "'--group folder' makes every folder a series",
            path=paths[0],
        )
    added = project.add_series(map(_series_of_ranking, rankings))
    return _filled(added, result.skipped)


def add_manifest(project: Project, folder: str, *, progress: Progress | None = None) -> Filled:
    """Add the series of the manifest in *folder*, with the votes of people that it holds.

    What a model said (`"labels": "model"`, as `pick --manifest` writes) is no vote.
    """
    dataset = read_manifest(folder)
    progress = progress or NoProgress()
    progress.stage("reading photos", sum(len(series.photos) for series in dataset.series))
    skipped: list[Skipped] = []
    added = project.add_series(
        [_series_of_manifest(folder, series, skipped, progress) for series in dataset.series]
    )
    votes = [
        vote
        for series in dataset.series
        if series.others.get("labels") != "model"
        for vote in _votes_of(dataset.name, series)
    ]
    same = {(name, photo): kept for name, photo, kept in added.twice}
    votes = [_about_kept(vote, same) for vote in votes]
    votes = [vote for vote in votes if vote.first != vote.second]
    return _filled(added, tuple(skipped)) + (_keep_votes(project, votes) if votes else Filled())


def _about_kept(vote: Vote, same: Mapping[tuple[str, str], str]) -> Vote:
    """*vote* with the names under which photos that are there twice are kept."""
    first, second = (
        same.get((_kept_text(vote.series), _kept_text(name)), name) for name in (vote.first, vote.second)
    )
    return replace(vote, first=first, second=second)


def add_votes(project: Project, votes: Sequence[Vote]) -> Filled:
    """Add *votes*, and series and photos that they name and the project lacks, by name alone.

    The same file twice is the same votes once.
    """
    names: dict[str, dict[str, None]] = {}
    for vote in votes:
        names.setdefault(vote.series, {}).update({vote.first: None, vote.second: None})
    added = project.add_series(
        NewSeries(_kept_text(series), tuple(NewPhoto(_kept_text(name)) for name in photos))
        for series, photos in names.items()
    )
    return _filled(added) + _keep_votes(project, votes)


def _keep_votes(project: Project, votes: Sequence[Vote]) -> Filled:
    members = {(series.name, member.name): member for series in project.series() for member in series.members}
    people = {
        name: project.person(name, role=Role.ELSEWHERE).id
        for name in dict.fromkeys(_kept_text(vote.annotator) for vote in votes)
    }
    seen: Counter[str] = Counter()
    answers = []
    for vote in votes:
        first, second = (
            members[_kept_text(vote.series), _kept_text(name)] for name in (vote.first, vote.second)
        )
        person = people[_kept_text(vote.annotator)]
        facts = "\0".join(
            map(repr, (vote.series, vote.first, vote.second, vote.outcome, vote.weight, vote.text))
        )
        digest = hashlib.sha256(f"{person}\0{facts}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
        seen[digest] += 1  # the same person may really have said the same twice
        answers.append(
            NewAnswer(
                client_id=f"import-{digest}-{seen[digest]}",
                annotator=person,
                series=first.series,
                first=first.id,
                second=second.id,
                outcome=Outcome(vote.outcome),
                kind=Kind.IMPORT,
                left=first.id if vote.sided else None,
                sentence=_kept_text(vote.text),
                weight=vote.weight,
            )
        )
    receipts = project.record(answers)
    new = sum(receipt.is_new for receipt in receipts)
    return Filled(votes=new, known_votes=len(receipts) - new)


def _votes_of(name: str, series: LabelledSeries) -> Iterable[Vote]:
    """Votes behind the pairs: of n answers a share p for a, the rest for b; n = 1 where nobody counted."""
    for pair in series.pairs:
        photos = (series.photos[pair.a], series.photos[pair.b])
        for share, outcome in ((pair.p, "first"), (1 - pair.p, "second")):
            if share > 0:
                text = pair.text or ""
                yield Vote(
                    Place(name),
                    series.series,
                    *photos,
                    outcome,
                    name,
                    share * (pair.n or 1),
                    text * (share == pair.p),
                )


def _series_of_ranking(ranking: Ranking) -> NewSeries:
    photos = [ranking.photos[i] for i in range(len(ranking))]
    names = [os.path.basename(photo.path) for photo in photos]
    if len(set(names)) < len(names):
        names = [photo.path for photo in photos]
    first = photos[0]
    stem = os.path.splitext(os.path.basename(first.path))[0]
    new = []
    for photo, name in zip(photos, names, strict=True):
        status = os.stat(photo.path)
        new.append(NewPhoto(_kept_text(name), photo.path, photo.digest, status.st_size, status.st_mtime_ns))
    return NewSeries(
        name=_kept_text(f"{stem}-{first.digest[:8]}"),
        photos=tuple(new),
        category=ranking.kind.value,
        prompt=_kept_text(first.metadata.prompt or "") if ranking.kind.value == "prompt" else "",
    )


def _series_of_manifest(
    folder: str, series: LabelledSeries, skipped: list[Skipped], progress: Progress
) -> NewSeries:
    photos = []
    for name in series.photos:
        path = os.path.join(folder, name)
        try:
            photos.append(_new_photo(_kept_text(name), path))
        except OSError as error:
            skipped.append(Skipped(path, Stage.READ, (error.strerror or str(error)).lower()))
            photos.append(NewPhoto(_kept_text(name)))
        progress.step()
    others = {key: value for key, value in series.others.items() if key != "pairs"}
    prompt = others.get("prompt")
    return NewSeries(
        name=_kept_text(series.series),
        photos=tuple(photos),
        category=_kept_text(series.category),
        split=series.split,
        prompt=_kept_text(prompt) if isinstance(prompt, str) else "",
        others=others,
    )


def _new_photo(name: str, path: str) -> NewPhoto:
    """The photo at *path*, known by its bytes. Raises OSError."""
    status = os.stat(path)
    return NewPhoto(name, path, digest_of(path), status.st_size, status.st_mtime_ns)


def digest_of(path: str) -> str:
    """SHA-256 of the file at *path*. Raises OSError."""
    digest = hashlib.sha256()
    with os.fdopen(os.open(path, OPEN_FLAGS), "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _kept_text(text: str) -> str:
    """*text* as every database takes it: bytes that are not UTF-8 as escapes, no NUL."""
    return text.replace("\0", "").encode("utf-8", "backslashreplace").decode("utf-8")


def _filled(added: Added, skipped: tuple[Skipped, ...] = ()) -> Filled:
    return Filled(
        added.series,
        added.photos,
        moved=added.moved,
        changed=added.changed,
        twice=tuple(name for _, name, _ in added.twice),
        skipped=skipped,
    )
