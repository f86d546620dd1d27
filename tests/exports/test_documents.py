"""The JSON documents, against the contract's own words."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

import finepick
from finepick.domain import CoarseScore, ScoreResult, Skipped, Stage, Verdict
from finepick.errors import NothingReadableError
from finepick.exports.documents import (
    compare_document,
    error_document,
    pick_document,
    score_document,
    to_json,
)

from .results import DARKER, MODEL, SHARPER, kept_whole, noon, photo, ranked, result


def test_a_pick_document_says_what_the_contract_says():
    burst = ranked(
        photo("b.jpg", taken_at=noon()),
        photo("a.cr3", "a.jpg", camera="Canon R5 0042"),
        scores=(0.0, 1.0),
        coarse=(5.0, 6.1),
        why=((DARKER,), (SHARPER,)),
    )
    lost = Skipped("c.jpg", Stage.READ, "cut off in the middle")

    document = json.loads(to_json(pick_document(result(burst, skipped=(lost,), ignored=3))))

    p = 1 / (1 + np.exp(-1.0))
    assert document == {
        "finepick": finepick.__version__,
        "model": {"name": "measured", "version": "1", "fingerprint": "ab" * 32},
        "series": [
            {
                "id": "s0001",
                "kind": "burst",
                "too_close": False,
                "best": "a.cr3",
                "photos": [
                    {
                        "path": "a.cr3",
                        "companions": ["a.jpg"],
                        "rank": 1,
                        "score": 1.0,
                        "coarse": 6.1,
                        "p_best": pytest.approx(p),
                        "keep": True,
                        "reasons": [
                            {
                                "attribute": "sharpness",
                                "direction": "better",
                                "strength": 0.4,
                                "versus": "b.jpg",
                                "text": "Sharper than b.jpg.",
                            }
                        ],
                        "taken_at": None,
                        "width": 4000,
                        "height": 3000,
                        "camera": "Canon R5 0042",
                        "notes": [],
                    },
                    {
                        "path": "b.jpg",
                        "companions": [],
                        "rank": 2,
                        "score": 0.0,
                        "coarse": 5.0,
                        "p_best": pytest.approx(1 - p),
                        "keep": False,
                        "reasons": [
                            {
                                "attribute": "exposure",
                                "direction": "worse",
                                "strength": 0.2,
                                "versus": "a.jpg",
                                "text": "Darker than a.jpg.",
                            }
                        ],
                        "taken_at": "2024-06-01T12:00:00.250000",
                        "width": 4000,
                        "height": 3000,
                        "camera": None,
                        "notes": [],
                    },
                ],
            }
        ],
        "skipped": [{"path": "c.jpg", "stage": "read", "reason": "cut off in the middle"}],
        "counts": {"photos": 2, "series": 1, "skipped": 1, "ignored": 3},
    }
    assert list(document) == ["finepick", "model", "series", "skipped", "counts"]


def test_a_set_that_is_kept_whole_has_no_ranks_and_stays_in_order_of_capture():
    bracket = kept_whole(photo("z.jpg"), photo("a.jpg"), photo("m.jpg"))

    (series,) = pick_document(result(bracket))["series"]

    assert series["kind"] == "bracket" and series["best"] is None
    assert [shown["path"] for shown in series["photos"]] == ["z.jpg", "a.jpg", "m.jpg"]
    for shown in series["photos"]:
        assert (shown["rank"], shown["score"], shown["p_best"], shown["coarse"]) == (None,) * 4
        assert shown["keep"] is True


def test_a_coarse_score_that_the_model_lacks_is_null():
    (series,) = pick_document(result(ranked(photo("a.jpg"), scores=(0.5,))))["series"]

    assert series["photos"][0]["coarse"] is None
    assert series["photos"][0]["p_best"] == 1.0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_does_not_know_becomes_null(value):
    document = pick_document(result(ranked(photo("a.jpg"), scores=(1.0,), coarse=(value,))))

    assert json.loads(to_json(document))["series"][0]["photos"][0]["coarse"] is None


def test_any_file_name_survives_in_plain_ascii():
    names = [os.fsdecode(b"caf\xe9 \xff.jpg"), "new\nline.jpg", "🌅 été.jpg", '"quoted".jpg', "tab\t\x01.jpg"]
    series = ranked(*map(photo, names), scores=(5.0, 4.0, 3.0, 2.0, 1.0))

    text = to_json(pick_document(result(series)))

    assert text.isascii()
    shown = json.loads(text)["series"][0]["photos"]
    assert [os.fsencode(entry["path"]) for entry in shown] == [os.fsencode(name) for name in names]


def test_a_comparison_document_has_both_photos_the_winner_and_how_sure():
    verdict = Verdict("a.jpg", "b.jpg", "a", 0.8, (SHARPER,), MODEL)

    document = json.loads(to_json(compare_document(verdict)))

    assert list(document) == ["finepick", "model", "a", "b", "winner", "p_a", "reasons"]
    assert (document["a"], document["b"], document["winner"], document["p_a"]) == ("a.jpg", "b.jpg", "a", 0.8)
    assert document["reasons"][0]["text"] == "Sharper than b.jpg."


def test_a_score_document_keeps_the_order_in_which_photos_were_given():
    scores = ScoreResult((CoarseScore("z.jpg", 4.5), CoarseScore("a.jpg", None)), (), 2, MODEL)

    document = json.loads(to_json(score_document(scores)))

    assert document["photos"] == [{"path": "z.jpg", "coarse": 4.5}, {"path": "a.jpg", "coarse": None}]
    assert document["counts"] == {"photos": 2, "skipped": 0, "ignored": 2}


def test_an_error_document_names_kind_message_and_path():
    error = NothingReadableError("holiday has no photo that can be read", path="holiday")

    assert error_document(error) == {
        "finepick": finepick.__version__,
        "error": {
            "kind": "nothing_readable",
            "message": "holiday has no photo that can be read",
            "path": "holiday",
        },
    }


def test_a_document_shows_one_series_on_one_line():
    several = [ranked(photo(f"{n}.jpg"), scores=(1.0,), id=f"s{n:04}") for n in range(1, 4)]

    lines = to_json(pick_document(result(*several))).splitlines()

    assert [json.loads(line.rstrip(","))["id"] for line in lines if line.startswith(" {")] == [
        "s0001",
        "s0002",
        "s0003",
    ]


def test_a_number_that_is_not_finite_is_never_written_by_accident():
    with pytest.raises(ValueError, match="JSON"):
        to_json({"value": float("nan")})
