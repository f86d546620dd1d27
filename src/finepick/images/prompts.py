"""The prompt that a generated picture carries, the same text for all variants of one prompt."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def find_prompt(
    texts: Mapping[str, str],
    *,
    comment: bytes | None = None,
    exif_texts: Sequence[str] = (),
    limit: int = 16 << 20,
) -> str | None:
    """The positive prompt, blanks evened out; None where no generator left one.

    Args:
        texts: PNG texts by key.
        comment: EXIF's UserComment, with its eight bytes that name the character code.
        exif_texts: other EXIF texts in which generators hide their graphs.
        limit: longer texts are not looked at.
    """
    readable = {key: text for key, text in texts.items() if 0 < len(text) <= limit}
    for prompt in _candidates(readable, _decode_comment(comment), exif_texts):
        normalised = " ".join((prompt or "").split())
        if normalised:
            return normalised
    return None


def _candidates(texts: Mapping[str, str], comment: str, exif_texts: Sequence[str]) -> Iterable[str | None]:
    yield _from_json_parameters(texts.get("parameters", ""))
    yield _from_parameters(texts.get("parameters", ""), is_certain=True)
    yield _from_comfyui(texts.get("prompt", ""))
    yield _from_invokeai(texts)
    if "NovelAI" in texts.get("Software", ""):
        yield _from_novelai(texts)
    for text in (comment, *exif_texts):
        if not text:
            continue
        stripped = text.lstrip()
        if stripped[:7].lower() == "prompt:":
            yield _from_comfyui(stripped[7:])
        elif stripped.startswith("{"):
            yield _from_comfyui(stripped)
        else:
            yield _from_parameters(text, is_certain=False)


def _decode_comment(comment: bytes | None) -> str:
    """EXIF's UserComment; for Unicode the byte order is not said, so the one with more plain text wins."""
    if not comment:
        return ""
    code, text = comment[:8], comment[8:]
    if code.startswith(b"UNICODE"):
        if text.startswith((b"\xff\xfe", b"\xfe\xff")):
            return text.decode("utf-16", "replace").rstrip("\0")
        if b"\0" not in text:  # some write UTF-8 here
            return text.decode("utf-8", "replace")
        even, odd = text[::2].count(0), text[1::2].count(0)
        return text.decode("utf-16-be" if even >= odd else "utf-16-le", "replace").rstrip("\0")
    if code.startswith(b"ASCII") or code == bytes(8):
        return text.decode("utf-8", "replace").strip("\0 ")
    return comment.decode("utf-8", "replace").strip("\0 ")


_PARAMETER_LINE = re.compile(r"^\s*(Steps: \d+|Sampler: |Seed: \d+|CFG scale: |Model: |Size: \d+x\d+)")


def _from_parameters(text: str, *, is_certain: bool) -> str | None:
    """Automatic1111 and Forge: the prompt, then "Negative prompt: …", then a line "Steps: …, Sampler: …"."""
    if not text:
        return None
    lines = text.replace("\r\n", "\n").split("\n")
    end = len(lines)
    is_ours = is_certain
    for index, line in enumerate(lines):
        if line.startswith("Negative prompt:") or _PARAMETER_LINE.match(line):
            end, is_ours = index, True
            break
    return "\n".join(lines[:end]) if is_ours else None


def _from_json_parameters(text: str) -> str | None:
    """Fooocus and SwarmUI put JSON where Automatic1111 writes plain text."""
    found = _load(text) if text.lstrip().startswith("{") else None
    if isinstance(found, dict):
        found = found.get("sui_image_params", found)
    prompt = found.get("prompt") if isinstance(found, dict) else None
    return prompt if isinstance(prompt, str) else None


def _load(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _from_comfyui(text: str) -> str | None:
    """ComfyUI's graph: what flows into the samplers' "positive" inputs, the texts on the way, each once."""
    graph = _load(text) if text.lstrip().startswith("{") else None
    if not isinstance(graph, dict):
        return None
    nested = graph.get("prompt")
    if isinstance(nested, dict):
        graph = nested
    nodes = {str(key): node for key, node in graph.items() if isinstance(node, dict)}
    found: list[str] = []
    for key in sorted(nodes, key=_node_order):
        inputs = _inputs(nodes[key])
        if "positive" in inputs and "Sampler" in str(nodes[key].get("class_type", "")):
            found += _texts_behind(nodes, inputs["positive"], {key})
    if not found:  # newer samplers take a guider, which takes the conditioning
        for key in sorted(nodes, key=_node_order):
            inputs = _inputs(nodes[key])
            if "Guider" in str(nodes[key].get("class_type", "")):
                found += _texts_behind(nodes, inputs.get("conditioning", inputs.get("positive")), {key})
    return "\n".join(dict.fromkeys(found)) or None


def _node_order(key: str) -> tuple[int, str]:
    return (int(key), "") if key.isascii() and key.isdigit() and len(key) < 18 else (1 << 60, key)


def _inputs(node: Mapping[str, Any]) -> Mapping[str, Any]:
    inputs = node.get("inputs")
    return inputs if isinstance(inputs, dict) else {}


_NUMBERED_TEXT = re.compile(r"(text|string)_?[a-f\d]\d?")
_TEXT_INPUTS = ("text", "text_g", "text_l", "t5xxl", "clip_l", "prompt", "string", "value", "wildcard_text")


def _texts_behind(nodes: Mapping[str, Mapping[str, Any]], value: Any, seen: set[str]) -> list[str]:
    """Texts found by following links backwards from *value*; circles end, a node counts once."""
    pending, found = [value], []
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            if value.strip():
                found.append(value)
            continue
        key = str(value[0]) if isinstance(value, list) and len(value) == 2 else None
        if key is None or key in seen or key not in nodes:
            continue
        seen.add(key)
        inputs = _inputs(nodes[key])
        texts = [inputs[name] for name in _TEXT_INPUTS if name in inputs]
        texts += [inputs[name] for name in sorted(inputs) if _NUMBERED_TEXT.fullmatch(name)]
        links = [inputs[name] for name in sorted(inputs) if name.startswith(("conditioning", "positive"))]
        pending.extend(reversed(texts or links))
    return found


def _from_invokeai(texts: Mapping[str, str]) -> str | None:
    current = _load(texts.get("invokeai_metadata", ""))
    if isinstance(current, dict) and isinstance(current.get("positive_prompt"), str):
        return str(current["positive_prompt"])
    older = _load(texts.get("sd-metadata", ""))
    if isinstance(older, dict) and isinstance(older.get("image"), dict):
        prompt = older["image"].get("prompt")
        if isinstance(prompt, list):
            parts = [part.get("prompt") for part in prompt if isinstance(part, dict)]
            prompt = " ".join(part for part in parts if isinstance(part, str))
        if isinstance(prompt, str) and prompt.strip():
            return _without_negatives(prompt)
    dream = re.match(r'\s*"((?:[^"\\]|\\.)*)"', texts.get("Dream", ""))
    return _without_negatives(dream.group(1)) if dream else None


def _without_negatives(prompt: str) -> str:
    """InvokeAI once wrote what it should avoid in square brackets."""
    return re.sub(r"\[[^\[\]]*\]", " ", prompt)


def _from_novelai(texts: Mapping[str, str]) -> str | None:
    comment = _load(texts.get("Comment", ""))
    if isinstance(comment, dict) and isinstance(comment.get("prompt"), str):
        return str(comment["prompt"])
    return texts.get("Description")
