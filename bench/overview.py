"""What the owner's page costs in a project with many answers: the first time, and every five seconds from then on.

    python bench/overview.py [--answers 100000]

400 series of ten, 200 people; times are processor time of one core.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from finepick.project.records import Kind, NewAnswer, NewPhoto, NewSeries, Outcome, Role
from finepick.project.store import Project
from finepick.workflows.asking import Desk
from finepick.workflows.overview import Overview

SERIES, PHOTOS, PEOPLE = 400, 10, 200


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--answers", type=int, default=100_000)
    count = parser.parse_args().answers
    chance = random.Random(0)
    with tempfile.TemporaryDirectory(prefix="finepick-bench-") as home, Project.create(home) as project:
        project.add_series(
            NewSeries(
                f"{s}",
                tuple(NewPhoto(f"{i}", str(Path("/p") / f"{s}-{i}"), f"{s}-{i}") for i in range(PHOTOS)),
            )
            for s in range(SERIES)
        )
        people = [project.person(f"person {i}", role=Role.ANNOTATOR).id for i in range(PEOPLE)]
        members = [(series.id, [member.id for member in series.members]) for series in project.series()]
        for start in range(0, count, 10_000):
            project.record(
                [_answer(chance, members, people, n) for n in range(start, min(count, start + 10_000))]
            )
        overview, desk = Overview(project), Desk(project)
        print(f"  {count:,} answers, the first time: {_seconds(overview.people):.2f} s")
        for more in (0, 50, 500):
            project.record([_answer(chance, members, people, count + n) for n in range(more)])
            count += more
            print(
                f"  {more} answers later: people {_seconds(overview.people) * 1e3:.0f} ms, "
                f"series {_seconds(desk.standing) * 1e3:.0f} ms"
            )


def _answer(
    chance: random.Random, members: list[tuple[int, list[int]]], people: list[int], number: int
) -> NewAnswer:
    series, photos = chance.choice(members)
    first, second = sorted(chance.sample(photos, 2))
    return NewAnswer(
        client_id=f"answer-{number:08}",
        annotator=chance.choice(people),
        series=series,
        first=first,
        second=second,
        outcome=chance.choice([Outcome.FIRST, Outcome.SECOND, Outcome.TIE]),
        kind=Kind.NEW,
        left=chance.choice([first, second]),
        seconds=round(chance.uniform(1, 9), 1),
    )


def _seconds(act: Callable[[], object]) -> float:
    begun = time.process_time()
    act()
    return time.process_time() - begun


if __name__ == "__main__":
    main()
