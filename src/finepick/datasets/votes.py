"""Votes from elsewhere, one comparison of two photos each: CSV, JSON, JSON lines, Label Studio's exports.

Columns (or keys), any of the names in a row:

| what | names |
|---|---|
| the two photos | `a`, `left`, `image_a`, `image1`, `left_image`, `first` … and `b`, `right`, … or `winner` and `loser` |
| who won | `winner`, `choice`, `outcome`, `selected`, `label`, `answer`, `preference`, `preferred`, `pw`: "a", "left", "first", "1", or the photo's name; "tie", "equal", "draw", "both", "none" or nothing for neither; "bad" for a pair that cannot be compared |
| optional | `series` (or `group`, `scene`, `set`), `annotator` (`user`, `worker`, `rater`), `n` (how many votes; `votes`, `count`, `weight`), `text` (`comment`, `reason`) |

Label Studio's JSON holds tasks with `data` and `annotations`, of which results of type `pairwise` are read. Rows of
its JSON-MIN, CSV and TSV are known by their `annotation_id`; what was chosen stands, as a list of one
`{"selected": "left"}` (in a table: as JSON), under the name of the tag. None of the three says which photo stood where,
so that has to be plain from the names of the data: image1 and image2, left_url and right_url … Names of photos may be
paths or addresses; they are kept as they are.
"""  # noqa: E501

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
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

_EXPORTED_ROW = "annotation_id"
_SIDES = (("left", "right"), ("first", "second"), ("a", "b"), ("1", "2"), ("01", "02"), ("0", "1"))
_WORD = re.compile(r"[a-z]+|\d+")


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
    header = next((text for _, text in lines_of(path) if text.strip()), "")
    table = read_table(path, separator="\t" if "\t" in header else ",")
    if _EXPORTED_ROW not in map(_key, table.columns):
        _require(Place(path, 1), table.columns)
    for row in table.rows:
        yield from _row(row.place, row.cells)


def _rows_of_json(path: str) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    for place, entry in _entries(path):
        if not isinstance(entry, Mapping):
            raise place.error("this is not a JSON object", "give an object for each comparison")
        if isinstance(entry.get("data"), Mapping) and _annotations(entry) is not None:
            yield from _rows_of_task(place, entry)
        else:
            yield from _row(place, entry)


def _row(place: Place, cells: Mapping[str, Any]) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    """A row as it is; of Label Studio's, what it says, and none where nobody has answered or it was skipped."""
    row = {_key(str(name)): cell for name, cell in cells.items()}
    if _EXPORTED_ROW not in row or (row.keys() & set(_WINNER) and not any(map(_selected, row.values()))):
        _require(place, row)
        yield place, row
        return
    selected = [name for name, cell in row.items() if _selected(cell)]
    if len(selected) > 1:
        raise place.error(
            f"it compares twice, in {' and in '.join(map(shown, selected))}", "take one of them out"
        )
    if selected and _text(row.get("was_cancelled")).lower() not in ("true", "1"):
        yield place, _chosen(place, row, (), _selected(row[selected[0]]), row.get("annotator"))


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


def _annotations(task: Mapping[str, Any]) -> list[Any] | None:
    """Of a task; "completions" in exports of old."""
    found = task.get("annotations", task.get("completions"))
    return found if isinstance(found, list) else None


def _rows_of_task(place: Place, task: Mapping[str, Any]) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    for annotation in _annotations(task) or ():
        if (
            not isinstance(annotation, Mapping)
            or annotation.get("was_cancelled")
            or annotation.get("skipped")
        ):
            continue
        for result in annotation.get("result") or ():
            if not isinstance(result, Mapping) or result.get("type") != "pairwise":
                continue
            value = result.get("value")
            selected = value.get("selected") if isinstance(value, Mapping) else None
            person = _name_of_person(annotation.get("completed_by"))
            yield place, _chosen(place, task["data"], _tags_of(result), selected, person)


def _tags_of(result: Mapping[str, Any]) -> list[str]:
    """What a result says that it is about; what people click says the name of the tag itself, which tells nothing."""
    named = result.get("to_name")
    names = named.split(",") if isinstance(named, str) else named if isinstance(named, list) else []
    return [str(name).strip() for name in names]


def _chosen(
    place: Place, data: Mapping[str, Any], tags: Sequence[str], selected: Any, person: Any
) -> dict[str, Any]:
    first, second = _compared(place, data, tags)
    series = next((data[key] for key in _SERIES if isinstance(data.get(key), str | int)), None)
    return {
        "a": first, "b": second, "winner": selected, "annotator": person, "series": series, "sided": True,
    }  # fmt: skip


def _compared(place: Place, data: Mapping[str, Any], tags: Sequence[str]) -> tuple[str, str]:
    """The left and the right thing: called as the *tags* are, else the only two whose names say left and right."""
    texts = {
        str(key): value for key, value in data.items() if isinstance(value, str) and _selected(value) is None
    }
    if len(tags) == 2 and all(tag in texts for tag in tags):
        return texts[tags[0]], texts[tags[1]]
    known = [
        (first, second)
        for first, second in zip(_FIRST, _SECOND, strict=True)
        if {first, second} <= texts.keys()
    ]
    sided = known or [pair for pair in permutations(texts, 2) if _is_left_and_right(*pair)]
    if len(sided) == 1:
        return texts[sided[0][0]], texts[sided[0][1]]
    raise place.error(
        f"it is not clear which of {', '.join(map(shown, data)) or 'no data'} was left and which right",
        "call the data left and right, or image1 and image2, in the export or before it",
    )


def _is_left_and_right(one: str, other: str) -> bool:
    """Whether two names are the same but for one word, which says left in *one* and right in *other*."""
    words, others = _WORD.findall(one.lower()), _WORD.findall(other.lower())
    apart = [pair for pair in zip(words, others, strict=False) if pair[0] != pair[1]]
    return len(words) == len(others) and len(apart) == 1 and apart[0] in _SIDES


def _selected(cell: Any) -> str | None:
    """What was chosen, where *cell* is what Label Studio makes of an answer to Pairwise in a row; else None."""
    if isinstance(cell, str) and cell.startswith("[{") and '"selected"' in cell:
        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError):
            return None
    if not isinstance(cell, list) or len(cell) != 1 or not isinstance(cell[0], Mapping):
        return None
    selected = cell[0].get("selected")
    return selected if isinstance(selected, str) else None


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
        said = _one_of(row, _WINNER)
        outcome = _outcome(place, _selected(said) or said, first, second)
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
