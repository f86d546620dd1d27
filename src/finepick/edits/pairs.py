"""Which photo gets which edit, how strong, for pairs whose better picture is known by construction.

All strengths of a series lie at or past the strength from which its edit hurts, at least `LEAST_STEP` apart, so
that every picture beats every stronger one, and the source beats all. What lies below is never made.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from finepick.edits.base import Edit, Family
from finepick.edits.catalogue import EDITS
from finepick.edits.comparisons import comparison
from finepick.edits.recipes import Recipe, Step
from finepick.errors import UsageError

LEAST_STEP = 0.1
"""How far two labelled strengths of a series lie apart at least. Assumed: what differs by less is a guess."""


@dataclass(frozen=True, slots=True)
class PlannedSeries:
    """A source (its place among the digests) and recipes that make it worse and worse.

    recipes: in an order that chance drew, so that places tell nothing; the empty one leaves the source as it is.
    ranks: of each, 1 = best.
    """

    name: str
    source: int
    edit: Edit
    recipes: tuple[Recipe, ...]
    ranks: tuple[int, ...]

    @property
    def pairs(self) -> tuple[tuple[int, int, float, str], ...]:
        """(a, b, p, text) of all pairs of places in *recipes*, a before b.

        p is 1 where a is better, else 0; text says how a differs from b.
        """
        strengths = [sum(step.strength for step in recipe) for recipe in self.recipes]
        return tuple(
            (
                a,
                b,
                float(self.ranks[a] < self.ranks[b]),
                comparison(self.edit.name, strengths[a], strengths[b]),
            )
            for a, b in itertools.combinations(range(len(self.recipes)), 2)
        )


def labelled_edits(words: Sequence[str] = ()) -> tuple[Edit, ...]:
    """The edits that *words* (names of edits or families; none = all) mean and that labels by construction hold for.

    Raises UsageError for a word that means none of them.
    """
    for word in words:
        meant = [edit for edit in EDITS if word in (edit.name, edit.family.value)]
        if not meant:
            families = ", ".join(Family)
            raise UsageError(f"'{word}' is neither a family ({families}) nor an edit (finepick edit --list)")
        if not any(edit.hurts_from for edit in meant):
            raise UsageError(f"'{word}' has no label by construction: judges have to say whether it helps")
    return tuple(
        edit
        for edit in EDITS
        if edit.hurts_from and (not words or edit.name in words or edit.family.value in words)
    )


def plan_series(
    digests: Sequence[str], edits: Sequence[Edit], *, pairs: int | None, steps: int, seed: int
) -> Iterator[PlannedSeries]:
    """Series in order, until there are at least *pairs* pairs; None = one series a source.

    Every source gets another edit in every round; after all edits the first comes again, with another seed.
    *steps*: strengths a series, fewer where the room past the threshold is small. Nothing depends on *pairs* but
    the end: more pairs begin with the same ones. Depends on the order of *digests*; sort them.
    """
    made = 0
    for number in itertools.count():
        if number >= len(digests) if pairs is None else made >= pairs:
            return
        turn, source = divmod(number, len(digests))
        edit = edits[(source + turn) % len(edits)]
        series = _planned(digests[source], source, edit, turn // len(edits), steps=steps, seed=seed)
        made += len(series.pairs)
        yield series


def _planned(digest: str, source: int, edit: Edit, repeat: int, *, steps: int, seed: int) -> PlannedSeries:
    name = f"{digest[:16]}-{edit.name}-{repeat}"
    drawn = int.from_bytes(hashlib.sha256(f"{seed} {digest} {edit.name} {repeat}".encode()).digest()[:6])
    chance = np.random.default_rng(drawn)
    strengths = _strengths(edit, steps, chance)
    recipes: list[Recipe] = [(), *((Step(edit.name, strength, drawn),) for strength in strengths)]
    order = [int(place) for place in chance.permutation(len(recipes))]
    return PlannedSeries(
        name, source, edit, tuple(recipes[place] for place in order), tuple(place + 1 for place in order)
    )


def _strengths(edit: Edit, steps: int, chance: np.random.Generator) -> list[float]:
    """Up to *steps* strengths past the threshold of *edit*, rising, one in the lower half of each part of the room."""
    assert edit.hurts_from is not None
    low = edit.hurts_from.strength
    count = max(1, min(steps, int((1 - low) / (2 * LEAST_STEP) + 1e-9)))
    width = (1 - low) / count
    places = (np.arange(count) + 0.5 * chance.random(count)) * width + low
    return [float(strength) for strength in np.ceil(places * 1000) / 1000]
