"""`finepick refine --check` with a real server that answers, fails and lies."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.chat_server import Asked, FakeChat, Reply, chatting
from tests.conftest import Finepick, save_photo, scene


@dataclass
class CheckChat(FakeChat):
    """Says what `verdicts` has for the place of a photo, and counts what it was asked."""

    verdicts: dict[int, dict[str, object]] = field(default_factory=dict)
    faults: dict[int, Reply] = field(default_factory=dict)
    questions: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)

    def enter(self, path: str, headers: dict[str, str], body: bytes) -> Asked:
        document = json.loads(body)
        parts = document["messages"][0]["content"]
        pictures = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        for url in pictures:
            assert (
                base64.b64decode(url.removeprefix("data:image/jpeg;base64,"), validate=True)[:2]
                == b"\xff\xd8"
            )
        self.told.append(parts[0]["text"])
        self.questions[hashlib.sha256(body).hexdigest()] += 1
        asked = Asked(b"", b"", True, len(pictures), 0.0, document, headers, path)
        self.asked.append(asked)
        return asked

    def leave(self) -> None:
        """Nothing to count down."""

    def reply(self, asked: Asked) -> Reply:
        fault = self.faults.pop(len(self.asked), None)
        if fault is not None:
            return fault
        photos = [
            {"photo": number, "verdict": "fine", "why": "clear", **self.verdicts.get(number, {})}
            for number in range(1, asked.attempt + 1)
        ]
        return Reply(json.dumps({"photos": photos}))


@pytest.fixture
def takes(tmp_path: Path) -> Path:
    folder = tmp_path / "takes"
    picture = scene(1, size=(480, 320))
    for name, factor in (("a", 1.0), ("b", 0.8), ("c", 0.65)):
        save_photo(picture.point(lambda value, factor=factor: round(value * factor)), folder / f"{name}.jpg")
    return folder


def chat_with(**more: object) -> CheckChat:
    chat = CheckChat(**more)  # type: ignore[arg-type]
    chat.answer = chat.reply
    return chat


def test_a_model_has_a_second_look_and_is_not_asked_twice(
    finepick: Finepick, takes: Path, tmp_path: Path
) -> None:
    project, page = tmp_path / "p", tmp_path / "what.html"
    verdicts = {2: {"verdict": "defect", "why": "half of it <b>is</b> missing"}}
    with chatting(chat_with(verdicts=verdicts)) as chat:
        words = (
            "refine",
            project,
            "--from",
            takes,
            "--group",
            "one",
            "--check",
            chat.address,
            "--check-model",
            "eye",
        )
        first = finepick(*words, "--page", page, "--json")
        again = finepick("refine", project, "--check", chat.address, "--check-model", "eye", "--json")

    assert first.code == 0, first.err
    left_out = first.document["left_out"]
    assert [(one["photo"], one["state"]) for one in left_out] == [("b.jpg", "defect")]
    assert left_out[0]["found"][0]["text"] == "half of it <b>is</b> missing"
    assert "half of it &lt;b&gt;is&lt;/b&gt; missing" in page.read_text()
    assert "1 requests" in first.err and "tokens in" in first.err
    assert again.document["left_out"] == left_out and "nothing to ask" in again.err
    assert len(chat.asked) == 1 and "a.jpg" not in chat.told[0]


def test_faults_are_tried_again_and_nonsense_is_never_taken_for_a_verdict(
    finepick: Finepick, takes: Path, tmp_path: Path
) -> None:
    faults = {1: Reply("All are lovely!"), 2: Reply(status=500), 3: Reply('{"photos": []}')}
    with chatting(chat_with(faults=faults)) as chat:
        words = ("refine", tmp_path / "p", "--from", takes, "--group", "one")
        run = finepick(*words, "--check", chat.address, "--check-model", "eye", "--json")
    assert run.code == 0 and run.document["counts"]["in"] == 3 and len(chat.asked) == 4


def test_a_server_that_refuses_ends_it_with_what_is_measured_kept(
    finepick: Finepick, takes: Path, tmp_path: Path
) -> None:
    project = tmp_path / "p"
    chat = chat_with()
    chat.answer = lambda asked: Reply(status=401)
    with chatting(chat):
        words = ("refine", project, "--from", takes, "--group", "one", "--check", chat.address)
        run = finepick(*words, "--check-model", "eye")
    assert run.code == 1 and "FINEPICK_CHAT_KEY" in run.err and "Traceback" not in run.err
    runs = finepick("refine", project, "--runs", "--json").document["runs"]
    assert [one["by"] for one in runs] == ["refine"]


def test_nobody_is_asked_without_being_named(finepick: Finepick, tmp_path: Path) -> None:
    run = finepick("refine", tmp_path / "p", "--check-model", "eye")
    assert run.code == 2 and "--check URL" in run.err
    run = finepick("refine", tmp_path / "p", "--check", "http://127.0.0.1:1")
    assert run.code == 2 and "which model" in run.err
