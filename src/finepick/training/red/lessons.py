"""What each stage is given: questions with pictures, and what to answer or how answers are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import datasets
from finepick.datasets.judged_pairs import JudgedPair
from finepick.scorers.red_aes.answers import rating_text, verdict_text
from finepick.scorers.red_aes.prompts import compare_prompt, rate_prompt
from finepick.training.red.pairs import bootstrapped_ratings, thought_alone, thought_on, turned

Row = dict[str, Any]

_SAID = datasets.List({"role": datasets.Value("string"), "content": datasets.Value("string")})
_KINDS = {
    "prompt": _SAID,
    "completion": _SAID,
    "images": datasets.List(datasets.Image()),
    "photo": datasets.Value("int64"),
    "partner": datasets.Value("int64"),
    "difference": datasets.Value("float64"),
}


def see_rows(pairs: Sequence[JudgedPair]) -> list[Row]:
    """Stage 1, *see the difference*: both orders of every pair, so that no place is the better one."""
    return [
        _answered(compare_prompt(), [one.a, one.b], verdict_text(thought_on(one), one.difference))
        for pair in pairs
        for one in (pair, turned(pair))
    ]


def rate_rows(pairs: Sequence[JudgedPair]) -> list[Row]:
    """Stage 2, *rate one*: every picture alone."""
    with_picture: dict[str, list[JudgedPair]] = {}
    for pair in pairs:
        with_picture.setdefault(pair.a, []).append(pair)
        with_picture.setdefault(pair.b, []).append(pair)
    return [
        _answered(
            rate_prompt(), [picture], rating_text(thought_alone(picture, with_picture[picture]), rating)
        )
        for picture, rating in bootstrapped_ratings(pairs).items()
    ]


def agree_rows(pairs: Sequence[JudgedPair]) -> list[Row]:
    """Stage 3, *stay consistent*: rows 2k and 2k + 1 are partners, each picture asked about alone."""
    number = {picture: n for n, picture in enumerate(sorted({p for one in pairs for p in (one.a, one.b)}))}
    return [
        {
            "prompt": _said("user", rate_prompt()),
            "images": [one.a],
            "photo": number[one.a],
            "partner": number[one.b],
            "difference": one.difference,
        }
        for pair in pairs
        for one in (pair, turned(pair))
    ]


def lesson_of(rows: Sequence[Row], files: Mapping[str, str]) -> datasets.Dataset:
    """*rows* as a data set that TRL takes; *files* are the shown pictures by path, opened when they are needed."""
    columns: Row = {name: [row[name] for row in rows] for name in rows[0]}
    columns["images"] = [[files[path] for path in row["images"]] for row in rows]
    return datasets.Dataset.from_dict(columns, datasets.Features({name: _KINDS[name] for name in columns}))


def _answered(prompt: str, pictures: list[str], answer: str) -> Row:
    return {"prompt": _said("user", prompt), "completion": _said("assistant", answer), "images": pictures}


def _said(role: str, text: str) -> list[dict[str, str]]:
    return [{"role": role, "content": text}]
