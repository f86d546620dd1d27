"""A model's answer about a series: read strictly, asked in parts, the same question known again."""

from __future__ import annotations

import json

import pytest

from finepick.refinement.checks import MOST_PHOTOS, parts_of, prompt, question_key, read_verdicts
from finepick.refinement.thresholds import Reason


def answer(*entries: object) -> str:
    return json.dumps({"photos": list(entries)})


def fine(number: int) -> dict[str, object]:
    return {"photo": number, "verdict": "fine", "why": "clear"}


def test_verdicts_come_in_the_order_of_the_photos() -> None:
    said = answer({"photo": 2, "verdict": "indiscernible", "like": 1, "why": "same\n  moment"}, fine(1))
    first, second = read_verdicts(said, 2)
    assert (first.reason, first.like) == (None, None)
    assert (second.reason, second.like, second.why) == (Reason.INDISCERNIBLE, 0, "same moment")
    assert read_verdicts(f"```json\n{said}\n```", 2) == (first, second)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "fine",
        "[]",
        "<html>busy</html>",
        answer(),
        answer(fine(1)),
        answer(fine(1), fine(1)),
        answer(fine(1), fine(2), fine(3)),
        answer(fine(1), fine(0)),
        answer(fine(1), {"photo": 2, "verdict": "ugly"}),
        answer(fine(1), {"photo": 2}),
        answer(fine(1), {"photo": True, "verdict": "fine"}),
        answer(fine(1), {"photo": 2, "verdict": "indiscernible"}),
        answer(fine(1), {"photo": 2, "verdict": "indiscernible", "like": 2}),
        answer(fine(1), {"photo": 2, "verdict": "indiscernible", "like": 3}),
        answer(fine(1), "fine"),
        "[" * 100_000,
    ],
)
def test_anything_else_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match=r"Expecting value|it is not|it does not|is no verdict|nested"):
        read_verdicts(said, 2)


def test_long_reasons_are_cut_and_other_things_are_not_taken_for_words() -> None:
    said = answer({**fine(1), "why": "x" * 10_000}, {**fine(2), "why": {"a": 1}})
    first, second = read_verdicts(said, 2)
    assert len(first.why) == 300 and second.why == ""


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 9, 16, 17, 200])
def test_parts_hold_every_photo_once_and_are_of_about_the_same_length(count: int) -> None:
    parts = parts_of(count)
    assert [photo for part in parts for photo in part] == list(range(count))
    assert all(0 < len(part) <= MOST_PHOTOS for part in parts)
    assert not parts or max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_question_is_its_photos_in_order_and_its_model() -> None:
    keys = [question_key("m", ["a", "b"]), question_key("m", ["b", "a"]), question_key("n", ["a", "b"])]
    assert len(set(keys)) == 3 and question_key("m", ["a", "b"]) == keys[0]


def test_the_prompt_names_every_verdict_and_says_how_many_photos_there_are() -> None:
    assert "{count}" in prompt() and all(f'"{reason.value}"' in prompt() for reason in Reason)
