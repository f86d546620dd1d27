"""Sentences from a chat server: checked, kept, asked for once, whatever the server does."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from finepick.chat import client as chat_module
from finepick.chat.client import ChatError, ChatServer, endpoint_of
from finepick.chat.messages import jpeg_of
from finepick.errors import DatasetError, OutputError, SettingsError, UsageError
from finepick.scorers.fgaesq.phrase_list import PHRASES
from finepick.training.caption_book import CaptionBook, Question
from finepick.training.captions import (
    CaptionOutcome,
    ask_captions,
    chosen_questions,
    fault_of,
    plan_captions,
    prompt,
    questions_of,
    read_answer,
    with_captions,
)
from finepick.training.targets import SeriesTarget
from tests.chat_server import BAD, GOOD, Asked, FakeChat, Reply, chatting, good_reply

ONE = Question("aa", "bb", first_wins=True)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Second tries after hundredths of a second; no proxy between this machine and itself."""
    monkeypatch.setattr(chat_module, "_FIRST_WAIT", 0.01)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def chat() -> Iterator[FakeChat]:
    with chatting(FakeChat()) as one:
        yield one


def some(count: int) -> list[Question]:
    return [Question(f"{number:04x}", f"{number + 1:04x}", number % 3 > 0) for number in range(count)]


def book_in(folder: Path, model: str = "made") -> CaptionBook:
    return CaptionBook(str(folder / "captions.jsonl"), model=model, prompt=prompt())


def ask(
    chat: FakeChat,
    folder: Path,
    questions: list[Question],
    *,
    slots: int = 4,
    tries: int = 4,
    timeout: float = 10.0,
    environment: dict[str, str] | None = None,
) -> CaptionOutcome:
    server = ChatServer(
        endpoint_of(chat.address, "made", environment=environment or {}), timeout_seconds=timeout
    )
    with book_in(folder) as book:
        return ask_captions(
            plan_captions(questions, book), str.encode, server, book, slots=slots, tries=tries
        )


def rows(folder: Path, name: str = "captions.jsonl") -> list[dict[str, str]]:
    return [json.loads(line) for line in (folder / name).read_text("utf-8").splitlines()]


def test_answers_are_kept_with_what_they_answer(chat: FakeChat, tmp_path: Path) -> None:
    outcome = ask(chat, tmp_path, [ONE, Question("bb", "cc", first_wins=False), ONE])
    assert outcome == CaptionOutcome(answered=2, requests=2, tokens_in=1400, tokens_out=40)
    found = {(row["first"], row["second"], row["winner"]): row["text"] for row in rows(tmp_path)}
    assert found == {("aa", "bb", "first"): GOOD, ("bb", "cc", "second"): BAD}
    assert rows(tmp_path, "captions.rejects.jsonl") == []


def test_what_was_asked_is_not_asked_again(chat: FakeChat, tmp_path: Path) -> None:
    ask(chat, tmp_path, some(5))
    assert ask(chat, tmp_path, some(7)) == CaptionOutcome(
        answered=2, requests=2, tokens_in=1400, tokens_out=40
    )
    assert set(chat.times().values()) == {1} and len(chat.asked) == 7


def test_another_winner_model_or_prompt_is_another_question(tmp_path: Path) -> None:
    with book_in(tmp_path) as book:
        book.add(ONE, "sharper")
        assert book.has(ONE) and not book.has(Question("aa", "bb", first_wins=False))
        assert not book.has(Question("bb", "aa", first_wins=True))
    with book_in(tmp_path, model="other") as book:
        assert not book.has(ONE)
    with CaptionBook(str(tmp_path / "captions.jsonl"), model="made", prompt="another") as book:
        assert not book.has(ONE)
        book.add(ONE, "softer")
    with book_in(tmp_path) as book:
        assert book.text(ONE) == "sharper"


def test_the_server_sees_both_pictures_and_who_won(chat: FakeChat, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (600, 900, 3), dtype=np.uint8)
    pictures = {"aa": jpeg_of(noise), "bb": jpeg_of(noise[:40, :30])}
    server = ChatServer(
        endpoint_of(chat.address, "made", environment={}, extra={"max_tokens": 99, "model": "no"})
    )
    with book_in(tmp_path) as book:
        ask_captions(plan_captions([ONE], book), pictures.__getitem__, server, book)
    (asked,) = chat.asked
    sizes = [Image.open(io.BytesIO(data)).size for data in (asked.first, asked.second)]
    assert sizes == [(512, 341), (30, 40)] and asked.first_wins
    assert asked.document["model"] == "made" and asked.document["max_tokens"] == 99
    assert asked.path == "/v1/chat/completions" and "authorization" not in asked.headers


def test_a_key_is_sent_and_never_shown(chat: FakeChat, tmp_path: Path) -> None:
    key = "sk-made-0123456789"
    refused = json.dumps({"error": {"message": f"Incorrect API key: {key}"}}).encode()
    chat.answer = lambda _: Reply(status=401, body=refused)
    with pytest.raises(ChatError) as caught:
        ask(chat, tmp_path, [ONE], environment={"FINEPICK_CHAT_KEY": key})
    assert chat.asked[0].headers["authorization"] == f"Bearer {key}"
    host = chat.address.removeprefix("http://")
    assert caught.value.message == (
        f"{host} cannot be asked, it answers 401: Incorrect API key: …; check the key in FINEPICK_CHAT_KEY"
    )
    assert key not in repr(endpoint_of(chat.address, "m", environment={"FINEPICK_CHAT_KEY": key}))


def test_no_more_at_once_than_slots(chat: FakeChat, tmp_path: Path) -> None:
    chat.answer = lambda asked: Reply(good_reply(asked).content, hang_seconds=0.03)
    assert ask(chat, tmp_path, some(24), slots=6).answered == 24
    assert 2 <= chat.most_at_once <= 6


FAULTS: dict[str, Reply] = {
    "too many": Reply(status=429, body=b'{"error": {"message": "slow down"}}'),
    "in trouble": Reply(status=500, body=b"<html>"),
    "overloaded": Reply(status=529, body=b""),
    "hangs": Reply(GOOD, hang_seconds=1.2),
    "drips": Reply(GOOD, drip_seconds=0.05),
    "cut off": Reply(GOOD, cut=20),
    "nothing": Reply(GOOD, cut=0),
    "no document": Reply(body=b'{"choices": []}'),
    "no JSON": Reply(body=b"\x00\xff"),
    "nested": Reply(body=b"[" * 100_000),
    "endless": Reply(body=b" " * (3 << 20)),
    "prose": Reply("The first is sharper."),
    "half JSON": Reply('{"text": "Sharper', finish="length"),
    "another key": Reply('{"caption": "Sharper."}'),
    "no content": Reply(None),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_what_may_pass_is_asked_again(chat: FakeChat, tmp_path: Path, fault: Reply) -> None:
    chat.answer = lambda asked: fault if asked.attempt <= 2 else good_reply(asked)
    outcome = ask(chat, tmp_path, [ONE], timeout=0.4)
    assert (outcome.answered, outcome.requests, outcome.failed) == (1, 3, ())
    assert [row["text"] for row in rows(tmp_path)] == [GOOD]


def test_a_pause_that_the_server_asks_for_is_kept_by_all(chat: FakeChat, tmp_path: Path) -> None:
    """More often than there are tries: being asked to wait is no failure."""

    def answer(asked: Asked) -> Reply:
        early = len(chat.asked) <= 6
        return Reply(status=429, headers={"Retry-After": "0.3"}, body=b"") if early else good_reply(asked)

    chat.answer = answer
    assert ask(chat, tmp_path, some(3), slots=1, tries=2).answered == 3
    waits = np.diff([asked.at for asked in chat.asked])
    assert (waits[:6] >= 0.29).all() and (waits[6:] < 0.29).all()


def test_a_pause_may_be_a_date(chat: FakeChat, tmp_path: Path) -> None:
    until = formatdate(time.time() + 2, usegmt=True)
    busy = Reply(status=503, headers={"Retry-After": until}, body=b"")
    chat.answer = lambda asked: busy if asked.attempt == 1 else good_reply(asked)
    assert ask(chat, tmp_path, [ONE]).answered == 1
    assert chat.asked[1].at - chat.asked[0].at > 0.9


@pytest.mark.parametrize("header", ["soon", "", "Mon, 99 Foo 2020 00:00:00 GMT", "-3"])
def test_a_pause_that_makes_no_sense_is_an_ordinary_second_try(
    chat: FakeChat, tmp_path: Path, header: str
) -> None:
    busy = Reply(status=503, headers={"Retry-After": header}, body=b"")
    chat.answer = lambda asked: busy if asked.attempt == 1 else good_reply(asked)
    assert ask(chat, tmp_path, [ONE]).requests == 2


def test_a_very_long_pause_ends_the_work(chat: FakeChat, tmp_path: Path) -> None:
    chat.answer = lambda _: Reply(status=429, headers={"Retry-After": "7200"}, body=b"")
    with pytest.raises(ChatError, match="asks to be left alone for 120 minutes"):
        ask(chat, tmp_path, [ONE])


REJECTED: dict[str, tuple[Reply, str]] = {
    "wrong winner": (
        Reply(json.dumps({"text": BAD})),
        "it speaks only for the second photo, and the other one won",
    ),
    "nothing compares": (Reply('{"text": "A lovely photo."}'), "no word in it compares"),
    "refusal": (Reply(None, message={"refusal": "I can't help with that."}), "the model refuses"),
    "filtered": (Reply("", finish="content_filter"), "the model refuses"),
    "letters": (Reply('{"text": "Photo A is sharper."}'), "it names the photos: 'Photo A'"),
    "prose for ever": (Reply("The first is sharper."), "the answer is not the JSON that was asked for"),
    "policy": (
        Reply(status=400, body=b'{"error": {"code": "content_filter", "message": "policy"}}'),
        "it answers 400: policy",
    ),
}


@pytest.mark.parametrize(("reply", "reason"), REJECTED.values(), ids=REJECTED.keys())
def test_what_cannot_be_learned_from_is_kept_apart_with_the_reason_and_not_asked_again(
    chat: FakeChat, tmp_path: Path, reply: Reply, reason: str
) -> None:
    chat.answer = lambda _: reply
    first = ask(chat, tmp_path, [ONE])
    sent = len(chat.asked)
    assert (first.answered, first.rejected, first.failed) == (0, 1, ())
    assert [row["reason"] for row in rows(tmp_path, "captions.rejects.jsonl")] == [reason]
    assert rows(tmp_path) == []
    assert ask(chat, tmp_path, [ONE]) == CaptionOutcome() and len(chat.asked) == sent


@pytest.mark.parametrize("reply", [Reply(status=500, body=b""), Reply(status=400, body=b'{"error": "odd"}')])
def test_a_question_without_an_answer_is_told_and_asked_the_next_time(
    chat: FakeChat, tmp_path: Path, reply: Reply
) -> None:
    chat.answer = lambda asked: reply if asked.pair == ("0001", "0002") else good_reply(asked)
    outcome = ask(chat, tmp_path, some(3), tries=2)
    ((question, reason),) = outcome.failed
    assert (
        outcome.answered == 2 and question == some(3)[1] and reason.startswith(f"it answers {reply.status}")
    )
    chat.answer = good_reply
    assert ask(chat, tmp_path, some(3)).answered == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(chat: FakeChat, tmp_path: Path, status: int) -> None:
    chat.answer = lambda _: Reply(status=status, headers={"Location": "http://elsewhere.invalid/"}, body=b"")
    with pytest.raises(ChatError, match=r"name the address it points to \(http://elsewhere.invalid/\)"):
        ask(chat, tmp_path, [ONE])
    assert len(chat.asked) == 1


def test_an_empty_account_ends_the_work(chat: FakeChat, tmp_path: Path) -> None:
    chat.answer = lambda _: Reply(
        status=429, body=b'{"error": {"message": "no credit", "code": "insufficient_quota"}}'
    )
    with pytest.raises(ChatError, match="it answers 429: no credit; the account has nothing left"):
        ask(chat, tmp_path, [ONE])
    assert len(chat.asked) == 1


def test_a_server_that_always_fails_is_left_alone_and_what_came_is_kept(
    chat: FakeChat, tmp_path: Path
) -> None:
    chat.answer = lambda asked: good_reply(asked) if len(chat.asked) <= 5 else Reply(status=502, body=b"")
    with pytest.raises(ChatError, match=r"failed \d+ questions in a row"):
        ask(chat, tmp_path, some(100), slots=2, tries=2)
    assert len(rows(tmp_path)) == 5 and len(chat.asked) < 5 + 2 * 12


def test_nobody_there_is_told(tmp_path: Path) -> None:
    with chatting(FakeChat()) as gone:
        pass
    with pytest.raises(ChatError, match=r"failed \d+ questions in a row"):
        ask(gone, tmp_path, some(20), tries=2)


def test_a_picture_that_cannot_be_had_ends_the_work_and_leaves_the_answers(
    chat: FakeChat, tmp_path: Path
) -> None:
    def picture(digest: str) -> bytes:
        if digest == "0006":
            raise OSError("gone")
        return digest.encode()

    server = ChatServer(endpoint_of(chat.address, "made", environment={}))
    with book_in(tmp_path) as book, pytest.raises(OSError, match="gone"):
        ask_captions(plan_captions(some(20), book), picture, server, book, slots=2)
    assert 1 <= len(rows(tmp_path)) <= 5


ASKING = """
import sys
from finepick.chat.client import ChatServer, endpoint_of
from finepick.training.caption_book import CaptionBook
from finepick.training.captions import ask_captions, plan_captions, prompt
from tests.training.test_captions import some

with CaptionBook(sys.argv[2], model="made", prompt=prompt()) as book:
    plan = plan_captions(some(120), book)
    ask_captions(plan, str.encode, ChatServer(endpoint_of(sys.argv[1], "made")), book, slots=4)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 on this system")
@pytest.mark.parametrize("after", [10, 45])
def test_killed_in_the_middle_it_goes_on_and_asks_nothing_twice(
    chat: FakeChat, tmp_path: Path, after: int
) -> None:
    chat.answer = lambda asked: Reply(good_reply(asked).content, hang_seconds=0.02)
    file = tmp_path / "captions.jsonl"
    command = [sys.executable, "-c", ASKING, chat.address, str(file)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment) as process:
        deadline = time.monotonic() + 60
        while not file.exists() or file.read_bytes().count(b"\n") < after:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    kept = {(row["first"], row["second"]) for row in rows(tmp_path)}
    assert after <= len(kept) < 120
    time.sleep(0.1)  # what was under way when it died has been counted by then
    before = chat.times()
    subprocess.run(command, env=environment, check=True, timeout=60)
    again = [pair for pair, count in chat.times().items() if count > 1]
    assert len(rows(tmp_path)) == 120 == len({(row["first"], row["second"]) for row in rows(tmp_path)})
    assert not kept.intersection(again)
    assert len(again) <= 4 and set(again) <= set(before)


def test_a_line_that_was_cut_off_is_taken_away_and_asked_for_again(chat: FakeChat, tmp_path: Path) -> None:
    ask(chat, tmp_path, some(3))
    file = tmp_path / "captions.jsonl"
    whole = file.read_bytes()
    for cut in (1, 30, len(whole.splitlines()[-1]) - 5):
        file.write_bytes(whole[: -1 - cut])
        assert ask(chat, tmp_path, some(3)).answered == 1
        assert sorted(file.read_bytes().splitlines()) == sorted(whole.splitlines())


def test_a_line_that_lacks_only_its_end_is_kept(chat: FakeChat, tmp_path: Path) -> None:
    ask(chat, tmp_path, some(2))
    file = tmp_path / "captions.jsonl"
    file.write_bytes(file.read_bytes()[:-1])
    assert ask(chat, tmp_path, some(3)).answered == 1 and len(rows(tmp_path)) == 3


@pytest.mark.parametrize("line", [b"{}", b"[1]", b"sharper", b'{"first": "a"}', b"\xff"])
def test_a_file_of_something_else_is_left_alone(tmp_path: Path, line: bytes) -> None:
    file = tmp_path / "captions.jsonl"
    file.write_bytes(line + b"\n")
    with pytest.raises(DatasetError) as caught:
        book_in(tmp_path)
    assert caught.value.message == f"{file}:1 is no kept answer; take the line out, or name another file"
    assert caught.value.line == 1 and file.read_bytes() == line + b"\n"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "captions.jsonl").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        book_in(tmp_path)


def test_the_plan_tells_what_is_ahead_before_anything_is_sent(chat: FakeChat, tmp_path: Path) -> None:
    chat.answer = lambda asked: (
        Reply('{"text": "same"}') if asked.pair == ("0000", "0001") else good_reply(asked)
    )
    ask(chat, tmp_path, some(3))
    with book_in(tmp_path) as book:
        plan = plan_captions([*some(1003), *some(5)], book)
        assert (len(plan.questions), plan.known, plan.rejected) == (1000, 2, 1)
        assert str(plan).startswith("1,000 requests (2 are known, 1 were rejected before), about ")
        assert plan.cost(2.0, 10.0) == pytest.approx((2.0 * plan.tokens_in + 10.0 * plan.tokens_out) / 1e6)
        assert str(plan_captions(some(3), book)) == "nothing to ask: 2 are known, 1 were rejected before"
    assert len(chat.asked) == 3


def test_pairs_with_a_winner_and_without_a_text_are_asked_for(tmp_path: Path) -> None:
    places = np.array([[0, 1], [1, 2], [2, 0], [0, 3]])
    p = np.array([0.9, 0.5, 0.2, 1.0])
    target = SeriesTarget(None, places[:, 0], places[:, 1], p, {})
    digests = ["aa", "bb", "cc", "aa"]
    asked = questions_of(digests, target)
    assert asked == {0: Question("aa", "bb", True), 2: Question("cc", "aa", False)}
    with book_in(tmp_path) as book:
        book.add(asked[2], "softer")
        filled = with_captions(target, digests, {asked[2]: str(book.text(asked[2]))})
    assert filled.texts == {2: "softer"} and target.texts == {}
    assert questions_of(digests, filled).keys() == {0}


def test_of_more_pairs_than_allowed_a_fair_draw_is_taken_the_same_every_time() -> None:
    questions = some(400)
    drawn = chosen_questions([*questions, *questions[:7]], 100)
    assert len(drawn) == 100 == len(set(drawn)) and drawn == chosen_questions(questions, 100)
    places = [questions.index(one) for one in drawn]
    assert places == sorted(places) and 150 < np.mean(places) < 250
    assert set(drawn) <= set(chosen_questions(questions, 101))
    assert chosen_questions([ONE, ONE], None) == [ONE] and chosen_questions([ONE], 0) == []


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1/chat/completions"),
        ("http://localhost:8000/", "http://localhost:8000/v1/chat/completions"),
        ("https://made.example/v1", "https://made.example/v1/chat/completions"),
        ("https://made.example/api/v1beta/", "https://made.example/api/v1beta/chat/completions"),
        ("https://made.example/x/chat/completions?v=3", "https://made.example/x/chat/completions?v=3"),
    ],
)
def test_an_address_is_taken_as_people_write_it(given: str, address: str) -> None:
    assert endpoint_of(given, "m", environment={}).address == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8000",
        "file:///etc/passwd",
        "http://",
        "http://a b/",
        "http://u:p@h/",
        "http://h:0",
        "http://h\n/",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    if url == "http://h\n/":
        url = "http://h/\r\nX: y"
    with pytest.raises(UsageError):
        endpoint_of(url, "m", environment={})


def test_a_key_that_cannot_be_one_is_refused_without_showing_it() -> None:
    with pytest.raises(SettingsError) as caught:
        endpoint_of("http://h", "m", environment={"FINEPICK_CHAT_KEY": "secret\nX: y"})
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    "content",
    ['{"text": "Sharper."}', '```json\n{"text": "Sharper."}\n```', ' {"text": "Sharper.\\n", "n": 1} '],
)
def test_answers_are_read_as_models_write_them(content: str) -> None:
    assert read_answer(content) == "Sharper."


@pytest.mark.parametrize("content", ["", "null", "[]", '"Sharper"', '{"text": 3}', "Sure: {}", "[" * 100_000])
def test_other_answers_are_refused(content: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_answer(content)


FAULTY: list[tuple[str, bool, str | None]] = [
    ("Sharper eyes and a less cluttered background, though slightly darker.", True, None),
    ("Softer and noisier, with a more tilted horizon.", False, None),
    ("Brighter than the other.", True, None),
    ("Brighter than the other.", False, None),
    ("The other is blurrier and has more clutter.", True, None),
    ("More detail lost in the shadows, but a warmer smile.", True, None),
    ("A sharper photo, a bit brighter.", True, None),
    ("Softer light and a calmer background.", True, None),
    ("", True, "it is empty"),
    ("sharper " * 61, True, "it has 61 words, more than 60"),
    ("Sharper. Brighter. Calmer.", True, "it has more than 2 sentences"),
    ("It is a beautiful photo.", True, "no word in it compares"),
    ("The flowers near the corner of the water are under a cover.", True, "no word in it compares"),
    ("The other is sharper.", True, "it speaks only for the second photo, and the other one won"),
    ("Less sharp, with more noise.", True, "it speaks only for the second photo, and the other one won"),
    ("Not as sharp; noisier.", True, "it speaks only for the second photo, and the other one won"),
    ("Sharper and cleaner.", False, "it speaks only for the first photo, and the other one won"),
    ("Image 2 is sharper.", False, "it names the photos: 'Image 2'"),
    ("Sharper than photo 'B'.", True, "it names the photos: 'photo 'B'"),
    ("A is sharper than B.", True, "it names the photos: 'A is'"),
    ("The first photo is sharper.", True, "it names the photos: 'The first'"),
    ("Sharper than the second.", True, "it names the photos: 'the second'"),
    ("Sharper than IMG_2031.", True, "it names a file: 'IMG_2031'"),
    ("Sharper than beach-2.JPG.", True, "it names a file: 'beach-2.JPG'"),
    ("Sharper, so it won.", True, "it tells who won: 'won'"),
    ("The preferred one is sharper.", True, "it tells who won: 'preferred'"),
    ("Sharper, see https://made.example", True, "it holds an address or marks: 'https://'"),
    ("<b>Sharper</b>", True, "it holds an address or marks: '<'"),
    ("Sharper \ud800", True, "it holds an address or marks: '\ud800'"),
    ("I can't say which is sharper.", True, "it is a refusal: 'I can't'"),
]


@pytest.mark.parametrize(("text", "first_wins", "fault"), FAULTY)
def test_what_is_wrong_with_a_text_is_told(text: str, first_wins: bool, fault: str | None) -> None:
    assert fault_of(text, first_wins=first_wins) == fault


def test_phrases_that_others_wrote_pass_for_their_side_and_mostly_not_for_the_other() -> None:
    assert [one.better for one in PHRASES if fault_of(one.better, first_wins=True)] == []
    assert [one.worse for one in PHRASES if fault_of(one.worse, first_wins=False)] == []
    caught = [
        *(fault_of(one.better, first_wins=False) is not None for one in PHRASES),
        *(fault_of(one.worse, first_wins=True) is not None for one in PHRASES),
    ]
    assert np.mean(caught) > 0.75


def test_the_prompt_says_what_the_checks_ask_for() -> None:
    text = prompt()
    assert text.count("{winner}") == 2 and '{"text": "..."}' in text and "comparative words" in text


def test_nothing_is_sent_by_importing_planning_or_opening(chat: FakeChat, tmp_path: Path) -> None:
    ChatServer(endpoint_of(chat.address, "made", environment={}))
    with book_in(tmp_path) as book:
        plan_captions(some(3), book)
    assert chat.asked == []
