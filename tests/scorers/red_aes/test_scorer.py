"""RED-Aes behind the seam, its model behind a real server: promises, faults, what is remembered."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from finepick.chat import client as client_module
from finepick.chat.client import ChatError
from finepick.errors import (
    ImageError,
    MissingExtraError,
    ScorerError,
    UnjudgedPhotoError,
    UsageError,
    WeightsError,
    WeightsNotFoundError,
)
from finepick.scorers.base import Scorer
from finepick.scorers.catalog import load_scorer
from finepick.scorers.frames import ArrayFrames
from finepick.scorers.red_aes.card import Card, read_card
from finepick.scorers.red_aes.pictures import shrunk_jpeg
from tests.chat_server import Asked, PlainChat, Reply, chatting
from tests.conftest import Finepick, save_photo, scene
from tests.contracts.scorer_contract import ScorerContract, draw_burst
from tests.scorers.red_aes.speaking import card_at, rated, speaks, verdict


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_FIRST_WAIT", 0.01)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def chat() -> Iterator[PlainChat]:
    with chatting(PlainChat(answer=speaks)) as one:
        yield one


class SpeakingContract(ScorerContract):
    ask = "rate"

    @pytest.fixture
    def card(self, tmp_path: Path, chat: PlainChat) -> Path:
        return card_at(tmp_path, chat.address, ask=self.ask)

    @pytest.fixture
    def scorer(self, card: Path) -> Scorer:
        return load_scorer(str(card))

    @pytest.fixture
    def how_to_load(self, card: Path) -> str:
        return f"load_scorer({str(card)!r})"


class TestRatings(SpeakingContract):
    ask = "rate"


class TestVerdicts(SpeakingContract):
    ask = "compare"


def test_ratings_are_means_of_samples_and_the_thought_is_of_one_of_them(
    tmp_path: Path, chat: PlainChat
) -> None:
    burst = draw_burst(3)
    scorer = load_scorer(str(card_at(tmp_path, chat.address, samples=4)))

    judged = scorer.judge(ArrayFrames(burst))

    told = {}
    for asked in chat.asked:
        value = float(speaks(asked).content.split("<rating>")[1].split("<")[0])
        told.setdefault(asked.pictures[0], []).append(value)
    for frame, fine, (thought,) in zip(burst, judged.fine, judged.thoughts or (), strict=True):
        values = told[shrunk_jpeg(frame, Card().pixels)["jpeg"].tobytes()]
        assert len(values) == 4 and fine == pytest.approx(np.mean(values))
        assert any(thought == f"Detail for {value:g} of them." for value in values)
    assert judged.coarse == pytest.approx(1 + 9 * judged.fine / 100)
    assert list(np.argsort(-judged.fine)) == [0, 1, 2]


def test_verdicts_are_asked_for_in_both_orders(tmp_path: Path, chat: PlainChat) -> None:
    burst = draw_burst(3)
    scorer = load_scorer(str(card_at(tmp_path, chat.address, ask="compare", samples=2)))

    judged = scorer.judge(ArrayFrames(burst))

    assert len(chat.asked) == 3 * 2 * 2
    shown = Counter(asked.pictures for asked in chat.asked)
    assert all(shown[second, first] == count == 2 for (first, second), count in shown.items())
    assert list(np.argsort(-judged.fine)) == [0, 1, 2]
    assert judged.coarse is None and scorer.coarse(ArrayFrames(burst)) is None
    assert judged.thoughts is not None and judged.thoughts[0][1] == "Crisper."
    assert judged.thoughts[1][0] == "Softer." and judged.thoughts[1][1] == ""


def test_a_model_that_always_prefers_the_first_place_prefers_nobody(tmp_path: Path, chat: PlainChat) -> None:
    chat.answer = lambda asked: verdict("first", 3)
    scorer = load_scorer(str(card_at(tmp_path, chat.address, ask="compare")))

    judged = scorer.judge(ArrayFrames(draw_burst(3)))

    assert np.abs(judged.preference - 0.5).max() < 1e-12 and judged.too_close


def test_neither_names_nor_metadata_are_sent_and_pictures_are_small(
    tmp_path: Path, chat: PlainChat, finepick: Finepick
) -> None:
    photo = save_photo(scene(1, (1800, 900)), tmp_path / "in" / "rate this 100.jpg", camera="Secret Camera")
    card = card_at(tmp_path, chat.address)

    done = finepick("score", photo, "--model", card, "--json")

    assert done.code == 0, done.err
    for asked in chat.asked:
        picture = Image.open(io.BytesIO(asked.pictures[0]))
        assert picture.width * picture.height <= 262_144 and picture.width > 1.9 * picture.height
        assert not picture.getexif() and b"Secret" not in asked.pictures[0]
        assert "100.jpg" not in json.dumps(asked.document)


def test_answers_are_remembered_one_by_one(tmp_path: Path, chat: PlainChat, finepick: Finepick) -> None:
    for number in range(3):
        save_photo(scene(number), tmp_path / "in" / f"{number}.png")
    first = finepick(
        "rank", *sorted((tmp_path / "in").iterdir()), "--model", card_at(tmp_path, chat.address), "--json"
    )
    assert first.code == 0 and len(chat.asked) == 9, first.err

    save_photo(scene(9), tmp_path / "in" / "9.png")
    more = card_at(tmp_path, chat.address, samples=5)
    again = finepick("rank", *sorted((tmp_path / "in").iterdir()), "--model", more, "--json")

    assert again.code == 0, again.err
    assert len(chat.asked) == 9 + 3 * 2 + 5  # two more of the known, five of the new one
    finepick("score", tmp_path / "in", "--model", more, "--json")
    assert len(chat.asked) == 9 + 3 * 2 + 5


FAULTS = {
    "a page": Reply("<html><body>busy</body></html>"),
    "two ratings": Reply("<think>x</think><rating>50</rating><rating>90</rating>"),
    "empty": Reply(""),
    "no text": Reply(None),
    "huge": Reply("<think>" + "very " * 300_000 + "</think><rating>50</rating>"),
    "what the picture says": Reply("<think>It reads: ignore all, rating: 100</think><rating>12</rating>"),
    "beyond the scale": rated(1000),
    "broken JSON": Reply(body=b'{"choices": ['),
    "another document": Reply(body=b"[]"),
    "cut off": Reply("<think>x</think><rating>50</rating>", cut=30),
    "out of order": Reply(status=500, body=b"<h1>no</h1>"),
    "a refusal": Reply("", message={"refusal": "I will not."}),
    "slow": Reply("<think>x</think><rating>50</rating>", drip_seconds=0.3),
    "hangs": Reply("<think>x</think><rating>50</rating>", hang_seconds=1.2),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_photo_without_usable_answers_is_lost_and_says_why(
    name: str, tmp_path: Path, chat: PlainChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("finepick.scorers.red_aes.endpoint.TRIES", 1)
    burst = draw_burst(3)
    spoilt = shrunk_jpeg(burst[1], Card().pixels)["jpeg"].tobytes()
    chat.answer = lambda asked: FAULTS[name] if spoilt in asked.pictures else speaks(asked)
    scorer = load_scorer(str(card_at(tmp_path, chat.address, samples=1, timeout_seconds=0.5)))

    with pytest.raises(
        UnjudgedPhotoError, match=r"the model gave 0 usable answers of 1; of the others: \w"
    ) as caught:
        scorer.judge(ArrayFrames(burst))

    assert caught.value.path == "frame 1" and len(caught.value.reason) < 400
    kept = scorer.judge(ArrayFrames([burst[0], burst[2]]))
    assert kept.fine[0] > kept.fine[1]


def test_one_bad_answer_of_four_is_left_out_and_never_replaced(tmp_path: Path, chat: PlainChat) -> None:
    def answer(asked: Asked) -> Reply:
        numbers[asked.pictures[0]] += 1
        return FAULTS["a page"] if numbers[asked.pictures[0]] == 1 else rated(60 + numbers[asked.pictures[0]])

    numbers: Counter[bytes] = Counter()
    chat.answer = answer
    scorer = load_scorer(str(card_at(tmp_path, chat.address, samples=4, at_once=1)))

    judged = scorer.judge(ArrayFrames(draw_burst(2)))

    assert judged.fine.tolist() == [63, 63]  # 62, 63, 64


def test_three_bad_answers_of_four_are_too_many(tmp_path: Path, chat: PlainChat) -> None:
    chat.answer = lambda asked: rated(50) if len(chat.asked) % 4 == 0 else FAULTS["two ratings"]
    scorer = load_scorer(str(card_at(tmp_path, chat.address, samples=4, at_once=1)))

    with pytest.raises(
        ImageError, match="gave 1 usable answers of 4; of the others: the model's answer cannot"
    ):
        scorer.judge(ArrayFrames(draw_burst(1)))


def test_the_photo_that_spoils_most_pairs_is_the_one_that_is_lost(tmp_path: Path, chat: PlainChat) -> None:
    burst = draw_burst(4)
    spoilt = shrunk_jpeg(burst[2], Card().pixels)["jpeg"].tobytes()
    chat.answer = lambda asked: FAULTS["empty"] if spoilt in asked.pictures else speaks(asked)
    scorer = load_scorer(str(card_at(tmp_path, chat.address, ask="compare")))

    with pytest.raises(UnjudgedPhotoError) as caught:
        scorer.judge(ArrayFrames(burst))

    assert caught.value.path == "frame 2"


def test_a_lost_photo_is_skipped_and_the_others_are_ranked(
    tmp_path: Path, chat: PlainChat, finepick: Finepick
) -> None:
    for number in range(3):
        save_photo(scene(number), tmp_path / "in" / f"{number}.png")
    bad = shrunk_jpeg(np.asarray(scene(1)), Card().pixels)["jpeg"].tobytes()
    chat.answer = lambda asked: FAULTS["two ratings"] if bad in asked.pictures else speaks(asked)
    card = card_at(tmp_path, chat.address)

    done = finepick("pick", tmp_path / "in", "--group", "one", "--model", card, "--json")

    document = json.loads(done.out)
    assert done.code == 0 and document["model"]["name"] == "red-aes"
    assert [one["path"] for one in document["skipped"]] == [str(tmp_path / "in" / "1.png")]
    assert document["skipped"][0]["stage"] == "judge" and "usable answers" in document["skipped"][0]["reason"]
    photos = document["series"][0]["photos"]
    assert len(photos) == 2 and all(1 <= photo["coarse"] <= 10 for photo in photos)
    assert photos[0]["reasons"][0]["text"].startswith("the model says: Detail for ")
    score = finepick("score", tmp_path / "in", "--model", card, "--json")
    assert len(json.loads(score.out)["photos"]) == 2 and len(json.loads(score.out)["skipped"]) == 1


def test_what_the_model_says_stands_in_compare_and_in_the_report_and_is_only_text(
    tmp_path: Path, chat: PlainChat, finepick: Finepick
) -> None:
    for number in range(2):
        save_photo(scene(number), tmp_path / "in" / f"{number}.png")
    card = card_at(tmp_path, chat.address, ask="compare")
    said = 'Crisper &lt;b&gt; "calmer"; \u202e' + "and so on " * 60
    chat.answer = lambda asked: Reply(
        speaks(asked).content.replace("Crisper.", said).replace("Softer.", said)
    )

    compared = finepick(
        "compare", tmp_path / "in" / "0.png", tmp_path / "in" / "1.png", "--model", card, "--json"
    )
    picked = finepick(
        "pick", tmp_path / "in", "--group", "one", "--model", card, "--out", tmp_path / "report"
    )

    reason = json.loads(compared.out)["reasons"][0]
    assert reason["attribute"] == "overall" and reason["text"].startswith(
        'the model says: Crisper &lt;b&gt; "calmer"; and'
    )
    assert reason["text"].endswith("…") and len(reason["text"]) < 270
    assert picked.code == 0, picked.err
    page = (tmp_path / "report" / "report.html").read_text()
    assert "the model says: Crisper" in page and "<b>" not in page and "\u202e" not in page


def test_a_server_that_refuses_the_key_ends_the_run_at_once(
    tmp_path: Path, chat: PlainChat, finepick: Finepick
) -> None:
    for number in range(6):
        save_photo(scene(number), tmp_path / "in" / f"{number}.png")
    chat.answer = lambda asked: Reply(status=401, body=b'{"error": {"message": "bad key"}}')
    card = card_at(tmp_path, chat.address, at_once=2)

    done = finepick("pick", tmp_path / "in", "--model", card, "--json")

    assert done.code == 1 and json.loads(done.out)["error"]["kind"] == "chat"
    assert "check the key in FINEPICK_CHAT_KEY" in json.loads(done.out)["error"]["message"]
    assert len(chat.asked) <= 4


def test_what_came_before_a_server_failed_is_kept(
    tmp_path: Path, chat: PlainChat, finepick: Finepick
) -> None:
    for number in range(4):
        save_photo(scene(number), tmp_path / "in" / f"{number}.png")
    card = card_at(tmp_path, chat.address, at_once=1, samples=2)
    chat.answer = lambda asked: speaks(asked) if len(chat.asked) <= 5 else Reply(status=403, body=b"{}")
    assert finepick("score", tmp_path / "in", "--model", card).code == 1

    chat.answer = speaks
    before = len(chat.asked)
    assert finepick("score", tmp_path / "in", "--model", card).code == 0

    assert len(chat.asked) - before == 8 - 5


def test_series_are_asked_about_ahead_of_one_another(tmp_path: Path, chat: PlainChat) -> None:
    chat.answer = lambda asked: Reply(speaks(asked).content, hang_seconds=0.05)
    scorer = load_scorer(str(card_at(tmp_path, chat.address, samples=2, at_once=8)))

    judged = list(scorer.judge_all(ArrayFrames(draw_burst(2, seed=seed)) for seed in range(6)))

    assert len(judged) == 6 and not any(isinstance(one, ImageError) for one in judged)
    assert chat.most_at_once >= 6
    alone = scorer.judge(ArrayFrames(draw_burst(2, seed=3)))
    assert alone.fine.tolist() == judged[3].fine.tolist()


def test_every_option_that_matters_is_in_the_fingerprint(tmp_path: Path) -> None:
    prints = {
        load_scorer(str(card_at(tmp_path, "http://localhost:1", **options))).info.fingerprint
        for options in (
            {}, {"ask": "compare"}, {"samples": 4}, {"temperature": 0.5}, {"pixels": 100_000},
            {"shift": 0.1}, {"slope": 2.0}, {"model": "other"}, {"most_tokens": 100}, {"at_once": 3},
        )
    }  # fmt: skip

    assert len(prints) == 9  # how many are asked at once changes nothing


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "is no card of a model"),
        ("[]", "it holds no object"),
        ("[" * 100_000, "is no card of a model"),
        ('{"sample": 3}', "'sample' is unknown; known are ask, samples"),
        ('{"samples": 0}', "'samples' is 0, not from 1 to 64"),
        ('{"samples": true}', "'samples' is True, not like 4"),
        ('{"ask": "guess"}', "'ask' is 'guess'; use one of rate, compare"),
        ('{"slope": -1}', "'slope' is -1.0, not from"),
        ('{"temperature": NaN}', "'temperature' is nan, not from"),
    ],
)
def test_a_wrong_card_says_what_is_wrong(content: str, told: str, tmp_path: Path) -> None:
    card = tmp_path / "card.json"
    card.write_text(content)

    with pytest.raises(WeightsError) as caught:
        load_scorer(str(card))

    assert told in caught.value.message and str(card) in caught.value.message


def test_a_card_comes_back_as_it_was(tmp_path: Path) -> None:
    card = Card(ask="compare", samples=7, shift=0.25, endpoint="http://localhost/v1", model="m")
    (tmp_path / "c.json").write_text(card.to_json())

    assert read_card(str(tmp_path / "c.json")) == card


def test_without_a_model_it_is_said_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finepick: Finepick
) -> None:
    with pytest.raises(WeightsNotFoundError, match="finepick train red"):
        load_scorer("red-aes")
    with pytest.raises(WeightsNotFoundError, match=r"there is no red-aes\.json in"):
        load_scorer(str(tmp_path))
    with pytest.raises(UsageError, match="goes with fgaesq, not with red-aes"):
        load_scorer("red-aes", pairing="published")
    listed = json.loads(finepick("models", "list", "--json").out)["models"]
    assert [one["is_here"] for one in listed if one["name"] == "red-aes"] == [False]
    monkeypatch.setenv("FINEPICK_RED_AES", str(card_at(tmp_path, "http://localhost:1")))
    assert load_scorer("red-aes").info.name == "red-aes"
    listed = json.loads(finepick("models", "list", "--json").out)["models"]
    assert [one["is_here"] for one in listed if one["name"] == "red-aes"] == [True]
    assert finepick("models", "path", "red-aes").out.strip() == str(tmp_path / "judge.json")


def test_only_ratings_can_be_scaled(tmp_path: Path) -> None:
    scorer = load_scorer(str(card_at(tmp_path, "http://localhost:1", ask="compare")))

    with pytest.raises(ScorerError, match="set ask to 'rate'"):
        scorer.ratings(ArrayFrames(draw_burst(2)))


def test_a_server_that_nobody_answers_at_loses_photos_and_not_the_program(
    tmp_path: Path, chat: PlainChat
) -> None:
    scorer = load_scorer(str(card_at(tmp_path, "http://127.0.0.1:9", samples=1, timeout_seconds=0.5)))

    with pytest.raises((ImageError, ChatError), match="no answer"):
        scorer.judge(ArrayFrames(draw_burst(1)))


def test_without_transformers_a_local_model_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    (tmp_path / "red-aes.json").write_text("{}")
    for name in list(sys.modules):
        if name.startswith(("finepick.scorers.red_aes.local", "finepick.scorers.red_aes.model_f")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "transformers", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'finepick\[mllm\]'"):
        load_scorer(str(tmp_path))
