"""An order of rows in which partners are always in one batch, on one device."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler


class PartnerSampler(Sampler[int]):
    """Indices of 2·*pairs* rows, where rows 2k and 2k + 1 are partners, as GRPO's trainer takes them.

    Each row comes *answers* times in a row, its partner right after it; *pairs_at_once* pairs (of all devices
    together) make a portion, which comes *repeats* times. Every pass has another order, each the same for the same
    *seed*; pairs that do not fill a portion wait for another pass.
    """

    def __init__(
        self, pairs: int, *, answers: int, pairs_at_once: int, repeats: int, passes: int, seed: int
    ) -> None:
        if pairs < pairs_at_once:
            raise ValueError(f"{pairs} pairs do not fill one portion of {pairs_at_once}")
        self._pairs, self._answers, self._repeats = pairs, answers, repeats
        self._at_once, self._passes, self._seed = pairs_at_once, passes, seed

    def __len__(self) -> int:
        portions = self._passes * (self._pairs // self._at_once)
        return portions * self._at_once * 2 * self._answers * self._repeats

    def __iter__(self) -> Iterator[int]:
        for number in range(self._passes):
            order = np.random.default_rng((self._seed, number)).permutation(self._pairs)
            for start in range(0, self._pairs - self._at_once + 1, self._at_once):
                portion = order[start : start + self._at_once].tolist()
                for _ in range(self._repeats):
                    for pair in portion:
                        for row in (2 * pair, 2 * pair + 1):
                            yield from [row] * self._answers
