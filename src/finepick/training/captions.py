"""Comparison sentences from any server that speaks as OpenAI's chat completions do; asked only on request.

Each answer is checked, and kept in a file at once: what has been answered is never asked again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from typing import Any

from finepick.chat.asking import SLOTS, TRIES, Outcome, Request, ask_all
from finepick.chat.client import ChatServer, RefusedError, TroubleError
from finepick.chat.messages import PICTURE_TOKENS, asked, object_in, said, shown
from finepick.training.caption_book import CaptionBook, Question
from finepick.training.targets import SeriesTarget
from finepick.training.wording import clauses_of, comparing_words, goodness_of

MOST_WORDS = 60
MOST_SENTENCES = 2

_ANSWER_TOKENS = 50
_KEPT_PICTURES = 64
_MOST_KEPT_ANSWER = 2000


@dataclass(frozen=True, slots=True)
class CaptionPlan:
    """What is ahead: *questions* to ask, and those that need not be asked again (*known*, *rejected* before).

    tokens_in, tokens_out: estimates, by which services count; servers differ by a factor of two or so.
    """

    questions: tuple[Question, ...]
    known: int
    rejected: int
    tokens_in: int
    tokens_out: int

    def cost(self, per_million_in: float, per_million_out: float) -> float:
        """About what this costs at these prices for a million tokens in and out, without second tries."""
        return (self.tokens_in * per_million_in + self.tokens_out * per_million_out) / 1e6

    def __str__(self) -> str:
        there = f"{self.known:,} are known, {self.rejected:,} were rejected before"
        if not self.questions:
            return f"nothing to ask: {there}"
        return (
            f"{len(self.questions):,} requests ({there}), about {self.tokens_in:,} tokens in and "
            f"{self.tokens_out:,} out"
        )


@dataclass(frozen=True, slots=True)
class CaptionOutcome:
    """What came of asking. failed: questions without an answer, with the reason; they are asked the next time.

    requests: sent, second tries included. tokens_in, tokens_out: as the server counts, 0 where it does not.
    """

    answered: int = 0
    rejected: int = 0
    failed: tuple[tuple[Question, str], ...] = ()
    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0


def questions_of(digests: Sequence[str], target: SeriesTarget) -> dict[int, Question]:
    """By number of pair: what is asked of the pairs of a series that have a winner (P ≠ ½) and no text yet.

    digests: of its photos, by content.
    """
    return {
        number: Question(digests[int(a)], digests[int(b)], first_wins=bool(p > 0.5))
        for number, (a, b, p) in enumerate(zip(target.a, target.b, target.p, strict=True))
        if number not in target.texts and p != 0.5 and digests[int(a)] != digests[int(b)]
    }


def chosen_questions(questions: Iterable[Question], most: int | None) -> list[Question]:
    """Each of *questions* once, in their order; of more than *most* a fair draw, the same every time."""
    unique = list(dict.fromkeys(questions))
    if most is None or len(unique) <= most:
        return unique
    drawn = set(sorted(unique, key=_lot)[:most])
    return [question for question in unique if question in drawn]


def with_captions(
    target: SeriesTarget, digests: Sequence[str], texts: Mapping[Question, str]
) -> SeriesTarget:
    """*target*, whose pairs without a text have the one in *texts*, where there is one."""
    asked = questions_of(digests, target)
    found = {number: texts[one] for number, one in asked.items() if one in texts}
    return replace(target, texts={**target.texts, **found})


def plan_captions(questions: Iterable[Question], book: CaptionBook) -> CaptionPlan:
    """What `ask_captions` would send, each question once; sends nothing."""
    unique = dict.fromkeys(questions)
    known = sum(book.text(one) is not None for one in unique)
    ahead = tuple(one for one in unique if not book.has(one))
    each = 2 * PICTURE_TOKENS + len(prompt()) // 4
    return CaptionPlan(
        ahead, known, len(unique) - known - len(ahead), len(ahead) * each, len(ahead) * _ANSWER_TOKENS
    )


def ask_captions(
    plan: CaptionPlan,
    picture: Callable[[str], bytes],
    server: ChatServer,
    book: CaptionBook,
    *,
    slots: int = SLOTS,
    tries: int = TRIES,
    told: Callable[[], None] = lambda: None,
) -> CaptionOutcome:
    """Ask all of *plan*, *slots* at a time, *tries* times each, and keep every answer in *book* as it comes.

    *picture* gives the JPEG of a digest; it is called in this thread only. *told* is called for each question
    that is done, in this thread too. Interrupted (Ctrl-C, kill −9), it goes on the next time with what *book*
    lacks. Raises ChatError where the server cannot be used at all, OutputError where *book* cannot be
    written; what was answered until then is kept.
    """
    picture_shown = lru_cache(_KEPT_PICTURES)(lambda digest: shown(picture(digest)))
    requests = (
        Request(question, _messages(question, picture_shown), read_answer, key=str(question))
        for question in plan.questions
    )
    outcome = CaptionOutcome()
    for came in ask_all(server, requests, at_once=slots, tries=tries):
        for question, answer in came:
            outcome = _with_answer(outcome, book, question, answer)
            told()
    return outcome


@lru_cache(1)
def prompt() -> str:
    """What is asked; {winner} stands for "first" or "second"."""
    return resources.files("finepick.training").joinpath("captions_prompt.txt").read_text(encoding="utf-8")


def read_answer(content: str) -> str:
    """The text in an answer {"text": …}, with or without a code fence. Raises ValueError for anything else."""
    document = object_in(content)
    if not isinstance(document.get("text"), str):
        raise ValueError('it is not {"text": "…"}')
    return " ".join(document["text"].split())


def fault_of(text: str, *, first_wins: bool) -> str | None:
    """Why *text* cannot be learned from, or None where it can. Simple checks, no understanding."""
    words = text.split()
    if not words:
        return "it is empty"
    if len(words) > MOST_WORDS:
        return f"it has {len(words)} words, more than {MOST_WORDS}"
    if len(_SENTENCE_END.findall(text.rstrip(" .!?") + ".")) > MOST_SENTENCES:
        return f"it has more than {MOST_SENTENCES} sentences"
    for what, pattern in _LEAKS:
        if leak := pattern.search(text):
            return f"{what}: '{leak[0]}'"
    if not comparing_words(text):
        return "no word in it compares"
    sides = [goodness_of(clause) for clause in clauses_of(text)]
    winner = 1 if first_wins else -1
    if -winner in sides and winner not in sides:
        return f"it speaks only for the {'second' if first_wins else 'first'} photo, and the other one won"
    return None


def _with_answer(
    before: CaptionOutcome, book: CaptionBook, question: Question, came: Outcome
) -> CaptionOutcome:
    """*before* with what *came* of *question*, which is kept in *book*. Raises OutputError."""
    if isinstance(came, TroubleError):
        failed = (*before.failed, (question, came.reason))
        return replace(before, failed=failed, requests=before.requests + came.requests)
    if isinstance(came, RefusedError):
        book.reject(question, came.reason, came.answer[:_MOST_KEPT_ANSWER])
        return replace(before, rejected=before.rejected + 1, requests=before.requests + came.requests)
    fault = fault_of(came.value, first_wins=question.first_wins)
    if fault is None:
        book.add(question, came.value)
    else:
        book.reject(question, fault, came.value[:_MOST_KEPT_ANSWER])
    return replace(
        before,
        answered=before.answered + (fault is None),
        rejected=before.rejected + (fault is not None),
        requests=before.requests + came.requests,
        tokens_in=before.tokens_in + came.tokens_in,
        tokens_out=before.tokens_out + came.tokens_out,
    )


def _lot(question: Question) -> bytes:
    return hashlib.blake2b(str(question).encode()).digest()


def _messages(question: Question, picture_shown: Callable[[str], dict[str, Any]]) -> list[dict[str, Any]]:
    winner = "first" if question.first_wins else "second"
    return asked(
        [
            said(prompt().replace("{winner}", winner)),
            said("The first photograph:"),
            picture_shown(question.first),
            said("The second photograph:"),
            picture_shown(question.second),
        ]
    )


_SENTENCE_END = re.compile(r"[.!?]+(?=\s|$)")
_PHOTO = r"(?:photo(?:graph)?|picture|image|shot|frame|option|candidate|version)"
_LEAKS: Sequence[tuple[str, re.Pattern[str]]] = (
    (
        "it names a file",
        re.compile(r"\b[\w-]+\.(?:jpe?g|png|webp|heic|tiff?|gif|bmp|avif|dng|cr[23]|nef|arw)\b", re.I),
    ),
    ("it names a file", re.compile(r"\b(?:IMG|DSC[FN]?|PXL|P)_?\d{3,}\w*|\b[0-9a-f]{16,}\b", re.I)),
    (
        "it holds an address or marks",
        re.compile(r"https?://|www\.|[<>{}\[\]|`\\\x00-\x1f\x7f\ud800-\udfff]", re.I),
    ),
    ("it names the photos", re.compile(rf"\b(?i:{_PHOTO})s?\s+['\"(]?(?:[A-FX-Z]|\d+|(?i:one|two))\b")),
    (
        "it names the photos",
        re.compile(r"\bB\b|(?:^|[.,;]\s+)A\s+(?:is|has|shows|looks|appears)\b|\bthan\s+A\b"),
    ),
    (
        "it names the photos",
        re.compile(
            rf"\b(?:first|second|left|right|former|latter)(?:-hand)?\s+{_PHOTO}\b|\bthe\s+(?:first|second|latter|former)\b",
            re.I,
        ),
    ),
    (
        "it tells who won",
        re.compile(
            r"\b(?:won|wins|winner|winning|loser|preferred|chosen|favou?red|voted|votes?|annotat\w+|"
            r"liked|rated|ranked)\b",
            re.I,
        ),
    ),
    (
        "it is a refusal",
        re.compile(r"\b(?:I'm sorry|I am sorry|I can(?:'|no)t|I can't|unable to|as an AI)\b", re.I),
    ),
)
