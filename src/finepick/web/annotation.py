"""The address book of an annotation project over HTTP: pairs out, answers in, photos by id, the owner's view."""

import hashlib
import hmac
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Header, HTTPException, Path, Query, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from finepick.datasets.manifest import series_entry
from finepick.datasets.votes import read_votes
from finepick.domain import Attribute
from finepick.errors import DatasetError
from finepick.preferences.next_pair import POLICIES
from finepick.project.chips import CHIPS
from finepick.project.records import Annotator, Answer, GoldPair, Outcome, Plan, Role
from finepick.project.store import Project, in_force
from finepick.web.recorder import Recorder
from finepick.web.shelf import Shelf
from finepick.workflows.asking import Desk, Given, Progress
from finepick.workflows.calibration import (
    answer_lines,
    calibrate_project,
    calibration_document,
    labels_of,
    plot_of,
    rank_lines,
)
from finepick.workflows.overview import Overview
from finepick.workflows.projects import add_gold, add_votes

TOKEN_SECONDS = 2.0
"""For so long a link that was just looked up is believed without looking again."""

RECENT = 50


def _no_text(value: object) -> object:
    """JSON knows one kind of number, so 1.0 is a whole one; a text is none, and neither is true."""
    if isinstance(value, str | bool):
        raise ValueError("it has to be a whole number")
    return value


Id = Annotated[int, Field(ge=1, le=2**53), BeforeValidator(_no_text)]
ClientId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$", examples=["3f0c9b52-a1"])]
_LINE = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"  # no control characters, not only blanks
PersonName = Annotated[str, Field(min_length=1, max_length=100, pattern=_LINE)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class GivenAnswer(_Strict):
    """One answer. `id` is made by the page, once: sent twice it is still one answer."""

    id: ClientId
    series: Id
    left: Id
    right: Id
    choice: Literal["left", "right", "tie", "bad"]
    chips: Annotated[list[Attribute], Field(max_length=len(CHIPS))] = []
    sentence: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""
    seconds: Annotated[float, Field(ge=0, le=86_400)] | None = None
    answered_at: Annotated[int, Field(ge=0, le=2**53)] | None = None
    replaces: ClientId | None = None


class GivenAnswers(_Strict):
    answers: Annotated[list[GivenAnswer], Field(min_length=1, max_length=100)]


class Wanted(_Strict):
    """How many pairs the page wants, and those (left, right) it has already."""

    count: Annotated[int, Field(ge=1, le=10)] = 4
    held: Annotated[list[tuple[Id, Id]], Field(max_length=100)] = []


class NewPerson(_Strict):
    name: PersonName


class NewPlan(_Strict):
    policy: Literal[tuple(POLICIES)]  # type: ignore[valid-type]
    votes: Annotated[int, Field(ge=1, le=1000)]
    gold_share: Annotated[float, Field(ge=0, le=0.5)] = 0.05
    repeat_share: Annotated[float, Field(ge=0, le=0.5)] = 0.05
    chips: bool = True
    sentence: bool = True
    question: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")] = (
        "Which one is better?"
    )


class ErrorFacts(BaseModel):
    kind: str
    message: str
    path: str | None = None


class ErrorDocument(BaseModel):
    error: ErrorFacts


class PairDocument(BaseModel):
    series: int
    left: int
    right: int


class ProgressDocument(BaseModel):
    answered: int
    total: int
    series_done: int
    series: int


class PairsDocument(BaseModel):
    pairs: list[PairDocument]
    progress: ProgressDocument


class RefusedDocument(BaseModel):
    id: str
    reason: str


class KeptDocument(BaseModel):
    kept: list[str]
    refused: list[RefusedDocument]


class InvitationDocument(BaseModel):
    id: int
    name: str
    token: str


class VotesDocument(BaseModel):
    series: int
    photos: int
    votes: int
    known_votes: int
    gold: int


class DoneDocument(BaseModel):
    done: bool


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorDocument, "description": text}
    for status, text in {
        400: "not JSON",
        401: "no link or password, or one that is not taken",
        403: "not for this person, or from another site",
        404: "there is none",
        409: "a photo that is gone, has changed or cannot be read; a run that is under way",
        413: "too large",
        421: "another server's name",
        422: "not as it should be",
        503: "the database cannot be used",
    }.items()
}


_FILES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/jsonl": {}, "text/csv": {}, "image/svg+xml": {}}, "description": "a file"}
}


class Entrance:
    """Who holds which token: the owner's of this run, and everybody's from their link."""

    def __init__(
        self, project: Project, owner_token: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._project = project
        self._owner_token = owner_token
        self._owner = project.person("owner", role=Role.OWNER)
        self._clock = clock
        self._seen: dict[str, tuple[Annotator, float]] = {}

    def person(self, token: str) -> Annotator | None:
        if hmac.compare_digest(token.encode(), self._owner_token.encode()):
            return self._owner
        key = hashlib.sha256(token.encode()).hexdigest()
        known, until = self._seen.get(key, (None, 0.0))
        if known is None or until < self._clock():
            known = self._project.annotator_of(token)
            self._seen = {key: entry for key, entry in self._seen.items() if entry[1] >= self._clock()}
            if known is not None:
                self._seen[key] = (known, self._clock() + TOKEN_SECONDS)
        return known

    # coroutines, though they wait for nothing: plain functions would be sent through a thread each time
    async def anybody(self, x_finepick_token: Annotated[str, Header(max_length=200)] = "") -> Annotator:
        """Whose link came with a request; a refusal where it is nobody's."""
        found = self.person(x_finepick_token)
        if found is None:
            raise HTTPException(401, "this link is not taken, or no longer; ask for a new one")
        return found

    async def owner(self, x_finepick_token: Annotated[str, Header(max_length=200)] = "") -> Annotator:
        """The owner; a refusal for everybody else."""
        somebody = await self.anybody(x_finepick_token)
        if somebody.role is not Role.OWNER:
            raise HTTPException(403, "only the owner of the project may do that")
        return somebody

    def forget(self) -> None:
        """Look everybody up again."""
        self._seen.clear()


def annotation_router(
    project: Project, desk: Desk, recorder: Recorder, shelf: Shelf, entrance: Entrance
) -> APIRouter:
    """Every address below `/api`."""
    router = APIRouter(prefix="/api", responses=REFUSALS)
    so_far = Overview(project)

    somebody = Annotated[Annotator, Depends(entrance.anybody)]

    @router.get("/me")
    async def me(who: somebody) -> dict[str, Any]:
        """Who the link belongs to, what is asked, where they are, and their last answers."""
        plan = desk.plan
        return {
            "project": project.name,
            "person": {"name": who.name, "role": who.role.value},
            "question": plan.question,
            "chips": [{"id": chip.value, "text": text} for chip, text in CHIPS.items()] if plan.chips else [],
            "sentence": plan.sentence,
            "progress": asdict(desk.progress(who.id)),
            "recent": [_given_back(answer) for answer in desk.recent(who.id, RECENT)],
        }

    @router.post("/pairs")
    async def pairs(who: somebody, wanted: Wanted) -> PairsDocument:
        """The next pairs for this person; none where the round is done."""
        asked = desk.next_pairs(who.id, wanted.count, wanted.held)
        return PairsDocument(
            pairs=[PairDocument(series=one.series, left=one.left, right=one.right) for one in asked],
            progress=_progress(desk.progress(who.id)),
        )

    @router.post("/answers")
    async def answers(who: somebody, given: GivenAnswers) -> KeptDocument:
        """Keep answers; those in `kept` are on the disk. Sent twice, an answer is still one."""
        kept, refused = await recorder.keep(who.id, [_given(one) for one in given.answers])
        return KeptDocument(
            kept=kept, refused=[RefusedDocument(id=one.client_id, reason=one.reason) for one in refused]
        )

    @router.get(
        "/photos/{photo}/{size}",
        response_class=Response,
        responses={200: {"content": {"image/jpeg": {}}, "description": "an upright sRGB JPEG"}},
    )
    async def photo(
        who: somebody, photo: Annotated[int, Path(ge=1, le=2**53)], size: Literal["small", "screen", "full"]
    ) -> Response:
        """A photo of the project by its id."""
        member = desk.member(photo)
        if member is None:
            raise HTTPException(404, "there is no such photo in this project")
        content = await shelf.jpeg(member, size)
        # Another project may have another photo under this id, but never under this link.
        headers = {"cache-control": "private, max-age=86400", "vary": "x-finepick-token"}
        return Response(content, media_type="image/jpeg", headers=headers)

    chief = Annotated[Annotator, Depends(entrance.owner)]

    @router.get("/project")
    async def overview(who: chief) -> dict[str, Any]:
        """Everything the owner's page shows."""
        people = await run_in_threadpool(so_far.people)
        troubles = [
            {"photo": number, "name": member.name, "reason": reason}
            for number, reason in list(shelf.troubles.items())
            if (member := desk.member(number)) is not None
        ]
        return {
            "project": project.name,
            "where": project.where,
            "plan": asdict(desk.plan),
            "policies": list(POLICIES),
            "series": desk.standing(),
            "people": [_person_document(one) for one in people],
            "gold": len(project.gold()),
            "troubles": troubles,
        }

    @router.post("/invitations")
    async def invite(who: chief, person: NewPerson) -> InvitationDocument:
        """A new link for somebody; the one they had before is no longer taken."""
        if " ".join(person.name.split()).lower() == "owner":
            raise HTTPException(422, "the owner has the address that the server printed")
        invited, token = project.invite(person.name)
        entrance.forget()
        return InvitationDocument(id=invited.id, name=invited.name, token=token)

    @router.post("/invitations/{number}/revoke")
    async def revoke(who: chief, number: Annotated[int, Path(ge=1, le=2**53)]) -> DoneDocument:
        """Take somebody's link no longer; their answers stay."""
        if number not in {one.id for one in project.annotators()}:
            raise HTTPException(404, "there is no such person in this project")
        project.revoke(number)
        entrance.forget()
        return DoneDocument(done=True)

    @router.put("/plan")
    async def change_plan(who: chief, plan: NewPlan) -> DoneDocument:
        """Ask differently from now on."""
        project.change_plan(Plan(**plan.model_dump()), by=who.name)
        return DoneDocument(done=True)

    @router.post("/gold")
    async def make_gold(who: chief) -> DoneDocument:
        """Let the owner's own decided answers be those that are known."""
        own = [answer for answer in in_force(project.answers()) if answer.annotator == who.id]
        decided = [answer for answer in own if answer.outcome in (Outcome.FIRST, Outcome.SECOND)]
        project.set_gold(GoldPair(one.series, one.first, one.second, one.outcome) for one in decided)
        return DoneDocument(done=bool(decided))

    @router.post("/votes")
    async def import_votes(
        who: chief,
        content: Annotated[bytes, Body(media_type="application/octet-stream")],
        gold: Annotated[bool, Query()] = False,
    ) -> VotesDocument:
        """Take in a file of votes (CSV, JSON, Label Studio's exports) as it is; as known answers where *gold*."""
        filled = await run_in_threadpool(_import, project, content, gold)
        return VotesDocument(**{name: getattr(filled, name) for name in VotesDocument.model_fields})

    @router.get("/calibration")
    async def calibration(who: chief) -> dict[str, Any]:
        """Ranks, probabilities, and what the answers show of people: the document of `finepick calibrate`."""
        return await run_in_threadpool(lambda: calibration_document(calibrate_project(project)))

    @router.get("/export/{name}", response_class=Response, responses=_FILES)
    async def export(
        who: chief, name: Literal["series.jsonl", "ranks.csv", "answers.csv", "calibration.svg"]
    ) -> Response:
        """Labels as a series manifest without photos, ranks or every answer as CSV, a picture of the calibration."""
        kind, made = _FILES_MADE[name]
        return Response(await run_in_threadpool(made, project), media_type=kind)

    return router


def _labels(project: Project) -> bytes:
    entries = (series_entry(series) for series in labels_of(calibrate_project(project)).series)
    return b"".join(json.dumps(entry, allow_nan=False).encode() + b"\n" for entry in entries)


_FILES_MADE: Mapping[str, tuple[str, Callable[[Project], bytes]]] = {
    "series.jsonl": ("application/jsonl", _labels),
    "ranks.csv": ("text/csv", lambda project: b"".join(rank_lines(calibrate_project(project)))),
    "answers.csv": ("text/csv", lambda project: b"".join(answer_lines(project))),
    "calibration.svg": ("image/svg+xml", lambda project: plot_of(calibrate_project(project))),
}


def _import(project: Project, content: bytes, gold: bool) -> Any:
    descriptor, path = tempfile.mkstemp(prefix="finepick-", suffix=".votes")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        try:
            votes = read_votes(path, name="votes")
            return add_gold(project, votes) if gold else add_votes(project, votes)
        except DatasetError as error:  # the name of our temporary file says nothing to anybody
            raise DatasetError(error.message.replace(path, "the file"), line=error.line) from error
    finally:
        with suppress(OSError):
            os.unlink(path)


def _given(one: GivenAnswer) -> Given:
    return Given(
        one.id,
        one.series,
        one.left,
        one.right,
        one.choice,
        tuple(dict.fromkeys(chip.value for chip in one.chips)),
        one.sentence.strip(),
        one.seconds,
        one.answered_at,
        one.replaces,
    )


def _given_back(answer: Answer) -> dict[str, Any]:
    """An answer by side, as the page gave it."""
    left = answer.left if answer.left is not None else answer.first
    right = answer.second if left == answer.first else answer.first
    is_left = (answer.outcome is Outcome.FIRST) == (left == answer.first)
    decided = answer.outcome in (Outcome.FIRST, Outcome.SECOND)
    return {
        "id": answer.client_id,
        "series": answer.series,
        "left": left,
        "right": right,
        "choice": ("left" if is_left else "right") if decided else answer.outcome.value,
        "chips": list(answer.chips),
        "sentence": answer.sentence,
    }


def _progress(progress: Progress) -> ProgressDocument:
    return ProgressDocument(**asdict(progress))


def _person_document(one: Any) -> dict[str, Any]:
    document = asdict(one)
    document.update(document.pop("person"))
    return document
