"""Messages between processes come out as they went in."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finepick.batch.messages import read_message, write_message


@given(
    st.dictionaries(st.text(st.characters(), max_size=5), st.text(st.characters(), max_size=20)),
    st.lists(st.binary(max_size=50)),
)
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
