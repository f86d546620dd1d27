"""Sentences for the pairs of a run from a chat server: asked for before it begins, then the same until it ends.

Answers lie in the state folder, for every run on the same photos: they depend on the photos, the winner, the model
and the prompt alone, and cost money or hours. What a run took of them lies in its own folder: an answer that came
too late must not change what is learned from there on.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from finepick.chat.asking import SLOTS, TRIES
from finepick.chat.client import TIMEOUT_SECONDS, ChatError, ChatServer, Endpoint, endpoint_of
from finepick.chat.messages import PICTURE_SIDE, jpeg_of
from finepick.domain import Photo
from finepick.errors import DatasetError, UsageError
from finepick.exports.writing import atomic_write, could_not_write, make_folder
from finepick.settings import Settings
from finepick.training.caption_book import CaptionBook, Question
from finepick.training.captions import (
    CaptionOutcome,
    ask_captions,
    chosen_questions,
    plan_captions,
    prompt,
    questions_of,
)
from finepick.training.targets import SeriesTarget
from finepick.workflows.library import Library

TAKEN = "captions.json"

DescribedSeries = tuple[Sequence[Photo], SeriesTarget]


@dataclass(frozen=True, slots=True)
class CaptionRequest:
    """Whom to ask: *model* at *url*; a key comes from the environment alone (`KEY_VARIABLE`).

    at_once: questions under way at the same time. most: pairs to ask for, drawn among all; None = all of them.
    tries: for one pair. timeout_seconds: how long one answer may take.
    """

    url: str
    model: str
    at_once: int = SLOTS
    most: int | None = None
    tries: int = TRIES
    timeout_seconds: float = TIMEOUT_SECONDS

    def endpoint(self) -> Endpoint:
        """Raises UsageError, SettingsError where nobody can be asked like this."""
        return endpoint_of(self.url, self.model)


def caption_texts(
    library: Library,
    request: CaptionRequest,
    folder: str,
    series: Sequence[DescribedSeries],
    *,
    has_begun: bool,
    tell: Callable[[str], None],
) -> Mapping[Question, str]:
    """The sentences for the pairs of *series* that have a winner and no text, as far as the server has one.

    Those that the run in *folder* took before, and then nobody is asked; else what is known and what the server
    answers. *has_begun*: whether the run has already learned from its texts. Raises UsageError where it has, from
    others; ChatError, DatasetError, ImageError, OutputError.
    """
    asked = [
        question
        for photos, target in series
        for question in questions_of([photo.digest for photo in photos], target).values()
    ]
    questions = chosen_questions(asked, request.most)
    taken = _Taken(os.path.join(folder, TAKEN), request.model, questions)
    known = taken.read()
    if known is not None:
        tell(f"captions: {len(known):,} of {len(questions):,} as this run took them before; nobody is asked")
        return known
    if has_begun:
        raise UsageError(
            f"'{folder}' holds a run with other texts; name another folder, or remove its checkpoint.pt to start again"
        )
    photos_by_digest = {photo.digest: photo for photos, _ in series for photo in photos}

    def picture(digest: str) -> bytes:
        return jpeg_of(library.frame(photos_by_digest[digest], PICTURE_SIDE))

    texts = _asked_for(library, request, questions, picture, tell)
    taken.write(texts)
    return texts


def _asked_for(
    library: Library,
    request: CaptionRequest,
    questions: Sequence[Question],
    picture: Callable[[str], bytes],
    tell: Callable[[str], None],
) -> dict[Question, str]:
    server = ChatServer(request.endpoint(), timeout_seconds=request.timeout_seconds)
    with _book(library.settings, request.model, tell) as book:
        plan = plan_captions(questions, book)
        sent = f"; photos go there {PICTURE_SIDE} pixels long" if plan.questions else ""
        tell(f"captions from {server.host}: {plan}{sent}")
        library.progress.stage("captions", len(plan.questions))
        outcome = ask_captions(
            plan,
            picture,
            server,
            book,
            slots=request.at_once,
            tries=request.tries,
            told=library.progress.step,
        )
        if outcome.failed and len(outcome.failed) == len(questions):
            raise ChatError(f"{server.host} answered nothing ({outcome.failed[-1][1]}); try again later")
        texts = {question: text for question in questions if (text := book.text(question)) is not None}
        _tell_outcome(outcome, len(questions) - len(texts), book.rejects_path, tell, library.warn)
    return texts


def _tell_outcome(
    outcome: CaptionOutcome,
    lacking: int,
    rejects_path: str,
    tell: Callable[[str], None],
    warn: Callable[[str], None],
) -> None:
    if outcome.requests:
        tell(
            f"captions: {outcome.answered:,} answered, {outcome.rejected:,} rejected, in {outcome.requests:,} "
            f"requests ({outcome.tokens_in:,} tokens in, {outcome.tokens_out:,} out)"
        )
    if lacking:
        reason = (
            f"; {len(outcome.failed):,} had no answer ({outcome.failed[-1][1]})" if outcome.failed else ""
        )
        warn(
            f"{lacking:,} pairs have no caption that can be learned from{reason}; they are described by what can be "
            f"measured, and why answers were rejected stands in {rejects_path}"
        )


@contextlib.contextmanager
def _book(settings: Settings, model: str, tell: Callable[[str], None]) -> Iterator[CaptionBook]:
    """The answers of all runs; a second run waits for the first, and then finds there what it has asked for."""
    from filelock import FileLock, Timeout

    path = settings.captions_file
    make_folder(os.path.dirname(path))
    lock = FileLock(f"{path}.lock")
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            tell("captions: another run is asking; this one waits for it")
            lock.acquire()
    except OSError as error:
        raise could_not_write(path, error) from error
    try:
        with CaptionBook(path, model=model, prompt=prompt()) as book:
            yield book
    finally:
        lock.release()


class _Taken:
    """What a run took: a file that stands for exactly these questions to this model, or is made anew."""

    def __init__(self, path: str, model: str, questions: Sequence[Question]) -> None:
        self._path, self._questions = path, questions
        facts = [model, prompt(), [asdict(one) for one in questions]]
        self._asked = hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def read(self) -> dict[Question, str] | None:
        """Raises DatasetError where the file holds something else."""
        try:
            with open(self._path, encoding="utf-8") as file:
                document = json.load(file)
            if document["asked"] != self._asked:
                return None
            texts = [None if one is None else str(one) for one in document["texts"]]
            pairs = zip(self._questions, texts, strict=True)
            return {question: text for question, text in pairs if text is not None}
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError) as error:
            raise DatasetError(
                f"{self._path} does not hold captions; name another folder for the run, or remove the file",
                path=self._path,
            ) from error

    def write(self, texts: Mapping[Question, str]) -> None:
        """Raises OutputError."""
        document = {"asked": self._asked, "texts": [texts.get(question) for question in self._questions]}
        atomic_write(self._path, json.dumps(document, indent=1).encode("ascii") + b"\n")
