"""What leaves a project: the data set as Parquet with its card, the same as a manifest, all rejects with reasons."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finepick import __version__
from finepick.datasets.judged_edits import SPLIT_FILES, JudgedEdit, write_judged_edits
from finepick.datasets.manifest import SERIES_FILE, series_entry
from finepick.datasets.records import LabelledSeries, Pair
from finepick.exports.red_plots import draw_differences, draw_stages
from finepick.exports.writing import atomic_write, make_folder
from finepick.red.records import STAGES, Label, Source, Thought, Why
from finepick.red.store import RedProject
from finepick.workflows.red.items import Item, counts_of, rejects_of
from finepick.workflows.red.request import RedRequest

FOLDER = "dataset"
REJECTS, CARD = "rejects.jsonl", "README.md"
STAGES_PLOT, DIFFERENCES_PLOT = "stages.svg", "differences.svg"


@dataclass(frozen=True, slots=True)
class Left:
    """What was written: the folder of the data set, the manifest beside the pictures, how many pairs by split."""

    folder: str
    manifest: str
    pairs: Mapping[str, int]


def write_dataset(project: RedProject, items: Sequence[Item], request: RedRequest) -> Left:
    """Write all that is kept, and why the rest is not. Raises MissingExtraError, OutputError.

    A split without a pair has no file; one from an earlier run is removed, so that nothing stale is learned from.
    """
    folder = os.path.join(project.folder, FOLDER)
    make_folder(folder)
    kept = [item for item in items if item.is_kept]
    pairs = {}
    for split, name in SPLIT_FILES.items():
        path = os.path.join(folder, name)
        own = [item for item in kept if (item.source.split or "train") == split]
        if own:
            pairs[split] = write_judged_edits(path, _rows(project, own))
        elif os.path.lexists(path):
            os.remove(path)
    manifest = os.path.join(project.folder, SERIES_FILE)
    atomic_write(manifest, list(_series_lines(kept)))
    atomic_write(os.path.join(folder, REJECTS), list(_reject_lines(project, items)))
    _write_plots(project, items, folder)
    atomic_write(os.path.join(folder, CARD), _card(project, items, request, pairs).encode("utf-8"))
    return Left(folder, manifest, pairs)


def _rows(project: RedProject, items: Sequence[Item]) -> Iterator[JudgedEdit]:
    for item in items:
        (label, thought), edit = _kept(item), item.edit
        yield JudgedEdit(
            id=str(edit.id),
            split=item.source.split or "train",
            chain=edit.chain,
            source=_bytes(project, item.source.picture),
            edited=_bytes(project, edit.picture),
            difference=label.difference,
            agreement=label.agreement,
            answers=label.answers,
            text=thought.text,
            thought=thought.of_edit,
            thought_of_source=thought.of_source,
            thought_kind=thought.kind,
            dimensions=tuple(thought.dimensions),
            editor=edit.editor,
            family=edit.family,
            edit=edit.name,
            strength=edit.strength,
            recipe=json.dumps(edit.recipe),
            description=edit.description,
            verdicts=json.dumps(verdicts_of(item)),
            source_sha256=item.source.digest,
        )


def verdicts_of(item: Item) -> list[dict[str, Any]]:
    """Every answer about an edit; in an order that does not depend on which came first."""
    return [
        {
            "judge": one.judge,
            "order": one.asked.order.value,
            "turn": one.asked.turn,
            "choice": None if one.verdict is None else one.verdict.choice.value,
            "strength": None if one.verdict is None else one.verdict.strength,
            "for_edit": None if one.verdict is None else one.verdict.for_edit(one.asked.order),
            "reasons": {} if one.verdict is None else dict(one.verdict.reasons),
        }
        for one in sorted(item.answers, key=lambda one: (one.judge, one.asked.turn, one.asked.order))
    ]


def _bytes(project: RedProject, picture: str | None) -> bytes:
    with open(os.path.join(project.folder, picture or ""), "rb") as file:
        return file.read()


def _series_lines(kept: Sequence[Item]) -> Iterator[bytes]:
    """A series a source: itself first, then its edits; every pair is (edit, source), with what is said of the edit."""
    by_source: dict[int, list[Item]] = defaultdict(list)
    for item in kept:
        by_source[item.source.id].append(item)
    for own in by_source.values():
        source = own[0].source
        pairs, more = zip(*(_pair(place, item) for place, item in enumerate(own, 1)), strict=True)
        series = LabelledSeries(
            series=source.digest[:16],
            photos=(source.picture or "", *(item.edit.picture or "" for item in own)),
            pairs=pairs,
            category="red",
            split=source.split or "train",
            others={
                "labels": "model",
                "source": {"sha256": source.digest},
                "recipes": [[], *(item.edit.recipe for item in own)],
                "pairs": more,
            },
        )
        yield json.dumps(series_entry(series), allow_nan=False).encode("ascii") + b"\n"


def _pair(place: int, item: Item) -> tuple[Pair, Mapping[str, Any]]:
    label, thought = _kept(item)
    more = {
        "agreement": label.agreement,
        "edit": item.edit.id,
        "thought": thought.of_edit,
        "thought_of_other": thought.of_source,
    }
    return Pair(place, 0, round(0.5 + 0.5 * label.difference, 6), label.answers, thought.text), more


def _kept(item: Item) -> tuple[Label, Thought]:
    assert isinstance(item.label, Label) and item.thought is not None
    return item.label, item.thought


def _reject_lines(project: RedProject, items: Sequence[Item]) -> Iterator[bytes]:
    for source in project.sources():
        if source.why is not None:
            yield _line({"stage": "sources", "why": source.why, "detail": source.detail, **_about(source)})
    for item in items:
        if item.why is not None:
            edit = {"edit": item.edit.id, "name": item.edit.name, "strength": item.edit.strength}
            yield _line(
                {
                    "stage": stage_of(item.why), "why": item.why, "detail": item.detail, **_about(item.source),
                    **edit, "picture": item.edit.picture, "verdicts": verdicts_of(item),
                }
            )  # fmt: skip


def stage_of(why: Why) -> str:
    """The stage that rejects for this reason."""
    return next(stage for stage, reasons in STAGES.items() if why in reasons)


def _about(source: Source) -> dict[str, Any]:
    return {"source": source.path, "sha256": source.digest}


def _line(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values).encode("ascii") + b"\n"


def _write_plots(project: RedProject, items: Sequence[Item], folder: str) -> None:
    counts, rejects = counts_of(project, items), rejects_of(project, items)
    atomic_write(os.path.join(folder, STAGES_PLOT), stages_plot(counts, rejects).encode("utf-8"))
    atomic_write(os.path.join(folder, DIFFERENCES_PLOT), differences_plot(items).encode("utf-8"))


def stages_plot(counts: Mapping[str, int], rejects: Counter[Why]) -> str:
    """How many survive each stage, and what the others were rejected for."""
    lost = {
        stage: [(why.value, rejects[why]) for why in reasons if rejects[why]]
        for stage, reasons in STAGES.items()
    }
    rows = [
        ("sources", counts["sources"], counts["sources used"], lost["sources"]),
        ("edits", counts["edits"], counts["edits made"], lost["edits"]),
        ("judges", counts["edits made"], counts["labelled"], lost["judges"]),
        ("thoughts", counts["labelled"], counts["kept"], lost["thoughts"]),
    ]
    return draw_stages(rows)


def differences_plot(items: Sequence[Item]) -> str:
    """The difference of every labelled edit by its strength, a panel a family."""
    by_family: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for item in items:
        if isinstance(item.label, Label):
            by_family[item.edit.family].append((item.edit.strength, item.label.difference))
    return draw_differences(by_family)


def _card(project: RedProject, items: Sequence[Item], request: RedRequest, pairs: Mapping[str, int]) -> str:
    counts, rejects = counts_of(project, items), rejects_of(project, items)
    kept = [item for item in items if item.is_kept]
    better = sum(_kept(item)[0].edit_is_better for item in kept)
    kinds = Counter(_kept(item)[1].kind for item in kept)
    judges = Counter("people" if one.is_of_person else one.judge for item in kept for one in item.answers)
    spent = project.spent()
    files = "".join(
        f"      - split: {name.removesuffix('.parquet')}\n        path: {name}\n"
        for split, name in SPLIT_FILES.items()
        if split in pairs
    )
    reasons = "\n".join(
        f"| {stage_of(why)} | {why.value} | {count:,} |" for why, count in _in_stages(rejects)
    )

    def listed(counter: Counter[str]) -> str:
        return ", ".join(f"{name} {count:,}" for name, count in sorted(counter.items())) or "none"

    return f"""---
configs:
  - config_name: default
    data_files:
{files}tags: [image-aesthetics, preference]
---

# What edits do to {counts["sources used"]:,} photos

Pairs of a photo and an edit of it, with how much better or worse judges found the edit, and in what the two differ.
No picture has a score of its own: only differences are labelled. Built by Finepick {__version__}.

| | |
|---|---|
| pairs | {len(kept):,} ({listed(Counter(pairs))}); still open {counts["open"]:,} |
| the edit is better in | {better:,} |
| families | {listed(Counter(item.edit.family for item in kept))} |
| answers by | {listed(judges)} |
| words | {listed(kinds)} |
| rules | least agreement {request.least_agreement:g}, dead zone {request.dead_zone:g}, both orders |
| seed, edits a photo, strengths an edit | {request.seed}, {request.edits}, {request.steps} |
| long side | {request.long_side} pixels, JPEG {request.quality} |
| asked for | {spent.requests:,} requests, {spent.tokens_in:,} tokens in, {spent.tokens_out:,} out |

![How many survive each stage]({STAGES_PLOT})

![Difference by family and strength]({DIFFERENCES_PLOT})

## Columns

`difference` lies in [−1, 1]: the mean signed strength of all answers over 3, above 0 where the edited picture is
better. `agreement` is the share of answers on that side. `text` says in a sentence how the edited picture differs from
its source, `thought` the same at length, `thought_of_source` what is to be said of the source. `thought_kind` is
`template` (put together from measured differences and what the edit does by construction; no language model) or
`model` (a judge wrote it). `chain` is the same for edits of one photo that differ in strength alone. `recipe` makes
the picture again from the source (`finepick edit --recipe`).

## What was rejected, and why

| stage | why | how many |
|---|---|---|
{reasons or "| | nothing | 0 |"}

Each with its answers in `{REJECTS}`.

## What is not in here

What people find beautiful: judges that are models, or measurements, have their own taste, and are wrong together where
they are wrong in the same way. What nobody but you can add: where the photos are from, who may use them and for what,
whom they show.
"""


def _in_stages(rejects: Counter[Why]) -> list[tuple[Why, int]]:
    return [(why, rejects[why]) for reasons in STAGES.values() for why in reasons if rejects[why]]
