"""Series are refined: what is not worth asking people about is marked, with its reason; nothing is removed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from finepick.domain import Photo, Skipped, Stage
from finepick.errors import ImageError, NothingReadableError, UsageError
from finepick.exports.refinement import MOST_CARDS, Card, write_refinement_page
from finepick.features.extraction import PhotoFeatures
from finepick.project.records import IN, Member, ProjectSeries
from finepick.project.refinements import (
    METRICS,
    Mark,
    Refinement,
    decided,
    findings_of,
    keep_refinement,
    refinements,
)
from finepick.project.store import Project
from finepick.refinement.examination import Finding, examine_series
from finepick.refinement.thresholds import Reason, Thresholds
from finepick.scorers.base import Scorer, TextScorer
from finepick.workflows.library import Library, SeriesFrames


@dataclass(frozen=True, slots=True)
class Refined:
    """What came of a run. counts: photos by state, "in" among them. too_short: names of series of which fewer than
    two photos are left, so that there is nothing to ask. changed: photos that are no longer those that were added."""

    run: Refinement
    counts: Mapping[str, int]
    series: int
    too_short: tuple[str, ...]
    skipped: tuple[Skipped, ...]


def refine_project(
    project: Project,
    library: Library,
    thresholds: Thresholds,
    *,
    scorer: Scorer | None = None,
) -> Refined:
    """Measure every photo of *project*, and leave out what *thresholds* speak against.

    scorer: a model that reads sentences (`TextScorer`); with it pictures of one prompt are compared with it.
    A run before this one is undone first; what people decided stays. Answers that were given are kept, whatever
    happens to their photos. Raises UsageError where the project holds no photo and where *scorer* reads no
    sentences, ScorerError where what it reads them with is not here, StoreError.
    """
    if scorer is not None and not isinstance(scorer, TextScorer):
        raise UsageError(
            f"the model '{scorer.info.name}' does not read sentences, so it cannot compare pictures with their "
            "prompt; use --model fgaesq, or none"
        )
    series = project.series()
    if not any(member.path for one in series for member in one.members):
        raise UsageError(
            f"the project in '{project.folder}' knows no photo's file; add photos with --from, or a manifest"
        )
    photos, skipped = photos_of(library, [member for one in series for member in one.members])
    spared = decided(project)
    library.progress.stage("refining series", len(series))
    marks: list[Mark] = []
    for one in series:
        marks += _examined(one, library, photos, thresholds, spared, scorer)
        library.progress.step()
    used = {} if scorer is None else {"model": asdict(scorer.info)}
    run = keep_refinement(project, METRICS, {**thresholds.as_dict(), **used}, marks)
    return refined(project, run, skipped=tuple(skipped))


def refined(project: Project, run: Refinement, *, skipped: tuple[Skipped, ...] = ()) -> Refined:
    """How the project stands after *run*."""
    series = project.series()
    return Refined(
        run,
        counts_of(project),
        len(series),
        tuple(one.name for one in series if len(one.taking_part) < 2),
        skipped,
    )


def counts_of(project: Project) -> dict[str, int]:
    """How many photos are in each state, "in" first, then the reasons, then what else people said."""
    counts = Counter(member.state for one in project.series() for member in one.members)
    known = {state: counts[state] for state in [IN, *Reason]}
    return {**known, **{state: count for state, count in sorted(counts.items()) if state not in known}}


def photos_of(library: Library, members: Sequence[Member]) -> tuple[dict[int, Photo], list[Skipped]]:
    """Photos by member, as they are on the disk; those that are gone, damaged or changed, with the reason."""
    paths = sorted({member.path for member in members if member.path is not None})
    there = [path for path in paths if os.path.lexists(path)]
    skipped = [Skipped(path, Stage.FIND, "it is no longer there") for path in paths if path not in set(there)]
    found: dict[str, Photo] = {}
    if there:
        try:
            reading = library.read(there)
            found = {photo.path: photo for photo in reading.photos}
            skipped += reading.skipped
        except NothingReadableError as error:
            skipped.append(Skipped(there[0], Stage.READ, str(error)))
    photos = {}
    for member in members:
        photo = found.get(member.path or "")
        if photo is None:
            continue
        if member.digest is not None and photo.digest != member.digest:
            skipped.append(
                Skipped(photo.path, Stage.READ, "not the photo that was added; it has changed since")
            )
            continue
        photos[member.id] = photo
    return photos, skipped


def _examined(
    series: ProjectSeries,
    library: Library,
    photos: Mapping[int, Photo],
    thresholds: Thresholds,
    spared: frozenset[int],
    scorer: TextScorer | None,
) -> list[Mark]:
    """What was found of the members of *series* that have a file."""
    members = [member for member in series.members if member.path is not None]
    frames = [_features(library, photos.get(member.id)) for member in members]
    likeness = None
    readable = [place for place, frame in enumerate(frames) if frame is not None]
    if series.prompt and scorer is not None and readable:
        likeness = np.full(len(members), np.nan)
        shown = SeriesFrames(library, [photos[members[place].id] for place in readable])
        likeness[readable] = scorer.likeness(shown, [series.prompt])[:, 0]
    findings = examine_series(
        frames,
        thresholds,
        is_prompt=bool(series.prompt) or series.category.lower() in _OF_PROMPTS,
        prompt_likeness=likeness,
        kept=[i for i, member in enumerate(members) if member.id in spared and member.is_in],
    )
    return [_mark(finding, members) for finding in findings]


def _features(library: Library, photo: Photo | None) -> PhotoFeatures | None:
    if photo is None:
        return None
    try:
        return library.features(photo)
    except ImageError:
        return None


def _mark(finding: Finding, members: Sequence[Member]) -> Mark:
    partner = None if finding.partner is None else members[finding.partner].id
    return Mark(
        members[finding.photo].id,
        finding.measure,
        finding.value,
        finding.threshold,
        partner,
        None if finding.reason is None else finding.reason.value,
    )


def write_page(project: Project, library: Library, path: str) -> None:
    """Write to *path* a picture of what went where: every photo that is left out, why, and what it was measured by.

    Raises OutputError.
    """
    series = project.series()
    members = {member.id: (one.name, member) for one in series for member in one.members}
    found = _against(project)
    photos, _ = photos_of(library, [member for _, member in members.values()])
    cards: list[Card] = []
    shown: Counter[str] = Counter()
    for name, member in members.values():
        if member.is_in:
            continue
        shown[member.state] += 1
        if shown[member.state] > MOST_CARDS:
            continue
        own = [mark for mark in found.get(member.id, []) if mark.reason == member.state]
        partner = next((members[mark.partner][1] for mark in own if mark.partner is not None), None)
        cards.append(
            Card(
                member.state,
                name,
                member.name,
                _thumbnail(library, photos, member),
                None if partner is None else partner.name,
                None if partner is None else _thumbnail(library, photos, partner),
                [in_words(mark) for mark in own] or ["decided by a person"],
            )
        )
    write_refinement_page(
        path,
        title=f"What of {project.name} is worth asking about",
        counts=counts_of(project),
        cards=cards,
        more={state: max(0, count - MOST_CARDS) for state, count in shown.items()},
    )


def in_words(mark: Mark) -> str:
    """A measure as people read it: "SSIM 0.993, same from 0.900 on"."""
    if mark.text:
        return mark.text
    if mark.measure == "readable":
        return "cannot be read"
    if mark.value is None or mark.threshold is None:
        return mark.measure
    words = _WORDS.get(mark.measure, mark.measure)
    return f"{words} {_number(mark.value)}, the limit is {_number(mark.threshold)}"


def _number(value: float) -> str:
    if value == int(value) and (value >= 2 or not value):
        return f"{value:.0f}"
    return f"{value:.3f}" if value >= 0.01 else f"{value:.4f}"


def _thumbnail(library: Library, photos: Mapping[int, Photo], member: Member) -> bytes | None:
    photo = photos.get(member.id)
    return None if photo is None else library.thumbnail(photo)


_OF_PROMPTS = ("aigc", "prompt")
"""Categories of series whose pictures answer one prompt, also where it is not told."""

_WORDS = {
    "ssim": "structure alike (SSIM)",
    "overlap": "same view (overlap)",
    "apart": "strongest difference",
    "detail": "sharpness apart",
    "luma": "brightness apart",
    "likeness": "likeness",
    "matches": "matching key points",
    "prompt likeness": "likeness to the prompt",
}


def _against(project: Project) -> dict[int, list[Mark]]:
    """What the runs that stand found against each photo."""
    found: dict[int, list[Mark]] = {}
    for run in refinements(project):
        for mark in findings_of(project, run.id) if run.undone_at is None else ():
            if mark.reason is not None:
                found.setdefault(mark.member, []).append(mark)
    return found


def left_out(project: Project) -> list[dict[str, object]]:
    """For each photo that is left out: series, photo, state, and what was found against it, as JSON has it."""
    names = {member.id: member.name for one in project.series() for member in one.members}
    against = _against(project)
    return [
        {
            "series": one.name,
            "photo": member.name,
            "state": member.state,
            "found": [
                {
                    "measure": mark.measure,
                    "value": mark.value,
                    "threshold": mark.threshold,
                    "partner": None if mark.partner is None else names[mark.partner],
                    "text": mark.text,
                }
                for mark in against.get(member.id, [])
            ],
        }
        for one in project.series()
        for member in one.members
        if not member.is_in
    ]


def queue_of(project: Project) -> dict[str, Any]:
    """What a person who looks over a run is shown: photos that are left out, and those that somebody decided on.

    Those that nobody has decided on come first. `beside`: the photo it was measured by.
    """
    against, settled = _against(project), decided(project)
    names = {member.id: member.name for one in project.series() for member in one.members}
    photos = []
    for one in project.series():
        for member in one.members:
            own = against.get(member.id, [])
            if member.is_in and member.id not in settled:
                continue
            partner = next((mark.partner for mark in own if mark.partner is not None), None)
            photos.append(
                {
                    "photo": member.id,
                    "series": one.name,
                    "name": member.name,
                    "state": member.state,
                    "reason": own[0].reason if own else None,
                    "beside": partner,
                    "beside_name": None if partner is None else names[partner],
                    "found": [in_words(mark) for mark in own],
                    "decided": member.id in settled,
                }
            )
    photos.sort(key=lambda photo: bool(photo["decided"]))
    return {"project": project.name, "counts": counts_of(project), "photos": photos}
