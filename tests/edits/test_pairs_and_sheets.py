"""Plans of pairs: past the threshold, far enough apart, each edit as often as any other. And sheets."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter

import numpy as np
import pytest

from finepick.edits import EDITS, Row, draw_sheet
from finepick.edits.pairs import LEAST_STEP, labelled_edits, plan_series
from finepick.errors import UsageError
from tests.edits.drawn import grey, landscape

DIGESTS = sorted(hashlib.sha256(bytes([number])).hexdigest() for number in range(11))


def test_every_strength_lies_past_the_threshold_and_apart_from_its_neighbours() -> None:
    for series in plan_series(DIGESTS, labelled_edits(), pairs=5000, steps=4, seed=1):
        in_order = [series.recipes[series.ranks.index(rank)] for rank in range(1, len(series.ranks) + 1)]
        strengths = [step.strength for recipe in in_order for step in recipe]

        assert in_order[0] == () and len(series.recipes) == len(strengths) + 1
        assert series.edit.hurts_from is not None
        assert series.edit.hurts_from.strength <= strengths[0] and strengths[-1] <= 1
        assert all(b - a >= LEAST_STEP - 0.002 for a, b in itertools.pairwise(strengths))
        assert tuple(pair[:3] for pair in series.pairs) == tuple(
            (a, b, 1.0 if series.ranks[a] < series.ranks[b] else 0.0)
            for a, b in itertools.combinations(range(len(series.recipes)), 2)
        )


def test_places_tell_nothing_of_who_is_better() -> None:
    planned = list(plan_series(DIGESTS, labelled_edits(), pairs=6000, steps=3, seed=2))
    first_wins = np.mean([p for series in planned for _, _, p, _ in series.pairs])
    source_first = np.mean([series.ranks[0] == 1 for series in planned])

    assert first_wins == pytest.approx(0.5, abs=0.03)
    assert source_first == pytest.approx(np.mean([1 / len(series.ranks) for series in planned]), abs=0.04)


def test_no_series_is_planned_twice_and_all_edits_get_their_turn() -> None:
    planned = list(plan_series(DIGESTS, labelled_edits(), pairs=6000, steps=3, seed=0))
    seen = Counter(series.edit.name for series in planned)

    assert (
        len({series.name for series in planned})
        == len({series.recipes for series in planned})
        == len(planned)
    )
    assert max(seen.values()) - min(seen.values()) <= len(DIGESTS)
    assert sum(len(series.pairs) for series in planned) >= 6000 > sum(len(s.pairs) for s in planned[:-1])


def test_more_pairs_begin_with_the_same_ones_and_another_seed_gives_others() -> None:
    few, many, others = (
        list(plan_series(DIGESTS, labelled_edits(), pairs=pairs, steps=3, seed=seed))
        for pairs, seed in ((40, 0), (400, 0), (40, 1))
    )

    assert many[: len(few)] == few
    assert [one.recipes for one in others] != [one.recipes for one in few]


def test_without_a_number_of_pairs_every_source_gets_one_series() -> None:
    assert [s.source for s in plan_series(DIGESTS, labelled_edits(), pairs=None, steps=3, seed=0)] == list(
        range(11)
    )


def test_words_are_edits_or_families() -> None:
    assert [edit.name for edit in labelled_edits(["jpeg", "tilt"])] == ["jpeg", "tilt"]
    assert {edit.family.value for edit in labelled_edits(["focus", "clutter"])} == {"focus", "clutter"}
    assert labelled_edits() == tuple(edit for edit in EDITS if edit.hurts_from is not None)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        (
            "charm",
            "'charm' is neither a family (tone, colour, focus, noise, geometry, clutter, repair) nor an edit",
        ),
        ("repair", "'repair' has no label by construction: judges have to say whether it helps"),
        (
            "background_blur",
            "'background_blur' has no label by construction: judges have to say whether it helps",
        ),
    ],
)
def test_words_without_labels_are_refused(word: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        labelled_edits([word])
    assert str(caught.value).startswith(reason)


def test_a_sheet_shows_every_picture_at_one_scale_with_its_caption() -> None:
    row = Row([grey(250, (200, 400)), grey(250, (100, 200))], ["before", "after " + "very " * 60 + "long"])
    sheet = np.asarray(draw_sheet([row, row], panel=200))
    bright = (sheet == 250).all(axis=2)

    # Two rows, each with 200 × 100 and 100 × 50 pixels of picture.
    assert bright.sum() == 2 * (200 * 100 + 100 * 50)
    ink = (sheet > 150).all(axis=2) & ~bright
    assert ink.sum() > 200
    assert ink.any(axis=1).sum() > 20  # lines of text below the pictures


@pytest.mark.parametrize("rows", [[], [Row([], [])], [Row([landscape()], ["one", "two"])]])
def test_a_sheet_without_pictures_or_with_other_captions_is_refused(rows: list[Row]) -> None:
    with pytest.raises(ValueError, match=r"a sheet has at least one row|make no row"):
        draw_sheet(rows)
