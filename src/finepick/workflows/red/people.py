"""People as judges: edits become pairs of an annotation project in the same folder; their answers are read back.

A person sees a pair once, and left and right are drawn; so each answer stands for the order in which it was shown, and
a person who always says left contradicts the others instead of counting.
"""

from __future__ import annotations

import os
from collections import Counter

from finepick.project.records import Answer, NewPhoto, NewSeries, Outcome
from finepick.project.store import Project, in_force, is_project
from finepick.red.records import PERSON, Asked, Choice, JudgeAnswer, Order, Verdict
from finepick.red.rules import Rules
from finepick.red.store import RedProject
from finepick.workflows.projects import digest_of, open_or_create
from finepick.workflows.red.items import Panel, items_of

FOLDER = "people"
_NAME = "edit-"

STRENGTH = 2
"""Of what a person prefers: they are asked which one, not how much; "clear" is the middle of what models can say."""


def ask_people(project: RedProject, panel: Panel, rules: Rules) -> int:
    """Add to `people/` a pair for every edit that people may still decide; how many there are in all."""
    wanted = []
    for item in items_of(project, panel, rules, writer=""):
        if item.edit.why is None and item.label is None and item.source.picture and item.edit.picture:
            names = (item.source.picture, item.edit.picture)
            wanted.append(
                NewSeries(
                    f"{_NAME}{item.edit.id}",
                    tuple(_photo(project, name) for name in names),
                    category=item.edit.family,
                    split=item.source.split,
                )
            )
    folder = os.path.join(project.folder, FOLDER)
    if not wanted and not is_project(folder):
        return 0
    with open_or_create(folder, name="Which one is better?") as people:
        people.add_series(wanted)
        return len(people.series())


def read_people(project: RedProject) -> int:
    """Take in what people have answered so far; how many answers count."""
    folder = os.path.join(project.folder, FOLDER)
    if not is_project(folder):
        return 0
    with Project.open(folder) as people:
        names = {one.id: one.name for one in people.annotators()}
        series = {one.id: one for one in people.series()}
        given = in_force(people.answers())
    turns: Counter[tuple[int, str, Order]] = Counter()
    answers = []
    for one in given:
        source = series[one.series].members[0].id
        left = one.first if one.left is None else one.left
        order = Order.SOURCE_FIRST if left == source else Order.EDIT_FIRST
        key = (int(series[one.series].name.removeprefix(_NAME)), names[one.annotator], order)
        answers.append(
            JudgeAnswer(Asked(key[0], order, turns[key]), PERSON + key[1], _verdict(one, left), _trouble(one))
        )
        turns[key] += 1
    project.replace_answers_of_people(answers)
    return len(answers)


def _verdict(answer: Answer, left: int) -> Verdict | None:
    """As the pair was shown, left first; None where the two cannot be compared."""
    if answer.outcome is Outcome.BAD:
        return None
    if answer.outcome is Outcome.TIE:
        return Verdict(Choice.SIMILAR, 0)
    winner = answer.first if answer.outcome is Outcome.FIRST else answer.second
    return Verdict(Choice.FIRST if winner == left else Choice.SECOND, STRENGTH)


def _trouble(answer: Answer) -> str:
    return "this person says that the two cannot be compared" if answer.outcome is Outcome.BAD else ""


def _photo(project: RedProject, picture: str) -> NewPhoto:
    path = os.path.join(project.folder, picture)
    status = os.stat(path)
    digest = digest_of(path)  # a name that does not tell which one is the source
    return NewPhoto(f"{digest[:12]}.jpg", path, digest, status.st_size, status.st_mtime_ns)
