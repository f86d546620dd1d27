"""Splits never cut a series, do not depend on order or machine, and are known by their hash."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finepick.datasets.records import Dataset, LabelledPhoto, LabelledSeries
from finepick.datasets.splits import apply_splits, check_splits, split_dataset, split_hash, write_splits
from finepick.errors import DatasetError


def series(name, *photos, category="natural", split="", **others):
    photos = photos or (f"{name}-1.jpg", f"{name}-2.jpg")
    ranks = tuple(range(1, len(photos) + 1))
    return LabelledSeries(name, photos, ranks=ranks, category=category, split=split, others=others)


def made(n, **changes):
    return Dataset("made", "set", tuple(series(f"{i:04d}", **changes) for i in range(n)))


def splits_of(dataset):
    found = {entry.series: entry.split for entry in dataset.series}
    return found | {entry.file: entry.split for entry in dataset.photos}


@pytest.mark.parametrize("n", [10, 200, 1003])
def test_shares_are_kept_to_within_one_series_in_every_category(n):
    dataset = Dataset("m", "", made(n).series + tuple(series(f"c{i}", category="aigc") for i in range(n)))

    split = split_dataset(dataset, seed=3)

    for category in ("natural", "aigc"):
        counts = Counter(entry.split for entry in split.series if entry.category == category)
        for name, share in {"train": 0.8, "val": 0.1, "test": 0.1}.items():
            assert abs(counts[name] - share * n) <= 1


def test_the_split_is_the_same_on_every_machine():
    # Worked out by hand from SHA-256 of "7\0series\0NAME": another value anywhere is a broken promise.
    split = split_dataset(made(12), {"train": 0.5, "test": 0.5}, seed=7)

    assert "".join(entry.split[1] for entry in split.series) == EXPECTED
    assert split_hash(split) == EXPECTED_HASH


EXPECTED = "rrerrreeeeer"
EXPECTED_HASH = "0c573c56baa9e40614b7ecfde663a686203c54f6bc1ba5ca52517c5fe4125016"


def test_order_of_rows_and_photos_changes_nothing():
    dataset = replace(made(40), photos=tuple(LabelledPhoto(f"{i}.jpg", 1.0) for i in range(30)))
    shuffled = replace(
        dataset,
        series=tuple(
            replace(entry, photos=entry.photos[::-1]) for entry in random.Random(5).sample(dataset.series, 40)
        ),
        photos=dataset.photos[::-1],
    )

    first, second = split_dataset(dataset, seed=1), split_dataset(shuffled, seed=1)

    assert splits_of(first) == splits_of(second)
    assert split_hash(first) == split_hash(second)


def test_seeds_and_only_seeds_give_other_splits():
    dataset = made(100)

    assert splits_of(split_dataset(dataset, seed=1)) != splits_of(split_dataset(dataset, seed=2))
    scored = replace(dataset, series=tuple(replace(s, scores=(1.0, 2.0)) for s in dataset.series))
    assert splits_of(split_dataset(dataset, seed=1)) == splits_of(split_dataset(scored, seed=1))


def test_one_category_is_split_without_a_look_at_the_others():
    alone = split_dataset(made(50), seed=4)
    beside = split_dataset(
        replace(made(50), series=made(50).series + tuple(series(f"x{i}", category="aigc") for i in range(9))),
        seed=4,
    )

    assert splits_of(alone).items() <= splits_of(beside).items()


def test_series_of_one_group_stay_together():
    dataset = Dataset("m", "", tuple(series(f"s{i}", prompt=f"p{i % 30}") for i in range(120)))

    split = split_dataset(dataset, seed=2, group=lambda entry: entry.others["prompt"])

    parts = {}
    for entry in split.series:
        parts.setdefault(entry.others["prompt"], set()).add(entry.split)
    assert all(len(found) == 1 for found in parts.values())
    assert Counter(entry.split for entry in split.series)["train"] == 96


@settings(max_examples=150, deadline=None)
@given(
    members=st.lists(
        st.lists(st.integers(0, 12), min_size=1, max_size=3, unique=True), min_size=1, max_size=15
    ),
    rated=st.sets(st.integers(0, 12)),
    seed=st.integers(0, 1000),
)
def test_no_photo_is_ever_in_two_splits(members, rated, seed):
    dataset = Dataset(
        "m",
        "",
        tuple(series(f"s{i}", *(f"{p}.jpg" for p in photos)) for i, photos in enumerate(members)),
        tuple(LabelledPhoto(f"{p}.jpg", 1.0) for p in sorted(rated)),
    )

    split = split_dataset(dataset, {"train": 0.5, "val": 0.25, "test": 0.25}, seed=seed)

    where = {}
    for entry in split.series:
        for photo in entry.photos:
            where.setdefault(photo, set()).add(entry.split)
    for photo in split.photos:
        where.setdefault(photo.file, set()).add(photo.split)
    assert all(len(found) == 1 for found in where.values())
    assert len(split.series) == len(members) and len(split.photos) == len(rated)


@pytest.mark.parametrize(
    ("fractions", "message"),
    [
        ({"train": 0.8}, "fractions add up to 1, not 0.8"),
        ({"train": 1.2, "test": -0.2}, "fractions are positive and belong to train, val, test, not "),
        ({"train": 0.5, "dev": 0.5}, "fractions are positive and belong to train, val, test, not "),
    ],
)
def test_fractions_that_are_none_are_refused(fractions, message):
    with pytest.raises(ValueError, match=message):
        split_dataset(made(3), fractions)


def test_a_written_split_is_checked_and_applied_again(tmp_path):
    photos = tuple(LabelledPhoto(f"{i}.jpg", 1.0) for i in range(20))
    dataset = replace(made(30), photos=photos)
    split = split_dataset(dataset, seed=9)

    path = write_splits(split, str(tmp_path), seed=9)

    check_splits(split, path)
    assert apply_splits(dataset, path) == split
    document = json.loads((tmp_path / "splits.json").read_text("ascii"))
    assert (document["sha256"], document["seed"]) == (split_hash(split), 9)
    assert sum(document["counts"].values()) == 50


def test_whatever_changes_is_found_and_named(tmp_path):
    split = split_dataset(made(20), seed=9)
    path = write_splits(split, str(tmp_path))
    first = split.series[0]
    other = "val" if first.split != "val" else "test"
    cases = {
        "changed: 0000": (replace(first, split=other), *split.series[1:]),
        "changed: 0000 ": (replace(first, photos=("0000-1.jpg", "x.jpg")), *split.series[1:]),
        "gone: 0000": split.series[1:],
        "new: more": (*split.series, series("more", split="train")),
        "new: 0000x; gone: 0000": (replace(first, series="0000x"), *split.series[1:]),
    }

    for told, changed in cases.items():
        with pytest.raises(DatasetError) as caught:
            check_splits(replace(split, series=tuple(changed)), path)
        assert caught.value.message == (
            f"{path}: the data set is not split as it was when this was written ({told.strip()}); "
            "restore it, or write the splits anew if the change is meant"
        )
    with pytest.raises(DatasetError, match="series 'more' is not listed here; write the splits anew"):
        apply_splits(replace(split, series=cases["new: more"]), path)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"splits": 1, "rows": 3, "sha256": ""}', "{" * 100_000])
def test_a_file_that_is_no_list_of_splits_is_refused(tmp_path, text):
    (tmp_path / "splits.json").write_text(text)

    with pytest.raises(
        DatasetError, match=r"splits\.json: this is not a list of splits of ours; write the spl"
    ):
        check_splits(made(3), str(tmp_path / "splits.json"))


def test_a_file_that_was_edited_is_refused(tmp_path):
    split = split_dataset(made(20), seed=9)
    path = tmp_path / "splits.json"
    write_splits(split, str(tmp_path))
    path.write_text(path.read_text().replace('"train"\n', '"test"\n', 3))

    with pytest.raises(
        DatasetError, match="its hash does not fit its rows: it was edited; restore it, or write"
    ):
        check_splits(split, str(path))
