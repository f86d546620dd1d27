"""The page on which a person checks a data set by eye."""

from __future__ import annotations

import io
import os
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from PIL import Image

from finepick.errors import ImageError
from finepick.explanations.pictures import overlay
from finepick.explanations.study import find_differences
from finepick.exports.red_report import Card, Judged, write_red_report
from finepick.images.reading import read_frame
from finepick.red.judges import seed_of
from finepick.red.records import Asked, Label, Order
from finepick.red.store import RedProject
from finepick.scorers.utilities import judge_utilities
from finepick.workflows.library import Library
from finepick.workflows.red.items import Item, counts_of, rejects_of
from finepick.workflows.red.leaving import differences_plot, stages_plot

SIDE = 480
_REJECTED_SHARE = 5  # for each five that were kept, one that was not


def write_report(
    project: RedProject, library: Library, items: Sequence[Item], path: str, *, count: int
) -> tuple[int, int]:
    """Write a page of *count* kept pairs, of all families, and some rejected ones; how many of each there are.

    Raises OutputError, ImageError where a picture of the project is gone.
    """
    kept = _spread([item for item in items if item.is_kept], count)
    rejected = _spread(
        [item for item in items if item.why is not None and item.edit.picture], -(-count // _REJECTED_SHARE)
    )
    counts = counts_of(project, items)
    lead = (
        f"{counts['kept']:,} pairs are kept, of {counts['edits']:,} edits of {counts['sources used']:,} photos; "
        f"{counts['open']:,} are still open. A difference above 0 means that the edit is better; answers are given as "
        "said for the edit, −3 to +3."
    )
    library.progress.stage("report", len(kept) + len(rejected))
    write_red_report(
        path,
        title=f"What edits do: {os.path.basename(os.path.abspath(project.folder))}",
        lead=lead,
        plots=[stages_plot(counts, rejects_of(project, items)), differences_plot(items)],
        kept=[_card(project, library, item) for item in kept],
        rejected=[_card(project, library, item) for item in rejected],
    )
    return len(kept), len(rejected)


def _spread(items: Sequence[Item], count: int) -> list[Item]:
    """*count* of *items*, of every family and reason in turn, drawn the same every time; in their own order."""
    groups: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in sorted(items, key=lambda one: seed_of(str(one.edit.id))):
        groups[item.edit.family, item.why or ""].append(item)
    in_turn = sorted(
        ((place, key, item) for key, own in groups.items() for place, item in enumerate(own)),
        key=lambda one: one[:2],
    )
    return sorted((item for _, _, item in in_turn[:count]), key=lambda item: item.edit.id)


def _card(project: RedProject, library: Library, item: Item) -> Card:
    paths = [os.path.join(project.folder, name or "") for name in (item.source.picture, item.edit.picture)]
    source, edited = (read_frame(path, long_side=SIDE) for path in paths)
    label, thought = item.label if isinstance(item.label, Label) else None, item.thought
    library.progress.step()
    return Card(
        title=f"{os.path.basename(item.source.path)} · {item.edit.name} {item.edit.strength:g}",
        description=item.edit.description,
        source=_jpeg(Image.fromarray(source)),
        edited=_jpeg(Image.fromarray(edited)),
        map=_jpeg(_map(library, paths, edited)),
        judged=_judged(item),
        difference=label.difference if label is not None and item.is_kept else None,
        agreement=label.agreement if label is not None else None,
        why=item.why or "",
        detail=item.detail,
        thought=thought.of_edit if thought else "",
        thought_of_source=thought.of_source if thought else "",
        text=thought.text if thought else "",
        kind=thought.kind if thought else "",
    )


def _map(library: Library, paths: Sequence[str], edited: np.ndarray) -> Image.Image:
    photos = {photo.path: photo for photo in library.read(list(paths)).photos}
    missing = next((path for path in paths if path not in photos), None)
    if missing is not None:
        raise ImageError("it is gone", path=missing)
    features = [library.features(photos[path]) for path in paths]
    _, maps = find_differences(features, judge_utilities(np.zeros(2), temperature=1.0))
    return overlay(edited, maps[1])


def _judged(item: Item) -> list[Judged]:
    names = dict.fromkeys(one.judge for one in item.answers)
    found = []
    for name in names:
        own = [one for one in item.answers if one.judge == name]
        by_order = {
            order: [
                None if one.verdict is None else one.verdict.for_edit(order)
                for one in own
                if one.asked.order is order
            ]
            for order in Order
        }
        reasons = dict.fromkeys(
            f"{dimension}: {words}"
            for one in own
            if one.verdict is not None and one.asked == Asked(item.edit.id, Order.SOURCE_FIRST)
            for dimension, words in one.verdict.reasons.items()
        )
        found.append(
            Judged(
                name.partition("#")[0],
                by_order[Order.SOURCE_FIRST],
                by_order[Order.EDIT_FIRST],
                list(reasons),
            )
        )
    return found


def _jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=82)
    return file.getvalue()
