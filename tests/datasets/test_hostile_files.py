"""Whatever bytes stand in a label file: it is read, or refused as a data set; nothing else is ever raised."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finepick.datasets.catalog import known_dataset
from finepick.datasets.manifest import read_manifest
from finepick.errors import DatasetError

from .made import lines
from .test_catalog import PUBLISHED

FILES = {name: (file, text, known_dataset(name).read) for name, (file, text) in PUBLISHED.items()} | {
    "series.jsonl": (
        "series.jsonl",
        lines(
            {
                "series": "s",
                "photos": ["a", "b"],
                "pairs": [{"a": 0, "b": 1, "p": 0.5, "n": 3}],
                "ranks": [1, 2],
            }
        ),
        read_manifest,
    ),
    "coarse.csv": ("coarse.csv", 'file,score,n,votes\n"a,b",1.5,3,1 2 3\n', read_manifest),
}
ODD_BYTES = [
    b"",
    b"\0",
    b"\xff",
    b'"',
    b",",
    b"\n",
    b"\r",
    b"-",
    b"1e999",
    b"nan",
    b"..",
    b"/",
    b"{",
    b"null",
    b"[]",
]


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_file_with_some_bytes_changed_is_read_or_refused(tmp_path_factory, name, data):
    file, text, read = FILES[name]
    content = text.encode()
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(len(content), start + 4)))
        content = (
            content[:start] + data.draw(st.sampled_from(ODD_BYTES) | st.binary(max_size=3)) + content[end:]
        )

    read_or_refused(tmp_path_factory.mktemp("set"), file, content, read)


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=25, deadline=None)
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(partial(str.encode, errors="replace")))
def test_a_file_of_any_bytes_is_read_or_refused(tmp_path_factory, name, content):
    file, _, read = FILES[name]

    read_or_refused(tmp_path_factory.mktemp("set"), file, content, read)


def read_or_refused(folder: Path, file: str, content: bytes, read) -> None:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    refusal = None
    try:
        dataset = read(str(folder))
    except DatasetError as error:
        refusal = error
    if refusal is not None:
        assert refusal.path and "; " in refusal.message
        return
    for name in [
        *(name for series in dataset.series for name in series.photos),
        *(p.file for p in dataset.photos),
    ]:
        assert not name.startswith("/") and ".." not in name.replace("\\", "/").split("/")
    assert all(0 <= pair.p <= 1 for series in dataset.series for pair in series.pairs)
