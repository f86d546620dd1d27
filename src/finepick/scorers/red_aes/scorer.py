"""A model that says why behind the scorer seam: questions about photos out, sampled answers in, judgements made."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from finepick.domain import FloatArray, ModelInfo
from finepick.errors import FinepickError, ImageError, ScorerError, UnreadableAnswerError
from finepick.scorers.base import FrameSource, Judgement
from finepick.scorers.red_aes.answers import read_rating, read_verdict
from finepick.scorers.red_aes.asking import Asker, NoAnswerError, Question
from finepick.scorers.red_aes.card import Card
from finepick.scorers.red_aes.pictures import picture_view
from finepick.scorers.red_aes.prompts import compare_prompt, rate_prompt
from finepick.scorers.red_aes.ratings import Scale, judge_differences, judge_ratings
from finepick.scorers.utilities import canonical_order, is_too_close, model_info

T = TypeVar("T")

ANSWERS_VERSION = 1
"""Raised whenever the same answers become other numbers."""


class RedAesScorer:
    """Judges by what a multimodal language model says: ratings of single photos, or verdicts on pairs.

    Of every question `card.samples` answers are drawn; a photo of whose answers fewer than half can be used is
    lost, never guessed at. Answers are remembered one by one, so that no photo is asked about twice. "rate" asks
    about n photos, "compare" n(n − 1) questions; of "compare" there is no coarse score.
    """

    def __init__(self, asker: Asker, card: Card) -> None:
        self._asker, self._card = asker, card
        self._scale = Scale(card.shift, card.slope)

    @property
    def info(self) -> ModelInfo:
        card = self._card
        facts = [ANSWERS_VERSION, self._asker.fingerprint, self._prompt]
        return model_info(
            "red-aes", "1", [*facts, card.ask, card.samples, card.pixels, card.shift, card.slope]
        )

    def judge(self, frames: FrameSource) -> Judgement:
        [judgement] = self.judge_all([frames])
        if isinstance(judgement, ImageError):
            raise judgement
        return judgement

    def judge_all(self, series: Iterable[FrameSource]) -> Iterator[Judgement | ImageError]:
        """Judgements in the order of *series*; the next ones are asked about while answers are awaited."""
        finish = self._judged_alone if self._card.ask == "rate" else self._judged_in_pairs
        for inquiry in self._inquiries(series):
            try:
                yield inquiry if isinstance(inquiry, ImageError) else finish(inquiry)
            except ImageError as error:
                yield error

    def coarse(self, frames: FrameSource) -> FloatArray | None:
        """Each photo's mean rating on the scale 1…10."""
        if self._card.ask != "rate":
            return None
        return self.judge(frames).coarse

    def ratings(self, frames: FrameSource) -> FloatArray:
        """Each photo's mean rating in 0…100, what a scale is fitted on. Raises ScorerError where it only compares."""
        if self._card.ask != "rate":
            raise ScorerError(
                "this model's card says that it compares, so there are no ratings; set ask to 'rate'"
            )
        return self.judge(frames).fine

    @property
    def _prompt(self) -> str:
        return rate_prompt() if self._card.ask == "rate" else compare_prompt()

    def _inquiries(self, series: Iterable[FrameSource]) -> Iterator[_Inquiry | ImageError]:
        """What was asked about each of *series*, in their order, with its answers."""
        begun: deque[_Inquiry | ImageError] = deque()
        try:
            for frames in series:
                begun.append(self._begin(frames))
                while begun and sum(map(_under_way, begun)) >= self._asker.ahead:
                    yield _answered(begun.popleft())
            while begun:
                yield _answered(begun.popleft())
        except FinepickError:
            for inquiry in begun:  # what was answered all the same has been paid for
                with suppress(FinepickError):
                    _answered(inquiry)
            raise
        finally:
            self._asker.rest()

    def _begin(self, frames: FrameSource) -> _Inquiry | ImageError:
        digests = [frames.digest(index) for index in range(len(frames))]
        first = {digests[index]: index for index in reversed(canonical_order(digests))}
        distinct = sorted(first)
        inquiry = _Inquiry(
            frames,
            [first[digest] for digest in distinct],
            np.array([distinct.index(digest) for digest in digests], np.intp),
        )
        try:
            self._ask(inquiry, distinct)
        except ImageError as error:
            return error
        return inquiry

    def _ask(self, inquiry: _Inquiry, distinct: Sequence[str]) -> None:
        """Ask what is not yet known about the *distinct* photos. Raises ImageError."""
        size = 1 if self._card.ask == "rate" else 2
        known = {
            places: _known(inquiry.frames, self._keys([distinct[place] for place in places]))
            for places in permutations(range(len(distinct)), size)
        }
        wanted = sorted({place for places, asked in known.items() if asked.missing for place in places})
        views = [picture_view(inquiry.photos[place], self._card.pixels) for place in wanted]
        arrays = inquiry.frames.views(views)
        pictures = {place: one["jpeg"].tobytes() for place, one in zip(wanted, arrays, strict=True)}
        for places, asked in known.items():
            if asked.missing:
                shown = tuple(pictures[place] for place in places)
                question = Question(self._prompt, shown, self._key([distinct[place] for place in places], ""))
                waits = self._asker.ask(question, asked.missing)
                asked.waits = dict(zip(asked.missing, waits, strict=True))
            inquiry.asked[places] = asked

    def _keys(self, digests: Sequence[str]) -> list[str]:
        return [self._key(digests, str(number)) for number in range(self._card.samples)]

    def _key(self, digests: Sequence[str], number: str) -> str:
        told = [self._asker.fingerprint, self._prompt, str(self._card.pixels), number, *digests]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()

    def _judged_alone(self, inquiry: _Inquiry) -> Judgement:
        means, variances, thoughts = [], [], []
        for (place,), asked in inquiry.asked.items():
            ratings, fault = _read(asked.texts, read_rating)
            if 2 * len(ratings) < self._card.samples:
                raise inquiry.lost(place, len(ratings), self._card.samples, asked.trouble or fault)
            values = np.array([rating.value for rating in ratings])
            means.append(values.mean())
            variances.append(values.var())
            thoughts.append((ratings[int(np.abs(values - means[-1]).argmin())].thought,))
        as_given = inquiry.place_of
        ratings_of = np.array(means, np.float64)[as_given]
        judgement = judge_ratings(
            ratings_of, np.array(variances, np.float64)[as_given], self._scale.coarse(ratings_of)
        )
        return replace(judgement, thoughts=tuple(thoughts[place] for place in as_given))

    def _judged_in_pairs(self, inquiry: _Inquiry) -> Judgement:
        n = len(inquiry.photos)
        differences, counts = np.zeros((n, n)), np.zeros((n, n))
        thoughts = [[""] * n for _ in range(n)]
        faults: dict[tuple[int, ...], str] = {}
        for (a, b), asked in inquiry.asked.items():
            verdicts, fault = _read(asked.texts, read_verdict)
            faults[a, b] = asked.trouble or fault
            counts[a, b] = len(verdicts)
            if verdicts:
                told = np.array([verdict.difference for verdict in verdicts])
                differences[a, b] = told.mean()
                thoughts[a][b] = verdicts[int(np.abs(told - told.mean()).argmin())].thought
        self._complain_of_gaps(inquiry, counts, faults)
        judgement = judge_differences(differences, counts)
        rows = inquiry.place_of
        return replace(
            judgement,
            fine=judgement.fine[rows],
            preference=judgement.preference[np.ix_(rows, rows)],
            too_close=is_too_close(judgement.fine[rows], judgement.preference[np.ix_(rows, rows)]),
            thoughts=tuple(tuple(thoughts[i][j] for j in rows) for i in rows) if n > 1 else None,
        )

    def _complain_of_gaps(
        self, inquiry: _Inquiry, counts: FloatArray, faults: dict[tuple[int, ...], str]
    ) -> None:
        """Raise ImageError for the photo of most pairs without answers enough, where there is one."""
        short = [(a, b) for a, b in faults if a < b and counts[a, b] + counts[b, a] < self._card.samples]
        if not short:
            return
        worst, _ = Counter(place for pair in short for place in pair).most_common(1)[0]
        a, b = next(pair for pair in short if worst in pair)
        usable = int(counts[a, b] + counts[b, a])
        raise inquiry.lost(worst, usable, 2 * self._card.samples, faults[a, b] or faults[b, a])


@dataclass(slots=True)
class _Asked:
    """One question. keys: by number of the answer, what it is remembered under."""

    keys: list[str]
    texts: dict[int, str]
    waits: dict[int, Callable[[], str]] = field(default_factory=dict)
    trouble: str = ""

    @property
    def missing(self) -> list[int]:
        return [number for number in range(len(self.keys)) if number not in self.texts]


@dataclass(slots=True)
class _Inquiry:
    """All that is asked about one series. photos: the first frame of each distinct content, in canonical order.

    place_of: (n,) which of them each frame is. asked: by places in photos.
    """

    frames: FrameSource
    photos: list[int]
    place_of: NDArray[np.intp]
    asked: dict[tuple[int, ...], _Asked] = field(default_factory=dict)

    def lost(self, place: int, usable: int, wanted: int, fault: str) -> ImageError:
        return self.frames.lost(
            self.photos[place], f"the model gave {usable} usable answers of {wanted}; of the others: {fault}"
        )


def _known(frames: FrameSource, keys: list[str]) -> _Asked:
    blobs = {number: frames.known(key) for number, key in enumerate(keys)}
    return _Asked(keys, {number: blob.decode() for number, blob in blobs.items() if blob is not None})


def _under_way(inquiry: _Inquiry | ImageError) -> int:
    return 0 if isinstance(inquiry, ImageError) else sum(len(one.waits) for one in inquiry.asked.values())


def _answered(inquiry: _Inquiry | ImageError) -> _Inquiry | ImageError:
    """*inquiry* with all its answers, each remembered. Raises what a wait raises, after all waits."""
    if isinstance(inquiry, ImageError):
        return inquiry
    failure: FinepickError | None = None
    for asked in inquiry.asked.values():
        for number, wait in asked.waits.items():
            try:
                asked.texts[number] = wait()
                inquiry.frames.remember(asked.keys[number], asked.texts[number].encode("utf-8", "replace"))
            except NoAnswerError as trouble:
                asked.trouble = trouble.reason
            except FinepickError as error:
                failure = failure or error
    if failure is not None:
        raise failure
    return inquiry


def _read(texts: dict[int, str], read: Callable[[str], T]) -> tuple[list[T], str]:
    """What can be read of *texts*, and what was wrong with the last of the others."""
    found, fault = [], ""
    for number in sorted(texts):
        try:
            found.append(read(texts[number]))
        except UnreadableAnswerError as error:
            fault = error.message
    return found, fault
