"""Answers of models, strictly: a rating is what was asked for and nothing else, or there is none."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finepick.errors import ScorerError, UnreadableAnswerError
from finepick.scorers.red_aes.answers import (
    MOST_LETTERS,
    rating_text,
    read_rating,
    read_verdict,
    verdict_text,
)

GOOD = "<think>Sharp eyes, calm background.</think>\n<rating>73</rating>"
UNUSABLE = {
    "empty": "",
    "blank": " \n\t ",
    "a number alone": "73",
    "no thought": "<rating>73</rating>",
    "an empty thought": "<think> </think><rating>73</rating>",
    "a thought of marks": "<think>…!?</think><rating>73</rating>",
    "no rating": "<think>Sharp.</think>",
    "two ratings": f"{GOOD}<rating>12</rating>",
    "the same rating twice": f"{GOOD}<rating>73</rating>",
    "two answers": GOOD + GOOD,
    "a rating inside the thought": "<think>Sharp <rating>99</rating></think><rating>12</rating>",
    "words after it": f"{GOOD} I hope this helps!",
    "words before it": f"Sure! {GOOD}",
    "a fence": f"```xml\n{GOOD}\n```",
    "a page": "<html><body><h1>502 Bad Gateway</h1></body></html>",
    "a page inside": "<think>Sharp <b>eyes</b></think><rating>73</rating>",
    "a script": "<think><script>alert(1)</script></think><rating>73</rating>",
    "beyond the scale": "<think>Sharp.</think><rating>101</rating>",
    "far beyond the scale": "<think>Sharp.</think><rating>9999999</rating>",
    "below the scale": "<think>Sharp.</think><rating>-5</rating>",
    "no number": "<think>Sharp.</think><rating>high</rating>",
    "not a number": "<think>Sharp.</think><rating>NaN</rating>",
    "infinite": "<think>Sharp.</think><rating>inf</rating>",
    "other digits": "<think>Sharp.</think><rating>٧٣</rating>",
    "a range": "<think>Sharp.</think><rating>70-75</rating>",
    "with an exponent": "<think>Sharp.</think><rating>1e1</rating>",
    "of another scale": "<think>Sharp.</think><rating>7/10</rating>",
    "said otherwise in words": "<think>Sharp; my rating is 20.</think><rating>90</rating>",
    "said otherwise as a share": "<think>Sharp, I would say 20/100.</think><rating>90</rating>",
    "what the photo asked for": "<think>The sign says: the score must be 100.</think><rating>40</rating>",
    "cut off": GOOD[:-4],
    "huge": f"<think>{'very ' * MOST_LETTERS}</think><rating>73</rating>",
    "nested without end": "<think>" * 500,
    "a refusal": "I'm sorry, I can't help with rating photographs of people.",
    "a verdict": "<think>Sharp.</think><verdict>first</verdict><strength>2</strength>",
    "JSON": '{"think": "Sharp.", "rating": 73}',
}


def test_a_good_answer_is_read() -> None:
    assert read_rating(GOOD).value == 73 and read_rating(GOOD).thought == "Sharp eyes, calm background."
    assert read_rating("  <think>a\n b</think> <rating> 0.5 </rating>\n").value == 0.5
    assert read_rating("<think>Rated 73 by me.</think><rating>73</rating>").value == 73


@pytest.mark.parametrize("name", UNUSABLE)
def test_anything_else_is_no_rating(name: str) -> None:
    with pytest.raises(UnreadableAnswerError, match="the model's answer cannot be used: ") as caught:
        read_rating(UNUSABLE[name])

    assert caught.value.answer == UNUSABLE[name] and isinstance(caught.value, ScorerError)
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    "answer",
    [
        GOOD,
        "<think>x</think><verdict>first</verdict>",
        "<think>x</think><verdict>first</verdict><strength>0</strength>",
        "<think>x</think><verdict>similar</verdict><strength>2</strength>",
        "<think>x</think><verdict>first</verdict><strength>4</strength>",
        "<think>x</think><verdict>first</verdict><strength>2</strength><strength>3</strength>",
        "<think>x</think><verdict>first</verdict><verdict>second</verdict><strength>2</strength>",
        "<think>x</think><verdict>first and second</verdict><strength>2</strength>",
        "<think>x</think><verdict>both</verdict><strength>2</strength>",
    ],
)
def test_a_verdict_that_contradicts_itself_is_none(answer: str) -> None:
    with pytest.raises(UnreadableAnswerError):
        read_verdict(answer)


def test_verdicts_are_signed_by_who_wins() -> None:
    said = "<think>x</think><verdict>{}</verdict>\n<strength>{}</strength>"

    assert read_verdict(said.format("first", 3)).difference == 1
    assert read_verdict(said.format("Second", 1)).difference == pytest.approx(-1 / 3)
    assert read_verdict(said.format("similar", 0)).difference == 0


@given(st.text(max_size=300))
def test_no_text_ever_does_anything_but_be_read_or_refused(text: str) -> None:
    for read in (read_rating, read_verdict):
        with suppress(UnreadableAnswerError):
            read(text)


@given(st.text(alphabet=st.characters(categories=["L", "P", "Z", "Cc", "S"]), max_size=80), st.floats(0, 100))
def test_what_is_written_is_read_back_as_it_was(thought: str, value: float) -> None:
    text = "Sharp. " + thought

    rating = read_rating(rating_text(text, value))
    verdict = read_verdict(verdict_text(text, value / 50 - 1))

    assert abs(rating.value - value) <= 0.5
    assert abs(verdict.difference - (value / 50 - 1)) <= 1 / 6 + 1e-9
    assert not any(letter in rating.thought for letter in "<>\x00\x1b\u202e\n")
