"""A model of a folder, run here with transformers; samples are drawn so that each is the same on every run."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from PIL import Image

try:
    import torch
    from torch import Tensor
    from transformers import LogitsProcessor, LogitsProcessorList
except ImportError as error:
    from finepick.errors import MissingExtraError

    raise MissingExtraError("running a multimodal language model", extra="mllm") from error

from finepick.scorers.fgaesq.torch_runner import find_device, has_fast_bf16
from finepick.scorers.red_aes.asking import Question
from finepick.scorers.red_aes.model_folder import LoadedModel, load_model_folder
from finepick.scorers.red_aes.prompts import conversation
from finepick.scorers.red_aes.weight_folders import digest_of_folder


@dataclass(frozen=True, slots=True)
class Sampling:
    """temperature: 1 is the model's own odds, 0 its likeliest word. most_tokens: of an answer."""

    temperature: float = 1.0
    most_tokens: int = 512


class LocalAsker:
    """The model in *folder* on *device*, loaded when it is first asked."""

    ahead = 1

    def __init__(self, folder: str, sampling: Sampling, *, device: str = "auto") -> None:
        """Raises ScorerError, UsageError where there is no such device."""
        self._folder, self._sampling = folder, sampling
        self._device = find_device(device)

    @cached_property
    def fingerprint(self) -> str:
        facts = f"{digest_of_folder(self._folder)} {self._sampling}"
        return hashlib.sha256(facts.encode()).hexdigest()

    def ask(self, question: Question, numbers: Sequence[int]) -> list[Callable[[], str]]:
        answers = sample_answers(
            self._model,
            question.prompt,
            question.pictures,
            seeds=[question.seed(number) for number in numbers],
            sampling=self._sampling,
        )
        return [partial(str, answer) for answer in answers]

    def rest(self) -> None:
        """Nothing to do: a model that was loaded stays."""

    @cached_property
    def _model(self) -> LoadedModel:
        dtype = (
            torch.bfloat16 if self._device.type == "cuda" and has_fast_bf16(self._device) else torch.float32
        )
        loaded = load_model_folder(self._folder, dtype=dtype)
        loaded.network.to(self._device).eval()
        return loaded


@torch.no_grad()
def sample_answers(
    model: LoadedModel,
    prompt: str,
    pictures: Sequence[bytes],
    *,
    seeds: Sequence[int],
    sampling: Sampling,
) -> list[str]:
    """One answer for each of *seeds* to *prompt* on *pictures* (JPEGs), without what ends them.

    Each sample has a source of chance of its own and adds Gumbel noise to the log odds (Gumbel-max: the
    likeliest word is then a draw), so that it depends neither on the others nor on any global state.
    """
    if not seeds:
        return []
    shown = [Image.open(io.BytesIO(picture)).convert("RGB") for picture in pictures]
    processor, network = model.processor, model.network
    text = processor.apply_chat_template(
        conversation(prompt, len(shown)), add_generation_prompt=True, tokenize=False
    )
    inputs = processor(
        images=[shown] * len(seeds), text=[text] * len(seeds), return_tensors="pt", add_special_tokens=False
    ).to(network.device, network.dtype)
    noise = LogitsProcessorList([_OwnChance(seeds, sampling.temperature, network.device)])
    written = network.generate(
        **inputs,
        max_new_tokens=sampling.most_tokens,
        do_sample=False,
        num_beams=1,
        temperature=None,
        top_p=None,
        top_k=None,
        logits_processor=noise,
        suppress_tokens=[network.config.image_token_id],
        pad_token_id=processor.tokenizer.pad_token_id,
    )
    answers: list[str] = processor.batch_decode(
        written[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True
    )
    return answers


class _OwnChance(LogitsProcessor):
    def __init__(self, seeds: Sequence[int], temperature: float, device: torch.device) -> None:
        self._temperature = temperature
        self._chances = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if self._temperature == 0:
            return scores
        draws = [
            torch.empty(scores.shape[1], device=scores.device).exponential_(generator=chance)
            for chance in self._chances
        ]
        return scores / self._temperature - torch.log(torch.stack(draws))
