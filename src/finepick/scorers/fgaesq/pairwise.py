"""Series ranked as the release ranks them: every pair through the network, scores averaged; slow.

To reproduce the published tables with the released weights. For choosing photos the series tokenizer is
faster, and leaves nothing of a photo out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from finepick.domain import FloatArray, Frame, ModelInfo
from finepick.errors import ScorerError
from finepick.scorers.base import FrameSource, Judgement
from finepick.scorers.fgaesq.published import pair_generator, tokens_of_pairs, tokens_of_single
from finepick.scorers.fgaesq.runner import Runner
from finepick.scorers.fgaesq.scorer import PUBLISHED_TEMPERATURE
from finepick.scorers.fgaesq.tokens import Floats, Tokens
from finepick.scorers.phrases import PhraseBank
from finepick.scorers.utilities import judge_utilities, model_info, tie_duplicates

PAIRWISE_VERSION = 1
"""Raised whenever a change in `published` or `tokens` alters a token."""

_WHOLE = 1 << 24
_FRAMES_IN_MEMORY = 12  # published series have at most ten


class PairwiseScorer:
    """FGAesQ with the published tokenizer: n(n − 1) passes for a series of n photos at their full size.

    What the release draws at random is drawn from the photos' bytes here, so that a verdict can be repeated.
    """

    def __init__(
        self,
        runner: Runner,
        *,
        name: str = "fgaesq",
        temperature: float = PUBLISHED_TEMPERATURE,
        phrases: PhraseBank | None = None,
    ) -> None:
        self._runner = runner
        self._name = name
        self._temperature = temperature
        self.phrases = phrases

    @property
    def info(self) -> ModelInfo:
        facts = ["published", self._runner.fingerprint, PAIRWISE_VERSION, self._temperature]
        return model_info(self._name, "1", facts)

    def judge(self, frames: FrameSource) -> Judgement:
        """Raises ImageError, and ScorerError where a pair has sizes that the published recipe cannot bring together."""
        if len(frames) == 1:
            scores, features = self._run([self._alone(frames, 0)])
        else:
            scores, features = self._averages(frames)
        digests = [frames.digest(index) for index in range(len(frames))]
        return judge_utilities(
            tie_duplicates(scores, digests),
            temperature=self._temperature,
            coarse=scores if len(frames) == 1 else None,
            embeddings=features,
            phrases=self.phrases,
        )

    def coarse(self, frames: FrameSource) -> FloatArray:
        """Expected answers (n,) in 1…10, each photo alone, as the release scores single photos."""
        alone = (self._alone(frames, index) for index in range(len(frames)))
        return np.array([self._run([tokens])[0][0] for tokens in alone])

    def _averages(self, frames: FrameSource) -> tuple[FloatArray, Floats]:
        """Mean score (n,) and feature (n, d) of every photo over its n − 1 pairs."""
        totals, seen = np.zeros(len(frames)), None
        try:
            for pair in tokens_of_pairs(*_photos(frames)):
                scores, features = self._run([pair.tokens_i, pair.tokens_j])
                seen = np.zeros((len(frames), features.shape[1])) if seen is None else seen
                totals[[pair.i, pair.j]] += scores
                seen[[pair.i, pair.j]] += features
        except ValueError as error:
            raise ScorerError(str(error)) from error
        assert seen is not None, "there are two photos or more"
        others = len(frames) - 1
        return totals / others, np.asarray(seen / others, np.float32)

    def _alone(self, frames: FrameSource, index: int) -> Tokens:
        digest = frames.digest(index)
        return tokens_of_single(frames.frame(index, _WHOLE), pair_generator(digest, digest))

    def _run(self, tokens: list[Tokens]) -> tuple[FloatArray, Floats]:
        outputs = self._runner.run(tokens)
        return outputs.scores, outputs.features


def _photos(frames: FrameSource) -> tuple[Callable[[int], Frame], list[str]]:
    """The frames of *frames* at full size, the last ones kept, and their digests."""

    @lru_cache(maxsize=_FRAMES_IN_MEMORY)
    def frame(index: int) -> Frame:
        return frames.frame(index, _WHOLE)

    return frame, [frames.digest(index) for index in range(len(frames))]
