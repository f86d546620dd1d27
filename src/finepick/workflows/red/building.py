"""Build a data set of judged edits: sources → edits → judges → thoughts, each from where an earlier run has ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finepick.chat.budget import Budget
from finepick.errors import UsageError
from finepick.exports.documents import Document, document
from finepick.red.editors import editor_named
from finepick.red.judges import Judge
from finepick.red.records import STAGES, Why
from finepick.red.store import RedProject
from finepick.red.thoughts import TEMPLATE
from finepick.red.writers import EndpointWriter
from finepick.workflows.library import Library
from finepick.workflows.red.estimating import Estimate, estimate_of
from finepick.workflows.red.items import Item, Panel, counts_of, items_of, rejects_of
from finepick.workflows.red.judging import judge_all, judges_of, panel_of
from finepick.workflows.red.leaving import Left, write_dataset
from finepick.workflows.red.making import collect_sources, make_edits, plan_all
from finepick.workflows.red.people import ask_people, read_people
from finepick.workflows.red.request import RedRequest
from finepick.workflows.red.thinking import write_thoughts

REQUEST = "request"


@dataclass(frozen=True, slots=True)
class Built:
    """Where the project stands after a run.

    left_out: photos of other splits. troubles: why questions have no answer this time. waiting: pairs that people
    are to be asked. money: spent in all runs, at the request's prices. left: what was written, None before the end.
    """

    folder: str
    counts: Mapping[str, int]
    rejects: Mapping[Why, int]
    left_out: int
    troubles: tuple[str, ...]
    waiting: int
    money: float
    is_exhausted: bool
    left: Left | None


@dataclass(frozen=True, slots=True)
class _Crew:
    """Who takes part in a run."""

    judges: Sequence[Judge]
    panel: Panel
    writer: EndpointWriter | None
    budget: Budget

    @property
    def writer_name(self) -> str:
        return TEMPLATE if self.writer is None else self.writer.name


def request_of(project: RedProject, changes: Mapping[str, Any]) -> RedRequest:
    """What is asked for: as in the run before, with *changes*. Raises UsageError, SettingsError."""
    return RedRequest.of(project.setting(REQUEST), changes)


def build(
    project: RedProject,
    library: Library,
    request: RedRequest,
    paths: Sequence[str],
    *,
    tell: Callable[[str], None] = lambda line: None,
    only_estimate: bool = False,
) -> Built:
    """Go on with *project* until nothing is left to do, money or answers run out, or `request.until` is reached.

    What is found out is kept as it comes; the same request again goes on from there, asks nothing twice and gives
    the same pictures. Before judges are asked, *tell* is told for how much; with *only_estimate* that is the end.
    Raises UsageError for no photos, and like `Library.read`; WeightsError, MissingExtraError for judges that cannot
    be had; ChatError where a server cannot be used (what it answered is kept); StoreError, OutputError.
    """
    if not paths and not project.sources():
        raise UsageError("there is no photo to edit; name some with --from PATH")
    with project.alone():
        crew = _crew_of(project, request, library)
        editors = [editor_named(name) for name in request.editors]
        project.keep_setting(REQUEST, request.as_settings())
        left_out = collect_sources(project, library, paths, request) if paths else 0
        stages = list(STAGES)[: list(STAGES).index(request.until) + 1]
        troubles: list[str] = []
        waiting = 0
        if "edits" in stages:
            plan_all(project, request)
            make_edits(project, library, request, editors)
        if "judges" in stages:
            read_people(project)
            tell(str(_estimate(project, crew, request, library)))
            if not only_estimate:
                troubles += judge_all(project, crew.judges, crew.panel, request.rules, library)
                if request.asks_people:
                    waiting = ask_people(project, crew.panel, request.rules)
        if "thoughts" in stages and not only_estimate:
            troubles += write_thoughts(project, crew.writer, crew.panel, request.rules, library)
        items = list(items_of(project, crew.panel, request.rules, crew.writer_name))
        is_whole = "thoughts" in stages and not only_estimate
        left = write_dataset(project, items, request) if is_whole else None
        return Built(
            project.folder,
            counts_of(project, items),
            rejects_of(project, items),
            left_out,
            tuple(troubles),
            waiting,
            crew.budget.money_spent,
            crew.budget.is_exhausted,
            left,
        )


def built_items(project: RedProject, library: Library) -> list[Item]:
    """How every edit stood at the end of the last run. Raises UsageError where there was none."""
    if project.setting(REQUEST) is None:
        raise UsageError(f"nothing has been built in '{project.folder}' yet")
    request = request_of(project, {})
    crew = _crew_of(project, request, library)
    return list(items_of(project, crew.panel, request.rules, crew.writer_name))


def built_document(built: Built) -> Document:
    """The JSON document of `red build`."""
    return document(
        project=built.folder,
        dataset=built.left and built.left.folder,
        manifest=built.left and built.left.manifest,
        pairs=dict(built.left.pairs) if built.left else {},
        counts={**built.counts, "left_out": built.left_out, "waiting_for_people": built.waiting},
        rejects=[
            {"why": why.name.lower(), "text": why.value, "count": count}
            for why, count in built.rejects.items()
        ],
        unanswered=len(built.troubles),
        trouble=built.troubles[-1] if built.troubles else None,
        spent=round(built.money, 6),
        budget_exhausted=built.is_exhausted,
    )


def _crew_of(project: RedProject, request: RedRequest, library: Library) -> _Crew:
    budget = Budget(
        prices=request.prices, most_money=request.budget, most_requests=request.most, spent=project.spent()
    )
    judges = judges_of(request, library, budget)
    endpoint = request.writer_endpoint
    writer = None if endpoint is None else EndpointWriter(endpoint, budget=budget, manners=request.manners)
    return _Crew(judges, panel_of(request, judges), writer, budget)


def _estimate(project: RedProject, crew: _Crew, request: RedRequest, library: Library) -> Estimate:
    return estimate_of(
        project, crew.judges, crew.writer, crew.panel, request, workers=library.settings.workers
    )
