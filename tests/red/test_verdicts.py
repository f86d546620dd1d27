"""Answers of models about two pictures: read whole, or not at all."""

from __future__ import annotations

import json

import pytest

from finepick.red.records import Choice, Dimension, Order, Verdict
from finepick.red.verdicts import judge_prompt, read_verdict, verdict_from_json, verdict_to_json
from finepick.red.writers import read_thought, thought_prompt
from tests.red.made import thought_json

GOOD = {"better": "B", "strength": 2, "reasons": {"light": "less  burnt\nout", "mood": "x", "focus": ""}}


@pytest.mark.parametrize(
    "content", [json.dumps(GOOD), f"```json\n{json.dumps(GOOD)}\n```", f" {json.dumps(GOOD)} "]
)
def test_a_verdict_is_read_with_the_reasons_that_there_are(content: str) -> None:
    assert read_verdict(content) == Verdict(Choice.SECOND, 2, {Dimension.LIGHT: "less burnt out"})


@pytest.mark.parametrize(
    "content",
    [
        "",
        "A",
        "null",
        "[]",
        "<html>busy</html>",
        '{"better": "A"',
        '{"better": "A", "strength": 2} {"better": "B", "strength": 2}',
        '{"better": "A", "better": "B", "strength": 2}',
        '{"better": "a", "strength": 2}',
        '{"better": "A or B", "strength": 2}',
        '{"better": ["A"], "strength": 2}',
        '{"better": "A"}',
        '{"better": "A", "strength": 0}',
        '{"better": "similar", "strength": 1}',
        '{"better": "A", "strength": 4}',
        '{"better": "A", "strength": -1}',
        '{"better": "A", "strength": true}',
        '{"better": "A", "strength": 1.5}',
        '{"better": "A", "strength": "2"}',
        '{"better": "A", "strength": 2, "reasons": "light"}',
        "I think A. " + '{"better": "A", "strength": 2}',
        "[" * 100_000,
    ],
)
def test_anything_else_is_no_verdict(content: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_verdict(content)


@pytest.mark.parametrize(
    ("choice", "order", "signed"),
    [
        (Choice.SECOND, Order.SOURCE_FIRST, 3),
        (Choice.FIRST, Order.SOURCE_FIRST, -3),
        (Choice.FIRST, Order.EDIT_FIRST, 3),
        (Choice.SECOND, Order.EDIT_FIRST, -3),
    ],
)
def test_a_verdict_is_for_the_edit_wherever_it_was_shown(choice: Choice, order: Order, signed: int) -> None:
    assert Verdict(choice, 3).for_edit(order) == signed


def test_a_verdict_is_kept_as_it_was() -> None:
    verdict = Verdict(Choice.FIRST, 1, {Dimension.STORY: "a „moment“"})

    assert verdict_from_json(verdict_to_json(verdict)) == verdict


def test_prompts_ask_for_what_is_read() -> None:
    asked = judge_prompt()
    assert all(f'"{word}"' in asked for word in ("better", "strength", "reasons"))
    assert all(dimension in asked for dimension in Dimension)
    assert all(f'"{word}"' in thought_prompt() for word in ("first", "second", "first_short", "second_short"))


def test_a_thought_is_given_to_the_picture_that_it_is_of() -> None:
    content = thought_json(winner_is_first=True, dimensions=["focus", "luck"])
    edit_first, source_first = (read_thought(content, edit_is_first=one) for one in (True, False))

    assert edit_first.of_edit.startswith("Crisper") and edit_first.of_source.startswith("Softer")
    assert (source_first.of_edit, source_first.of_source) == (edit_first.of_source, edit_first.of_edit)
    assert source_first.text == source_first.of_edit and edit_first.dimensions == (Dimension.FOCUS,)


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        "[]",
        thought_json(winner_is_first=True)[:-20],
        '{"first": "x", "second": "", "first_short": "x", "second_short": "y", "dimensions": []}',
        '{"first": "x", "second": "y", "first_short": "x", "second_short": "y", "dimensions": "light"}',
    ],
)
def test_anything_else_is_no_thought(content: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_thought(content, edit_is_first=True)
