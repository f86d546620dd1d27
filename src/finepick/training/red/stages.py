"""The three stages by TRL's trainers: two of imitation (SFT), one of trial and reward (GRPO)."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from torch.utils.data import Sampler
from transformers import AutoModelForImageTextToText, PrinterCallback, Trainer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

import datasets
from finepick.errors import UnreadableAnswerError
from finepick.exports.writing import atomic_write
from finepick.scorers.red_aes.answers import read_rating
from finepick.scorers.red_aes.model_folder import LoadedModel
from finepick.training.red.partners import PartnerSampler
from finepick.training.red.recipes import Recipe
from finepick.training.red.reward import rewards_of_batch

WHOLE = "whole"
"""A file that a checkpoint has once all of it is on the disk."""

_VISION = re.compile(r"(^|\.)(vision_tower|visual|vision_model)\.")
_WORD_LAYERS = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"

Told = Callable[[int, int, dict[str, float]], None]
Shown = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Watch:
    """told: step, all steps, and what was logged. shown: called with the step once a checkpoint is on the disk,
    before it counts: what is written then is there for whoever goes on from it."""

    told: Told = lambda step, steps, values: None
    shown: Shown = lambda step: None


def prepared(model: LoadedModel, recipe: Recipe) -> LoadedModel:
    """*model* with what is to be taught made teachable: all of it, or new adapters beside its words' layers."""
    network = model.network
    if recipe.freeze_vision:
        for name, weight in network.named_parameters():
            if _VISION.search(name):
                weight.requires_grad_(False)
    if recipe.lora_rank and not hasattr(network, "peft_config"):
        adapters = LoraConfig(
            r=recipe.lora_rank,
            lora_alpha=2 * recipe.lora_rank,
            target_modules=_WORD_LAYERS,
            task_type="CAUSAL_LM",
        )
        network = get_peft_model(network, adapters)
    return LoadedModel(network, model.processor)


def imitate(
    model: LoadedModel,
    lesson: datasets.Dataset,
    recipe: Recipe,
    folder: str,
    *,
    rate: float,
    epochs: float,
    watch: Watch,
) -> Trainer:
    """Teach *model* to answer as *lesson* does. Goes on from the last whole checkpoint in *folder*."""
    portion = min(recipe.portion, recipe.sft_batch)
    trainer = _AnswerTrainer(
        model=model.network,
        args=SFTConfig(
            **_common(recipe, folder, rate),
            num_train_epochs=epochs,
            per_device_train_batch_size=portion,
            gradient_accumulation_steps=max(1, recipe.sft_batch // portion),
            completion_only_loss=True,
            max_length=None,
        ),
        train_dataset=lesson,
        processing_class=model.processor,
        callbacks=[_Watcher(watch)],
    )
    return _run(trainer, folder)


def agree(
    model: LoadedModel, lesson: datasets.Dataset, recipe: Recipe, folder: str, *, watch: Watch
) -> Trainer:
    """Reward ratings that rank partners rightly; rows 2k and 2k + 1 of *lesson* are partners.

    Goes on from the last whole checkpoint in *folder*.
    """
    sequences = 2 * recipe.answers * recipe.pairs_at_once
    portion = min(recipe.portion, sequences)
    while sequences % portion:
        portion -= 1
    trainer = _PartnerTrainer(
        model=model.network,
        reward_funcs=_reward(recipe),
        args=GRPOConfig(
            **_common(recipe, folder, recipe.agree_rate),
            num_train_epochs=1,  # all passes are one to the trainer: the sampler shuffles each anew
            per_device_train_batch_size=portion,
            gradient_accumulation_steps=sequences // portion,
            num_generations=recipe.answers,
            max_completion_length=recipe.most_tokens,
            temperature=recipe.temperature,
            beta=recipe.kl,
            epsilon=recipe.clip_low,
            epsilon_high=recipe.clip_high,
        ),
        train_dataset=lesson,
        processing_class=model.processor,
        callbacks=[_Watcher(watch)],
    )
    trainer.passes = recipe.agree_passes
    return _run(trainer, folder)


class _GoingOn:
    """Loads the weights of a checkpoint by the names that they were written under.

    transformers (5.24) writes those of multimodal models under older names than they have in memory, compares
    names, and goes on from the weights of the beginning with no more than a line in its log.
    """

    def _load_from_checkpoint(self, checkpoint: str, model: Any = None) -> None:
        network = self.model if model is None else model  # type: ignore[attr-defined]
        if hasattr(network, "peft_config") or self.is_fsdp_enabled or self.is_deepspeed_enabled:  # type: ignore[attr-defined]
            super()._load_from_checkpoint(checkpoint, model)  # type: ignore[misc]
            return
        kept = AutoModelForImageTextToText.from_pretrained(
            checkpoint, dtype=network.dtype, local_files_only=True
        )
        network.load_state_dict(kept.state_dict())


class _AnswerTrainer(_GoingOn, SFTTrainer):  # type: ignore[misc]
    pass


class _PartnerTrainer(_GoingOn, GRPOTrainer):  # type: ignore[misc]
    passes = 1

    def _get_train_sampler(self, dataset: datasets.Dataset | None = None) -> Sampler[int]:
        rows = len(self.train_dataset if dataset is None else dataset)
        return PartnerSampler(
            rows // 2,
            answers=self.num_generations,
            pairs_at_once=self.args.generation_batch_size // (2 * self.num_generations),
            repeats=self.num_iterations * self.args.steps_per_generation,
            passes=self.passes,
            seed=self.args.seed,
        )


def _reward(recipe: Recipe) -> Callable[..., list[float]]:
    def ranking_consistency(
        completions: Sequence[Any],
        photo: Sequence[int],
        partner: Sequence[int],
        difference: Sequence[float],
        **others: Any,
    ) -> list[float]:
        ratings = np.array([_rating(answer[0]["content"]) for answer in completions])
        rewards = rewards_of_batch(
            ratings, np.array(photo), np.array(partner), np.array(difference, np.float64), tau=recipe.tau
        )
        return [float(reward) for reward in rewards]

    return ranking_consistency


def _rating(answer: str) -> float:
    try:
        return read_rating(answer).value
    except UnreadableAnswerError:
        return float("nan")


class _Watcher(TrainerCallback):
    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **others: Any) -> None:
        if state.is_world_process_zero:
            values = {
                name: float(value) for name, value in (logs or {}).items() if isinstance(value, (int, float))
            }
            self._watch.told(state.global_step, state.max_steps, values)

    def on_save(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        if state.is_world_process_zero:
            self._watch.shown(state.global_step)
            checkpoint = os.path.join(args.output_dir, f"checkpoint-{state.global_step}")
            atomic_write(os.path.join(checkpoint, WHOLE), b"")


def _common(recipe: Recipe, folder: str, rate: float) -> dict[str, Any]:
    has_gpu = torch.cuda.is_available()
    return {
        "output_dir": folder,
        "learning_rate": rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": recipe.warm_up,
        "save_steps": recipe.checkpoint_steps,
        "save_total_limit": 2,
        "logging_steps": 1,
        "seed": recipe.seed,
        "bf16": recipe.bf16 and has_gpu,
        "use_cpu": not has_gpu,
        "gradient_checkpointing": recipe.checkpoint_activations,
        "dataloader_pin_memory": has_gpu,
        "disable_tqdm": True,
        "report_to": "none",
    }


def _run(trainer: Trainer, folder: str) -> Trainer:
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=last_checkpoint(folder))
    return trainer


def saved(trainer: Trainer, folder: str) -> None:
    """Write the model of *trainer* to *folder*; all processes call this. Adapters are written by themselves."""
    trainer.save_model(folder)
    if trainer.is_world_process_zero():
        os.unlink(os.path.join(folder, "training_args.bin"))  # a pickle, of use to nobody
    network = trainer.accelerator.unwrap_model(trainer.model)
    if "ref" in getattr(network, "peft_config", {}):
        shutil.rmtree(os.path.join(folder, "ref"), ignore_errors=True)  # what the policy was held to


def last_checkpoint(folder: str) -> str | None:
    """The latest whole checkpoint in *folder*; those that a kill cut short are removed."""
    found = {}
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        path = os.path.join(folder, name)
        number = name.removeprefix("checkpoint-")
        if name.startswith("checkpoint-") and number.isdecimal():
            if os.path.exists(os.path.join(path, WHOLE)):
                found[int(number)] = path
            else:
                shutil.rmtree(path)
    return found[max(found)] if found else None
