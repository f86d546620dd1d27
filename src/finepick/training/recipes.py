"""Sizes and settings that are known to work: the published ones, and a network that two cores can teach."""

from __future__ import annotations

from dataclasses import dataclass

from finepick.scorers.fgaesq.architecture import Architecture
from finepick.training.loop import TrainOptions
from finepick.training.objective import ALIGN_WEIGHT


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is taught, and how, unless somebody says otherwise."""

    architecture: Architecture
    options: TrainOptions
    fine_blocks: int = 14
    align_weight: float = ALIGN_WEIGHT


PUBLISHED = Recipe(Architecture(), TrainOptions())
"""CLIP ViT-B/16 as published (section 3 of the paper); what the paper leaves open is ours."""

TINY = Recipe(
    Architecture(
        width=128,
        layers=2,
        heads=2,
        embedding=128,
        head=(64, 32),
        stem=(16, 32, 64),
        tokens=300,
        pooling="mean",
    ),
    TrainOptions(
        learning_rate=1e-3,
        weight_decay=0.05,
        average=0.99,
        coarse_epochs=2,
        joint_epochs=40,
        fine_images=16,
        coarse_images=16,
        portion=16,
        crop=4,
        token_drop=0.5,
        normalise_stem=True,
    ),
    align_weight=1.0,
)
"""Half a million weights from scratch: half an hour of one core with 1,400 pictures of 512 pixels.

λ is 1 instead of 10: the sentences are templates, and with 10 they drown the order in a network this small.
"""

RECIPES = {"published": PUBLISHED, "tiny": TINY}
