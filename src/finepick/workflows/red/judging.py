"""The third stage: every judge is asked, in both orders, as long as an edit can still be kept."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from finepick.chat.budget import Budget, Cost
from finepick.domain import Photo, Reason, Series, SeriesKind
from finepick.errors import ImageError
from finepick.red.judges import EndpointJudge, Judge, Judged, Postponed, Showing
from finepick.red.local import LocalJudge
from finepick.red.records import Asked, Choice, Dimension, JudgeAnswer, Order, Verdict
from finepick.red.rules import Rules
from finepick.red.store import RedProject
from finepick.red.words import DIMENSION_OF
from finepick.scorers.base import Scorer
from finepick.scorers.catalog import load_scorer
from finepick.workflows.compare import TIE_MARGIN
from finepick.workflows.library import Library
from finepick.workflows.ranking import prepare_studies, study_series
from finepick.workflows.red.items import Panel, items_of
from finepick.workflows.red.request import PEOPLE, RedRequest, endpoint_named, local_folder

_AT_ONCE = 32
_CLEAR, _VERY_STRONG = 0.75, 0.9
"""P of the preferred picture from which on a scorer's preference counts as clear, and as very strong."""


def judges_of(request: RedRequest, library: Library, budget: Budget) -> list[Judge]:
    """Those that *request* names, people aside; whoever costs nothing comes first.

    Raises UnknownScorerError, WeightsError, MissingExtraError.
    """
    judges = [_judge(name, request, library, budget) for name in request.judges if name != PEOPLE]
    return sorted(judges, key=lambda judge: judge.estimate.requests)


def panel_of(request: RedRequest, judges: Sequence[Judge]) -> Panel:
    """Whose answers count."""
    return Panel({judge.name: judge.turns for judge in judges}, request.asks_people)


def judge_all(
    project: RedProject, judges: Sequence[Judge], panel: Panel, rules: Rules, library: Library
) -> list[str]:
    """Ask *judges* what they have not answered yet, one after the other; why questions have no answer this time.

    Of several turns each is asked for all edits before the next, and whoever cannot be kept any more is asked about
    no further. Answers are kept as they come. Raises ChatError where a server cannot be used.
    """
    troubles: list[str] = []
    for judge in judges:
        stage = judge.name.partition("#")[0][-16:]
        library.progress.stage(stage, questions_ahead(project, judge, panel, rules))
        # One stream: a server has no pause between the turns. The last answers of a turn, still under way, are not
        # known where the next one begins; that costs a question or two, and no pause.
        ahead = (
            one for turn in range(judge.turns) for one in _showings(project, judge.name, turn, panel, rules)
        )
        for judged in judge.ask(ahead):
            project.keep_answers(one for one in judged if isinstance(one, JudgeAnswer))
            troubles += [one.reason for one in judged if isinstance(one, Postponed)]
            for _ in judged:
                library.progress.step()
    return troubles


def questions_ahead(project: RedProject, judge: Judge, panel: Panel, rules: Rules) -> int:
    """How many questions *judge* may be asked at most, as things stand."""
    return sum(1 for turn in range(judge.turns) for _ in _showings(project, judge.name, turn, panel, rules))


def _showings(project: RedProject, judge: str, turn: int, panel: Panel, rules: Rules) -> Iterator[Showing]:
    for item in items_of(project, panel, rules, writer=""):
        if item.label is not None or item.edit.why is not None:
            continue
        answered = {(one.asked.order, one.asked.turn) for one in item.answers if one.judge == judge}
        source, edit = (
            os.path.join(project.folder, name or "") for name in (item.source.picture, item.edit.picture)
        )
        for order in Order:
            if (order, turn) not in answered:
                first, second = (source, edit) if order is Order.SOURCE_FIRST else (edit, source)
                yield Showing(Asked(item.edit.id, order, turn), first, second)


def _judge(name: str, request: RedRequest, library: Library, budget: Budget) -> Judge:
    endpoint = endpoint_named(name)
    if endpoint is not None:
        return EndpointJudge(endpoint, turns=request.repeats, budget=budget, manners=request.manners)
    folder = local_folder(name)
    if folder is not None:
        return LocalJudge(folder, turns=request.repeats)
    return ScorerJudge(load_scorer(name), library)


class ScorerJudge:
    """One of our own models. It does not depend on the order, so that both orders agree by construction."""

    turns = 1
    estimate = Cost()

    def __init__(self, scorer: Scorer, library: Library) -> None:
        info = scorer.info
        self.name = f"{info.name}#{info.fingerprint[:6]}"
        self._scorer = scorer
        self._library = library

    def ask(self, showings: Iterable[Showing]) -> Iterator[list[Judged]]:
        left = iter(showings)
        while some := list(islice(left, _AT_ONCE)):
            yield self._judged(some)

    def _judged(self, showings: Sequence[Showing]) -> list[Judged]:
        paths = dict.fromkeys(path for one in showings for path in (one.first, one.second))
        reading = self._library.read(list(paths))
        photos = {photo.path: photo for photo in reading.photos}
        lost = {one.path: one.reason for one in reading.skipped}
        series = {
            one.asked: (photos[one.first], photos[one.second])
            for one in showings
            if one.first in photos and one.second in photos
        }
        # Both orders are one series: what was judged in one is known in the other.
        pairs = {frozenset(pair): pair for pair in series.values()}
        prepare_studies(
            self._library, [Series(SeriesKind.SIMILAR, pair) for pair in pairs.values()], self._scorer
        )
        return [
            self._answer(one, series[one.asked])
            if one.asked in series
            else Postponed(one.asked, lost.get(one.first) or lost.get(one.second) or "its picture is gone")
            for one in showings
        ]

    def _answer(self, one: Showing, photos: tuple[Photo, Photo]) -> Judged:
        try:
            study = study_series(self._library, photos, self._scorer)
        except ImageError as error:
            return Postponed(one.asked, error.reason)
        p = float(study.judgement.preference[0, 1])
        return JudgeAnswer(one.asked, self.name, verdict_of(p, study.reasons[0]))


def verdict_of(p: float, reasons: Sequence[Reason] = ()) -> Verdict:
    """What a scorer says that prefers the first with probability *p*; *reasons* are said of the first."""
    said: dict[Dimension, str] = {}
    for reason in reasons:
        if reason.attribute in DIMENSION_OF:
            said.setdefault(DIMENSION_OF[reason.attribute], f"the first: {reason.text}")
    if abs(p - 0.5) < TIE_MARGIN:
        return Verdict(Choice.SIMILAR, 0, said)
    sure = max(p, 1 - p)
    strength = 3 if sure >= _VERY_STRONG else 2 if sure >= _CLEAR else 1
    return Verdict(Choice.FIRST if p > 0.5 else Choice.SECOND, strength, said)
