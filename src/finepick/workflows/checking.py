"""A multimodal model looks over the series of a project: only on request, answers kept, nothing paid for twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finepick.chat.asking import SLOTS, TRIES, Request, ask_all
from finepick.chat.client import TIMEOUT_SECONDS, Answer, ChatServer, Endpoint, endpoint_of
from finepick.chat.messages import PICTURE_SIDE, PICTURE_TOKENS, asked, jpeg_of, said, shown
from finepick.domain import Photo
from finepick.project.records import Member
from finepick.project.refinements import (
    MODEL,
    Mark,
    Refinement,
    check_answers,
    keep_check_answer,
    keep_refinement,
    undo_refinements,
)
from finepick.project.store import Project
from finepick.refinement.checks import parts_of, prompt, question_key, read_verdicts
from finepick.refinement.thresholds import Reason
from finepick.workflows.library import Library
from finepick.workflows.refine import photos_of

_ANSWER_TOKENS = 25


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """Whom to ask: *model* at *url*, a key comes from the environment alone; at most *most* questions, None = all."""

    url: str
    model: str
    at_once: int = SLOTS
    tries: int = TRIES
    most: int | None = None
    timeout_seconds: float = TIMEOUT_SECONDS

    def endpoint(self) -> Endpoint:
        """Raises UsageError, SettingsError where nobody can be asked like this."""
        return endpoint_of(self.url, self.model)


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of it: the run, photos that were asked about, questions without an answer, with the last reason."""

    run: Refinement
    photos: int
    unanswered: int
    trouble: str


@dataclass(frozen=True, slots=True)
class _Question:
    key: str
    members: tuple[Member, ...]


def check_project(
    project: Project,
    library: Library,
    request: CheckRequest,
    *,
    tell: Callable[[str], None] = lambda line: None,
) -> Checked:
    """Ask about all photos of *project* that take part, and leave out what the model speaks against.

    Before the first request *tell* is told how many there are and about what they cost. What was answered is kept
    at once, so that a run that was stopped goes on where it was. A run before this one is undone; what people
    decided stays. Raises UsageError, SettingsError, ChatError where the server cannot be used at all, StoreError.
    """
    server = ChatServer(request.endpoint(), timeout_seconds=request.timeout_seconds)
    undo_refinements(project, MODEL)  # what it left out then is asked about as well
    members = [member for one in project.series() for member in one.taking_part]
    photos, _ = photos_of(library, members)
    questions = list(_questions(project, request.model, photos))
    answers = check_answers(project, [one.key for one in questions])
    ahead = [one for one in questions if one.key not in answers][: request.most]
    tell(_plan(server.host, questions, answers, ahead))
    library.progress.stage("asking a model", len(ahead))
    troubles = _ask_all(project, library, server, request, ahead, photos)
    answers = check_answers(project, [one.key for one in questions])
    marks = [mark for one in questions if one.key in answers for mark in _marks(one, answers[one.key])]
    settings = {"model": request.model, "server": server.host}
    run = keep_refinement(project, MODEL, settings, marks)
    unanswered = sum(one.key not in answers for one in questions)
    return Checked(run, len(marks), unanswered, troubles[-1] if troubles else "")


def _questions(project: Project, model: str, photos: Mapping[int, Photo]) -> Sequence[_Question]:
    found = []
    for series in project.series():
        members = [member for member in series.taking_part if member.id in photos]
        if len(members) < 2:
            continue
        for part in parts_of(len(members)):
            own = tuple(members[place] for place in part)
            found.append(_Question(question_key(model, [photos[one.id].digest for one in own]), own))
    return found


def _plan(
    host: str, questions: Sequence[_Question], answers: Mapping[str, str], ahead: Sequence[_Question]
) -> str:
    known = sum(one.key in answers for one in questions)
    if not ahead:
        return f"{host}: nothing to ask, {known:,} answers are known"
    pictures = sum(len(one.members) for one in ahead)
    tokens = pictures * PICTURE_TOKENS + len(ahead) * len(prompt()) // 4
    return (
        f"{host}: {len(ahead):,} requests ({known:,} answers are known), about {tokens:,} tokens in and "
        f"{pictures * _ANSWER_TOKENS:,} out; {pictures:,} photos go there {PICTURE_SIDE} pixels long"
    )


def _ask_all(
    project: Project,
    library: Library,
    server: ChatServer,
    request: CheckRequest,
    ahead: Sequence[_Question],
    photos: Mapping[int, Photo],
) -> list[str]:
    """Ask *ahead*, some at a time, and keep each answer as it comes; why others have none."""
    troubles = []
    requests = (_request(library, one, [photos[member.id] for member in one.members]) for one in ahead)
    for came in ask_all(server, requests, at_once=request.at_once, tries=request.tries):
        for question, answer in came:
            if isinstance(answer, Answer):
                keep_check_answer(project, question.key, answer.value)
            else:
                troubles.append(answer.reason)
            library.progress.step()
    return troubles


def _request(library: Library, question: _Question, photos: Sequence[Photo]) -> Request[_Question]:
    def read(content: str) -> str:
        read_verdicts(content, len(photos))
        return content

    return Request(question, _messages(library, photos), read, key=question.key)


def _messages(library: Library, photos: Sequence[Photo]) -> list[dict[str, Any]]:
    parts = [said(prompt().replace("{count}", str(len(photos))))]
    for number, photo in enumerate(photos, 1):
        parts += [said(f"Photograph {number}:"), shown(jpeg_of(library.frame(photo, PICTURE_SIDE)))]
    return asked(parts)


def _marks(question: _Question, answer: str) -> list[Mark]:
    """A mark for each photo; one that is like a photo that is left out for the same reason stays."""
    verdicts = read_verdicts(answer, len(question.members))
    left_out: set[int] = set()
    marks = []
    for place, (member, verdict) in enumerate(zip(question.members, verdicts, strict=True)):
        reason = verdict.reason
        if reason is Reason.INDISCERNIBLE and verdict.like in left_out:
            reason = None  # of photos that are like each other one stays
        if reason is not None:
            left_out.add(place)
        partner = None if verdict.like is None else question.members[verdict.like].id
        marks.append(
            Mark(
                member.id,
                "model",
                partner=partner,
                reason=None if reason is None else reason.value,
                text=verdict.why or (reason or "fine"),
            )
        )
    return marks
