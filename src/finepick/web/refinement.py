"""The queue of photos that refinement left out, for a person to have the last word."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool

from finepick.errors import UsageError
from finepick.project.records import IN, Annotator
from finepick.project.store import Project
from finepick.refinement.thresholds import Reason
from finepick.workflows.refine import queue_of


class Decision(BaseModel):
    """Whether a photo takes part, or why not."""

    model_config = ConfigDict(extra="forbid")

    state: Literal[(IN, *(reason.value for reason in Reason))]  # type: ignore[valid-type]


class DecidedDocument(BaseModel):
    photo: int
    state: str


def refinement_router(
    project: Project, owner: Callable[..., Any], *, responses: dict[int | str, dict[str, Any]]
) -> APIRouter:
    """Every address below `/api/refined`; *owner* says whose link it is, and refuses everybody else's."""
    router = APIRouter(prefix="/api/refined", responses=responses)
    chief = Annotated[Annotator, Depends(owner)]

    @router.get("")
    async def queue(who: chief) -> dict[str, Any]:
        """Photos that were left out, and those that a person decided on, with what speaks against them."""
        return await run_in_threadpool(queue_of, project)

    @router.put("/{photo}")
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
