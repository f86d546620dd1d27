"""Which edits photos get: families in turn, strengths apart, the same every time."""

from __future__ import annotations

from collections import Counter

import pytest

from finepick.edits import EDITS, Family
from finepick.errors import UsageError
from finepick.red.planning import (
    WEAKEST,
    chosen_edits,
    instructions,
    plan_edits,
    plan_generated,
)

DIGESTS = [f"{number:064x}" for number in range(1, 201)]


def test_families_come_in_turn_and_every_edit_comes() -> None:
    planned = [one for digest in DIGESTS for one in plan_edits(1, digest, EDITS, count=7, steps=1, seed=0)]

    assert Counter(one.family for one in planned) == dict.fromkeys((family.value for family in Family), 200)
    assert {one.name for one in planned} == {edit.name for edit in EDITS}


def test_strengths_of_a_chain_rise_and_share_their_chance() -> None:
    for digest in DIGESTS[:20]:
        chains: dict[str, list[tuple[float, int]]] = {}
        for one in plan_edits(1, digest, EDITS, count=5, steps=4, seed=3):
            chains.setdefault(one.chain, []).append((one.strength, one.recipe[0]["seed"]))
        assert len(chains) == 5
        for chain in chains.values():
            strengths = [strength for strength, _ in chain]
            assert strengths == sorted(strengths) and len(set(strengths)) == 4
            assert min(strengths) >= WEAKEST and max(strengths) <= 1
            assert len({seed for _, seed in chain}) == 1


def test_more_begin_with_the_same_and_another_seed_is_another_draw() -> None:
    few = plan_edits(1, DIGESTS[0], EDITS, count=3, steps=2, seed=0)

    assert plan_edits(1, DIGESTS[0], EDITS, count=6, steps=2, seed=0)[: len(few)] == few
    assert plan_edits(1, DIGESTS[0], EDITS, count=3, steps=2, seed=1) != few
    assert plan_edits(1, DIGESTS[1], EDITS, count=3, steps=2, seed=0) != few


def test_words_choose_families_and_edits() -> None:
    assert {edit.name for edit in chosen_edits(["defocus"])} == {"defocus"}
    assert {edit.family for edit in chosen_edits(["repair", "tilt"])} == {Family.REPAIR, Family.GEOMETRY}
    assert chosen_edits([]) == EDITS
    with pytest.raises(UsageError, match=r"'blurr' is neither a family .* nor an edit"):
        chosen_edits(["blurr"])


def test_instructions_have_families_and_are_drawn_like_edits() -> None:
    assert {one.family for one in instructions()} == {family.value for family in Family}
    planned = plan_generated(1, DIGESTS[0], "instruct-pix2pix=here", count=4, steps=2, seed=0)
    assert len(planned) == 8 and len({one.name for one in planned}) == 4
    assert all(one.recipe[0]["instruction"] == one.name for one in planned)
