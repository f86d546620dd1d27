"""FGAesQ behind the scorer seam: series in, tokens through the network, judgements out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from finepick.domain import FloatArray, ModelInfo
from finepick.errors import ImageError, ScorerError
from finepick.scorers.base import FrameSource, Judgement, View
from finepick.scorers.fgaesq.ahead import read_ahead
from finepick.scorers.fgaesq.runner import Runner
from finepick.scorers.fgaesq.series import FINE_BLOCKS, Plan, plan_photo, viewed_tokens
from finepick.scorers.fgaesq.tokens import TOKENS, Floats, Tokens
from finepick.scorers.overlay import Overlay
from finepick.scorers.phrases import PhraseBank
from finepick.scorers.utilities import canonical_order, judge_utilities, model_info

TOKENIZER_VERSION = 1
"""Raised whenever a change in `series` or `tokens` alters a token."""

PUBLISHED_TEMPERATURE = 1.0
"""P(x ≻ y) = sigmoid(s_x − s_y) (RankReg)."""


class FgaesqScorer:
    """Scores with the series tokenizer: a series of n photos is n passes through the network.

    Scores are expectations over 1…10. They depend on the other photos of the series, because tokens do;
    `coarse` judges each photo alone, at the price of a second pass.

    Args:
        runner: what runs the network.
        temperature: by how much scores must differ for odds of e to 1.
        fine_blocks: how many 32-px blocks are looked at in full resolution.
        tokens: how many the network reads, beside the class token.
        phrases: what differences of embeddings can be read with.
        encode: the text tower: n sentences → (n, d) embeddings beside those of photos; None where it is not here.
    """

    def __init__(
        self,
        runner: Runner,
        *,
        name: str = "fgaesq",
        temperature: float = PUBLISHED_TEMPERATURE,
        fine_blocks: int = FINE_BLOCKS,
        tokens: int = TOKENS,
        phrases: PhraseBank | None = None,
        encode: Callable[[Sequence[str]], Floats] | None = None,
    ) -> None:
        self._runner = runner
        self._name = name
        self._temperature = temperature
        self._cut = {"fine_blocks": fine_blocks, "tokens": tokens}
        self.phrases = phrases
        self._encode = encode

    @property
    def info(self) -> ModelInfo:
        facts = [self._runner.fingerprint, TOKENIZER_VERSION, self._cut, self._temperature]
        return model_info(self._name, "1", facts)

    def judge(self, frames: FrameSource) -> Judgement:
        [judgement] = self.judge_all([frames])
        if isinstance(judgement, ImageError):
            raise judgement
        return judgement

    def judge_all(self, series: Iterable[FrameSource]) -> Iterator[Judgement | ImageError]:
        """Judgements in the order of *series*; the network is given full batches across them."""
        for task in self._run_all(series, self._laid_over_one_another):
            yield task if isinstance(task, ImageError) else self._judgement(task)

    def coarse(self, frames: FrameSource) -> FloatArray:
        """Expected answers (n,) in 1…10, each photo alone: fine tokens go where it has most detail."""
        [task] = self._run_all([frames], self._each_alone)
        if isinstance(task, ImageError):
            raise task
        return task.scores_as_given

    def likeness(self, frames: FrameSource, texts: Sequence[str]) -> FloatArray:
        """Cosines (n, t) of the embeddings of photos, each alone, and of *texts*. See `TextScorer`."""
        if self._encode is None:
            raise ScorerError(
                f"the model '{self._name}' cannot read sentences here: its file holds no text tower, or CLIP's "
                "tokenizer is not on this disk; get both with: finepick models fetch fgaesq"
            )
        sentences = _directions(self._encode(texts))
        [task] = self._run_all([frames], self._each_alone)
        if isinstance(task, ImageError):
            raise task
        photos = _directions(np.stack([task.features[number] for number in task.view_of]))
        return np.asarray(np.clip(photos @ sentences.T, -1.0, 1.0))

    def _judgement(self, task: _Task) -> Judgement:
        assert task.overlay is not None
        scores = task.scores_as_given
        return judge_utilities(
            scores,
            temperature=self._temperature,
            coarse=scores if len(scores) == 1 else None,
            difference=task.overlay.maps_as_given,
            alignment=task.overlay.alignment_as_given,
            embeddings=np.stack([task.features[number] for number in task.view_of]),
            phrases=self.phrases,
        )

    def _laid_over_one_another(self, frames: FrameSource) -> _Task:
        overlay = Overlay.of(frames)
        plans = [
            plan_photo(photo, difference, **self._cut)
            for photo, difference in zip(overlay.features, overlay.maps, strict=True)
        ]
        return _task(overlay.order, overlay.digests, plans, overlay)

    def _each_alone(self, frames: FrameSource) -> _Task:
        digests = [frames.digest(index) for index in range(len(frames))]
        order = canonical_order(digests)
        plans = [plan_photo(frames.features(index), np.zeros((1, 1)), **self._cut) for index in order]
        return _task(order, [digests[index] for index in order], plans, None)

    def _run_all(
        self, series: Iterable[FrameSource], prepare: Callable[[FrameSource], _Task]
    ) -> Iterator[_Task | ImageError]:
        """One finished task a series, in their order. A task is small: tokens are let go of once they were run."""
        size = self._runner.batch_size
        begun: list[_Task | ImageError] = []
        batch: list[tuple[_Task, Tokens]] = []
        for thing in read_ahead(_prepared(series, prepare), 2 * size):
            if isinstance(thing, tuple):
                batch.append(thing)
            else:
                begun.append(thing)
            if len(batch) >= size:
                self._run(batch)
                batch = []
                while begun and _is_over(begun[0]):
                    yield _outcome(begun.pop(0))
        self._run(batch)
        yield from map(_outcome, begun)

    def _run(self, batch: Sequence[tuple[_Task, Tokens]]) -> None:
        outputs = self._runner.run([tokens for _, tokens in batch])
        for (task, _), score, feature in zip(batch, outputs.scores, outputs.features, strict=True):
            task.scores.append(float(score))
            task.features.append(feature)


@dataclass(slots=True)
class _Task:
    """The photos of one series on their way through the network; those of the same bytes go through once.

    views: one for each distinct photo, in canonical order. view_of: (n,) which of them each frame has.
    scores, features: what the network has said so far. error: why it will not say the rest.
    """

    views: list[View]
    view_of: NDArray[np.intp]
    overlay: Overlay | None
    scores: list[float] = field(default_factory=list)
    features: list[Floats] = field(default_factory=list)
    error: ImageError | None = None

    @property
    def scores_as_given(self) -> FloatArray:
        return np.array(self.scores, np.float64)[self.view_of]


def _directions(embeddings: Floats) -> FloatArray:
    """Rows of unit length."""
    rows = embeddings.astype(np.float64)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def _task(
    order: Sequence[int],
    digests: Sequence[str],
    plans: Sequence[Plan],
    overlay: Overlay | None,
) -> _Task:
    """The task of frames in canonical *order*, with their *digests* and *plans* in that order."""
    number = {digest: position for position, digest in enumerate(dict.fromkeys(digests))}
    first = [digests.index(digest) for digest in number]
    view_of = np.empty(len(order), np.intp)
    view_of[list(order)] = [number[digest] for digest in digests]
    return _Task(
        views=[plans[position].view(order[position]) for position in first],
        view_of=view_of,
        overlay=overlay,
    )


def _prepared(
    series: Iterable[FrameSource], prepare: Callable[[FrameSource], _Task]
) -> Iterator[_Task | ImageError | tuple[_Task, Tokens]]:
    """For each series its task and then the tokens of its photos; or what was wrong with a photo."""
    for frames in series:
        try:
            task = prepare(frames)
        except ImageError as error:
            yield error
            continue
        yield task
        try:
            for arrays in frames.views(task.views):
                yield task, viewed_tokens(arrays)
        except ImageError as error:
            task.error = error


def _is_over(task: _Task | ImageError) -> bool:
    if isinstance(task, ImageError) or task.error is not None:
        return True
    return len(task.scores) == len(task.views)


def _outcome(task: _Task | ImageError) -> _Task | ImageError:
    return task if isinstance(task, ImageError) else task.error or task
