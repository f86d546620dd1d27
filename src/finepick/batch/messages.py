"""What a reader process is asked and what it answers: JSON heads with raw bytes behind them, no pickles."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import IO, Any

_LENGTHS = struct.Struct("<II")


@dataclass(frozen=True, slots=True)
class Request:
    """`verb` is "examine" (features and thumbnail), "examine for report" (and a preview), "preview" (a JPEG),
    "frame" (pixels), "view", "glance", or "study".

    `long_side` in pixels; `digest` is what the bytes must still be, or "" where they are seen first. A study is
    of the features in `blobs`, and the glances behind them if there are any, of photos with `digests`, by the scorer
    called `path`; `digest` is its key. A view is what `function` ("module:name") makes of the pixels, with
    `arguments`; a glance what it makes of the picture, and comes last where a photo is examined with a `function`.
    """

    verb: str
    path: str
    long_side: int
    digest: str = ""
    digests: tuple[str, ...] = ()
    blobs: tuple[bytes, ...] = field(default=(), repr=False)
    function: str = ""
    arguments: dict[str, Any] = field(default_factory=dict, hash=False)

    def head(self) -> dict[str, Any]:
        """All but the blobs, for `write_message`."""
        names = ("verb", "path", "long_side", "digest", "digests", "function", "arguments")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Reply:
    """`error` is the reason a person reads, or None; `facts` and `blobs` depend on the verb."""

    error: str | None
    facts: dict[str, Any]
    blobs: tuple[bytes, ...] = ()


def write_message(stream: IO[bytes], head: dict[str, Any], blobs: tuple[bytes, ...] = ()) -> None:
    """One message; the head is ASCII JSON, in which surrogate escapes survive."""
    text = json.dumps({**head, "sizes": [len(blob) for blob in blobs]}).encode("ascii")
    stream.write(_LENGTHS.pack(len(text), sum(map(len, blobs))))
    stream.write(text)
    for blob in blobs:
        stream.write(blob)
    stream.flush()


def read_message(stream: IO[bytes]) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    """The next message. Raises EOFError where the other side is gone."""
    head_length, body_length = _LENGTHS.unpack(_exactly(stream, _LENGTHS.size))
    head = json.loads(_exactly(stream, head_length))
    body = _exactly(stream, body_length)
    blobs, start = [], 0
    for size in head.pop("sizes"):
        blobs.append(body[start : start + size])
        start += size
    return head, tuple(blobs)


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) != count:
        raise EOFError
    return data
