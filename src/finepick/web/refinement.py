"""Refinement over HTTP: runs, and the queue of photos that they left out, for a person to have the last word."""

from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path
from pydantic import BaseModel, ConfigDict, Field, create_model
from starlette.concurrency import run_in_threadpool

from finepick.errors import UsageError
from finepick.project.records import IN, Annotator
from finepick.project.refinements import refinements, undo_refinement
from finepick.project.store import Project
from finepick.refinement.thresholds import Reason, Thresholds
from finepick.scorers.catalog import WEIGHTED
from finepick.web.refining import RefinementRun, RunState
from finepick.workflows.refine import queue_of


class Decision(BaseModel):
    """Whether a photo takes part, or why not."""

    model_config = ConfigDict(extra="forbid")

    state: Literal[(IN, *(reason.value for reason in Reason))]  # type: ignore[valid-type]


_Threshold = Annotated[float, Field(ge=-1, le=1e6, allow_inf_nan=False)]
GivenThresholds = create_model(  # type: ignore[call-overload]
    "GivenThresholds",
    __config__=ConfigDict(extra="forbid"),
    **{one.name: (_Threshold | None, None) for one in fields(Thresholds)},
)


class WantedRun(BaseModel):
    """With which thresholds (the usual ones where they are not named), and whether with a model that reads words."""

    model_config = ConfigDict(extra="forbid")

    thresholds: GivenThresholds = GivenThresholds()  # type: ignore[valid-type]
    model: Literal[tuple(WEIGHTED)] | None = None  # type: ignore[valid-type]


class RunDocument(BaseModel):
    run: int
    at: int
    by: str
    undone: bool


class RefinementDocument(BaseModel):
    """Where the last run is, all runs that were kept, oldest first, and the usual thresholds."""

    state: RunState
    stage: str
    done: int
    total: int
    counts: dict[str, int]
    skipped: int
    error: str | None
    runs: list[RunDocument]
    thresholds: dict[str, float]


class UndoneDocument(BaseModel):
    run: int
    taken_back: int


class DecidedDocument(BaseModel):
    photo: int
    state: str


def refinement_router(
    project: Project,
    running: RefinementRun,
    owner: Callable[..., Any],
    *,
    responses: dict[int | str, dict[str, Any]],
) -> APIRouter:
    """The addresses of runs and of the queue; *owner* says whose link it is, and refuses everybody else's."""
    router = APIRouter(prefix="/api", responses=responses)
    chief = Annotated[Annotator, Depends(owner)]

    def standing() -> RefinementDocument:
        runs = [
            RunDocument(run=one.id, at=one.at, by=one.by, undone=one.undone_at is not None)
            for one in refinements(project)
        ]
        return RefinementDocument(**asdict(running.so_far), runs=runs, thresholds=Thresholds().as_dict())

    @router.get("/refinement")
    async def refinement(who: chief) -> RefinementDocument:
        """Where the last run is; asked again and again, this is its progress."""
        return await run_in_threadpool(standing)

    @router.post("/refinement", status_code=202)
    async def refine(who: chief, wanted: WantedRun) -> RefinementDocument:
        """Measure all photos and mark what is not worth asking about, beside everything else. One run at a time."""
        changes = wanted.thresholds.model_dump(exclude_none=True)  # type: ignore[attr-defined]
        if not running.start(Thresholds().changed(changes), wanted.model):
            raise HTTPException(409, "a run is under way; wait for it, or stop it first")
        return await run_in_threadpool(standing)

    @router.delete("/refinement")
    async def cancel(who: chief) -> RefinementDocument:
        """Stop the run that is under way, as soon as it can: nothing of it is kept."""
        running.cancel()
        return await run_in_threadpool(standing)

    @router.post("/refinement/{run}/undo")
    async def undo(who: chief, run: Annotated[int, Path(ge=1, le=2**53)]) -> UndoneDocument:
        """Take back what a run left out."""
        if running.is_running:
            raise HTTPException(409, "a run is under way; wait for it, or stop it first")
        try:
            count = await run_in_threadpool(lambda: undo_refinement(project, run, by=who.name))
        except UsageError as error:
            raise HTTPException(404, error.message) from error
        return UndoneDocument(run=run, taken_back=count)

    @router.get("/refined")
    async def queue(who: chief) -> dict[str, Any]:
        """Photos that were left out, and those that a person decided on, with what speaks against them."""
        return await run_in_threadpool(queue_of, project)

    @router.put("/refined/{photo}")
    async def decide(
        who: chief, photo: Annotated[int, Path(ge=1, le=2**53)], decision: Decision
    ) -> DecidedDocument:
        """Let a photo take part, or leave it out; it is on the disk when this returns, and can be changed again."""
        try:
            await run_in_threadpool(lambda: project.mark(photo, decision.state, by=who.name))
        except UsageError as error:
            raise HTTPException(404, "there is no such photo in this project") from error
        return DecidedDocument(photo=photo, state=decision.state)

    return router
