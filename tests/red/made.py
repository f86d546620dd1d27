"""Answers, thoughts, photos and a judge with a known taste, made for tests."""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from finepick.red.pictures import shown_path
from finepick.red.records import Asked, Choice, JudgeAnswer, Order, Verdict
from finepick.red.store import RedProject
from tests.chat_server import Asked as AskedServer
from tests.chat_server import Reply
from tests.conftest import scene


def answer(signed: int, order: Order = Order.SOURCE_FIRST, judge: str = "kim", turn: int = 0) -> JudgeAnswer:
    """An answer that says *signed* (−3…3) for the edit."""
    if signed == 0:
        verdict = Verdict(Choice.SIMILAR, 0)
    else:
        edit_is_second = order is Order.SOURCE_FIRST
        verdict = Verdict(Choice.SECOND if (signed > 0) == edit_is_second else Choice.FIRST, abs(signed))
    return JudgeAnswer(Asked(1, order, turn), judge, verdict)


def both(first: int, second: int, judge: str = "kim", turn: int = 0) -> list[JudgeAnswer]:
    return [
        answer(first, Order.SOURCE_FIRST, judge, turn),
        answer(second, Order.EDIT_FIRST, judge, turn),
    ]


def photos_in(folder: Path, count: int, size: tuple[int, int] = (240, 160)) -> Path:
    """*count* drawn photos."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        scene(100 + number, size).save(folder / f"photo {number:03}.png")
    return folder


def sent(path: str) -> str:
    """What a picture of a project is known by when it is sent to a server."""
    return hashlib.sha256(Path(shown_path(path)).read_bytes()).hexdigest()


def tastes_of(project: RedProject) -> dict[str, float]:
    """A known taste: sources 0; some families of edits gain, others lose, the more the stronger they are."""
    tastes: dict[str, float] = {}
    for source in project.sources():
        tastes[sent(os.path.join(project.folder, source.picture or ""))] = 0.0
    for edit in project.edits():
        if edit.why is None:  # one that changes nothing is its source
            tastes[sent(os.path.join(project.folder, edit.picture))] = taste_of(edit.family, edit.strength)
    return tastes


def taste_of(family: str, strength: float) -> float:
    gains = family in ("tone", "colour", "repair")
    return strength if gains else -strength


class TastefulJudge:
    """Answers by *tastes*, wrong with probability *noise*, and "A" without looking with probability *bias*."""

    def __init__(
        self, tastes: Mapping[str, float], *, noise: float = 0.0, bias: float = 0.0, hang_seconds: float = 0.0
    ) -> None:
        self.tastes, self.noise, self.bias, self.hang_seconds = tastes, noise, bias, hang_seconds
        self.said: list[tuple[float, str]] = []

    def __call__(self, asked: AskedServer) -> Reply:
        first, second = (hashlib.sha256(picture).hexdigest() for picture in asked.pictures)
        gain = self.tastes[first] - self.tastes[second]
        if '"first_short"' in asked.words:
            return Reply(
                thought_json(winner_is_first="the first is" in asked.words), hang_seconds=self.hang_seconds
            )
        chance = random.Random(f"{first} {second} {asked.document['seed']}")
        better = "A" if gain > 0 else "B"
        if chance.random() < self.noise:
            better = "B" if better == "A" else "A"
        if chance.random() < self.bias:
            better = "A"
        self.said.append((gain, better))
        strength = min(3, 1 + int(abs(gain) * 3))
        return Reply(
            json.dumps({"reasons": {}, "better": better, "strength": strength}),
            hang_seconds=self.hang_seconds,
        )


def thought_json(
    *, winner_is_first: bool, dimensions: Sequence[str] = ("light", "colour", "composition", "focus")
) -> str:
    good = "Crisper detail on the subject, richer colours than the other, calmer edges."
    bad = "Softer detail on the subject, paler colours than the other, busier edges."
    first, second = (good, bad) if winner_is_first else (bad, good)
    return json.dumps(
        {
            "first": first,
            "second": second,
            "first_short": first,
            "second_short": second,
            "dimensions": list(dimensions),
        }
    )
