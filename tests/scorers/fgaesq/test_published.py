"""The published tokenizer: what may be drawn, what follows from it, and pictures nobody thought of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finepick.domain import Frame
from finepick.scorers.fgaesq.published import (
    FINE_BLOCKS,
    PairChoices,
    PhotoChoices,
    align_pair,
    draw_choices,
    draw_single,
    pair_generator,
    tokens_of_pair,
    tokens_of_pairs,
    tokens_of_single,
)
from finepick.scorers.fgaesq.tokens import COARSE, FINE, PADDING, TOKENS, Tokens, normalise
from tests.scorers.fgaesq.drawn import drawn

pytestmark = pytest.mark.slow

sides = st.integers(60, 420)  # long thin strips are enlarged by their length: they have tests of their own


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def same(first: Tokens, second: Tokens) -> bool:
    return all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in Tokens.__dataclass_fields__
    )


def is_sound(tokens: Tokens) -> bool:
    padding = tokens.marks == PADDING
    return bool(
        tokens.patches.shape == (TOKENS, 3, 16, 16)
        and np.isfinite(tokens.patches).all()
        and not tokens.patches[padding].any()
        and not tokens.rows[padding].any()
        and np.allclose(tokens.rows[~padding].sum(axis=1), 1, atol=1e-5)
        and np.allclose(tokens.columns[~padding].sum(axis=1), 1, atol=1e-5)
        and (np.diff(padding.astype(int)) >= 0).all()
    )


@settings(max_examples=25, deadline=None)
@given(sides, sides, sides, sides, st.integers(0, 99))
def test_two_photos_of_any_sizes_become_tokens(wa: int, ha: int, wb: int, hb: int, seed: int) -> None:
    for tokens in tokens_of_pair(drawn(1, wa, ha), drawn(2, wb, hb), generator(seed)):
        assert is_sound(tokens)
        assert (tokens.marks == COARSE).any()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 700), st.integers(1, 700), st.integers(0, 99))
def test_one_photo_of_any_size_becomes_tokens(width: int, height: int, seed: int) -> None:
    tokens = tokens_of_single(drawn(1, width, height), generator(seed))
    assert is_sound(tokens)
    patches = -(-width // 16) * -(-height // 16)
    assert (tokens.marks == FINE).any() == (patches > 512)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((1, 1), (1, 1)),
        ((1, 1), (640, 480)),
        ((20_000, 50), (20_000, 50)),
        ((20_000, 50), (18_000, 60)),
        ((9_000, 1), (9_000, 1)),
        ((40, 9), (9, 40)),
        ((1, 9_000), (1, 9_000)),
    ],
)
def test_odd_sizes_become_tokens(a: tuple[int, int], b: tuple[int, int]) -> None:
    for seed in range(2):
        assert all(map(is_sound, tokens_of_pair(drawn(1, *a), drawn(2, *b), generator(seed))))


def test_photos_that_nobody_can_enlarge_that_far_are_refused_by_name_of_their_sizes() -> None:
    strip, upright = drawn(1, 20_000, 50), drawn(1, 50, 20_000)
    message = (
        "the photo, of 50 × 20000 pixels, would have to be enlarged to 20000 × 8000000 to be compared as "
        "published; compare it with --pairing series"
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        align_pair(strip, upright, "width")


def test_grey_photos_without_any_difference_become_tokens() -> None:
    grey = np.full((608, 800, 3), 127, np.uint8)
    first, second = tokens_of_pair(grey, grey, generator())
    assert is_sound(first) and is_sound(second)
    assert np.ptp(first.patches[:, 0]) < 1e-5  # shrinking leaves flat places flat


def test_frames_that_cannot_be_written_to_are_left_alone() -> None:
    a, b = drawn(1, 300, 200), drawn(2, 310, 190)
    before = a.copy(), b.copy()
    a.setflags(write=False), b.setflags(write=False)
    tokens_of_pair(a, b, generator())
    assert np.array_equal(a, before[0]) and np.array_equal(b, before[1])


def test_equal_generators_and_recorded_choices_give_equal_tokens() -> None:
    a, b = drawn(1, 960, 640), drawn(2, 960, 640)
    drawn_once, drawn_again = (tokens_of_pair(a, b, generator(5)) for _ in range(2))
    assert all(map(same, drawn_once, drawn_again))
    pair = align_pair(a, b, "width")
    recorded = draw_choices(pair, "width", generator(5))
    assert all(map(same, tokens_of_pair(a, b, recorded), tokens_of_pair(a, b, recorded)))
    other = tokens_of_pair(a, b, generator(6))
    assert not same(drawn_once[0], other[0])


def test_fine_blocks_are_drawn_from_the_more_different_half_and_all_of_it() -> None:
    a = drawn(1, 960, 640)
    b = a.copy()
    b[:320] = drawn(2, 960, 320)  # the upper half differs: blocks 0 to 299 of 600
    pair = align_pair(a, b, "width")
    seen: set[int] = set()
    for seed in range(150):
        for photo in (lambda both: (both.a, both.b))(draw_choices(pair, "width", generator(seed))):
            assert len(set(photo.fine_blocks)) == FINE_BLOCKS
            seen |= set(photo.fine_blocks)
    assert seen == set(range(300))


def test_blocks_without_counterpart_are_drawn_too() -> None:
    pair = align_pair(drawn(1, 800, 640), drawn(1, 800, 480), "width")
    assert len(pair.differences) == 375  # of 500 blocks of a
    drawn_blocks = {
        block for seed in range(40) for block in draw_choices(pair, "width", generator(seed)).a.fine_blocks
    }
    assert max(drawn_blocks) >= 375 and min(drawn_blocks) >= 0


def test_the_drop_spares_the_tokens_that_have_the_numbers_of_fine_blocks() -> None:
    pair = align_pair(drawn(1, 960, 640), drawn(2, 960, 640), "width")
    spared = [0] * 20
    for seed in range(20):
        choices = draw_choices(pair, "width", generator(seed)).a
        assert choices.kept is not None and len(set(choices.kept)) == TOKENS + 1
        assert choices.kept[0] == 0 and max(choices.kept) <= 600 + 3 * FINE_BLOCKS
        assert {block + 1 for block in choices.fine_blocks} <= set(choices.kept)
        spared[seed] = sum(number > 586 for number in choices.kept)
    assert 30 < np.mean(spared) < 55  # fine tokens, 56 of them, go like any others


def test_where_everything_fits_nothing_is_dropped() -> None:
    pair = align_pair(drawn(1, 640, 448), drawn(2, 640, 448), "width")
    choices = draw_choices(pair, "width", generator())
    assert choices.a.kept is None and choices.b.kept is None
    tokens = tokens_of_pair(drawn(1, 640, 448), drawn(2, 640, 448), choices)[0]
    assert (tokens.marks == FINE).sum() == 4 * FINE_BLOCKS
    assert (tokens.marks == COARSE).sum() == 14 * 20 - FINE_BLOCKS


def test_two_fine_blocks_in_one_row_swap_their_positions_as_in_the_release() -> None:
    frame = drawn(1, 640, 448)
    tokens = tokens_of_single(frame, PhotoChoices((41, 44)))
    fine = tokens.marks == FINE
    columns = tokens.columns[fine] @ np.arange(14)
    rows = tokens.rows[fine] @ np.arange(14)
    assert (np.diff(rows) > -1e-4).all()  # row by row of the picture, not block by block
    assert columns[1] < columns[2] and columns[4] == columns[0]
    patch = normalise(frame)[:, 64:80, 32:48]
    np.testing.assert_array_equal(tokens.patches[np.flatnonzero(fine)[0]], patch)


def test_a_photo_of_exactly_512_patches_loses_one_for_the_class_token() -> None:
    frame = drawn(1, 512, 256)
    choices = draw_single(frame, generator(3))
    assert choices.fine_blocks == () and choices.kept is not None
    assert len(choices.kept) == 512 and max(choices.kept) <= 512
    tokens = tokens_of_single(frame, choices)
    assert (tokens.marks == COARSE).all()
    assert same(tokens, tokens_of_single(frame, generator(3)))


def test_a_small_photo_alone_needs_no_luck() -> None:
    frame = drawn(1, 300, 220)
    assert same(tokens_of_single(frame, generator(1)), tokens_of_single(frame, PhotoChoices(())))


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (PhotoChoices((600,)), "there are blocks 0 to 599, not 600 to 600"),
        (PhotoChoices((1, 1)), "a block is named twice"),
        (PhotoChoices((1, 2)), "606 tokens are more than the 511 that the network reads"),
        (
            PhotoChoices((1, 2), (1, 2, 3)),
            r"the class token \(number 0\) is not among the tokens that are kept",
        ),
        (PhotoChoices((1, 2), (0, 4, 4)), "a token is named twice"),
        (PhotoChoices((1, 2), (0, 607)), "there are tokens 0 to 605, not 606 to 606"),
    ],
)
def test_choices_that_do_not_fit_the_photo_are_refused(choices: PhotoChoices, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        tokens_of_single(drawn(1, 960, 640), choices)


def test_fine_blocks_of_a_small_photo_are_refused() -> None:
    with pytest.raises(ValueError, match="goes in whole"):
        tokens_of_single(drawn(1, 300, 220), PhotoChoices((3,)))


def test_choices_of_another_pair_are_refused() -> None:
    large = align_pair(drawn(1, 960, 640), drawn(2, 960, 640), "width")
    choices = PairChoices("width", PhotoChoices((599,)), PhotoChoices(()))
    assert len(large.differences) == 600
    with pytest.raises(ValueError, match="there are blocks 0 to 279"):
        tokens_of_pair(drawn(1, 640, 448), drawn(2, 640, 448), choices)


def test_a_series_gives_the_same_tokens_in_any_order() -> None:
    frames = {name: drawn(seed, 500 + 20 * seed, 400) for seed, name in enumerate("cab")}

    def by_names(order: str, seed: int = 0) -> dict[tuple[str, str], Tokens]:
        def frame(index: int) -> Frame:
            return frames[order[index]]

        found = {}
        for pair in tokens_of_pairs(frame, list(order), seed):
            found[order[pair.i], order[pair.j]] = pair.tokens_i
            found[order[pair.j], order[pair.i]] = pair.tokens_j
        return found

    first, second = by_names("abc"), by_names("cba")
    assert len(first) == 6 and first.keys() == second.keys()
    assert all(same(first[pair], second[pair]) for pair in first)
    assert not all(same(tokens, first[pair]) for pair, tokens in by_names("abc", 1).items())


def test_a_series_of_one_has_no_pairs() -> None:
    assert list(tokens_of_pairs(lambda _: drawn(1, 50, 50), ["a"])) == []


def test_pairs_draw_by_themselves() -> None:
    draws = {pair_generator(a, b, seed).random() for a, b in ("ab", "ba", "aa") for seed in (0, 1)}
    assert len(draws) == 6
