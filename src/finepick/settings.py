"""Where state lives and how much of the machine may be used: one frozen value, from environment and flags."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from finepick.errors import SettingsError

WORKING_SIDE = 2048
"""Long side, in pixels, at which photos are looked at.

A little over 2,000, so that a 12-MP JPEG of any camera (4,000 to 4,096 wide) decodes at half size and needs no
resampling after it.
"""

RED_AES_VARIABLE = "FINEPICK_RED_AES"


@dataclass(frozen=True, slots=True)
class Settings:
    """`home`: the folder below which all state lies. `workers`: how many decoding processes.

    `fgaesq_revision`: the branch, tag or commit that `models fetch` takes the released weights from.
    `red_aes`: the folder or card that the model `red-aes` means, "" for the one beside the other models.
    """

    cache_folder: str
    models_folder: str
    workers: int
    seconds_per_photo: float = 30.0
    worker_memory_bytes: int = 4 << 30
    fgaesq_revision: str = "main"
    red_aes: str = ""

    @property
    def captions_file(self) -> str:
        """Answers of chat servers. Beside the models, not in the cache: they may have been paid for."""
        return os.path.join(os.path.dirname(self.models_folder), "captions", "captions.jsonl")


def load_settings(environment: Mapping[str, str] | None = None, *, workers: int | None = None) -> Settings:
    """Settings from the environment (`FINEPICK_HOME`, `FINEPICK_WORKERS`, …), then the platform.

    Raises SettingsError where a value makes no sense.
    """
    env = os.environ if environment is None else environment
    home = env.get("FINEPICK_HOME")
    if home:
        home = os.path.abspath(os.path.expanduser(home))
        cache, models = os.path.join(home, "cache"), os.path.join(home, "models")
    else:
        import platformdirs

        cache = platformdirs.user_cache_dir("finepick", appauthor=False)
        models = os.path.join(platformdirs.user_data_dir("finepick", appauthor=False), "models")
    return Settings(
        cache_folder=cache,
        models_folder=models,
        workers=workers if workers is not None else int(_number(env, "FINEPICK_WORKERS", _cores(), least=1)),
        seconds_per_photo=_number(env, "FINEPICK_SECONDS_PER_PHOTO", 30.0, least=0.1),
        fgaesq_revision=env.get("FINEPICK_FGAESQ_REVISION", "").strip() or "main",
        red_aes=os.path.expanduser(env.get(RED_AES_VARIABLE, "").strip()),
    )


def _cores() -> int:
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


def _number(env: Mapping[str, str], key: str, default: float, *, least: float) -> float:
    text = env.get(key)
    if text is None or not text.strip():
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not value >= least:
        raise SettingsError(f"{key} is '{text}', which is not a number of at least {least:g}", key=key)
    return value
