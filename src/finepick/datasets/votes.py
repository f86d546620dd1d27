"""Votes from elsewhere, one comparison of two photos each: CSV, JSON, JSON lines, Label Studio's exports.

Columns (or keys), any of the names in a row:

| what | names |
|---|---|
| the two photos | `a`, `left`, `image_a`, `image1`, `left_image`, `first` … and `b`, `right`, … or `winner` and `loser` |
| who won | `winner`, `choice`, `outcome`, `selected`, `label`, `answer`, `preference`, `preferred`, `pw`: "a", "left", "first", "1", or the photo's name; "tie", "equal", "draw", "both", "none" or nothing for neither; "bad" for a pair that cannot be compared |
| optional | `series` (or `group`, `scene`, `set`), `annotator` (`user`, `worker`, `rater`), `n` (how many votes; `votes`, `count`, `weight`), `text` (`comment`, `reason`) |

Label Studio's JSON holds tasks with `data` and `annotations`, of which results of type `pairwise` are read;
its short JSON and its CSV are rows as above. Names may be paths or addresses; they are kept as they are.
"""  # noqa: E501

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from finepick.datasets.files import Place, lines_of, number_of, read_table, shown

_FIRST = ("a", "left", "image_a", "image1", "image_1", "left_image", "image_left", "photo_a", "photo1", "first",
          "img1", "option_a")  # fmt: skip
_SECOND = ("b", "right", "image_b", "image2", "image_2", "right_image", "image_right", "photo_b", "photo2", "second",
           "img2", "option_b")  # fmt: skip
_WINNER = (
    "winner",
    "choice",
    "outcome",
    "selected",
    "label",
    "answer",
    "preference",
    "preferred",
    "pairwise",
    "pw",
)
_SERIES = ("series", "group", "scene", "set", "prompt_id")
_PERSON = ("annotator", "user", "worker", "rater", "annotator_id", "worker_id", "user_id", "completed_by")
_WEIGHT = ("n", "votes", "count", "weight")
_TEXT = ("text", "comment", "reason")

_SAYS_FIRST = {"a", "left", "first", "1", "image_a", "image1", ">"}
_SAYS_SECOND = {"b", "right", "second", "2", "-1", "image_b", "image2", "<"}
_SAYS_TIE = {
    "",
    "tie",
    "equal",
    "draw",
    "both",
    "none",
    "neither",
    "same",
    "0",
    "0.5",
    "=",
    "null",
    "cannot tell",
}
_SAYS_BAD = {"bad", "skip", "skipped", "invalid", "broken"}


@dataclass(frozen=True, slots=True)
class Vote:
    """One answer: `outcome` is "first", "second", "tie" or "bad"; `first` was on the left where `sided`."""

    place: Place
    series: str
    first: str
    second: str
    outcome: str
    annotator: str
    weight: float = 1.0
    text: str = ""
    sided: bool = False


def read_votes(path: str, *, name: str | None = None) -> list[Vote]:
    """The votes in the file *path*. Raises DatasetError with the line, row or entry that is not understood.

    Without a column for the series all photos are one series, called *name* (else after the file); without one
    for the annotator all answers are of one person, called so, too.
    """
    name = name or os.path.splitext(os.path.basename(path))[0] or "votes"
    entries = _rows_of_json(path) if _is_json(path) else _rows_of_csv(path)
    votes = [_vote(place, entry, name) for place, entry in entries]
    if not votes:
        raise Place(path).error("there is not a single vote in this file", "give one comparison a row")
    return votes


def _is_json(path: str) -> bool:
    for _, text in lines_of(path):
        if text.strip():
            return text.lstrip()[0] in "[{"
    return False


def _rows_of_csv(path: str) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    table = read_table(path)
    _require(Place(path, 1), table.columns)
    for row in table.rows:
        yield row.place, {_key(name): cell for name, cell in row.cells.items()}


def _rows_of_json(path: str) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    for place, entry in _entries(path):
        if not isinstance(entry, Mapping):
            raise place.error("this is not a JSON object", "give an object for each comparison")
        if isinstance(entry.get("data"), Mapping) and isinstance(entry.get("annotations"), list):
            yield from _rows_of_label_studio(place, entry)
        else:
            row = {_key(str(key)): value for key, value in entry.items()}
            _require(place, row)
            yield place, row


def _entries(path: str) -> Iterator[tuple[Place, Any]]:
    lines = [(place, text) for place, text in lines_of(path) if text.strip()]
    try:
        whole = json.loads("\n".join(text for _, text in lines))
    except RecursionError as error:
        raise Place(path).error("this JSON is nested too deeply", "is it a list of votes?") from error
    except ValueError:
        for place, text in lines:
            try:
                yield place, json.loads(text)
            except ValueError as error:
                raise place.error(
                    "this is not JSON", "give a list of objects, or one object a line"
                ) from error
        return
    if isinstance(whole, Mapping) and isinstance(whole.get("votes"), list):
        whole = whole["votes"]
    for number, entry in enumerate(whole if isinstance(whole, list) else [whole], 1):
        yield Place(path, number, "entry"), entry


def _rows_of_label_studio(place: Place, task: Mapping[str, Any]) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    data = task["data"]
    for annotation in task["annotations"]:
        if not isinstance(annotation, Mapping) or annotation.get("was_cancelled"):
            continue
        for result in annotation.get("result") or ():
            if not isinstance(result, Mapping) or result.get("type") != "pairwise":
                continue
            first, second = _compared(place, data, result)
            value = result.get("value")
            yield (
                place,
                {
                    "a": first,
                    "b": second,
                    "winner": value.get("selected") if isinstance(value, Mapping) else None,
                    "annotator": _name_of_person(annotation.get("completed_by")),
                    "series": next(
                        (data[key] for key in _SERIES if isinstance(data.get(key), str | int)), None
                    ),
                    "sided": True,
                },
            )


def _compared(place: Place, data: Mapping[str, Any], result: Mapping[str, Any]) -> tuple[Any, Any]:
    """The two things that a result is about: called as the tags are, or left and right, or the only two."""
    named = result.get("to_name")
    names = named.split(",") if isinstance(named, str) else named if isinstance(named, list) else []
    texts = {key: value for key, value in data.items() if isinstance(value, str) and key not in _SERIES}
    for keys in ([str(name).strip() for name in names], ["left", "right"], list(texts)):
        if len(keys) == 2 and all(key in texts for key in keys):
            return texts[keys[0]], texts[keys[1]]
    raise place.error(
        f"it is not clear which of {', '.join(map(shown, data)) or 'no data'} were compared",
        "let the tags be called as the data are, or export as CSV with the columns a and b",
    )


def _name_of_person(value: Any) -> str | None:
    if isinstance(value, Mapping):
        value = value.get("email") or value.get("id")
    return None if value is None else str(value)


def _key(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _require(place: Place, columns: Iterable[str]) -> None:
    names = {_key(str(name)) for name in columns}
    has_pair = names & set(_FIRST) and names & set(_SECOND) and names & set(_WINNER)
    if not has_pair and not {"winner", "loser"} <= names:
        raise place.error(
            f"the columns {', '.join(sorted(map(shown, names))) or '(none)'} do not say who was compared and who won",
            "name them a, b and winner, or winner and loser",
        )


def _vote(place: Place, row: Mapping[str, Any], file: str) -> Vote:
    if "loser" in row and "winner" in row:
        first, second, outcome = _name(place, row["winner"]), _name(place, row["loser"]), "first"
    else:
        first, second = (_name(place, _one_of(row, names)) for names in (_FIRST, _SECOND))
        outcome = _outcome(place, _one_of(row, _WINNER), first, second)
    if first == second:
        raise place.error(f"'{shown(first)}' is compared with itself", "correct the row or take it out")
    weight = _text(_one_of(row, _WEIGHT))
    return Vote(
        place,
        series=_text(_one_of(row, _SERIES)) or file,
        first=first,
        second=second,
        outcome=outcome,
        annotator=_text(_one_of(row, _PERSON)) or file,
        weight=number_of(weight, "the number of votes", place, low=0) if weight else 1.0,
        text=_text(_one_of(row, _TEXT)),
        sided=bool(row.get("sided")) or any(key in row for key in ("left", "left_image", "image_left")),
    )


def _one_of(row: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((row[name] for name in names if name in row), None)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _name(place: Place, value: Any) -> str:
    text = _text(value)
    if not text or isinstance(value, list | Mapping):
        raise place.error(f"a photo is called {shown(value)!r}", "give its name, path or address")
    if "\0" in text:
        raise place.error("a photo's name holds a NUL", "no file is called so; correct it")
    return text


def _outcome(place: Place, value: Any, first: str, second: str) -> str:
    text = _text(value)
    # A photo's own name counts before a word: photos may well be called 1 and 2.
    if text in (first, second):
        return "first" if text == first else "second"
    word = text.lower()
    for words, outcome in (
        (_SAYS_FIRST, "first"), (_SAYS_SECOND, "second"), (_SAYS_TIE, "tie"), (_SAYS_BAD, "bad"),
    ):  # fmt: skip
        if word in words:
            return outcome
    raise place.error(
        f"the winner is '{shown(text)}'",
        "it has to be a, b, left, right, tie, bad, or the name of one of the two",
    )
