"""Settings for three sizes of machine, and for a tiny model from scratch on two cores."""

from __future__ import annotations

from dataclasses import dataclass

from finepick.scorers.red_aes.pictures import PIXELS

STAGES = ("see", "rate", "agree")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to teach. Learning rates are highest ones: they rise over the first `warm_up` of all steps, then fall.

    lora_rank: of the adapters that are taught in place of the model; 0 = the whole model. freeze_vision: leave
    the vision tower as it is. portion: sequences that go through a device at once. sft_batch: answers a step and
    device. answers: K, for each photo. pairs_at_once: pairs of photos a step and device in stage 3.
    tau: of the target g = Φ(d/τ); None: 1, ½ or 0. kl: β. clip_low, clip_high: of the policy's ratio.
    checkpoint_steps: steps between checkpoints. sample_photos: how many sample answers are shown at each.
    """

    see_rate: float = 1e-5
    rate_rate: float = 1e-5
    agree_rate: float = 1e-6
    see_epochs: float = 1.0
    rate_epochs: float = 1.0
    agree_passes: int = 1
    warm_up: float = 0.03
    lora_rank: int = 0
    freeze_vision: bool = True
    portion: int = 4
    sft_batch: int = 32
    answers: int = 8
    pairs_at_once: int = 4
    tau: float | None = 0.5
    kl: float = 0.02
    clip_low: float = 0.2
    clip_high: float = 0.28
    temperature: float = 1.0
    most_tokens: int = 512
    pixels: int = PIXELS
    bf16: bool = True
    checkpoint_activations: bool = True
    checkpoint_steps: int = 100
    sample_photos: int = 4
    seed: int = 0


TINY = Recipe(
    see_rate=3e-3,
    rate_rate=3e-3,
    agree_rate=3e-4,
    see_epochs=10,
    rate_epochs=20,
    agree_passes=4,
    freeze_vision=False,
    portion=16,
    sft_batch=16,
    answers=8,
    pairs_at_once=2,
    kl=0.0,
    most_tokens=96,
    pixels=4096,
    bf16=False,
    checkpoint_activations=False,
    checkpoint_steps=50,
)
"""A model of .4 million weights that knows nothing: shows that all parts work, not that it has taste."""

ONE_24GB = Recipe(
    see_rate=1e-4,
    rate_rate=1e-4,
    agree_rate=1e-5,
    lora_rank=32,
    portion=1,
    sft_batch=16,
    answers=4,
    pairs_at_once=2,
    most_tokens=256,
)
"""Adapters on a model of 3 billion weights in bf16."""

ONE_H200 = Recipe(see_rate=1e-4, rate_rate=1e-4, agree_rate=1e-5, lora_rank=64, portion=8)
"""Adapters on a model of 7 billion weights in bf16."""

EIGHT_GPUS = Recipe(
    see_rate=1e-4, rate_rate=1e-4, agree_rate=1e-5, lora_rank=64, sft_batch=4, pairs_at_once=1
)
"""The same with an eighth of every batch on each of eight devices of 80 GB, started with torchrun."""

RECIPES = {"tiny": TINY, "24gb": ONE_24GB, "h200": ONE_H200, "8gpu": EIGHT_GPUS}
