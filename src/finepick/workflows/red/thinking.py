"""The fourth stage: every labelled edit gets its words, which are then checked; what fails is rejected, and kept."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from finepick.domain import Photo
from finepick.errors import ImageError
from finepick.explanations.reasons import Finding, compare, explain_series
from finepick.explanations.study import find_differences
from finepick.red.records import Label, Thought
from finepick.red.rules import Rules
from finepick.red.store import RedProject
from finepick.red.thoughts import TEMPLATE, Faulty, fault_of_thought, thought_by_template
from finepick.red.writers import EndpointWriter, Wanted
from finepick.scorers.utilities import judge_utilities
from finepick.workflows.library import Library
from finepick.workflows.red.items import Item, Panel, items_of

_AT_ONCE = 32


def write_thoughts(
    project: RedProject,
    writer: EndpointWriter | None,
    panel: Panel,
    rules: Rules,
    library: Library,
) -> list[str]:
    """Words for all that is labelled and has none, by *writer*, None = by template; why some have none this time.

    Raises ChatError where a server cannot be used.
    """
    name = TEMPLATE if writer is None else writer.name
    ahead = [
        item for item in items_of(project, panel, rules, name) if item.is_open and item.label is not None
    ]
    library.progress.stage("thoughts", len(ahead))
    if writer is None:
        return _by_template(project, ahead, library)
    return _by_model(project, ahead, writer, library)


def _by_template(project: RedProject, ahead: Sequence[Item], library: Library) -> list[str]:
    troubles = []
    left = iter(ahead)
    while some := list(islice(left, _AT_ONCE)):
        paths = [
            os.path.join(project.folder, name or "")
            for item in some
            for name in (item.source.picture, item.edit.picture)
        ]
        photos = {photo.path: photo for photo in library.read(list(dict.fromkeys(paths))).photos}
        for number, item in enumerate(some):
            source, edit = (photos.get(path) for path in paths[2 * number : 2 * number + 2])
            assert isinstance(item.label, Label)
            try:
                if source is None or edit is None:
                    troubles.append("its picture is gone")
                    continue
                of_edit, of_source = _findings(library, edit, source)
            except ImageError as error:
                troubles.append(error.reason)
                continue
            thought = thought_by_template(
                item.edit.name,
                item.edit.strength,
                of_edit,
                of_source,
                edit_is_better=item.label.edit_is_better,
            )
            project.keep_thought(
                item.edit.id, TEMPLATE, better=item.label.edit_is_better, thought=_checked(thought, item)
            )
            library.progress.step()
    return troubles


def _findings(library: Library, edit: Photo, source: Photo) -> tuple[list[Finding], list[Finding]]:
    """What is measured of each against the other, strongest first. Raises ImageError."""
    features = [library.features(photo) for photo in (edit, source)]
    nothing_judged = judge_utilities(np.zeros(2), temperature=1.0)
    alignment, maps = find_differences(features, nothing_judged)
    evidence = explain_series(features, alignment, maps, nothing_judged).evidence
    return compare(*evidence), compare(*reversed(evidence))


def _by_model(
    project: RedProject, ahead: Sequence[Item], writer: EndpointWriter, library: Library
) -> list[str]:
    troubles: list[str] = []
    by_edit = {item.edit.id: item for item in ahead}
    for came in writer.write(_wanted(project, ahead)):
        for one in came:
            item = by_edit[one.edit]
            assert isinstance(item.label, Label)
            if one.thought is None:
                troubles.append(one.trouble)
            else:
                project.keep_thought(
                    one.edit,
                    writer.name,
                    better=item.label.edit_is_better,
                    thought=_checked(one.thought, item),
                    cost=one.cost,
                )
            library.progress.step()
    return troubles


def _wanted(project: RedProject, ahead: Sequence[Item]) -> Iterator[Wanted]:
    for item in ahead:
        assert isinstance(item.label, Label)
        source, edit = (
            os.path.join(project.folder, name or "") for name in (item.source.picture, item.edit.picture)
        )
        yield Wanted(item.edit.id, item.label.difference, source, edit)


def _checked(thought: Thought | Faulty, item: Item) -> Thought | Faulty:
    if isinstance(thought, Faulty):
        return thought
    assert isinstance(item.label, Label)
    return (
        fault_of_thought(thought, item.edit.family, item.edit.name, edit_is_better=item.label.edit_is_better)
        or thought
    )
