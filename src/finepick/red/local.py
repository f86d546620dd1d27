"""A multimodal model of `transformers` on this machine as a judge. Nothing is fetched, nothing is sent."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from typing import Any

from finepick.chat.budget import Cost
from finepick.chat.messages import PICTURE_SIDE
from finepick.errors import MissingExtraError, WeightsError, WeightsNotFoundError
from finepick.images.reading import read_photo
from finepick.red.judges import Judged, Showing, seed_of
from finepick.red.records import JudgeAnswer
from finepick.red.verdicts import judge_prompt, read_verdict

_MOST_TOKENS = 256
_MOST_KEPT_ANSWER = 300


class LocalJudge:
    """The model in *folder*, as `save_pretrained` writes it, with its processor; any that takes pictures and chats."""

    estimate = Cost()

    def __init__(self, folder: str, *, turns: int, device: str = "auto", tries: int = 2) -> None:
        """Raises MissingExtraError, WeightsNotFoundError, WeightsError."""
        self.turns = turns
        self._tries = tries
        self._processor, self._model = _loaded(folder, device)
        facts = f"{os.path.basename(os.path.abspath(folder))}#{_fingerprint(folder)}"
        self.name = f"local:{facts}"

    def ask(self, showings: Iterable[Showing]) -> Iterator[list[Judged]]:
        for one in showings:
            yield [self._judged(one)]

    def _judged(self, one: Showing) -> JudgeAnswer:
        pictures = [read_photo(path, long_side=PICTURE_SIDE).picture for path in (one.first, one.second)]
        trouble = ""
        for number in range(self._tries):
            content = self._said(pictures, seed_of(f"{self.name} {one.asked} {number}"))
            try:
                return JudgeAnswer(one.asked, self.name, read_verdict(content))
            except ValueError as error:
                trouble = f"{error}: {content[:_MOST_KEPT_ANSWER]}"
        return JudgeAnswer(one.asked, self.name, None, trouble)

    def _said(self, pictures: list[Any], seed: int) -> str:
        import torch

        prompt = self._processor.apply_chat_template(conversation(), add_generation_prompt=True)
        inputs = self._processor(text=prompt, images=pictures, return_tensors="pt").to(self._model.device)
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(seed)
            tokens = self._model.generate(**inputs, max_new_tokens=_MOST_TOKENS, do_sample=True)
        new = tokens[0, inputs["input_ids"].shape[1] :]
        return str(self._processor.decode(new, skip_special_tokens=True))


def conversation() -> list[dict[str, Any]]:
    """What a judge is asked, as chat templates take it; the pictures are handed over beside it."""
    parts = [("text", judge_prompt()), ("text", "A:"), ("image", ""), ("text", "B:"), ("image", "")]
    content = [{"type": kind, "text": words} if words else {"type": kind} for kind, words in parts]
    return [{"role": "user", "content": content}]


def _loaded(folder: str, device: str) -> tuple[Any, Any]:
    if not os.path.isfile(os.path.join(folder, "config.json")):
        raise WeightsNotFoundError(
            f"there is no model in '{folder}'; name the folder that holds its config.json and weights",
            path=folder,
        )
    try:
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtraError("A local model as a judge", extra="mllm") from error
    where = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    kept = torch.bfloat16 if where.startswith("cuda") else torch.float32
    processors: Any = transformers.AutoProcessor
    models: Any = transformers.AutoModelForImageTextToText
    try:
        processor = processors.from_pretrained(folder, local_files_only=True)
        model = models.from_pretrained(folder, dtype=kept, local_files_only=True)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, ImportError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise WeightsError(f"'{folder}' cannot be used as a judge: {said}", path=folder) from error
    return processor, model.to(where).eval()


def _fingerprint(folder: str) -> str:
    """Of prompt, configuration, and sizes and names of the weights: reading 140 GB to name them takes too long."""
    facts = [judge_prompt()]
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name.endswith(".json") and os.path.isfile(path):
            with open(path, encoding="utf-8") as file:
                facts.append(file.read())
        elif os.path.isfile(path):
            facts.append(f"{name} {os.path.getsize(path)}")
    return hashlib.sha256("\n".join(facts).encode("utf-8", "surrogateescape")).hexdigest()[:6]
