"""AGIQA-3K as published: `data.csv` with the photos beside it; pictures of one prompt are a series.

Known from the published table: columns name, prompt, adj1, adj2, style, mos_quality, std_quality, mos_align,
std_align; names end in the prompt's number (`AttnGAN_normal_000.jpg`); means lie on a scale from 0 to 5.
Paper: Li et al., "AGIQA-3K: An open database for AI-generated image quality assessment", TCSVT 2023.
"""

from __future__ import annotations

import os
import re

from finepick.datasets.checks import remarks_on_series
from finepick.datasets.files import Place, Row, photo_name, read_table, shown
from finepick.datasets.photo_index import PhotoIndex, find_label_files
from finepick.datasets.records import Dataset, LabelledSeries, Remark

LABEL_FILES = re.compile(r"data\.csv")
COLUMNS = ("name", "prompt", "mos_quality", "std_quality", "mos_align", "std_align")
_TEXTS = ("adj1", "adj2", "style")
_SCALE = (0.0, 5.0)


def has_agiqa(folder: str) -> bool:
    """Whether *folder* holds a `data.csv` with the columns of AGIQA-3K. Raises DatasetError."""
    found = find_label_files(folder, LABEL_FILES, depth=1)
    return bool(found) and set(COLUMNS) <= set(read_table(found["data.csv"]).columns)


def read_agiqa(folder: str) -> Dataset:
    """AGIQA-3K in *folder*: scores are means of quality, those of alignment are kept beside. Raises DatasetError."""
    found = find_label_files(folder, LABEL_FILES, depth=1)
    if not found:
        raise Place(folder).error("there are no label files of AGIQA-3K here", "expected data.csv")
    table = read_table(found["data.csv"])
    if missing := [column for column in COLUMNS if column not in table.columns]:
        raise Place(table.path, 1).error(
            f"there is no column {' and no column '.join(missing)}",
            f"expected {', '.join(COLUMNS)}; adj1, adj2 and style are read where they are there",
        )
    remarks: list[Remark] = []
    prompts: dict[str, list[Row]] = {}
    seen: dict[str, Place] = {}
    for row in table.rows:
        name = photo_name(row.text("name"), row.place)
        if name in seen:
            raise row.place.error(
                f"'{shown(name)}' is rated twice (first at {seen[name]})", "keep one of the rows"
            )
        seen[name] = row.place
        prompts.setdefault(row.text("prompt"), []).append(row)
    index = PhotoIndex(folder)
    series: list[LabelledSeries] = []
    ids: set[str] = set()
    for rows in prompts.values():
        entry = _series(_id(rows, len(series), ids), rows, index)
        ids.add(entry.series)
        remarks.extend(remarks_on_series(entry, rows[0].place))
        series.append(entry)
    return Dataset("agiqa-3k", folder, tuple(series), remarks=(*remarks, *index.remarks))


def _id(rows: list[Row], number: int, taken: set[str]) -> str:
    """The number that the names of one prompt's pictures end in, else the prompt's place in the table."""
    ends = {os.path.splitext(row.text("name"))[0].rpartition("_")[2] for row in rows}
    name = f"p{ends.pop()}" if len(ends) == 1 else ""
    if re.fullmatch(r"p\d+", name, re.ASCII) and name not in taken:
        return name
    return f"row{number:03d}"


def _series(name: str, rows: list[Row], index: PhotoIndex) -> LabelledSeries:
    others: dict[str, object] = {
        "prompt": rows[0].text("prompt"),
        "score_kind": "MOS of quality",
        "score_sd": [row.number_or_none("std_quality", low=0) for row in rows],
        "align": [row.number_or_none("mos_align") for row in rows],
        "align_sd": [row.number_or_none("std_align", low=0) for row in rows],
    }
    others |= {column: [row.text(column) for row in rows] for column in _TEXTS if column in rows[0].cells}
    return LabelledSeries(
        series=name,
        photos=tuple(index.find(row.text("name"), row.place) for row in rows),
        scores=tuple(row.number("mos_quality") for row in rows),
        scale=_SCALE,
        category="aigc",
        others=others,
    )
