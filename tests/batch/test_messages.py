"""Messages between processes come out as they went in."""

import io
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finepick.batch.messages import metadata_from_json, metadata_to_json, read_message, write_message
from finepick.domain import Metadata


@given(st.dictionaries(st.text(st.characters(), max_size=5), st.text(st.characters(), max_size=20)), st.lists(st.binary(max_size=50)))
def test_any_head_and_any_blobs_survive(head: dict[str, str], blobs: list[bytes]) -> None:
    head.pop("sizes", None)
    stream = io.BytesIO()
    write_message(stream, head, tuple(blobs))
    stream.seek(0)

    assert read_message(stream) == (head, tuple(blobs))


def test_a_message_cut_short_is_an_end_of_file() -> None:
    stream = io.BytesIO()
    write_message(stream, {"a": 1}, (b"xyz",))
    for length in range(len(stream.getvalue())):
        with pytest.raises(EOFError):
            read_message(io.BytesIO(stream.getvalue()[:length]))


def test_metadata_survives_json() -> None:
    metadata = Metadata(
        "JPEG", 4000, 3000, taken_at=datetime(2026, 6, 1, 20, 15, 3, 250_000), iso=100.0, notes=("animated",), prompt="a \udcff b"
    )

    assert metadata_from_json(metadata_to_json(metadata)) == metadata


def test_names_of_a_later_version_are_left_out() -> None:
    assert metadata_from_json({"format": "PNG", "width": 3, "height": 2, "aura": "blue"}) == Metadata("PNG", 3, 2)
