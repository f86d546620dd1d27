"""The page around the pictures: its sources put into one document that runs without any request."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

SCRIPTS = (
    "data.js",
    "words.js",
    "pictures.js",
    "choices.js",
    "gallery.js",
    "panes.js",
    "viewer.js",
    "page.js",
)
"""ES modules in the order of their imports; a module may import from those before it only."""

_MODULE_SYNTAX = re.compile(
    r"^(?:import\b[^;]*;\n|export (?=(?:const|let|function|async|class) ))", re.MULTILINE
)
_PLACE = re.compile(r"\{\{(\w+)\}\}")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Page:
    """The page's text before the thumbnails, between thumbnails and previews, and after the previews."""

    head: str
    middle: str
    tail: str


def assemble_page(document: Mapping[str, Any], *, title: str) -> Page:
    """The page for a document of `pick`, without its pictures.

    Scripts and styles stand in it as they are and are allowed by their hash alone. Raises ValueError where
    the document holds a number that JSON has no spelling for.
    """
    style, script = _source("page.css"), _joined_scripts()
    values = {
        "policy": html.escape(_policy(style, script)),
        "title": html.escape(displayable(title)),
        "style": style,
        "script": script,
        "document": inert_json(
            {"report": {"id": _report_id(document), "title": displayable(title)}, "document": document}
        ),
    }
    # split first, fill after: a file name may well look like a marker
    head, middle, tail = re.split(r"\{#thumbnails#\}|\{#previews#\}", _source("page.html"))
    return Page(*(_PLACE.sub(lambda found: values[found[1]], part) for part in (head, middle, tail)))


def inert_json(value: Any) -> str:
    """JSON in ASCII that cannot end the script element it stands in."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).replace(
        "<", "\\u003c"
    )


def displayable(text: str) -> str:
    """Text that can be written as UTF-8: surrogates, as in names that are not UTF-8, become U+FFFD."""
    return _LONE_SURROGATE.sub("\ufffd", text)


def _source(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _joined_scripts() -> str:
    """All modules as one: inline modules cannot import each other, and a page opened as a file loads none."""
    return "\n".join(_MODULE_SYNTAX.sub("", _source(name)) for name in SCRIPTS)


def _policy(style: str, script: str) -> str:
    # file: and 'self' are for the folder of previews beside the page; nothing else can be asked for
    return (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data: blob: file: 'self'; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'; require-trusted-types-for 'script'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _report_id(document: Mapping[str, Any]) -> str:
    """The same for the same photos, however they were judged: what a person marked outlives a second run."""
    paths = sorted(photo["path"] for series in document["series"] for photo in series["photos"])
    return hashlib.sha256(json.dumps(paths).encode()).hexdigest()[:16]
