"""Sample answers as pages to read while a model learns: photos, what it said, what of that could be used."""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Sequence
from dataclasses import dataclass

from finepick.exports.writing import atomic_write, make_folder

FOLDER = "samples"
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem;
  color-scheme: light dark }
article { display: grid; grid-template-columns: minmax(10rem, 20rem) 1fr; gap: 0 1.5rem; margin: 0 0 2rem;
  border-top: 1px solid #8886; padding-top: 1rem }
img { max-width: 100%; max-height: 18rem; display: block; margin-bottom: .5rem }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; font: inherit }
dl { margin: 0 } dt { opacity: .65; font-size: .85em } dd { margin: 0 0 .8rem } .unusable { color: #c33 }
@media (max-width: 40rem) { article { grid-template-columns: 1fr } }
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """pictures: JPEGs that were shown. answer: as it came. wanted: what was to be said, or "".

    reading: what was read from the answer. is_usable: whether anything was.
    """

    pictures: tuple[bytes, ...]
    answer: str
    wanted: str
    reading: str
    is_usable: bool


def write_samples(run: str, stage: str, step: int, samples: Sequence[Sample]) -> str:
    """Write the page of *stage* after *step* steps into the folder *run*, and a list of all pages; its path.

    Raises OutputError.
    """
    folder = os.path.join(run, FOLDER)
    make_folder(folder)
    name = f"{stage}-{step:06d}.html"
    path = os.path.join(folder, name)
    body = "".join(map(_article, samples))
    _write(path, f"{stage}, step {step:,}", f'<p><a href="index.html">All samples</a></p>{body}')
    pages = sorted(one for one in os.listdir(folder) if one.endswith(".html") and one != "index.html")
    links = "".join(f'<li><a href="{html.escape(one)}">{html.escape(one[:-5])}</a></li>' for one in pages)
    _write(os.path.join(folder, "index.html"), "Sample answers", f"<ul>{links}</ul>")
    return path


def _write(path: str, title: str, body: str) -> None:
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{html.escape(title)}</h1>{body}</body></html>"
    )
    atomic_write(path, page.encode("utf-8", "replace"))


def _article(sample: Sample) -> str:
    shown = "".join(
        f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(picture).decode()}">'
        for picture in sample.pictures
    )
    told = [
        ("it says", sample.answer, ""),
        ("which is read as", sample.reading, "" if sample.is_usable else ' class="unusable"'),
        ("it was to say", sample.wanted, ""),
    ]
    rows = "".join(
        f"<dt>{title}</dt><dd{mark}><pre>{html.escape(text)}</pre></dd>" for title, text, mark in told if text
    )
    return f"<article><div>{shown}</div><dl>{rows}</dl></article>"
