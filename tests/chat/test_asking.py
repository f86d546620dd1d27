"""Many questions at once: all come back, nothing paid for is lost, nobody is asked faster than allowed."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from finepick.chat import client as client_module
from finepick.chat.asking import Outcome, Request, ask_all
from finepick.chat.client import Answer, ChatError, ChatServer, RefusedError, TroubleError, endpoint_of
from finepick.chat.messages import asked, object_in, said
from tests.chat_server import Asked, PlainChat, Reply, chatting


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_FIRST_WAIT", 0.01)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def chat() -> Iterator[PlainChat]:
    with chatting(PlainChat(answer=echo)) as one:
        yield one


def echo(asked: Asked) -> Reply:
    return Reply(json.dumps({"said": asked.words}))


def request(number: int, seed: int | None = None) -> Request[int]:
    return Request(number, asked([said(f"number {number}")]), _said, key=str(number), seed=seed)


def _said(content: str) -> str:
    return str(object_in(content)["said"])


def server(chat: PlainChat, *, per_minute: float | None = None, timeout: float = 5.0) -> ChatServer:
    endpoint = endpoint_of(chat.address, "made", environment={})
    return ChatServer(endpoint, timeout_seconds=timeout, per_minute=per_minute)


def all_of(batches: Iterator[list[tuple[int, Outcome]]]) -> dict[int, Outcome]:
    return {number: outcome for batch in batches for number, outcome in batch}


def test_every_question_has_its_own_answer_and_no_more_are_under_way_than_allowed(chat: PlainChat) -> None:
    chat.answer = lambda asked: Reply(echo(asked).content, hang_seconds=0.02)

    came = all_of(ask_all(server(chat), map(request, range(60)), at_once=6))

    assert {number: one.value for number, one in came.items() if isinstance(one, Answer)} == {
        number: f"number {number}" for number in range(60)
    }
    assert chat.most_at_once == 6


def test_connections_stay_open_between_questions(chat: PlainChat) -> None:
    assert len(all_of(ask_all(server(chat), map(request, range(40)), at_once=2))) == 40
    assert len(chat.connections) == 2


def test_the_proxy_that_the_environment_names_is_asked(
    chat: PlainChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", chat.address.replace("http://", "http://kim:p%40ss@"))
    endpoint = endpoint_of("http://elsewhere.invalid", "made", environment={})
    came = all_of(ask_all(ChatServer(endpoint, timeout_seconds=5), [request(1)], at_once=1))
    assert isinstance(came[1], Answer) and came[1].value == "number 1"
    [asked] = chat.asked
    assert asked.path == "http://elsewhere.invalid/v1/chat/completions"
    assert base64.b64decode(asked.headers["proxy-authorization"].split()[1]) == b"kim:p@ss"


def test_faults_are_outcomes_of_their_own_questions(chat: PlainChat) -> None:
    faults = {
        "number 1": Reply("<html>busy</html>"),
        "number 2": Reply(json.dumps({"said": "x"}), cut=20),
        "number 3": Reply(message={"refusal": "no"}, content=""),
        "number 4": Reply(status=500, body=b"{}"),
        "number 5": Reply(body=b"{", status=200),
        "number 6": Reply(json.dumps({"said": "late"}), hang_seconds=2.0),
    }
    chat.answer = lambda asked: faults.get(asked.words, echo(asked))

    came = all_of(ask_all(server(chat, timeout=0.5), map(request, range(10)), at_once=2, tries=2))

    kinds = {number: type(one) for number, one in came.items()}
    assert [kinds[number] for number in range(10)] == [
        Answer, RefusedError, TroubleError, RefusedError, TroubleError, TroubleError, TroubleError,
        Answer, Answer, Answer,
    ]  # fmt: skip


def test_a_server_that_is_busy_is_asked_again_when_it_said(chat: PlainChat) -> None:
    chat.answer = lambda asked: (
        echo(asked) if asked.attempt > 1 else Reply(status=429, headers={"Retry-After": "0.3"}, body=b"{}")
    )
    begun = time.monotonic()

    came = all_of(ask_all(server(chat), map(request, range(4)), at_once=4, tries=1))

    assert all(isinstance(one, Answer) for one in came.values())
    assert time.monotonic() - begun >= 0.3


def test_requests_are_begun_no_faster_than_allowed(chat: PlainChat) -> None:
    all_of(ask_all(server(chat, per_minute=1200), map(request, range(11)), at_once=8))

    times = sorted(one.at for one in chat.asked)
    assert times[-1] - times[0] >= 10 * 60 / 1200 * 0.95


def test_what_was_under_way_comes_before_the_error_that_ends_the_work(chat: PlainChat) -> None:
    chat.answer = lambda asked: Reply(echo(asked).content, hang_seconds=0.1)

    def failing() -> Iterator[Request[int]]:
        yield from map(request, range(3))
        while len(chat.asked) < 3:
            time.sleep(0.005)
        raise OSError("gone")

    came: dict[int, Outcome] = {}

    def keep() -> None:
        for batch in ask_all(server(chat), failing(), at_once=8):
            came.update(batch)

    with pytest.raises(OSError, match="gone"):
        keep()

    assert sorted(came) == [0, 1, 2] and all(isinstance(one, Answer) for one in came.values())


def test_a_server_that_fails_all_the_time_is_left_alone(chat: PlainChat) -> None:
    chat.answer = lambda asked: Reply(status=500, body=b"{}")

    with pytest.raises(ChatError, match=r"failed \d+ questions in a row"):
        all_of(ask_all(server(chat), map(request, range(100)), at_once=1, tries=1))
    assert len(chat.asked) == 8


def test_a_key_that_is_refused_ends_it_at_once(chat: PlainChat) -> None:
    chat.answer = lambda asked: Reply(status=401, body=b'{"error": {"message": "no such key"}}')

    with pytest.raises(ChatError, match=r"no such key; check the key in FINEPICK_CHAT_KEY"):
        all_of(ask_all(server(chat), map(request, range(100)), at_once=2))
    assert len(chat.asked) <= 4


def test_requests_are_drawn_only_when_there_is_room(chat: PlainChat, tmp_path: Path) -> None:
    drawn: list[int] = []

    def drawing() -> Iterator[Request[int]]:
        for number in range(20):
            drawn.append(number)
            yield request(number)

    batches = ask_all(server(chat), drawing(), at_once=3)
    next(batches)

    assert len(drawn) == 3
    batches.close()


def test_a_seed_goes_along(chat: PlainChat) -> None:
    all_of(ask_all(server(chat), [request(0, seed=7), request(1)], at_once=1))

    assert [one.document.get("seed") for one in chat.asked] == [7, None]
