"""A project's answers become ranks, probabilities and a data set; and what they show of the people who gave them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from finepick import __version__
from finepick.datasets.conversion import LAYOUTS, convert
from finepick.datasets.files import csv_lines, write_file
from finepick.datasets.records import Dataset, LabelledSeries, Pair
from finepick.datasets.splits import split_dataset
from finepick.datasets.votes import read_votes
from finepick.errors import OutputError, UsageError
from finepick.exports.calibration_plot import PlottedPair, PlottedPerson, draw_calibration
from finepick.preferences.agreement import Share
from finepick.preferences.answers import Answers
from finepick.preferences.calibration import CalibratedPair, CalibratedSeries, Calibration, calibrate
from finepick.preferences.reliability import Verdict
from finepick.project.chips import words_of
from finepick.project.records import COUNTED, Annotator, Answer, Kind, Outcome, ProjectSeries
from finepick.project.store import Project, in_force, is_project
from finepick.workflows.projects import add_votes, digest_of

RANK_COLUMNS = ("series", "rank", "photo", "score", "error", "answers")
CARD, PLOT = "README.md", "calibration.svg"
_DOUBTFUL = (Verdict.CHANCE, Verdict.LEFT, Verdict.RIGHT, Verdict.REVERSED)


@dataclass(frozen=True, slots=True)
class ProjectCalibration:
    """What the answers of a project say. `series` and `people` are those that `found` numbers from 0.

    `answers` are those that were counted; `bad` counts pairs that somebody called impossible to compare.
    """

    name: str
    series: tuple[ProjectSeries, ...]
    people: tuple[Annotator, ...]
    answers: tuple[Answer, ...]
    bad: int
    found: Calibration

    @property
    def pairs(self) -> Iterator[CalibratedPair]:
        return (pair for series in self.found.series for pair in series.pairs)


def calibrate_project(project: Project) -> ProjectCalibration:
    """All answers in force, of all people, fitted together; photos that were left out take no part."""
    series = tuple(one for one in project.series() if len(one.taking_part) > 1)
    place = {
        member.id: (number, i)
        for number, one in enumerate(series)
        for i, member in enumerate(one.taking_part)
    }
    everything = [one for one in in_force(project.answers()) if one.first in place and one.second in place]
    counted = tuple(one for one in everything if one.outcome in COUNTED)
    speaking = {one.annotator for one in counted}
    people = tuple(person for person in project.annotators() if person.id in speaking)
    gold = [
        (place[first][0], place[first][1], place[second][1])
        for pair in project.gold()
        if (pair.first in place and pair.second in place)
        for first, second in _better_first(pair.first, pair.second, pair.outcome)
    ]
    found = calibrate(
        _as_arrays(counted, place, {person.id: number for number, person in enumerate(people)}),
        [len(one.taking_part) for one in series],
        annotators=len(people),
        gold=gold,
    )
    bad = len({(one.first, one.second) for one in everything if one.outcome is Outcome.BAD})
    return ProjectCalibration(project.name, series, people, counted, bad, found)


def calibrate_path(path: str) -> ProjectCalibration:
    """The same for a project's folder, or for a file of votes alone. Raises PathNotFoundError, DatasetError."""
    if os.path.isfile(path) and not is_project(path):
        votes = read_votes(path)
        with tempfile.TemporaryDirectory(prefix="finepick-") as folder:
            name = os.path.splitext(os.path.basename(path))[0]
            with Project.create(folder, name=name) as project:
                add_votes(project, votes)
                return calibrate_project(project)
    with Project.open(path) as project:
        return calibrate_project(project)


def _better_first(first: int, second: int, outcome: Outcome) -> Iterator[tuple[int, int]]:
    if outcome is Outcome.FIRST:
        yield first, second
    elif outcome is Outcome.SECOND:
        yield second, first


def _as_arrays(
    answers: Sequence[Answer], place: dict[int, tuple[int, int]], number: dict[int, int]
) -> Answers:
    if not answers:
        return Answers.none()
    return Answers.of(
        [place[one.first][1] for one in answers],
        [place[one.second][1] for one in answers],
        [COUNTED[one.outcome] for one in answers],
        series=[place[one.first][0] for one in answers],
        annotator=[number[one.annotator] for one in answers],
        side=[0 if one.left is None else 1 if one.left == one.first else -1 for one in answers],
        weight=[one.weight for one in answers],
    )


# What people read


def plot_of(result: ProjectCalibration) -> bytes:
    """A picture of the fit as SVG; nobody's name is in it."""
    pairs = [
        PlottedPair(pair.p, pair.for_a, pair.for_a + pair.for_b, pair.dropped is None)
        for pair in result.pairs
    ]
    people = [
        PlottedPerson(one.sensitivity, *one.sensitivity_interval, is_doubtful=one.verdict in _DOUBTFUL)
        for one in result.found.annotators
    ]
    return draw_calibration(pairs, people).encode("utf-8")


def calibration_document(result: ProjectCalibration) -> dict[str, Any]:
    """The whole report as a document; `p` of a pair is that its first photo is preferred."""
    found = result.found
    dropped = Counter(pair.dropped.value for pair in result.pairs if pair.dropped is not None)
    pairs = sum(len(one.pairs) for one in found.series)
    return {
        "finepick": __version__,
        "project": result.name,
        "answers": len(result.answers),
        "pairs": pairs,
        "labelled": pairs - sum(dropped.values()),
        "dropped": dict(dropped),
        "bad_pairs": result.bad,
        "circles": found.circles,
        "agreement": {**_share(found.agreement.pairs_of_answers), "alpha": found.agreement.alpha},
        "ties": _share(found.agreement.ties),
        "repeats": _share(found.repeats),
        "gold": _share(found.gold),
        "spread": found.joint.model.spread,
        "converged": bool(found.joint.converged),
        "annotators": [
            {
                "name": person.name,
                "verdict": one.verdict.value,
                "answers": one.answers,
                "ties": one.ties,
                "sensitivity": one.sensitivity,
                "sensitivity_interval": list(one.sensitivity_interval),
                "left_bias": one.left_bias,
                "left_bias_interval": list(one.left_bias_interval),
                "left": _share(one.left),
                "repeats": _share(one.repeats),
                "gold": _share(one.gold),
            }
            for person, one in zip(result.people, found.annotators, strict=True)
        ],
        "series": [
            _series_document(series, one) for series, one in zip(result.series, found.series, strict=True)
        ],
    }


def _share(share: Share) -> dict[str, Any]:
    interval = share.interval()
    return {
        "value": share.value,
        "hits": share.hits,
        "of": share.of,
        "interval": None if interval is None else list(interval),
    }


def _series_document(series: ProjectSeries, one: CalibratedSeries) -> dict[str, Any]:
    members = series.taking_part
    ranks = one.ranks
    order = sorted(range(len(members)), key=lambda i: (ranks[i], members[i].name))
    return {
        "series": series.name,
        "category": series.category,
        "is_connected": one.fit.is_connected,
        "circles": len(one.circles),
        "pairs": len(one.pairs),
        "labelled": sum(pair.dropped is None for pair in one.pairs),
        "photos": [
            {
                "id": members[i].id,
                "name": members[i].name,
                "rank": int(ranks[i]),
                "score": float(one.fit.scores[i]),
                "error": float(one.fit.covariance[i, i]) ** 0.5,
            }
            for i in order
        ],
        "answered": [
            {
                "a": members[pair.a].name,
                "b": members[pair.b].name,
                "p": pair.p,
                "low": pair.low,
                "high": pair.high,
                "for_a": pair.for_a,
                "ties": pair.ties,
                "for_b": pair.for_b,
                "dropped": None if pair.dropped is None else pair.dropped.value,
            }
            for pair in one.pairs
            if pair.answers
        ],
    }


def rank_lines(result: ProjectCalibration) -> Iterator[bytes]:
    """The ranks as CSV, a photo a row: series, rank, photo, score (log-odds), its standard error, answers."""
    times = Counter(member for one in result.answers for member in (one.first, one.second))
    document = calibration_document(result)
    return csv_lines(
        RANK_COLUMNS,
        (
            (
                series["series"], str(photo["rank"]), photo["name"], f"{photo['score']:.6g}",
                f"{photo['error']:.6g}", str(times[photo["id"]]),
            )
            for series in document["series"]
            for photo in series["photos"]
        ),
    )  # fmt: skip


def answer_lines(project: Project) -> Iterator[bytes]:
    """Every answer in force as CSV that `import` takes again."""
    columns = ("series", "left", "right", "winner", "annotator", "n", "text", "seconds", "kind")
    names = {member.id: member.name for series in project.series() for member in series.members}
    series = {one.id: one.name for one in project.series()}
    people = {person.id: person.name for person in project.annotators()}

    def row(one: Answer) -> tuple[str, ...]:
        left = one.left if one.left is not None else one.first
        right = one.second if left == one.first else one.first
        winner = {Outcome.FIRST: one.first, Outcome.SECOND: one.second}.get(one.outcome)
        text = "; ".join(filter(None, (one.sentence, words_of(one.chips))))
        return (
            series[one.series], names[left], names[right],
            one.outcome.value if winner is None else "left" if winner == left else "right",
            people[one.annotator], f"{one.weight:g}", text,
            "" if one.seconds is None else f"{one.seconds:g}", one.kind.value,
        )  # fmt: skip

    return csv_lines(columns, map(row, in_force(project.answers())))


# A data set


def labels_of(result: ProjectCalibration, *, category: str = "") -> Dataset:
    """The labels of *result*: pairs that are told apart, ranks where a series is connected, texts.

    Photos are called `SERIES/NAME`, with what no file may be called replaced; *category* holds for series of
    another or none. A series without a single label is left out.
    """
    votes: dict[tuple[int, int], list[Answer]] = defaultdict(list)
    for answer in result.answers:
        votes[answer.first, answer.second].append(answer)
    series = [
        labelled
        for one, found in zip(result.series, result.found.series, strict=True)
        if (labelled := _labelled(one, found, votes, category)) is not None
    ]
    return Dataset(result.name, "", tuple(series))


def _labelled(
    series: ProjectSeries,
    found: CalibratedSeries,
    votes: dict[tuple[int, int], list[Answer]],
    category: str,
) -> LabelledSeries | None:
    members = series.taking_part
    pairs = tuple(
        _pair(pair, votes.get((members[pair.a].id, members[pair.b].id), []))
        for pair in found.pairs
        if pair.dropped is None
    )
    is_ranked = found.fit.is_connected
    if not pairs and not is_ranked:
        return None
    more: dict[str, Any] = {"labels": "people", "originals": [member.name for member in members]}
    if is_ranked:
        more["strengths"] = [round(float(score), 6) for score in found.fit.scores]
    if series.prompt:
        more["prompt"] = series.prompt
    return LabelledSeries(
        series=series.name,
        photos=_file_names(series),
        pairs=pairs,
        ranks=tuple(int(rank) for rank in found.ranks) if is_ranked else None,
        category=category or series.category,
        split=series.split,
        others={**series.others, **more},
    )


def _pair(pair: CalibratedPair, votes: Sequence[Answer]) -> Pair:
    """The pair with the words of those who decided as the whole does; then the better photo comes first.

    `votes` are about members in the order of their ids, which is that of their places.
    """
    wins = Outcome.FIRST if pair.p >= 0.5 else Outcome.SECOND
    agreeing = [one for one in votes if one.outcome is wins]
    sentences = dict.fromkeys(one.sentence.strip().rstrip(".;") for one in agreeing if one.sentence.strip())
    chips = words_of(chip for one in agreeing for chip in one.chips)
    text = "; ".join([*sentences, *([chips] if chips else [])]) or None
    n = round(sum(one.weight for one in votes if one.kind is not Kind.REPEAT)) or None
    if text is not None and wins is Outcome.SECOND:
        return Pair(pair.b, pair.a, 1 - pair.p, n, text)
    return Pair(pair.a, pair.b, pair.p, n, text)


def _file_names(series: ProjectSeries) -> tuple[str, ...]:
    folder, taken, names = _file_name(series.name), set(), []
    for member in series.taking_part:
        stem, extension = os.path.splitext(_file_name(member.name))
        name, number = f"{folder}/{stem}{extension}", 1
        while name.lower() in taken:
            number += 1
            name = f"{folder}/{stem}-{number}{extension}"
        taken.add(name.lower())
        names.append(name)
    return tuple(names)


def _file_name(text: str) -> str:
    plain = "".join(char if char.isalnum() or char in "-_." else "_" for char in os.path.basename(text))
    return plain.strip(".")[-80:] or "photo"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: label files and the data card; how many series and pairs; series without a label."""

    files: tuple[str, ...]
    series: int
    pairs: int
    left_out: int


def export_labels(
    result: ProjectCalibration,
    folder: str,
    layout: str = "manifest",
    *,
    category: str = "",
    split: bool = False,
    with_photos: bool = True,
) -> Exported:
    """Write the labels to *folder* as "manifest", "parquet" or "fgaesthetics", with the photos and a data card.

    *split* deals series without a split out, 8 : 1 : 1. Raises OutputError where a photo is not there any more
    or has changed, UsageError for another layout, DatasetError where the layout lacks something.
    """
    if layout not in LAYOUTS:
        raise UsageError(f"'{layout}' is no layout that can be written; choose one of {', '.join(LAYOUTS)}")
    dataset = labels_of(result, category=category)
    if split or (layout == "fgaesthetics" and any(not one.split for one in dataset.series)):
        dealt = {one.series: one.split for one in split_dataset(dataset).series}
        dataset = replace(
            dataset,
            series=tuple(replace(one, split=one.split or dealt[one.series]) for one in dataset.series),
        )
    if not dataset.series:
        raise UsageError("no pair can be told apart and no series is connected yet; ask more people first")
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".finepick-", dir=folder) as staging:
        if with_photos:
            _stage(result, dataset, staging)
        files = convert(replace(dataset, folder=staging), layout, folder, with_photos=with_photos)
    card = os.path.join(folder, CARD)
    write_file(card, [_card(result, dataset, layout).encode("utf-8")], overwrite=True)
    plot = os.path.join(folder, PLOT)
    write_file(plot, [plot_of(result)], overwrite=True)
    pairs = sum(len(one.pairs) for one in dataset.series)
    return Exported(
        (*files, card, plot), len(dataset.series), pairs, len(result.series) - len(dataset.series)
    )


def _stage(result: ProjectCalibration, dataset: Dataset, staging: str) -> None:
    """Put links to the photos under the names of *dataset*, each one seen to be what it was."""
    series_of = {one.name: one for one in result.series}
    for labelled in dataset.series:
        for name, member in zip(labelled.photos, series_of[labelled.series].taking_part, strict=True):
            if member.path is None or not os.path.isfile(member.path):
                raise OutputError(
                    f"the photo '{member.name}' of series '{labelled.series}' is not there; "
                    "find it with 'annotate --from', or export with --no-photos",
                    path=member.path,
                )
            if digest_of(member.path) != member.digest:
                raise OutputError(
                    f"the photo '{member.name}' of series '{labelled.series}' has changed since it was judged; "
                    "put the old one back, or export with --no-photos",
                    path=member.path,
                )
            target = os.path.join(staging, *name.split("/"))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with suppress(OSError):
                os.symlink(os.path.abspath(member.path), target)
                continue
            shutil.copyfile(member.path, target)  # where links need rights that people do not have


def _card(result: ProjectCalibration, dataset: Dataset, layout: str) -> str:
    """The data card: what this is, how it came to be, what it is not."""
    document = calibration_document(result)
    photos = sum(len(one.photos) for one in dataset.series)
    pairs = sum(len(one.pairs) for one in dataset.series)
    texts = sum(pair.text is not None for one in dataset.series for pair in one.pairs)
    splits = Counter(one.split or "none" for one in dataset.series)
    categories = Counter(one.category or "none" for one in dataset.series)
    verdicts = Counter(one["verdict"] for one in document["annotators"])

    def counted(counter: Counter[str]) -> str:
        return ", ".join(f"{name} {count}" for name, count in sorted(counter.items())) or "none"

    def percent(share: dict[str, Any]) -> str:
        return "not measured" if share["value"] is None else f"{100 * share['value']:.1f} % of {share['of']}"

    alpha = document["agreement"]["alpha"]
    return f"""# {dataset.name.replace(chr(10), " ")}

People compared photos of one series, two at a time. Written by Finepick {__version__} in the layout "{layout}".

| | |
|---|---|
| series | {len(dataset.series)} ({counted(categories)}) |
| photos | {photos} |
| pairs with a label | {pairs} of {document["pairs"]}; dropped: {counted(Counter(document["dropped"]))} |
| pairs with words | {texts} |
| splits | {counted(splits)} |
| answers | {document["answers"]} by {len(document["annotators"])} people |
| answers of two people about one pair agree | {percent(document["agreement"])}; α {"not measured" if alpha is None else f"{alpha:.3f}"} |
| a person's answer repeated | {percent(document["repeats"])} |
| right on gold pairs | {percent(document["gold"])} |
| people | {counted(verdicts)} |
| triads whose majorities contradict | {document["circles"]} |

![How sure the pairs are, how answers lie to the fit, and how far people can be relied on]({PLOT})

How the labels were made: a Bradley–Terry model with ties, fitted to all answers together with how far each
person can be relied on. `p` is the probability that the first photo of a pair is preferred by somebody who
has a preference; a pair whose interval holds ½ has no label. Ranks stand where a chain of answers connects
all photos of a series. Pairs that somebody could not compare count for nothing ({document["bad_pairs"]} such pairs).

What is not in here: names of people. What nobody but you can add: where the photos are from, who may use
them and for what, whom they show, how the people who answered were found and paid.
"""  # noqa: E501
