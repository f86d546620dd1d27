"""What is asked for: which edits, which judges, by which rules, for how much. Kept with the project, less the paths."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from finepick.chat.asking import SLOTS, TRIES
from finepick.chat.budget import Prices
from finepick.chat.client import TIMEOUT_SECONDS, Endpoint, endpoint_of
from finepick.datasets.records import SPLITS
from finepick.errors import UsageError
from finepick.red.judges import Manners
from finepick.red.planning import chosen_edits
from finepick.red.records import STAGES
from finepick.red.rules import Rules
from finepick.red.thoughts import TEMPLATE
from finepick.scorers.catalog import DEFAULT_SCORER

PEOPLE = "people"
LOCAL = "local:"
RED_SIDE = 768
QUALITY = 95

_AT_SERVER = re.compile(r"(?P<model>.+)@(?P<url>https?://.+)")
_FIXED = ("long_side", "quality")


@dataclass(frozen=True, slots=True)
class RedRequest:
    """How a data set is built.

    words: names of edits or families; none = all. edits, steps: so many of them a photo, each at so many strengths.
    editors: generative ones, "KIND=FOLDER". judges: "NAME" of a scorer, "MODEL@URL", "local:FOLDER" or "people".
    repeats: how often a model is asked the same in each order. writer: "template" or "MODEL@URL"; "" = the first
    judge behind a server, else the template. split: of photos that have none. budget: money for all runs, in the
    currency of the prices. most: requests of this run. until: the last stage.
    """

    words: tuple[str, ...] = ()
    edits: int = 4
    steps: int = 2
    seed: int = 0
    editors: tuple[str, ...] = ()
    split: str = ""
    long_side: int = RED_SIDE
    quality: int = QUALITY
    judges: tuple[str, ...] = (DEFAULT_SCORER,)
    repeats: int = 3
    writer: str = ""
    dead_zone: float = 0.1
    least_agreement: float = 0.8
    at_once: int = SLOTS
    tries: int = TRIES
    per_minute: float | None = None
    timeout_seconds: float = TIMEOUT_SECONDS
    price_in: float = 0.0
    price_out: float = 0.0
    budget: float | None = None
    most: int | None = None
    until: str = "thoughts"

    def __post_init__(self) -> None:
        """Raises UsageError, SettingsError for what cannot be done, before anything is."""
        chosen_edits(self.words)
        if self.until not in STAGES:
            raise UsageError(f"--until is one of {', '.join(STAGES)}, not '{self.until}'")
        if self.split and self.split not in SPLITS:
            raise UsageError(f"--split is one of {', '.join(SPLITS)}, not '{self.split}'")
        if not self.judges:
            raise UsageError(f"nobody judges; name somebody with --judge, such as {DEFAULT_SCORER}")
        if len(set(self.judges)) < len(self.judges):
            raise UsageError("a judge is named twice; --repeats lets models say the same several times")
        if self.budget is not None and not (self.price_in or self.price_out):
            raise UsageError("--budget needs prices: --price-in and --price-out, for a million tokens")
        for name in (*self.judges, self.writer):
            endpoint_named(name)
        if self.writer not in ("", TEMPLATE) and endpoint_named(self.writer) is None:
            raise UsageError(f"--writer is '{TEMPLATE}' or MODEL@URL, not '{self.writer}'")
        Rules(self.dead_zone, self.least_agreement)

    @property
    def rules(self) -> Rules:
        return Rules(self.dead_zone, self.least_agreement)

    @property
    def prices(self) -> Prices:
        return Prices(self.price_in, self.price_out)

    @property
    def manners(self) -> Manners:
        return Manners(self.at_once, self.tries, self.per_minute, self.timeout_seconds)

    @property
    def writer_endpoint(self) -> Endpoint | None:
        """Who writes the thoughts; None where the template does."""
        if self.writer:
            return endpoint_named(self.writer)
        return next((found for name in self.judges if (found := endpoint_named(name)) is not None), None)

    @property
    def asks_people(self) -> bool:
        return PEOPLE in self.judges

    def as_settings(self) -> dict[str, Any]:
        """What the next run goes on with where it is not told otherwise; what holds for one run is not in it."""
        values = asdict(self)
        return {key: value for key, value in values.items() if key not in ("most", "until")}

    @classmethod
    def of(cls, settings: Mapping[str, Any] | None, changes: Mapping[str, Any]) -> Self:
        """The request of *settings* (None = of a new project), with *changes*.

        Raises UsageError where the pictures would be of another size than those that are there.
        """
        before = settings or {}
        known = {one.name for one in fields(cls)}
        kept = {key: _tuples(value) for key, value in before.items() if key in known}
        for name in _FIXED:
            if name in changes and name in kept and changes[name] != kept[name]:
                raise UsageError(
                    f"the pictures of this project are made with {name.replace('_', ' ')} {kept[name]}; "
                    "choose another folder for others"
                )
        return cls(**{**kept, **changes})


def endpoint_named(name: str) -> Endpoint | None:
    """The endpoint that "MODEL@URL" means; None where *name* is none. Raises UsageError, SettingsError."""
    found = _AT_SERVER.fullmatch(name)
    if found is None:
        if name.lower().startswith(("http://", "https://")):
            raise UsageError(f"'{name}': say which model is to be asked there, as MODEL@{name}")
        return None
    return endpoint_of(found["url"], found["model"])


def local_folder(name: str) -> str | None:
    """The folder that "local:FOLDER" names; None where *name* is no local model."""
    return os.path.expanduser(name.removeprefix(LOCAL)) if name.startswith(LOCAL) else None


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
